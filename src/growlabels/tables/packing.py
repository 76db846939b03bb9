"""Packed bytes: gzip, bzip2, xz and Zstandard, told by their first bytes."""

import bz2
import gzip
import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from growlabels.base.errors import DataError, MissingExtraError

CHUNK = 2**20
_PACKED_CHUNK = 2**16  # such bytes may unpack to a thousand times as many
MAGIC = {
    b"\x1f\x8b": ".gz",
    b"BZh": ".bz2",
    b"\xfd7zXZ\x00": ".xz",
    b"\x28\xb5\x2f\xfd": ".zst",
}
NAMES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "Zstandard"}


def packing_of(head: bytes) -> str:
    """Return the ending that fits the first bytes of a file; empty where it is not packed.

    >>> packing_of(b"BZh91AY"), packing_of(b"a,b")
    ('.bz2', '')
    """
    return next((ending for magic, ending in MAGIC.items() if head.startswith(magic)), "")


class DamagedError(DataError):
    """Packed bytes end too early or are not what they must be; ``reason`` says how."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


def unpacked(chunks: Iterator[bytes], packing: str, name: str) -> Iterator[bytes]:
    """Yield the bytes that packed chunks hold, as soon as they are there.

    Raises
    ------
    DataError
        The bytes are cut off or damaged.
    """
    unpack = _unpacker(packing)
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), _PACKED_CHUNK):
                left = chunk[start : start + _PACKED_CHUNK]
                while left:
                    if unpack.eof:  # several packed parts may stand one after the other
                        if packing == ".gz" and not left.strip(b"\0"):
                            break
                        unpack = _unpacker(packing)
                    yield unpack.decompress(left)
                    left = unpack.unused_data if unpack.eof else b""
    except _damages(packing) as error:
        raise _damaged(name, packing, error) from error
    if not unpack.eof:
        raise _damaged(name, packing, "it ends too early")


def _damaged(name: str, packing: str, error: object) -> DamagedError:
    return DamagedError(
        name, f"the {NAMES[packing]} stream is cut off or damaged ({error}); get the file again"
    )


def _unpacker(packing: str) -> Any:
    if packing == ".gz":
        return zlib.decompressobj(wbits=31)
    if packing == ".bz2":
        return bz2.BZ2Decompressor()
    if packing == ".xz":
        return lzma.LZMADecompressor()
    return _zstandard().ZstdDecompressor().decompressobj()


def _damages(packing: str) -> tuple[type[Exception], ...]:
    if packing == ".zst":
        return (_zstandard().ZstdError,)
    return (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


@contextmanager
def packed(file: IO[bytes], packing: str) -> Iterator[IO[bytes]]:
    """Give a file that packs what is written to it into another."""
    if not packing:
        yield file
        return
    opened: Any
    if packing == ".gz":
        opened = gzip.GzipFile("", "wb", fileobj=file, mtime=0)
    elif packing == ".bz2":
        opened = bz2.BZ2File(file, "wb")
    elif packing == ".xz":
        opened = lzma.LZMAFile(file, "wb")  # noqa: SIM115 (closed below)
    else:
        opened = _zstandard().ZstdCompressor().stream_writer(file, closefd=False)
    with opened:
        yield opened


def _zstandard() -> Any:
    try:
        import zstandard
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            "module 'zstandard' is not installed; install it with: pip install zstandard"
        ) from error
    return zstandard
