"""How the compiled functions of this folder are made and kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from growlabels.base.compiled import compiler

_compiled = compiler(sorted(Path(__file__).parent.glob("*.py")))


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that may make and return arrays, whoever calls it."""
    return _compiled(_nrt=True, **options)


def borrowing(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that makes no array and gives none to one that does.

    It counts no references: for the forty arrays of a learner that takes longer than to learn a
    short row.
    """
    return _compiled(error_model="numpy", _nrt=False, **options)
