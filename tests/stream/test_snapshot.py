"""A saved learner goes on as if nothing had happened; a damaged file says so."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from growlabels.base.errors import RunError, UsageError
from growlabels.stream import IHOMER


def learned(rows: int, density: float) -> tuple[IHOMER, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, 12)) * (rng.random((rows, 12)) < density)
    Y = X[:, :4] > 0.3
    Y[:, 1] |= Y[:, 0]
    model = IHOMER(window=100, check_every=40)
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
    ("about", "arrays", "told"),
    [
        ({"params": {"preset": "default", "max_bytes": 2**30, "window": -1}}, {}, "window must be"),
        (
            {"params": {"preset": "default", "max_bytes": 2**30, "what": 1}},
            {},
            "unexpected keyword",
        ),
        ({"names": {}}, {}, "no 'features'"),
        ({"rows": "many"}, {}, "invalid literal"),
        ({"mode": None}, {}, "whole model file"),
        ({"kind": None}, {}, "holds None in format"),
        ({}, {"experts.mean.npy": np.zeros((2, 2))}, "experts.mean is of another kind"),
        ({}, {"experts.mean.npy": np.array(["a"])}, "experts.mean is of another kind"),
        ({}, {"experts.mean.npy": np.array([None])}, "allow_pickle=False"),
    ],
)
def test_parts_that_do_not_fit_are_refused(tmp_path: Path, about, arrays, told: str) -> None:
    learned(20, 1.0)[0].save(tmp_path / "model")
    with pytest.raises(RunError, match=told):
        IHOMER.load(changed(tmp_path / "model", about, arrays))


def test_a_missing_file_and_a_label_that_json_does_not_know(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        IHOMER.load(tmp_path / "nothing")
    model = IHOMER()
    model.learn_one({"a": 1}, {frozenset("x")})
    with pytest.raises(UsageError, match="to be saved"):
        model.save(tmp_path / "model")
    assert not (tmp_path / "model").exists()
