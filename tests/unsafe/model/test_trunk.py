import errno
import os
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_causal import CONFIGS, drawn_rows, one_row_loss, stir, tiny

from growlabels.base.errors import GrowLabelsError
from growlabels.unsafe.model.encode import pad
from growlabels.unsafe.model.lora import LoraSettings, attach
from growlabels.unsafe.model.trunk import SplitModel, TrunkRows

LENGTHS = [(5, 3), (1, 1), (12, 9), (3, 14), (7, 7)]


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("cut", [0, 1, 3])
def test_continued_from_the_cut_as_the_whole_model(kind: str, cut: int) -> None:
    causal, rows = tiny(kind), drawn_rows(LENGTHS)
    split = SplitModel(causal, cut)
    cached = TrunkRows(split, rows, tokens_per_batch=30)
    with torch.no_grad():
        expected = torch.stack([one_row_loss(causal, row) for row in rows])
        found = torch.zeros(len(rows))
        for places in cached.batches():
            found[places] = split.losses(*cached.batch(places))
        whole = split.losses(pad(rows))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(whole, expected, rtol=1e-6, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 20)), min_size=1, max_size=6),
    st.integers(1, 60),
)
def test_any_lengths_and_batches(lengths: list[tuple[int, int]], tokens_per_batch: int) -> None:
    causal, rows = tiny("qwen2"), drawn_rows(lengths)
    cached = TrunkRows(SplitModel(causal, 2), rows, tokens_per_batch=tokens_per_batch)
    with torch.no_grad():
        for places in cached.batches():
            found = cached.split.losses(*cached.batch(places))
            expected = torch.stack([one_row_loss(causal, rows[place]) for place in places])
            torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_the_trunk_does_not_see_the_adapter(kind: str) -> None:
    causal, rows = tiny(kind), drawn_rows(LENGTHS)
    with attach(causal, LoraSettings(rank=2, top_layers=2)) as adapter, torch.no_grad():
        split = SplitModel(causal, adapter.first_layer)
        cached = TrunkRows(split, rows)
        stir(adapter)
        places = list(range(len(rows)))
        found = split.losses(*cached.batch(places))
        expected = torch.stack([one_row_loss(causal, row) for row in rows])
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6)


def test_memory_file_and_no_cache_agree(tmp_path: Path) -> None:
    split, rows = SplitModel(tiny(), 2), drawn_rows(LENGTHS)
    kinds = [
        TrunkRows(split, rows),
        TrunkRows(split, rows, folder=tmp_path),
        TrunkRows(split, rows, cached=False),
    ]
    for places in kinds[0].batches():
        real = pad([rows[place] for place in places]).attention_mask
        memory, file, fresh = (kind.batch(places)[1] for kind in kinds)
        assert memory is not None and file is not None and fresh is not None
        assert torch.equal(memory, file)
        assert torch.equal(memory[real], fresh[real])
    assert not list(tmp_path.iterdir())


def test_the_model_is_left_as_it_was() -> None:
    causal, rows = tiny(), drawn_rows(LENGTHS)
    before = [dict(layer.__dict__) for layer in causal.layers]
    hooks = [len(module._forward_pre_hooks) for module in causal.model.modules()]
    cached = TrunkRows(SplitModel(causal, 2), rows)
    cached.split.losses(*cached.batch([0, 1]))
    assert [dict(layer.__dict__) for layer in causal.layers] == before
    assert [len(module._forward_pre_hooks) for module in causal.model.modules()] == hooks


def test_no_rows() -> None:
    rows = TrunkRows(SplitModel(tiny(), 2), [])
    assert rows.batches() == [] and len(rows) == 0


def test_no_room_for_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    split, rows = SplitModel(tiny(), 2), drawn_rows(LENGTHS)
    with pytest.raises(GrowLabelsError, match="No such file or directory; make the folder"):
        TrunkRows(split, rows, folder=tmp_path / "none")

    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(GrowLabelsError, match="No space left on device"):
        TrunkRows(split, rows, folder=tmp_path)
    assert not list(tmp_path.iterdir())
