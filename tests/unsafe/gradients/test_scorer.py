from typing import Any

import numpy as np
import pytest
import torch
from tiny_causal import drawn_rows, one_row_loss, tiny

from growlabels.base.errors import UsageError
from growlabels.unsafe.gradients.scorer import GradientScorer, adapter_split, gradient_scores
from growlabels.unsafe.model.finetune import Checkpoint, FinetuneSettings, finetune
from growlabels.unsafe.model.lora import Adapter, LoraSettings, attach
from growlabels.unsafe.model.trunk import TrunkRows

ROWS = drawn_rows([(4, 6), (9, 3), (2, 8), (5, 5), (7, 2), (3, 9), (6, 6)])
TARGETS = drawn_rows([(3, 5), (8, 4), (5, 7)], seed=1)
LORA = LoraSettings(rank=2, top_layers=2)
TRAINING = FinetuneSettings(learning_rate=1e-2, batch_size=3, checkpoints=2)


def slow_gradients(adapter: Adapter, rows: list[Any]) -> np.ndarray:
    found = []
    for row in rows:
        parts = torch.autograd.grad(one_row_loss(adapter.causal, row), adapter.parameters())
        found.append(torch.cat([part.flatten() for part in parts]).double().numpy())
    return np.stack(found)


def adam_step(adapter: Adapter, checkpoint: Checkpoint, gradient: np.ndarray) -> np.ndarray:
    """What torch's own AdamW does next, at rate 1, with one row's gradient."""
    names, end, moved = adapter.keys(), 0, []
    for key, parameter in zip(names, adapter.parameters(), strict=True):
        start, end = end, end + parameter.numel()
        value = torch.zeros(parameter.shape, dtype=torch.float64, requires_grad=True)
        value.grad = torch.from_numpy(gradient[start:end]).view_as(value)
        optimiser = torch.optim.AdamW([value], lr=1.0, weight_decay=0.0)
        optimiser.state[value] = {
            "step": torch.tensor(float(checkpoint.step)),
            "exp_avg": checkpoint.mean[key].double(),
            "exp_avg_sq": checkpoint.mean_square[key].double(),
        }
        optimiser.step()
        moved.append(-value.detach().flatten().numpy())
    return np.concatenate(moved)


@pytest.mark.parametrize("kind", ["cos", "dot", "less"])
def test_equal_to_the_formula_on_one_row_at_a_time(kind: Any) -> None:
    with attach(tiny(), LORA) as adapter:
        split = adapter_split(adapter)
        rows = TrunkRows(split, ROWS, tokens_per_batch=30)
        checkpoints = finetune(adapter, rows, TRAINING)
        found = gradient_scores(adapter, checkpoints, rows, TrunkRows(split, TARGETS), kind)
        used = checkpoints[1:] if kind == "less" else checkpoints
        assert found.by_target.shape == (len(used), 7, 3)
        for number, checkpoint in enumerate(used):
            adapter.load(checkpoint.state)
            g, t = slow_gradients(adapter, ROWS), slow_gradients(adapter, TARGETS)
            if kind == "less":
                g = np.stack([adam_step(adapter, checkpoint, row) for row in g])
            if kind != "dot":
                g, t = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (g, t))
            expected = g @ t.T
            np.testing.assert_allclose(
                found.by_target[number], expected, rtol=1e-3, atol=2e-5 * abs(expected).max()
            )
        np.testing.assert_allclose(found.total(), found.by_target.mean(2).sum(0), rtol=1e-6)


def test_batches_do_not_matter_and_losses_are_given() -> None:
    with attach(tiny(), LORA) as adapter:
        split = adapter_split(adapter)
        rows = TrunkRows(split, ROWS)
        checkpoints = finetune(adapter, rows, TRAINING)
        scorer = GradientScorer(adapter, checkpoints, TrunkRows(split, TARGETS))
        whole = scorer.score(rows)
        alone = scorer.score(TrunkRows(split, ROWS, cached=False, tokens_per_batch=1))
        np.testing.assert_allclose(whole.by_target, alone.by_target, atol=1e-5)
        adapter.load(checkpoints[-1].state)
        expected = [float(one_row_loss(tiny(), row).detach()) for row in ROWS]
        np.testing.assert_allclose(whole.losses[-1], expected, rtol=1e-6)


def test_a_target_is_most_like_itself() -> None:
    with attach(tiny(), LORA) as adapter:
        targets = TrunkRows(adapter_split(adapter), TARGETS)
        found = gradient_scores(adapter, [Checkpoint(0, adapter.state())], targets, targets)
        np.testing.assert_allclose(np.diagonal(found.by_target[0]), 1, rtol=1e-5)
        assert found.by_target.max() < 1 + 1e-5


def test_wrong_use() -> None:
    with attach(tiny(), LORA) as adapter:
        split, start = adapter_split(adapter), [Checkpoint(0, adapter.state())]
        some, none = TrunkRows(split, TARGETS), TrunkRows(split, [])
        kind: Any = "sin"
        with pytest.raises(UsageError, match="kind must be one of 'cos', 'dot', 'less'"):
            GradientScorer(adapter, start, some, kind)
        with pytest.raises(UsageError, match="targets must be at least one row"):
            GradientScorer(adapter, start, none)
        with pytest.raises(UsageError, match="LESS needs a checkpoint after the start"):
            GradientScorer(adapter, start, some, "less")
