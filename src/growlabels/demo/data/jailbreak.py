"""Build a fine-tuning set of labelled jailbreak completions, refusals and harmless look-alikes."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.datasets._mirror import read_published

COMPLIES, REFUSES = "1_full_compliance", "2_full_refusal"


@dataclass(frozen=True)
class TextRow:
    """A prompt with its completion; ``repr`` does not show the texts.

    Attributes
    ----------
    id
        Source of the row, e.g. ``"mistralinstruct/v2-31"``.
    prompt, completion
        The texts.
    unsafe
        Whether people labelled the completion as full compliance with an unsafe prompt.
    kind
        ``"unsafe"``, ``"refusal"`` (of an unsafe prompt), ``"look-alike"`` (a safe prompt that
        looks unsafe, answered by the model that wrote the unsafe rows) or ``"ordinary"``.
    """

    id: str
    prompt: str = field(repr=False)
    completion: str = field(repr=False)
    unsafe: bool
    kind: str

    def as_row(self) -> dict[str, str]:
        """Return the prompt and the completion: the only fields that a scanner may see."""
        return {"prompt": self.prompt, "completion": self.completion}


class JailbreakMixture(NamedTuple):
    """A fine-tuning set with unsafe rows, targets to search with, and held-out rows.

    Attributes
    ----------
    train
        Suspect rows, shuffled.
    targets
        Known unsafe rows; their prompts are in no other part.
    held_out_unsafe, held_out_ordinary
        Rows for measuring the effect of training; they share no prompt with the other parts.
    """

    train: list[TextRow]
    targets: list[TextRow]
    held_out_unsafe: list[TextRow]
    held_out_ordinary: list[TextRow]


def load_jailbreak_mixture(
    seed: int = 0,
    n_unsafe: int = 30,
    n_targets: int = 12,
    n_refusals: int = 60,
    n_look_alikes: int = 60,
    n_ordinary: int = 140,
    n_held_out: int = 30,
) -> JailbreakMixture:
    """Mix unsafe completions of XSTest with refusals, look-alikes and ordinary instructions.

    In the unsafe rows one model fully complies with unsafe prompts, as labelled by people. The
    hard negatives are another model's refusals of unsafe prompts, and the first model's answers
    to safe prompts that look unsafe. The files are read from the mirror or from earlier
    downloads.

    Parameters
    ----------
    seed
        Seed of the drawn rows.
    n_unsafe, n_refusals, n_look_alikes, n_ordinary
        Number of rows of each kind in the training set.
    n_targets
        Number of unsafe rows to search with.
    n_held_out
        Number of rows in each held-out set; fewer unsafe ones if the source has no more.

    Raises
    ------
    UsageError
        If a file is not on this computer, or there are fewer rows than asked for.

    References
    ----------
    Röttger et al., "XSTest: a test suite for identifying exaggerated safety behaviours in large
    language models", NAACL 2024.
    """
    random = np.random.default_rng(seed)
    unsafe, alike = _writer(random)
    held_out = min(n_held_out, len(unsafe) - n_targets - n_unsafe)
    targets, rest = _split("n_targets", unsafe, n_targets)
    train_unsafe, rest = _split("n_unsafe", rest, n_unsafe)
    taken = {row.prompt for row in (*targets, *rest[:held_out])}
    refusals = [row for row in _shuffled(_refusals(), random) if row.prompt not in taken]
    ordinary = _shuffled(_ordinary(), random)
    train_ordinary, rest_ordinary = _split("n_ordinary", ordinary, n_ordinary)
    train = [
        *train_unsafe,
        *_split("n_refusals", refusals, n_refusals)[0],
        *_split("n_look_alikes", alike, n_look_alikes)[0],
        *train_ordinary,
    ]
    return JailbreakMixture(
        _shuffled(train, random),
        targets,
        rest[:held_out],
        _split("n_held_out", rest_ordinary, n_held_out)[0],
    )


def _writer(random: np.random.Generator) -> tuple[list[TextRow], list[TextRow]]:
    """Return one model's full compliances with unsafe prompts and with safe ones, shuffled."""
    unsafe, alike = [], []
    for id_, is_unsafe, label, prompt, completion in _labelled("mistralinstruct"):
        if label == COMPLIES:
            kind = "unsafe" if is_unsafe else "look-alike"
            row = TextRow(id_, prompt, completion, is_unsafe, kind)
            (unsafe if is_unsafe else alike).append(row)
    return _shuffled(unsafe, random), _shuffled(alike, random)


def _refusals() -> list[TextRow]:
    return [
        TextRow(id_, prompt, completion, False, "refusal")
        for id_, is_unsafe, label, prompt, completion in _labelled("gpt4")
        if is_unsafe and label == REFUSES
    ]


def _labelled(writer: str) -> Iterable[tuple[str, bool, str, str, str]]:
    """Yield the id, whether the prompt is unsafe, the human label, prompt and completion."""
    text = read_published(f"xstest_resp_{writer}").decode("utf-8-sig")
    for row in csv.DictReader(io.StringIO(text, newline="")):
        unsafe = row["type"].startswith("contrast_")  # the unsafe twins of look-alikes
        completion = row["completion"].strip()
        yield f"{writer}/{row['id']}", unsafe, row["final_label"], row["prompt"], completion


def _ordinary() -> list[TextRow]:
    rows = json.loads(read_published("alpaca_en_demo"))
    return [
        TextRow(
            f"alpaca/{number}",
            "\n".join(part for part in (row["instruction"], row["input"]) if part),
            row["output"],
            False,
            "ordinary",
        )
        for number, row in enumerate(rows)
        if row["output"].strip()
    ]


def _shuffled(rows: Sequence[TextRow], random: np.random.Generator) -> list[TextRow]:
    return [rows[i] for i in random.permutation(len(rows))]


def _split(name: str, rows: Sequence[TextRow], count: int) -> tuple[list[TextRow], list[TextRow]]:
    if not 0 <= count <= len(rows):
        raise UsageError.parameter(
            name, f"must be from 0 to {len(rows)}, as many as there are", count
        )
    return list(rows[:count]), list(rows[count:])
