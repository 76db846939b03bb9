"""The store: features of each answer of the rows, in shards of a run folder.

A shard is one safetensors file, written whole and then entered in the run's manifest. It
holds all that scoring needs, so new targets are scored without the rows and without a
forward pass over them. Size per answer, with 48 response tokens and 576 dimensions: 5.8 KB of
means, up to 156 KB of windows, under 1 KB of words and tokens. One shard at a time is in memory,
and a long conversation lies in several.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from growlabels.base.errors import RunError
from growlabels.base.files import atomic_write, content_hash
from growlabels.base.runs import RunFolder
from growlabels.unsafe.features.hidden import HiddenFeatures
from growlabels.unsafe.rows.words import WORDS, TextCounts


@dataclass(frozen=True)
class FeatureShard:
    """Features of consecutive answers: most rows have one, a conversation several.

    Attributes
    ----------
    ids
        Ids of the rows that the answers are of.
    keys
        Hash of prompt and response, equal for equal rows in different shapes.
    numbers
        1-based places of the rows in the input.
    answers
        Which of its row's answers each is, from 1.
    hidden
        Means and windows of the hidden states.
    text
        Word counts of prompt and response.
    tokens, token_offsets
        Response tokens of all answers, to show a window; answer ``i`` has
        ``token_offsets[i]:token_offsets[i + 1]``.
    truncated
        Whether prompt or response was cut.
    tokenless
        Places of the rows of answers that were set aside: they have no tokens.
    """

    ids: Sequence[str]
    keys: Sequence[str]
    numbers: np.ndarray
    answers: np.ndarray
    hidden: HiddenFeatures
    text: TextCounts
    tokens: np.ndarray
    token_offsets: np.ndarray
    truncated: np.ndarray
    tokenless: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    def to_bytes(self, made_from: str = "") -> bytes:
        """Serialise as safetensors; the header says what it was made from."""
        from safetensors.numpy import save

        arrays = {
            "numbers": self.numbers,
            "means": self.hidden.means,
            "windows": self.hidden.windows,
            "window_offsets": self.hidden.offsets,
            "words": self.text.words,
            "counts": self.text.counts,
            "text_offsets": self.text.offsets,
            "tokens": self.tokens,
            "token_offsets": self.token_offsets,
            "truncated": self.truncated,
            "tokenless": self.tokenless,
        }
        if (self.answers > 1).any():
            arrays["answers"] = self.answers
        whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        header = {"rows": [list(self.ids), list(self.keys)], "made_from": made_from}
        # one entry: safetensors writes several in no fixed order
        return save(whole, metadata={_HEADER: json.dumps(header)})

    @classmethod
    def from_bytes(cls, data: bytes) -> "FeatureShard":
        """Read what :meth:`to_bytes` wrote."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(data)
            ids, keys = _header(data[8 : 8 + int.from_bytes(data[:8], "little")])["rows"]
            shard = cls(
                ids,
                keys,
                arrays["numbers"],
                arrays.get("answers", np.ones_like(arrays["numbers"])),
                HiddenFeatures(arrays["means"], arrays["windows"], arrays["window_offsets"]),
                TextCounts(arrays["words"], arrays["counts"], arrays["text_offsets"]),
                arrays["tokens"],
                arrays["token_offsets"],
                arrays["truncated"],
                arrays["tokenless"],
            )
            shard._check()
        except (SafetensorError, KeyError, ValueError, TypeError, IndexError) as error:
            raise RunError(f"a feature shard is damaged ({error}); run the scan again") from error
        return shard

    def _check(self) -> None:
        """Raise a ``ValueError`` where the parts are not of the same rows."""
        rows, hidden, text = len(self.ids), self.hidden, self.text
        columns = self.keys, self.numbers, self.answers, self.truncated
        if not all(len(part) == rows for part in columns):
            raise ValueError("its columns differ in length")
        if hidden.means.ndim != 3 or len(hidden.means) != rows or hidden.windows.ndim != 3:
            raise ValueError("its hidden states are not those of its rows")
        for offsets, entries, least in (
            (hidden.offsets, hidden.windows, 1),
            (self.token_offsets, self.tokens, 1),
            (text.offsets, text.words, 0),
            (text.offsets, text.counts, 0),
        ):
            whole = len(offsets) == rows + 1 and offsets[0] == 0 and offsets[-1] == len(entries)
            if not whole or (np.diff(offsets) < least).any():
                raise ValueError("its offsets do not fit")
        if len(text.words) and not 0 <= text.words.min() <= text.words.max() < WORDS:
            raise ValueError("it has words outside the vocabulary")


_LONGEST_HEADER = 100_000_000
_HEADER = "shard"


def _header(text: bytes) -> dict[str, Any]:
    """Read what a shard's own entry in the header of a safetensors file says."""
    return json.loads(json.loads(text)["__metadata__"][_HEADER])


class FeatureStore:
    """The shards of one pool, in a run folder.

    Iterating gives the shards in order, reading one at a time.
    """

    def __init__(self, run: RunFolder, shards: int) -> None:
        self.run = run
        self.shards = shards
        self.made_from: str = content_hash([run.config, run.inputs])

    @staticmethod
    def name(index: int) -> str:
        """Return the file name of a shard."""
        return f"features/{index:06d}.safetensors"

    def holds(self, index: int) -> bool:
        """Whether a shard is there, whole and unchanged; one that another process put is entered.

        A shard that is not as it was entered is damaged, whatever its header says.
        """
        name = self.name(index)
        return self.run.is_written(name) or (not self.run.lists(name) and self.adopt(index))

    def write(self, index: int, shard: FeatureShard) -> None:
        """Write a shard whole and enter it in the manifest."""
        self.put(index, shard)
        self.run.adopt(self.name(index))

    def put(self, index: int, shard: FeatureShard) -> None:
        """Write a shard whole; the process that keeps the manifest enters it by :meth:`adopt`."""
        target = self.run.path / self.name(index)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, "wb") as file:
            file.write(shard.to_bytes(self.made_from))

    def is_put(self, index: int) -> bool:
        """Whether some process wrote the shard whole, from the rows, model and settings of now."""
        target = self.run.path / self.name(index)
        if not target.is_file():
            return False
        with target.open("rb") as file:
            size = int.from_bytes(file.read(8), "little")
            try:
                made_from = _header(file.read(min(size, _LONGEST_HEADER)))["made_from"]
            except (ValueError, KeyError, TypeError):
                return False
        return made_from == self.made_from

    def adopt(self, index: int) -> bool:
        """Enter a shard that another process put; false where there is none, or a damaged one."""
        if not self.is_put(index):
            return False
        try:
            FeatureShard.from_bytes((self.run.path / self.name(index)).read_bytes())
        except RunError:
            return False
        self.run.adopt(self.name(index))
        return True

    def read(self, index: int) -> FeatureShard:
        """Read a shard; one that is missing or damaged is a ``RunError``."""
        return FeatureShard.from_bytes(self.run.file(self.name(index)).read_bytes())

    def __iter__(self) -> Iterator[FeatureShard]:
        shapes, last = None, (0, 0)
        for index in range(self.shards):
            shard = self.read(index)
            found = shard.hidden.means.shape[1:], shard.hidden.windows.shape[1:]
            shapes = shapes or found
            row = np.diff(shard.numbers, prepend=last[0])
            answer = np.diff(shard.answers, prepend=last[1])
            if found != shapes or not ((row > 0) | ((row == 0) & (answer > 0))).all():
                raise RunError(
                    f"{self.name(index)!r} in run folder {str(self.run.path)!r} holds features of "
                    "other rows or another model; delete the folder and scan again"
                )
            if len(shard):
                last = int(shard.numbers[-1]), int(shard.answers[-1])
            yield shard
