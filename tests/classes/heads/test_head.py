"""EBVHead: equality with plain layers, errors, state, growth."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook, EBVHead
from growlabels.classes.heads.checks import check_head_settings
from growlabels.classes.heads.scale import auto_scale

KINDS = [(100, 128), (129, 128), (200, 128), (1000, 64), (300, 256)]


@pytest.fixture(autouse=True)
def _same_initial_weights() -> None:
    torch.manual_seed(0)


def labelled(count: int, dim: int) -> Codebook:
    codebook = Codebook.for_classes(count, dim)
    codebook.add_labels([f"class {i}" for i in range(count)])
    return codebook


def features(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("count", "dim"), KINDS)
def test_logits_are_the_cosines_divided_by_tau(count: int, dim: int) -> None:
    codebook = Codebook.for_classes(count, dim)
    head = EBVHead(20, codebook)
    x = features(7, 20)
    z = nn.functional.normalize(head.projection(x).double(), dim=1)
    dense = z @ torch.from_numpy(codebook.vectors(None, "float64")).T
    assert (head(x) * head.tau - dense).abs().max() <= 1e-5
    assert torch.equal(head(x).argmax(1), dense.argmax(1))
    assert torch.equal(head.predict_topk(x, 5)[1], dense.topk(5).indices)
    torch.testing.assert_close(head.predict_topk(x, 5)[0], head(x).topk(5).values)


@pytest.mark.parametrize(("count", "dim"), KINDS)
def test_loss_equals_cross_entropy_of_the_logits_with_its_gradients(count: int, dim: int) -> None:
    head = EBVHead(20, Codebook.for_classes(count, dim), label_smoothing=0.1)
    x, y = features(9, 20).requires_grad_(), torch.arange(9) * 11 % count
    plain = nn.functional.cross_entropy(head(x), y, label_smoothing=0.1)
    expected = torch.autograd.grad(plain, [x, *head.parameters()])
    ours = head.loss(x, y)
    found = torch.autograd.grad(ours, [x, *head.parameters()])
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-6)
    for a, b in zip(found, expected, strict=True):
        assert (a - b).norm() <= 2e-5 * b.norm()


def test_leading_axes_pass_through() -> None:
    head = EBVHead(6, Codebook.for_classes(40, 16))
    x, y = features(24, 6).view(2, 3, 4, 6), (torch.arange(24) % 40).view(2, 3, 4)
    assert head(x).shape == (2, 3, 4, 40)
    assert head.loss(x, y, reduction="none").shape == (2, 3, 4)
    values, index = head.predict_topk(x, 2)
    assert values.shape == index.shape == (2, 3, 4, 2)
    torch.testing.assert_close(head(x)[1, 2, 3], head(x[1, 2, 3]))
    assert head.loss(x[0, 0, 0], y[0, 0, 0]).ndim == 0


def test_autocast_keeps_logits_and_loss_in_float32() -> None:
    head = EBVHead(16, Codebook.for_classes(300, 64))
    x, y = features(8, 16), torch.arange(8)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits, loss = head(x), head.loss(x, y)
        assert logits.dtype == loss.dtype == torch.float32
    loss.backward()
    rounded = nn.functional.normalize(head.projection.bfloat16()(x.bfloat16()).float(), dim=1)
    dense = rounded.double() @ torch.from_numpy(head.codebook.vectors(None, "float64")).T
    assert (logits * head.tau - dense).abs().max() <= 1e-5


def test_half_precision_model_still_gives_float32_logits() -> None:
    head = EBVHead(16, Codebook.for_classes(300, 64)).bfloat16()
    x = features(8, 16).bfloat16()
    assert head(x).dtype == torch.float32
    head.loss(x, torch.arange(8)).backward()
    assert head.projection.weight.grad is not None


def test_float64_stays_float64() -> None:
    head = EBVHead(5, Codebook.for_classes(20, 16)).double()
    x = features(2, 5).double()
    assert head(x).dtype == head.loss(x, torch.tensor([0, 19])).dtype == torch.float64
    assert torch.autograd.gradgradcheck(lambda v: head(v).sum(), (x.requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_features_of_another_type_are_told(dtype: torch.dtype) -> None:
    head = EBVHead(5, Codebook.for_classes(20, 16)).to(dtype)
    for call in (head, head.predict_topk, lambda x: head.loss(x, torch.tensor([0, 19]))):
        with pytest.raises(UsageError, match=f"x must have the head's dtype, {dtype}"):
            call(features(2, 5))
    with torch.autocast("cpu", torch.bfloat16):
        assert head.bfloat16()(features(2, 5)).shape == (2, 20), "autocast converts"


def test_soft_targets_and_class_weights_work_on_the_logits() -> None:
    head = EBVHead(5, Codebook.for_classes(20, 16))
    loss = nn.CrossEntropyLoss(weight=torch.rand(20))(
        head(features(3, 5)), torch.full((3, 20), 0.05)
    )
    loss.backward()
    assert head.projection.weight.grad is not None


def test_margin_makes_the_target_harder() -> None:
    codebook = Codebook.for_classes(50, 64)
    torch.manual_seed(0)
    plain = EBVHead(10, codebook)
    hard = copy.deepcopy(plain)
    hard.margin = 0.2
    x, y = features(6, 10), torch.arange(6)
    assert (hard.loss(x, y, "none") > plain.loss(x, y, "none")).all()
    torch.testing.assert_close(hard(x), plain(x))


def test_temperature_comes_from_the_number_of_classes() -> None:
    assert EBVHead(4, Codebook.for_classes(198)).scale == pytest.approx(15.865, abs=1e-3)
    assert EBVHead(4, Codebook.for_classes(198), tau=0.07).tau == pytest.approx(0.07)
    for n in (2, 10, 1000, 10**5, 10**7):
        for coherence in (-0.5, 0.0, 1 / 32, 1 / 8):
            scale = auto_scale(n, coherence)
            floor = torch.tensor(-(1 - coherence) * scale, dtype=torch.float64).exp() * (n - 1)
            assert torch.log1p(floor) <= 1.0001e-3


def test_adding_classes_keeps_old_cosines_and_derives_tau_again() -> None:
    head = EBVHead(8, labelled(60, 64))
    x = features(4, 8)
    before, scale = head(x) / head.scale, head.scale
    assert head.add_classes([f"new {i}" for i in range(40)]) == list(range(60, 100))
    assert head.num_classes == len(head.codebook.labels) == 100
    assert head.scale > scale
    torch.testing.assert_close(head(x)[:, :60] / head.scale, before)
    fixed = EBVHead(8, labelled(60, 64), tau=0.0625)
    fixed.add_classes(["new"])
    assert fixed.scale == 16.0


def test_adding_unnamed_classes() -> None:
    head = EBVHead(8, Codebook.for_classes(60, 64))
    assert head.add_classes(2) == [60, 61]
    with pytest.raises(UsageError, match="labels must be a list of new labels or their number"):
        head.add_classes(True)
    assert head(features(1, 8)).shape == (1, 62)
    with pytest.raises(UsageError, match="has 62 classes and its codebook 0 labels"):
        head.add_classes(["name"])
    with pytest.raises(UsageError, match="labels must be from 0 to 2050"):
        head.add_classes(3000)
    with pytest.raises(UsageError, match="must be a list of labels, because"):
        EBVHead(8, labelled(3, 64)).add_classes(1)


@pytest.mark.parametrize("count", [1, 5, 27])
def test_removed_labels_are_never_predicted(count: int) -> None:
    codebook = labelled(30, 64)
    head = EBVHead(8, codebook)
    x = features(5, 8)
    # the best of the first row: the more of them are gone, the deeper the search must look
    gone = set(head.predict_topk(x, count)[1][0].tolist())
    codebook.remove_labels([f"class {i}" for i in gone])
    _, index = head.predict_topk(x, 3)
    order = head(x).argsort(dim=1, descending=True, stable=True)
    expected = [[i for i in row if i not in gone][:3] for row in order.tolist()]
    assert index.tolist() == expected
    assert head.predict_topk(x[:0], 3)[1].shape == (0, 3)
    with pytest.raises(UsageError, match=f"k must be from 1 to {30 - count}"):
        head.predict_topk(x, 31 - count)
    with pytest.raises(DataError, match=r"target \d+ in row 1 is the removed label 'class \d+'"):
        head.loss(x[:2], torch.tensor([-100, gone.pop()]))
    codebook.remove_labels([name for name in codebook.labels if name in codebook.labels])
    with pytest.raises(UsageError, match="all classes of the head were removed"):
        head.predict_topk(x)


def test_state_dict_is_complete_and_small() -> None:
    head = EBVHead(8, labelled(100, 64), margin=0.1)
    with torch.no_grad():
        head.projection.weight.add_(1)
    other = EBVHead(8, labelled(100, 64))
    other.scale = 1.0
    other.load_state_dict(head.state_dict())
    x = features(3, 8)
    assert torch.equal(other(x), head(x))
    assert set(head.state_dict()) == {
        "projection.weight",
        "projection.bias",
        "codebook",
        "classes",
        "scale",
        "labels",
    }
    body = nn.Sequential(nn.Linear(4, 8), head)
    twin = nn.Sequential(nn.Linear(4, 8), EBVHead(8, labelled(100, 64)))
    twin.load_state_dict(body.state_dict())
    assert torch.equal(twin(features(2, 4)), body(features(2, 4)))


@pytest.mark.parametrize(("count", "dim"), [*KINDS, (20, 13)])
@pytest.mark.parametrize("assign", [False, True])
def test_vectors_of_a_head_made_on_meta_are_made_anew(count: int, dim: int, assign: bool) -> None:
    codebook = Codebook.for_classes(count, dim, steps=5)
    head, x = EBVHead(8, codebook, label_smoothing=0.1), features(3, 8)
    with torch.device("meta"):
        model = nn.Sequential(EBVHead(8, codebook, label_smoothing=0.1))
    assert {t.device.type for t in [*model.parameters(), *model.buffers()]} == {"meta"}
    model = model if assign else model.to_empty(device="cpu")
    model.load_state_dict({f"0.{k}": v for k, v in head.state_dict().items()}, assign=assign)
    assert torch.equal(model(x), head(x))
    loss: Any = model[0].loss  # type: ignore[operator]
    assert torch.equal(loss(x, torch.arange(3)), head.loss(x, torch.arange(3)))


def test_distributed_checkpoints_find_the_whole_state() -> None:
    from torch.distributed.checkpoint import state_dict as dcp

    model = nn.Sequential(EBVHead(8, labelled(3, 64)))
    state = dcp.get_model_state_dict(model)
    assert set(state) == set(model.state_dict())
    assert not dcp.set_model_state_dict(model, state).missing_keys


def test_heads_that_share_a_codebook_take_up_what_it_gained() -> None:
    codebook = labelled(3, 64)
    one, two = EBVHead(8, codebook), EBVHead(8, codebook)
    assert one.add_classes(["x"]) == [3]
    assert two.add_classes(["y"]) == [4] and two.num_classes == 5
    codebook.remove_labels(["y"])
    assert one.predict_topk(features(2, 8), 4)[1].shape == (2, 4)
    assert one.add_classes([]) == [] and one.num_classes == 5


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"tau": 0.001}, "tau must be 'auto' or a finite number of at least 0.01, it was 0.001"),
        ({"tau": -1.0}, "tau must be"),
        ({"margin": 2.0}, "margin must be from 0"),
        ({"cosine_margin": 1.0}, "cosine_margin must be from 0 to below 1, it was 1.0"),
        ({"label_smoothing": 1.0}, "label_smoothing must be from 0"),
        ({"num_classes": 5000}, "num_classes must be from 1 to 128"),
        ({"in_features": 0}, "in_features must be a whole number of at least 1, it was 0"),
    ],
)
def test_wrong_settings(settings: dict, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        EBVHead(**{"in_features": 8, "codebook": Codebook.for_classes(100, 64)} | settings)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ((8.5, "auto", 0.0, 0.0), "in_features"),
        (("8", "auto", 0.0, 0.0), "in_features"),
        ((8, True, 0.0, 0.0), "tau"),
        ((8, None, 0.0, 0.0), "tau"),
        ((8, "auto", "a", 0.0), "margin"),
        ((8, "auto", 0.0, None), "label_smoothing"),
    ],
)
def test_settings_of_other_types(settings: tuple, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} must be"):
        check_head_settings(*settings)


def test_number_of_classes_must_agree_with_the_labels() -> None:
    with pytest.raises(UsageError, match="num_classes must be 100"):
        EBVHead(8, labelled(100, 64), num_classes=90)


def test_wrong_inputs() -> None:
    head = EBVHead(8, Codebook.for_classes(100, 64))
    x = features(3, 8)
    with pytest.raises(DataError, match=r"from 0 to 99 .* it was 100 in row 1"):
        head.loss(x, torch.tensor([0, 100, 2]))
    with pytest.raises(DataError, match="it was -1 in row 0"):
        head.loss(x, torch.tensor([-1, 0, 2]))
    with pytest.raises(UsageError, match="one class index per row"):
        head.loss(x, torch.tensor([0, 1]))
    with pytest.raises(UsageError, match="soft targets"):
        head.loss(x, torch.rand(3, 100))
    with pytest.raises(
        UsageError, match=r"x must have 8 features in its last axis, it was \(3, 7\)"
    ):
        head(features(3, 7))
    with pytest.raises(UsageError, match="k must be from 1 to 100"):
        head.predict_topk(x, 101)
    x[1, 2] = torch.nan
    with pytest.raises(DataError, match="NaN or infinity in row 1"):
        head(x)
    with pytest.raises(DataError, match="is not finite in row 1: the weights or the feat"):
        head(torch.tensor([[1.0], [1e21]]).expand(2, 8))  # its square is beyond float32
    with torch.no_grad():
        head.projection.weight.fill_(1e38)
    with pytest.raises(DataError, match="projection of finite features"):
        head(torch.full((1, 8), 1e10))


def test_more_classes_need_no_more_parameters() -> None:
    counts = {
        sum(p.numel() for p in EBVHead(64, Codebook.for_classes(n, 256)).parameters())
        for n in (100, 1000, 33_000)
    }
    assert counts == {64 * 256 + 256}


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (
            np.ones((2, 8), np.float32),
            torch.tensor([0, 1]),
            "x must be a floating-point tensor.*ndarray",
        ),
        (
            torch.ones(2, 8, dtype=torch.int64),
            torch.tensor([0, 1]),
            "x must be a floating-point tensor",
        ),
        (torch.ones(2, 7), torch.tensor([0, 1]), "x must have 8 features .* it was .2, 7."),
        (torch.tensor(1.0), torch.tensor(1), "8 features .* it was ..$"),
        (torch.ones(2, 8), [0, 1], "type torch.int64, it is of type list"),
        (torch.ones(2, 8), torch.tensor([True, False]), "shape .2,. and type torch.bool"),
        (torch.ones(2, 8), torch.tensor([0, 1], dtype=torch.int32), "and type torch.int32"),
    ],
)
def test_features_and_targets_of_other_types_are_refused(x: Any, y: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        EBVHead(8, labelled(3, 64)).check_rows(x, y, -100)


@pytest.mark.parametrize("count", [3, 300, 5000])
def test_a_head_on_the_device_meta_tells_shapes(count: int) -> None:
    with torch.device("meta"):
        head = EBVHead(8, Codebook.for_classes(count))
    x = torch.zeros(2, 8, device="meta", requires_grad=True)
    assert head(x).shape == (2, count)
    head(x).sum().backward()
    assert x.grad is not None and x.grad.shape == x.shape


def test_targets_on_another_device_and_odd_ignored_targets_are_told() -> None:
    head, x, y = EBVHead(8, Codebook.for_classes(9)), torch.zeros(2, 8), torch.zeros(2).long()
    with pytest.raises(
        UsageError, match="y must be on cpu, the device of the features, it was 'meta'"
    ):
        head.loss(x, y.to("meta"))
    with pytest.raises(UsageError, match="ignore_index must be a whole number, it was None"):
        head.check_rows(x, y, None)
