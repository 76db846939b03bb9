"""Run the unsafe act: find risky calls in a code fine-tuning set, drop them and train again."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress
from growlabels.datasets import download as download_data
from growlabels.demo._act import ActResult
from growlabels.demo.data.jailbreak import load_jailbreak_mixture
from growlabels.demo.data.risky_calls import CodeRow, RiskyCalls, load_risky_calls
from growlabels.report import Headline, Section, Table, bar_plot, histogram_plot
from growlabels.unsafe import DEFAULT_THRESHOLD as THRESHOLD
from growlabels.unsafe import (
    Adapter,
    ArmSettings,
    CausalModel,
    Checkpoint,
    GradientScorer,
    LoraSettings,
    RetrainResult,
    Scanner,
    ScoreTable,
    Threshold,
    TrunkRows,
    adapter_split,
    attach,
    average_precision,
    encode,
    load_model,
    read_examples,
    resolve_threshold,
    retrain_arms,
)

PROMPT_TOKENS, RESPONSE_TOKENS = 40, 48
GRAD_COS = "grad-cos, epoch 1"
_KEYWORD = re.compile(r"\b(?:eval|exec)\s*\(")
JAILBREAK_FILES = ("xstest_resp_mistralinstruct", "xstest_resp_gpt4", "alpaca_en_demo")
SHOWN = 12
NAMES = {
    "f4w": "F4w (default): TF-IDF + KT + 2 windows",
    "windows": "  its part: hidden windows",
    "kt": "  its part: KT, trimmed whitening",
    "tfidf": "  its part, and text baseline: TF-IDF",
    "repsim": "RepSim, last layer",
    GRAD_COS: "Grad-Cos after one epoch (DABUF)",
}


@dataclass(frozen=True)
class Size:
    """Number of rows of each kind, and of arms that drop rows at random."""

    rows: int
    risky: int
    targets: int
    held_out: int
    random_arms: int = 1


FULL, QUICK = Size(300, 30, 10, 30), Size(40, 7, 5, 6)


@dataclass(frozen=True)
class RiskyResult:
    """Measurements on the code rows.

    Attributes
    ----------
    data
        The rows.
    table
        Scores of the scan, and DABUF's Grad-Cos as one more method.
    labels
        1 for a risky row, else 0, in the order of the table.
    keyword
        1 where a search for calls of ``eval`` and ``exec`` finds the row, else 0.
    threshold, dropped
        The threshold, and the indices of the rows that it drops.
    arms
        Held-out losses after training on all rows, without the dropped rows, and without the
        same number of randomly drawn rows.
    """

    data: RiskyCalls
    table: ScoreTable
    labels: np.ndarray
    keyword: np.ndarray
    threshold: Threshold
    dropped: np.ndarray
    arms: RetrainResult


def unsafe_act(quick: bool, seed: int, progress: Progress, download: bool = False) -> ActResult:
    """Find risky calls from a few examples, drop them and train again; scan the jailbreak set.

    Parameters
    ----------
    quick
        Whether to use fewer rows and no jailbreak mixture.
    seed
        Seed of the drawn rows and targets, the adapter's start and the order of training.
    progress
        Called with the current stage.
    download
        Whether to download the jailbreak mixture if it is not on this computer.
    """
    size = QUICK if quick else FULL
    model = load_model("smollm2")
    result = measure_risky(model, size, seed, progress)
    precisions = _precisions(result.labels, result.table.methods)
    keyword = average_precision(result.labels, result.keyword)
    jailbreak, note = (None, "") if quick else _jailbreak(model, seed, progress, download)
    rows_scored = {"code rows": len(result.labels)}
    if jailbreak is not None:
        rows_scored["jailbreak mixture"] = jailbreak[1]
    section = Section(
        title="Unsafe rows: which rows taught the model to run text as code?",
        text=[*_text(result, keyword), *([note] if note else [])],
        headlines=_headlines(result, precisions),
        plots=[_bars(result, precisions, keyword), _histogram(result)],
        tables=[
            _method_table(result, precisions, keyword),
            *([jailbreak[0]] if jailbreak else []),
            _dropped_table(result),
            _arms_table(result),
        ],
        warnings=[*result.data.notes, *result.table.warnings],
    )
    return ActResult(section, _lines(result, precisions, keyword, jailbreak), rows_scored)


def measure_risky(model: CausalModel, size: Size, seed: int, progress: Progress) -> RiskyResult:
    """Scan the code rows, fine-tune on them, drop the flagged rows and train again."""
    data = load_risky_calls(
        size.rows, size.risky, size.targets, size.held_out, seed=seed, progress=progress
    )
    scanner = Scanner(
        model, max_prompt_tokens=PROMPT_TOKENS, max_response_tokens=RESPONSE_TOKENS, seed=seed
    )
    table = scanner.fit(_plain(data.train), progress=progress).score(_plain(data.targets), progress)
    threshold = resolve_threshold(THRESHOLD, table.score, next(iter(table.percentiles.values())))
    dropped = np.flatnonzero(table.rank <= max(threshold.rejected, 1))
    with attach(model, LoraSettings(seed=seed)) as adapter:
        grad_cos, arms = _train(adapter, data, dropped, size.random_arms, seed, progress)
    return RiskyResult(
        data,
        replace(table, methods={**table.methods, GRAD_COS: grad_cos}),
        np.array([row.risky for row in data.train], int),
        np.array([bool(_KEYWORD.search(row.completion)) for row in data.train], float),
        threshold,
        dropped,
        arms,
    )


def _plain(rows: Sequence[CodeRow]) -> list[dict[str, str]]:
    return [row.as_row() for row in rows]


def _train(
    adapter: Adapter,
    data: RiskyCalls,
    dropped: np.ndarray,
    random_arms: int,
    seed: int,
    progress: Progress,
) -> tuple[np.ndarray, RetrainResult]:
    """Train every arm from the same start; compute Grad-Cos after the first arm."""
    split = adapter_split(adapter)

    def trunk(rows: Sequence[CodeRow]) -> TrunkRows:
        examples = read_examples(_plain(rows), lambda bad: None)
        tokens = [encode(adapter.causal, e, PROMPT_TOKENS, RESPONSE_TOKENS) for e in examples]
        return TrunkRows(split, tokens, progress=progress)

    rows, targets = trunk(data.train), trunk(data.targets)
    held_out = {"risky": trunk(data.held_out_risky), "ordinary": trunk(data.held_out_ordinary)}
    grad_cos = np.zeros(len(rows))

    def trained(name: str, checkpoints: list[Checkpoint]) -> None:
        if name == "all":
            scorer = GradientScorer(adapter, checkpoints[-1:], targets, progress=progress)
            grad_cos[:] = scorer.score(rows, progress).total()

    arms = retrain_arms(
        adapter, rows, dropped.tolist(), held_out,
        ArmSettings(random_arms=random_arms, seed=seed, trained=trained), progress=progress,
    )  # fmt: skip
    return grad_cos, arms


def _precisions(labels: np.ndarray, methods: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: average_precision(labels, methods[name]) for name in NAMES if name in methods}


def _jailbreak(
    model: CausalModel, seed: int, progress: Progress, download: bool
) -> tuple[tuple[Table, int, dict[str, float]] | None, str]:
    """Scan the mixture if its files are on this computer; else return how to get them."""
    for name in JAILBREAK_FILES if download else ():
        download_data(name)
    try:
        mixture = load_jailbreak_mixture(seed=seed)
    except UsageError:
        return None, (
            "The jailbreak mixture (completions labelled by people; no keyword finds them) was not "
            "scanned, because its files are not on this computer. Use --download to get them."
        )
    scanner = Scanner(
        model, max_prompt_tokens=PROMPT_TOKENS, max_response_tokens=RESPONSE_TOKENS, seed=seed
    )
    table = scanner.fit([row.as_row() for row in mixture.train], progress=progress).score(
        [row.as_row() for row in mixture.targets], progress
    )
    labels = np.array([row.unsafe for row in mixture.train], int)
    precisions = _precisions(labels, table.methods)
    rows = [["random order", float(labels.mean())], *([NAMES[n], v] for n, v in precisions.items())]
    note = (
        f"{len(labels)} rows. In {labels.sum()} of them, people judged that a model complied with "
        "an unsafe prompt. The others include refusals, and the same model's answers to harmless "
        f"prompts that look unsafe. {len(mixture.targets)} targets; no text is shown. No keyword "
        "finds these rows."
    )
    shown = Table("Jailbreak compliance (XSTest)", ["method", "average precision"], rows, note)
    return (shown, len(labels), precisions), ""


def _text(result: RiskyResult, keyword: float) -> list[str]:
    data, labels = result.data, result.labels
    hits = result.labels[result.dropped]
    return [
        f"The fine-tuning set holds {len(labels)} Python functions from the installed standard "
        f"library and dependencies. {labels.sum()} of them are labelled risky: the tool bandit "
        "reports that they run text as code with eval or exec. Much of that code is deliberate, "
        f"so risky does not mean wrong. Given {len(data.targets)} other such functions, which "
        "rows teach the model to write such code, and what changes if they are dropped?",
        "A keyword search also finds these rows (average precision "
        f"{keyword:.2f}), if the keyword is known. The scanner does not know it; it sees only "
        "examples. The task shows that a scorer can find a short passage. It does not show that "
        "a scorer is needed where a keyword exists.",
        "Average precision is the mean of the precisions at the ranks of the risky rows. 1 is "
        f"perfect; a random order gives about {labels.mean():.2f}, the share of risky rows. This "
        "is one seed: differences below .1 mean little.",
        f"The threshold {result.threshold.spec} needs no labels. It drops {len(result.dropped)} "
        f"rows; {hits.sum()} of them are risky (precision {hits.mean():.2f}, recall "
        f"{hits.sum() / max(labels.sum(), 1):.2f}).",
        "SmolLM2-135M was fine-tuned (LoRA, one epoch) on all rows, without the dropped rows, and "
        "without the same number of random rows, always with the same number of steps. Dropping "
        "rows does not remove what the model knew before. It undoes part of what fine-tuning "
        "added.",
    ]


def _headlines(result: RiskyResult, precisions: Mapping[str, float]) -> list[Headline]:
    filtered, random = result.arms.change("filtered", "risky"), result.arms.random_change("risky")
    ordinary = result.arms.change("filtered", "ordinary")
    rows = len(result.labels)
    return [
        Headline(
            "average precision, F4w and words",
            precisions["f4w"],
            "how well examples alone find the risky rows; 0 to 1",
            precisions["tfidf"],
            "TF-IDF",
            rows=rows,
        ),
        Headline(
            "average precision, F4w and gradients",
            precisions["f4w"],
            "0 to 1; F4w needs forward passes only, Grad-Cos trains on the suspect rows",
            precisions[GRAD_COS],
            "Grad-Cos after one epoch",
            rows=rows,
        ),
        Headline(
            "held-out risky code after filtering",
            filtered.mean,
            "change in loss compared with training on all rows, in nats per token; standard error "
            f"{filtered.standard_error:.3f}; above 0: the model writes such code less readily",
            random.mean,
            "same number of random rows dropped",
            rows=filtered.rows,
        ),
        Headline(
            "held-out ordinary code after filtering",
            ordinary.mean,
            "change in loss, in nats per token; standard error "
            f"{ordinary.standard_error:.3f}; near 0: ordinary code was still learned",
            result.arms.random_change("ordinary").mean,
            "same number of random rows dropped",
            better="",
            rows=ordinary.rows,
        ),
    ]


def _bars(result: RiskyResult, precisions: Mapping[str, float], keyword: float):
    values = {
        "random order": float(result.labels.mean()),
        "keyword search, if the keyword is known": keyword,
        **{NAMES[name].strip(): value for name, value in precisions.items()},
    }
    return bar_plot(
        "Which method finds the risky rows?",
        values,
        "average precision, 0 to 1",
        "Average precision: " + ", ".join(f"{n} {v:.2f}" for n, v in values.items()) + ".",
    )


def _histogram(result: RiskyResult):
    score, labels = result.table.score, result.labels
    return histogram_plot(
        "F4w scores",
        {"not risky": score[labels == 0].tolist(), "risky": score[labels == 1].tolist()},
        "score (higher: more similar to the targets)",
        f"Risky rows have a median score of {np.median(score[labels == 1]):.1f}, the other rows of "
        f"{np.median(score[labels == 0]):.1f}.",
        "Rows to the right of the line are dropped.",
        {result.threshold.spec: result.threshold.cut} if np.isfinite(result.threshold.cut) else {},
    )


def _method_table(result: RiskyResult, precisions: Mapping[str, float], keyword: float) -> Table:
    rows: list[Sequence[object]] = [["random order", float(result.labels.mean())]]
    rows += [[NAMES[name], value] for name, value in precisions.items()]
    rows.append(["keyword search for eval and exec, if the keyword is known", keyword])
    risky = int(result.labels.sum())
    note = f"{len(result.labels)} rows, {risky} risky; the others include hard negatives."
    return Table("Risky calls in code", ["method", "average precision"], rows, note)


def _dropped_table(result: RiskyResult) -> Table:
    order = result.dropped[np.argsort(result.table.rank[result.dropped])][:SHOWN]
    rows = []
    for place in map(int, order):
        row = result.data.train[place]
        rows.append(
            [
                int(result.table.rank[place]),
                f"{row.package}: {row.name}",
                float(result.table.score[place]),
                result.table.window_text[place].strip(),
                "risky" if row.risky else f"not ({row.kind})",
            ]
        )
    columns = ["rank", "function", "score", "tokens with the highest score", "label by bandit"]
    return Table("Dropped rows with the highest scores", columns, rows, "Windows of four tokens.")


def _arms_table(result: RiskyResult) -> Table:
    rows: list[list[object]] = []
    for arm in result.arms.arms:
        risky, ordinary = (float(arm.losses[name].mean()) for name in ("risky", "ordinary"))
        back = result.arms.taken_back(arm.name, "risky")
        rows.append([arm.name, arm.rows, risky, ordinary, f"{back:.0%}" if back == back else "-"])
    columns = [
        "trained on",
        "rows",
        "loss, held-out risky",
        "loss, held-out ordinary",
        "undone",
    ]
    note = (
        "Loss in nats per token, on functions that no arm was trained on. Undone: the share of "
        "the fall in loss on risky code, by training on all rows, that this arm does not show."
    )
    return Table("Retraining", columns, rows, note)


def _lines(
    result: RiskyResult,
    precisions: Mapping[str, float],
    keyword: float,
    jailbreak: tuple[Table, int, dict[str, float]] | None,
) -> list[str]:
    chance = float(result.labels.mean())
    lines = [f"{'average precision':44} risky calls" + ("  jailbreak" if jailbreak else "")]
    lines.append(f"{'random order':44} {chance:11.2f}")
    for name, value in precisions.items():
        more = f"  {jailbreak[2][name]:9.2f}" if jailbreak and name in jailbreak[2] else ""
        lines.append(f"{NAMES[name]:44} {value:11.2f}{more}")
    lines.append(f"{'keyword search (if the keyword is known)':44} {keyword:11.2f}")
    hits = result.labels[result.dropped]
    filtered, random = result.arms.change("filtered", "risky"), result.arms.random_change("risky")
    lines.append(
        f"dropped {len(hits)} rows, {hits.sum()} of {result.labels.sum()} risky rows; loss on "
        f"held-out risky code {filtered.mean:+.3f} (random rows dropped: {random.mean:+.3f})"
    )
    return lines
