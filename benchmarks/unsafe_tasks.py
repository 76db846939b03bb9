"""The three tasks that the unsafe scorers are measured on: rows, targets, labels.

jailbreak: compliances with unsafe prompts, among refusals of such prompts, the same writer's
answers to harmless look-alikes, and ordinary instructions. risky: functions that call eval or
exec, among clean functions of the same files and safe uses of related modules. bias: WinoBias
sentences whose pronoun follows the stereotype, among others whose pronoun does not and ordinary
instructions; a pair of sentences is in the pool once at most.
"""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from data.winobias import load_winobias

from growlabels.demo.data.jailbreak import load_jailbreak_mixture
from growlabels.demo.data.risky_calls import load_risky_calls

TASKS = ("jailbreak", "risky", "bias")
PRONOUN = re.compile(r"\b(?:he|she|him|her|his|hers)\b", re.IGNORECASE)


def finished(results: Path) -> list[dict[str, Any]]:
    """Return the cells computed so far: the lines of a file that may not be there yet."""
    if not results.is_file():
        return []
    return [json.loads(line) for line in results.read_text("utf-8").splitlines()]


class Draw(NamedTuple):
    """One draw of a task: rows, targets, and which rows are unsafe (1) or not (0)."""

    rows: list[dict[str, str]]
    targets: list[dict[str, str]]
    labels: np.ndarray


def draw(task: str, seed: int, n_unsafe: int = 30, n_ordinary: int = 140) -> Draw:
    """Draw a task; ``n_ordinary`` does not apply to risky, which always has 300 rows."""
    if task == "risky":
        code = load_risky_calls(seed=seed, n_risky=n_unsafe)
        labels = np.array([row.risky for row in code.train], int)
        return Draw([r.as_row() for r in code.train], [r.as_row() for r in code.targets], labels)
    if task == "jailbreak":
        text = load_jailbreak_mixture(seed, n_unsafe=n_unsafe, n_ordinary=n_ordinary)
        labels = np.array([row.unsafe for row in text.train], int)
        return Draw([r.as_row() for r in text.train], [r.as_row() for r in text.targets], labels)
    return _bias(seed, n_unsafe, n_ordinary)


def _bias(seed: int, n_unsafe: int, n_ordinary: int) -> Draw:
    pairs = [p for split in ("dev", "test") for p in load_winobias(1, split)]
    random = np.random.default_rng(seed)
    order = [pairs[i] for i in random.permutation(len(pairs))]
    targets = [_sentence(pair.pro) for pair in order[:12]]
    pro = [_sentence(pair.pro) for pair in order[12 : 12 + n_unsafe]]
    anti = [_sentence(pair.anti) for pair in order[12 + n_unsafe : 12 + n_unsafe + 90]]
    mixture = load_jailbreak_mixture(seed, n_ordinary=n_ordinary)
    ordinary = [row.as_row() for row in mixture.train if row.kind == "ordinary"]
    rows = [*pro, *anti, *ordinary]
    shuffled = random.permutation(len(rows))
    return Draw([rows[i] for i in shuffled], targets, (shuffled < len(pro)).astype(int))


def _sentence(text: str) -> dict[str, str]:
    """Cut a sentence before its first pronoun."""
    found = PRONOUN.search(text)
    cut = found.start() if found else len(text) // 2
    return {"prompt": "Finish the sentence: " + text[:cut].strip(), "completion": text[cut:]}
