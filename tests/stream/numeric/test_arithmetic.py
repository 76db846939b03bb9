"""Each compiled kernel against a plain numpy twin, on fixed and on drawn inputs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.numeric import arithmetic as k

drawn = settings(max_examples=40, deadline=None)
seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 40)


def twin_logit(p: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.clip(np.log(p) - np.log1p(-p), -6, 6)


@given(st.floats(0, 1))
@drawn
def test_logit_and_sigmoid(p: float) -> None:
    assert k.logit(p) == pytest.approx(twin_logit(np.array([p]))[0], abs=1e-9)
    assert k.sigmoid(k.logit(p)) == pytest.approx(np.clip(p, 1 / (1 + np.exp(6)), 1), abs=3e-3)


@given(seeds, st.integers(1, 200))
@drawn
def test_dot_reads_as_far_as_the_second_array(seed: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=size + 3), rng.normal(size=size)
    assert k.dot(a, b) == pytest.approx(a[:size] @ b, abs=1e-11)


@given(st.floats(1e-100, 1e100), st.booleans())
@drawn
def test_a_gauge_is_a_power_of_two(value: float, negative: bool) -> None:
    gauge = k.gauge_of(-value if negative else value)
    assert 0.5 <= value * gauge < 1
    assert np.frexp(gauge)[0] == 0.5


def test_spread_out_uses_the_gauge_or_makes_one() -> None:
    x = np.zeros(4)
    k.spread_out(np.array([0, 2]), np.array([3.0, 10.0]), np.array([0.5, 0, 0, 0]), x)
    assert x.tolist() == [1.5, 0.0, 0.625, 0.0]


@given(seeds, st.integers(1, 30), sizes)
@drawn
def test_standardise(seed: int, rows: int, features: int) -> None:
    rng = np.random.default_rng(seed)
    data = rng.normal(size=(rows, features)) * rng.choice([1e-3, 1.0, 50.0], features)
    data[:, 0] = 2.0  # a constant feature
    data[:, -1] += rng.choice([0.0, 1e5])  # one that may vary little about a large mean
    earlier, x = data[:-1], data[-1]
    mean = earlier.mean(0) if rows > 1 else np.zeros(features)
    spread = ((earlier - mean) ** 2).sum(0)
    top = np.abs(earlier).max(0, initial=0)
    moments, scaled = np.empty((3, features)), np.empty(features + 1, np.float32)
    zscores, precision = np.empty(features + 1), np.empty(features)
    k.standardise(x, rows - 1, mean, spread, top, moments, scaled, zscores, precision)
    deviation = data.std(0)
    relative = deviation / np.maximum(np.abs(data.mean(0)), 1e-300)
    inverse = np.divide(1, deviation, out=np.zeros(features), where=relative > 1e-12)
    np.testing.assert_allclose(moments[0], data.mean(0), atol=1e-9)
    np.testing.assert_allclose(moments[1], data.var(0) * rows, rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(moments[2], np.abs(data).max(0))
    np.testing.assert_allclose(scaled[1:], x / moments[2], rtol=1e-6)
    expected = np.clip((x - data.mean(0)) * inverse, -5, 5)
    np.testing.assert_allclose(zscores[1:], expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(precision, np.where(relative > 1e-6, inverse, 0) ** 2, rtol=1e-5)
    assert scaled[0] == zscores[0] == 1


@given(seeds, st.integers(1, 20), sizes)
@drawn
def test_dense_linear_expert(seed: int, labels: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(labels + 2, size + 3)).astype(np.float32)
    squares = rng.random((labels + 2, size + 3)).astype(np.float32) + np.float32(0.001)
    x, errors = rng.normal(size=size).astype(np.float32), rng.normal(size=labels)
    out = np.empty(labels)
    k.linear_scores(weights, x, out)
    np.testing.assert_allclose(out, weights[:labels, :size].astype(float) @ x, atol=1e-4)
    gradient = errors[:, None] * x
    total, step = squares.astype(float), weights.astype(float)
    total[:labels, :size] += gradient**2
    step[:labels, :size] -= 2.0 * gradient / np.sqrt(total[:labels, :size])
    k.adagrad_step(weights, squares, x, errors, 2.0)
    np.testing.assert_allclose(squares, total, rtol=1e-5)
    np.testing.assert_allclose(weights, step, rtol=1e-4, atol=1e-5)


@given(seeds, st.integers(1, 20), sizes)
@drawn
def test_sparse_linear_expert_equals_the_dense_one(seed: int, labels: int, size: int) -> None:
    rng = np.random.default_rng(seed)
    dense = (rng.normal(size=size) * (rng.random(size) < 0.4)).astype(np.float32)
    index = np.flatnonzero(dense)
    weights = rng.normal(size=(labels, size + 1)).astype(np.float32)
    squares = np.full_like(weights, 0.001)
    flipped, flipped_squares = weights.T.copy(), squares.T.copy()
    x = np.concatenate(([np.float32(1)], dense))
    errors, one, other = rng.normal(size=labels), np.empty(labels), np.empty(labels)
    k.linear_scores(weights, x, one)
    k.sparse_linear_scores(flipped, index, dense[index], other)
    np.testing.assert_allclose(one, other, atol=1e-4)
    k.adagrad_step(weights, squares, x, errors, 0.3)
    k.sparse_adagrad_step(flipped, flipped_squares, index, dense[index], errors, 0.3)
    np.testing.assert_allclose(weights.T, flipped, rtol=1e-6)


@given(seeds, sizes, st.integers(1, 30), st.integers(1, 5))
@drawn
def test_window_distances(seed: int, features: int, slots: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    window = rng.normal(size=(features, slots + 2)).astype(np.float32)
    x = rng.normal(size=(rows, features + 1))
    precision = rng.random(x.shape) * (rng.random(x.shape) < 0.9)
    out, alone = np.empty((2, rows, slots + 1), np.float32)
    k.window_distances(window, x, precision, features, slots, out)
    for row in range(rows):
        one = slice(row, row + 1)
        k.window_distances(window, x[one], precision[one], features, slots, alone[one])
        differences = x[row, :features, None] - window[:, :slots]
        expected = np.sqrt(precision[row, :features] @ differences**2)
        np.testing.assert_allclose(out[row, :slots], expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(out[:, :slots], alone[:, :slots])


@given(seeds, sizes, st.integers(1, 30))
@drawn
def test_posting_distances(seed: int, features: int, slots: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.random((slots, features)) * (rng.random((slots, features)) < 0.3)
    first, last = np.full(features, -1), np.full(features, -1)
    follower, node_slot = np.full(2048, -1), np.zeros(2048, np.int64)
    node_weight = np.zeros(2048, np.float32)
    start = 2040  # so that the ring wraps
    for node, (slot, j) in enumerate(np.argwhere(rows), start):
        node_slot[node % 2048], node_weight[node % 2048] = slot, rows[slot, j]
        if last[j] >= 0:
            follower[last[j] % 2048] = node
        else:
            first[j] = node
        last[j] = node
    x = rng.random(features) * (rng.random(features) < 0.5)
    index, out = np.flatnonzero(x), np.empty(slots, np.float32)
    value = x[index].astype(np.float32)
    k.posting_distances(index, value, first, follower, node_slot, node_weight, out)
    np.testing.assert_allclose(out**2, np.maximum(1 - rows @ x, 0), atol=1e-5)
    sizes = np.count_nonzero(rows, axis=1)
    starts = start + np.cumsum(sizes) - sizes
    node_feature = np.zeros(2048, np.int64)
    node_feature[(start + np.arange(sizes.sum())) % 2048] = np.nonzero(rows)[1]
    by_row = np.empty(slots, np.float32)
    k.row_distances(index, value, features, starts, sizes, node_feature, node_weight, by_row)
    np.testing.assert_array_equal(by_row, out)


@given(st.lists(st.integers(0, 5), min_size=1, max_size=90), st.data())
@drawn
def test_nearest_prefers_the_newest_of_equals(values: list[int], data: st.DataObject) -> None:
    newest = data.draw(st.integers(0, len(values) - 1))
    limit = data.draw(st.integers(0, len(values)))
    wanted = data.draw(st.integers(1, 6))
    slots, best = np.empty(wanted, np.int64), np.empty(wanted, np.float32)
    found = k.nearest(np.array(values, np.float32), newest, limit, slots, best)
    by_age = [(newest - age) % len(values) for age in range(limit)]
    expected = sorted(by_age, key=lambda slot: values[slot])[:wanted]
    assert slots[:found].tolist() == expected
    assert best[:found].tolist() == [values[slot] for slot in expected]


@given(seeds, st.integers(0, 6), st.integers(1, 8))
@drawn
def test_vote(seed: int, count: int, labels: int) -> None:
    rng = np.random.default_rng(seed)
    member = rng.random((6, labels)) < 0.4
    size = member.sum(1)
    start, pool = np.cumsum(size) - size, np.nonzero(member)[1]
    slot_set = rng.integers(6, size=9)
    slots = rng.permutation(9)[:6]
    best = np.sort(rng.random(6)).astype(np.float32)
    prior, out = rng.random(labels) * 0.9 + 0.05, np.empty(labels)
    k.vote(slots, best, count, slot_set, start, size, pool, prior, out)
    weight = ((best[0] + k.TINY) / (best[:count] + k.TINY)) ** 4
    votes = 2 * prior + weight @ member[slot_set[slots[:count]]]
    np.testing.assert_allclose(out, twin_logit(votes / (2 + weight.sum())), atol=1e-5)


@given(seeds, st.integers(1, 12), st.integers(1, 6))
@drawn
def test_mix_and_stack_step(seed: int, labels: int, experts: int) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(experts, labels + 1))
    truth = (rng.random(labels + 1) < 0.5).astype(float)
    weights, hessian = rng.normal(size=experts), 10 * np.eye(experts)
    mixed = np.empty(labels + 1)
    k.mix(weights, logits, mixed)
    np.testing.assert_allclose(mixed, weights @ logits, atol=1e-12)
    p = 1 / (1 + np.exp(-mixed[1:]))
    f = logits[:, 1:]
    curvature = 0.9 * hessian + 0.1 * 10 * np.eye(experts) + (f * p * (1 - p)) @ f.T
    expected = weights - np.linalg.solve(curvature, f @ (p - truth[1:]))
    k.stack_step(weights, hessian, logits, truth, 0.9, 10.0)
    np.testing.assert_allclose(np.tril(hessian), np.tril(curvature), atol=1e-10)
    np.testing.assert_allclose(weights, expected, atol=1e-9)


@given(seeds, st.integers(1, 7), st.integers(0, 5))
@drawn
def test_best_set(seed: int, labels: int, known: int) -> None:
    rng = np.random.default_rng(seed)
    member = rng.random((known, labels + 1)) < 0.4
    member[:, 0] = False
    size = member.sum(1)
    start, pool = np.cumsum(size) - size, np.nonzero(member)[1]
    level, rows, novelty = rng.normal(size=known), np.log(50.0), 0.1
    scores, prior = rng.normal(size=labels + 1), rng.random(labels + 1) * 0.8 + 0.1
    odds, empty = np.log(prior / (1 - prior)), np.log(1 - prior[1:]).sum()
    chosen = k.best_set(
        scores, np.arange(known), level, start, size, pool, rows, novelty, odds, empty
    )
    share = np.log(0.9 * np.exp(level) / 50)
    own = [known - odds[m].sum() - empty for known, m in zip(share, member, strict=True)]
    totals = [scores[m].sum() + bracket / 2 for m, bracket in zip(member, own, strict=True)]
    totals.append(np.maximum(scores[1:], 0).sum() + np.log(novelty) / 2)
    assert totals[chosen] == pytest.approx(max(totals), abs=1e-9)
