"""From the answers of the rows to features, shard by shard.

A shard's features depend on its answers, the model and the settings alone, batches included; so
an interrupted scan that is started again ends with the same numbers, to the bit. Shards are ranges
of answers, not of rows: a conversation of any length takes no more memory than other rows.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import content_hash
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.features.hidden import hidden_features
from growlabels.unsafe.features.store import FeatureShard, FeatureStore
from growlabels.unsafe.model.encode import Encoded, encode
from growlabels.unsafe.model.model import CausalModel
from growlabels.unsafe.rows.examples import Example
from growlabels.unsafe.rows.words import count_words

# Raised by one whenever the features of a row, or the batches they are computed in, change: a
# scan that another version began must not be finished by this one, or it would mix the two.
FEATURES_FORMAT = 4


@dataclass(frozen=True)
class ShardSettings:
    """How rows become features.

    Attributes
    ----------
    max_prompt_tokens, max_response_tokens
        What the model reads of a row; the words of the whole row are counted.
    tokens_per_batch
        Most tokens of one padded batch.
    rows_per_shard
        Rows, of conversations answers, computed and written at once; an interrupted scan loses
        at most one shard.
    """

    max_prompt_tokens: int = 40
    max_response_tokens: int = 48
    tokens_per_batch: int = 2048
    rows_per_shard: int = 256

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            UsageError.require_whole(name, value)


def featurise(
    model: CausalModel, examples: Sequence[Example], settings: ShardSettings
) -> FeatureShard:
    """Compute the features of some answers; one that has no tokens is set aside.

    Raises
    ------
    DataError
        The model gives no finite hidden states for a row.
    """
    encoded: list[Encoded] = []
    usable: list[Example] = []
    tokenless: list[int] = []
    for example in examples:
        try:
            encoded.append(
                encode(model, example, settings.max_prompt_tokens, settings.max_response_tokens)
            )
            usable.append(example)
        except DataError:
            tokenless.append(example.number)
    responses = [row.input_ids[row.response_start :] for row in encoded]
    hidden = hidden_features(model, encoded, settings.tokens_per_batch)
    finite = np.isfinite(hidden.means).all((1, 2))
    if not finite.all():
        row = usable[int(np.flatnonzero(~finite)[0])]
        raise DataError(not_finite(model, f"row {row.number}"))
    return FeatureShard(
        ids=[example.id for example in usable],
        keys=[content_hash([example.prompt, example.response])[:16] for example in usable],
        numbers=np.array([example.number for example in usable], np.int64),
        answers=np.array([example.answer for example in usable], np.int64),
        hidden=hidden,
        text=count_words(f"{example.prompt}\n{example.response}" for example in usable),
        tokens=np.concatenate([np.empty(0, np.int32), *responses]).astype(np.int32),
        token_offsets=np.cumsum([0, *map(len, responses)], dtype=np.int64),
        truncated=np.array([row.truncated for row in encoded], bool),
        tokenless=np.array(tokenless, np.int64),
    )


def not_finite(model: CausalModel, where: str) -> str:
    """Say that a model's numbers are none."""
    return (
        f"the hidden states of model {model.name!r} at {where} are not finite; its weights are "
        "damaged or do not fit its number format, copy the model again or use another"
    )


def fill_store(
    store: FeatureStore,
    model: CausalModel,
    examples: Iterable[Example],
    rows: int,
    settings: ShardSettings,
    progress: Progress = silent,
) -> None:
    """Compute and write the shards that are not there yet.

    A shard that another process put for this run is taken as it is.

    Parameters
    ----------
    examples
        All answers of all rows, in order.
    rows
        How many, for the progress.
    """
    done = 0
    progress("forward passes", done, rows)
    for index, chunk in enumerate(chunks(examples, settings.rows_per_shard)):
        if not store.holds(index):
            store.write(index, featurise(model, chunk, settings))
        done += len(chunk)
        progress("forward passes", done, rows)


Fill = Callable[[FeatureStore, CausalModel, Iterable[Example], int, ShardSettings, Progress], None]
"""Who computes the shards: :func:`fill_store`, or the same in several processes."""


def chunks(examples: Iterable[Example], size: int) -> Iterator[list[Example]]:
    """Yield the answers of one shard after another."""
    rows = iter(examples)
    while chunk := list(islice(rows, size)):
        yield chunk
