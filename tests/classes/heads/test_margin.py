"""The margins of the target's cosine: values, derivative, and the line near angle pi."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from growlabels.classes.heads.margin import angular_margin


@given(st.floats(-0.999, 0.999), st.floats(0.0, 1.5), st.floats(0.0, 0.9))
def test_value_and_derivative(cosine: float, margin: float, cosine_margin: float) -> None:
    x = torch.tensor([cosine], dtype=torch.float64, requires_grad=True)
    moved, slope = angular_margin(x, margin, cosine_margin)
    angle = math.acos(cosine)
    if abs(angle - (math.pi - margin)) < 1e-9:
        return
    line = cosine - 1 + math.cos(margin)
    expected = math.cos(angle + margin) if angle < math.pi - margin else line
    assert moved.item() == pytest.approx(expected - cosine_margin, abs=1e-9)
    derivative = torch.autograd.grad(moved.sum(), x)[0]
    assert slope.item() == pytest.approx(derivative.item(), rel=1e-6)


def test_angle_zero_has_a_finite_derivative() -> None:
    moved, slope = angular_margin(torch.ones(1, dtype=torch.float64), 0.3)
    assert moved.item() == pytest.approx(math.cos(0.3), abs=1e-5)
    assert math.isfinite(slope.item())
