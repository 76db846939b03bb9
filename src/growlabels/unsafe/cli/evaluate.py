"""Run ``growlabels unsafe evaluate``."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import atomic_write
from growlabels.base.progress import Progress
from growlabels.base.runs import require_folder
from growlabels.report import Report, Section, Table, write_report
from growlabels.tables import open_table
from growlabels.unsafe.cli.commands import UnsafeEvaluate
from growlabels.unsafe.cli.evaluate_parts import Parts, path_hash
from growlabels.unsafe.cli.targets import read_prompts
from growlabels.unsafe.measure.pair_bias import Bias, pair_bias
from growlabels.unsafe.model.generate import Generator, opened
from growlabels.unsafe.model.model import CausalModel, load_model
from growlabels.unsafe.moderate.choice import moderator_of
from growlabels.unsafe.moderate.judges import Rate, attack_success, over_refusal, refusal_judge
from growlabels.unsafe.moderate.moderator import Moderator
from growlabels.unsafe.rows.examples import Example, half_character

_PARTS = "parts"
_ATTACK = "attack success"


@dataclass(frozen=True)
class _Pair:
    pro: str
    anti: str


@dataclass(frozen=True)
class _Asked:
    """Hold the prompts and pairs for every model."""

    harmful: list[str]
    harmless: list[str]
    pairs: list[_Pair]


def run(options: UnsafeEvaluate, progress: Progress) -> None:
    """Evaluate a model with and without adapters, and write the report."""
    if not (options.harmful or options.harmless or options.pairs):
        raise UsageError("give at least one of --harmful, --harmless and --pairs")
    require_folder(options.out)
    asked = _Asked(
        read_prompts(options.harmful) if options.harmful else [],
        read_prompts(options.harmless) if options.harmless else [],
        _pairs(options.pairs) if options.pairs else [],
    )
    judge = (
        moderator_of(options.judge, (), options.moderator_model, options.budget)
        if options.judge
        else refusal_judge
    )
    adapters = _adapter_folders(options.adapters)
    model = load_model(options.model, options.device, options.dtype)
    for _, folder in adapters:
        with opened(model, folder):
            pass  # fail now, and not after hours of answers, if an adapter does not fit
    options.out.mkdir(parents=True, exist_ok=True)
    measure = _Measure(options, asked, judge, Parts(options.out / _PARTS), progress)
    found: dict[str, dict[str, Any]] = {}
    answers: list[list[object]] = []
    for name, folder in [("no adapter", None), *adapters]:
        figures = found[name] = {}
        with opened(model, folder) as adapted:
            made_from = [
                model.fingerprint,
                *_not_usual(options.dtype),
                path_hash(folder) if folder else "",
            ]
            for kind, figure, said in measure(adapted, made_from):
                figures[kind] = figure
                answers += [[name, kind, *cells] for cells in said]
                _write_figures(options.out, found)
    section = evaluate_section(found, answers, options.judge is not None, options.show_text)
    summary = f"{model.name} with {len(adapters)} adapters."
    settings = {**vars(options), "adapters": [str(folder) for folder in options.adapters]}
    report = Report("growlabels unsafe evaluate", summary, [section], settings)
    write_report(report, options.out / "evaluate.html")
    print(section.tables[0].text())
    for warning in section.warnings:
        print(f"warning: {warning}")
    print(f"report: {options.out / 'evaluate.html'}")


def _not_usual(dtype: str) -> list[str]:
    """Return what decides the answers beside the model's files; nothing for float32."""
    return [] if dtype == "float32" else [dtype]


def _write_figures(out: Path, found: dict[str, dict[str, Any]]) -> None:
    """Write all figures computed so far."""
    with atomic_write(out / "evaluate.json") as file:
        json.dump({n: {k: asdict(v) for k, v in m.items()} for n, m in found.items()}, file)


@dataclass(frozen=True)
class _Measure:
    """Compute the figures of each model, or read those that the parts folder holds."""

    options: UnsafeEvaluate
    asked: _Asked
    judge: Moderator
    parts: Parts
    progress: Progress

    def __call__(
        self, model: CausalModel, made_from: list[str]
    ) -> Iterator[tuple[str, Rate | Bias, list[list[object]]]]:
        """Yield each figure as it is computed: its name, its value and the answers."""
        if self.asked.harmful:
            key, answers = self._answers(model, self.asked.harmful, made_from)
            yield _ATTACK, self._attack_success(key, answers), _cells(answers)
        if self.asked.harmless:
            _, answers = self._answers(model, self.asked.harmless, made_from)
            yield "over-refusal", over_refusal(answers), _cells(answers)
        if self.asked.pairs:
            key = ["bias", *made_from, [[p.pro, p.anti] for p in self.asked.pairs]]
            bias = self.parts(
                key, lambda: asdict(pair_bias(model, self.asked.pairs, self.progress))
            )
            yield "bias", Bias(**bias), []

    def _answers(
        self, model: CausalModel, prompts: list[str], made_from: list[str]
    ) -> tuple[list[object], list[Example]]:
        limit = self.options.max_response_tokens
        key = ["answers", *made_from, limit, prompts]
        generate = Generator(model, limit)
        texts = self.parts(key, lambda: generate(prompts, self.progress))
        return key, [
            Example(f"prompt {i}", i, prompt, text, {})
            for i, (prompt, text) in enumerate(zip(prompts, texts, strict=True), 1)
        ]

    def _attack_success(self, key: list[object], answers: list[Example]) -> Rate:
        spec = self.options.judge or ""
        if spec.startswith("http"):  # caches its own verdicts, and retries unjudged answers
            return attack_success(answers, self.judge, self.progress)
        judged = [_ATTACK, key, spec, path_hash(spec.partition(":")[2]) if spec else ""]
        return Rate(
            **self.parts(judged, lambda: asdict(attack_success(answers, self.judge, self.progress)))
        )


def _cells(answers: Sequence[Example]) -> list[list[object]]:
    return [[a.number, a.prompt, a.response] for a in answers]


def evaluate_section(
    found: dict[str, dict[str, Rate | Bias]],
    answers: Sequence[Sequence[object]],
    judged: bool,
    show_text: bool = False,
) -> Section:
    """Describe an evaluation as a report section. Answers are shown only with ``show_text``."""
    rows: list[list[object]] = []
    for name, figures in found.items():
        for what, figure in figures.items():
            if isinstance(figure, Rate):
                interval = f"{figure.low:.2f} to {figure.high:.2f}"
                rows.append([name, what, figure.share, interval, figure.judged, figure.unjudged])
            else:
                error = f"standard error {figure.standard_error:.3f}"
                if figure.per_token:
                    error += f", {figure.per_token} pairs in nats per token"
                rows.append([name, what, figure.mean, error, figure.pairs, 0])
                share = figure.preferred
                rows.append([name, "stereotype preferred", share, None, figure.pairs, 0])
    text = [
        "Attack success is the share of unsafe answers to harmful prompts. Over-refusal is the "
        "share of harmless prompts that are refused, judged by how the answer begins. Lower is "
        "better for both. The intervals are 95 % Wilson intervals.",
        "Bias is the mean of log P(stereotype) - log P(opposite) over the differing words, in nats "
        "per pair; 0 means no preference. Stereotype preferred is the share of pairs in which it "
        "is positive; 0.5 means no preference.",
    ]
    warnings = (
        []
        if judged
        else [
            "No judge was given, so every answer that does not begin like a refusal counts as "
            "unsafe. This overstates attack success. Give --judge."
        ]
    )
    columns = ["model", "prompt set", "number"]
    columns += ["prompt", "answer"] if show_text else ["characters of the answer"]
    shown = [[*row[:3], *(row[3:] if show_text else [len(str(row[4]))])] for row in answers]
    note = "" if show_text else "The text is hidden. Add --show-text to show it."
    tables = [
        Table("Figures", ["model", "figure", "value", "uncertainty", "judged", "unjudged"], rows),
        Table("Answers", columns, shown, note),
    ]
    return Section("Is the model safer?", text, tables=tables[: 1 + bool(shown)], warnings=warnings)


def _pairs(path: Path) -> list[_Pair]:
    pairs = []
    for row in open_table(path):
        pro, anti = row.data.get("pro"), row.data.get("anti")
        if not isinstance(pro, str) or not isinstance(anti, str):
            raise DataError(f"{path} row {row.number} must have the strings 'pro' and 'anti'")
        if half := half_character(pro + anti):
            raise DataError(f"{path} row {row.number} holds {half}; correct or remove the row")
        pairs.append(_Pair(pro, anti))
    if not pairs:
        raise DataError(f"{path} contains no pairs; give at least one")
    return pairs


def _adapter_folders(given: Sequence[Path]) -> list[tuple[str, Path]]:
    """Name the adapters. A run folder stands for those that retrain saved in it."""
    found: list[tuple[str, Path]] = []
    for folder in given:
        inside = sorted(f for f in (folder / "adapters").glob("*") if f.is_dir())
        found += [(f.name, f) for f in inside] or [(str(folder), folder)]
    return found
