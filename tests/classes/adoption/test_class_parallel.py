"""The class-parallel head against EBVHead: ranges in one process, and two gloo processes."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.classes.adoption.parallel_worker import (
    CASES,
    FEATURES,
    ROWS,
    Loss,
    batches,
    data,
    make,
    results,
    steps,
)
from tests.classes.dense_twin import unit_rows

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, EBVHead
from growlabels.classes.adoption.class_parallel import (
    ClassParallelHead,
    _range_vectors,
    _sum_exp_of_range,
    class_ranges,
)
from growlabels.classes.products.closed_vectors import class_vectors


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """What two processes computed."""
    folder = tmp_path_factory.mktemp("processes")
    worker = Path(__file__).parent / "parallel_worker.py"
    processes = [
        subprocess.Popen(
            [sys.executable, str(worker), str(rank), "2", str(folder)],
            env=os.environ | {"GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    errors = [process.communicate(timeout=900)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


@pytest.mark.parametrize("case", CASES)
def test_same_rows(two: list[dict], case: str) -> None:
    expected = results(make(case, EBVHead), *data(CASES[case][1]))
    for found in two:
        for name, value in expected.items():
            torch.testing.assert_close(found[f"{case} same"][name], value, rtol=1e-9, atol=1e-9)
    for name in expected:  # not a bit apart, so the projections stay in step
        assert torch.equal(two[0][f"{case} same"][name], two[1][f"{case} same"][name])


@pytest.mark.parametrize("case", CASES)
def test_own_rows(two: list[dict], case: str) -> None:
    expected = results(make(case, EBVHead), *data(CASES[case][1]))
    found = [process[f"{case} own"] for process in two]
    assert [len(part["losses"]) for part in found] == [6, ROWS - 6]
    for name, value in expected.items():
        parts = [part[name] for part in found]
        joined = sum(parts) if name == "weight" else torch.cat(parts)
        torch.testing.assert_close(joined, value, rtol=1e-9, atol=1e-9)


def test_ties_go_to_the_lowest_class_of_all_processes(two: list[dict]) -> None:
    head = EBVHead(64, Codebook.for_classes(1000, dim=64), num_classes=1000, bias=False)
    head.projection.weight.data = torch.eye(64)
    logits = head(torch.eye(64)[:3]).detach().numpy()
    expected = np.argsort(-logits, axis=1, kind="stable")[:, :70]
    for found in two:
        assert np.array_equal(found["ties"][1].numpy(), expected)


def test_rows_of_their_own_under_data_parallel_training(two: list[dict]) -> None:
    model = Loss(make("partial basis", EBVHead))
    steps(model, batches())
    for found in two:
        for name, value in model.state_dict().items():
            torch.testing.assert_close(found["data-parallel"][name], value, rtol=1e-5, atol=1e-6)


def test_checkpoint_of_two_processes_loads_into_one(two: list[dict]) -> None:
    head = EBVHead(FEATURES, Codebook.for_classes(900, dim=64), num_classes=900)
    head.add_classes(300)
    for found in two:
        assert found["state"].keys() == head.state_dict().keys()
        assert all(torch.equal(v, two[0]["state"][name]) for name, v in found["state"].items())
    head.load_state_dict(two[1]["state"])
    x, y = data(900)
    torch.testing.assert_close(head.loss(x, y).detach(), two[0]["after"], rtol=1e-6, atol=1e-6)


def test_processes_with_other_classes_are_refused(two: list[dict]) -> None:
    assert "process 1 has 51 classes of codebook" in two[0]["refused"]
    assert "this process has 51 of" in two[1]["refused"]


@settings(max_examples=40)
@given(st.integers(1, 2112), st.integers(1, 9), st.sampled_from(["kerdock", "gold"]))
def test_ranges_cover_the_classes_once(classes: int, parts: int, kind: str) -> None:
    codebook = Codebook.for_classes(classes, 64 if kind == "kerdock" else 128, kind=kind)
    ranges = class_ranges(codebook, classes, parts)
    assert len(ranges) == parts
    assert [c for first, last in ranges for c in range(first, last)] == list(range(classes))


@pytest.mark.parametrize(
    ("dim", "classes", "parts"),
    [(16, 144, 3), (64, 2112, 4), (64, 2050, 2), (64, 700, 5), (128, 900, 3), (256, 9000, 2)],
)
def test_ranges_add_up(dim: int, classes: int, parts: int) -> None:
    """With 9,000 classes the ranges take the compiled kernels where these apply."""
    codebook = Codebook.for_classes(classes, dim)
    z = unit_rows(8, dim, seed=1)
    target = torch.randint(0, classes, (8,), generator=torch.Generator().manual_seed(2))
    target[:2] = torch.tensor([0, classes - 1])
    sums, combined = class_vectors(codebook, classes).sum_exp(z, target, 20.0, -30.0)
    total = torch.zeros(8, dim + 1, dtype=torch.float64)
    for first, last in class_ranges(codebook, classes, parts):
        part = _range_vectors(codebook, first, last)
        if part is not None:
            torch.testing.assert_close(
                part.select(torch.arange(last - first)).float(),
                torch.from_numpy(codebook.vectors(range(first, last))),
            )
            total += _sum_exp_of_range(part, z, target - first, 20.0, -30.0)
    torch.testing.assert_close(total[:, dim], sums, rtol=1e-5, atol=0)
    torch.testing.assert_close(total[:, :dim], combined, rtol=1e-5, atol=1e-5 * float(sums.max()))


def test_needs_a_process_group() -> None:
    with pytest.raises(UsageError, match=r"not initialised; call init_process_group first"):
        ClassParallelHead(4, Codebook.for_classes(10, dim=16))
