"""Features that overflow in training, with and without a check of the rows."""

import pytest
import torch
from torch import nn

from growlabels.base.errors import DataError
from growlabels.classes import Codebook, EBVHead


@pytest.mark.parametrize("count", [10, 5000])
@pytest.mark.parametrize("call", ["forward", "loss", "float32"])
def test_a_scaler_skips_the_step_whose_features_overflow_as_with_a_plain_layer(
    count: int, call: str
) -> None:
    trunk, head = nn.Linear(8, 32), EBVHead(32, Codebook.for_classes(count))
    optimizer = torch.optim.SGD([*trunk.parameters(), *head.parameters()], 0.05)
    scaler = torch.amp.GradScaler("cpu", init_scale=64.0)
    x, y = torch.ones(4, 8) + torch.eye(4, 8), torch.arange(4)
    for scale in (1.0, 3e5, 1.0):
        before = [p.detach().clone() for p in trunk.parameters()]
        with torch.autocast("cpu", dtype=torch.float16):
            z = trunk(x * scale)
            if call == "forward":
                loss = nn.functional.cross_entropy(head(z), y)
            elif call == "loss":
                loss = head.loss(z, y)
        if call == "float32":
            loss = head.loss(z.float(), y)
        optimizer.zero_grad()
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        moved = any(not torch.equal(a, b) for a, b in zip(before, trunk.parameters(), strict=True))
        assert moved == (scale == 1.0)
        assert all(torch.isfinite(p).all() for p in [*trunk.parameters(), *head.parameters()])
    with pytest.raises(DataError, match="features contain NaN or infinity in row 0"):
        head.check_finite((x * torch.inf).expand(4, 8) @ torch.ones(8, 32))
