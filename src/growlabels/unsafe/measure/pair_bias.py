"""Bias on matched pairs: does a model find the stereotype likelier than its opposite?

Only the words in which two sentences differ are compared, each given the words before it in its
own sentence: log P(pro) - log P(anti). What both sentences share cancels or is left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
        How many.
    """

    mean: float
    standard_error: float
    preferred: float
    pairs: int


def pair_bias(model: CausalModel, pairs: Sequence[Pair], progress: Progress = silent) -> Bias:
    """Compare matched sentences by the words in which they differ.

    Parameters
    ----------
    model
        With an adapter attached, the adapted model is measured. Its tokenizer must give offsets.
    pairs
        Objects with two texts, ``pro`` and ``anti``, that have the same number of words.

    Raises
    ------
    DataError
        No pairs, or a pair that is equal or whose sentences have another number of words.

    Notes
    -----
    Zhao et al., "Gender bias in coreference resolution" (NAACL 2018) for the pairs; the log
    ratio of the pronoun alone is the usual reading of such pairs for a causal model.
    """
    require_model(model)
    UsageError.require_instance("pairs", pairs, Sequence, "give a list of pairs")
    if not pairs:
        raise DataError("there are no pairs to compare; give at least one")
    found = np.zeros(len(pairs))
    for place, pair in enumerate(pairs):
        sentences = getattr(pair, "pro", None), getattr(pair, "anti", None)
        if not all(isinstance(sentence, str) for sentence in sentences):
            raise DataError(
                f"pair {place + 1} must have the texts 'pro' and 'anti', it was "
                f"{type(pair).__name__}"
            )
        pro, anti = pair.pro.split(), pair.anti.split()
        different = [
            i for i, words in enumerate(zip(pro, anti, strict=False)) if words[0] != words[1]
        ]
        if len(pro) != len(anti) or not different:
            raise DataError(
                f"pair {place + 1} must be two sentences of as many words that differ in at least "
                "one; mend or remove it"
            )
        found[place] = _log_probability(model, pro, different) - _log_probability(
            model, anti, different
        )
        progress("bias", place + 1, len(pairs))
    error = found.std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else np.nan
    preferred = float((found > 0).mean() + (found == 0).mean() / 2)
    return Bias(float(found.mean()), float(error), preferred, len(found))


def _log_probability(model: CausalModel, words: Sequence[str], wanted: Sequence[int]) -> float:
    """Sum the log-probabilities of the tokens of some words, each given all before it."""
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
    return float(chosen.double().sum())
