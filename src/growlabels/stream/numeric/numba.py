"""Compile the functions of the stream system and keep their machine code on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from growlabels.base.compiled import compiler

# every folder that holds compiled functions: they are compiled into one another
_FOLDERS = ("numeric", "rows", "clusters", "paper", "experts", "label_tree")
_STREAM = Path(__file__).parents[1]
_compiled = compiler(
    path for folder in _FOLDERS for path in sorted((_STREAM / folder).rglob("*.py"))
)


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that may make and return arrays, whoever calls it."""
    return _compiled(_nrt=True, **options)


def borrowing(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function that makes no array and gives none to one that does.

    It counts no references: for the forty arrays of a learner that takes longer than to learn a
    short row.
    """
    return _compiled(error_model="numpy", _nrt=False, **options)
