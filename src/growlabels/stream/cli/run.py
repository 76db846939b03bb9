"""``growlabels stream``: learn a file as a stream, write what came of it, look into a model."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import GrowLabelsError, RunError, UsageError
from growlabels.base.files import file_sha256
from growlabels.base.progress import Progress
from growlabels.base.rows import MalformedRow
from growlabels.base.runs import RunFolder, refuse_folder, require_folder, run_to_go_on
from growlabels.report import Report, render
from growlabels.stream.cli.commands import StreamRun
from growlabels.stream.cli.keep import FOLDER as UNFINISHED
from growlabels.stream.cli.keep import Keeper
from growlabels.stream.cli.report import describe, stream_section
from growlabels.stream.cli.running import RunningScores, warm_up
from growlabels.stream.evaluate.evaluation import Evaluation
from growlabels.stream.evaluate.interrupt import StoppedError, UntilStopped
from growlabels.stream.evaluate.peers import MODELS
from growlabels.stream.evaluate.scores import PrequentialScores
from growlabels.stream.files.read import STANDARD_INPUT, read_stream
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.aside import Aside
from growlabels.tables import fingerprint

MALFORMED = "malformed.jsonl"
MODEL = "model.zip"
OURS = {"ihomer", "paper"}
"""Models that are kept."""
MANY = {"vw"}
"""Models that must know beforehand how many labels there will be."""


@dataclass(frozen=True)
class StreamSettings:
    """What a command was asked for; the commands explain each field.

    ``models`` are names of ``MODELS``; the first is reported in full, the others beside it.
    """

    kind: str
    models: tuple[str, ...]
    file: Path
    labels: str | None
    text: str | None
    drop: str | None
    shuffle: bool
    seed: int
    delay: int
    on_error: str
    every: int
    window: int
    out: Path | None
    label_separator: str | None = None
    encoding: str = "utf-8"
    precision_at: str | None = None
    start: Path | None = None
    checkpoint_every: str | None = None

    @property
    def at(self) -> tuple[int, ...]:
        """The k of ``precision_at``."""
        parts = [] if self.precision_at is None else self.precision_at.split(",")
        if not all(part.strip().isdecimal() and int(part) for part in parts):
            raise UsageError.parameter(
                "precision-at", "must be whole numbers above 0 with commas", self.precision_at
            )
        return tuple(map(int, parts))

    @property
    def live(self) -> bool:
        """Whether the rows come from standard input, and only once."""
        return str(self.file) == "-"

    @property
    def name(self) -> str:
        """What the stream is called in a report."""
        return STANDARD_INPUT if self.live else self.file.name


def run(options: StreamRun, progress: Progress) -> None:
    """Run the stream, print the scores and write the run folder."""
    settings = vars(options).copy()
    model = settings.pop("model")
    models = tuple(dict.fromkeys((model, "majority")))
    run_stream(StreamSettings("stream run", models, **settings), progress)


def run_stream(command: StreamSettings, progress: Progress) -> None:
    """Run the stream, print the scores and write the run folder."""
    _check(command)
    open_folder = None
    if command.out is not None:  # refused before the work, made or started over after it
        finished = _is_finished(command, command.out)
        open_folder = _folder(command, command.out)
        if finished:
            folder = open_folder()
            print(json.dumps(json.loads(folder.file("scores.json").read_text("utf-8")), indent=1))
            print(f"this run was finished before; its report is {folder.path / 'report.html'}")
            return
    with Aside() as aside:
        models = _models(command)
        before = getattr(next(iter(models.values())), "n_rows", 0)
        keeper = _keeper(command, models, open_folder)
        state = None if keeper is None else keeper.restore()
        rows = UntilStopped(_rows(command, aside, _say))
        scores = _scores(command, models, rows, progress, keeper, state)
        learned = next(iter(scores.values())).n_rows
        if rows.reason is not None and not learned:
            raise rows.reason
        _print(command, scores, aside)
        kept = "were scored; without --out nothing is written"
        if open_folder is not None:
            folder = open_folder()
            model = next(iter(models.values()))
            _write(folder, command, model, before, scores, aside, rows.reason)
            print(f"report: {folder.path / 'report.html'}", flush=True)
            kept = f"are in {str(folder.path)!r}"
            if folder.is_written(MODEL):
                kept += f", and IHOMER.load({str(folder.path / MODEL)!r}) goes on from there"
            if keeper is not None and folder.finished:
                keeper.clear()
        if isinstance(rows.reason, StoppedError) and not command.live:
            way_on = "goes on from there" if keeper else "starts again at the first row"
            kept += f"; the same command {way_on}"
        if rows.reason is not None:
            rows.reason.args = (f"{rows.reason}; the {learned:,} rows before {kept}",)
            raise rows.reason


def _check(command: StreamSettings) -> None:
    for name, least in (("every", 1), ("window", 1), ("delay", 0)):
        if getattr(command, name) < least:
            must = f"must be at least {least} row" + "s" * (least == 0)
            raise UsageError.parameter(name, must, getattr(command, name))
    if command.at and not set(command.models) - MANY:
        raise UsageError("Vowpal Wabbit does not rank labels here; leave precision-at out")
    if command.start is not None and command.models[0] not in OURS:
        raise UsageError(
            f"start goes on from a saved iHOMER, so model cannot be {command.models[0]!r}; leave "
            "one of the two out"
        )
    if command.start is not None and not command.start.exists():
        raise UsageError.missing_file(command.start, "saved model")
    if command.seed < 0:
        raise UsageError.parameter("seed", "must be at least 0", command.seed)
    if (command.labels or "").endswith(".xml") and not Path(str(command.labels)).is_file():
        raise UsageError.missing_file(command.labels, "label file")
    if command.live and (counted := MANY.intersection(command.models)):
        raise UsageError(
            f"{sorted(counted)[0]} must know the number of labels before the first row, which "
            "standard input cannot tell; write the rows to a file"
        )


def saved_model(path: Path) -> IHOMER:
    return IHOMER.load(_model_of(path) if path.is_dir() else path)


def _model_of(path: Path) -> Path:
    folder = RunFolder.read(path)
    models = folder.config.get("models", ["none"])
    if not folder.kind.startswith("stream "):
        raise RunError(f"run folder {str(path)!r} holds a run of {folder.kind!r}, not of a stream")
    if models[0] not in OURS:
        raise RunError(
            f"run folder {str(path)!r} keeps no model: its first is {models[0]!r}, and ihomer "
            "alone is written; run again with ihomer first"
        )
    return folder.file(MODEL)


def _is_finished(command: StreamSettings, out: Path) -> bool:
    """Return whether the folder holds a finished run; raise where it can take none."""
    if command.live and not (out / UNFINISHED).is_dir():
        refuse_folder(out)
        return False
    run = run_to_go_on(out, command.kind)
    if run is not None and not run.finished:
        require_folder(out)
    return run is not None and run.finished


def _folder(command: StreamSettings, out: Path) -> partial[RunFolder]:
    """Return what opens the folder, for the inputs as they are now."""
    settings = asdict(command)
    left_out = "kind", "file", "out", "start", "checkpoint_every"
    config = {name: settings[name] for name in settings if name not in left_out}
    config["models"] = list(command.models)
    inputs = {} if command.live else {"rows": fingerprint(command.file)}
    if command.labels is not None and command.labels.endswith(".xml"):
        inputs["labels"] = file_sha256(command.labels)
    if (start := command.start) is not None:
        inputs["start"] = file_sha256(_model_of(start) if start.is_dir() else start)
    return partial(RunFolder.open, out, command.kind, config, inputs, restart=True)


def _keeper(
    command: StreamSettings, models: dict[str, Any], open_folder: partial[RunFolder] | None
) -> Keeper | None:
    """Return what writes checkpoints; None where there is no folder, or a model is not kept."""
    if command.checkpoint_every is None or open_folder is None or not Keeper.can_keep(models):
        return None
    out, *identity = open_folder.args
    keeper = Keeper(out, {"run": identity}, models, command.checkpoint_every)
    keeper.make_folder = open_folder
    return keeper


def _rows(
    command: StreamSettings,
    aside: Callable[[MalformedRow], None],
    say: Callable[[str], None] | None = None,
) -> ArrayRows | Iterable[Any]:
    set_aside = aside if command.on_error == "skip" else None
    rows = read_stream(
        command.file,
        command.labels,
        set_aside,
        command.text,
        command.drop,
        command.encoding,
        command.label_separator,
        say,
    )
    if not command.shuffle:
        return rows
    if isinstance(rows, ArrayRows):
        return rows.shuffled(command.seed)
    held = list(rows)
    order = np.random.default_rng(command.seed).permutation(len(held))
    return [held[i] for i in order]


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


def _models(command: StreamSettings) -> dict[str, Any]:
    """Make the models, by title; for those that must know the labels, count them first."""
    labels = 0
    if MANY.intersection(command.models):
        rows = _rows(command, lambda row: None)
        if isinstance(rows, ArrayRows):
            labels = len(rows.label_names)
        else:
            labels = max(len({label for _, y in rows for label in y}), 1)
    first, *others = command.models
    if command.start is None:
        models = {MODELS[first][0]: MODELS[first][1](labels)}
    else:
        saved = saved_model(command.start)
        models = {MODELS["paper" if saved.preset == "paper" else "ihomer"][0]: saved}
    return models | {MODELS[name][0]: MODELS[name][1](labels) for name in others}


def _scores(
    command: StreamSettings,
    models: Mapping[str, Any],
    rows: UntilStopped,
    progress: Progress,
    keeper: Keeper | None,
    state: Mapping[str, Any] | None,
) -> dict[str, PrequentialScores]:
    if OURS.intersection(command.models):
        progress("loading compiled code, or compiling it once", 0)
        warm_up()
    evaluation = Evaluation(
        models, every=command.every, window=command.window, delay=command.delay, at=command.at
    )
    with rows:
        if keeper is None:
            evaluation.go(rows, progress, RunningScores())
            return evaluation.end()
        rows.rows = keeper.begin(evaluation, rows.rows, state, command.live)
        evaluation.go(rows, progress, RunningScores(), keeper.after)
        if isinstance(rows.reason, StoppedError) and not command.live:
            keeper.write()
        return evaluation.end()


def _print(command: StreamSettings, scores: Mapping[str, PrequentialScores], aside: Aside) -> None:
    ranks = "".join(f"{f'P@{k}':>7}" for k in command.at)
    print(
        f"{'model':<28}{'exact match':>12}{'micro F1':>10}{'macro F1':>10}{ranks}"
        f"{'rows':>9}{'rows/s':>10}"
    )
    for name, s in scores.items():
        figures = f"{s.exact_match:>12.3f}{s.micro_f1:>10.3f}{s.macro_f1:>10.3f}"
        for k in command.at:
            figures += f"{s.precision_at[k]:>7.3f}" if s.precision_at else f"{'–':>7}"
        print(f"{name:<28}{figures}{s.n_rows:>9,}{s.rows_per_second:>10,.0f}")
    if aside.first is not None:
        unit = "row" if command.name.lower().endswith(".parquet") else "line"
        where = "" if command.out is None else f", all in {command.out / MALFORMED}"
        first = f"the first, {unit} {aside.first.number}: {aside.first.reason}"
        print(f"{_count_aside(aside)} skipped{where}; {first}")


def _count_aside(aside: Aside) -> str:
    return f"{aside.count:,} malformed row" + "s" * (aside.count > 1)


def _write(
    folder: RunFolder,
    command: StreamSettings,
    model: Any,
    before: int,
    scores: Mapping[str, PrequentialScores],
    aside: Aside,
    reason: GrowLabelsError | None,
) -> None:
    (name, own), *others = scores.items()
    best = sorted(others, key=lambda other: -other[1].micro_f1)[:1]
    hierarchy = model.hierarchy() if isinstance(model, IHOMER) else None
    # rows are counted from the first of this run, also where the model had learned others
    events = [
        replace(event, row=event.row - before)
        for event in (model.events if isinstance(model, IHOMER) else [])
        if event.row > before
    ]
    figures = {
        title: {**s.metrics.as_dict(), "rows_per_second": s.rows_per_second}
        for title, s in scores.items()
    }
    _json(folder, "scores.json", {"scores": figures, "malformed": aside.count})
    points = ({"model": t, **asdict(p)} for t, s in scores.items() for p in s.curve)
    _lines(folder, "metrics.jsonl", points)
    _lines(folder, "events.jsonl", ({**asdict(e), "text": describe(e)} for e in events))
    folder.write(MALFORMED, aside.copy)
    if hierarchy is not None:
        _json(folder, "hierarchy.json", hierarchy.to_json())
        model.save(folder.path / MODEL)
        folder.adopt(MODEL)
    warnings = [f"{_count_aside(aside)} left out; see {MALFORMED}."] if aside.count else []
    if reason is not None:
        warnings.append(f"The stream ended early, after {own.n_rows:,} rows: {reason}.")
    title = f"{command.name} as a stream"
    section = stream_section(
        "Scores, labels and clusters", scores, hierarchy, events, warnings=warnings
    )
    order = "shuffled" if command.shuffle else "in the order they came"
    late = f", labels {command.delay} rows late" if command.delay else ""
    late += f", by a model that had learned {before:,} rows before" if before else ""
    report = Report(
        title=title,
        summary=f"{name} on {own.n_rows:,} rows of {command.name}, {order}{late}: {_in_words(own)}"
        + "".join(f"; {title}: {_in_words(other)}" for title, other in best)
        + ".",
        sections=[section],
        settings={
            **folder.config,
            "file": command.name,
            **{f"SHA-256 of the {name}": digest for name, digest in folder.inputs.items()},
        },
        seeds=[command.seed],
        versions=folder.versions,
    )
    folder.write("report.html", lambda file: file.write(render(report)))
    if reason is None or command.live:  # a file is read again by the same command
        folder.finish()


def _in_words(s: PrequentialScores) -> str:
    figures = f"{s.exact_match:.3f}, micro F1 {s.micro_f1:.3f}, macro F1 {s.macro_f1:.3f}"
    return f"exact match {figures}"


def _json(folder: RunFolder, name: str, value: object) -> None:
    folder.write(name, lambda file: json.dump(value, file, indent=1, ensure_ascii=False))


def _lines(folder: RunFolder, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in rows)
    folder.write(name, lambda file: file.write(text))
