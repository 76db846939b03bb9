"""What a head refuses, and the one thing that it lets through: an overflow in training."""

import pytest
import torch
from torch import nn

from growlabels.base.errors import DataError, RunError, UsageError
from growlabels.classes import Codebook, EBVHead


def test_state_of_labels_in_another_order_is_refused() -> None:
    def head(labels: list) -> EBVHead:
        codebook = Codebook.for_classes(64, dim=64)
        codebook.add_labels(labels)
        return EBVHead(8, codebook)

    state = head(["ant", "bee", "cat"]).state_dict()
    head(["ant", "bee", "cat", "dog"]).load_state_dict(state)
    for other in (["bee", "ant", "cat"], ["ant", "bee", "cow", "cat"]):
        with pytest.raises(RunError, match="trained with other labels, or with these in another"):
            head(other).load_state_dict(state)
    older = {name: value for name, value in state.items() if name != "labels"}
    head(["bee", "ant", "cat"]).load_state_dict(older)
    with pytest.raises(UsageError, match=r"they were a set; give sorted\(labels\)"):
        head(["ant"]).add_classes({"bee", "cat"})
    odd = head([("a", 1), frozenset("b")])
    assert "labels" not in odd.state_dict()
    odd.load_state_dict(odd.state_dict())


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
    with pytest.raises(DataError, match="features hold NaN or infinity in row 0"):
        head.check_finite((x * torch.inf).expand(4, 8) @ torch.ones(8, 32))
