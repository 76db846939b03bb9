"""Feature shards: written and read back to the bit; damage is noticed."""

from pathlib import Path

import numpy as np
import pytest
from tiny_causal import tiny

from growlabels.base.errors import RunError
from growlabels.base.runs import RunFolder
from growlabels.unsafe._rows import read_examples
from growlabels.unsafe._shards import ShardSettings, featurise
from growlabels.unsafe._store import FeatureShard, FeatureStore

ROWS = [{"prompt": f"ask {i}", "completion": "answer " * (i + 1)} for i in range(5)]


def shard() -> FeatureShard:
    return featurise(tiny(), list(read_examples(ROWS, lambda bad: None)), ShardSettings())


def test_a_shard_is_read_back_to_the_bit() -> None:
    written = shard()
    read = FeatureShard.from_bytes(written.to_bytes())
    assert read.to_bytes() == written.to_bytes()
    assert (read.ids, read.keys) == (written.ids, written.keys)
    np.testing.assert_array_equal(read.hidden.windows, written.hidden.windows)
    np.testing.assert_array_equal(read.text.words, written.text.words)
    assert len(read) == 5


def test_a_damaged_shard_is_no_shard(tmp_path: Path) -> None:
    store = FeatureStore(RunFolder.open(tmp_path / "run", "test", {}, {}), 1)
    store.write(0, shard())
    assert store.is_written(0)
    path = store.run.file(store.name(0))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert not store.is_written(0)
    with pytest.raises(RunError, match="damaged"):
        store.read(0)
    with pytest.raises(RunError, match="damaged"):
        FeatureShard.from_bytes(b"no shard at all")
