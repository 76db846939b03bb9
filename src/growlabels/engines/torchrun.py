"""Row shards under torchrun: every rank has its range from the start and waits for no other.

There are no collectives, so nothing can hang on a rank that died; start it again, or let a plain
scan compute what is missing::

    torchrun --nproc-per-node 2 -m growlabels.engines.torchrun train.jsonl --model DIR --out run
    growlabels unsafe scan train.jsonl --targets targets.jsonl --model DIR --out run
"""

import argparse
import os
from collections.abc import Iterable
from dataclasses import fields

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe import (
    CausalModel,
    Example,
    FeatureStore,
    Scanner,
    ShardSettings,
    chunks,
    featurise,
)


class RankRange:
    """The shards of one rank: ``Scanner.fit(..., fill=RankRange(rank, ranks))``.

    Parameters
    ----------
    rank, ranks
        This process, from 0, and how many there are.

    Raises
    ------
    UsageError
        A rank that is not below ``ranks``.

    Examples
    --------
    >>> list(RankRange(1, 3).of(10))
    [3, 4, 5]
    """

    def __init__(self, rank: int, ranks: int) -> None:
        if not 0 <= rank < ranks:
            raise UsageError.parameter("rank", f"must be from 0 and below {ranks}", rank)
        self.rank: int = rank
        self.ranks: int = ranks

    def of(self, shards: int) -> range:
        """Return the shards of this rank."""
        return range(self.rank * shards // self.ranks, (self.rank + 1) * shards // self.ranks)

    def __call__(
        self,
        store: FeatureStore,
        model: CausalModel,
        examples: Iterable[Example],
        rows: int,
        settings: ShardSettings,
        progress: Progress = silent,
    ) -> None:
        """Put the missing shards of this rank; the manifest is left to the scan."""
        mine = self.of(store.shards)
        for index, chunk in enumerate(chunks(examples, settings.rows_per_shard)):
            if index in mine and not store.is_put(index):
                store.put(index, featurise(model, chunk, settings))
                progress("forward passes", index + 1 - mine.start, len(mine))


def main() -> None:
    """Read the command line and the rank that torchrun sets."""
    parser = argparse.ArgumentParser(description="Put the row shards of this rank.")
    parser.add_argument("train")
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", required=True)
    for field in fields(ShardSettings):
        name = "--" + field.name.replace("_", "-")
        parser.add_argument(name, type=int, default=field.default)
    options = vars(parser.parse_args())
    train, model, out = (options.pop(name) for name in ("train", "model", "out"))
    mine = RankRange(int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1)))
    Scanner(model, **options).fit(train, out, fill=mine)


if __name__ == "__main__":
    main()
