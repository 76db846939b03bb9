"""Encode a codebook in the safetensors layout, and decode it, with numpy alone.

A file holds the header length in eight bytes, a JSON header and the tensors. The header contains
string metadata and the position of each tensor. A structured codebook has no tensor. The metadata
include a checksum of everything else. Decoding encodes the content again and compares the bytes,
so that any damage is detected.
"""

import hashlib
import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import RunError

FORMAT = "growlabels codebook"
VERSION = "1"


def encode(metadata: Mapping[str, str], vectors: NDArray[np.float32] | None) -> bytes:
    """Return the file content for metadata and an optional tensor ``vectors``."""
    named = {**metadata, "format": FORMAT, "version": VERSION}
    data = b"" if vectors is None else np.ascontiguousarray(vectors, "<f4").tobytes()
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode() + data).hexdigest()
    header: dict[str, Any] = {"__metadata__": {**dict(sorted(named.items())), "sha256": digest}}
    if vectors is not None:
        place = {"dtype": "F32", "shape": list(vectors.shape), "data_offsets": [0, len(data)]}
        header["vectors"] = place
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def decode(data: bytes, name: str) -> tuple[dict[str, str], NDArray[np.float32] | None]:
    """Return the metadata and vectors of a file that :func:`encode` made.

    Parameters
    ----------
    data
        Content of the file.
    name
        Name of the file in error messages.

    Raises
    ------
    RunError
        The data are not a codebook, are damaged, or have another version.
    """
    try:
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(data[8 : 8 + length])
        metadata = dict(header["__metadata__"])
        if metadata["format"] != FORMAT:
            raise ValueError("another format")
        version = metadata["version"]
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"{name} is not a codebook, or its header is damaged; write it again with "
            "Codebook.save or restore the file"
        ) from error
    if version != VERSION:
        raise RunError(
            f"{name} is a codebook of file version {version!r}, this growlabels reads "
            f"{VERSION!r}; write it again, or install the growlabels that wrote it"
        )
    vectors = None
    if "vectors" in header:
        vectors = _tensor(header["vectors"], data[8 + length :], name)
    if encode({k: v for k, v in metadata.items() if k != "sha256"}, vectors) != data:
        raise _damaged(name)
    return metadata, vectors


def _tensor(place: Mapping[str, Any], data: bytes, name: str) -> NDArray[np.float32]:
    try:
        return np.frombuffer(data, "<f4").reshape(place["shape"]).astype(np.float32)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(name) from error


def _damaged(name: str) -> RunError:
    return RunError(f"{name} is damaged: its checksum does not match; restore or write it again")
