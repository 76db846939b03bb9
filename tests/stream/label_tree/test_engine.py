"""Very many labels: the switch to the label tree, and that the contracts hold on both sides."""

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from growlabels.base.errors import UsageError
from growlabels.stream import IHOMER, stream_checks
from growlabels.stream.experts.engine import Engine
from growlabels.stream.label_tree.engine import LargeEngine
from growlabels.stream.label_tree.loop import is_dense
from growlabels.stream.learner.named_engine import outgrown_at
from growlabels.stream.numeric.rows import Rows
from growlabels.stream.rows.tables import read_table


def made(rows: int, labels: int, seed: int) -> tuple[sparse.csr_array, sparse.csr_array]:
    """Rows of words; the first words of a row name its labels, which come ever new."""
    rng = np.random.default_rng(seed)
    X, Y = np.zeros((rows, 2 * labels)), np.zeros((rows, labels), bool)
    for r in range(rows):
        known = max(3, labels * (r + 1) // rows)
        true = np.unique(np.minimum(rng.zipf(1.4, 3) - 1, known - 1))
        true = np.append(true, known - 1) if r % 3 == 0 else true
        Y[r, true] = True
        X[r, np.concatenate((2 * true, rng.integers(0, 2 * labels, 3)))] = 1.0 + rng.random()
    return sparse.csr_array(X), sparse.csr_array(Y)


def pairs(X: sparse.csr_array, Y: sparse.csr_array) -> Iterator[tuple[dict, set]]:
    for r in range(X.shape[0]):
        x, y = X[[r]], Y[[r]]
        yield dict(zip(x.indices.tolist(), x.data.tolist(), strict=True)), set(y.indices.tolist())


def same(one: IHOMER, other: IHOMER, X: sparse.csr_array) -> bool:
    p, q = (dict(zip(m.labels_, m.predict_proba_many(X).T, strict=True)) for m in (one, other))
    return one.events == other.events and all(
        np.array_equal(p[label], q[label]) for label in p.keys() & q.keys()
    )


@pytest.mark.parametrize("dense", [False, True])
def test_rows_one_by_one_in_parts_and_at_once_agree_across_the_switch(dense: bool) -> None:
    X, Y = made(260, 120, 0)
    if dense:
        rng = np.random.default_rng(1)
        X = sparse.csr_array(rng.normal(size=(260, 9)) * [1, 1e3, 1e-3, 1, 1, 1, 1, 1, 1])
    whole, loop, parts, silent = (IHOMER(tree_above=50, check_every=30) for _ in range(4))
    told = whole.prequential_many(X, Y)
    silent.learn_many(X, Y)
    for r, (x, y) in enumerate(pairs(X, Y)):
        guess = {label for label, on in loop.predict_one(x).items() if on}
        assert guess == {whole.labels_[i] for i in told[[r]].indices}
        loop.learn_one(x, y)
        assert isinstance(loop._engine, LargeEngine) == (len(loop._positive.of) > 50)
    for begin in range(0, 260, 37):
        parts.learn_many(X[begin : begin + 37], Y[begin : begin + 37])
    assert isinstance(whole._engine, LargeEngine)
    assert is_dense(whole._engine.tree.totals) == dense
    for other in (loop, parts, silent):
        assert same(whole, other, X)
        assert other.n_rows == 260


def test_copies_pickles_and_files_go_on_alike(tmp_path: Path) -> None:
    X, Y = made(200, 90, 2)
    model = IHOMER(tree_above=30)
    model.learn_many(X, Y)
    model.save(tmp_path / "model")
    others = [
        IHOMER.load(tmp_path / "model"),
        pickle.loads(pickle.dumps(model)),  # noqa: S301 (made on this line)
        copy.deepcopy(model),
    ]
    for each in (model, *others):
        each.learn_many(X, Y)
    assert all(same(model, other, X) for other in others)


@pytest.mark.parametrize("check", list(stream_checks()), ids=lambda check: check.__name__)
@pytest.mark.parametrize("above", [0, 3])
def test_the_label_tree_keeps_the_contracts(check, above) -> None:
    check(lambda: IHOMER(tree_above=above))


def test_the_tree_learns_thousands_of_labels_and_names_the_likeliest() -> None:
    X, Y = made(3000, 1500, 3)
    model = IHOMER()
    model.learn_many(X[:2900], Y[:2900])
    assert isinstance(model._engine, LargeEngine)
    x, _ = next(pairs(X[2900:2901], Y[2900:2901]))
    five = model.predict_topk_one(x)
    assert len(five) == 5 and model.predict_topk_one(x, 3) == five[:3]
    assert all(model.predict_proba_one(x)[label][True] == p for label, p in five)
    rows = model._rows(read_table(X[2900:], "X"))
    labels, chances = model._engine.topk(rows, 3)
    names = [model._positive.names[i - 1] for i in labels[:, 0]]
    right = [Y[2900 + r, name] for r, name in enumerate(names)]
    assert np.mean(right) > 0.75
    every = model._engine.probabilities(rows)
    assert np.array_equal(np.take_along_axis(every, labels, 1), chances)
    assert chances[:, 0] == pytest.approx(every.max(axis=1), abs=1e-9)


def test_the_switch_is_at_the_row_that_brings_too_much() -> None:
    X, Y = made(60, 50, 5)
    model = IHOMER()
    features, labels, _ = model._read(X, Y)
    rows = Rows(*features, *labels)
    engine = model._engine
    assert isinstance(engine, Engine)
    seen = [len(set(Y[: r + 1].indices.tolist())) for r in range(60)]
    words = [len(set(X[: r + 1].indices.tolist())) for r in range(60)]
    for most in (0, 7, 20, 1000):
        late = [r for r in range(60) if seen[r] > most]
        assert outgrown_at(engine, rows, most, 2**30) == (late[0] if late else 60)
    budget = 8 * 16 * 1000
    late = [r for r in range(60) if seen[r] * words[r] > 1000]
    assert outgrown_at(engine, rows, 1000, budget) == late[0]


def test_the_bound_on_bytes_holds_for_every_kind_of_stream() -> None:
    rng = np.random.default_rng(6)
    for labels, features in ((600, 900), (20_000, 3000)):
        X = sparse.random_array((1500, features), density=15 / features, rng=rng, format="csr")
        Y = sparse.random_array((1500, labels), density=12 / labels, rng=rng, format="csr") > 0
        model = IHOMER(max_bytes=2**25)
        for begin in range(0, 1500, 500):
            model.learn_many(X[begin : begin + 500], Y[begin : begin + 500])
            assert 0 < model.n_bytes <= 2**25
        assert isinstance(model._engine, LargeEngine)


@pytest.mark.parametrize(("density", "most"), [(1.0, 150_000), (0.1, 60_000)])
def test_the_row_that_memory_has_no_room_for_is_the_same_however_rows_come(
    density: float, most: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(130, 60)) * (rng.random((130, 60)) < density)
    X[:20] *= rng.random((20, 60)) < 0.1  # another mode at first
    Y = X[:, :3] > 0

    def fresh() -> IHOMER:
        model = IHOMER(window=100, check_every=40)
        model._engine.max_bytes = most
        return model

    whole, parts, loop = fresh(), fresh(), fresh()
    told, switched = whole.prequential_many(X, Y), 0
    for r, (x, y) in enumerate(zip(X, Y, strict=True)):
        row = dict(enumerate(x.tolist()))
        loop.predict_one({("odd", i): 1.0 for i in range(300)})
        guess = loop.predict_one(row)
        assert [guess.get(label, False) for label in range(3)] == told[r].tolist()
        loop.learn_one(row, dict(enumerate(y.tolist())))
        if isinstance(loop._engine, Engine):
            assert loop.n_bytes <= most + loop._engine.pairs.n_bytes
            switched = r + 1
    assert 30 < switched < 130
    parts.learn_many(X[: switched - 5], Y[: switched - 5])
    parts.save(tmp_path / "model")
    loaded = IHOMER.load(tmp_path / "model")
    loaded._engine.max_bytes = most
    again = pickle.loads(pickle.dumps(parts))  # noqa: S301 (made in this line)
    for model in (parts, loaded, again):
        model.learn_many(X[switched - 5 :], Y[switched - 5 :])
    for model in (loop, parts, loaded, again):
        assert isinstance(model._engine, LargeEngine)
        assert np.array_equal(whole.predict_proba_many(X), model.predict_proba_many(X))
    with pytest.raises(UsageError, match="window must be at most max_bytes / 128 = 262144 rows"):
        IHOMER(window=300_000, max_sets=2_000_000, max_bytes=2**25)


@pytest.mark.parametrize("setting", [{"tree_above": -1}, {"tree_above": 2.5}, {"max_bytes": 10}])
def test_bad_parameters_are_named(setting: dict) -> None:
    with pytest.raises(UsageError, match=next(iter(setting))):
        IHOMER(**setting)
