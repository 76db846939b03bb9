"""Read class vectors from a pickled torch tensor without executing the pickle.

A pickle is a program. ``pickletools`` lists its instructions, and this module interprets a closed
set of them. A call is recorded as a name with arguments and never made. The result must be a float
matrix, as ``torch._utils._rebuild_tensor_v2`` would build it over a storage in torch's old file
format. Tensors from any device are accepted, and no GPU is needed.
"""

import io
import os
import pickletools
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.codes.measured import Measured

MAGIC = 0x1950A86A20F9469CFC6C  # the first number in torch's old file format
DTYPES = {"torch.FloatStorage": "<f4", "torch.DoubleStorage": "<f8", "torch.HalfStorage": "<f2"}


def import_pickle(path: str | os.PathLike[str]) -> Codebook:
    """Create a codebook from a pickled tensor of class vectors; the pickle is not executed.

    The function reads the files that the authors of Equiangular Basis Vectors (CVPR 2023)
    released. Such a file contains one torch tensor of shape (classes, dim), from a CPU or GPU.
    Rows are scaled to length 1.

    Parameters
    ----------
    path
        Path of the pickle file.

    Returns
    -------
    Codebook
        A codebook of kind ``"imported"``. It stores its vectors, and its certificate is measured
        over all pairs.

    Raises
    ------
    UsageError
        The file does not exist.
    DataError
        The file is not a pickled matrix of finite numbers, or it requests any other operation.

    Examples
    --------
    >>> import pickle, tempfile, torch
    >>> vectors = torch.nn.functional.normalize(torch.arange(6.0).view(3, 2) + 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "vectors.pkl")
    ...     _ = path.write_bytes(pickle.dumps(vectors))
    ...     codebook = import_pickle(path)
    >>> codebook
    Codebook(imported, dim=2, capacity=3, n_classes=3, labels=0)
    """
    UsageError.require_path("path", path)
    name = os.fspath(path)
    if not Path(path).is_file():
        raise UsageError.missing_file(path, "pickle of class vectors")
    try:
        found = _parse(io.BytesIO(Path(path).read_bytes()))
        vectors = _tensor(found)
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        TypeError,
        ValueError,
        struct.error,
    ) as error:
        raise DataError(
            f"{name!r} is not a pickle of one torch tensor: {error}; nothing in it was run; "
            "save the tensor alone with pickle.dump"
        ) from error
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if vectors.size == 0 or not np.isfinite(lengths).all() or not lengths.all():
        raise DataError(
            f"{name!r} must contain finite, non-zero rows; correct the tensor and save it again"
        )
    construction = Measured(
        "imported",
        (vectors / lengths).astype(np.float32),
        f"read from {Path(path).name}; measured over all pairs",
    )
    return Codebook(construction, len(vectors), "imported vectors are used as they are")


class _Call(NamedTuple):
    """A recorded call that the pickle requests."""

    name: str
    arguments: Any


class _Global(NamedTuple):
    """A global name that the pickle refers to."""

    name: str


_MARK = object()


@dataclass
class _Machine:
    """State of the interpreter: its stack and memo."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def to_mark(self) -> list[Any]:
        """Remove and return everything above the last mark."""
        items: list[Any] = []
        while (item := self.stack.pop()) is not _MARK:
            items.append(item)
        return items[::-1]

    def take(self, count: int) -> list[Any]:
        if count > len(self.stack):
            raise ValueError("the pickle is damaged")
        return [self.stack.pop() for _ in range(count)][::-1]


def _parse(data: io.BytesIO) -> Any:
    """Interpret one pickle from the current position to its end."""
    machine = _Machine()
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _CONSTANTS:
            machine.stack.append(argument)
        elif opcode.name in _ACTIONS:
            _ACTIONS[opcode.name](machine, argument)
        elif opcode.name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"it contains the instruction {opcode.name}")
    return machine.stack.pop()


_CONSTANTS = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINUNICODE", "SHORT_BINUNICODE"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
}


def _push(make: Callable[[_Machine, Any], Any]) -> Callable[[_Machine, Any], None]:
    return lambda machine, argument: machine.stack.append(make(machine, argument))


def _call(machine: _Machine, _: Any) -> _Call:
    function, arguments = machine.take(2)
    if not isinstance(function, _Global):
        raise ValueError("it calls an object that is not a global name")
    return _Call(function.name, arguments)


def _memoize(machine: _Machine, place: int | None) -> None:
    machine.memo[len(machine.memo) if place is None else place] = machine.stack[-1]


def _extend(machine: _Machine, _: Any) -> None:
    items = machine.to_mark()
    target = machine.stack[-1]
    if isinstance(target, dict):
        target.update(zip(items[::2], items[1::2], strict=True))
    else:
        target.extend(items)


def _append(machine: _Machine, _: Any) -> None:
    target, item = machine.take(2)
    target.append(item)
    machine.stack.append(target)


def _set_item(machine: _Machine, _: Any) -> None:
    target, key, value = machine.take(3)
    target[key] = value
    machine.stack.append(target)


_ACTIONS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _push(lambda machine, _: _MARK),
    "NONE": _push(lambda machine, _: None),
    "NEWTRUE": _push(lambda machine, _: True),
    "NEWFALSE": _push(lambda machine, _: False),
    "EMPTY_TUPLE": _push(lambda machine, _: ()),
    "EMPTY_LIST": _push(lambda machine, _: []),
    "EMPTY_DICT": _push(lambda machine, _: {}),
    "TUPLE": _push(lambda machine, _: tuple(machine.to_mark())),
    "TUPLE1": _push(lambda machine, _: tuple(machine.take(1))),
    "TUPLE2": _push(lambda machine, _: tuple(machine.take(2))),
    "TUPLE3": _push(lambda machine, _: tuple(machine.take(3))),
    "GLOBAL": _push(lambda machine, name: _Global(name.replace(" ", "."))),
    "STACK_GLOBAL": _push(lambda machine, _: _Global(".".join(machine.take(2)))),
    "REDUCE": _push(_call),
    "BINPERSID": _push(lambda machine, _: machine.stack.pop()),
    "BINGET": _push(lambda machine, place: machine.memo[place]),
    "LONG_BINGET": _push(lambda machine, place: machine.memo[place]),
    "BINPUT": _memoize,
    "LONG_BINPUT": _memoize,
    "MEMOIZE": _memoize,
    "SETITEM": _set_item,
    "SETITEMS": _extend,
    "APPENDS": _extend,
    "APPEND": _append,
}


def _tensor(found: Any) -> NDArray[np.float64]:
    """Return the matrix that the recorded call would rebuild."""
    if isinstance(found, _Call) and found.name == "torch._utils._rebuild_parameter":
        found = found.arguments[0]
    if not isinstance(found, _Call) or found.name != "torch._utils._rebuild_tensor_v2":
        what = found.name if isinstance(found, _Call) else type(found).__name__
        raise ValueError(f"it contains {what}")
    storage, offset, shape, strides = found.arguments[:4]
    if not isinstance(storage, _Call) or storage.name != "torch.storage._load_from_bytes":
        raise ValueError("the numbers of the tensor are not in the file")
    numbers = _storage(storage.arguments[0])
    if len(shape) != 2:
        raise ValueError(f"the tensor has shape {tuple(shape)}, not (classes, dim)")
    if shape[0] * shape[1] > numbers.size:
        raise ValueError(f"it contains {numbers.size} numbers for the shape {tuple(shape)}")
    size = numbers.itemsize
    matrix = np.ndarray(  # numpy raises if the strides leave the buffer
        tuple(shape), numbers.dtype, numbers, offset * size, tuple(s * size for s in strides)
    )
    return matrix.astype(np.float64)


def _storage(data: bytes) -> NDArray[Any]:
    """Read a storage in torch's old file format: five pickles, a count, then the numbers."""
    stream = io.BytesIO(data)
    if _parse(stream) != MAGIC:
        raise ValueError("its storage is in an unknown format")
    _parse(stream)  # the version of the format
    if not _parse(stream)["little_endian"]:
        raise ValueError("its numbers are big-endian")
    kind = _parse(stream)[1]
    _parse(stream)  # the names of the storages
    if kind.name not in DTYPES:
        raise ValueError(f"its numbers are of type {kind.name}, not floats")
    (count,) = struct.unpack("<q", stream.read(8))
    numbers = np.frombuffer(stream.read(), DTYPES[kind.name])
    if len(numbers) != count:
        raise ValueError(f"it is truncated: {len(numbers)} of {count} numbers")
    return numbers
