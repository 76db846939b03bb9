"""Emit LLVM vector code for the transforms of the compiled kernels.

Compilers do not vectorise these transforms automatically: plain loops are several times slower
than explicit vector types. LLVM maps the vector types to the available registers.

A butterfly subtracts by ``fma(b, -1, a)``, where the compiler does not know the constant -1. The
result is bit-identical, and processors with separate units for sums and products use both.
"""

from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import config
from numba.core import cgutils


def _lanes() -> int:
    """Return the float32 lanes: 16 with AVX-512, 8 with AVX2 and FMA, 0 without either."""
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


LANES = _lanes()
ROW = 4 * LANES  # bytes of one coordinate of a tile

F32: Any = ir.FloatType()
I32: Any = ir.IntType(32)
I64: Any = ir.IntType(64)
PERMUTE = {16: "llvm.x86.avx512.permvar.sf.512", 8: "llvm.x86.avx2.permps"}

# Minimax polynomial of 2^f on [-1/2, 1/2], relative error 2e-9; highest power first.
EXP2 = (1.5353362e-4, 1.3398874e-3, 9.6184374e-3, 5.5503325e-2, 0.240226479, 0.693147203, 1.0)
ROUNDER = 12582912.0  # 1.5 * 2^23; adding it rounds to a whole number
LOWEST = -125.0  # smallest exponent of a power of two; lower exponents are raised to it


class VectorCode:
    """Instructions on vectors of ``lanes`` float32, emitted by one builder of llvmlite.

    Values are LLVM values, and addresses are int64.

    Parameters
    ----------
    builder
        The llvmlite builder.
    minus_one
        LLVM value of the float32 -1.
    lanes
        Number of lanes of a vector; by default ``LANES``.
    """

    def __init__(self, builder: Any, minus_one: Any, lanes: int = LANES) -> None:
        self.builder = builder
        self.lanes = lanes
        self.floats: Any = ir.VectorType(F32, lanes)
        self.ints: Any = ir.VectorType(I32, lanes)
        self.doubles: Any = ir.VectorType(ir.DoubleType(), lanes)
        self.minus_one: Any = self.splat(minus_one)
        self._align_stack()

    def _align_stack(self) -> None:
        """Align the stack to vectors, because spilled registers cost twice as much unaligned.

        An aligned variable forces this. An opaque inline-assembly call keeps the variable.
        """
        variable = cgutils.alloca_once(self.builder, self.floats)
        variable.align = 4 * self.lanes
        kind = ir.FunctionType(ir.VoidType(), [variable.type])
        self.builder.call(ir.InlineAsm(kind, "", "r", side_effect=True), [variable])

    def offset(self, address: Any, amount: int) -> Any:
        return self.builder.add(address, ir.Constant(I64, amount))

    def load(self, address: Any) -> Any:
        return self.scalar(address, self.floats, 4 * self.lanes)

    def scalar(self, address: Any, kind: Any, align: int) -> Any:
        pointer = self.builder.inttoptr(address, kind.as_pointer())
        return self.builder.load(pointer, align=align)

    def store(self, value: Any, address: Any) -> None:
        pointer = self.builder.inttoptr(address, value.type.as_pointer())
        self.builder.store(value, pointer, align=4 * self.lanes)

    def splat(self, value: Any) -> Any:
        kind = ir.VectorType(value.type, self.lanes)
        one = self.builder.insert_element(
            ir.Constant(kind, ir.Undefined), value, ir.Constant(I32, 0)
        )
        return self.builder.shuffle_vector(one, ir.Constant(kind, ir.Undefined), self.whole(0))

    def constant(self, value: float) -> Any:
        return ir.Constant(self.floats, [float(np.float32(value))] * self.lanes)

    def whole(self, value: int) -> Any:
        return ir.Constant(self.ints, [value] * self.lanes)

    def fma(self, a: Any, b: Any, c: Any) -> Any:
        kind = ir.FunctionType(self.floats, [self.floats] * 3)
        name = f"llvm.fma.v{self.lanes}f32"
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [a, b, c])

    def maximum(self, a: Any, b: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered(">", a, b), a, b)

    def magnitude(self, a: Any) -> Any:
        bits = self.builder.and_(self.builder.bitcast(a, self.ints), self.whole((1 << 31) - 1))
        return self.builder.bitcast(bits, self.floats)

    def butterflies(self, rows: list[Any], half: int, last: int = 1) -> list[Any]:
        """Return the unnormalised Hadamard transform of ``rows``, stages ``half`` to ``last``."""
        rows = list(rows)
        while half >= last:
            for i in range(len(rows)):
                if not i & half:
                    a, b = rows[i], rows[i | half]
                    rows[i] = self.builder.fadd(a, b)
                    rows[i | half] = self.fma(b, self.minus_one, a)
            half //= 2
        return rows

    def signed(self, rows: list[Any], signs: list[Any], last: int = 1) -> list[Any]:
        """Return the transform of ``rows`` times scalar ``signs``; stage one multiplies."""
        half = len(rows) // 2
        first = list(rows)
        for i in range(half):
            product = self.builder.fmul(rows[i + half], self.splat(signs[i + half]))
            sign = self.splat(signs[i])
            first[i] = self.fma(rows[i], sign, product)
            first[i + half] = self.fma(rows[i], sign, self.builder.fneg(product))
        return self.butterflies(first, half // 2, last)

    def gathered(self, radix: int, table: Any, block: Any) -> list[Any]:
        """Return the row offsets of one block: int64 table entries xor the block's offset."""
        entries = [self.scalar(self.offset(table, 8 * i), I64, 8) for i in range(radix)]
        return [self.builder.xor(entry, block) for entry in entries]

    def transposed(self, rows: list[Any]) -> list[Any]:
        """Return LANES rows transposed, by exchanges of halves, quarters and so on of pairs."""
        rows, half = list(rows), self.lanes // 2
        while half:
            kept = [i if not i & half else self.lanes + i - half for i in range(self.lanes)]
            moved = [i + half if not i & half else self.lanes + i for i in range(self.lanes)]
            for i in range(self.lanes):
                if not i & half:
                    a, b = rows[i], rows[i | half]
                    rows[i] = self.builder.shuffle_vector(a, b, ir.Constant(self.ints, kept))
                    rows[i | half] = self.builder.shuffle_vector(
                        a, b, ir.Constant(self.ints, moved)
                    )
            half //= 2
        return rows

    def scalars(self, radix: int, address: Any, step: int = 4) -> list[Any]:
        return [self.scalar(self.offset(address, step * i), F32, 4) for i in range(radix)]

    def chosen(self, table: Any, index: Any) -> Any:
        """Return entries of a table of LANES floats, chosen by the low bits of int32 ``index``."""
        name = PERMUTE[self.lanes]
        kind = ir.FunctionType(self.floats, [self.floats, self.ints])
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, [table, index])

    def exp2(self, y: Any, rounder: Any, lowest: Any) -> Any:
        """Return 2^(y + k) for ``rounder = ROUNDER + k``; y below ``lowest`` is raised to it."""
        b = self.builder
        y = self.maximum(y, lowest)
        shifted = b.fadd(y, rounder)
        f = self.fma(b.fsub(shifted, rounder), self.minus_one, y)
        power = self.constant(EXP2[0])
        for coefficient in EXP2[1:]:
            power = self.fma(power, f, self.constant(coefficient))
        exponent = b.shl(b.bitcast(shifted, self.ints), self.whole(23))
        return b.bitcast(b.add(b.bitcast(power, self.ints), exponent), self.floats)
