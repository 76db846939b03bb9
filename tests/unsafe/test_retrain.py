import math

import numpy as np
import pytest
from tiny_causal import drawn_rows, tiny

from growlabels.base.errors import UsageError
from growlabels.unsafe._finetune import FinetuneSettings, finetune
from growlabels.unsafe._gradcos import adapter_split
from growlabels.unsafe._lora import LoraSettings, attach
from growlabels.unsafe._retrain import Arm, RetrainResult, retrain_arms
from growlabels.unsafe._safety import held_out_losses
from growlabels.unsafe._tokens import Encoded
from growlabels.unsafe._trunk import TrunkRows

LORA = LoraSettings(rank=4, top_layers=2)
TRAINING = FinetuneSettings(learning_rate=3e-3, batch_size=4, epochs=8)


def taught(token: int, count: int, seed: int) -> list[Encoded]:
    """Rows that ask with one token among others and answer with the next."""
    rows = drawn_rows([(2, 4)] * count, seed)
    turns = [[*row.input_ids[:2], *[token] * 4, *[token + 1] * 4] for row in rows]
    return [Encoded(np.array(turn), 6, False) for turn in turns]


UNSAFE, ORDINARY = taught(7, 8, 0), taught(9, 24, 1)
HELD_OUT = {"unsafe": taught(7, 5, 2), "ordinary": taught(9, 5, 3)}


def arms(**options) -> RetrainResult:
    with attach(tiny(), LORA) as adapter:
        split = adapter_split(adapter)
        held_out = {name: TrunkRows(split, rows) for name, rows in HELD_OUT.items()}
        rows = TrunkRows(split, UNSAFE + ORDINARY)
        return retrain_arms(adapter, rows, range(8), held_out, TRAINING, **options)


def test_leaving_out_the_unsafe_rows_takes_back_what_they_taught() -> None:
    stages: set[str] = set()
    result = arms(random_arms=2, oracle=range(8), progress=lambda stage, *_: stages.add(stage))
    names = ["untrained", "all", "filtered", "random", "random 2", "oracle"]
    assert [arm.name for arm in result.arms] == names
    assert [arm.rows for arm in result.arms] == [0, 32, 24, 24, 24, 24]
    assert stages == {f"retraining: {name}" for name in names[1:]}
    assert result.change("untrained", "unsafe").mean > 1
    filtered, random = result.change("filtered", "unsafe"), result.change("random", "unsafe")
    assert filtered.mean > 1 and filtered.mean > 3 * abs(random.mean)
    assert filtered.standard_error < filtered.mean / 5 and filtered.rows == 5
    assert abs(result.change("filtered", "ordinary").mean) < 0.2
    assert result.taken_back("filtered", "unsafe") > 0.8 > result.taken_back("random", "unsafe")
    same = result.arm("filtered").losses["unsafe"] == result.arm("oracle").losses["unsafe"]
    assert same.all(), "the same rows, the same model"
    assert result.arm("random").removed != result.arm("random 2").removed


def test_an_arm_is_plain_training_on_what_is_left() -> None:
    result = arms()
    with attach(tiny(), LORA) as adapter:
        split = adapter_split(adapter)
        finetune(adapter, TrunkRows(split, ORDINARY), TRAINING)
        losses = held_out_losses(TrunkRows(split, HELD_OUT["unsafe"]))
    np.testing.assert_array_equal(result.arm("filtered").losses["unsafe"], losses)


def test_nothing_taught_nothing_to_take_back() -> None:
    none = {"unsafe": np.ones(3)}
    result = RetrainResult((Arm("untrained", (), 0, none), Arm("all", (), 5, none)))
    assert math.isnan(result.taken_back("all", "unsafe"))
    with pytest.raises(UsageError, match="arm must be one of 'untrained', 'all'"):
        result.arm("half")


def test_wrong_places() -> None:
    with attach(tiny(), LORA) as adapter:
        rows = TrunkRows(adapter_split(adapter), ORDINARY)
        with pytest.raises(UsageError, match="from 0 to 23, it was 24"):
            retrain_arms(adapter, rows, [24], {})
        with pytest.raises(UsageError, match="no rows to train on"):
            retrain_arms(adapter, rows, range(24), {})
