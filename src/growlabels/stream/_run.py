"""``growlabels stream``: learn a file as a stream, write what came of it, look into a model."""

import json
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.base.files import file_sha256
from growlabels.base.progress import Progress
from growlabels.base.rows import MalformedRow
from growlabels.base.runs import MANIFEST, RunFolder, refuse_folder
from growlabels.report import Report, render
from growlabels.stream._array_rows import ArrayRows
from growlabels.stream._baselines import BinaryRelevance, MajorityLabels
from growlabels.stream._learner import IHOMER
from growlabels.stream._metrics import SCORES
from growlabels.stream._prequential import Point, PrequentialScores, prequential
from growlabels.stream._report import describe, stream_section
from growlabels.stream._rows import read_stream

TITLES = {"ihomer": "iHOMER", "br-logistic": "BR logistic (River)", "majority": "majority set"}
MALFORMED = "malformed.jsonl"


@dataclass(frozen=True)
class StreamSettings:
    """What ``growlabels stream run`` was asked for; the command explains each field."""

    file: Path
    labels: str | None
    model: str
    shuffle: bool
    seed: int
    on_error: str
    every: int
    window: int
    out: Path | None


def run_stream(command: StreamSettings, progress: Progress) -> None:
    """Run the stream, print the scores and write the run folder."""
    for name in ("every", "window"):
        if getattr(command, name) < 1:
            raise UsageError.parameter(name, "must be at least 1 row", getattr(command, name))
    if command.seed < 0:
        raise UsageError.parameter("seed", "must be at least 0", command.seed)
    if not command.file.is_file():
        raise UsageError.missing_file(command.file)
    if (command.labels or "").endswith(".xml") and not Path(str(command.labels)).is_file():
        raise UsageError.missing_file(command.labels, "label file")
    folder = None
    if command.out is not None and (command.out / MANIFEST).exists():
        folder = _folder(command, command.out)
    elif command.out is not None:  # refused before the work, made after it
        refuse_folder(command.out)
    if folder is not None and folder.finished:
        print(json.dumps(json.loads(folder.file("scores.json").read_text("utf-8")), indent=1))
        print(f"this run was finished before; its report is {folder.path / 'report.html'}")
        return
    aside: list[MalformedRow] = []
    rows = _rows(command, aside)
    model = _model(command.model)
    scores = _scores(command, model, rows, progress)
    _print(scores, aside)
    if command.out is not None:
        folder = folder or _folder(command, command.out)
        _write(folder, command, model, scores, aside)
        print(f"report: {folder.path / 'report.html'}")


def inspect_model(path: Path) -> None:
    """Print the hierarchy and the events of a saved model or of a run's model."""
    file = RunFolder.read(path, "stream run").file("model.zip") if path.is_dir() else path
    model = IHOMER.load(file)
    known = len(model.labels_)
    print(f"iHOMER after {model.n_rows:,} rows, {known} labels, {len(model.events)} events")
    print(model.hierarchy())
    for event in model.events:
        print(f"row {event.row}: {describe(event)} ({event.statistic:.3f} > {event.bound:.3f})")


def _folder(command: StreamSettings, out: Path) -> RunFolder:
    settings = asdict(command)
    config = {name: settings[name] for name in settings if name not in ("file", "out")}
    inputs = {"rows": file_sha256(command.file)}
    if command.labels is not None and command.labels.endswith(".xml"):
        inputs["labels"] = file_sha256(command.labels)
    return RunFolder.open(out, "stream run", config, inputs)


def _rows(command: StreamSettings, aside: list[MalformedRow]) -> ArrayRows | Iterable[Any]:
    set_aside = aside.append if command.on_error == "skip" else None
    rows = read_stream(command.file, command.labels, set_aside)
    if not command.shuffle:
        return rows
    if isinstance(rows, ArrayRows):
        return rows.shuffled(command.seed)
    held = list(rows)
    order = np.random.default_rng(command.seed).permutation(len(held))
    return [held[i] for i in order]


def _model(name: str) -> Any:
    return {"ihomer": IHOMER, "br-logistic": BinaryRelevance, "majority": MajorityLabels}[name]()


def _scores(
    command: StreamSettings, model: Any, rows: ArrayRows | Iterable[Any], progress: Progress
) -> dict[str, PrequentialScores]:
    """Score the model and, on the same rows, the majority set."""
    if command.model == "ihomer":
        progress("compiling (first use only)", 0)
        _warm_up()
    options: dict[str, Any] = {"every": command.every, "window": command.window}
    if command.model == "majority":
        return {TITLES["majority"]: prequential(model, rows, progress=progress, **options)}
    if isinstance(rows, ArrayRows):
        again: Iterable[Any] = rows
    elif isinstance(rows, list):
        again = rows
    else:
        rows, again = tee(rows)
    shown = _RunningScores()
    own = prequential(model, rows, progress=progress, on_point=shown, **options)
    return {
        TITLES[command.model]: own,
        TITLES["majority"]: prequential(MajorityLabels(), again, **options),
    }


def _warm_up() -> None:
    """Compile the kernels on a learner that is thrown away, dense and sparse."""
    rng = np.random.default_rng(0)
    IHOMER().prequential_many(rng.random((3, 4)), rng.random((3, 2)) < 0.5)


class _RunningScores:
    """Prints the scores so far to standard error, every few seconds."""

    def __init__(self, seconds: float = 5.0) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def __call__(self, point: Point) -> None:
        if time.monotonic() - self._last < self._seconds:
            return
        self._last = time.monotonic()
        total, recent = point.total, point.recent
        print(
            f"row {point.row}: exact match {total['exact_match']:.3f}, micro F1 "
            f"{total['micro_f1']:.3f} (last {recent['n_rows']}: {recent['exact_match']:.3f}, "
            f"{recent['micro_f1']:.3f}), {point.row / point.seconds:,.0f} rows a second",
            file=sys.stderr,
            flush=True,
        )


def _print(scores: Mapping[str, PrequentialScores], aside: list[MalformedRow]) -> None:
    print(
        f"{'model':<22}{'exact match':>12}{'micro F1':>10}{'macro F1':>10}{'rows':>9}{'rows/s':>10}"
    )
    for name, s in scores.items():
        figures = f"{s.exact_match:>12.3f}{s.micro_f1:>10.3f}{s.macro_f1:>10.3f}{s.n_rows:>9,}"
        print(f"{name:<22}{figures}{s.rows_per_second:>10,.0f}")
    if aside:
        first = aside[0]
        print(f"{len(aside)} malformed rows were skipped; the first, line {first.number}: "
              f"{first.reason}")  # fmt: skip


def _write(
    folder: RunFolder,
    command: StreamSettings,
    model: Any,
    scores: Mapping[str, PrequentialScores],
    aside: list[MalformedRow],
) -> None:
    own = next(iter(scores.values()))
    hierarchy = model.hierarchy() if isinstance(model, IHOMER) else None
    events = model.events if isinstance(model, IHOMER) else []
    figures = {
        name: {**s.metrics.as_dict(), "rows_per_second": s.rows_per_second}
        for name, s in scores.items()
    }
    _json(folder, "scores.json", {"scores": figures, "malformed": len(aside)})
    _lines(folder, "metrics.jsonl", map(asdict, own.curve))
    _lines(folder, "events.jsonl", ({**asdict(e), "text": describe(e)} for e in events))
    _lines(folder, MALFORMED, map(asdict, aside))
    if hierarchy is not None:
        _json(folder, "hierarchy.json", hierarchy.to_json())
        model.save(folder.path / "model.zip")
        folder.adopt("model.zip")
    warnings = [f"{len(aside)} malformed rows were left out; see {MALFORMED}."] if aside else []
    title = f"{command.file.name} as a stream"
    section = stream_section(title, scores, hierarchy, events, warnings=warnings)
    report = Report(
        title=title,
        summary=f"{TITLES[command.model]} on {own.n_rows:,} rows of {command.file.name}, "
        f"{'shuffled' if command.shuffle else 'in file order'}; "
        + "; ".join(f"{name.replace('_', ' ')}: {SCORES[name]}" for name in ("micro_f1",))
        + ".",
        sections=[section],
        settings={**folder.config, "file": command.file.name, "sha256": folder.inputs["rows"]},
        seeds=[command.seed],
        versions=folder.versions,
    )
    folder.write("report.html", lambda file: file.write(render(report)))
    folder.finish()


def _json(folder: RunFolder, name: str, value: object) -> None:
    folder.write(name, lambda file: json.dump(value, file, indent=1, ensure_ascii=False))


def _lines(folder: RunFolder, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    folder.write(name, lambda file: file.write(text))
