"""Measure bias on matched pairs: whether a model prefers a stereotype to its opposite.

Only the words in which the two sentences differ are compared: log P(pro) - log P(anti). Each word
is conditioned on the words before it in its own sentence.
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
    """Describe a pair: a sentence that follows a stereotype, and one that contradicts it."""

    @property
    def pro(self) -> str: ...
    @property
    def anti(self) -> str: ...


@dataclass(frozen=True)
class Bias:
    """Hold the preference for the stereotype over all pairs.

    Attributes
    ----------
    mean, standard_error
        Mean of log P(pro) - log P(anti) in nats per pair, and its standard error. 0 means no
        preference, and a positive mean favours the stereotype.
    preferred
        Share of pairs in which the stereotype is more likely. 0.5 means no preference.
    pairs
        Number of pairs.
    per_token
        Number of pairs that differ in a different number of words. They are compared by the mean
        over these tokens, in nats per token. Default 0.

    Examples
    --------
    >>> Bias(mean=0.3, standard_error=0.1, preferred=0.6, pairs=40).preferred
    0.6
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
        The model to measure, with its adapter if one is attached. Its tokenizer must return
        offsets.
    pairs
        Objects with the strings ``pro`` and ``anti``. If they differ in the same number of words,
        the sums over the tokens of these words are compared, otherwise their means.
    progress
        Callback that reports the stage ``"bias"``. Silent by default.

    Raises
    ------
    DataError
        There are no pairs, or the two sentences of a pair are equal or empty.

    Notes
    -----
    The pairs are those of Zhao et al., "Gender bias in coreference resolution" (NAACL 2018). For a
    causal model, the log ratio of the differing pronoun is the usual measure.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from growlabels.unsafe import load_model
    >>> pair = SimpleNamespace(pro="The nurse said she left.", anti="The nurse said he left.")
    >>> pair_bias(load_model("smollm2"), [pair]).pairs
    1
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
                f"pair {place + 1} must have the strings 'pro' and 'anti', got "
                f"{type(pair).__name__}"
            )
        pro, anti = pair.pro.split(), pair.anti.split()
        if not pro or not anti or pro == anti:
            raise DataError(
                f"the sentences of pair {place + 1} must not be empty and must differ in at least "
                "one word; correct or remove the pair"
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
    """Return the indices of the words in which two sentences differ.

    Sentences of the same length are compared word by word, and others by their longest common
    parts. If one sentence only has additional words, all words of both are compared.
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
