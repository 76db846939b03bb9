"""What the unsafe act measures: scores on a set with risky rows, and retraining without them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from growlabels.base.progress import Progress
from growlabels.datasets import CodeRow, RiskyCalls, load_risky_calls
from growlabels.unsafe import DEFAULT_THRESHOLD as THRESHOLD
from growlabels.unsafe import (
    Adapter,
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
    encode,
    read_examples,
    resolve_threshold,
    retrain_arms,
)

PROMPT_TOKENS, RESPONSE_TOKENS = 40, 48
GRAD_COS = "grad-cos, epoch 1"
_KEYWORD = re.compile(r"\b(?:eval|exec)\s*\(")


@dataclass(frozen=True)
class Size:
    """How many rows the act uses."""

    rows: int
    risky: int
    targets: int
    held_out: int
    random_arms: int = 1


FULL, QUICK = Size(300, 30, 10, 30), Size(40, 7, 5, 6)


@dataclass(frozen=True)
class RiskyResult:
    """The act's figures.

    Attributes
    ----------
    data
        The rows.
    table
        The scan, with DABUF's Grad-Cos as one more method.
    labels
        1 for a risky row, in the table's order.
    keyword
        Score of a search for the two names.
    threshold, dropped
        The rule, and the places of the rows it drops.
    arms
        Held-out losses after training on all rows, without the dropped ones, without as many
        drawn at random.
    """

    data: RiskyCalls
    table: ScoreTable
    labels: np.ndarray
    keyword: np.ndarray
    threshold: Threshold
    dropped: np.ndarray
    arms: RetrainResult


def measure_risky(model: CausalModel, size: Size, seed: int, progress: Progress) -> RiskyResult:
    """Scan the code rows, fine-tune on them, drop the flagged ones and train again."""
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
    """Train every arm from the same start; the first also gives DABUF's gradients."""
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
        adapter,
        rows,
        dropped.tolist(),
        held_out,
        random_arms=random_arms,
        seed=seed,
        trained=trained,
        progress=progress,
    )
    return grad_cos, arms
