"""Saving and loading a classifier without pickle."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from growlabels.base.errors import RunError, UsageError
from growlabels.classes import EBVClassifier

QUICK = {"hidden": 16, "dim": 16, "epochs": 2}
TEXT = QUICK | {"embedding": 8, "buckets": 64}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    EBVClassifier(**TEXT).fit(["aa", "bb", "ab"], ["x", "y", "x"]).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize(
    "labels", [["x", "yy", "x"], [3, 1, 3], [True, False, True], [1.0, 2.0, 1.0]]
)
def test_a_loaded_model_predicts_the_same(tmp_path: Path, labels: list) -> None:
    x = np.array([[0.0, 1.0], [1e6, 2.0], [3.0, 1.0]])
    model = EBVClassifier(**QUICK).fit(x, labels)
    model.save(tmp_path)
    again = EBVClassifier.load(tmp_path)
    assert (again.predict_proba(x) == model.predict_proba(x)).all()
    assert again.predict(x).dtype == model.predict(x).dtype
    assert again.n_features_in_ == 2


def test_settings_may_be_numbers_of_numpy(tmp_path: Path) -> None:
    model = EBVClassifier(**QUICK).fit(np.eye(4), [0, 1, 0, 1])
    model.set_params(hidden=np.int64(16), margin=np.float32(0.5), device=torch.device("cpu"))
    model.save(tmp_path)
    again = EBVClassifier.load(tmp_path)
    assert (again.predict_proba(np.eye(4)) == model.predict_proba(np.eye(4))).all()


def test_a_grown_text_model_goes_on(saved: Path) -> None:
    model = EBVClassifier.load(saved)
    model.partial_fit(["cc"], ["z"]).save(saved)
    again = EBVClassifier.load(saved)
    assert again.classes_.tolist() == ["x", "y", "z"]
    assert (again.predict_proba(["cc"]) == model.predict_proba(["cc"])).all()


def test_a_model_of_another_machine_is_loaded_where_its_device_is_absent(tmp_path: Path) -> None:
    model = EBVClassifier(**QUICK).fit(np.eye(4), [0, 1, 0, 1])
    model.device = "abacus"
    model.save(tmp_path / "model")
    again = EBVClassifier.load(tmp_path / "model")
    assert again.device == EBVClassifier.load(tmp_path / "model", "cpu").device == "cpu"
    assert again.predict(np.eye(4)).shape == (4,)
    with pytest.raises(UsageError, match="device must be one that torch finds here"):
        EBVClassifier.load(tmp_path / "model", "abacus")
    with pytest.raises(UsageError, match="it is a file; give the path of a folder"):
        model.save(tmp_path / "model" / "classifier.json")


def test_what_is_damaged_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no saved classifier"):
        EBVClassifier.load(tmp_path)
    settings = json.loads((saved / "classifier.json").read_text())
    weights = (saved / "weights.safetensors").read_bytes()
    (saved / "weights.safetensors").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    with pytest.raises(RunError, match=r"'weights.safetensors' .* not the file that was saved"):
        EBVClassifier.load(saved)
    (saved / "weights.safetensors").write_bytes(weights)
    (saved / "classifier.json").write_text(json.dumps(settings | {"format": 99}))
    with pytest.raises(RunError, match="format version 99"):
        EBVClassifier.load(saved)
    for damaged in ("{", json.dumps(settings | {"temperature": 2.0})):
        (saved / "classifier.json").write_text(damaged)
        with pytest.raises(RunError, match="is damaged"):
            EBVClassifier.load(saved)


def test_nothing_executable_is_written(saved: Path) -> None:
    assert sorted(path.name for path in saved.iterdir()) == [
        "classifier.json", "codebook.safetensors", "weights.safetensors"
    ]  # fmt: skip
