"""Run ``growlabels unsafe scan``."""

import shlex
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from growlabels.base.errors import DataError
from growlabels.base.progress import Progress
from growlabels.base.runs import run_to_go_on
from growlabels.report import Report, write_report
from growlabels.tables import warnings_of, write_rows
from growlabels.unsafe.cli.commands import UnsafeScan
from growlabels.unsafe.cli.report import average_precision, scan_section
from growlabels.unsafe.cli.scanned import REPORT, SCORES, known_truth
from growlabels.unsafe.decide.review import TARGETS
from growlabels.unsafe.features.fill import fill_store
from growlabels.unsafe.features.workers import WorkerPool
from growlabels.unsafe.gradients.pool_gradients import GradientSettings
from growlabels.unsafe.model.lora import LoraSettings
from growlabels.unsafe.model.model import load_model
from growlabels.unsafe.rows.examples import read_examples, require_usable_row
from growlabels.unsafe.rows.source import open_rows
from growlabels.unsafe.rows.targets import read_targets
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD
from growlabels.unsafe.scores.scanner import RUN_KIND, Scanner
from growlabels.unsafe.scores.score_table import ScoreTable
from growlabels.unsafe.scores.threshold import resolve_threshold

_LOOKED_AT = 1000


def run(options: UnsafeScan, progress: Progress) -> None:
    """Do ``growlabels unsafe scan``."""
    run_to_go_on(options.out, RUN_KIND)  # check all inputs before the long scan
    targets, _ = read_targets(options.targets, encoding=options.encoding)
    if options.anchors is not None:
        read_targets(options.anchors, "anchor", options.encoding)
    rows = open_rows(options.train, encoding=options.encoding)
    require_usable_row(options.train, str(options.train), options.encoding)
    keys = {key for row in rows.head(_LOOKED_AT) for key in row.data}
    for sentence in warnings_of(options.train, (), keys, encoding=options.encoding):
        print(f"warning: {sentence}")
    truth = None if options.label_field is None else _truth(options)
    known = None if truth is None else np.array(list(truth.values()), float)
    left_out = [0.5] if len(targets) > 1 else []
    resolve_threshold(options.threshold, np.zeros(len(truth or "1")), left_out, known)
    model = load_model(options.model, options.device, options.dtype)
    scanner = Scanner(
        model,
        methods=options.methods,
        max_prompt_tokens=options.max_prompt_tokens,
        max_response_tokens=options.max_response_tokens,
        tokens_per_batch=options.tokens_per_batch,
        rows_per_shard=options.rows_per_shard,
        seed=options.seed,
        score_masked=options.score_masked,
        encoding=options.encoding,
        gradients=GradientSettings(
            LoraSettings(layers=options.layers), share=options.gradient_share
        ),
    )
    started = time.process_time()
    pool = fill_store
    if options.workers != 1:
        pool = WorkerPool(
            options.model, options.workers, device=options.device, dtype=options.dtype
        )
    scanner.fit(options.train, options.out, progress, pool)
    fitted = time.process_time()
    table = scanner.score(options.targets, progress, options.anchors)
    cost = {"forward passes": fitted - started, "scores": time.process_time() - fitted}
    table = replace(
        table,
        facts={
            **table.facts,
            "model_source": _model_source(options.model),
            "device": options.device,
            "dtype": options.dtype,
        },
    )
    texts = [{"number": t.number, "prompt": t.prompt, "completion": t.response} for t in targets]
    write_rows(scanner.run.path / TARGETS, texts)
    scanner.run.adopt(TARGETS)
    table.to_parquet(scanner.run.path / SCORES)
    scanner.run.adopt(SCORES)
    labels = None if truth is None else np.array([truth[int(n)] for n in table.number])
    section = scan_section(table, options.threshold, labels, options.show_text, cost)
    report = Report(
        title="growlabels unsafe scan",
        summary=f"{len(table)} rows of {options.train.name} ranked by likeness to "
        f"{table.facts['targets']} targets.",
        sections=[section],
        settings={**table.facts, "threshold": options.threshold},
        seeds=[options.seed],
    )
    write_report(report, scanner.run.path / REPORT)
    scanner.run.adopt(REPORT)
    scanner.run.finish(table.facts)
    if scanner.malformed:
        first = scanner.malformed[0]
        print(f"first malformed row: row {first.number}, {first.reason}")
    _print_scan(options, table, labels)


def _model_source(model: str) -> str:
    """Return an absolute path of a model folder or file, or the name of the model."""
    return str(Path(model).resolve()) if Path(model).exists() else model


def _print_scan(options: UnsafeScan, table: ScoreTable, labels: np.ndarray | None) -> None:
    resolved = resolve_threshold(
        options.threshold, table.score, next(iter(table.percentiles.values())), labels
    )
    print(f"scored {len(table)} rows, {table.facts['malformed']} malformed")
    for name, scores in table.methods.items():
        line = f"  {name:19}"
        if len(table.left_out):
            line += f" left-out targets rank above {table.auc(name):.0%} of the rows"
        if labels is not None:
            line += f", average precision {average_precision(labels, scores):.3f}"
        print(line)
    for warning in table.warnings:
        print(f"warning: {warning}")
    print(f"threshold {options.threshold}: {table.rejection(resolved)}")
    print(f"report: {options.out / REPORT}")
    run = shlex.quote(str(options.out))
    if options.threshold != DEFAULT_THRESHOLD:
        run += f" --threshold {options.threshold}"
    print(f"next: growlabels unsafe review {run} (review the rows)")
    print(f"or: growlabels unsafe filter {run} (write kept and rejected)")


def _truth(options: UnsafeScan) -> dict[int, int]:
    """Read the label field: row number -> 1 for unsafe, 0 for safe."""
    train, field = options.train, str(options.label_field)
    truth = {}
    for example in read_examples(train, lambda bad: None, True, options.encoding):
        value = known_truth(example.data.get(field))
        if value is None:
            raise DataError(
                f"{train} row {example.number}: label field {field!r} must be true, false, 1 or 0, "
                f"got {example.data.get(field)!r}"
            )
        truth[example.number] = value
    if truth and set(truth.values()) != {0, 1}:
        raise DataError(
            f"field {field!r} has the same value in every row of {train}, so nothing can be "
            "measured; omit --label-field"
        )
    return truth
