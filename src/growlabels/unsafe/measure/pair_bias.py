"""Bias on matched pairs: does a model find the stereotype likelier than its opposite?

Only the words in which two sentences differ are compared, each given the words before it in its
own sentence: log P(pro) - log P(anti). What both sentences share cancels or is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

import numpy as np
import torch

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.model.model import CausalModel, require_model


class Pair(Protocol):
    """A sentence that follows a stereotype, and its twin; a ``WinoBiasPair`` is one."""

    @property
    def pro(self) -> str: ...
    @property
    def anti(self) -> str: ...


@dataclass(frozen=True)
class Bias:
    """Preference for the stereotype over pairs.

    Attributes
    ----------
    mean, standard_error
        Of log P(pro) - log P(anti), nats a pair; 0 is no preference, above 0 the stereotype.
    preferred
        Share of pairs where the stereotype is likelier; .5 is no preference.
    pairs
        Number of pairs.
    per_token
        Number of pairs whose sentences differ in a different number of words: these are compared
        by the mean over the tokens, in nats a token.
    """

    mean: float
    standard_error: float
    preferred: float
    pairs: int
    per_token: int = 0


def pair_bias(model: CausalModel, pairs: Sequence[Pair], progress: Progress = silent) -> Bias:
    """Compare matched sentences by the words in which they differ.

    Parameters
    ----------
    model
        With an adapter attached, the adapted model is measured. Its tokenizer must give offsets.
    pairs
        Objects with two texts, ``pro`` and ``anti``. Where both differ in the same number of
        words, the sums over the tokens of these words are compared, else their means.

    Raises
    ------
    DataError
        No pairs, or a pair whose sentences are equal or empty.

    Notes
    -----
    Zhao et al., "Gender bias in coreference resolution" (NAACL 2018) for the pairs; the log
    ratio of the pronoun alone is the usual reading of such pairs for a causal model.
    """
    require_model(model)
    UsageError.require_instance("pairs", pairs, Sequence, "give a list of pairs")
    if not pairs:
        raise DataError("there are no pairs to compare; give at least one")
    found, per_token = np.zeros(len(pairs)), 0
    for place, pair in enumerate(pairs):
        sentences = getattr(pair, "pro", None), getattr(pair, "anti", None)
        if not all(isinstance(sentence, str) for sentence in sentences):
            raise DataError(
                f"pair {place + 1} must have the texts 'pro' and 'anti', it was "
                f"{type(pair).__name__}"
            )
        pro, anti = pair.pro.split(), pair.anti.split()
        if not pro or not anti or pro == anti:
            raise DataError(
                f"pair {place + 1} must be two sentences that differ in at least one word; mend or "
                "remove it"
            )
        of_pro, of_anti = _different(pro, anti)
        first, tokens = _log_probability(model, pro, of_pro)
        second, others = _log_probability(model, anti, of_anti)
        if len(of_pro) == len(of_anti):
            found[place] = first - second
        else:
            per_token += 1
            found[place] = first / tokens - second / others
        progress("bias", place + 1, len(pairs))
    error = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
    preferred = float((found > 0).mean() + (found == 0).mean() / 2)
    return Bias(float(found.mean()), float(error), preferred, len(found), per_token)


def _different(pro: Sequence[str], anti: Sequence[str]) -> tuple[list[int], list[int]]:
    """Return the places of the words in which two sentences differ.

    Sentences of the same length are compared word by word, others by their longest common
    parts. Where one of two sentences only has words more, all words of both are compared.
    """
    if len(pro) == len(anti):
        places = [place for place in range(len(pro)) if pro[place] != anti[place]]
        return places, places
    of_pro: list[int] = []
    of_anti: list[int] = []
    for kind, a, b, c, d in SequenceMatcher(None, pro, anti, autojunk=False).get_opcodes():
        if kind != "equal":
            of_pro.extend(range(a, b))
            of_anti.extend(range(c, d))
    if of_pro and of_anti:
        return of_pro, of_anti
    return [*range(len(pro))], [*range(len(anti))]


def _log_probability(
    model: CausalModel, words: Sequence[str], wanted: Sequence[int]
) -> tuple[float, int]:
    """Return the summed log-probability of the tokens of some words, and their number."""
    tokenizer = model.tokenizer
    read = tokenizer(
        " ".join(words), add_special_tokens=False, return_offsets_mapping=True, verbose=False
    )
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else 0
    starts = np.cumsum([0, *(len(word) + 1 for word in words)])
    spans = [(starts[i], starts[i] + len(words[i])) for i in wanted]
    places = [
        place
        for place, (first, last) in enumerate(read.offset_mapping)
        if any(first < end and last > begin for begin, end in spans)
    ]
    ids = torch.tensor([[start, *read.input_ids]], device=model.device)
    with torch.no_grad():
        logits = model.model(input_ids=ids).logits[0, places].float()
    chosen = logits.log_softmax(-1)[torch.arange(len(places)), ids[0, 1:][places]]
    return float(chosen.double().sum()), len(places)
