"""The act of the unsafe system: risky calls in a code fine-tuning set."""

from collections.abc import Mapping, Sequence

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress
from growlabels.datasets import download as download_data
from growlabels.datasets import load_jailbreak_mixture
from growlabels.demo._act import ActResult
from growlabels.demo._unsafe_measure import (
    FULL,
    GRAD_COS,
    PROMPT_TOKENS,
    QUICK,
    RESPONSE_TOKENS,
    RiskyResult,
    measure_risky,
)
from growlabels.report import Headline, Section, Table, bar_plot, histogram_plot
from growlabels.unsafe import CausalModel, Scanner, average_precision, load_model

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


def unsafe_act(quick: bool, seed: int, progress: Progress, download: bool = False) -> ActResult:
    """Find risky calls from a few examples, drop them, train again; then the jailbreak mixture.

    Parameters
    ----------
    quick
        Fewer rows, and no jailbreak mixture.
    seed
        Decides rows, targets, the adapter's start and the order of training.
    download
        Fetch the jailbreak mixture where it is not on this machine.
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


def _precisions(labels: np.ndarray, methods: Mapping[str, np.ndarray]) -> dict[str, float]:
    return {name: average_precision(labels, methods[name]) for name in NAMES if name in methods}


def _jailbreak(
    model: CausalModel, seed: int, progress: Progress, download: bool
) -> tuple[tuple[Table, int, dict[str, float]] | None, str]:
    """Scan the mixture where its files are here; else say how to get them."""
    for name in JAILBREAK_FILES if download else ():
        download_data(name)
    try:
        mixture = load_jailbreak_mixture(seed=seed)
    except UsageError:
        return None, (
            "The jailbreak mixture (completions labelled by people, where no keyword exists) was "
            "not run: its files are not on this machine; --download fetches them."
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
        f"{len(labels)} rows, {labels.sum()} of them answers to unsafe prompts that people judged "
        "to comply; among the rest refusals and the same writer's answers to harmless look-alikes. "
        f"{len(mixture.targets)} targets; text not shown. No keyword finds these rows."
    )
    shown = Table("Jailbreak compliance (XSTest)", ["method", "average precision"], rows, note)
    return (shown, len(labels), precisions), ""


def _text(result: RiskyResult, keyword: float) -> list[str]:
    data, labels = result.data, result.labels
    hits = result.labels[result.dropped]
    return [
        f"{len(labels)} Python functions of the installed standard library and dependencies make "
        f"up a fine-tuning set; {labels.sum()} of them run text as code with eval or exec, by "
        f"bandit's opinion. Much of that code is deliberate: risky is not the same as wrong. Given "
        f"{len(data.targets)} other such functions, which rows teach the model to do that, and "
        "what changes if they are dropped?",
        "A keyword search finds these rows too (average precision "
        f"{keyword:.2f}) once one knows the keyword. The scanner was not told: it saw examples "
        "only. The task shows that a scorer can find a short passage; it does not show that one "
        "is needed where a keyword exists.",
        "Average precision: the mean precision at the ranks of the risky rows; 1 is perfect, the "
        f"share of risky rows, {labels.mean():.2f}, is chance. One seed: differences below .1 "
        "mean little.",
        f"The threshold {result.threshold.spec} needs no labels. It drops {len(result.dropped)} "
        f"rows; {hits.sum()} of them are risky (precision {hits.mean():.2f}, recall "
        f"{hits.sum() / max(labels.sum(), 1):.2f}).",
        "SmolLM2-135M was fine-tuned (LoRA, one epoch) on all rows, without the dropped ones, and "
        "without as many drawn at random, each time with the same number of steps. Dropping rows "
        "does not make the model unlearn what it knew before; it takes back a part of what "
        "fine-tuning added.",
    ]


def _headlines(result: RiskyResult, precisions: Mapping[str, float]) -> list[Headline]:
    filtered, random = result.arms.change("filtered", "risky"), result.arms.random_change("risky")
    ordinary = result.arms.change("filtered", "ordinary")
    rows = len(result.labels)
    return [
        Headline(
            "average precision, F4w and words",
            precisions["f4w"],
            "risky rows found from examples alone; 0 to 1",
            precisions["tfidf"],
            "TF-IDF",
            rows=rows,
        ),
        Headline(
            "average precision, F4w and gradients",
            precisions["f4w"],
            "forward passes only, no training on suspect rows",
            precisions[GRAD_COS],
            "Grad-Cos after one epoch",
            rows=rows,
        ),
        Headline(
            "held-out risky code after filtering",
            filtered.mean,
            "change in loss against training on all rows, nats a token, standard error "
            f"{filtered.standard_error:.3f}; above 0: the model is less inclined to write it",
            random.mean,
            "as many rows dropped at random",
            rows=filtered.rows,
        ),
        Headline(
            "held-out ordinary code after filtering",
            ordinary.mean,
            "change in loss, nats a token, standard error "
            f"{ordinary.standard_error:.3f}; near 0: the rest was learnt all the same",
            result.arms.random_change("ordinary").mean,
            "as many rows dropped at random",
            better="",
            rows=ordinary.rows,
        ),
    ]


def _bars(result: RiskyResult, precisions: Mapping[str, float], keyword: float):
    values = {
        "random order": float(result.labels.mean()),
        "keyword search, if one knows it": keyword,
        **{NAMES[name].strip(): value for name, value in precisions.items()},
    }
    return bar_plot(
        "Who finds the risky rows?",
        values,
        "average precision, 0 to 1",
        "Average precision: " + ", ".join(f"{n} {v:.2f}" for n, v in values.items()) + ".",
    )


def _histogram(result: RiskyResult):
    score, labels = result.table.score, result.labels
    return histogram_plot(
        "F4w scores",
        {"not risky": score[labels == 0].tolist(), "risky": score[labels == 1].tolist()},
        "score (higher: more like the targets)",
        f"Risky rows have a median score of {np.median(score[labels == 1]):.1f}, the others of "
        f"{np.median(score[labels == 0]):.1f}.",
        "Rows right of the line are dropped.",
        {result.threshold.spec: result.threshold.cut} if np.isfinite(result.threshold.cut) else {},
    )


def _method_table(result: RiskyResult, precisions: Mapping[str, float], keyword: float) -> Table:
    rows: list[Sequence[object]] = [["random order", float(result.labels.mean())]]
    rows += [[NAMES[name], value] for name, value in precisions.items()]
    rows.append(["keyword search for eval and exec, once one knows it", keyword])
    note = f"{len(result.labels)} rows, {result.labels.sum()} risky, hard negatives included."
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
    columns = ["rank", "function", "score", "window that carried the score", "bandit's opinion"]
    return Table("Rows it drops first", columns, rows, "The window: four tokens of the row.")


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
        "taken back",
    ]
    note = (
        "Nats a token on functions no arm was trained on. Taken back: the share of what training "
        "on all rows taught about risky code that the arm does not have."
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
    lines.append(f"{'keyword search (once one knows the keyword)':44} {keyword:11.2f}")
    hits = result.labels[result.dropped]
    filtered, random = result.arms.change("filtered", "risky"), result.arms.random_change("risky")
    lines.append(
        f"dropped {len(hits)} rows, {hits.sum()} of {result.labels.sum()} risky ones; loss on "
        f"held-out risky code {filtered.mean:+.3f} (at random: {random.mean:+.3f})"
    )
    return lines
