import json
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import RunError, UsageError
from growlabels.classes import Codebook
from growlabels.classes.codes.codebook_file import decode, encode


def labelled(capacity: int = 1000, dim: int | None = None) -> Codebook:
    codebook = Codebook.for_classes(capacity, dim)
    codebook.add_labels(["été", 7, ("a", None), "gone"])
    codebook.remove_labels(["gone"])
    return codebook


@pytest.mark.parametrize(("capacity", "dim"), [(1000, None), (5, 10), (11, 10), (20, 10)])
def test_round_trip(tmp_path: Path, capacity: int, dim: int | None) -> None:
    codebook = labelled(capacity, dim)
    codebook.save(tmp_path / "codebook")
    again = Codebook.load(tmp_path / "codebook")
    assert again.labels == codebook.labels
    assert (again.kind, again.n_classes, again.reason) == (codebook.kind, capacity, codebook.reason)
    assert again.hash == codebook.hash
    np.testing.assert_array_equal(again.vectors(range(5)), codebook.vectors(range(5)))
    assert again.to_bytes() == codebook.to_bytes()


def test_a_structured_codebook_stores_no_tensor() -> None:
    assert len(Codebook.for_classes(500_000).to_bytes()) < 1000


def test_the_layout_is_safetensors(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors")
    vectors = np.arange(6, dtype=np.float32).reshape(2, 3)
    (tmp_path / "file").write_bytes(encode({"kind": "none"}, vectors))
    with safetensors.safe_open(tmp_path / "file", "np") as file:
        np.testing.assert_array_equal(file.get_tensor("vectors"), vectors)
        assert file.metadata()["kind"] == "none"
    labelled().save(tmp_path / "structured")
    with safetensors.safe_open(tmp_path / "structured", "np") as file:
        assert list(file.keys()) == []


def test_every_flipped_byte_is_found() -> None:
    data = labelled(5, 10).to_bytes()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises(RunError):
            Codebook.from_bytes(bytes(damaged))


def test_flipped_bytes_of_a_tensor_are_found() -> None:
    data = encode({"kind": "none"}, np.ones((2, 2), np.float32))
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 16
        with pytest.raises(RunError):
            decode(bytes(damaged), "file")


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_other_file_is_refused(data: bytes) -> None:
    with pytest.raises(RunError, match="is not a codebook, or its header is damaged"):
        Codebook.from_bytes(data)


@settings(deadline=None)
@given(st.integers(0, 700))
def test_a_cut_file_is_refused(length: int) -> None:
    data = labelled().to_bytes()
    with pytest.raises(RunError):
        Codebook.from_bytes(data[: min(length, len(data) - 1)])


def test_another_version_is_named() -> None:
    data = labelled().to_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["version"] = "2"
    text = json.dumps(header).encode()
    with pytest.raises(RunError, match="of file version '2', this growlabels reads '1'"):
        Codebook.from_bytes(struct.pack("<Q", len(text)) + text)


def test_damage_is_one_sentence_with_the_path(tmp_path: Path) -> None:
    path = tmp_path / "codebook"
    path.write_bytes(labelled().to_bytes().replace(b"gone", b"gope"))
    with pytest.raises(
        RunError, match="checksum does not match; restore or write it again"
    ) as error:
        Codebook.load(path)
    assert str(path) in str(error.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"codebook .* does not exist"):
        Codebook.load(tmp_path / "none")
