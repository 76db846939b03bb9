"""A run folder that holds a fitted classifier, as ``fit`` and ``add`` leave it."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, RunError
from growlabels.base.runs import RunFolder
from growlabels.classes.calibration.scores import Scores, score_answers
from growlabels.classes.classifier.classifier import EBVClassifier
from growlabels.classes.classifier.file import CODEBOOK, SETTINGS, WEIGHTS
from growlabels.classes.classifier.image_classifier import ImageClassifier
from growlabels.classes.cli.images import ImageColumn, stacked
from growlabels.classes.cli.table import DataTable
from growlabels.classes.inputs.frames import MixedRows
from growlabels.classes.inputs.labels import as_labels, kind_of

_WHOLE = re.compile(r"([+-]?\d+)(?:\.0*)?")
_PLAIN = re.compile(r"^(-?(?:0|[1-9]\d*))\.0+$")  # a whole number written as a float
FIT, ADD = "classes fit", "classes add"
MODEL = f"model/{SETTINGS}"


@dataclass(frozen=True)
class FittedRun:
    """A finished run and its classifier.

    Attributes
    ----------
    run
        The folder.
    model
        The classifier in it.
    """

    run: RunFolder
    model: EBVClassifier

    @classmethod
    def open(cls, path: Path) -> "FittedRun":
        """Open the folder of a finished ``classes fit`` or ``classes add``."""
        run = RunFolder.read(path)
        if run.kind not in (FIT, ADD):
            raise RunError(
                f"run folder {str(path)!r} holds a run of {run.kind!r}, not of {FIT!r} or "
                f"{ADD!r}; choose another folder"
            )
        if not run.finished:
            raise RunError(f"the run in {str(path)!r} did not finish; run it again")
        path = run.file(MODEL).parent
        kind = json.loads(path.joinpath(SETTINGS).read_text("utf-8"))["reader"]["kind"]
        return cls(run, (ImageClassifier if kind == "pictures" else EBVClassifier).load(path))

    @property
    def label(self) -> str:
        """The label column it was fitted on."""
        return self.run.config["label"]

    @property
    def images(self) -> ImageColumn | None:
        """The column of images that it was fitted on."""
        return ImageColumn.from_json(self.run.config.get("images"))

    def rows(self, table: DataTable) -> Any:
        """Return the texts, or the columns, that the classifier reads.

        Raises
        ------
        UsageError
            A column is not there.
        DataError
            A cell is not what it must be, or vectors are of another length than in the fit.
        """
        text, columns, words = (self.run.config[name] for name in ("text", "columns", "words"))
        if text:
            return table.texts(text, empty=True)
        return rows_of(table, text, columns, words, self.run.config["widths"], self.images)

    def empty_texts_sentence(self, table: DataTable) -> str:
        """Say how many rows of a table have no text, or nothing."""
        name = self.run.config["text"]
        empty = (
            [i for i, text in enumerate(table.texts(name, empty=True)) if not text] if name else []
        )
        if not empty:
            return ""
        return (
            f"{len(empty):,} rows have no text in column {name!r}, the first is row "
            f"{table.numbers[empty[0]]}; they are read as the empty text"
        )

    def labels(self, table: DataTable, name: str | None = None) -> NDArray[Any]:
        """Return a label column in the type of the classifier's labels.

        Raises
        ------
        UsageError
            There is no such column.
        DataError
            A label is empty, or no whole number where the classifier's are.
        """
        name = self.label if name is None else name
        labels, known = table.labels(name), self.model.classes_
        if kind_of(known) == "numbers":
            return as_labels([self._whole(table, row, v) for row, v in enumerate(labels.tolist())])
        own = set(known.tolist())
        plain = {_PLAIN.sub(r"\1", label): label for label in known.tolist()}
        return np.array(
            [
                v if v in own else plain.get(_PLAIN.sub(r"\1", v), v)
                for v in map(str, labels.tolist())
            ]
        )

    @staticmethod
    def _whole(table: DataTable, row: int, label: Any) -> int:
        found = label if isinstance(label, int) else _WHOLE.fullmatch(label.strip())
        if found is None:
            raise DataError(
                f"{table.name} row {table.numbers[row]}: label {label!r} is no whole number like "
                "the labels that the model was fitted on; correct the column"
            )
        return found if isinstance(found, int) else int(found[1])


def rows_of(
    table: DataTable,
    text: str | None,
    columns: Sequence[str],
    words: Sequence[str],
    widths: Mapping[str, int] | None = None,
    images: ImageColumn | None = None,
) -> Any:
    """Return a column of texts or images, or columns of numbers and of words."""
    if images is not None:
        return stacked(table, images)
    if text:
        return table.texts(text)
    return table.mixed(words, columns, widths) if words else table.matrix(columns, widths)


def save_model(run: RunFolder, model: EBVClassifier) -> None:
    """Write a classifier into a run folder."""
    model.save(run.path / "model")
    for name in (WEIGHTS, CODEBOOK, SETTINGS):
        run.adopt(f"model/{name}")


def pick(rows: Any, places: NDArray[np.int64]) -> Any:
    """Return some rows of a list, an array or a table."""
    return [rows[i] for i in places] if isinstance(rows, list) else rows[places]


def joined(parts: Sequence[Any]) -> Any:
    """Return the rows of several lists, arrays or tables, one after the other."""
    if isinstance(parts[0], MixedRows):
        return MixedRows.joined(parts)
    if isinstance(parts[0], list):
        return [row for part in parts for row in part]
    return np.concatenate(parts)


def answers(model: EBVClassifier, rows: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return the most likely label of each row, and its probability."""
    if not len(rows):
        return model.classes_[:0], np.zeros(0)
    labels, shares = model.predict_topk(rows, 1)
    return labels[:, 0], shares[:, 0]


def score_labels(
    model: EBVClassifier, found: NDArray[Any], stated: NDArray[np.float64], labels: NDArray[Any]
) -> Scores:
    """Score answers against labels that the model knows; the majority is that of ``labels``."""
    place = {label: i for i, label in enumerate(model.classes_.tolist())}
    targets = np.array([place[label] for label in labels.tolist()])
    majority = int(np.bincount(targets).argmax())
    given = np.array([place[label] for label in found.tolist()])
    return score_answers(given, stated, targets, model.classes_.tolist(), majority)
