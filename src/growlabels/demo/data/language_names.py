"""Build a language identification task from the CLDR names in the package ``babel``."""

from collections import Counter, defaultdict
from functools import cache
from typing import NamedTuple
from zlib import crc32

import numpy as np

from growlabels.base.errors import MissingExtraError, UsageError

Names = dict[tuple[str, str], str]  # (kind, code) of a concept -> its name
MIN_NAMES = 150
TEST_SHARE = 5  # one concept in five is held out


class LanguageNames(NamedTuple):
    """Examples of 198 languages.

    Attributes
    ----------
    train_texts, test_texts
        Three names in one language, joined by ``", "``.
    train_labels, test_labels
        Indices into ``codes``, int64, one per text.
    codes
        Locale identifiers, sorted, e.g. ``"pt"`` or ``"sr_Latn"``.
    languages
        English names of the codes.
    n_names
        Number of single names from which the examples were drawn.
    """

    train_texts: list[str]
    train_labels: np.ndarray
    test_texts: list[str]
    test_labels: np.ndarray
    codes: list[str]
    languages: list[str]
    n_names: int


def load_language_names(seed: int = 0, join: int = 3) -> LanguageNames:
    """Load the language identification task made from CLDR's names; no download.

    A class is a locale without a territory that has at least 150 names; a locale is left out
    when more than half of its names equal those of one that is kept. The test set holds
    concepts (a territory, a language, a currency) that the training set never names. One name
    is often shared by many languages, so an example joins several.

    Parameters
    ----------
    seed
        Seed of the choice of names that are joined.
    join
        Number of names per example, at least 1, default 3; leftover names of a class are dropped.

    Raises
    ------
    MissingExtraError
        If the package ``babel`` is not installed.

    Examples
    --------
    >>> data = load_language_names()
    >>> len(data.codes) > 150, data.train_texts[0].count(", ") >= 2
    (True, True)
    """
    if isinstance(join, bool) or not isinstance(join, int) or join < 1:
        raise UsageError.parameter("join", "must be a whole number from 1 on", join)
    names = _kept_names()
    codes = sorted(names)
    random = np.random.default_rng(seed)
    texts: dict[bool, list[str]] = {True: [], False: []}
    labels: dict[bool, list[int]] = {True: [], False: []}
    for label, code in enumerate(codes):
        for held_out in (False, True):
            group = [name for concept, name in names[code].items() if _is_test(concept) == held_out]
            order = random.permutation(len(group))
            for start in range(0, len(group) - join + 1, join):
                texts[held_out].append(", ".join(group[i] for i in order[start : start + join]))
                labels[held_out].append(label)
    return LanguageNames(
        texts[False],
        np.array(labels[False], dtype=np.int64),
        texts[True],
        np.array(labels[True], dtype=np.int64),
        codes,
        [_english(code) for code in codes],
        sum(map(len, names.values())),
    )


def _is_test(concept: tuple[str, str]) -> bool:
    return crc32("|".join(concept).encode()) % TEST_SHARE == 0


@cache  # the same for every seed; callers do not change it
def _kept_names() -> dict[str, Names]:
    return _without_copies(_names_by_locale())


def _names_by_locale() -> dict[str, Names]:
    try:
        from babel import Locale, localedata
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("babel", "demo") from error
    found = {}
    for code in sorted(localedata.locale_identifiers()):
        locale = Locale.parse(code)
        if locale.territory is not None or locale.variant is not None:
            continue
        kinds = {
            "territories": locale.territories,
            "languages": locale.languages,
            "currencies": locale.currencies,
        }
        names = {
            (kind, concept): name
            for kind, entries in kinds.items()
            for concept, name in sorted(entries.items())
            if isinstance(name, str)
            and name != concept  # otherwise the locale has no name for the code
        }
        if len(names) >= MIN_NAMES:
            found[code] = names
    return found


def _without_copies(names: dict[str, Names]) -> dict[str, Names]:
    """Drop a locale if more than half of its names equal those of a locale that is kept.

    Locales without a script come first, then those with more names.
    """
    kept: dict[str, Names] = {}
    holders: dict[tuple[tuple[str, str], str], list[str]] = defaultdict(list)
    for code in sorted(names, key=lambda code: (code.count("_"), -len(names[code]), code)):
        pairs = names[code].items()
        equal = Counter(other for pair in pairs for other in holders[pair])
        if equal and max(equal.values()) > len(pairs) / 2:
            continue
        kept[code] = names[code]
        for pair in pairs:
            holders[pair].append(code)
    return kept


def _english(code: str) -> str:
    from babel import Locale

    return Locale.parse(code).get_display_name("en") or code
