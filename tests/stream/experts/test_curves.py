"""The curves against plain numpy; thresholds that only they can learn; where they do nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream import IHOMER
from growlabels.stream.experts.curves import curve_scores, curve_step, place_on_curves
from growlabels.stream.experts.learn import activate
from growlabels.stream.experts.state import FIRST_SQUARE, KNOTS

drawn = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 20)


def placed(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    knot, share = np.empty(z.size, np.int64), np.empty(z.size, np.float32)
    place_on_curves(np.concatenate(([1.0], z)), knot, share)
    return knot, share


def hats(knot: np.ndarray, share: np.ndarray) -> np.ndarray:
    """What a row has in every knot: (features, knots)."""
    row = np.zeros((knot.size, KNOTS))
    every = np.arange(knot.size)
    row[every, knot] = np.float32(1) - share
    row[every, knot + 1] = share
    return row


def test_places_are_even_in_the_share_of_rows_below() -> None:
    z = np.random.default_rng(0).normal(size=20_000)
    knot, share = placed(z)
    assert np.array_equal(np.argsort(knot + share.astype(float), kind="stable"), np.argsort(z))
    met = np.bincount(knot, minlength=KNOTS - 1) / z.size
    assert np.all(met[1:-1] > 0.08)
    knot, share = placed(np.array([0.0, -5.0, 5.0, np.nan, -np.inf]))
    assert knot.tolist()[:3] == [4, 0, KNOTS - 2]
    assert share[0] == 0.5
    assert np.all((knot >= 0) & (knot < KNOTS - 1))


@given(seeds, sizes, sizes)
@drawn
def test_scores_are_the_sums_of_the_curves(seed: int, features: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    curves = rng.normal(size=(features + 2, KNOTS, labels)).astype(np.float32)
    knot, share = placed(rng.normal(size=features) * 3)
    out = np.full(labels, 9.0, np.float32)
    curve_scores(curves, knot, share, out)
    expected = np.einsum("jk,jkl->l", hats(knot, share), curves[:features])
    np.testing.assert_allclose(out, expected, atol=1e-4)


@given(seeds, sizes, sizes)
@drawn
def test_a_step_touches_two_knots_a_feature(seed: int, features: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    curves = rng.normal(size=(features + 2, KNOTS, labels)).astype(np.float32)
    visits = rng.choice([FIRST_SQUARE, 30.0], (features + 2, KNOTS))
    knot, share = placed(rng.normal(size=features) * 3)
    errors = (rng.normal(size=labels) * rng.choice([1.0, 300.0])).astype(np.float32)
    row = np.zeros(visits.shape)
    row[:features] = hats(knot, share)
    seen = visits + row**2
    wanted = 0.3 * (row / np.sqrt(seen))[:, :, None] * errors.astype(float)
    expected = curves - np.clip(wanted, -0.6, 0.6)
    steps = np.empty((2, features), np.float32)
    curve_step(curves, visits, knot, share, steps, errors, np.float32(0.3))
    np.testing.assert_allclose(visits, seen, rtol=1e-6)
    np.testing.assert_allclose(curves, expected, rtol=1e-4, atol=1e-5)


def test_a_box_in_two_features_is_learned() -> None:
    rng = np.random.default_rng(1)
    X = rng.random((3000, 6))
    Y = (X[:, :3] > 0.4) & (X[:, 3:] < 0.7)
    right = (IHOMER().prequential_many(X, Y) == Y).all(1)
    assert right[2000:].mean() > 0.93  # .82 without the curves


@pytest.mark.parametrize(("density", "told"), [(1.0, True), (0.1, False)])
def test_only_dense_rows_have_curves(density: float, told: bool) -> None:
    rng = np.random.default_rng(2)
    X = rng.normal(size=(80, 12)) * (rng.random((80, 12)) < density)
    model = IHOMER()
    model.learn_many(X, X[:, :2] > 0)
    parts = model.explain_one(dict(enumerate(X[0]))).labels[0].parts
    assert (parts["curves"] != 0) == told
    assert model._engine.experts.curves.any() == told


def test_a_new_label_starts_with_the_curves_of_one_that_was_always_absent() -> None:
    X = np.random.default_rng(3).normal(size=(60, 5))
    model = IHOMER()
    model.learn_many(X, np.ones((60, 1)))
    e = model._engine.experts
    activate(e, model._engine.mode, 4)
    assert np.array_equal(e.curves[:, :, 3], e.curves[:, :, 0])
    assert not np.array_equal(e.curves[:, :, 3], e.curves[:, :, 1])
    assert e.missed[3] == e.missed[0] > 2 * FIRST_SQUARE
