"""Groups of arrays that compiled code takes as one pointer.

To compiled code a NamedTuple of thirty arrays is more than two hundred numbers: every call copies
all of them, and every attribute reads all of them again, which takes long to compile and to run. A
:class:`Struct` is a single address instead. Compiled code reads ``struct.name`` exactly as it
reads a NamedTuple, so the same function takes either.
"""

import zlib
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import typeof, types
from numba.core.datamodel import models
from numba.core.imputils import impl_ret_borrowed
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    NativeValue,
    infer_getattr,
    intrinsic,
    lower_getattr_generic,
    register_model,
    typeof_impl,
    unbox,
)
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray


class StructType(types.Type):
    """The type of a :class:`Struct` for the compiler.

    Parameters
    ----------
    name
        Name of the group, such as ``Experts``.
    fields
        Name and type of each field: an array in C order, or another struct.
    """

    def __init__(self, name: str, fields: tuple[tuple[str, types.Type], ...]) -> None:
        self.fields = fields
        self.place: dict[str, tuple[int, types.Type]] = {}
        words = 0
        for field, kind in fields:
            self.place[field] = words, kind
            words += 1 + (kind.ndim if isinstance(kind, types.Array) else 0)
        # names of compiled functions hold those of their arguments' types
        super().__init__(f"{name}{zlib.crc32(str(fields).encode()):08x}")

    @property
    def key(self) -> object:
        """What two equal types share."""
        return self.name, self.fields


class Struct:
    """A group of arrays, or of other structs, in memory that compiled code reads.

    Compiled code works on the very arrays that were given; the struct keeps them alive.

    Parameters
    ----------
    group
        NamedTuple of arrays in C order and of structs.

    Examples
    --------
    >>> from typing import NamedTuple
    >>> from numba import njit
    >>> class Sums(NamedTuple):
    ...     total: NDArray[np.float64]
    >>> sums = Sums(np.zeros(1))
    >>> @njit
    ... def add(sums, value):
    ...     sums.total[0] += value
    >>> add(Struct(sums), 2.5)
    >>> sums.total
    array([2.5])
    """

    __slots__ = ("address", "block", "group", "type")

    def __init__(self, group: Any) -> None:
        words: list[int] = []
        kinds: list[tuple[str, types.Type]] = []
        for name, value in group._asdict().items():
            if isinstance(value, Struct):
                words.append(value.address)
                kinds.append((name, value.type))
            else:
                if not value.flags.c_contiguous:
                    raise ValueError(f"{name} must be an array in C order")
                words += (value.ctypes.data, *value.shape)
                kinds.append((name, types.Array(typeof(value).dtype, value.ndim, "C")))
        self.group = group
        self.block: NDArray[np.int64] = np.array(words, np.int64)
        self.address = self.block.ctypes.data
        self.type = _type(type(group).__name__, tuple(kinds))


@cache
def _type(name: str, fields: tuple[tuple[str, types.Type], ...]) -> StructType:
    return StructType(name, fields)


@typeof_impl.register(Struct)
def _type_of(value: Struct, context: object) -> StructType:
    return value.type


register_model(StructType)(models.OpaqueModel)


@infer_getattr
class _Fields(AttributeTemplate):
    key = StructType

    def generic_resolve(self, typ: StructType, attr: str) -> types.Type | None:
        return typ.place[attr][1] if attr in typ.place else None


@unbox(StructType)
def _unbox(typ: StructType, obj: Any, c: Any) -> NativeValue:
    address = c.pyapi.object_getattr_string(obj, "address")
    number = c.pyapi.long_as_longlong(address)
    c.pyapi.decref(address)
    return NativeValue(c.builder.inttoptr(number, c.context.get_value_type(typ)))


@lower_getattr_generic(StructType)
def _field(context: Any, builder: Any, typ: StructType, value: Any, attr: str) -> Any:
    first, kind = typ.place[attr]
    word = ir.IntType(64)
    words = builder.bitcast(value, word.as_pointer())

    def read(place: int) -> Any:
        number = builder.load(builder.gep(words, [word(place)]))
        # the arrays of a struct are never exchanged, so the compiler may read this once
        number.set_metadata("invariant.load", builder.module.add_metadata([]))
        return number

    if isinstance(kind, StructType):
        return builder.inttoptr(read(first), context.get_value_type(kind))
    shape = [read(first + 1 + axis) for axis in range(kind.ndim)]
    itemsize = context.get_abi_sizeof(context.get_data_type(kind.dtype))
    strides = [word(itemsize)]
    for length in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], length))
    data = builder.inttoptr(read(first), context.get_data_type(kind.dtype).as_pointer())
    array = context.make_array(kind)(context, builder)
    populate_array(array, data, shape, strides, itemsize, None)
    return impl_ret_borrowed(context, builder, kind, array._getvalue())


def opener(kind: StructType) -> Any:
    """Make a function for compiled code that turns an address into a struct of a known type.

    A number is handed to compiled code in a fifth of the time that an object takes.
    """

    @intrinsic
    def opened(typing_context, address):
        def build(context, builder, signature, args):
            return builder.inttoptr(args[0], context.get_value_type(kind))

        return kind(types.int64), build

    return opened
