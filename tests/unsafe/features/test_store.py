"""Feature shards: written and read back to the bit; damage is noticed."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_causal import tiny

from growlabels.base.errors import RunError
from growlabels.base.runs import RunFolder
from growlabels.unsafe.features.fill import ShardSettings, featurise
from growlabels.unsafe.features.store import FeatureShard, FeatureStore
from growlabels.unsafe.rows.examples import read_examples

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
    assert store.holds(0)
    path = store.run.file(store.name(0))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert not store.holds(0)  # although its header is whole
    with pytest.raises(RunError, match="damaged"):
        store.read(0)
    with pytest.raises(RunError, match="damaged"):
        FeatureShard.from_bytes(b"no shard at all")


def test_a_shard_of_other_rows_or_another_model(tmp_path: Path) -> None:
    store = FeatureStore(RunFolder.open(tmp_path / "run", "test", {}, {}), 2)
    whole = shard()
    hidden = whole.hidden
    narrow = replace(hidden, means=hidden.means[:, :, :5], windows=hidden.windows[:, :, :5])
    for second in (whole, replace(whole, numbers=whole.numbers + 5, hidden=narrow)):
        store.write(0, whole)
        store.write(1, second)
        with pytest.raises(RunError, match=r"000001.safetensors' .* other rows or another model"):
            list(store)
    store.write(1, replace(whole, numbers=whole.numbers + 5))
    assert [len(part) for part in store] == [5, 5]


def test_a_crafted_shard_is_named_damaged() -> None:
    whole = shard()
    for crafted in (
        replace(whole, ids=whole.ids[:2]),
        replace(whole, numbers=whole.numbers[:2]),
        replace(whole, token_offsets=whole.token_offsets + 1000),
        replace(whole, token_offsets=whole.token_offsets * 0),
        replace(whole, text=replace(whole.text, offsets=whole.text.offsets - 9)),
        replace(whole, text=replace(whole.text, words=whole.text.words - 2**20)),
        replace(whole, hidden=replace(whole.hidden, offsets=whole.hidden.offsets[::-1])),
        replace(whole, hidden=replace(whole.hidden, means=whole.hidden.means[:2])),
    ):
        with pytest.raises(RunError, match="damaged"):
            FeatureShard.from_bytes(crafted.to_bytes())
