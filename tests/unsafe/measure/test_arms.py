import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_causal import drawn_rows, tiny

from growlabels.base.errors import UsageError
from growlabels.unsafe.gradients.scorer import adapter_split
from growlabels.unsafe.measure.arms import (
    Arm,
    ArmSettings,
    RetrainResult,
    retrain_arms,
    without_rows,
)
from growlabels.unsafe.measure.held_out_loss import held_out_losses
from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.finetune import FinetuneSettings, finetune, step_order
from growlabels.unsafe.model.lora import LoraSettings, attach
from growlabels.unsafe.model.trunk import TrunkRows

LORA = LoraSettings(rank=4, top_layers=2)
TRAINING = FinetuneSettings(learning_rate=3e-3, batch_size=4, epochs=8)


def taught(token: int, count: int, seed: int) -> list[Encoded]:
    """Rows that ask with one token among others and answer with the next."""
    rows = drawn_rows([(2, 4)] * count, seed)
    turns = [[*row.input_ids[:2], *[token] * 4, *[token + 1] * 4] for row in rows]
    return [Encoded(np.array(turn), 6, False) for turn in turns]


UNSAFE, ORDINARY = taught(7, 8, 0), taught(9, 24, 1)
HELD_OUT = {"unsafe": taught(7, 5, 2), "ordinary": taught(9, 5, 3)}


def arms(
    removed: Sequence[int] = range(8), settings: ArmSettings | None = None, **options
) -> RetrainResult:
    with attach(tiny(), LORA) as adapter:
        split = adapter_split(adapter)
        held_out = {name: TrunkRows(split, rows) for name, rows in HELD_OUT.items()}
        rows = TrunkRows(split, UNSAFE + ORDINARY)
        settings = settings or ArmSettings(TRAINING)
        return retrain_arms(adapter, rows, removed, held_out, settings, **options)


def test_leaving_out_the_unsafe_rows_takes_back_what_they_taught() -> None:
    stages: set[str] = set()
    result = arms(
        settings=ArmSettings(TRAINING, random_arms=2),
        others={"oracle": range(8)},
        progress=lambda stage, *_: stages.add(stage),
    )
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


def test_the_arm_of_all_rows_is_plain_training() -> None:
    result = arms()
    with attach(tiny(), LORA) as adapter:
        split = adapter_split(adapter)
        finetune(adapter, TrunkRows(split, UNSAFE + ORDINARY), TRAINING)
        losses = held_out_losses(TrunkRows(split, HELD_OUT["unsafe"]))
    np.testing.assert_array_equal(result.arm("all").losses["unsafe"], losses)


def test_every_arm_takes_the_same_steps() -> None:
    steps: dict[str, int] = {}
    settings = ArmSettings(TRAINING, trained=lambda name, kept: steps.update({name: kept[-1].step}))
    arms(settings=settings, others={"half": range(16)})
    assert len(steps) == 6 and set(steps.values()) == {8 * 32 // 4}


def test_a_row_is_left_out_with_all_its_answers() -> None:
    pairs = np.arange(32) // 2
    by_row = arms(range(4), row_of=pairs)
    by_answer = arms()
    for name in ("all", "filtered"):
        losses = [result.arm(name).losses["unsafe"] for result in (by_row, by_answer)]
        np.testing.assert_array_equal(*losses)
    assert [arm.rows for arm in by_row.arms] == [0, 16, 12, 12, 12, 12]
    assert by_row.arm("filtered").removed == (0, 1, 2, 3)
    assert max(by_row.arm("random").removed) < 16


@pytest.mark.parametrize("row_of", [[0] * 31, [-1] * 32, [0.5] * 32, [1, 0] * 16])
def test_row_of_must_hold_one_ascending_index_per_answer(row_of: list[int]) -> None:
    with pytest.raises(UsageError, match="row_of must hold 32 row indices, one per answer"):
        arms(row_of=row_of)


@given(st.data(), st.integers(2, 30), st.integers(1, 7), st.integers(1, 3))
def test_removed_rows_are_replaced_where_they_stood(
    data: st.DataObject, count: int, size: int, epochs: int
) -> None:
    removed = data.draw(st.sets(st.integers(0, count - 1), max_size=count - 1))
    order = step_order(count, FinetuneSettings(batch_size=size, epochs=epochs))
    steps = without_rows(order, removed, count)
    assert [len(step) for step in steps] == [len(step) for step in order]
    times = np.zeros(count, int)
    for step, before in zip(steps, order, strict=True):
        for place, stood in zip(step, before, strict=True):
            times[place] += 1
            assert place == stood or stood in removed
    kept = np.setdiff1d(np.arange(count), sorted(removed))
    assert times.sum() == times[kept].sum() == count * epochs
    assert times[kept].max() - times[kept].min() <= 1
    assert steps == without_rows(order, removed, count)


def test_random_arms_have_a_mean_and_a_spread() -> None:
    def arm(name: str, *losses: float) -> Arm:
        return Arm(name, (), 0, {"unsafe": np.array(losses)})

    found = RetrainResult(
        (arm("all", 1, 2), arm("random", 1.1, 2.1), arm("random 2", 1.3, 2.3), arm("oracle", 2, 2))
    )
    change = found.random_change("unsafe")
    assert change.mean == pytest.approx(0.2) and change.rows == 2
    assert change.standard_error == pytest.approx(0.1)
    assert found.gap_closed("random", "unsafe") == pytest.approx(0.2)


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
        with pytest.raises(UsageError, match=r"from 0 to 23, it was 1\.5"):
            retrain_arms(adapter, rows, [1.5], {})  # type: ignore[list-item]
        with pytest.raises(UsageError, match="others must not use the name of another arm"):
            retrain_arms(adapter, rows, [1], {}, others={"all": [2]})
        for order in ([[-1]], [[24]], [[]]):
            with pytest.raises(UsageError, match="of places from 0 to 23, it was"):
                finetune(adapter, rows, order=order)
        with pytest.raises(UsageError, match="random_arms must be at least 1"):
            ArmSettings(random_arms=0)
        with pytest.raises(UsageError, match="no rows to train on"):
            retrain_arms(adapter, rows, range(24), {})
