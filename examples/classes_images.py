"""Images in a plain torch loop: a ResNet with fixed class vectors, saved and loaded again."""

import tempfile

import torch
from transformers import AutoModelForImageClassification, ResNetConfig, ResNetForImageClassification

from growlabels.classes import Codebook, replace_head

CLASSES = 6


def images(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return noise with a bright bar; the class says where it stands, and whether it is upright."""
    random = torch.Generator().manual_seed(seed)
    x = 0.3 * torch.rand(count, 1, 16, 16, generator=random)
    y = torch.randint(0, CLASSES, (count,), generator=random)
    for image, label in zip(x, y.tolist(), strict=True):
        place = 2 + 4 * (label // 2)
        bar = image[0] if label % 2 else image[0].T
        bar[place : place + 3] += 1
    return x, y


def main() -> float:
    """Train, save, load with its head; return the accuracy of the loaded model on other images."""
    torch.manual_seed(0)
    config = ResNetConfig(
        num_channels=1, embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"
    )
    codebook = Codebook.for_classes(1000, dim=64)  # room for classes to come
    codebook.add_labels([f"bar {i}" for i in range(CLASSES)])
    model = ResNetForImageClassification(config)
    replace_head(model, codebook)
    head = [p for name, p in model.named_parameters() if name.startswith("classifier.")]
    trunk = [p for name, p in model.named_parameters() if not name.startswith("classifier.")]
    optimizer = torch.optim.AdamW([{"params": trunk}, {"params": head, "lr": 6e-3}], lr=3e-3)
    for step in range(60):
        x, y = images(32, seed=step)
        loss = model(pixel_values=x, labels=y).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = images(200, seed=1000)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = AutoModelForImageClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return float((loaded(pixel_values=x).logits.argmax(1) == y).float().mean())


if __name__ == "__main__":
    print(f"accuracy {main():.3f}")
