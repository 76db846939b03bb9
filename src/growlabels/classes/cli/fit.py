"""``growlabels classes fit`` and ``growlabels classes predict``."""

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import repeated
from growlabels.base.progress import Progress
from growlabels.base.runs import RunFolder
from growlabels.classes.calibration.scores import Scores, score
from growlabels.classes.classifier.checkpoint import TrainingCheckpoint
from growlabels.classes.classifier.classifier import EBVClassifier
from growlabels.classes.classifier.image_classifier import ImageClassifier, form_of
from growlabels.classes.classifier.settings import check_settings, room
from growlabels.classes.cli.basis_report import cosine_plots
from growlabels.classes.cli.commands import Fit
from growlabels.classes.cli.fitted_run import pick, rows_of, save_model
from growlabels.classes.cli.held_out import (
    CalibrationFacts,
    calibrate_on_half,
    check_false_rejection,
    hold_out,
)
from growlabels.classes.cli.images import (
    ImageColumn,
    class_sentence,
    find_image_column,
    hash_of,
    holds_images,
    image_sentence,
    path_warning,
    read_source,
    with_pixels,
)
from growlabels.classes.cli.report import (
    bounds_sentence,
    calibration_section,
    calibration_sentence,
    fit_section,
    look_alike_sentence,
    unscored_sentence,
)
from growlabels.classes.cli.table import DataTable
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.images.arrays import ROW, is_array_file, read_arrays
from growlabels.classes.images.folder import LABEL, PATH, is_image_folder, read_folder
from growlabels.classes.inputs.backbones import backbone_of
from growlabels.report import Report, Section, render
from growlabels.tables import warnings_of

KIND = "classes fit"
CHECKPOINT = "training.pt"
"""File of a run folder that training is saved in while it goes on."""


def run(options: Fit, progress: Progress) -> None:
    """Read, train, score, write."""
    if not 0 < options.held_out < 1:
        raise UsageError.parameter("held-out", "must be between 0 and 1", options.held_out)
    check_false_rejection(options.false_rejection)
    check_settings(_model(options, bool(options.image)))  # before the rows are read
    label = _label(options)
    _check_columns(options, label)
    table, unlabelled = read_source(options.table, options.encoding).labelled(label)
    table.column(label)
    images = _images(options, table, label)
    model = _model(options, images is not None)
    whole = table
    table = with_pixels(table, options.table, images, progress)
    labels = table.labels(label)
    read_as_numbers = not (options.text or images)
    numeric = list(options.columns) or table.numeric(label) if read_as_numbers else []
    odd = table.not_numbers(numeric)
    columns = [c for c in numeric if c not in options.words and (options.columns or c not in odd)]
    notes = _notes(options, label, table, odd, unlabelled)
    if images is not None:
        good = set(table.numbers)
        seen = whole.at([i for i, number in enumerate(whole.numbers) if number in good])
        notes += [image_sentence(images, seen, options.table), class_sentence(labels.tolist())]
    elif not (options.text or columns or options.words):
        known = ", ".join(map(repr, table.columns))
        raise UsageError(
            f"{options.table} has no numeric column apart from {label!r}; name a text "
            f"column with --text, or columns with --words (there are {known})"
        )
    room_for = room(options.capacity, len(set(labels.tolist())))
    Codebook.for_classes(room_for, options.dim, steps=1)  # refuses a dim that is too small
    rows = rows_of(table, options.text, columns, options.words, images=images)
    taken = {label, options.text, images and images.name, *columns, *options.words}
    if not (is_image_folder(options.table) or is_array_file(options.table)):
        dropped = [name for name in table.columns if name not in taken]
        for sentence in warnings_of(options.table, [label], dropped, encoding=options.encoding):
            print(f"warning: {sentence}")
    kept, held, copies = split(rows, labels, options.held_out, options.seed)
    if copies:
        notes.append(
            f"{copies:,} rows are copies of others; copies of a row are all learned or all held out"
        )
    for note in notes:
        print(note)
    config = {k: v for k, v in asdict(options).items() if k not in ("table", "out", "image")}
    read = {
        "label": label,
        "columns": columns,
        "widths": table.widths(columns),
        "images": images and images.to_json(),
    }
    inputs = {"table": hash_of(options.table)}
    if images is not None:
        inputs["images"] = hashlib.sha256(rows.tobytes()).hexdigest()
    run = RunFolder.open(options.out, KIND, config | read, inputs)
    checkpoint = TrainingCheckpoint(run.path / CHECKPOINT)
    model.fit(pick(rows, kept), labels[kept], progress=progress, checkpoint=checkpoint)
    facts, left = calibrate_on_half(
        model, pick(rows, held), labels[held], options.false_rejection, options.seed
    )
    scored = held[left]
    result = _score(model, pick(rows, scored), labels[kept], labels[scored])
    _finish(options, run, model, result, facts)
    checkpoint.delete()
    if read_as_numbers:
        _say_unread(table, {label, *numeric, *columns, *options.words})


def _label(options: Fit) -> str:
    if options.label is not None:
        return options.label
    if is_array_file(options.table):
        name = read_arrays(options.table)[1]
        if name is None:
            raise UsageError(f"{str(options.table)!r} holds images and no array of labels; add one")
        return name
    if not is_image_folder(options.table):
        raise UsageError("--label must name the column that holds the class")
    if all(row[LABEL] is None for row in read_folder(options.table).rows):
        raise UsageError(
            f"the images of {str(options.table)!r} are in no folders of classes; put those of each "
            "class into a folder, or give a table of paths and labels"
        )
    return LABEL


def _check_columns(options: Fit, label: str) -> None:
    """Refuse options that contradict one another."""
    given = [options.text is not None, options.image is not None, bool(options.columns)]
    if sum(given) > 1 or (bool(options.words) and any(given[:2])):
        raise UsageError("give either --text, or --image, or --columns and --words")
    named = [*options.columns, *options.words]
    if twice := repeated(named):
        raise UsageError(f"--columns and --words name {twice[0]!r} twice; name it once")
    if label in (options.text, options.image, *named):
        raise UsageError(
            f"{label!r} is the label and cannot be what it is predicted from; leave it "
            "out of --text, --image, --columns and --words"
        )


def _images(options: Fit, table: DataTable, label: str) -> ImageColumn | None:
    """Find the column of images: the one that was named, or else one that holds nothing else."""
    name = options.image
    if name is None and not (options.text or options.columns or options.words):
        held = (c for c, values in table.columns.items() if c != label and holds_images(values))
        name = ROW if is_array_file(options.table) else next(held, None)
    for column in (options.text, *options.words):
        if column is not None and holds_images(table.column(column)):
            print(f"warning: {path_warning(column)}")
    if name is None:
        return None
    what = backbone_of(options.trunk)
    found = find_image_column(table, options.table, name, options.image_size or what.size)
    if what.channels is None:
        return found
    return ImageColumn(name, form_of((what.channels, found.form.size, found.form.size)))


def _notes(
    options: Fit, label: str, table: DataTable, odd: dict[str, str], unlabelled: int
) -> list[str]:
    """Say what is assumed about columns and labels."""
    notes = []
    if unlabelled:
        where = "dataset" if PATH not in table.columns else "table, or are in no folder of a class,"
        notes.append(f"{unlabelled:,} rows have no label in the {where} and are left out")
    for name, what in odd.items():
        if options.columns:
            notes.append(f"column {name!r} {what}; it is read as numbers, as --columns asks")
        elif name not in options.words:
            notes.append(
                f"column {name!r} {what} and is not read; --columns reads it as a number, --words "
                "as a word"
            )
    kinds = {type(value).__name__ for value in table.column(label)}
    if "str" in kinds and kinds & {"int", "float"}:
        notes.append(f"column {label!r} mixes strings and numbers; 1 and '1' are one class")
    return notes


def _say_unread(table: DataTable, read: set[str]) -> None:
    """Print which columns are not read, since they hold no numbers."""
    unread = [name for name in table.columns if name not in read and name not in table.numeric("")]
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


def _model(options: Fit, of_images: bool) -> EBVClassifier:
    """Make an unfitted classifier; what was not asked for is its own default."""
    names = ["capacity", "dim", "epochs", "patience", "seed", "augmentation"]
    settings = {name: getattr(options, name) for name in names}
    for name in ("margin", "label_smoothing", "lr", "device"):
        if getattr(options, name) is not None:
            settings[name] = getattr(options, name)
    if of_images:
        return ImageClassifier(trunk=options.trunk, size=options.image_size, **settings)
    return EBVClassifier(analyzer=options.analyzer, **settings)


def _finish(
    options: Fit,
    run: Any,
    model: EBVClassifier,
    result: tuple[Scores, int, int],
    facts: CalibrationFacts,
) -> None:

    scores, trained, unscored = result
    save_model(run, model)
    names = model.classes_.tolist()
    sentences = unscored_sentence(unscored, len(names)), look_alike_sentence(names)
    notes = [sentence for sentence in sentences if sentence]
    figures = asdict(scores) | {"calibrated": asdict(facts)}
    run.write("scores.json", lambda file: json.dump(figures, file, indent=1))
    certificate = model.codebook_.certificate(len(model.classes_))
    head = sum(p.numel() for p in model.head_.parameters())
    fact = f"{certificate.kind}, dim {certificate.dim}, largest |cosine| {certificate.alpha:.4g}"
    report = Report(
        title=f"Classes of {options.table.name} by {run.config['label']}",
        summary=f"{len(model.classes_):,} classes, accuracy {scores.accuracy:.3f} on "
        f"{scores.rows:,} held-out rows (most frequent class: {scores.majority:.3f}).",
        sections=[
            fit_section(scores, trained, len(model.classes_), certificate.dim, head, fact, notes),
            calibration_section(facts),
            Section(
                title="Class vectors",
                text=[bounds_sentence(certificate)],
                plots=cosine_plots(model.codebook_, options.seed),
            ),
        ],
        settings=run.config,
        seeds=[options.seed],
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
    rows: Any, labels: NDArray[Any], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Draw rows to train on and rows to hold out, class by class; both ascending.

    The third value is the number of rows that are copies of others. A class keeps at least one
    row to train on. Fewer than two classes, or no row to hold out, is a ``DataError``.
    """

    classes = np.unique(labels)
    if len(classes) < 2:
        raise DataError(f"the label column holds one class only, {classes[0]!s}; two are needed")
    held, copies = hold_out(rows, labels, share, seed)
    if not held.any():
        most = np.unique(labels, return_counts=True)[1].max()
        if copies and most > 1:
            raise DataError(
                "all rows of each class are copies of one another; none can be held out"
            )
        way = "add rows" if most == 1 else "add rows or raise --held-out"
        raise DataError(
            f"no class has enough rows to hold one out, {most} is the most that one has; {way}"
        )
    return np.flatnonzero(~held), np.flatnonzero(held), copies


def _score(
    model: EBVClassifier, rows: Any, trained: NDArray[Any], held: NDArray[Any]
) -> tuple[Scores, int, int]:
    """Score; returns also how many rows were trained, and how many classes have no scored row."""
    place = {label: i for i, label in enumerate(model.classes_.tolist())}
    known, counts = np.unique(trained, return_counts=True)
    majority = place[known[counts.argmax()].item()]
    targets = np.array([place[label] for label in held.tolist()])
    scores = score(model.predict_proba(rows), targets, model.classes_.tolist(), majority)
    return scores, len(trained), len(place) - len(np.unique(targets))
