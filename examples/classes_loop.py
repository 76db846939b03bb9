"""A plain torch loop with fixed class vectors; classes arrive while it runs."""

import torch
from torch import nn

from growlabels.classes import Codebook, EBVHead


def rows(classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows around one point per class."""
    points = torch.randn(30, 20, generator=torch.Generator().manual_seed(0))
    random = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (256,), generator=random)
    return points[y] + 0.3 * torch.randn(256, 20, generator=random), y


def main() -> float:
    """Train on 20 classes, then on 30; return the accuracy on other rows."""
    torch.manual_seed(0)
    trunk = nn.Sequential(nn.Linear(20, 64), nn.ReLU())
    codebook = Codebook.for_classes(1000, dim=64)  # room for classes to come
    codebook.add_labels([f"product {i}" for i in range(20)])
    head = EBVHead(64, codebook, margin=0.2, label_smoothing=0.1)
    optimizer = torch.optim.AdamW(
        [
            {"params": trunk.parameters(), "lr": 3e-3},
            {"params": head.parameters(), "lr": 6e-3},  # twice the rate of the trunk
        ]
    )
    for step in range(120):
        if step == 60:
            head.add_classes([f"product {i}" for i in range(20, 30)])  # no weight changes
        x, y = rows(head.num_classes, seed=step)
        loss = head.loss(trunk(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    x, y = rows(30, seed=1000)
    _, best = head.predict_topk(trunk(x), k=1)
    return float((best[:, 0] == y).float().mean())


if __name__ == "__main__":
    print(f"accuracy {main():.3f}")
