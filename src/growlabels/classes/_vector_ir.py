"""Hadamard transforms on explicit vector registers: LLVM code behind numba intrinsics.

A transform of d = R * R coordinates is two passes of radix-R transforms, each done wholly in
registers. One vector register holds one coordinate of ``LANES`` independent problems (queries,
or bases), so nothing is ever shuffled. Compilers do not find this by themselves: plain loops
are several times slower.

Arguments named ``stages`` are tuples whose length, log2 R, is what the compiler sees; other
arguments are addresses in bytes, unless said otherwise. A *tile* is ``(d, LANES)`` float32,
aligned to a vector; coordinate ``x = h R + l``, class column ``c = ch R + cl``.

A butterfly subtracts as ``fma(b, -1, a)`` with a -1 that the compiler cannot see: the result is
the same to the bit, and processors with separate units for sums and products keep both busy.
"""

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import config, njit, types
from numba.core import cgutils
from numba.extending import intrinsic as numba_intrinsic
from numpy.typing import NDArray


def _lanes() -> int:
    """Lanes of float32: 16 with AVX-512, 8 with AVX2 and FMA, 0 where numba has neither."""
    if config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue]
        return 0
    asked: str | None = config.CPU_FEATURES  # pyright: ignore[reportAttributeAccessIssue]
    if asked is None:
        found = {name for name, there in llvm.get_host_cpu_features().items() if there}
    else:
        found = {name[1:] for name in asked.split(",") if name.startswith("+")}
    if {"avx512f", "avx512dq"} <= found:
        return 16
    return 8 if {"avx2", "fma"} <= found else 0


intrinsic: Any = numba_intrinsic  # what it makes is called with one argument less than it has
LANES = _lanes()
WORD = np.uint16 if LANES == 16 else np.uint8
ROW = 4 * LANES  # bytes of one coordinate of a tile

_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR = ir.VectorType(_F32, max(LANES, 1))
_INTS = ir.VectorType(_I32, max(LANES, 1))
_FMA = f"llvm.fma.v{LANES}f32"
_DOUBLES = ir.VectorType(ir.DoubleType(), max(LANES, 1))

# 2^f on [-1/2, 1/2] with a relative error of 2e-9 (least largest error); highest power first.
EXP2 = (1.5353362e-4, 1.3398874e-3, 9.6184374e-3, 5.5503325e-2, 0.240226479, 0.693147203, 1.0)
ROUNDER = 12582912.0  # 1.5 * 2^23: adding it rounds to a whole number
LOWEST = -125.0  # smallest power of two that is made; below it everything counts as that


class _Code:
    """A few words of vector code, around one builder."""

    def __init__(self, builder: Any, minus_one: Any = None) -> None:
        self.builder = builder
        self.minus_one = None if minus_one is None else self.splat(minus_one)

    def offset(self, address: Any, amount: int) -> Any:
        return self.builder.add(address, ir.Constant(_I64, amount))

    def load(self, address: Any, kind: ir.Type = _VECTOR, align: int = ROW) -> Any:
        pointer = self.builder.inttoptr(address, kind.as_pointer())
        return self.builder.load(pointer, align=align)

    def scalar(self, address: Any, kind: ir.Type, size: int) -> Any:
        return self.load(address, kind, size)

    def store(self, value: Any, address: Any) -> None:
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=ROW)

    def splat(self, value: Any) -> Any:
        kind = ir.VectorType(value.type, LANES)
        one = self.builder.insert_element(
            ir.Constant(kind, ir.Undefined), value, ir.Constant(_I32, 0)
        )
        zeros = ir.Constant(_INTS, [0] * LANES)
        return self.builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), zeros)

    def constant(self, value: float) -> Any:
        return ir.Constant(_VECTOR, [float(np.float32(value))] * LANES)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        function = cgutils.get_or_insert_function(self.builder.module, kind, _FMA)
        return self.builder.call(function, [a, b, c])

    def maximum(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def butterflies(self, rows: list[Any], half: int) -> list[Any]:
        """Unnormalised Hadamard transform of ``rows``, from stage ``half`` on."""
        rows = list(rows)
        while half:
            for i in range(len(rows)):
                if not i & half:
                    a, b = rows[i], rows[i | half]
                    rows[i] = self.builder.fadd(a, b)
                    rows[i | half] = self.fma(b, self.minus_one, a)
            half //= 2
        return rows

    def signed(self, rows: list[Any], signs: list[Any]) -> list[Any]:
        """Transform ``rows`` times scalar ``signs``; the first stage does the products."""
        half = len(rows) // 2
        first = list(rows)
        for i in range(half):
            product = self.builder.fmul(rows[i + half], self.splat(signs[i + half]))
            sign = self.splat(signs[i])
            first[i] = self.fma(rows[i], sign, product)
            first[i + half] = self.fma(rows[i], sign, self.builder.fneg(product))
        return self.butterflies(first, half // 2)

    def gathered(self, radix: int, table: Any, block: Any) -> list[Any]:
        """Offsets of the rows of one block: entry of the int64 table, xor the block's offset."""
        entries = [self.scalar(self.offset(table, 8 * i), _I64, 8) for i in range(radix)]
        return [self.builder.xor(entry, block) for entry in entries]

    def scalars(self, radix: int, address: Any, step: int = 4) -> list[Any]:
        return [self.scalar(self.offset(address, step * i), _F32, 4) for i in range(radix)]

    def exp2(self, y: Any, rounder: Any, lowest: Any) -> Any:
        """2^(y + k) for the whole number k in ``rounder = ROUNDER + k``; y from ``lowest`` on."""
        b = self.builder
        y = self.maximum(y, lowest)
        shifted = b.fadd(y, rounder)
        f = self.fma(b.fsub(shifted, rounder), self.minus_one, y)
        power = self.constant(EXP2[0])
        for coefficient in EXP2[1:]:
            power = self.fma(power, f, self.constant(coefficient))
        exponent = b.shl(b.bitcast(shifted, _INTS), ir.Constant(_INTS, [23] * LANES))
        return b.bitcast(b.add(b.bitcast(power, _INTS), exponent), _VECTOR)


@intrinsic
def address(typingctx, array):
    """Address of the first element of an array, int64. It does not keep the array alive."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, _I64)

    return types.int64(array), codegen


def empty_tile(rows: int, kind: type = np.float32) -> NDArray[Any]:
    """Room for ``(rows, LANES)`` numbers that starts at a vector's boundary."""
    room = np.empty((rows + 1) * LANES, dtype=kind)
    start = -room.ctypes.data % ROW // room.itemsize
    return room[start : start + rows * LANES].reshape(rows, LANES)


@njit(cache=True, nogil=True)
def fill(tile, rows, factor):
    """Put up to LANES rows times a factor into the lanes of a tile, 0 into the lanes left."""
    for coordinate in range(len(tile)):
        for lane in range(len(rows)):
            tile[coordinate, lane] = rows[lane, coordinate] * factor
        for lane in range(len(rows), LANES):
            tile[coordinate, lane] = 0.0


@intrinsic
def spread(typingctx, stages, source, signs, target, minus_one):
    """First pass of one l: rows h R + l of ``source`` times float32 ``signs``, over h."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[4])
        rows = [code.load(code.offset(args[1], ROW * radix * h)) for h in range(radix)]
        signs = code.scalars(radix, args[2], 4 * radix)
        for h, row in enumerate(code.signed(rows, signs)):
            code.store(row, code.offset(args[3], ROW * radix * h))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, f32), codegen


@intrinsic
def spread_query(typingctx, stages, query, words, target, minus_one):
    """First pass of one l for one query and ``LANES`` bases; bit j of a word: basis j negates."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[4])
        size = LANES // 8
        rows = []
        for h in range(radix):
            value = code.scalar(code.offset(args[1], 4 * radix * h), _F32, 4)
            word = code.scalar(code.offset(args[2], size * radix * h), ir.IntType(LANES), size)
            mask = builder.bitcast(word, ir.VectorType(ir.IntType(1), LANES))
            plus, minus = code.splat(value), code.splat(builder.fneg(value))
            rows.append(builder.select(mask, minus, plus))
        for h, row in enumerate(code.butterflies(rows, radix // 2)):
            code.store(row, code.offset(args[3], ROW * radix * h))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, f32), codegen


def _largest(code, rows, best):
    """Raise the vector at ``best`` to the largest of ``rows``."""
    while len(rows) > 1:
        half = len(rows) // 2
        rows = [code.maximum(rows[i], rows[i + half]) for i in range(half)]
    code.store(code.maximum(rows[0], code.load(best)), best)


@intrinsic
def block_max(typingctx, stages, source, best, minus_one):
    """Second pass of one ch: R rows from ``source`` on; their logits raise ``best``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[3])
        rows = [code.load(code.offset(args[1], ROW * i)) for i in range(radix)]
        _largest(code, code.butterflies(rows, radix // 2), args[2])
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, f32), codegen


def _second_pass(code, radix, args):
    source, table, flips, block = args
    offsets = code.gathered(radix, table, block)
    rows = [code.load(code.builder.add(source, offset)) for offset in offsets]
    return code.signed(rows, code.scalars(radix, flips))


@intrinsic
def shared_block_max(typingctx, stages, source, table, flips, block, best, minus_one):
    """Like :func:`block_max`, from the first pass of another basis (see ``_kernel_plan``)."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[6])
        _largest(code, _second_pass(code, radix, args[1:5]), args[5])
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32), codegen


@intrinsic
def block_store(typingctx, stages, source, table, flips, block, target, minus_one):
    """Second pass of one ch; its R rows of logits go to ``target``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[6])
        for i, row in enumerate(_second_pass(code, radix, args[1:5])):
            code.store(row, code.offset(args[5], ROW * i))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32), codegen


@intrinsic
def block_exp(typingctx, stages, source, table, flips, block, target, power, minus_one):
    """Second pass of one ch, then 2^(logit + power), ``power`` a whole number."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[7])
        rounder = code.splat(builder.fadd(args[6], ir.Constant(_F32, ROUNDER)))
        lowest = code.splat(builder.fsub(ir.Constant(_F32, LOWEST), args[6]))
        for i, row in enumerate(_second_pass(code, radix, args[1:5])):
            code.store(code.exp2(row, rounder, lowest), code.offset(args[5], ROW * i))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32, f32), codegen


@intrinsic
def block_back(typingctx, stages, source, table, flips, block, target, minus_one):
    """Adjoint of the second pass of one ch: R rows of weights, added to the tile ``target``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[6])
        rows = [code.load(code.offset(args[1], ROW * i)) for i in range(radix)]
        rows = code.butterflies(rows, radix // 2)
        flips = code.scalars(radix, args[3])
        for row, flip, offset in zip(
            rows, flips, code.gathered(radix, args[2], args[4]), strict=True
        ):
            place = builder.add(args[5], offset)
            code.store(code.fma(row, code.splat(flip), code.load(place)), place)
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32), codegen


@intrinsic
def spread_back(typingctx, stages, source, signs, total, minus_one):
    """Adjoint of :func:`spread`, added to the float64 tile ``total``; clears ``source``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = _Code(builder, args[4])
        places = [code.offset(args[1], ROW * radix * h) for h in range(radix)]
        rows = code.butterflies([code.load(place) for place in places], radix // 2)
        zero = ir.Constant(_VECTOR, [0.0] * LANES)
        for place in places:
            code.store(zero, place)
        signs = code.scalars(radix, args[2], 4 * radix)
        for h, (row, sign) in enumerate(zip(rows, signs, strict=True)):
            place = code.offset(args[3], 2 * ROW * radix * h)
            signed = builder.fpext(builder.fmul(row, code.splat(sign)), _DOUBLES)
            code.store(builder.fadd(code.load(place, _DOUBLES), signed), place)
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, f32), codegen
