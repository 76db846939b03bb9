"""How the kernels are compiled and kept: for the sources of all of them, not of one file alone."""

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import config, njit
from numba.core.caching import FunctionCache


def _source_stamp() -> int:
    """Number the sources that the kernels are made of."""
    stamp = 0
    folder = Path(__file__).parent
    for path in [*sorted(folder.glob("_kernel_*.py")), folder / "_vector_ir.py"]:
        stamp = zlib.crc32(path.read_bytes(), stamp)
    return stamp


STAMP = _source_stamp()


class _StampedCache(FunctionCache):
    """A cache on disk that compares the stamp, too: a kernel contains code of other files."""

    def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (*super()._index_key(sig, codegen), STAMP)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first use, run without the interpreter's lock, keep the machine code on disk.

    Raises
    ------
    RuntimeError
        There is no folder to keep it in.
    """
    compiled: Any = njit(nogil=True)(function)
    if not config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue]
        compiled._cache = _StampedCache(function)
    return compiled
