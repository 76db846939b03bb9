"""The error family: each message names the cause, the value and the way out."""

import math
import os
import sys
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import Any, TypeGuard


class GrowLabelsError(Exception):
    """Something failed that the caller can read about and act on.

    The command line prints the message as one sentence and exits with ``exit_code``.
    """

    exit_code = 1


class UsageError(GrowLabelsError, ValueError):
    """A parameter, path or option is wrong; nothing was started."""

    exit_code = 2

    @classmethod
    def parameter(cls, name: str, must: str, was: object, way_out: str = "") -> "UsageError":
        """Build the one wording for a bad parameter.

        >>> print(UsageError.parameter("capacity", "must be at least 1", 0))
        capacity must be at least 1, it was 0
        """
        return cls(f"{name} {must}, it was {was!r}" + (f"; {way_out}" if way_out else ""))

    @classmethod
    def require_whole(cls, name: str, value: object, least: int = 1) -> None:
        """Raise where a parameter is no whole number, or too small.

        >>> UsageError.require_whole("epochs", 2.5)
        Traceback (most recent call last):
        growlabels.base.errors.UsageError: epochs must be at least 1, and whole, it was 2.5
        """
        if not is_whole(value, least):
            raise cls.parameter(name, f"must be at least {least}, and whole", value)

    @classmethod
    def require_above_zero(cls, name: str, value: object, most: float | None = None) -> None:
        """Raise where a parameter is no finite number above 0, or is above ``most``.

        >>> UsageError.require_above_zero("rate", "fast")
        Traceback (most recent call last):
        growlabels.base.errors.UsageError: rate must be above 0, it was 'fast'
        """
        if not 0 < number_of(value) <= (sys.float_info.max if most is None else most):
            must = "must be above 0" + ("" if most is None else f" and at most {most}")
            raise cls.parameter(name, must, value)

    @classmethod
    def require_instance(cls, name: str, value: object, kind: type, way_out: str = "") -> None:
        """Raise where a parameter is not of a class.

        >>> UsageError.require_instance("rows", "rows.jsonl", list)
        Traceback (most recent call last):
        growlabels.base.errors.UsageError: rows must be of class list, it was of class str
        """
        if not isinstance(value, kind):
            was = f"{name} must be of class {kind.__name__}, it was of class {type(value).__name__}"
            raise cls(was + (f"; {way_out}" if way_out else ""))

    @classmethod
    def require_path(cls, name: str, value: object) -> None:
        """Raise where a parameter is no path.

        >>> UsageError.require_path("out", 5)
        Traceback (most recent call last):
        growlabels.base.errors.UsageError: out must be a path, it was of class int
        """
        if not isinstance(value, str | os.PathLike):
            raise cls(f"{name} must be a path, it was of class {type(value).__name__}")

    @classmethod
    def require_callable(cls, name: str, value: object) -> None:
        """Raise where a parameter cannot be called.

        >>> UsageError.require_callable("moderator", 5)
        Traceback (most recent call last):
        growlabels.base.errors.UsageError: moderator must be something to call, it was 5
        """
        if not callable(value):
            raise cls.parameter(name, "must be something to call", value)

    @classmethod
    def require_choice(cls, name: str, value: object, choices: Iterable[object]) -> None:
        """Raise where a parameter is outside a closed list.

        >>> UsageError.require_choice("by", "mean", ["z", "rank"])
        Traceback (most recent call last):
        growlabels.base.errors.UsageError: by must be one of 'z', 'rank', it was 'mean'
        """
        choices = list(choices)
        try:
            known = value in choices
        except ValueError:  # an array is equal to nothing as a whole
            known = False
        if not known:
            raise cls.choice(name, choices, value)

    @classmethod
    def choice(cls, name: str, choices: Iterable[object], was: object) -> "UsageError":
        """Build the one wording for a value outside a closed list.

        >>> print(UsageError.choice("kind", ["simplex", "kerdock"], "cube"))
        kind must be one of 'simplex', 'kerdock', it was 'cube'
        """
        return cls.parameter(name, "must be one of " + ", ".join(map(repr, choices)), was)

    @classmethod
    def missing_file(cls, path: object, what: str = "file") -> "UsageError":
        """Build the one wording for a path that is no file: a folder, or nothing at all."""
        folder = Path(str(path))
        if folder.is_dir():
            saved = any((folder / name).is_file() for name in ("dataset_info.json", "state.json"))
            way_out = ", which load_from_disk(folder).to_json('rows.jsonl') writes" * saved
            return cls(f"{what} {str(path)!r} is a folder; give the path of a file{way_out}")
        return cls(f"{what} {str(path)!r} does not exist; check the path")


class DataError(GrowLabelsError, ValueError):
    """The data are not what they must be; the message names file, row or label."""


class RunError(GrowLabelsError):
    """A run folder or saved file cannot be used: another version, other inputs, damaged."""


class MissingExtraError(GrowLabelsError, ImportError):
    """An optional dependency is not installed."""

    exit_code = 2

    @classmethod
    def of(cls, module: str, extra: str) -> "MissingExtraError":
        """Name the missing module and the command that installs it.

        >>> print(MissingExtraError.of("river", "stream"))
        module 'river' is not installed; install it with: pip install "growlabels[stream]"
        """
        return cls(
            f"module {module!r} is not installed; install it with: "
            f'pip install "growlabels[{extra}]"'
        )


def number_of(value: object) -> float:
    """Return a number as a float; NaN, which is in no range, for anything else.

    >>> number_of(2), number_of("2"), number_of(True), number_of(10**400)
    (2.0, nan, nan, inf)
    """
    number: Any = value if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def is_whole(value: object, least: int) -> TypeGuard[int]:
    """Say whether a value is a whole number from ``least`` on, Python's or numpy's; no truth value.

    >>> is_whole(2, 1), is_whole(0, 1), is_whole(1.0, 1), is_whole(True, 1)
    (True, False, False, False)
    """
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least
