"""Run ``growlabels stream run``: score and train models on a stream."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress
from growlabels.base.runs import RunFolder
from growlabels.stream.cli.commands import StreamOptions, StreamRun
from growlabels.stream.cli.keep import Keeper
from growlabels.stream.cli.predictions import (
    PredictionsOut,
    check_predictions,
    opened_predictions,
)
from growlabels.stream.cli.running import RunningScores, warm_up
from growlabels.stream.cli.saved import MODEL, SAVED, saved_model
from growlabels.stream.cli.write import (
    MALFORMED,
    Outcome,
    count_aside,
    folder_opener,
    is_finished,
    source_name,
    unknown_labels,
    write_folder,
)
from growlabels.stream.evaluate.evaluation import Evaluation
from growlabels.stream.evaluate.interrupt import StoppedError, UntilStopped
from growlabels.stream.evaluate.peers import MODELS
from growlabels.stream.evaluate.scores import PrequentialScores
from growlabels.stream.files.columns import listed
from growlabels.stream.files.read import inputs_of, read_stream
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.rows.array_rows import ArrayRows
from growlabels.stream.rows.aside import Aside
from growlabels.stream.rows.inputs import Inputs
from growlabels.tables import MalformedRow, warnings_of

COUNTED = frozenset({"vw"})
"""Names of the models that must know the number of labels before the first row."""


def run(options: StreamRun, progress: Progress) -> None:
    """Run the stream, print the scores and write the run folder."""
    if options.predictions is not None:
        check_predictions(options.predictions, options.file)
    run_stream(options, progress, options.start, options.checkpoint_every, options.predictions)


def run_stream(
    options: StreamOptions,
    progress: Progress,
    start: Path | None = None,
    checkpoint_every: str | None = None,
    predictions: Path | None = None,
) -> None:
    """Run the stream, print the scores and write the run folder.

    Parameters
    ----------
    options
        Stream, models and output.
    progress
        Function that reports the progress.
    start
        Saved model to continue from; with None, the default, the first model is new.
    checkpoint_every
        Time or number of rows between two checkpoints; with None, the default, there are none.
    predictions
        File for the predictions of each row; with None, the default, they are not kept.
    """
    _check(options, start)
    opener = None
    if options.out is not None:  # check the folder before the work; create it afterwards
        finished = is_finished(options, options.out)
        opener = folder_opener(options, options.out, start)
        if finished:
            _print_finished(opener())
            if predictions is not None and not predictions.exists():
                raise UsageError(
                    "a finished run writes no predictions; run again with another --out"
                )
            return
    for sentence in _warnings(options):
        _say(f"warning: {sentence}")
    with Aside() as aside:
        models = _models(options, start)
        before = getattr(next(iter(models.values())), "n_rows", 0)
        keeper = _keeper(models, opener, checkpoint_every)
        state = None if keeper is None else keeper.restore()
        source = _rows(options, aside, _say)
        if state is None and start is None:
            _keep_inputs(models, options, source)
        rows = UntilStopped(source)
        with opened_predictions(predictions, state) as lines:
            scores = _scores(options, models, rows, progress, keeper, state, lines)
        learned = next(iter(scores.values())).n_rows
        if rows.reason is not None and not learned:
            raise rows.reason
        _print(options, scores, aside)
        outcome = Outcome(next(iter(models.values())), before, scores, aside, rows.reason)
        kept = _keep(options, outcome, opener, keeper)
        if rows.reason is not None:
            rows.reason.args = (f"{rows.reason}; the {learned:,} rows before {kept}",)
            raise rows.reason


def _check(options: StreamOptions, start: Path | None) -> None:
    """Raise if the options contradict each other or are out of range."""
    for name, least in (("every", 1), ("window", 1), ("delay", 0)):
        if getattr(options, name) < least:
            must = f"must be at least {least} row" + "s" * (least == 0)
            raise UsageError.parameter(name, must, getattr(options, name))
    names = options.model_names
    if options.at and not set(names) - COUNTED:
        raise UsageError("Vowpal Wabbit does not rank labels here; omit precision-at")
    if start is not None and names[0] not in SAVED:
        raise UsageError(
            f"start continues a saved iHOMER, so model cannot be {names[0]!r}; omit one of the two"
        )
    if start is not None and not start.exists():
        raise UsageError.missing_file(start, "saved model")
    if options.seed < 0:
        raise UsageError.parameter("seed", "must be at least 0", options.seed)
    if (options.labels or "").endswith(".xml") and not Path(str(options.labels)).is_file():
        raise UsageError.missing_file(options.labels, "label file")
    if options.live and (counted := COUNTED.intersection(names)):
        raise UsageError(
            f"{sorted(counted)[0]} must know the number of labels before the first row, which is "
            "impossible with standard input; write the rows to a file"
        )


def _print_finished(folder: RunFolder) -> None:
    """Print the scores of a run that was finished before."""
    print(json.dumps(json.loads(folder.file("scores.json").read_text("utf-8")), indent=1))
    print(f"this run was finished before; its report is {folder.path / 'report.html'}")


def _keeper(
    models: dict[str, Any], opener: partial[RunFolder] | None, checkpoint_every: str | None
) -> Keeper | None:
    """Return the writer of checkpoints; None without a run folder or if a model has no save."""
    if checkpoint_every is None or opener is None or not Keeper.can_keep(models):
        return None
    out, *identity = opener.args
    keeper = Keeper(out, {"run": identity}, models, checkpoint_every)
    keeper.make_folder = opener
    return keeper


def _keep(
    options: StreamOptions,
    outcome: Outcome,
    opener: partial[RunFolder] | None,
    keeper: Keeper | None,
) -> str:
    """Write the run folder; return where the rows so far are, and how to continue."""
    kept = "were scored; without --out nothing is written"
    if opener is not None:
        folder = opener()
        write_folder(folder, options, outcome)
        print(f"report: {folder.path / 'report.html'}", flush=True)
        kept = f"are in {str(folder.path)!r}"
        if folder.is_written(MODEL):
            kept += f", and IHOMER.load({str(folder.path / MODEL)!r}) continues from there"
        if keeper is not None and folder.finished:
            keeper.clear()
    if isinstance(outcome.reason, StoppedError) and not options.live:
        way_on = "continues from there" if keeper else "starts again at the first row"
        kept += f"; the same command {way_on}"
    return kept


def _rows(
    options: StreamOptions,
    aside: Callable[[MalformedRow], None],
    say: Callable[[str], None] | None = None,
) -> ArrayRows | Iterable[Any]:
    """Read the rows, and shuffle them if asked."""
    rows = read_stream(
        options.file,
        options.labels,
        aside if options.on_error == "skip" else None,
        options.text,
        options.drop,
        options.encoding,
        options.label_separator,
        say,
        options.text_features,
    )
    if not options.shuffle:
        return rows
    if isinstance(rows, ArrayRows):
        return rows.shuffled(options.seed)
    held = list(rows)
    order = np.random.default_rng(options.seed).permutation(len(held))
    return [held[i] for i in order]


def _warnings(options: StreamOptions) -> list[str]:
    """Return what is odd about the rows, if they can be read twice."""
    if options.live or (options.labels or "").endswith(".xml"):
        return []
    named = [] if options.labels is None else listed(options.labels)
    dropped = [] if options.drop is None else listed(options.drop)
    return warnings_of(str(options.file), named, dropped, encoding=options.encoding)


def _say(sentence: str) -> None:
    """Print a note to standard error."""
    print(sentence, file=sys.stderr)


def _keep_inputs(
    models: Mapping[str, Any], options: StreamOptions, rows: ArrayRows | Iterable[Any]
) -> None:
    """Save with the model how the columns of this file become features."""
    model = next(iter(models.values()))
    if not isinstance(model, IHOMER):
        return
    if isinstance(rows, ArrayRows):
        drop = () if options.drop is None else listed(options.drop)
        model.inputs = Inputs(drop=drop, labels=list(map(str, rows.label_names)))
    else:
        model.inputs = inputs_of(
            options.file,
            options.labels,
            options.text,
            options.drop,
            options.encoding,
            options.text_features,
        )


def _models(options: StreamOptions, start: Path | None) -> dict[str, Any]:
    """Make the models by title; count the labels first for models that must know them."""
    labels = 0
    if COUNTED.intersection(options.model_names):
        rows = _rows(options, lambda row: None)
        if isinstance(rows, ArrayRows):
            labels = len(rows.label_names)
        else:
            labels = max(len({label for _, y in rows for label in y or ()}), 1)
    first, *others = options.model_names
    if start is None:
        models = {MODELS[first][0]: MODELS[first][1](labels)}
    else:
        saved = saved_model(start)
        models = {MODELS["paper" if saved.preset == "paper" else "ihomer"][0]: saved}
    return models | {MODELS[name][0]: MODELS[name][1](labels) for name in others}


def _scores(
    options: StreamOptions,
    models: Mapping[str, Any],
    rows: UntilStopped,
    progress: Progress,
    keeper: Keeper | None,
    state: Mapping[str, Any] | None,
    predictions: PredictionsOut | None,
) -> dict[str, PrequentialScores]:
    """Evaluate the models; with a keeper, continue from ``state`` and write checkpoints."""
    if SAVED.intersection(options.model_names):
        progress("loading compiled code, or compiling it once", 0)
        warm_up()
    evaluation = Evaluation(
        models, every=options.every, window=options.window, delay=options.delay, at=options.at
    )
    on_step = None if predictions is None else predictions.add
    after = _nothing
    with rows:
        if keeper is not None:
            keeper.predictions = predictions
            rows.rows = keeper.begin(evaluation, rows.rows, state, options.live)
            after = keeper.after
        evaluation.go(rows, progress, RunningScores(), after, on_step)
        if keeper is not None and isinstance(rows.reason, StoppedError) and not options.live:
            keeper.write()
        return evaluation.end()


def _nothing() -> None:
    """Do nothing after a chunk of rows: there are no checkpoints."""


def _print(options: StreamOptions, scores: Mapping[str, PrequentialScores], aside: Aside) -> None:
    """Print the table of scores and the number of skipped rows."""
    ranks = "".join(f"{f'P@{k}':>7}" for k in options.at)
    print(
        f"{'model':<28}{'exact match':>12}{'micro F1':>10}{'macro F1':>10}{ranks}"
        f"{'rows':>9}{'rows/s':>10}"
    )
    for name, s in scores.items():
        figures = f"{s.exact_match:>12.3f}{s.micro_f1:>10.3f}{s.macro_f1:>10.3f}"
        for k in options.at:
            figures += f"{s.precision_at[k]:>7.3f}" if s.precision_at else f"{'–':>7}"
        print(f"{name:<28}{figures}{s.n_rows:>9,}{s.rows_per_second:>10,.0f}")
    for note in unknown_labels(next(iter(scores.values()))):
        print(note)
    if aside.first is not None:
        unit = "row" if source_name(options).lower().endswith(".parquet") else "line"
        where = "" if options.out is None else f", all in {options.out / MALFORMED}"
        first = f"the first, {unit} {aside.first.number}: {aside.first.reason}"
        print(f"{count_aside(aside)} skipped{where}; {first}")
