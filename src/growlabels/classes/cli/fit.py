"""``growlabels classes fit`` and ``growlabels classes predict``."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import file_sha256
from growlabels.base.labels import repeated
from growlabels.base.progress import Progress
from growlabels.classes.classifier.split import draw_held_out
from growlabels.classes.cli.held_out import (
    CalibrationFacts,
    calibrate_on_half,
    check_false_rejection,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from growlabels.classes.calibration.scores import Scores
    from growlabels.classes.classifier.classifier import EBVClassifier
    from growlabels.classes.cli.table import DataTable

KIND = "classes fit"


@dataclass(frozen=True)
class Fit:
    """Train a classifier with fixed class vectors on a table, and report how good it is."""

    table: tyro.conf.Positional[Path]
    """CSV, JSONL or Parquet file, one row per example."""
    label: str
    """Column that holds the class."""
    out: Path
    """Folder for the model, the figures and the report."""
    text: str | None = None
    """Column of text to classify; without it, the numeric columns are used."""
    analyzer: Literal["char", "word", "both"] = "char"
    """Of a text: n-grams of characters, of words (one or two), or both."""
    columns: tuple[str, ...] = ()
    """Columns of numbers, or of vectors, to use; all of them if not given."""
    words: tuple[str, ...] = ()
    """Columns of words to use beside these: hashed n-grams, which know their column."""
    held_out: float = 0.2
    """Share of rows kept back, class by class: half to calibrate on, half for the report."""
    false_rejection: float = 0.05
    """Share of rows of known classes that ``predict --reject`` may reject."""
    capacity: int | None = None
    """Largest number of classes expected later; there is ample room by default."""
    dim: int | None = None
    """Dimension of the class vectors; chosen from the number of classes if not given."""
    margin: float = 0.2
    """Angular margin in radians."""
    label_smoothing: float = 0.1
    """Share of each target that is spread over all classes."""
    epochs: int | None = None
    """Passes over the rows; enough for 400 steps, and 5 or more, if not given."""
    lr: float = 4e-3
    """Peak learning rate below the output layer."""
    seed: int = 0
    """Decides every random choice."""

    def run(self, progress: Progress) -> None:
        """Read, train, score, write."""
        from growlabels.base.runs import RunFolder
        from growlabels.classes.classifier.settings import check_settings, room
        from growlabels.classes.cli.fitted_run import pick, rows_of
        from growlabels.classes.cli.table import read_table
        from growlabels.classes.codes.codebook import Codebook

        if not 0 < self.held_out < 1:
            raise UsageError.parameter("held-out", "must be between 0 and 1", self.held_out)
        check_false_rejection(self.false_rejection)
        model = self._model()
        check_settings(model)  # before there is a folder that holds to them
        if self.text is not None and (self.columns or self.words):
            raise UsageError("give either --text or --columns and --words, not both")
        named = [*self.columns, *self.words]
        if twice := repeated(named):
            raise UsageError(f"--columns and --words name {twice[0]!r} twice; name it once")
        if self.label in (self.text, *named):
            raise UsageError(
                f"{self.label!r} is the label and cannot be what it is predicted from; leave it "
                "out of --text, --columns and --words"
            )
        table = read_table(self.table)
        labels = table.labels(self.label)
        columns = [] if self.text else list(self.columns) or table.numeric(self.label)
        columns = [name for name in columns if name not in self.words]
        if not (self.text or columns or self.words):
            known = ", ".join(map(repr, table.columns))
            raise UsageError(
                f"{self.table} has no numeric column beside {self.label!r}; name a text column "
                f"with --text, or columns with --words (there are {known})"
            )
        room_for = room(self.capacity, len(set(labels.tolist())))
        Codebook.for_classes(room_for, self.dim, steps=1)  # refuses a dim that is too small
        rows = rows_of(table, self.text, columns, self.words)
        kept, held = split(labels, self.held_out, self.seed)
        config = {k: v for k, v in asdict(self).items() if k not in ("table", "out")}
        inputs = {"table": file_sha256(self.table)}
        run = RunFolder.open(self.out, KIND, config | {"columns": columns}, inputs)
        model.fit(pick(rows, kept), labels[kept], progress=progress)
        facts, left = calibrate_on_half(
            model, pick(rows, held), labels[held], self.false_rejection, self.seed
        )
        scored = held[left]
        result = _score(model, pick(rows, scored), labels[kept], labels[scored])
        self._finish(run, model, result, facts)
        numbers = table.numeric(self.label)
        read = {self.label, *numbers, *columns, *self.words}
        unread = [name for name in table.columns if name not in read]
        if self.text:
            return
        for name in [*unread]:
            if cell := table.odd_cell(name):
                print(
                    f"column {name!r} is not read as numbers, since row {cell[0]} holds "
                    f"{cell[1]!r}; leave cells of missing numbers empty"
                )
                unread.remove(name)
        if unread:
            names = ", ".join(unread)
            print(f"not read, since they hold no numbers: {names}; --words or --text reads them")

    def _model(self) -> "EBVClassifier":
        from growlabels.classes.classifier.classifier import EBVClassifier

        return EBVClassifier(
            capacity=self.capacity,
            dim=self.dim,
            margin=self.margin,
            analyzer=self.analyzer,
            label_smoothing=self.label_smoothing,
            epochs=self.epochs,
            lr=self.lr,
            seed=self.seed,
        )

    def _finish(
        self,
        run: Any,
        model: "EBVClassifier",
        result: "tuple[Scores, int, int]",
        facts: CalibrationFacts,
    ) -> None:
        from growlabels.classes.cli.basis_report import cosine_plots
        from growlabels.classes.cli.fitted_run import save_model
        from growlabels.classes.cli.report import (
            bounds_sentence,
            calibration_section,
            calibration_sentence,
            fit_section,
            look_alike_sentence,
            unscored_sentence,
        )
        from growlabels.report import Report, Section, render

        scores, trained, unscored = result
        save_model(run, model)
        names = model.classes_.tolist()
        sentences = unscored_sentence(unscored, len(names)), look_alike_sentence(names)
        notes = [sentence for sentence in sentences if sentence]
        figures = asdict(scores) | {"calibrated": asdict(facts)}
        run.write("scores.json", lambda file: json.dump(figures, file, indent=1))
        certificate = model.codebook_.certificate(len(model.classes_))
        head = sum(p.numel() for p in model.head_.parameters())
        fact = (
            f"{certificate.kind}, dim {certificate.dim}, largest |cosine| {certificate.alpha:.4g}"
        )
        report = Report(
            title=f"Classes of {self.table.name} by {self.label}",
            summary=f"{len(model.classes_):,} classes, accuracy {scores.accuracy:.3f} on "
            f"{scores.rows:,} held-out rows (most frequent class: {scores.majority:.3f}).",
            sections=[
                fit_section(
                    scores, trained, len(model.classes_), certificate.dim, head, fact, notes
                ),
                calibration_section(facts),
                Section(
                    title="Class vectors",
                    text=[bounds_sentence(certificate)],
                    plots=cosine_plots(model.codebook_, self.seed),
                ),
            ],
            settings=run.config,
            seeds=[self.seed],
        )
        run.write("report.html", lambda file: file.write(render(report)))
        run.finish()
        print(
            f"{len(model.classes_):,} classes, {trained:,} rows trained, {scores.rows:,} scored: "
            f"accuracy {scores.accuracy:.3f} (most frequent class {scores.majority:.3f}), "
            f"calibration error {scores.calibration_error:.3f}"
        )
        for note in notes:
            print(note)
        print(calibration_sentence(facts))
        print(f"report: {run.path / 'report.html'}")


def split(
    labels: "NDArray[Any]", share: float, seed: int
) -> "tuple[NDArray[np.int64], NDArray[np.int64]]":
    """Draw rows to train on and rows to hold out, class by class; both ascending.

    A class keeps at least one row to train on. Fewer than two classes, or no row to hold out,
    is a ``DataError``.
    """
    import numpy as np

    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(f"the label column holds one class only, {classes[0]!s}; two are needed")
    held = draw_held_out(labels, share, seed)
    if not held.any():
        most = np.unique(labels, return_counts=True)[1].max()
        way = "add rows" if most == 1 else "add rows or raise --held-out"
        raise DataError(
            f"no class has enough rows to hold one out, {most} is the most that one has; {way}"
        )
    return np.flatnonzero(~held), np.flatnonzero(held)


def _score(
    model: "EBVClassifier", rows: Any, trained: "NDArray[Any]", held: "NDArray[Any]"
) -> "tuple[Scores, int, int]":
    """Score; returns also how many rows were trained, and how many classes have no scored row."""
    import numpy as np

    from growlabels.classes.calibration.scores import score

    place = {label: i for i, label in enumerate(model.classes_.tolist())}
    known, counts = np.unique(trained, return_counts=True)
    majority = place[known[counts.argmax()].item()]
    targets = np.array([place[label] for label in held.tolist()])
    scores = score(model.predict_proba(rows), targets, model.classes_.tolist(), majority)
    return scores, len(trained), len(place) - len(np.unique(targets))


def accuracy_sentence(name: str, table: "DataTable", labels: "NDArray[Any]") -> str:
    """Say how many answers agree with the label column, where the table has one."""
    if name not in table.columns or None in table.columns[name]:
        return ""
    right = (table.labels(name).astype(str) == labels[:, 0].astype(str)).mean()
    return f"; accuracy by column {name!r}: {right:.3f}"
