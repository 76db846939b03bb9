"""EBVHead through torch.export, torch.compile, torch.jit.trace and ONNX."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import config
from torch import nn

from growlabels.classes import Codebook, EBVHead

KINDS = [(300, 64), (100, 128), (129, 128)]
NO_ONNX = [n for n in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(n) is None]


@pytest.fixture(autouse=True)
def _no_shape_checks() -> Iterator[None]:
    """The checks that conftest.py installs are no part of what users trace."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def head_and_rows(count: int, dim: int, rows: int = 5) -> tuple[EBVHead, torch.Tensor]:
    torch.manual_seed(0)
    head = EBVHead(16, Codebook.for_classes(count, dim)).eval()
    return head, torch.randn(rows, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("count", "dim"), KINDS)
def test_exported_head_takes_any_number_of_rows(count: int, dim: int, tmp_path: Path) -> None:
    head, x = head_and_rows(count, dim)
    program = torch.export.export(head, (x[:3],), dynamic_shapes=({0: torch.export.Dim("rows")},))
    torch.export.save(program, tmp_path / "head.pt2")
    loaded: Any = torch.export.load(tmp_path / "head.pt2").module()
    torch.testing.assert_close(loaded(x), head(x))
    assert torch.equal(loaded(x).argmax(1), head(x).argmax(1))


@pytest.mark.filterwarnings(
    "ignore:.*autograd.function.Function:DeprecationWarning"
)  # dynamo's own
def test_compiled_head_is_one_graph_with_the_same_gradients() -> None:
    head, x = head_and_rows(300, 64)
    compiled: Any = torch.compile(head, backend="aot_eager", fullgraph=True)
    found = torch.autograd.grad(compiled(x).square().mean(), list(head.parameters()))
    expected = torch.autograd.grad(head(x).square().mean(), list(head.parameters()))
    torch.testing.assert_close(compiled(x), head(x))
    torch.testing.assert_close(found, expected)


@pytest.mark.skipif(bool(NO_ONNX), reason=f"not installed: {', '.join(NO_ONNX)}")
@pytest.mark.filterwarnings("ignore")  # the exporter's own deprecations
def test_onnx_gives_the_same_logits(tmp_path: Path) -> None:
    import onnxruntime  # pyright: ignore[reportMissingImports]

    head, x = head_and_rows(300, 64)
    network = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), head).eval()
    path = str(tmp_path / "network.onnx")
    torch.onnx.export(network, (x[:3],), path, dynamo=True, dynamic_shapes=({0: "rows"},))
    session = onnxruntime.InferenceSession(path)
    (logits,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), network(x).detach())


@pytest.mark.parametrize(("count", "dim"), [*KINDS, (4200, 256)])
@pytest.mark.filterwarnings("ignore")  # torch.jit is deprecated
def test_traced_head_takes_any_number_of_rows(count: int, dim: int, tmp_path: Path) -> None:
    head, x = head_and_rows(count, dim, 40)
    traced: Any = torch.jit.trace(head, (x[:2],))
    torch.jit.save(traced, tmp_path / "head.pt")
    loaded: Any = torch.jit.load(tmp_path / "head.pt")
    torch.testing.assert_close(loaded(x), head(x))
    found = torch.autograd.grad(traced(x).square().mean(), head.projection.weight)
    expected = torch.autograd.grad(head(x).square().mean(), head.projection.weight)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("count", "dim"), [(1000, 64), (4200, 256)])
@pytest.mark.skipif(bool(NO_ONNX), reason=f"not installed: {', '.join(NO_ONNX)}")
@pytest.mark.filterwarnings("ignore")  # the older exporter is deprecated
def test_the_older_exporter_of_onnx_gives_the_same_logits(
    count: int, dim: int, tmp_path: Path
) -> None:
    import onnxruntime  # pyright: ignore[reportMissingImports]

    head, x = head_and_rows(count, dim, 40)
    path, axes = str(tmp_path / "head.onnx"), {"x": {0: "rows"}}
    torch.onnx.export(head, (x[:2],), path, dynamo=False, input_names=["x"], dynamic_axes=axes)
    (logits,) = onnxruntime.InferenceSession(path).run(None, {"x": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), head(x).detach())


@pytest.mark.parametrize(("count", "dim"), [(300, 64), (4200, 256)])
def test_shapes_without_numbers(count: int, dim: int) -> None:
    from torch._subclasses import FakeTensorMode

    with FakeTensorMode():
        assert EBVHead(16, Codebook.for_classes(count, dim))(torch.ones(3, 16)).shape == (3, count)
