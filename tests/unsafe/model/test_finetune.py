from pathlib import Path

import pytest
import torch
from tiny_causal import drawn_rows, one_row_loss, tiny

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.unsafe.gradients.scorer import adapter_split
from growlabels.unsafe.measure.held_out_loss import held_out_losses
from growlabels.unsafe.model.finetune import (
    Checkpoint,
    FinetuneSettings,
    finetune,
    load_checkpoint,
    save_checkpoint,
)
from growlabels.unsafe.model.lora import LoraSettings, attach
from growlabels.unsafe.model.trunk import TrunkRows

ROWS = drawn_rows([(4, 6), (9, 3), (2, 8), (5, 5), (7, 2), (3, 9), (6, 6)])
LORA = LoraSettings(rank=2, top_layers=2)
SETTINGS = FinetuneSettings(learning_rate=1e-2, batch_size=3, epochs=2, checkpoints=2)


def equal(one: Checkpoint, two: Checkpoint) -> bool:
    parts = ("state", "mean", "mean_square")
    pairs = [(getattr(one, part), getattr(two, part)) for part in parts]
    return one.step == two.step and all(
        a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a) for a, b in pairs
    )


def trained(settings: FinetuneSettings = SETTINGS, folder: Path | None = None) -> list[Checkpoint]:
    with attach(tiny(), LORA) as adapter:
        return finetune(adapter, TrunkRows(adapter_split(adapter), ROWS), settings, folder, "x")


def test_losses_fall_and_checkpoints_are_kept() -> None:
    with attach(tiny(), LORA) as adapter:
        rows = TrunkRows(adapter_split(adapter), ROWS)
        before, start = held_out_losses(rows).mean(), adapter.state()
        seen: list[tuple[str, int, int | None]] = []
        kept = finetune(adapter, rows, SETTINGS, progress=lambda *call: seen.append(call))
        assert held_out_losses(rows).mean() < before
        assert [c.step for c in kept] == [0, 3, 6] and not kept[0].mean
        assert all(torch.equal(kept[0].state[key], start[key]) for key in start)
        assert all(torch.equal(kept[-1].state[key], t) for key, t in adapter.state().items())
        assert seen[-1] == ("fine-tuning", 14, 14)


def test_equal_to_plain_training_of_the_whole_model() -> None:
    fast = trained()[-1].state
    generator = torch.Generator().manual_seed(0)
    with attach(tiny(), LORA) as adapter:
        optimiser = torch.optim.AdamW(adapter.parameters(), lr=1e-2, weight_decay=0.0)
        for _ in range(2):
            order = torch.randperm(7, generator=generator).tolist()
            for start in range(0, 7, 3):
                losses = [one_row_loss(tiny(), ROWS[i]) for i in order[start : start + 3]]
                optimiser.zero_grad()
                torch.stack(losses).mean().backward()
                optimiser.step()
        for key, value in adapter.state().items():
            torch.testing.assert_close(fast[key], value, rtol=1e-3, atol=1e-5)


def test_the_seed_decides() -> None:
    assert equal(trained()[-1], trained()[-1])
    other = FinetuneSettings(learning_rate=1e-2, batch_size=3, epochs=2, checkpoints=2, seed=1)
    assert not equal(trained()[-1], trained(other)[-1])


@pytest.mark.parametrize("lost", [0, 1, 2, 3])
def test_resumed_as_uninterrupted(lost: int, tmp_path: Path) -> None:
    whole = trained(folder=tmp_path)
    files = sorted(tmp_path.glob("*.safetensors"))
    for file in files[len(files) - lost :]:
        file.unlink()
    resumed = trained(folder=tmp_path)
    assert all(equal(a, b) for a, b in zip(whole, resumed, strict=True))
    assert sorted(tmp_path.glob("*.safetensors")) == files


def test_a_folder_of_other_inputs_or_damaged(tmp_path: Path) -> None:
    trained(folder=tmp_path)
    with attach(tiny(), LORA) as adapter, pytest.raises(RunError, match="other rows, model"):
        finetune(adapter, TrunkRows(adapter_split(adapter), ROWS), SETTINGS, tmp_path, "y")
    file = tmp_path / "checkpoint-000003.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RunError, match="damaged"):
        load_checkpoint(file)


def test_a_checkpoint_survives_its_file(tmp_path: Path) -> None:
    checkpoint = trained()[-1]
    save_checkpoint(checkpoint, tmp_path / "c.safetensors")
    assert equal(load_checkpoint(tmp_path / "c.safetensors"), checkpoint)


def test_wrong_use() -> None:
    with attach(tiny(), LORA) as adapter, pytest.raises(DataError, match="no rows"):
        finetune(adapter, TrunkRows(adapter_split(adapter), []))
    for name in ("batch_size", "epochs", "checkpoints", "learning_rate"):
        with pytest.raises(UsageError, match=name):
            FinetuneSettings(**{name: 0})
