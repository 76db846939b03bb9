"""Wrong values in every public call: one sentence that names the parameter and the value."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from growlabels.base.errors import GrowLabelsError
from growlabels.stream import (
    IHOMER,
    ArrayRows,
    BinaryRelevance,
    LinkagePartition,
    MajorityLabels,
    MultiLabelMetrics,
    OdacPartition,
    PairCounts,
    Stream,
    check_stream_model,
    compare,
    make_stream,
    prequential,
)

X, Y = np.arange(12.0).reshape(6, 2), np.eye(6, 3) > 0
ROWS = ArrayRows(X, Y)
NO_NUMBER: tuple[Any, ...] = ("x", b"x", [], {}, object(), np.array([1.0, 2.0]), np.nan, True, int)


def scored(**options: Any) -> object:
    return prequential(MajorityLabels(), ROWS, **options)


def compared(**options: Any) -> object:
    return compare({"majority": MajorityLabels()}, ROWS, **options)


NUMBERS: dict[Callable[..., object], tuple[str, ...]] = {
    IHOMER: ("seed", "window", "recent", "drift", "max_sets", "check_every", "max_bytes"),
    LinkagePartition: ("delta", "max_labels", "share", "kappa", "z"),
    OdacPartition: ("delta", "tau", "max_labels", "kappa", "z"),
    PairCounts: ("half_life", "max_pairs", "row_pairs"),
    MultiLabelMetrics: ("window", "at"),
    make_stream: ("rows", "features", "labels", "changes", "width", "noise", "seed"),
    scored: ("every", "window", "delay", "at"),
    compared: ("every", "window", "delay", "at"),
}


@pytest.mark.parametrize(
    ("call", "name"), [(call, name) for call, names in NUMBERS.items() for name in names]
)
def test_no_number(call: Callable[..., object], name: str) -> None:
    for value in (*NO_NUMBER, -1):
        if name == "at" and isinstance(value, list):
            continue  # no ranks are wanted
        with pytest.raises(GrowLabelsError, match=rf"^{name} must be"):
            call(**{name: value})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: IHOMER(recent=10**400, drift=10**400), "drift must be between 0 and 1"),
        (lambda: IHOMER(preset="best"), "preset must be one of 'default', 'paper', it was 'best'"),
        (lambda: IHOMER(preset=np.array(["a", "b"])), "preset must be one of"),  # pyright: ignore[reportArgumentType]
        (lambda: IHOMER(clusterer="tree"), "clusterer must be one of 'linkage', 'odac', 'random'"),
        (lambda: IHOMER().save(3), "path must be a path, it was of class int"),  # pyright: ignore[reportArgumentType]
        (lambda: IHOMER.load(None), "path must be a path, it was of class NoneType"),  # pyright: ignore[reportArgumentType]
        (lambda: LinkagePartition(max_labels=2.5), "max_labels must be at least 2, and whole"),  # pyright: ignore[reportArgumentType]
        (lambda: LinkagePartition(kappa=-1.0), "kappa must be a number of at least 0, it was -1"),
        (lambda: OdacPartition(z=float("inf")), "z must be a number of at least 0, it was inf"),
        (lambda: PairCounts(max_pairs=float("inf")), "max_pairs must be at least 16, and whole"),  # pyright: ignore[reportArgumentType]
        (lambda: make_stream(rows=2**70), "rows must be below 2"),
        (lambda: make_stream(rows=50, changes=50), "changes must be below rows = 50, it was 50"),
        (lambda: make_stream("cube"), "kind must be one of 'tree', 'rbf'"),  # pyright: ignore[reportArgumentType]
        (lambda: ArrayRows(X, Y, features=5), "features must be a list of names, or None"),  # pyright: ignore[reportArgumentType]
        (lambda: ArrayRows(X, Y, labels="abc"), "labels must be a list of names, or None"),
        (lambda: Stream([], labels=b"x"), "labels must be names, or a function"),
        (lambda: Stream([], set_aside="bad.jsonl"), "set_aside must be something to call"),  # pyright: ignore[reportArgumentType]
        (lambda: scored(progress=None), "progress must be something to call, it was None"),
        (lambda: scored(on_point=1), "on_point must be something to call, it was 1"),
        (lambda: check_stream_model(IHOMER()), "make must be something to call"),  # pyright: ignore[reportArgumentType]
        (lambda: BinaryRelevance("tree"), "classifier must be of class Classifier"),  # pyright: ignore[reportArgumentType]
        (lambda: MultiLabelMetrics().update({"a"}, None), "a label set must be a mapping"),  # pyright: ignore[reportArgumentType]
        (lambda: MultiLabelMetrics().update(b"ab", {"a"}), "a label set must be a mapping"),
        (lambda: MultiLabelMetrics.from_arrays("x", Y), "truth must have two dimensions"),  # pyright: ignore[reportArgumentType]
        (lambda: MultiLabelMetrics.from_arrays(Y, X[:, :1]), "predicted must hold 0 and 1"),
    ],
)
def test_wrong_values(call: Callable[[], object], message: str) -> None:
    with pytest.raises(GrowLabelsError, match=message):
        call()


def test_scores_of_numbers_are_those_of_truths() -> None:
    truth, guess = np.array([[1, 0], [1, 1]]), np.array([[1.0, 1.0], [0.0, 1.0]])
    scores = MultiLabelMetrics.from_arrays(truth, guess)  # pyright: ignore[reportArgumentType]
    assert scores.as_dict() == MultiLabelMetrics.from_arrays(truth > 0, guess > 0).as_dict()
