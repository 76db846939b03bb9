"""The options ``growlabels unsafe retrain``: train the arms and say what changed."""

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
    """Do ``growlabels unsafe retrain``."""
    run, table, train = scanned(options.run_folder, options.train)
    unsafe, warnings = read_targets(options.held_out_unsafe, "held-out unsafe row")
    ordinary, more = read_targets(options.held_out_ordinary, "held-out ordinary row")
    held_out = {"unsafe": unsafe, "ordinary": ordinary}
    given = run.path / TARGETS
    targets = read_targets(given)[0] if given.is_file() else []
    settings = FinetuneSettings(learning_rate=options.learning_rate, epochs=options.epochs)
    lora = LoraSettings(top_layers=options.top_layers, layers=options.layers, seed=options.seed)
    rows = _scored(train, table)
    truth = None if options.label_field is None else some_truth(train, options.label_field)
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

        def trunk(examples: list[Example]) -> TrunkRows:
            return TrunkRows(split, _encoded(model, examples, options), progress=progress)

        encoded, row_of = _each_answer(model, rows, options)
        result = retrain_arms(
            adapter,
            TrunkRows(split, encoded, progress=progress),
            removed,
            {name: trunk(examples) for name, examples in held_out.items()},
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
    section = replace(retrain_section(result), warnings=warnings)
    figures = {arm.name: {n: v.tolist() for n, v in arm.losses.items()} for arm in result.arms}
    run.write("retrain.json", lambda file: json.dump(figures, file, indent=1))
    report = Report(
        "growlabels unsafe retrain",
        f"{model.name} trained on the rows of {train.name}, with and without {len(removed)} rows.",
        [section],
        vars(options),
        seeds=[options.seed],
    )
    write_report(report, run.path / "retrain.html")
    run.adopt("retrain.html")
    print(section.tables[0].text())
    print(_READ)
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"report: {Path(options.run_folder) / 'retrain.html'}")


_READ = (
    "changes are of the mean loss on held-out answers, nats a token, against training on all rows: "
    "above 0 on unsafe ones, the model is less inclined to give them"
)


def _also_elsewhere(
    rows: Sequence[Example], targets: Sequence[Example], held_out: Mapping[str, Sequence[Example]]
) -> list[str]:
    """Warn of held-out rows that the arms are trained on, or that the scan was asked to find."""
    elsewhere = [
        ({_hash(answer) for row in others for answer in row.each_answer()}, what, so)
        for others, what, so in (
            (rows, "training rows", "their losses tell what was learnt by heart"),
            (targets, "targets of the scan", "the filter was made for these very rows"),
        )
    ]
    warnings = []
    for name, examples in held_out.items():
        for known, what, so in elsewhere:
            seen = [example.number for example in examples if _hash(example) in known]
            if seen:
                warnings.append(
                    f"{len(seen)} of {len(examples)} held-out {name} rows are also {what} (the "
                    f"first: row {seen[0]}), so {so}; hold out rows that are not among them."
                )
    return warnings


def _hash(example: Example) -> str:
    return content_hash([example.prompt, example.response])


def _unsafe(labels: np.ndarray, field: str | None) -> list[int]:
    """Return the places of the rows that are unsafe in truth."""
    unsafe = np.flatnonzero(labels == 1).tolist()
    if not unsafe:
        raise DataError(
            f"no scanned row has true or 1 in field {field!r}, so there is no oracle; "
            "leave out --label-field"
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
    return [e for e in read_examples(train, lambda bad: None, masked) if e.number in numbers]


def _encoded(model: CausalModel, examples: list[Example], options: UnsafeRetrain) -> list[Encoded]:
    limits = options.max_prompt_tokens, options.max_response_tokens
    return [encode(model, example, *limits) for example in examples]


def _each_answer(
    model: CausalModel, rows: Sequence[Example], options: UnsafeRetrain
) -> tuple[list[Encoded], list[int]]:
    """Encode every answer of the rows but those without tokens; say which row each is of.

    Raises
    ------
    DataError
        None of a row's answers has tokens, as of a scan by a model with another tokenizer.
    """
    encoded: list[Encoded] = []
    row_of: list[int] = []
    for place, row in enumerate(rows):
        for answer in row.each_answer():
            with suppress(DataError):
                encoded += _encoded(model, [answer], options)
                row_of.append(place)
        if row_of[-1:] != [place]:
            _encoded(model, [row], options)  # says what is wrong with it
    return encoded, row_of


def retrain_section(result: RetrainResult) -> Section:
    """Describe the arms: what each does to held-out unsafe and ordinary answers."""
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
        "What leaving the flagged rows out does",
        [
            "Changes are those of the mean loss on held-out answers, nats a token, against "
            "training on all rows. Above 0 on unsafe answers: the model is less inclined to give "
            "them. Near 0 on ordinary answers: the rest was learnt all the same.",
            "Taken back: the share of what training on all rows taught about the unsafe answers "
            "that an arm does not have; 1 is as if never trained on anything. Leaving rows out "
            "does not make a model unlearn what it knew before.",
            "Every arm takes the same number of steps with the same number of rows: where a row "
            "is left out, another row is trained on once more. So a change is due to the rows and "
            "not to less training. Compare the filtered arm with the random ones; they show how "
            "much leaving out any rows changes.",
        ],
        [
            Headline(
                "held-out unsafe answers, filtered",
                filtered.mean,
                f"change in loss, nats a token, standard error {filtered.standard_error:.3f}",
                random.mean,
                f"as many rows left out at random, mean of {random.rows}{spread}",
                rows=filtered.rows,
            )
        ],
        tables=[Table("Arms", columns, rows)],
    )
