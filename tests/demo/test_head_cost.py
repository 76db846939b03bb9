"""How the demo measures the cost of an output layer."""

import pytest
import torch

from growlabels.demo import _head_cost
from growlabels.demo._head_cost import FEWEST, MOST, LinearHead, cpu_milliseconds, head_costs


def test_arms_are_called_in_turn_and_equally_often() -> None:
    calls: list[str] = []
    found = cpu_milliseconds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")})
    assert list(found) == ["a", "b"] and min(found.values()) >= 0.0
    assert calls == ["a", "b"] * (len(calls) // 2)
    assert FEWEST < len(calls) // 2 <= MOST + 1


def test_both_layers_are_measured_and_only_the_trained_one_grows_with_the_classes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(_head_cost, "ENOUGH", 0.0)  # as few calls as there may be
    small, large = (head_costs(classes, 0) for classes in (64, 256))
    for costs in (small, large):
        assert set(costs) == {"ebv", "linear"}
    assert large["linear"].memory > 3.9 * small["linear"].memory
    assert large["ebv"].memory < 2 * small["ebv"].memory
    assert (small["ebv"].classes, large["ebv"].classes) == (64, 256)
    table = _head_cost.cost_table({k: [small[k], large[k]] for k in small})
    assert [row[:2] for row in table.rows[3:]] == [
        ("256", _head_cost.LINEAR),
        ("256", _head_cost.NAMES["ebv"]),
        ("", "ratio"),
    ]
    assert _head_cost.cost_plot({k: [small[k], large[k]] for k in small}).title


def test_growing_keeps_the_weights_of_the_old_classes() -> None:
    head = LinearHead(3, 4)
    old = head.linear.weight.detach().clone()
    head.grow(2)
    assert head(torch.ones(1, 3)).shape == (1, 6)
    assert torch.equal(head.linear.weight[:4], old)
