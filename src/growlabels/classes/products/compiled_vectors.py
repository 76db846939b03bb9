"""Compute the products with sign bases by compiled kernels where these apply."""

from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from growlabels.classes.products.class_vectors import has_values
from growlabels.classes.products.sign_vectors import SignVectors

if TYPE_CHECKING:  # this module needs numba, which is optional
    from growlabels.classes.products.kernels.plan import KernelPlan

# With fewer classes torch is fast enough, and the one-time compilation does not pay off.
MANY_CLASSES = 4096
# With fewer cosines (a few milliseconds of work) starting threads does not pay off.
MANY_TO_SEARCH = 1 << 24
MANY_TO_SUM = 1 << 22
DIMS = (16, 64, 256, 1024, 4096)


@lru_cache(maxsize=1)
def compiled_kernels() -> ModuleType | None:
    """Return the module :mod:`growlabels.classes.products.kernels.entry` if it can be used.

    It requires numba, and a processor with AVX-512 or with AVX2 and FMA. Otherwise the result is
    ``None``.
    """
    try:
        from growlabels.classes.products.kernels import entry
    except (ImportError, RuntimeError):  # numba is missing, or has no folder for its cache
        return None
    return entry if entry.LANES > 0 else None


def available() -> bool:
    """Return whether the compiled kernels can be used on this machine."""
    return compiled_kernels() is not None


class CompiledSignVectors(SignVectors):
    """The products of :class:`SignVectors`, with compiled kernels for float32 rows on the CPU.

    A query takes about 20 to 50 microseconds. Each call of a torch function takes one to four of
    these.
    """

    _plan: "KernelPlan | None" = None

    def cosines(self, z: Tensor) -> Tensor:
        return self._product("cosines", z)

    def combine(self, weights: Tensor) -> Tensor:
        return self._product("combine", weights)

    def _product(self, name: Literal["cosines", "combine"], rows: Tensor) -> Tensor:
        kernels = self._kernels(rows)
        if kernels is None:
            return getattr(super(), name)(rows)
        threads = self._threads(rows, MANY_TO_SUM)
        return torch.from_numpy(getattr(kernels, name)(_array(rows), self._prepared(), threads))

    def topk(self, z: Tensor, k: int) -> tuple[Tensor, Tensor]:
        kernels = self._kernels(z)
        if kernels is None:
            return super().topk(z, k)
        threads = self._threads(z, MANY_TO_SEARCH)
        index, values = kernels.topk(_array(z), self._prepared(), k, threads)
        return torch.from_numpy(values), torch.from_numpy(index)

    def sum_exp(
        self, z: Tensor, target: Tensor, scale: float, shift: float
    ) -> tuple[Tensor, Tensor]:
        kernels = self._kernels(z)
        if kernels is None:
            return super().sum_exp(z, target, scale, shift)
        threads = self._threads(z, MANY_TO_SUM)
        sums, combined = kernels.sum_exp(
            _array(z), target.numpy(), self._prepared(), scale, shift, threads
        )
        return torch.from_numpy(sums), torch.from_numpy(combined)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_plan"}

    def _kernels(self, z: Tensor) -> ModuleType | None:
        """Return the compiled kernels if they can process these rows."""
        if (
            self.n_classes >= MANY_CLASSES
            and self.dim in DIMS
            and z.shape[0] > 0
            and z.dtype == torch.float32
            and z.is_cpu
            and has_values(z)
        ):
            return compiled_kernels()
        return None

    def _prepared(self) -> "KernelPlan":
        if self._plan is None or self._plan.n_classes != self.n_classes:
            from growlabels.classes.products.kernels.plan import make_plan

            self._plan = make_plan(self.signs.T.cpu().numpy(), self.n_classes)
        return self._plan

    def _threads(self, z: Tensor, many: int) -> int:
        return torch.get_num_threads() if z.shape[0] * self.n_classes >= many else 1


def _array(rows: Tensor) -> NDArray[np.float32]:
    return (rows.detach() if rows.requires_grad else rows).numpy()
