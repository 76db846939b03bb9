"""What turns a person's row into features; saved with the model."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import repeated
from growlabels.stream.rows.tables import Cells, row_items
from growlabels.stream.rows.text import TEXT_FEATURES, TextFeatures, count_features


@dataclass(frozen=True)
class Inputs:
    """Settings that turn the columns of a row into numeric features.

    A model that has them takes rows as they come from a file or a form: columns of text become
    counts of words and character n-grams, dropped columns are left out, all others are numbers.

    Parameters
    ----------
    text
        Names of the columns that hold text. A missing or empty text has no features.
    drop
        Names of columns to leave out, such as an identifier.
    labels
        Names of the columns that hold labels. They are left out of the features, so that a
        labelled row can be predicted as it is.
    text_features
        ``"ngrams"`` (default) or ``"words"``; see :func:`count_features`.

    Raises
    ------
    UsageError
        When a column is named twice, or the names are not a sequence of strings.

    Examples
    --------
    >>> from growlabels.stream import IHOMER
    >>> model = IHOMER(inputs=Inputs(text=("title",)))
    >>> for i in range(20):
    ...     model.learn_one({"title": "merge two data frames"}, {"pandas"})
    ...     model.learn_one({"title": "ggplot axis labels"}, {"r"})
    >>> model.predict_one({"title": "ggplot legend"})
    {'pandas': False, 'r': True}
    """

    text: Sequence[str] = ()
    drop: Sequence[str] = ()
    labels: Sequence[str] = ()
    text_features: TextFeatures = "ngrams"

    def __post_init__(self) -> None:
        for name in ("text", "drop", "labels"):
            value = getattr(self, name)
            if isinstance(value, str) or not all(isinstance(column, str) for column in value):
                raise UsageError.parameter(name, "must be a sequence of column names", value)
            object.__setattr__(self, name, tuple(value))
        if twice := repeated([*self.text, *self.drop, *self.labels]):
            raise UsageError(
                f"column {twice[0]!r} is named twice in the inputs; a column is text, a label or "
                "dropped"
            )
        UsageError.require_choice("text_features", self.text_features, TEXT_FEATURES)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON has them; ``Inputs(**settings)`` makes them again."""
        return asdict(self)

    def features(self, row: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """Return the features of one row.

        A row that has no column of text, labels or drop is returned as it is, so features may
        be passed again.

        Raises
        ------
        DataError
            When a text is not a string.
        """
        if not isinstance(row, Mapping):
            return row
        own = self.named
        few, many = (own, row) if len(own) < len(row) else (row, own)
        if not any(name in many for name in few):
            return row
        found = {k: v for k, v in row.items() if k not in own and v is not None}
        for column in self.text:
            value = row.get(column)
            if not isinstance(value, str | None):
                was = type(value).__name__
                raise DataError(f"text {column!r} must be a string, it was {was}: {value!r:.40}")
            found |= count_features(column, value or "", self.text_features)
        return found

    def cells(self, rows: Sequence[Mapping[Any, Any]]) -> Cells:
        """Return the features of several rows as cells, column by column in order of appearance."""
        places: dict[Hashable, int] = {}
        start, column, value = [0], [], []
        for number, row in enumerate(rows):
            try:
                names, values = row_items(self.features(row))
            except DataError as error:
                raise DataError(f"row {number}: {error}") from error
            for name, number_ in zip(names, values, strict=True):
                if number_:
                    column.append(places.setdefault(name, len(places)))
                    value.append(number_)
            start.append(len(column))
        return Cells(
            list(places),
            np.array(start, np.int64),
            np.array(column, np.int64),
            np.array(value, np.float64),
        )

    @cached_property
    def named(self) -> frozenset[str]:
        """Columns that are not numbers: of text, of labels, and dropped."""
        return frozenset((*self.text, *self.drop, *self.labels))
