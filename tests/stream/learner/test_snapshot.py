"""A saved learner goes on as if nothing had happened; a damaged file says so."""

import json
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest

from growlabels.base.errors import RunError, UsageError
from growlabels.base.labels import LabelMap
from growlabels.stream import IHOMER
from growlabels.stream.experts.label_sets import empty_sets
from growlabels.stream.experts.state import RIDGE, SPARSE, new_experts
from growlabels.stream.label_tree.state import new_tree


def learned(rows: int, density: float, **settings) -> tuple[IHOMER, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 12)) * (rng.random((rows, 12)) < density)
    Y = X[:, :4] > 0.3
    Y[:, 1] |= Y[:, 0]
    model = IHOMER(window=100, check_every=40, **settings)
    model.learn_many(X, Y)
    return model, X, Y


@pytest.mark.parametrize("density", [1.0, 0.1])
def test_a_loaded_model_goes_on_as_the_saved_one(tmp_path: Path, density: float) -> None:
    model, X, Y = learned(170, density)
    for name in ("text", 3, ("a", None)):
        model.learn_one({name: 1.0}, {name, True})
    model.save(tmp_path / "model")
    loaded = IHOMER.load(tmp_path / "model")
    for each in (model, loaded):
        each.learn_many(X, Y)
    assert loaded.labels_ == model.labels_
    assert loaded.events == model.events
    assert loaded.hierarchy() == model.hierarchy()
    assert loaded.n_rows == model.n_rows == 343
    assert np.array_equal(loaded.predict_proba_many(X), model.predict_proba_many(X))


@pytest.mark.parametrize("mode", ["r", "r+"])
@pytest.mark.parametrize("settings", [{}, {"tree_above": 0}, {"preset": "paper"}])
def test_a_model_that_joblib_maps_from_a_file_goes_on_and_leaves_it(
    tmp_path: Path, mode: str, settings: dict
) -> None:
    model, X, Y = learned(170, 1.0, **settings)
    joblib.dump(model, tmp_path / "model")
    before = (tmp_path / "model").read_bytes()
    mapped = joblib.load(tmp_path / "model", mmap_mode=mode)
    for each in (model, mapped):
        each.learn_many(X, Y)
    assert np.array_equal(mapped.predict_proba_many(X), model.predict_proba_many(X))
    assert mapped.events == model.events
    assert (tmp_path / "model").read_bytes() == before


def test_an_untouched_model_can_be_saved(tmp_path: Path) -> None:
    IHOMER(window=321).save(tmp_path / "model")
    model = IHOMER.load(tmp_path / "model")
    assert (model.window, model.n_rows) == (321, 0)
    model.learn_one({"a": 1}, {"x"})


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    model, _, _ = learned(50, 1.0)
    path = tmp_path / "model"
    model.save(path)
    whole = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in [*rng.integers(0, len(whole), 25).tolist(), 0, len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        try:
            loaded = IHOMER.load(path)
        except RunError:
            continue
        assert loaded.n_rows == 50  # a byte that carries nothing, such as a date
    for cut in (0, 10, len(whole) // 2, len(whole) - 5):
        path.write_bytes(whole[:cut])
        with pytest.raises(RunError, match="save the model again"):
            IHOMER.load(path)


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model"
    with zipfile.ZipFile(path, "w") as zip:
        zip.writestr("about.json", json.dumps({"kind": "growlabels.stream.IHOMER", "format": 99}))
    with pytest.raises(RunError, match="format 99"):
        IHOMER.load(path)


def changed(path: Path, about: dict, arrays: dict[str, np.ndarray]) -> Path:
    """Write the archive again with other entries, whole as an archive."""
    target = path.with_name("changed")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            with new.open(name, "w") as entry:
                if name == "about.json":
                    entry.write(json.dumps({**json.loads(old.read(name)), **about}).encode())
                elif name in arrays:
                    np.lib.format.write_array(entry, arrays[name])
                else:
                    entry.write(old.read(name))
    return target


@pytest.mark.parametrize(
    ("about", "arrays", "message"),
    [
        ({"params": {"preset": "default", "max_bytes": 2**30, "window": -1}}, {}, "window must be"),
        (
            {"params": {"preset": "default", "max_bytes": 2**30, "what": 1}},
            {},
            "unexpected keyword",
        ),
        ({"names": {}}, {}, "no 'positive'"),
        ({"rows": "many"}, {}, "invalid literal"),
        ({"mode": None}, {}, "complete model file"),
        ({"mode": 9}, {}, "mode has the unknown value 9"),
        ({"rows": -1}, {}, "rows is out of range"),
        ({"rows": 5}, {}, "experts.totals has an index out of range"),
        ({"kind": None}, {}, "contains None in format"),
        ({}, {"experts.mean.npy": np.zeros((2, 2))}, "experts.mean has the wrong type or shape"),
        ({}, {"experts.mean.npy": np.array(["a"])}, "experts.mean has the wrong type or shape"),
        ({}, {"experts.mean.npy": np.array([None])}, "allow_pickle=False"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, about, arrays, message: str) -> None:
    learned(20, 1.0)[0].save(tmp_path / "model")
    with pytest.raises(RunError, match=message):
        IHOMER.load(changed(tmp_path / "model", about, arrays))


FAR, NEGATIVE = (lambda a: a * 0 + 10**9), (lambda a: a * 0 - 7)
MORE_STEPS = lambda a: np.append(a[:-1], 4)  # noqa: E731


@pytest.mark.parametrize(
    ("settings", "density", "entry", "change", "message"),
    [
        ({}, 1.0, "experts.totals", FAR, "experts.totals has an index out of range"),
        ({}, 1.0, "experts.totals", MORE_STEPS, "experts.totals has an index out of range"),
        ({}, 1.0, "experts.linear", lambda a: a[:2], "experts do not fit each other"),
        ({}, 1.0, "experts.curves", lambda a: a[:, :2], "experts do not fit each other"),
        (
            {},
            1.0,
            "experts.slot_start",
            FAR,
            "experts.slot_start does not describe consecutive rows",
        ),
        ({}, 1.0, "experts.slot_set", FAR, "experts.slot_set has an index out of range"),
        (
            {},
            1.0,
            "experts.node_feature",
            NEGATIVE,
            "experts.node_feature has an index out of range",
        ),
        ({}, 0.1, "experts.node_slot", FAR, "experts.node_slot has an index out of range"),
        ({}, 0.1, "experts.first", FAR, "experts.first has an index out of range"),
        ({}, 0.1, "experts.follower", lambda a: a * 0, "experts.follower refers backwards"),
        ({}, 1.0, "sets.start", FAR, "sets.start has an index out of range"),
        ({}, 1.0, "sets.pool", FAR, "sets.pool has an index out of range"),
        ({}, 1.0, "sets.chain", lambda a: a * 0 + 1, "sets.chain refers forwards"),
        ({}, 1.0, "sets.bucket", lambda a: a[:-1], "sets.bucket has the wrong type or shape"),
        ({}, 1.0, "monitor.filled", FAR, "monitor.filled has an index out of range"),
        ({}, 1.0, "pairs.keys", NEGATIVE, "pairs.keys has an index out of range"),
        ({}, 1.0, "pairs.values", lambda a: a[:-1], "pairs.values and pairs.keys differ in size"),
        ({"tree_above": 0}, 0.1, "tree.child", FAR, "tree.child does not describe a tree"),
        (
            {"tree_above": 0},
            0.1,
            "tree.child",
            lambda a: a * 0,
            "tree.child does not describe a tree",
        ),
        (
            {"tree_above": 0},
            0.1,
            "tree.home",
            lambda a: a * 0,
            "tree.child does not describe a tree",
        ),
        ({"tree_above": 0}, 0.1, "tree.mark", lambda a: a * 0, "tree.mark is not reset"),
        (
            {"preset": "paper"},
            1.0,
            "tree0.tree.feature",
            FAR,
            "tree0.tree.feature has an index out of range",
        ),
        (
            {"preset": "paper"},
            1.0,
            "tree0.tree.counts",
            lambda a: a[:, 1:],
            "the wrong type or shape",
        ),
        ({"preset": "paper"}, 1.0, "tree0.labels", FAR, "tree0.labels has an index out of range"),
        ({"preset": "paper"}, 1.0, "paper.window", lambda a: a[1:], "window has the wrong size"),
    ],
)
def test_a_forged_array_is_refused_before_compiled_code_follows_it(
    tmp_path: Path, settings, density, entry, change, message
) -> None:
    path = tmp_path / "model"
    learned(120, density, **settings)[0].save(path)
    with zipfile.ZipFile(path) as zip, zip.open(f"{entry}.npy") as file:
        array = np.lib.format.read_array(file)
    with pytest.raises(RunError, match=f"not a complete model file .*{message}"):
        IHOMER.load(changed(path, {}, {f"{entry}.npy": change(array)}))


@pytest.mark.parametrize(
    ("state", "made", "message"),
    [
        ("experts", new_experts(RIDGE, 100, 0, 8, 256), "experts.totals has an index out of range"),
        ("experts", new_experts(RIDGE, 100, 16, 8, 0), "experts.totals has an index out of range"),
        ("sets", empty_sets(0, 256), "sets.key has the wrong type or shape"),
        ("sets", empty_sets(64, 0), "sets.pool has the wrong type or shape"),
        ("tree", new_tree(16, 256, 0), "tree.totals has an index out of range"),
    ],
)
def test_arrays_of_no_size_are_refused_for_they_could_never_double(
    tmp_path: Path, state: str, made, message: str
) -> None:
    model = IHOMER(window=100, tree_above=0 if state == "tree" else 1000)
    if state == "tree":
        model.learn_one({"a": 1.0}, {"b"})
    setattr(model._engine, state, made)
    model.save(tmp_path / "model")
    with pytest.raises(RunError, match=message):
        IHOMER.load(tmp_path / "model")


def test_a_ring_of_one_node_that_follows_itself_is_refused(tmp_path: Path) -> None:
    model = IHOMER(window=100)
    model.learn_one({"a": 1.0}, set())
    engine, e = model._engine, new_experts(SPARSE, 100, 16, 8, 1)
    e.totals[:] = engine.experts.totals
    e.slot_size[0], e.first[0], e.last[0], e.follower[0] = 1, 0, 0, 0
    engine.mode, engine.experts = SPARSE, e
    model.save(tmp_path / "model")
    with pytest.raises(RunError, match="follower refers backwards"):
        IHOMER.load(tmp_path / "model")


def test_another_window_or_other_names_than_the_arrays_have_are_refused(tmp_path: Path) -> None:
    model = learned(50, 1.0)[0]
    model.save(tmp_path / "model")
    for about, message in (
        ({"params": {**model._get_params(), "window": 300}}, "experts do not fit"),
        ({"names": {"features": NAMES, "positive": NAMES, "labels": NAMES}}, "than names"),
        ({"names": {"features": NAMES, "positive": MANY, "labels": MANY}}, "names has 30 labels"),
    ):
        with pytest.raises(RunError, match=message):
            IHOMER.load(changed(tmp_path / "model", about, {}))


NAMES, MANY = (LabelMap(range(size)).to_json() for size in (2, 30))


def test_a_missing_file_and_a_label_that_json_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        IHOMER.load(tmp_path / "nothing")
    model = IHOMER()
    model.learn_one({"a": 1}, {frozenset("x")})
    with pytest.raises(UsageError, match="to be saved"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
