"""Moments of batches equal those of all rows."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.classes.inputs.moments import Moments
from growlabels.classes.inputs.readers import ArrayReader, ImageReader


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 9))
def test_batches_add_up_to_the_whole(sizes: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=(sum(sizes), 4)) * [1, 1e3, 1, 1] + [0, 5, 0, 0]
    rows[random.random(rows.shape) < 0.3] = np.nan
    rows[:, 3] = np.where(np.isnan(rows[:, 3]), np.nan, 7.0)
    parts = np.split(rows, np.cumsum(sizes)[:-1])
    found = Moments.of(parts[0])
    for part in parts[1:]:
        found = found.joined(Moments.of(part))
    whole = Moments.of(rows)
    for name, values in vars(whole).items():
        np.testing.assert_allclose(getattr(found, name), values, rtol=1e-9, atol=1e-9)
    assert found.scale[3] == 1.0
    assert (vars(Moments.from_json(found.to_json()))["low"] == found.low).all()


def test_inputs_move_to_what_a_reader_measured_since() -> None:
    rows, more = np.array([[1.0, np.nan], [3.0, 2.0]]), np.array([[8.0, 4.0]])
    before = ArrayReader.of(rows)
    after = before.followed(more)
    moved = after.moved(before.inputs(rows), before).array
    np.testing.assert_allclose(moved, after.inputs(rows).array)
    np.testing.assert_allclose(after.mean, [4.0, 3.0])
    images = np.random.default_rng(0).random((4, 2, 3, 3), np.float32)
    first = ImageReader.of(images[:1])
    both = first.followed(images[1:])
    np.testing.assert_allclose(both.mean, ImageReader.of(images).mean, rtol=1e-6)
    np.testing.assert_allclose(both.deviation, ImageReader.of(images).deviation, rtol=1e-6)
    own = both.moved(first.inputs(images), first).array
    np.testing.assert_allclose(own, both.inputs(images).array, rtol=1e-4, atol=1e-5)
