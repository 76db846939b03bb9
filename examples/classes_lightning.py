"""Fixed class vectors in a Lightning module; the loss streams over the classes."""

import lightning
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from growlabels.classes import Codebook, EBVHead

CLASSES = 30


class Classifier(lightning.LightningModule):
    """A trunk and an EBVHead."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(20, 64), nn.ReLU())
        codebook = Codebook.for_classes(CLASSES, dim=64)
        self.head = EBVHead(64, codebook, margin=0.2, label_smoothing=0.1, num_classes=CLASSES)

    def training_step(self, batch: list[torch.Tensor], index: int) -> torch.Tensor:
        x, y = batch
        return self.head.loss(self.trunk(x), y)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        groups = [
            {"params": self.trunk.parameters(), "lr": 3e-3},
            {"params": self.head.parameters(), "lr": 6e-3},
        ]
        return torch.optim.AdamW(groups)


def rows(count: int, seed: int) -> TensorDataset:
    """Return rows around one point per class."""
    points = torch.randn(CLASSES, 20, generator=torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(seed)
    y = torch.randint(0, CLASSES, (count,), generator=random)
    return TensorDataset(points[y] + 0.3 * torch.randn(count, 20, generator=random), y)


def main() -> float:
    """Train; return the accuracy on other rows."""
    torch.manual_seed(0)
    model = Classifier()
    trainer = lightning.Trainer(
        max_steps=80,
        accelerator="cpu",
        devices=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(model, DataLoader(rows(2560, seed=1), batch_size=64, shuffle=True))
    x, y = rows(256, seed=2).tensors
    _, best = model.head.predict_topk(model.trunk(x), k=1)
    return float((best[:, 0] == y).float().mean())


if __name__ == "__main__":
    print(f"accuracy {main():.3f}")
