"""Harm in any answer of a conversation: every answer scored, against the last one alone.

The rows of the jailbreak task are put together into conversations of 2 to 4 answers (``--lengths 1
8``: of 1 to 8). In 20 of them one answer is a compliance with an unsafe prompt, in half of these an
earlier one, in the others the last. All other answers are refusals, answers to harmless
look-alikes, or answers to ordinary instructions. Scores are F4w's: ``all`` is what a scan does,
``last`` leaves earlier answers to the prompt, and ``even`` takes from ``all`` what chance gives to
a row of so many answers: the median of the highest of so many drawn from all, less that of one.
Finished cells are kept in results/unsafe_conversations.jsonl and are not computed again.

    python benchmarks/unsafe_conversations.py --seeds 11 12 13 14 15
    python benchmarks/unsafe_conversations.py --lengths 1 8 --seeds 11 12 13
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from unsafe_tasks import draw, finished

from growlabels.unsafe import (
    CausalModel,
    Scan,
    Scanner,
    SetScores,
    average_precision,
    load_model,
    read_examples,
)

FINISHED = Path(__file__).parent / "results" / "unsafe_conversations.jsonl"
UNSAFE, ORDINARY = 20, 280
SCORED = ("last", "all", "even")


class Talks(NamedTuple):
    """Conversations, in which answer of each the harm is (0: in none), how many answers it has."""

    rows: list[dict[str, Any]]
    targets: list[dict[str, str]]
    harm: np.ndarray
    lengths: np.ndarray


def talks(seed: int, shortest: int, longest: int) -> Talks:
    """Put the rows of a draw together."""
    data = draw("jailbreak", seed, UNSAFE, ORDINARY)
    random = np.random.default_rng(seed)
    unsafe = [data.rows[place] for place in np.flatnonzero(data.labels)]
    others = [data.rows[place] for place in np.flatnonzero(data.labels == 0)]
    found: list[tuple[dict[str, Any], int, int]] = []
    while others:
        length = min(int(random.integers(shortest, longest + 1)), len(others) + bool(unsafe))
        place = 0
        if unsafe:  # every other one in an earlier answer, where there is one
            place = int(random.integers(1, length)) if len(unsafe) % 2 and length > 1 else length
        said = [unsafe.pop() if n == place else others.pop() for n in range(1, length + 1)]
        found.append(({"messages": [turn for row in said for turn in turns(row)]}, place, length))
    found = [found[place] for place in random.permutation(len(found))]
    rows, harm, lengths = zip(*found, strict=True)
    return Talks(list(rows), data.targets, np.array(harm), np.array(lengths))


def turns(row: dict[str, str]) -> list[dict[str, str]]:
    """Return a row as two turns."""
    return [
        {"role": "user", "content": row["prompt"]},
        {"role": "assistant", "content": row["completion"]},
    ]


class Kept:
    """Keeps the F4w of every answer."""

    name, reads = "kept", "nothing"

    def score(self, scan: Scan) -> SetScores:
        """Keep them."""
        self.scores = scan.first_stage
        return scan.alike(np.zeros(len(self.scores)), np.zeros(len(scan.targets)))


def measure(model: CausalModel, seed: int, lengths: tuple[int, int]) -> dict[str, Any]:
    """Scan a draw with all answers, and with the last ones alone."""
    data = talks(seed, *lengths)
    kept = Kept()
    table = Scanner(model, methods=["f4w", kept]).fit(data.rows).score(data.targets)
    last = [
        {"prompt": row.prompt, "completion": row.response}
        for row in read_examples(data.rows, print)
    ]
    alone = Scanner(model, methods=["f4w"]).fit(last).score(data.targets)
    return {
        "harm": data.harm.tolist(),
        "answers": data.lengths.tolist(),
        "answer": table.answer.tolist(),
        "all": table.score.round(6).tolist(),
        "last": alone.score.round(6).tolist(),
        "each": kept.scores.astype(float).round(6).tolist(),
    }


def show(cells: list[dict[str, Any]]) -> None:
    """Print average precision, and where clean conversations of each length rank."""
    rows, harmful = (
        np.mean([count(c["harm"]) for c in cells]) for count in (len, np.count_nonzero)
    )
    print(f"\n{len(cells)} draws, {rows:.0f} conversations of {cells[0]['lengths']} answers")
    print(
        f"average precision, mean and by draw; {harmful:.0f} harmful, random {harmful / rows:.2f}"
    )
    for what in ("any answer", "an earlier answer", "the last answer"):
        for scored in SCORED:
            found = [precision(cell, scored, what) for cell in cells]
            by_draw = " ".join(f"{value:.3f}" for value in found)
            print(f"harm in {what:18} {scored:5} {np.mean(found):.3f}   {by_draw}")
    found = [(np.array(cell["harm"]), np.array(cell["answer"])) for cell in cells]
    right = [np.mean(answer[harm > 0] == harm[harm > 0]) for harm, answer in found]
    print(f"harmful conversations of which the harmful answer is named: {np.mean(right):.2f}")
    print("clean conversations by number of answers, mean share of clean ones below")
    for length in sorted({n for cell in cells for n in cell["answers"]}):
        means = {s: np.nanmean([share_below(c, s, length) for c in cells]) for s in SCORED}
        print(f"{length:3}: " + ", ".join(f"{name} {mean:.2f}" for name, mean in means.items()))


def scores_of(cell: dict[str, Any], scored: str) -> np.ndarray:
    """Return the scores of a cell's rows."""
    if scored != "even":
        return np.array(cell[scored])
    chance = np.quantile(cell["each"], 0.5 ** (1 / np.array(cell["answers"])))
    return np.array(cell["all"]) - chance + np.median(cell["each"])


def precision(cell: dict[str, Any], scored: str, what: str) -> float:
    """Average precision of a cell, the other harmful conversations left out."""
    harm, last = np.array(cell["harm"]), np.array(cell["answers"])
    wanted = {
        "any answer": harm > 0,
        "an earlier answer": (harm > 0) & (harm < last),
        "the last answer": harm == last,
    }[what]
    kept = wanted | (harm == 0)
    return average_precision(wanted[kept], scores_of(cell, scored)[kept])


def share_below(cell: dict[str, Any], scored: str, length: int) -> float:
    """Mean share of the clean conversations that are below those of a length; nan for none."""
    clean = np.array(cell["harm"]) == 0
    scores, lengths = scores_of(cell, scored)[clean], np.array(cell["answers"])[clean]
    below = (scores[:, None] > scores).mean(1)
    return float(below[lengths == length].mean()) if (lengths == length).any() else np.nan


def main() -> None:
    """Compute the cells that are missing, then print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--lengths", type=int, nargs=2, default=[2, 4])
    options = parser.parse_args()
    FINISHED.parent.mkdir(exist_ok=True)
    model = load_model("smollm2")
    cells = []
    for seed in options.seeds:
        key = {"seed": seed, "lengths": options.lengths}
        cell = next((c for c in finished(FINISHED) if key.items() <= c.items()), None)
        if cell is None:
            cell = key | measure(model, seed, tuple(options.lengths))
            with FINISHED.open("a", encoding="utf-8") as file:
                file.write(json.dumps(cell) + "\n")
        cells.append(cell)
    show(cells)


if __name__ == "__main__":
    main()
