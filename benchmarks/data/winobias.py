"""WinoBias: sentence pairs that differ in whether they follow a stereotype."""

import re
from typing import Literal, NamedTuple

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets._mirror import read_published

TYPES = (1, 2)
SPLITS = ("dev", "test")


class WinoBiasPair(NamedTuple):
    """The same sentence twice.

    Attributes
    ----------
    pro, anti
        With the pronoun that follows the stereotype, and with the other one; plain text.
    referent
        The words the pronoun stands for, as marked in ``pro``.
    """

    pro: str
    anti: str
    referent: str


def load_winobias(kind: Literal[1, 2], split: Literal["dev", "test"]) -> list[WinoBiasPair]:
    """Load 396 pairs of WinoBias from the mirror or from an earlier download.

    Parameters
    ----------
    kind
        1: understanding the sentence decides the referent; 2: grammar does.
    split
        ``"dev"`` or ``"test"``.

    Raises
    ------
    UsageError
        A parameter is outside its list, or a file is not on this machine.
    DataError
        A file is not what was published.

    References
    ----------
    Zhao et al., "Gender bias in coreference resolution", NAACL 2018.
    """
    if kind not in TYPES:
        raise UsageError.choice("kind", TYPES, kind)
    if split not in SPLITS:
        raise UsageError.choice("split", SPLITS, split)
    pro, anti = (_sentences(f"winobias_{side}_type{kind}_{split}") for side in ("pro", "anti"))
    if pro.keys() != anti.keys():
        raise DataError(f"winobias type {kind} {split}: the two files have other line numbers")
    return [
        WinoBiasPair(_plain(pro[number]), _plain(anti[number]), _referent(pro[number]))
        for number in sorted(pro)
    ]


def _sentences(name: str) -> dict[int, str]:
    """Return the sentences by the number that stands before each."""
    lines = read_published(name).decode("utf-8").splitlines()
    return {int(n): text for n, _, text in (line.strip().partition(" ") for line in lines) if text}


def _plain(sentence: str) -> str:
    return re.sub(r" +", " ", re.sub(r"[\[\]]", "", sentence)).strip()


def _referent(sentence: str) -> str:
    marked = re.findall(r"\[([^\]]*)\]", sentence)
    return marked[0] if marked else ""
