"""Define the passes of a Hadamard transform of d = R * R coordinates as numba intrinsics.

The transform consists of two passes of radix-R transforms, and each runs entirely in registers. A
*tile* is a ``(d, LANES)`` float32 array that is aligned to a vector. One vector holds one
coordinate of ``LANES`` independent problems (queries or bases), so no lanes are shuffled.
Coordinates are ``x = h R + l`` and class columns are ``c = ch R + cl``.

``stages`` is a tuple whose length, log2 R, is known to the compiler. ``minus_one`` is the float32
-1 (see :mod:`growlabels.classes.products.kernels.vector_ir`). The other arguments are addresses or
offsets in bytes, int64, unless the docstring says otherwise.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as numba_intrinsic
from numpy.typing import NDArray

from growlabels.classes.products.kernels.numba import kernel
from growlabels.classes.products.kernels.vector_ir import (
    F32,
    I64,
    LANES,
    LOWEST,
    ROUNDER,
    ROW,
    VectorCode,
)

INDEX_BITS = LANES.bit_length() - 1  # bits of an index into a table of LANES numbers

# The type checker does not know that calls of an intrinsic omit its first argument.
intrinsic: Any = numba_intrinsic


@intrinsic
def address(typingctx, array):
    """Return the address of an array's first element, int64; it does not keep the array alive."""

    def codegen(context, builder, signature, args):
        data = context.make_array(signature.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(data, I64)

    return types.int64(array), codegen


@kernel
def fill(tile: NDArray[np.float32], rows: NDArray[np.float32], factor: float) -> None:
    """Write up to LANES rows times a factor to the lanes of a tile, and 0 to other lanes."""
    for coordinate in range(len(tile)):
        for lane in range(len(rows)):
            tile[coordinate, lane] = rows[lane, coordinate] * factor
        for lane in range(len(rows), LANES):
            tile[coordinate, lane] = 0.0


@intrinsic
def spread(typingctx, stages, source, signs, target, minus_one):
    """Run the first pass of one l: transform rows h R + l of ``source`` times ``signs`` over h.

    ``signs`` are float32.
    """
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[4])
        rows = [code.load(code.offset(args[1], ROW * radix * h)) for h in range(radix)]
        signs = code.scalars(radix, args[2], 4 * radix)
        for h, row in enumerate(code.signed(rows, signs)):
            code.store(row, code.offset(args[3], ROW * radix * h))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, f32), codegen


@intrinsic
def tabulate(typingctx, stages, query, tables, minus_one):
    """Run the first two stages of one l for one query, for all sign patterns at once.

    There is one table for each l + g R with g < R / 4. Entry p is the sum over j < 4 of the
    coordinates l + (g + j R / 4) R, negated where bit j of p is set. With 8 lanes a table has
    only the entries p < 8.
    """
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[3])
        patterns = [
            ir.Constant(code.floats, [1.0 - 2.0 * (p >> j & 1) for p in range(LANES)])
            for j in range(4)
        ]
        for g in range(radix // 4):
            signed = []
            for j in range(4):
                place = code.offset(args[1], 4 * radix * (g + j * radix // 4))
                signed.append(builder.fmul(code.splat(code.scalar(place, F32, 4)), patterns[j]))
            halves = [builder.fadd(signed[j], signed[j + 2]) for j in range(2)]
            code.store(builder.fadd(*halves), code.offset(args[2], ROW * g))
        return context.get_dummy_value()

    return types.void(stages, types.int64, types.int64, types.float32), codegen


@intrinsic
def correlate(typingctx, stages, query, other, target, minus_one):
    """Write LANES rows, where lane e of row x is ``query[x] other[x xor e]``."""

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[4])
        others = code.scalar(args[2], code.floats, 4)
        for x in range(LANES):
            exchanged = ir.Constant(code.ints, [x ^ lane for lane in range(LANES)])
            row = builder.shuffle_vector(others, others, exchanged)
            one = code.splat(code.scalar(code.offset(args[1], 4 * x), F32, 4))
            code.store(builder.fmul(one, row), code.offset(args[3], ROW * x))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, f32), codegen


def packed(patterns: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Pack the sign patterns of up to eight tables (axis 0) into words.

    Bit j of a pattern is sign j. With 16 lanes a word contains four bits per table, lowest
    first. With 8 lanes the tables are halves. A word then contains the lower three bits of each
    pattern, inverted where bit 3 is set, lowest first. The bits 3 follow from the top bit down.
    """
    place = np.arange(len(patterns), dtype=np.uint32).reshape(-1, *[1] * (patterns.ndim - 1))
    if LANES == 16:
        return (patterns << 4 * place).sum(0, dtype=np.uint32)
    opposite = patterns >> 3
    index = (patterns & 7) ^ (7 * opposite)
    return ((index << 3 * place) + (opposite << 31 - place)).sum(0, dtype=np.uint32)


@intrinsic
def spread_query(typingctx, stages, tables, words, flip, target, minus_one):
    """Run the first pass of one l for one query and LANES bases, for a quarter of the ch.

    ``words`` contains four bits for each lane and table; see :func:`packed`. ``flip``, int32,
    converts them to those of the quarter.
    """
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[5])
        flip = code.splat(args[3])
        words = [
            builder.xor(code.scalar(code.offset(args[2], ROW * i), code.ints, 4), flip)
            for i in range(-(-radix // 32))
        ]
        rows = []
        for g in range(radix // 4):
            word, place = words[g // 8], g % 8
            table = code.load(code.offset(args[1], ROW * g))
            row = code.chosen(table, builder.lshr(word, code.whole(INDEX_BITS * place)))
            if LANES == 8:  # half a table suffices: opposite signs give opposite sums
                top = builder.and_(builder.shl(word, code.whole(place)), code.whole(1 << 31))
                row = builder.bitcast(
                    builder.xor(builder.bitcast(row, code.ints), top), code.floats
                )
            rows.append(row)
        for g, row in enumerate(code.butterflies(rows, radix // 8)):
            code.store(row, code.offset(args[4], ROW * radix * g))
        return context.get_dummy_value()

    i64, i32, f32 = types.int64, types.int32, types.float32
    return types.void(stages, i64, i64, i32, i64, f32), codegen


def _largest(code: VectorCode, rows: list[Any], best: Any) -> None:
    """Finish the last stage of a transform and write the maximum with ``best`` to ``best``.

    The larger result of the last stage is one sum, ``max(a + b, a - b) = a + |b|``, bit for bit.
    """
    pairs = zip(rows[::2], rows[1::2], strict=True)
    rows = [code.builder.fadd(a, code.magnitude(b)) for a, b in pairs]
    while len(rows) > 1:
        half = len(rows) // 2
        rows = [code.maximum(rows[i], rows[i + half]) for i in range(half)]
    code.store(code.maximum(rows[0], code.load(best)), best)


@intrinsic
def block_max(typingctx, stages, source, best, sign, minus_one):
    """Run the second pass of one ch for half of the columns, and update the maximum ``best``.

    ``sign``, float32, selects the half by the sign in its first stage. ``source`` contains R
    rows. A half fits into the registers.
    """
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[4])
        sign = code.splat(args[3])
        rows = [code.load(code.offset(args[1], ROW * i)) for i in range(radix)]
        half = radix // 2
        rows = [code.fma(rows[i + half], sign, rows[i]) for i in range(half)]
        _largest(code, code.butterflies(rows, half // 2, last=2), args[2])
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, f32, f32), codegen


def _second_pass(code: VectorCode, radix: int, args: Any, last: int = 1) -> list[Any]:
    """Return the rows of the second pass of one ch, from stage R / 2 to stage ``last``."""
    source, table, flips, block = args
    offsets = code.gathered(radix, table, block)
    rows = [code.load(code.builder.add(source, offset)) for offset in offsets]
    return code.signed(rows, code.scalars(radix, flips), last)


@intrinsic
def shared_block_max(typingctx, stages, source, table, flips, block, best, minus_one):
    """Run :func:`block_max` on the first pass of the group's leader.

    See :mod:`growlabels.classes.products.kernels.plan`.
    """
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[6])
        _largest(code, _second_pass(code, radix, args[1:5], last=2), args[5])
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32), codegen


@intrinsic
def block_store(typingctx, stages, source, table, flips, block, target, minus_one):
    """Run the second pass of one ch and write its R rows of logits to ``target``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[6])
        for i, row in enumerate(_second_pass(code, radix, args[1:5])):
            code.store(row, code.offset(args[5], ROW * i))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32), codegen


@intrinsic
def block_rows(typingctx, stages, source, table, flips, block, target, minus_one):
    """Run the second pass of one ch; write lane i as R contiguous numbers to ``target + i d``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[6])
        rows = _second_pass(code, radix, args[1:5])
        if radix < LANES:
            for lane in range(LANES):
                for i, row in enumerate(rows):
                    value = builder.extract_element(row, ir.Constant(code.ints.element, lane))
                    place = code.offset(args[5], 4 * (lane * radix * radix + i))
                    builder.store(value, builder.inttoptr(place, F32.as_pointer()), align=4)
            return context.get_dummy_value()
        for first in range(0, radix, LANES):
            for lane, row in enumerate(code.transposed(rows[first : first + LANES])):
                code.store(row, code.offset(args[5], 4 * (lane * radix * radix + first)))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32), codegen


@intrinsic
def block_exp(typingctx, stages, source, table, flips, block, target, power, minus_one):
    """Run the second pass of one ch and write 2^(logit + power); ``power`` is a whole number."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[7])
        rounder = code.splat(builder.fadd(args[6], ir.Constant(F32, ROUNDER)))
        lowest = code.splat(builder.fsub(ir.Constant(F32, LOWEST), args[6]))
        for i, row in enumerate(_second_pass(code, radix, args[1:5])):
            code.store(code.exp2(row, rounder, lowest), code.offset(args[5], ROW * i))
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, i64, i64, f32, f32), codegen


@intrinsic
def block_back(typingctx, stages, source, table, flips, block, target, minus_one):
    """Add the adjoint of the second pass of one ch, for R rows of weights, to ``target``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[6])
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
    """Add the adjoint of :func:`spread` to the float64 tile ``total``, and clear ``source``."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[4])
        places = [code.offset(args[1], ROW * radix * h) for h in range(radix)]
        rows = code.butterflies([code.load(place) for place in places], radix // 2)
        zero = code.constant(0.0)
        for place in places:
            code.store(zero, place)
        signs = code.scalars(radix, args[2], 4 * radix)
        for h, (row, sign) in enumerate(zip(rows, signs, strict=True)):
            place = code.offset(args[3], 2 * ROW * radix * h)
            signed = builder.fpext(builder.fmul(row, code.splat(sign)), code.doubles)
            code.store(builder.fadd(code.scalar(place, code.doubles, ROW), signed), place)
        return context.get_dummy_value()

    i64, f32 = types.int64, types.float32
    return types.void(stages, i64, i64, i64, f32), codegen


@intrinsic
def columns(typingctx, stages, grid, minus_one):
    """Transform up to LANES adjacent columns of a row-major (R, R) float32 grid in place."""
    radix = 1 << len(stages)

    def codegen(context, builder, signature, args):
        code = VectorCode(builder, args[2], min(LANES, radix))
        places = [code.offset(args[1], 4 * radix * i) for i in range(radix)]
        rows = code.butterflies([code.load(place) for place in places], radix // 2)
        for row, place in zip(rows, places, strict=True):
            code.store(row, place)
        return context.get_dummy_value()

    return types.void(stages, types.int64, types.float32), codegen
