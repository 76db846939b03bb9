"""State dicts of heads: what they contain, and which ones do not load."""

import pytest
import torch
from torch import nn

from growlabels.base.errors import RunError, UsageError
from growlabels.classes import Codebook, EBVHead
from growlabels.classes.heads.state import state_entries, take_entries


def labelled(count: int, dim: int) -> Codebook:
    codebook = Codebook.for_classes(count, dim)
    codebook.add_labels(f"class {i}" for i in range(count))
    return codebook


def test_entries_are_removed_from_the_state_dict_and_read_back() -> None:
    codebook = labelled(5, 16)
    entries = state_entries(codebook, 5, 12.5)
    assert list(entries) == ["codebook", "classes", "labels", "scale"]
    state = {"head." + name: value for name, value in entries.items()} | {"other": 1}
    assert take_entries(state, "head.", codebook, 5) == (5, 12.5, [])
    assert state == {"other": 1}
    missing = ["head.codebook", "head.classes", "head.scale", "head.labels"]
    assert take_entries(state, "head.", codebook, 5) == (None, None, missing)


def test_state_of_labels_in_another_order_raises() -> None:
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


def test_an_older_state_fits_a_grown_head() -> None:
    old = EBVHead(8, labelled(200, 64)).state_dict()
    grown = EBVHead(8, labelled(260, 64))
    scale = grown.scale
    grown.load_state_dict(old)
    assert grown.scale == scale
    with pytest.raises(RunError, match="has 260 classes, this head has 200"):
        EBVHead(8, labelled(200, 64)).load_state_dict(grown.state_dict())


def test_state_of_another_codebook_raises() -> None:
    state = EBVHead(8, Codebook.for_classes(100, 256)).state_dict()
    with pytest.raises(RunError, match="made with another codebook"):
        EBVHead(8, Codebook.for_classes(100, 64)).load_state_dict(state)
    with pytest.raises(RuntimeError, match=r'Missing key.* "codebook", "classes", "scale"'):
        EBVHead(8, Codebook.for_classes(100, 64)).load_state_dict(nn.Linear(8, 64).state_dict())


def test_a_state_without_the_head_leaves_it_unchanged() -> None:
    model = nn.Sequential(nn.Linear(4, 8), EBVHead(8, labelled(3, 64)))
    body = {"0.weight": torch.ones(8, 4), "0.bias": torch.zeros(8)}
    found = model.load_state_dict(body, strict=False)
    assert {name.removeprefix("1.") for name in found.missing_keys} == set(
        model[1].state_dict()  # type: ignore[operator]
    )
    with pytest.raises(RuntimeError, match="Missing key"):
        model.load_state_dict(body)


def test_damaged_states_raise() -> None:
    head = EBVHead(8, labelled(3, 64))
    wrong = torch.tensor(-1), torch.tensor(torch.nan), torch.zeros(3), "x"
    for name, value in zip(("classes", "scale", "codebook", "scale"), wrong, strict=True):
        state = head.state_dict() | {name: value}
        with pytest.raises(RunError, match="state dict is damaged"):
            head.load_state_dict(state)
