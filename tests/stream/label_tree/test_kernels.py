"""The label tree's kernels against a plain tree of dicts: same shape, same chances to 1e-4."""

import heapq

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.stream.label_tree import kernels as k
from growlabels.stream.label_tree.state import grown_tree, new_tree, with_more_lines

FULL = 2**64 - 1
drawn = settings(max_examples=25, deadline=None)


class PlainTree:
    """The label tree, written plainly, in double precision."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.loss = [2.0, 0.0, 2.0]
        self.trials = [{} for _ in k.RATES]
        self.children = [[]]  # per node: ("label" or "node", number)
        self.rows = [[0] * 15]
        self.bias = [np.zeros(16)]
        self.weights = {}
        self.above = {0: None}
        self.place = {}
        self.open = 0

    def line(self, node: int, feature: int) -> np.ndarray:
        key = (feature + 1) * 0x9E3779B97F4A7C15 & FULL
        key ^= key >> 32
        mixed = (key + node * 0xD1342543DE82EF95) * 0x2545F4914F6CDD1D & FULL
        return self.weights.setdefault((mixed >> 33) % self.lines, np.zeros(16))

    def chances(self, node: int, row: dict) -> np.ndarray:
        score = self.bias[node][:15].copy()
        for feature, x in row.items():
            score += x * self.line(node, feature)[:15]
        return 1 / (1 + np.exp(-score))

    def add(self, label: int) -> None:
        if len(self.children[self.open]) == 15:
            node = 0
            while True:
                slot = int(np.argmin(self.rows[node]))
                kind, number = self.children[node][slot]
                if kind == "label":
                    break
                node = number
            new = len(self.children)
            self.children[node][slot] = ("node", new)
            self.children.append([("label", number)])
            self.rows.append([self.rows[node][slot]] + [0] * 14)
            self.bias.append(np.array([3.0] + [0.0] * 15))
            self.place[number], self.above[new] = (new, 0), (node, slot)
            self.open = new
        self.place[label] = self.open, len(self.children[self.open])
        self.children[self.open].append(("label", label))

    def learn(self, row: dict, labels: list) -> None:
        for label in labels:
            if label not in self.place:
                self.add(label)
        truths = {0: set()}
        for label in labels:
            place = self.place[label]
            while place:
                truths.setdefault(place[0], set()).add(place[1])
                place = self.above[place[0]]
        rate = float(k.RATES[int(np.argmin(self.loss))])
        for node, slots in truths.items():
            for slot in slots:
                self.rows[node][slot] += 1
            self.step(node, [self.line(node, f) for f in row], self.bias[node], row, slots, rate)
            if node in (3, 19, 35, 51):
                for trial, of_rate in enumerate(k.RATES):
                    lines = [
                        self.trials[trial].setdefault((node // 16, f), np.zeros(16)) for f in row
                    ]
                    bias = self.trials[trial].setdefault(node, np.zeros(16))
                    loss = self.step(node, lines, bias, row, slots, float(of_rate))
                    self.loss[trial] = 0.9995 * self.loss[trial] + loss

    @staticmethod
    def step(node: int, lines: list, bias: np.ndarray, row: dict, slots: set, rate: float) -> float:
        score = bias[:15] + sum(x * line[:15] for x, line in zip(row.values(), lines, strict=True))
        error = 1 / (1 + np.exp(-score))
        true = np.isin(np.arange(15), list(slots))
        loss = -np.log(np.where(true, error, 1 - error)).sum()
        error = error - true
        square = (error**2).sum()
        for x, line in [*zip(row.values(), lines, strict=True), (1.0, bias)]:
            line[15] += x * x * square
            line[:15] -= rate * x * error / np.sqrt(line[15] + 0.1)
        return float(loss)

    def search(self, row: dict, blocks: int, wanted: int, floor: float) -> list:
        heap, found, opened = [(-1.0, ("node", 0))], [], 0
        while heap:
            p, (kind, number) = heapq.heappop(heap)
            if len(found) >= wanted and -p < floor:
                break
            if kind == "label":
                found.append((number, -p))
            elif opened < blocks:
                opened += 1
                for child, q in zip(self.children[number], self.chances(number, row)):  # noqa: B905
                    heapq.heappush(heap, (p * q, child))
        return found


def rows_of(seed: int, count: int, labels: int) -> list:
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        features = np.flatnonzero(rng.random(30) < 0.2)
        value = rng.normal(size=features.size)
        value /= max(np.linalg.norm(value), 1e-9)
        true = np.unique(1 + np.minimum(rng.zipf(1.3, rng.integers(0, 5)), labels) - 1)
        found.append((features, value.astype(np.float32), np.maximum(true, 1)))
    return found


def both(seed: int, count: int, labels: int) -> tuple:
    tree, plain = grown_tree(new_tree(), labels + 1, 30), PlainTree(2**16)
    for features, value, true in rows_of(seed, count, labels):
        keys = np.empty(features.size, np.uint64)
        k.feature_keys(features, keys)
        k.learn_labels(tree, keys, value, true)
        plain.learn(dict(zip(features.tolist(), value.tolist(), strict=True)), true.tolist())
    return tree, plain


@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([5, 40, 300]))
@drawn
def test_a_tree_learns_what_the_plain_one_learns(seed: int, count: int, labels: int) -> None:
    tree, plain = both(seed, count, labels)
    assert tree.totals[k.NODES] == len(plain.children)
    assert tree.totals[k.LABELS] == len(plain.place)
    for label, (node, slot) in plain.place.items():
        assert tree.home[label] == 16 * node + slot
        assert tree.child[node, slot] == label
    assert tree.mass[: len(plain.rows)].tolist() == plain.rows
    assert (tree.mark == -1).all()
    assert tree.trial_loss == pytest.approx(plain.loss, rel=1e-4)
    for features, value, _ in rows_of(seed + 1, 5, labels):
        row = dict(zip(features.tolist(), value.tolist(), strict=True))
        keys, out = np.empty(features.size, np.uint64), np.zeros(tree.home.size)
        k.feature_keys(features, keys)
        k.all_chances(tree, keys, value, out)
        every = dict(plain.search(row, len(plain.children), len(plain.place), 0.0))
        assert out[list(every)] == pytest.approx(list(every.values()), abs=1e-4)
        assert np.count_nonzero(out) == len(every)


@given(st.integers(0, 2**32), st.integers(1, 12), st.integers(1, 20), st.floats(0, 0.5))
@drawn
def test_the_search_opens_the_likeliest_first(
    seed: int, blocks: int, wanted: int, floor: float
) -> None:
    tree, plain = both(seed, 80, 200)
    features, value, _ = rows_of(seed + 1, 1, 200)[0]
    keys = np.empty(features.size, np.uint64)
    k.feature_keys(features, keys)
    labels, chances = np.zeros(150, np.int64), np.zeros(150)
    found = k.search(tree, keys, value, blocks, wanted, floor, labels, chances)
    row = dict(zip(features.tolist(), value.tolist(), strict=True))
    expected = plain.search(row, blocks, wanted, floor)
    close = [p for _, p in expected if abs(p - floor) < 1e-5]
    assert found == len(expected) or close
    size = min(found, len(expected))
    assert chances[:size] == pytest.approx([p for _, p in expected[:size]], abs=1e-4)
    assert (np.diff(chances[:found]) <= 0).all()


def test_doubling_the_lines_changes_no_prediction() -> None:
    tree, _ = both(3, 200, 60)
    features, value, true = rows_of(4, 1, 60)[0]
    keys = np.empty(features.size, np.uint64)
    k.feature_keys(features, keys)
    before, after = np.zeros(tree.home.size), np.zeros(tree.home.size)
    k.all_chances(tree, keys, value, before)
    used = tree.totals[k.USED]
    larger = with_more_lines(with_more_lines(tree, 2**18), 2**18)
    assert len(larger.weights) == 4 * len(tree.weights)
    assert larger.weights.ctypes.data % 64 == 0
    k.all_chances(larger, keys, value, after)
    assert np.array_equal(before, after)
    assert used > 0 and larger.totals[k.USED] == 0
    k.learn_labels(larger, keys, value, true[:1])
    assert larger.totals[k.USED] > 0


def test_new_lines_are_found_by_one_more_bit() -> None:
    keys = np.empty(500, np.uint64)
    k.feature_keys(np.arange(500), keys)
    near = np.array([k.line_of(key, 7, 1024) for key in keys])
    far = np.array([k.line_of(key, 7, 2048) for key in keys])
    assert np.array_equal(near, far % 1024)
    assert np.unique(near).size > 350  # 393 expected of 1,024 thrown 500 times


def test_labels_never_learned_are_never_found() -> None:
    tree = grown_tree(new_tree(), 50, 3)
    labels, chances = np.zeros(9, np.int64), np.zeros(9)
    none = np.zeros(0, np.uint64), np.zeros(0, np.float32)
    assert k.search(tree, *none, 20, 5, 0.0, labels, chances) == 0
    k.learn_labels(tree, *none, np.array([4, 9]))
    assert k.search(tree, *none, 20, 5, 0.0, labels, chances) == 2
    assert sorted(labels[:2].tolist()) == [4, 9]
