"""Run ``growlabels unsafe retrain``: train the arms, and report what changed."""

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from growlabels.base.errors import DataError
from growlabels.base.files import content_hash
from growlabels.base.progress import Progress
from growlabels.base.runs import RunFolder
from growlabels.report import Headline, Report, Section, Table, write_report
from growlabels.tables import RowSource
from growlabels.unsafe.cli.commands import UnsafeRetrain
from growlabels.unsafe.cli.scanned import reviewed, scanned, some_truth
from growlabels.unsafe.decide.decisions import Decision
from growlabels.unsafe.decide.filter import rejected_rows
from growlabels.unsafe.decide.review import TARGETS
from growlabels.unsafe.gradients.scorer import adapter_split
from growlabels.unsafe.measure.arms import ArmSettings, RetrainResult, retrain_arms
from growlabels.unsafe.model.adapter_files import save_adapter
from growlabels.unsafe.model.encode import Encoded, encode
from growlabels.unsafe.model.finetune import FinetuneSettings
from growlabels.unsafe.model.lora import LoraSettings, attach
from growlabels.unsafe.model.model import CausalModel, load_model
from growlabels.unsafe.model.trunk import TrunkRows
from growlabels.unsafe.rows.examples import Example, read_examples
from growlabels.unsafe.rows.targets import read_targets
from growlabels.unsafe.scores.score_table import ScoreTable


def run(options: UnsafeRetrain, progress: Progress) -> None:
    """Train the arms on the rows of a scan, and write the report."""
    run, table, train = scanned(options.run_folder, options.train)
    unsafe, warnings = read_targets(options.held_out_unsafe, "held-out unsafe row")
    ordinary, more = read_targets(options.held_out_ordinary, "held-out ordinary row")
    held_out = {"unsafe": unsafe, "ordinary": ordinary}
    given = run.path / TARGETS
    targets = read_targets(given)[0] if given.is_file() else []
    settings = FinetuneSettings(learning_rate=options.learning_rate, epochs=options.epochs)
    lora = LoraSettings(top_layers=options.top_layers, layers=options.layers, seed=options.seed)
    rows = _scored(train, table)
    truth = None
    if options.label_field is not None:
        truth = some_truth(train, options.label_field, table.encoding)
    decided: dict[str, Decision] = {}
    if options.decisions:
        decided, table = reviewed(run, table)
    labels = None if truth is None else np.array([truth.get(e.id, np.nan) for e in rows], float)
    removed = _removed(table, options.threshold, decided, truth)
    others = {} if labels is None else {"oracle": _unsafe(labels, options.label_field)}
    model = load_model(options.model, options.device, options.dtype)
    made_from = table.facts["rows_sha256"], model.fingerprint, vars(lora)
    limits = options.max_prompt_tokens, options.max_response_tokens
    inputs = content_hash([*made_from, *limits, [example.number for example in rows]])
    adapters = run.path / "adapters"
    if adapters.exists():
        shutil.rmtree(adapters)
    with attach(model, lora) as adapter:
        split = adapter_split(adapter)

        def trunk(encoded: list[Encoded]) -> TrunkRows:
            return TrunkRows(split, encoded, progress=progress)

        encoded, row_of = _each_answer(model, rows, options)
        result = retrain_arms(
            adapter,
            trunk(encoded),
            removed,
            {name: trunk(_encoded(model, some, options)) for name, some in held_out.items()},
            ArmSettings(
                settings,
                options.random_arms,
                options.seed,
                lambda name, _: save_adapter(adapter, lora, adapters / name.replace(" ", "-")),
                run.path / "retrain",
                inputs,
            ),
            others=others,
            row_of=row_of,
            progress=progress,
        )
    warnings += [*more, *_also_elsewhere(rows, targets, held_out)]
    summary = (
        f"{model.name} trained on the rows of {train.name}, with and without {len(removed)} rows."
    )
    _write(options, run, result, warnings, summary)


def _write(
    options: UnsafeRetrain,
    run: RunFolder,
    result: RetrainResult,
    warnings: list[str],
    summary: str,
) -> None:
    """Write figures and report, and print the table of the arms."""
    section = replace(retrain_section(result), warnings=warnings)
    figures = {arm.name: {n: v.tolist() for n, v in arm.losses.items()} for arm in result.arms}
    run.write("retrain.json", lambda file: json.dump(figures, file, indent=1))
    report = Report(
        "growlabels unsafe retrain", summary, [section], vars(options), seeds=[options.seed]
    )
    write_report(report, run.path / "retrain.html")
    run.adopt("retrain.html")
    print(section.tables[0].text())
    print(_LEGEND)
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"report: {Path(options.run_folder) / 'retrain.html'}")


_LEGEND = (
    "Changes are of the mean loss on held-out answers in nats per token, against training on all "
    "rows. A positive change means that the answers became less likely."
)


def _also_elsewhere(
    rows: Sequence[Example], targets: Sequence[Example], held_out: Mapping[str, Sequence[Example]]
) -> list[str]:
    """Warn of held-out rows that are also training rows or targets of the scan."""
    elsewhere = [
        ({_hash(answer) for row in others for answer in row.each_answer()}, what, so)
        for others, what, so in (
            (rows, "training rows", "their losses measure memorisation"),
            (targets, "targets of the scan", "the filter was fitted to these rows"),
        )
    ]
    warnings = []
    for name, examples in held_out.items():
        for known, what, so in elsewhere:
            seen = [example.number for example in examples if _hash(example) in known]
            if seen:
                warnings.append(
                    f"{len(seen)} of {len(examples)} held-out {name} rows are also {what} (the "
                    f"first: row {seen[0]}), so {so}. Hold out other rows."
                )
    return warnings


def _hash(example: Example) -> str:
    return content_hash([example.prompt, example.response])


def _unsafe(labels: np.ndarray, field: str | None) -> list[int]:
    """Return the indices of the rows that are labelled unsafe."""
    unsafe = np.flatnonzero(labels == 1).tolist()
    if not unsafe:
        raise DataError(
            f"no scanned row has true or 1 in field {field!r}, so there is no oracle; "
            "omit --label-field"
        )
    return unsafe


def _removed(
    table: ScoreTable,
    threshold: str,
    decided: Mapping[str, Decision],
    truth: Mapping[str, int] | None,
) -> list[int]:
    removed = np.flatnonzero(rejected_rows(table, threshold, decided, truth)[0]).tolist()
    if not removed:
        raise DataError(
            f"threshold {threshold} flags no row, so there is nothing to compare; "
            "choose another --threshold, for example top:10"
        )
    return removed


def _scored(train: RowSource, table: ScoreTable) -> list[Example]:
    """Read the scanned rows in the table's order."""
    numbers = set(map(int, table.number))
    masked = bool(table.facts.get("score_masked"))
    return [
        e
        for e in read_examples(train, lambda bad: None, masked, table.encoding)
        if e.number in numbers
    ]


def _encoded(model: CausalModel, examples: list[Example], options: UnsafeRetrain) -> list[Encoded]:
    limits = options.max_prompt_tokens, options.max_response_tokens
    return [encode(model, example, *limits) for example in examples]


def _each_answer(
    model: CausalModel, rows: Sequence[Example], options: UnsafeRetrain
) -> tuple[list[Encoded], list[int]]:
    """Encode every answer that has tokens, and return the row index of each.

    Raises
    ------
    DataError
        A row has no answer with tokens, for example if the scan used another tokenizer.
    """
    encoded: list[Encoded] = []
    row_of: list[int] = []
    for place, row in enumerate(rows):
        for answer in row.each_answer():
            with suppress(DataError):
                encoded += _encoded(model, [answer], options)
                row_of.append(place)
        if row_of[-1:] != [place]:
            _encoded(model, [row], options)  # raises the error that explains why
    return encoded, row_of


def retrain_section(result: RetrainResult) -> Section:
    """Return the report section of the arms and their effect on held-out answers."""
    rows: list[list[object]] = []
    for arm in result.arms:
        unsafe, ordinary = (result.change(arm.name, name) for name in ("unsafe", "ordinary"))
        rows.append([arm.name, arm.rows, len(arm.removed)])
        rows[-1] += [unsafe.mean, unsafe.standard_error, ordinary.mean, ordinary.standard_error]
        rows[-1].append(result.taken_back(arm.name, "unsafe"))
    columns = ["trained on", "rows", "left out", "unsafe: change", "standard error"]
    columns += ["ordinary: change", "standard error", "taken back"]
    filtered, random = result.change("filtered", "unsafe"), result.random_change("unsafe")
    spread = f", standard error {random.standard_error:.3f}" if random.rows > 1 else ""
    return Section(
        "Effect of leaving out the flagged rows",
        [
            "Changes are of the mean loss on held-out answers in nats per token, against training "
            "on all rows. A positive change on unsafe answers means that they became less likely. "
            "A change near 0 on ordinary answers means that they were learnt equally well.",
            "Taken back is the share of the effect of training on all rows on the unsafe answers "
            "that an arm lacks; 1 means no effect, as without training. Leaving out rows does not "
            "make a model unlearn what it knew before.",
            "Every arm takes the same number of steps of the same size, and another row replaces "
            "each row that is left out. A change is therefore due to the rows and not to less "
            "training. Compare the filtered arm with the random arms, which show the effect of "
            "leaving out any rows.",
        ],
        [
            Headline(
                "held-out unsafe answers, filtered",
                filtered.mean,
                f"change in loss in nats per token, standard error {filtered.standard_error:.3f}",
                random.mean,
                f"the same number of random rows left out, mean of {random.rows}{spread}",
                rows=filtered.rows,
            )
        ],
        tables=[Table("Arms", columns, rows)],
    )
