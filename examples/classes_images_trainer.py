"""Images below the Hugging Face Trainer: a ResNet with fixed class vectors."""

import tempfile

import torch
from transformers import ResNetConfig, ResNetForImageClassification, Trainer, TrainingArguments

from growlabels.classes import Codebook, replace_head

CLASSES = 6


def rows(count: int, seed: int) -> list[dict[str, torch.Tensor]]:
    """Return noise with a bright bar; the class says where it stands, and whether it is upright."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        image = 0.3 * torch.rand(1, 16, 16, generator=random)
        label = torch.randint(0, CLASSES, (1,), generator=random)[0]
        place = 2 + 4 * (int(label) // 2)
        bar = image[0] if label % 2 else image[0].T
        bar[place : place + 3] += 1
        found.append({"pixel_values": image, "labels": label})
    return found


def main() -> float:
    """Train; return the accuracy on other images."""
    torch.manual_seed(0)
    config = ResNetConfig(
        num_channels=1, embedding_size=8, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic"
    )
    codebook = Codebook.for_classes(1000, dim=64)
    codebook.add_labels([f"bar {i}" for i in range(CLASSES)])
    model = ResNetForImageClassification(config)
    replace_head(model, codebook)
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            folder,
            per_device_train_batch_size=32,
            max_steps=80,
            learning_rate=5e-3,
            use_cpu=True,
            report_to="none",
            save_strategy="no",
            logging_strategy="no",
            disable_tqdm=True,
        )
        Trainer(model, settings, train_dataset=rows(1280, seed=1)).train()
    other = rows(200, seed=2)
    x = torch.stack([row["pixel_values"] for row in other])
    y = torch.stack([row["labels"] for row in other])
    with torch.no_grad():
        best = model.eval()(pixel_values=x).logits.argmax(1)
    return float((best == y).float().mean())


if __name__ == "__main__":
    print(f"accuracy {main():.3f}")
