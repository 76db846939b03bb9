"""The examples run and learn: plain torch, the Hugging Face Trainer, Lightning."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


def accuracy(name: str) -> float:
    return runpy.run_path(str(EXAMPLES / name))["main"]()


def test_plain_loop() -> None:
    assert accuracy("classes_loop.py") > 0.95


def test_hugging_face_trainer() -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate", reason="the Trainer needs accelerate")
    assert accuracy("classes_trainer.py") > 0.9


def test_images_in_a_plain_loop() -> None:
    pytest.importorskip("transformers")
    assert accuracy("classes_images.py") > 0.8


def test_images_below_the_trainer() -> None:
    pytest.importorskip("transformers")
    pytest.importorskip("accelerate", reason="the Trainer needs accelerate")
    assert accuracy("classes_images_trainer.py") > 0.8


@pytest.mark.filterwarnings("ignore")  # Lightning's advice on workers and logging
def test_lightning() -> None:
    pytest.importorskip("lightning", reason="Lightning is not installed")
    assert accuracy("classes_lightning.py") > 0.95
