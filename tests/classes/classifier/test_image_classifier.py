"""Images of every kind in, labels out; trunks of several libraries; saved models."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.base import clone

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import ImageClassifier
from growlabels.classes.classifier.checkpoint import TrainingCheckpoint

QUICK: dict[str, Any] = {"epochs": 2, "hidden": 16, "dim": 16, "device": "cpu"}


def stripes(count: int = 24, side: int = 16) -> tuple[np.ndarray, list[str]]:
    random = np.random.default_rng(0)
    images = random.integers(0, 60, (count, side, side)).astype(np.uint8)
    images[::2, ::4] = 255
    images[1::2, :, ::4] = 255
    return images, ["across", "down"] * (count // 2)


def test_paths_images_and_arrays_are_the_same(tmp_path: Path) -> None:
    images, labels = stripes()
    paths = [tmp_path / f"{i}.png" for i in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    forms = [
        images, images[:, None], images[..., None], images / 255, paths, list(map(str, paths)),
        [Image.fromarray(image) for image in images], [path.read_bytes() for path in paths],
    ]  # fmt: skip
    first = ImageClassifier(**QUICK).fit(forms[0], labels)
    expected = first.predict_proba(forms[0])
    for form in forms[1:]:
        assert np.array_equal(first.predict_proba(form), expected)
    again = ImageClassifier(**QUICK).fit(forms[-1], labels)
    assert np.array_equal(again.predict_proba(images), expected)


def test_a_saved_model_predicts_the_same_and_learns_new_classes(tmp_path: Path) -> None:
    images, labels = stripes()
    model = ImageClassifier(**QUICK).fit(images, labels)
    model.save(tmp_path / "model")
    loaded = ImageClassifier.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(images), model.predict_proba(images))
    loaded.partial_fit(255 - images, ["dark"] * len(images))
    assert loaded.classes_.tolist() == ["across", "dark", "down"]
    assert loaded.remove_classes(["down"]).predict(images).tolist().count("down") == 0
    assert clone(model).get_params() == model.get_params()


CONFIGS: dict[str, dict[str, Any]] = {
    "ResNet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "ConvNext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "ViT": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
            "intermediate_size": 16, "image_size": 16, "patch_size": 8},
    "Swin": {"image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 1],
             "num_heads": [1, 2], "window_size": 4},
    "Dinov2": {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
               "image_size": 28, "patch_size": 14, "mlp_ratio": 1},
}  # fmt: skip


@pytest.mark.parametrize("kind", list(CONFIGS))
def test_vision_models_of_transformers(kind: str, tmp_path: Path) -> None:
    transformers: Any = pytest.importorskip("transformers")
    config = getattr(transformers, f"{kind}Config")(**CONFIGS[kind])
    torch.manual_seed(1)
    source = getattr(transformers, f"{kind}Model")(config)
    source.save_pretrained(tmp_path / "trunk")
    images, labels = stripes(8)
    settings = QUICK | {"epochs": 1, "trunk": str(tmp_path / "trunk"), "lr": 1e-9, "size": None}
    model = ImageClassifier(**settings).fit(images, labels)
    given, learned = source.state_dict(), model.trunk_.backbone.model.state_dict()
    weights = [n for n in learned if "weight" in n and "pooler" not in n]
    assert weights and all(
        torch.allclose(given[n], learned[n], atol=1e-5) for n in weights if n in given
    )
    model.save(tmp_path / "model")
    (tmp_path / "trunk" / "config.json").unlink()  # the saved model needs its folder no more
    loaded = ImageClassifier.load(tmp_path / "model")
    assert np.array_equal(loaded.predict_proba(images), model.predict_proba(images))


def test_models_of_timm() -> None:
    pytest.importorskip("timm", reason="make test-vision runs this", exc_type=ImportError)
    images, labels = stripes(8)
    settings = QUICK | {"epochs": 1, "trunk": "timm:resnet10t", "size": 32}
    assert len(ImageClassifier(**settings).fit(images, labels).predict(images)) == 8


def test_progress_counts_images_of_all_epochs(tmp_path: Path) -> None:
    images, labels = stripes()
    seen: list[tuple[str, int, int | None]] = []
    ImageClassifier(**QUICK).fit(images, labels, progress=lambda *call: seen.append(call))
    assert seen[-1] == ("train, images", 48, 48)
    checkpoint = TrainingCheckpoint(tmp_path / "state.pt", every=0)
    model = ImageClassifier(**QUICK).fit(images, labels, checkpoint=checkpoint)
    assert len(model.losses_) == 2 and checkpoint.path.is_file()


@pytest.mark.parametrize(
    ("settings", "rows", "error", "message"),
    [
        ({}, np.zeros((4, 3)), UsageError, r"X must be images .* its shape was \(4, 3\)"),
        ({}, [], UsageError, "it was empty"),
        ({}, "a.png", UsageError, "it was a str"),
        ({}, ["absent.png", Image.new("L", (9, 9))], DataError, r"X\[0\] cannot be read"),
        ({}, np.full((4, 9, 9), -1.0), DataError, "pixels must be from 0 to 1 or to 255"),
        ({"size": 2}, np.zeros((4, 9, 9)), UsageError, "image-size must be"),
        ({"trunk": "resnet50"}, np.zeros((4, 9, 9)), UsageError, "nothing is downloaded"),
    ],
)
def test_wrong_use(settings: dict, rows: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ImageClassifier(**QUICK | settings).fit(rows, ["a", "b"] * 2 if len(rows) else [])
