"""What keeps old classes while new ones are learned."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, EBVClassifier, EBVHead
from growlabels.classes.losses import distillation as module
from growlabels.classes.losses.distillation import TEMPERATURE, Distillation


def network(known: int, added: int) -> tuple[nn.Module, EBVHead, Distillation, torch.Tensor]:
    """A network that has changed since it knew ``known`` classes, what it was, and rows."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(5, 8), nn.Tanh())
    head = EBVHead(8, Codebook.for_classes(300), num_classes=known)
    distillation = Distillation(trunk, head, 0.7)
    head.add_classes(added)
    with torch.no_grad():
        for parameter in [*trunk.parameters(), *head.parameters()]:
            parameter += 0.1 * torch.randn_like(parameter)
    return trunk, head, distillation, torch.randn(40, 5)


def plainly(distillation: Distillation, head: EBVHead, x: torch.Tensor, features: torch.Tensor,
            y: torch.Tensor) -> torch.Tensor:  # fmt: skip
    """Row by row, with all logits: cross-entropy of the old shares minus their entropy."""
    known, total = distillation.head.num_classes, torch.zeros(())
    for row, label in enumerate(y.tolist()):
        if label < known:
            continue
        old = distillation.head(distillation.trunk(x[row : row + 1])) * distillation.head.tau
        old = (old / head.tau / TEMPERATURE)[:, :known].softmax(1)
        new = head(features[row : row + 1])[:, :known] / TEMPERATURE
        total = total + cross_entropy(new, old) + (old * old.log()).sum()
    return distillation.weight * TEMPERATURE**2 * total / len(y)


def test_equals_the_plain_divergence_and_its_gradient() -> None:
    trunk, head, distillation, x = network(100, 20)
    y = torch.arange(40) * 3
    features = trunk(x)
    loss = distillation(head, [x], features, y)
    torch.testing.assert_close(loss, plainly(distillation, head, x, features, y))
    weight = head.projection.weight
    own, plain = (
        torch.autograd.grad(value, weight, retain_graph=True)[0]
        for value in (loss, plainly(distillation, head, x, features, y))
    )
    torch.testing.assert_close(own, plain, rtol=1e-4, atol=1e-6)


def test_old_rows_and_the_unchanged_network_cost_nothing() -> None:
    trunk, head, distillation, x = network(100, 20)
    assert distillation(head, [x], trunk(x), torch.arange(40)) == 0
    same = distillation(
        copy.deepcopy(distillation.head), [x], distillation.trunk(x), torch.full((40,), 110)
    )
    assert abs(float(same)) < 1e-5


def test_many_classes_are_compared_on_the_likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, distillation, x = network(100, 20)
    monkeypatch.setattr(module, "MOST_CLASSES", 80)
    z = distillation.head.embed(distillation.trunk(x[:3]))
    classes = distillation._classes(z)
    best = distillation.head(distillation.trunk(x[:3])).topk(26).indices
    assert sorted(classes.tolist()) == sorted(set(best.flatten().tolist()))


def test_the_classifier_keeps_more_of_old_classes() -> None:
    random = np.random.default_rng(0)
    y = random.integers(0, 12, 900)
    x = 2 * np.eye(12)[y] @ random.normal(size=(12, 10)) + random.normal(size=(900, 10))
    old, kept = y < 8, {}
    for weight in (0.0, 2.0):
        model = EBVClassifier(
            dim=64, hidden=64, epochs=4, replay=0, distillation=weight, partial_epochs=12
        )
        model.fit(x[old], y[old]).partial_fit(x[~old], y[~old])
        kept[weight] = model.score(x[old], y[old])
    assert kept[2.0] > kept[0.0] + 0.1


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(UsageError, match="distillation"):
        EBVClassifier(distillation=-1.0).fit(np.eye(4), [0, 1, 0, 1])
