"""From rows to shards: nothing lost, nothing done twice, a row's features are its own."""

from pathlib import Path

import numpy as np
import pytest
from tiny_causal import tiny

from growlabels.base.errors import UsageError
from growlabels.base.runs import RunFolder
from growlabels.unsafe.features import fill
from growlabels.unsafe.features.fill import ShardSettings, featurise, fill_store
from growlabels.unsafe.features.store import FeatureStore
from growlabels.unsafe.rows.examples import Example, read_examples

ROWS = [{"prompt": "p" * (i % 5), "completion": f"answer {i} " * (1 + i % 7)} for i in range(23)]
SETTINGS = ShardSettings(rows_per_shard=5, tokens_per_batch=200)


def examples() -> list[Example]:
    return list(read_examples(ROWS, lambda bad: None))


def test_rows_come_in_order_and_once(tmp_path: Path) -> None:
    store = FeatureStore(RunFolder.open(tmp_path / "run", "test", {}, {}), 5)
    fill_store(store, tiny(), examples(), len(ROWS), SETTINGS)
    assert [i for shard in store for i in shard.ids] == [example.id for example in examples()]
    assert np.concatenate([shard.numbers for shard in store]).tolist() == list(range(1, 24))


def test_written_shards_are_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = FeatureStore(RunFolder.open(tmp_path / "run", "test", {}, {}), 5)
    fill_store(store, tiny(), examples()[:10], 10, SETTINGS)
    computed: list[int] = []

    def counting(model: object, rows: list[Example], settings: ShardSettings) -> object:
        computed.append(len(rows))
        return featurise(tiny(), rows, settings)

    monkeypatch.setattr(fill, "featurise", counting)
    fill_store(store, tiny(), examples(), len(ROWS), SETTINGS)
    assert computed == [5, 5, 3]


@pytest.mark.parametrize("listed", [True, False])
def test_a_shard_that_was_damaged_is_computed_again(tmp_path: Path, listed: bool) -> None:
    store = FeatureStore(RunFolder.open(tmp_path / "run", "test", {}, {}), 2)
    fill_store(store, tiny(), examples()[:10], 10, SETTINGS)
    file = store.run.file(store.name(1))
    whole = file.read_bytes()
    file.write_bytes(whole[:-9] + b"x" * 9 if listed else whole[:-9])
    if not listed:  # as a process that died left it
        store = FeatureStore(RunFolder.open(tmp_path / "other", "test", {}, {}), 2)
        file.parent.rename(tmp_path / "other" / "features")
    fill_store(store, tiny(), examples()[:10], 10, SETTINGS)
    assert store.run.file(store.name(1)).read_bytes() == whole


def test_features_do_not_depend_on_the_shard_beyond_rounding() -> None:
    whole = featurise(tiny(), examples(), SETTINGS)
    for place in (0, 9, 22):
        alone = featurise(tiny(), [examples()[place]], SETTINGS)
        np.testing.assert_allclose(
            alone.hidden.means[0].astype(float), whole.hidden.means[place], atol=1e-3
        )


def test_a_response_without_tokens_is_set_aside() -> None:
    empty = Example("x-0", 7, "ask", "", {})
    shard = featurise(tiny(), [examples()[0], empty], SETTINGS)
    assert (len(shard), shard.tokenless.tolist()) == (1, [7])


@pytest.mark.parametrize("name", list(vars(ShardSettings())))
def test_settings_start_at_one(name: str) -> None:
    with pytest.raises(UsageError, match=name):
        ShardSettings(**{name: 0})
