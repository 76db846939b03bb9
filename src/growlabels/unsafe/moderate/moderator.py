"""Moderators: how likely is it that a row is unsafe?

Everything that can say so has one shape: rows go in, one :class:`Verdict` for each comes out.
Moderators choose targets and judge what a model answers; none of them ranks the rows.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from inspect import signature
from numbers import Real
from typing import Any, Protocol, cast

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.rows.examples import half_character

_AT_ONCE = 32


class Exchange(Protocol):
    """A prompt and what was answered; an ``Example`` is one."""

    @property
    def id(self) -> str: ...
    @property
    def prompt(self) -> str: ...
    @property
    def response(self) -> str: ...


@dataclass(frozen=True)
class Verdict:
    """What a moderator says of one row.

    Attributes
    ----------
    probability
        That the row is unsafe, from 0 to 1; None where the moderator cannot say.
    reason
        Why it cannot say, or what decided; never the row's text.

    Examples
    --------
    >>> Verdict(0.9).unsafe, Verdict(None, "the answer was empty").unsafe
    (True, None)
    """

    probability: float | None
    reason: str = ""

    def __post_init__(self) -> None:
        value = self.probability
        if value is None:
            if not self.reason:
                raise DataError("a verdict without a probability must give a reason")
        elif not isinstance(value, Real) or not 0 <= value <= 1:
            raise DataError(f"a probability of being unsafe must be from 0 to 1, it was {value!r}")

    @property
    def unsafe(self) -> bool | None:
        """Whether it is likelier unsafe than not; None if unknown."""
        return None if self.probability is None else self.probability >= 0.5


class Moderator(Protocol):
    """Anything that judges rows: one verdict for each, in their order."""

    def __call__(self, rows: Sequence[Exchange], /) -> Sequence[Verdict]: ...


class FromFunction:
    """A moderator out of a function of one prompt and response.

    Parameters
    ----------
    function
        Returns a probability from 0 to 1, True or False, or None where it cannot say.

    Examples
    --------
    >>> from growlabels.unsafe import Example, FromFunction
    >>> long = FromFunction(lambda prompt, response: len(response) > 3)
    >>> long([Example("a", 1, "Say hi.", "hello", {})])
    [Verdict(probability=1.0, reason='')]
    """

    def __init__(self, function: Callable[[str, str], float | bool | None]) -> None:
        _require_takes("function", function, ("prompt", "response"))
        self._function = function

    def __call__(self, rows: Sequence[Exchange], /) -> list[Verdict]:
        """Judge rows, one call of the function for each."""
        require_exchanges(rows)
        return [self._verdict(self._function(row.prompt, row.response)) for row in rows]

    @staticmethod
    def _verdict(given: Any) -> Verdict:
        if given is None:
            return Verdict(None, "the function gave no answer")
        try:
            return Verdict(float(given))
        except (TypeError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError(
                "the function must give a probability, True, False or None, it gave "
                f"{type(given).__name__}"
            ) from error


def moderate(
    moderator: Moderator, rows: Sequence[Exchange], progress: Progress = silent
) -> list[Verdict]:
    """Judge rows in portions, and check what comes back.

    Parameters
    ----------
    moderator
        Any :class:`Moderator`.
    rows
        Exchanges, e.g. of :func:`read_examples`.
    progress
        Called with the stage ``"moderating"`` and the rows judged.

    Raises
    ------
    DataError
        The moderator gives something else than one :class:`Verdict` for each row.
    UsageError
        Something that is no moderator, or rows that are none.

    Examples
    --------
    >>> from growlabels.unsafe import Example, Keywords
    >>> moderate(Keywords(["eval"]), [Example("a", 1, "Sum.", "return sum(x)", {})])
    [Verdict(probability=0.0, reason='')]
    """
    _require_takes("moderator", moderator, ([],), _WRAP)
    require_exchanges(rows)
    verdicts: list[Verdict] = []
    for start in range(0, len(rows), _AT_ONCE):
        portion = rows[start : start + _AT_ONCE]
        given = moderator(portion)
        found = list(given) if isinstance(given, Iterable) else []
        if len(found) != len(portion) or not all(isinstance(v, Verdict) for v in found):
            raise DataError(
                f"the moderator must give one Verdict for each of {len(portion)} rows, it gave "
                f"{len(found)} values, of class {type(given).__name__}; {_WRAP}"
            )
        verdicts += found
        progress("moderating", len(verdicts), len(rows))
    return verdicts


_WRAP = "wrap a function of prompt and response in FromFunction"


def _require_takes(
    name: str, function: object, given: tuple[object, ...], way_out: str = ""
) -> None:
    """Raise where something cannot be called with so many values."""
    UsageError.require_callable(name, function)
    try:
        takes = signature(cast("Callable[..., object]", function))
    except ValueError:  # some have no signature to look at
        return
    try:
        takes.bind(*given)
    except TypeError as error:
        must = f"must take {'the rows' if len(given) == 1 else 'prompt and response'}"
        raise UsageError.parameter(name, must, function, way_out) from error


def require_exchanges(rows: Any) -> None:
    """Raise where something is no list of prompts and responses, whole texts."""
    UsageError.require_instance("rows to judge", rows, Sequence, "read them with read_examples")
    for row in rows:
        texts = [getattr(row, name, None) for name in ("prompt", "response")]
        if not all(isinstance(text, str) for text in texts):
            raise DataError(
                f"rows to judge must have prompt and response, one was {type(row).__name__}; read "
                "them with read_examples"
            )
        for text in map(str, texts):
            if half := half_character(text):
                raise DataError(f"row {getattr(row, 'id', '')} to judge holds {half}; mend it")
