"""Hold the scores of a scan and their explanations, one table row per scored row."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from growlabels.base.errors import RunError, UsageError
from growlabels.base.files import atomic_write
from growlabels.unsafe.scores.threshold import Threshold

_PLAIN = (
    "row_id",
    "number",
    "score",
    "rank",
    "nearest_target",
    "nearest_target_number",
    "answer",
    "answers",
    "window_start",
    "window_end",
    "window_text",
    "is_target",
    "truncated",
)
_TEXTS = ("row_id", "nearest_target", "window_text")
_FLAGS = ("is_target", "truncated")


@dataclass(frozen=True)
class ScoreTable:
    """Hold the scores of all rows, in the order of the input.

    Attributes
    ----------
    row_id
        Content hash and a counter for equal rows.
    number
        1-based position in the input.
    score
        Score of the first method. Higher is more suspect. Scores can be compared within one scan
        only. F4w is a sum of z-scores and is about 0 for an ordinary answer.
    rank
        Rank of the score. 1 is the most suspect; equal scores keep the input order.
    methods
        Method -> its score of every row.
    nearest_target
        Id of the target most similar to the row's best window.
    nearest_target_number
        1-based position of that target in the targets.
    answer
        1-based index of the row's answer with the highest score. Nearest target and window are
        those of this answer.
    answers
        Number of answers of the row.
    window_start, window_end
        Half-open range of the response tokens with the highest score, counted from 0.
    window_text
        Text of these tokens.
    is_target
        Whether the row is also a target. It is then scored without itself as a target.
    truncated
        Whether the model read only a part of the row.
    percentiles
        Method -> percentiles of the left-out targets, 0 to 1.
    left_out
        Ids of the left-out targets.
    warnings
        Warnings about the input and the scores.
    facts
        Model, settings, number of targets, number of rows that were set aside.

    Examples
    --------
    >>> from growlabels.unsafe import Scanner
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}]
    >>> harm = [{"prompt": "Read it.", "completion": "value = eval(line)"}]
    >>> table = Scanner("smollm2", methods=["tfidf"]).fit(rows).score(harm)
    >>> table["rank"].tolist(), table.columns[:4]
    ([2, 1], ['row_id', 'number', 'score', 'rank'])
    """

    row_id: Sequence[str]
    number: np.ndarray
    score: np.ndarray
    rank: np.ndarray
    methods: Mapping[str, np.ndarray]
    nearest_target: Sequence[str]
    nearest_target_number: np.ndarray
    answer: np.ndarray
    answers: np.ndarray
    window_start: np.ndarray
    window_end: np.ndarray
    window_text: Sequence[str]
    is_target: np.ndarray
    truncated: np.ndarray
    percentiles: Mapping[str, Sequence[float]]
    left_out: Sequence[str]
    warnings: Sequence[str]
    facts: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.row_id)

    @property
    def encoding(self) -> str:
        """Return the encoding in which files of the scanned rows are read."""
        return self.facts.get("encoding", "utf-8")

    @property
    def columns(self) -> list[str]:
        """Return the names of the columns."""
        return [*_PLAIN[:4], *self.methods, *_PLAIN[4:]]

    def __getitem__(self, column: str) -> Sequence[Any] | np.ndarray:
        """Return a column by its name."""
        if column in self.methods:
            return self.methods[column]
        if column in _PLAIN:
            return getattr(self, column)
        raise UsageError.choice("column", self.columns, column)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        columns = [_listed(self[name]) for name in self.columns]
        for cells in zip(*columns, strict=True):
            yield dict(zip(self.columns, cells, strict=True))

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return the rows as dicts of plain Python values."""
        return list(self)

    def auc(self, method: str | None = None) -> float:
        """Return the mean percentile of the left-out targets, by default of ``score``."""
        if method is not None and method not in self.percentiles:
            raise UsageError.choice("method", self.methods, method)
        return float(np.mean(self.percentiles[method or next(iter(self.methods))]))

    def answer_of(self, index: int) -> str:
        """Name the answer that a row's score belongs to; empty for a row with one answer."""
        of = int(self.answers[index])
        return f"answer {self.answer[index]} of {of}" if of > 1 else ""

    def flagged(self, threshold: Threshold) -> np.ndarray:
        """Return which rows the filter rejects, shape (rows,): by the threshold, or as targets."""
        UsageError.require_instance(
            "threshold", threshold, Threshold, "resolve_threshold makes it from a string"
        )
        return (self.rank <= threshold.rejected) | self.is_target

    def rejection(self, threshold: Threshold) -> str:
        """Return a sentence that says how many rows the filter rejects, and why."""
        more = int(self.flagged(threshold).sum()) - threshold.rejected
        also = f", and {more} more {'are targets' if more > 1 else 'is a target'}" if more else ""
        return threshold.reason + also

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write the columns to a Parquet file, and the other attributes to its metadata."""
        import pyarrow
        import pyarrow.parquet as parquet

        rest = {
            "methods": list(self.methods),
            "percentiles": {name: list(values) for name, values in self.percentiles.items()},
            "left_out": list(self.left_out),
            "warnings": list(self.warnings),
            "facts": dict(self.facts),
        }
        UsageError.require_path("path", path)
        table = pyarrow.table({name: self[name] for name in self.columns})
        table = table.replace_schema_metadata({_KEY: json.dumps(rest, ensure_ascii=False)})
        with atomic_write(path, "wb") as file:
            parquet.write_table(table, file)

    @classmethod
    def from_parquet(cls, path: str | os.PathLike[str]) -> "ScoreTable":
        """Read a file that :meth:`to_parquet` wrote."""
        import pyarrow
        import pyarrow.parquet as parquet

        try:
            table = parquet.read_table(path)
            rest = json.loads((table.schema.metadata or {})[_KEY])
            plain = {name: _column(table[name]) for name in _PLAIN}
            methods = {name: _column(table[name]) for name in rest.pop("methods")}
            read = cls(**plain, methods=methods, **rest)
            read._check()
        except (OSError, KeyError, ValueError, TypeError, pyarrow.ArrowInvalid) as error:
            raise RunError(f"{str(path)!r} is not a score table ({error}); scan again") from error
        return read

    def _check(self) -> None:
        """Raise a ``ValueError`` if columns or attributes do not form a valid table."""
        for name in self.columns:
            kind = getattr(self[name], "dtype", np.dtype(str)).kind
            if kind not in ("U" if name in _TEXTS else "b" if name in _FLAGS else "iuf"):
                raise ValueError(f"column {name!r} has the wrong type")
        if not self.methods or [*self.methods] != [*self.percentiles]:
            raise ValueError("methods and percentiles differ")
        if not isinstance(self.facts, dict):
            raise ValueError("the facts are not an object")


_KEY = b"growlabels"


def _listed(column: Sequence[Any] | np.ndarray) -> Sequence[Any]:
    return column.tolist() if isinstance(column, np.ndarray) else column


def _column(column: Any) -> Any:
    values = column.to_pylist()
    return values if values and isinstance(values[0], str) else np.array(values)


def ranks(scores: np.ndarray) -> np.ndarray:
    """Return ranks from 1 for the highest score; equal scores keep the input order.

    >>> ranks(np.array([0.1, 0.9, 0.9])).tolist()
    [3, 1, 2]
    """
    order = np.argsort(-scores, kind="stable")
    result = np.empty(len(scores), np.int64)
    result[order] = np.arange(1, len(scores) + 1)
    return result
