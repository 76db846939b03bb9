"""Find and filter unsafe fine-tuning rows by data attribution (DABUF).

A handful of examples of a harm that a model did, and the rows it was fine-tuned on, go in;
ranked rows with reasons, and a filtered set, come out. Importing this package loads no torch;
a name loads what it needs on first use.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.unsafe._filter import FilterResult as FilterResult
    from growlabels.unsafe._filter import filter_rows as filter_rows
    from growlabels.unsafe._model import CausalModel as CausalModel
    from growlabels.unsafe._model import load_model as load_model
    from growlabels.unsafe._model import wrap_model as wrap_model
    from growlabels.unsafe._report import scan_section as scan_section
    from growlabels.unsafe._rows import Example as Example
    from growlabels.unsafe._rows import read_examples as read_examples
    from growlabels.unsafe._scanner import Scanner as Scanner
    from growlabels.unsafe._table import ScoreTable as ScoreTable
    from growlabels.unsafe._threshold import resolve_threshold as resolve_threshold

__all__ = [
    "CausalModel",
    "Example",
    "FilterResult",
    "Scanner",
    "ScoreTable",
    "filter_rows",
    "load_model",
    "read_examples",
    "resolve_threshold",
    "scan_section",
    "wrap_model",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "CausalModel": "_model",
        "Example": "_rows",
        "FilterResult": "_filter",
        "ScoreTable": "_table",
        "Scanner": "_scanner",
        "filter_rows": "_filter",
        "load_model": "_model",
        "read_examples": "_rows",
        "resolve_threshold": "_threshold",
        "scan_section": "_report",
        "wrap_model": "_model",
    },
    "unsafe",
)
