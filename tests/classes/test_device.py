"""Head, loss, search and image classifier on each device that is there agree with the CPU."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from growlabels.classes import Codebook, EBVHead, ImageClassifier


def needed(device: str) -> None:
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")


@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("classes", [50, 5000])
def test_head_agrees_with_a_matrix_on_a_device(device: str, classes: int) -> None:
    needed(device)
    torch.manual_seed(0)
    codebook = Codebook.for_classes(classes)
    head = EBVHead(24, codebook, num_classes=classes)
    x, y = torch.randn(8, 24), torch.randint(0, classes, (8,))
    matrix = torch.from_numpy(codebook.vectors(range(classes))).double()
    projected = nn.functional.linear(x.double(), *(p.double() for p in head.parameters()))
    logits = nn.functional.normalize(projected, dim=1) @ matrix.T * head.scale
    head = head.to(device)
    moved: Any = x.to(device)
    torch.testing.assert_close(head(moved).cpu().double(), logits, rtol=1e-4, atol=1e-4)
    loss = head.loss(moved, y.to(device))
    expected = nn.functional.cross_entropy(logits, y)
    torch.testing.assert_close(loss.cpu().double(), expected, rtol=1e-4, atol=1e-4)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in head.parameters())
    values = head.predict_topk(moved, 3)[0].cpu().double()
    torch.testing.assert_close(values, logits.topk(3)[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_image_classifier_trains_on_a_device(device: str) -> None:
    needed(device)
    images = np.random.default_rng(0).integers(0, 255, (16, 16, 16)).astype(np.uint8)
    model = ImageClassifier(epochs=2, hidden=8, dim=16, device=device)
    shares = model.fit(images, ["a", "b"] * 8).predict_proba(images)
    assert np.isfinite(shares).all() and np.allclose(shares.sum(1), 1)
    assert next(model.trunk_.parameters()).device.type == device
