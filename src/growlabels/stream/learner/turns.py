"""One thread at a time in a learner: calls from several threads wait for each other."""

import threading
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

GUARDED = (
    "learn_one",
    "learn_many",
    "prequential_many",
    "predict_one",
    "predict_labels_one",
    "predict_many",
    "predict_proba_one",
    "predict_proba_many",
    "predict_topk_one",
    "explain_one",
    "has_feature",
    "hierarchy",
    "save",
    "labels_",
    "events",
    "clusters",
)
"""Methods and properties of a learner that read or change its state."""


class Guarded:
    """Makes the methods of its subclasses that :data:`GUARDED` names wait for each other.

    Copies and pickles have a lock of their own.
    """

    _turn: threading.RLock

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__new__(cls)
        made._turn = threading.RLock()
        return made

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        guard(cls, GUARDED)

    def __getstate__(self) -> dict[str, Any]:
        with self._turn:
            return {name: value for name, value in self.__dict__.items() if name != "_turn"}


def guard(cls: type, names: Collection[str]) -> None:
    """Wrap the methods and properties of a class that are defined in it and named."""
    for name in set(names).intersection(vars(cls)):
        found = vars(cls)[name]
        if isinstance(found, property):
            assert found.fget is not None
            setattr(cls, name, property(_waiting(found.fget), doc=found.__doc__))
        else:
            setattr(cls, name, _waiting(found))


def _waiting(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def waiting(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self._turn:
            return method(self, *args, **kwargs)

    return waiting
