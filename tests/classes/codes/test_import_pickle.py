import contextlib
import io
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import Codebook, import_pickle
from growlabels.classes.codes.import_pickle import MAGIC

VECTORS = Codebook.for_classes(30, 16, kind="kerdock").vectors()


class _Rebuilt:
    """Pickles as a torch tensor on a GPU does, without torch."""

    def __init__(self, vectors: np.ndarray, location: str) -> None:
        self.vectors, self.location = vectors, location

    def __reduce__(self):
        import torch._utils

        storage = _Storage(self.vectors, self.location)
        shape, strides = self.vectors.shape, (self.vectors.shape[1], 1)
        return torch._utils._rebuild_tensor_v2, (storage, 0, shape, strides, False, {})


class _Storage:
    def __init__(self, vectors: np.ndarray, location: str) -> None:
        self.vectors, self.location = vectors, location

    def __reduce__(self):
        import torch.storage

        stream = io.BytesIO()
        system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
        for value in (MAGIC, 1001, system):
            pickle.dump(value, stream, protocol=2)
        writer = pickle.Pickler(stream, protocol=2)
        name = ("storage", torch.FloatStorage, "7", self.location, self.vectors.size, None)
        writer.persistent_id = lambda value: name if value is self else None
        writer.dump(self)
        pickle.dump(["7"], stream, protocol=2)
        stream.write(struct.pack("<q", self.vectors.size) + self.vectors.tobytes())
        return torch.storage._load_from_bytes, (stream.getvalue(),)


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("parameter", [False, True])
def test_reads_what_torch_pickles(tmp_path: Path, protocol: int, parameter: bool) -> None:
    torch = pytest.importorskip("torch")
    tensor = torch.from_numpy(VECTORS)
    value = torch.nn.Parameter(tensor) if parameter else tensor
    (tmp_path / "v.pkl").write_bytes(pickle.dumps(value, protocol=protocol))
    codebook = import_pickle(tmp_path / "v.pkl")
    np.testing.assert_array_equal(codebook.vectors(), VECTORS)
    certificate = codebook.certificate()
    assert (codebook.kind, certificate.proved, certificate.alpha) == ("imported", False, 0.25)


def test_reads_a_tensor_from_a_gpu(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "v.pkl").write_bytes(pickle.dumps(_Rebuilt(VECTORS, "cuda:0"), protocol=4))
    np.testing.assert_array_equal(import_pickle(tmp_path / "v.pkl").vectors(), VECTORS)


def test_transposed_tensors_and_other_floats(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for tensor in (torch.from_numpy(VECTORS.T.copy()).T, torch.from_numpy(VECTORS).double()):
        (tmp_path / "v.pkl").write_bytes(pickle.dumps(tensor))
        np.testing.assert_array_equal(import_pickle(tmp_path / "v.pkl").vectors(), VECTORS)


def test_rows_are_scaled_and_the_codebook_can_be_saved(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "v.pkl").write_bytes(pickle.dumps(torch.from_numpy(VECTORS * 3)))
    codebook = import_pickle(tmp_path / "v.pkl")
    codebook.save(tmp_path / "codebook")
    again = Codebook.load(tmp_path / "codebook")
    np.testing.assert_allclose(again.vectors(), VECTORS, rtol=1e-6)
    assert again.certificate() == codebook.certificate()


class _Attack:
    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def test_nothing_is_run(tmp_path: Path) -> None:
    (tmp_path / "v.pkl").write_bytes(pickle.dumps(_Attack(f"touch {tmp_path}/run")))
    with pytest.raises(DataError, match=r"it contains posix\.system; nothing in it was run"):
        import_pickle(tmp_path / "v.pkl")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("value", "reason"),
    [([1.0], "the instruction BINFLOAT"), ({}, "it contains dict"), ("text", "it contains str")],
)
def test_other_pickles_are_refused(tmp_path: Path, value: object, reason: str) -> None:
    (tmp_path / "v.pkl").write_bytes(pickle.dumps(value))
    with pytest.raises(DataError, match=reason):
        import_pickle(tmp_path / "v.pkl")


def test_tensors_that_are_no_vectors(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    for tensor, reason in (
        (torch.zeros(3), "has shape"),
        (torch.zeros(2, 3), "non-zero rows"),
        (torch.full((2, 3), float("nan")), "finite, non-zero rows"),
        (torch.ones(2, 3, dtype=torch.int64), "torch.LongStorage, not floats"),
    ):
        (tmp_path / "v.pkl").write_bytes(pickle.dumps(tensor))
        with pytest.raises(DataError, match=reason):
            import_pickle(tmp_path / "v.pkl")


@settings(deadline=None)
@given(st.data())
def test_any_damage_is_a_data_error_or_another_matrix(tmp_path_factory, data) -> None:
    pytest.importorskip("torch")
    content = bytearray(pickle.dumps(_Rebuilt(VECTORS, "cpu"), protocol=4))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / "damaged.pkl"
    path.write_bytes(bytes(content[: data.draw(st.integers(0, len(content)))]))
    with contextlib.suppress(DataError):
        assert import_pickle(path).dim >= 1


def test_a_view_larger_than_its_numbers_is_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    (tmp_path / "v.pkl").write_bytes(pickle.dumps(torch.ones(1, 4).expand(10**9, 4)))
    with pytest.raises(DataError, match="it contains 4 numbers for the shape"):
        import_pickle(tmp_path / "v.pkl")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"pickle of class vectors .* does not exist"):
        import_pickle(tmp_path / "none.pkl")
