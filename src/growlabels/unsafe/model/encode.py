"""Text to tokens: the chat turn, truncation, batches of like length, padding.

The turn is written here and not by the tokenizer's template, because templates add things of
their own, a default system turn or today's date, that would enter every row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.model.chat import ChatTurn, token_ids
from growlabels.unsafe.model.model import CausalModel

# No tokenizer in use makes more characters of one token than this, on text of any length.
_CHARACTERS_PER_TOKEN = 64
# Padding costs what tokens cost; more small batches cost less than this much of it.
_LONGEST_TO_SHORTEST = 1.25


class HasText(Protocol):
    """Anything with a prompt and a response, such as an ``Example``."""

    @property
    def id(self) -> str: ...
    @property
    def prompt(self) -> str: ...
    @property
    def response(self) -> str: ...


@dataclass(frozen=True)
class Encoded:
    """One row as tokens.

    Attributes
    ----------
    input_ids
        Tokens of the turn, the prompt and the response, shape (tokens,).
    response_start
        Place of the first response token, at least 1; the response is the rest.
    truncated
        Whether the prompt or the response was cut.
    """

    input_ids: NDArray[np.int64]
    response_start: int
    truncated: bool

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True)
class Batch:
    """Rows padded on the right to one length, shape (rows, tokens) each.

    Under a causal model no real token sees the padding, so the attention mask is needed only
    to know which tokens are real.

    Attributes
    ----------
    input_ids
        int64; padding is token 0.
    attention_mask
        bool; real tokens.
    response_mask
        bool; response tokens.
    """

    input_ids: torch.Tensor
    attention_mask: torch.Tensor
    response_mask: torch.Tensor


def encode(
    model: CausalModel,
    example: HasText,
    max_prompt_tokens: int = 256,
    max_response_tokens: int = 256,
) -> Encoded:
    """Turn one row into tokens.

    A long prompt loses its middle, so that both the task at its start and the question at its
    end stay; a long response loses its end. Neither is longer than the model's positions leave
    room for. Text that looks like a special token stays text.

    Parameters
    ----------
    model
        Gives the tokenizer and the chat turn.
    example
        A row with ``id``, ``prompt`` and ``response``.
    max_prompt_tokens, max_response_tokens
        Limits without the turn's own tokens, at least 1.

    Raises
    ------
    DataError
        The response has no tokens, or a text holds half of a character.
    UsageError
        A limit below 1, no model, or no row with texts ``prompt`` and ``response``.
    """
    if not isinstance(getattr(model, "turn", None), ChatTurn):  # the class itself is out of reach
        raise UsageError(
            f"model must be of class CausalModel, it was of class {type(model).__name__}; load it "
            "with load_model"
        )
    texts = [getattr(example, name, None) for name in ("prompt", "response")]
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(
            f"a row must have the texts prompt and response, it was {type(example).__name__}; "
            "read rows with read_examples"
        )
    for name, limit in (
        ("max_prompt_tokens", max_prompt_tokens),
        ("max_response_tokens", max_response_tokens),
    ):
        UsageError.require_whole(name, limit)
    room = model.room
    longest = min(max_response_tokens, room)
    response, response_cut = _limited(model.tokenizer, example.response, longest, False)
    if not response:
        raise DataError(f"the response of row {example.id} has no tokens; remove the row")
    longest = min(max_prompt_tokens, max(room - len(response), room // 2))
    head, prompt_cut = _head(model, example.prompt, longest)
    left = model.positions - len(head)
    cut = prompt_cut or response_cut or len(response) > left
    return Encoded(np.array(head + response[:left], np.int64), len(head), cut)


def prompt_tokens(model: CausalModel, prompt: str, max_prompt_tokens: int = 256) -> list[int]:
    """Turn a prompt into the tokens that a response follows, as :func:`encode` does."""
    return _head(model, prompt, max_prompt_tokens)[0]


def _head(model: CausalModel, prompt: str, limit: int) -> tuple[list[int], bool]:
    ids, cut = _limited(model.tokenizer, prompt, limit, True)
    return [*model.turn.before, *ids, *model.turn.after], cut


def _limited(tokenizer: Any, text: str, limit: int, keep_end: bool) -> tuple[list[int], bool]:
    """Tokenise at most about ``limit`` tokens of text, however long the text is."""
    room = limit * _CHARACTERS_PER_TOKEN
    cut = len(text) > 2 * room
    if cut:
        text = text[:room] + (text[-room:] if keep_end else "")
    ids = token_ids(tokenizer, text, split_special_tokens=True)
    if len(ids) <= limit:
        return ids, cut
    if not keep_end:
        return ids[:limit], True
    tail = limit // 2
    return ids[: limit - tail] + ids[len(ids) - tail :], True


def require_encoded(name: str, rows: Any) -> None:
    """Raise where something is no list of rows as :func:`encode` gives them."""
    way_out = "encode each row with encode(model, row)"
    UsageError.require_instance(name, rows, Sequence, way_out)
    for row in rows:
        UsageError.require_instance(f"each of {name}", row, Encoded, way_out)


def batches(encoded: Sequence[Encoded], tokens_per_batch: int = 2048) -> Iterator[list[int]]:
    """Group rows of like length; each row is in exactly one group.

    Parameters
    ----------
    encoded
        The rows.
    tokens_per_batch
        Most tokens of a padded batch; a longer row is a batch of its own.

    Yields
    ------
    list of int
        Places of the rows of one batch, shortest rows first; the order depends on nothing but
        the lengths.

    Examples
    --------
    >>> rows = [Encoded(np.zeros(n, np.int64), 1, False) for n in (5, 2, 4, 2)]
    >>> list(batches(rows, tokens_per_batch=8))
    [[1, 3], [2], [0]]
    """
    UsageError.require_whole("tokens_per_batch", tokens_per_batch)
    group: list[int] = []
    for place in sorted(range(len(encoded)), key=lambda place: len(encoded[place])):
        length = len(encoded[place])
        uneven = group and length > _LONGEST_TO_SHORTEST * len(encoded[group[0]]) + 8
        if group and (uneven or (len(group) + 1) * length > tokens_per_batch):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def pad(rows: Sequence[Encoded], device: torch.device | str = "cpu") -> Batch:
    """Pad rows on the right to the longest.

    Examples
    --------
    >>> rows = [Encoded(np.array([7, 8, 9]), 1, False), Encoded(np.array([5, 6]), 1, False)]
    >>> pad(rows).response_mask.int().tolist()
    [[0, 1, 1], [0, 1, 0]]
    """
    lengths = np.array([len(row) for row in rows])
    starts = np.array([row.response_start for row in rows])
    place = np.arange(lengths.max())
    real = place < lengths[:, None]
    ids = np.zeros(real.shape, np.int64)
    ids[real] = np.concatenate([row.input_ids for row in rows])
    response = real & (place >= starts[:, None])
    return Batch(*(torch.from_numpy(array).to(device) for array in (ids, real, response)))
