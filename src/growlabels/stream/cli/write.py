"""Open the run folder of a stream and write scores, curves, events, model and report to it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from growlabels.base.errors import GrowLabelsError
from growlabels.base.files import file_sha256
from growlabels.base.runs import RunFolder, refuse_folder, require_folder, run_to_go_on
from growlabels.report import Report, Section, render
from growlabels.stream.cli.commands import StreamOptions
from growlabels.stream.cli.keep import FOLDER as UNFINISHED
from growlabels.stream.cli.report import describe, stream_section
from growlabels.stream.cli.saved import MODEL, model_file
from growlabels.stream.evaluate.scores import PrequentialScores
from growlabels.stream.files.read import STANDARD_INPUT
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.aside import Aside
from growlabels.tables import fingerprint

MALFORMED = "malformed.jsonl"
"""Name of the file of malformed rows in a run folder."""
_NOT_COMPARED = "file", "out", "start", "checkpoint_every", "model"
"""Options that are not part of the saved configuration."""


@dataclass(frozen=True)
class Outcome:
    """Hold the result of a run.

    Attributes
    ----------
    model
        The first model.
    before
        Number of rows that it had learned before the run.
    scores
        Scores by the models' titles; the first is that of ``model``.
    aside
        Malformed rows.
    reason
        The error that ended the stream early; None if the rows ended.
    """

    model: Any
    before: int
    scores: Mapping[str, PrequentialScores]
    aside: Aside
    reason: GrowLabelsError | None


def is_finished(options: StreamOptions, out: Path) -> bool:
    """Return whether the folder holds a finished run; raise if it cannot hold this run."""
    if options.live and not (out / UNFINISHED).is_dir():
        refuse_folder(out)
        return False
    run = run_to_go_on(out, options.kind)
    if run is not None and not run.finished:
        require_folder(out)
    return run is not None and run.finished


def folder_opener(options: StreamOptions, out: Path, start: Path | None) -> partial[RunFolder]:
    """Return a function that opens the run folder; the inputs are hashed now."""
    config = {n: value for n, value in asdict(options).items() if n not in _NOT_COMPARED}
    config["models"] = list(options.model_names)
    inputs = {} if options.live else {"rows": fingerprint(options.file)}
    if options.labels is not None and options.labels.endswith(".xml"):
        inputs["labels"] = file_sha256(options.labels)
    if start is not None:
        inputs["start"] = file_sha256(model_file(start))
    return partial(RunFolder.open, out, options.kind, config, inputs, restart=True)


def source_name(options: StreamOptions) -> str:
    """Return the name of the stream in a report."""
    return STANDARD_INPUT if options.live else options.file.name


def count_aside(aside: Aside) -> str:
    """Return the number of malformed rows as text."""
    return f"{aside.count:,} malformed row" + "s" * (aside.count > 1)


def unknown_labels(scores: PrequentialScores) -> list[str]:
    """Return sentences on rows with unknown labels."""
    notes = []
    if count := scores.n_unlabelled:
        notes.append(
            f"{count:,} rows have no labels yet: they were predicted, but neither scored "
            "nor learned"
        )
    if count := scores.n_partly_labelled:
        notes.append(f"{count:,} scored rows have unknown labels; only known labels were scored")
    return notes


def write_folder(folder: RunFolder, options: StreamOptions, outcome: Outcome) -> None:
    """Write all files of a run; a run over a file is finished unless it ended early."""
    scores, model = outcome.scores, outcome.model
    hierarchy = model.hierarchy() if isinstance(model, IHOMER) else None
    # count rows from the start of this run, even if the model had learned others before
    events = [
        replace(event, row=event.row - outcome.before)
        for event in (model.events if isinstance(model, IHOMER) else [])
        if event.row > outcome.before
    ]
    figures = {
        title: {**s.metrics.as_dict(), "rows_per_second": s.rows_per_second}
        for title, s in scores.items()
    }
    _json(folder, "scores.json", {"scores": figures, **_counts(outcome)})
    points = ({"model": t, **asdict(p)} for t, s in scores.items() for p in s.curve)
    _lines(folder, "metrics.jsonl", points)
    _lines(folder, "events.jsonl", ({**asdict(e), "text": describe(e)} for e in events))
    folder.write(MALFORMED, outcome.aside.copy)
    if hierarchy is not None:
        _json(folder, "hierarchy.json", hierarchy.to_json())
        model.save(folder.path / MODEL)
        folder.adopt(MODEL)
    section = stream_section(
        "Scores, labels and clusters", scores, hierarchy, events, warnings=_warnings(outcome)
    )
    report = _report(folder, options, outcome, section)
    folder.write("report.html", lambda file: file.write(render(report)))
    if outcome.reason is None or options.live:  # the same command reads a file again
        folder.finish()


def _counts(outcome: Outcome) -> dict[str, int]:
    """Return the numbers of rows that were not scored or not scored whole."""
    own = next(iter(outcome.scores.values()))
    return {
        "malformed": outcome.aside.count,
        "unlabelled": own.n_unlabelled,
        "partly_labelled": own.n_partly_labelled,
    }


def _warnings(outcome: Outcome) -> list[str]:
    """Return the warnings of the report."""
    count = outcome.aside.count
    warnings = [f"{count_aside(outcome.aside)} skipped; see {MALFORMED}."] if count else []
    warnings += [f"{note}." for note in unknown_labels(next(iter(outcome.scores.values())))]
    if outcome.reason is not None:
        rows = next(iter(outcome.scores.values())).n_rows
        warnings.append(f"The stream ended early, after {rows:,} rows: {outcome.reason}.")
    return warnings


def _report(
    folder: RunFolder, options: StreamOptions, outcome: Outcome, section: Section
) -> Report:
    """Build the report, whose summary compares the model with the best other one."""
    (name, own), *others = outcome.scores.items()
    best = sorted(others, key=lambda other: -other[1].micro_f1)[:1]
    source = source_name(options)
    order = "shuffled" if options.shuffle else "in their order"
    late = f", labels {options.delay} rows late" if options.delay else ""
    if outcome.before:
        late += f", by a model that had learned {outcome.before:,} rows before"
    compared = "".join(f"; {title}: {_in_words(other)}" for title, other in best)
    return Report(
        title=f"{source} as a stream",
        summary=f"{name} on {own.n_rows:,} rows of {source}, {order}{late}: {_in_words(own)}"
        f"{compared}.",
        sections=[section],
        settings={
            **folder.config,
            "file": source,
            **{f"SHA-256 of the {part}": digest for part, digest in folder.inputs.items()},
        },
        seeds=[options.seed],
        versions=folder.versions,
    )


def _in_words(s: PrequentialScores) -> str:
    """Return the main scores as text."""
    figures = f"{s.exact_match:.3f}, micro F1 {s.micro_f1:.3f}, macro F1 {s.macro_f1:.3f}"
    return f"exact match {figures}"


def _json(folder: RunFolder, name: str, value: object) -> None:
    """Write a JSON file."""
    folder.write(name, lambda file: json.dump(value, file, indent=1, ensure_ascii=False))


def _lines(folder: RunFolder, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a file of JSON lines."""
    text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    folder.write(name, lambda file: file.write(text))
