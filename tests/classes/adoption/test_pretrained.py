"""A saved model of transformers is loaded with its head."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from growlabels.classes import Codebook, EBVHead, replace_head
from growlabels.classes.adoption.pretrained import KEY

transformers: Any = pytest.importorskip("transformers")


def resnet() -> Any:
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3
    )
    return transformers.ResNetForImageClassification(config).eval()


def labelled(kind: str | None = None) -> Codebook:
    codebook = Codebook.for_classes(40, 32, kind=kind, **({"steps": 3} if kind else {}))
    codebook.add_labels([f"thing {i}" for i in range(40)])
    return codebook


@pytest.mark.parametrize("kind", [None, "optimised"])
def test_auto_classes_give_the_head_back(kind: str | None, tmp_path: Path) -> None:
    model = replace_head(resnet(), labelled(kind), margin=0.1)
    x = torch.randn(2, 3, 32, 32)
    expected = model(x).logits
    model.save_pretrained(tmp_path)  # type: ignore[operator]
    for auto in (
        transformers.AutoModelForImageClassification,
        transformers.ResNetForImageClassification,
    ):
        loaded, info = auto.from_pretrained(tmp_path, output_loading_info=True)
        head = loaded.classifier[1]
        assert isinstance(head, EBVHead) and head.margin == 0.1
        assert head.codebook.labels[39] == "thing 39" and loaded.config.id2label[39] == "thing 39"
        assert not info["missing_keys"]
        torch.testing.assert_close(loaded(x).logits, expected, rtol=0, atol=0)
    trunk = transformers.AutoModel.from_pretrained(tmp_path)
    assert not any(isinstance(m, EBVHead) for m in trunk.modules())


def test_another_program_needs_the_import_alone(tmp_path: Path) -> None:
    model = replace_head(resnet(), labelled())
    model.save_pretrained(tmp_path)  # type: ignore[operator]
    script = (
        "import sys, transformers\n"
        "from growlabels.classes import replace_head\n"
        "model = transformers.AutoModelForImageClassification.from_pretrained(sys.argv[1])\n"
        "print(type(model.classifier[1]).__name__, model.config.num_labels)"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True, text=True, env=os.environ, check=False,
    )  # fmt: skip
    assert run.stdout.split() == ["EBVHead", "40"], run.stderr


def test_added_classes_are_saved_when_told_again(tmp_path: Path) -> None:
    codebook = Codebook.for_classes(60, 32)
    codebook.add_labels(["a", "b"])
    model: Any = replace_head(resnet(), codebook)
    model.classifier[1].add_classes(["c"])
    replace_head(model, model.classifier[1])
    model.save_pretrained(tmp_path)
    loaded = transformers.AutoModelForImageClassification.from_pretrained(tmp_path)
    assert loaded.classifier[1].num_classes == 3 and loaded.config.num_labels == 3


def test_plain_models_and_unstorable_labels_are_left_alone(tmp_path: Path) -> None:
    resnet().save_pretrained(tmp_path)
    loaded = transformers.AutoModelForImageClassification.from_pretrained(tmp_path)
    assert not any(isinstance(m, EBVHead) for m in loaded.modules())
    assert not hasattr(loaded.config, KEY)
