"""Loaders: data that installed packages carry, and checksummed downloads.

Nothing is downloaded unless it is asked for by name.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from ._arff import load_arff as load_arff
    from ._language_names import LanguageNames as LanguageNames
    from ._language_names import load_language_names as load_language_names
    from ._multilabel_data import MultiLabelData as MultiLabelData
    from ._risky_calls import CodeRow as CodeRow
    from ._risky_calls import RiskyCalls as RiskyCalls
    from ._risky_calls import load_risky_calls as load_risky_calls
    from ._yeast import load_yeast as load_yeast

__all__ = [
    "CodeRow",
    "LanguageNames",
    "MultiLabelData",
    "RiskyCalls",
    "load_arff",
    "load_language_names",
    "load_risky_calls",
    "load_yeast",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "CodeRow": "_risky_calls",
        "LanguageNames": "_language_names",
        "MultiLabelData": "_multilabel_data",
        "RiskyCalls": "_risky_calls",
        "load_arff": "_arff",
        "load_language_names": "_language_names",
        "load_risky_calls": "_risky_calls",
        "load_yeast": "_yeast",
    },
    extra="demo",
)
