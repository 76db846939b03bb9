"""Load WinoBias: pairs of sentences, one of which follows a stereotype."""

import re
from typing import Literal, NamedTuple

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets._mirror import read_published

TYPES = (1, 2)
SPLITS = ("dev", "test")


class WinoBiasPair(NamedTuple):
    """A sentence with two different pronouns.

    Attributes
    ----------
    pro, anti
        The sentence with the pronoun that follows the stereotype, and with the other pronoun.
    referent
        The words to which the pronoun refers, as marked in ``pro``.
    """

    pro: str
    anti: str
    referent: str


def load_winobias(kind: Literal[1, 2], split: Literal["dev", "test"]) -> list[WinoBiasPair]:
    """Load 396 pairs of WinoBias from the mirror or from an earlier download.

    Parameters
    ----------
    kind
        1: the meaning of the sentence determines the referent; 2: its grammar does.
    split
        ``"dev"`` or ``"test"``.

    Raises
    ------
    UsageError
        If a parameter is not one of its values, or a file is not on this computer.
    DataError
        If a file differs from the published one.

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
        raise DataError(f"winobias type {kind} {split}: the line numbers of the two files differ")
    return [
        WinoBiasPair(_plain(pro[number]), _plain(anti[number]), _referent(pro[number]))
        for number in sorted(pro)
    ]


def _sentences(name: str) -> dict[int, str]:
    """Return number -> sentence; each line starts with its number."""
    lines = read_published(name).decode("utf-8").splitlines()
    return {int(n): text for n, _, text in (line.strip().partition(" ") for line in lines) if text}


def _plain(sentence: str) -> str:
    return re.sub(r" +", " ", re.sub(r"[\[\]]", "", sentence)).strip()


def _referent(sentence: str) -> str:
    marked = re.findall(r"\[([^\]]*)\]", sentence)
    return marked[0] if marked else ""
