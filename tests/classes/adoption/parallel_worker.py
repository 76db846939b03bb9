"""What every process computes in the tests of the class-parallel head; run as a script by them."""

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from growlabels.base.errors import DataError
from growlabels.classes import Codebook, EBVHead
from growlabels.classes.adoption.class_parallel import ClassParallelHead

FEATURES, ROWS = 12, 9
CASES: dict[str, tuple[dict, int, dict]] = {
    "whole Kerdock set": ({"capacity": 2112, "dim": 64}, 2112, {}),
    "partial basis": ({"capacity": 1000, "dim": 64}, 1000, {"margin": 0.1, "label_smoothing": 0.1}),
    "stored": ({"capacity": 301, "dim": 32}, 301, {"margin": 0.2, "label_smoothing": 0.2}),
    "fewer groups than processes": ({"capacity": 20, "dim": 16}, 20, {"label_smoothing": 0.1}),
}


def data(classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows with the first, the last and no class among their targets."""
    generator = torch.Generator().manual_seed(7)
    x = torch.randn(ROWS, FEATURES, generator=generator)
    y = torch.randint(0, classes, (ROWS,), generator=generator)
    y[0], y[1], y[4:6] = 0, classes - 1, -100
    return x, y


def make(case: str, kind: type[EBVHead], **extra: str) -> EBVHead:
    wish, classes, settings = CASES[case]
    torch.manual_seed(3)
    return kind(
        FEATURES, Codebook.for_classes(**wish), num_classes=classes, **settings, **extra
    ).double()


def results(head: EBVHead, x: torch.Tensor, y: torch.Tensor) -> dict[str, torch.Tensor]:
    """Everything a head computes in float64, the gradients of rows and projection included."""
    x = x.double().requires_grad_()
    losses = head.loss(x, y, reduction="none")
    logits = head(x)
    (losses.sum() + (logits * logits.detach().cos()).sum()).backward()
    values, index = head.predict_topk(x, 7)
    weight = head.projection.weight.grad
    assert x.grad is not None and weight is not None
    return {
        "losses": losses.detach(),
        "logits": logits.detach(),
        "x": x.grad,
        "weight": weight,
        "values": values,
        "index": index,
    }


def ties() -> EBVHead:
    """An identity projection: a unit row has the same cosine with all classes of a basis."""
    head = ClassParallelHead(64, Codebook.for_classes(1000, dim=64), num_classes=1000, bias=False)
    head.projection.weight.data = torch.eye(64)
    return head


class Loss(torch.nn.Module):
    """Features and a head; calling it gives the loss, as DistributedDataParallel wants it."""

    def __init__(self, head: EBVHead) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.trunk = torch.nn.Linear(FEATURES, FEATURES)
        self.head = head.float()

    def forward(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.head.loss(self.trunk(x), y)


def steps(model: torch.nn.Module, batches: list) -> None:
    """Three steps of SGD."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for x, y in batches:
        optimizer.zero_grad()
        model(x, y).backward()
        optimizer.step()


def batches(start: int = 0, step: int = 1) -> list:
    """Every ``step``-th row of three batches."""
    found = []
    for seed in range(3):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(ROWS - 1, FEATURES, generator=generator)
        y = torch.randint(0, 1000, (ROWS - 1,), generator=generator)
        found.append((x[start::step], y[start::step]))
    return found


def main() -> None:
    rank, world, folder = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    store = dist.FileStore(str(folder / "store"), world)
    dist.init_process_group(
        "gloo", store=store, rank=rank, world_size=world, timeout=timedelta(seconds=900)
    )
    found: dict[str, object] = {}
    for case in CASES:
        head = make(case, ClassParallelHead)
        x, y = data(CASES[case][1])
        found[f"{case} same"] = results(head, x, y)
        mine = slice(0, 6) if rank == 0 else slice(6, ROWS)
        found[f"{case} own"] = results(make(case, ClassParallelHead, rows="own"), x[mine], y[mine])
    found["ties"] = ties().predict_topk(torch.eye(64)[:3], 70)

    model = Loss(make("partial basis", ClassParallelHead, rows="own"))
    steps(torch.nn.parallel.DistributedDataParallel(model), batches(rank, world))
    found["data-parallel"] = model.state_dict()

    torch.manual_seed(rank)  # the projection of the first process counts
    head = ClassParallelHead(FEATURES, Codebook.for_classes(900, dim=64), num_classes=900)
    optimizer = torch.optim.SGD(head.parameters(), lr=0.1)
    x, y = data(900)
    for _ in range(3):
        optimizer.zero_grad()
        head.loss(x, y).backward()
        optimizer.step()
    head.add_classes(300)
    found["state"] = head.state_dict()
    found["after"] = head.loss(x, y).detach()
    try:
        ClassParallelHead(FEATURES, Codebook.for_classes(100, dim=16), num_classes=50 + rank)
    except DataError as error:
        found["refused"] = str(error)
    torch.save(found, folder / f"{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
