"""Class vectors of sign bases that use the compiled kernels where these apply."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from growlabels.classes._transform import SignVectors

if TYPE_CHECKING:
    from growlabels.classes._kernel_plan import KernelPlan

# Below this many classes torch is fast enough not to wait for the compiler, once a machine.
MANY_CLASSES = 4096
# Below this many cosines, a few milliseconds of work, threads are not worth their start.
MANY_TO_SEARCH = 1 << 24
MANY_TO_SUM = 1 << 22
DIMS = (16, 64, 256, 1024, 4096)


@lru_cache(maxsize=1)
def available() -> bool:
    """Say whether numba is installed and compiles for AVX-512, or for AVX2 with FMA."""
    try:
        from growlabels.classes import _kernels
    except (ImportError, RuntimeError):  # no numba, or no place where it may keep its cache
        return False
    return _kernels.LANES > 0


class CompiledSignVectors(SignVectors):
    """The same maps; float32 rows on the processor take the compiled kernels."""

    _plan: "KernelPlan | None" = None

    def cosines(self, z: Tensor) -> Tensor:
        return self._product("cosines", z)

    def combine(self, weights: Tensor) -> Tensor:
        return self._product("combine", weights)

    def _product(self, name: Literal["cosines", "combine"], rows: Tensor) -> Tensor:
        if not self._compiled(rows):
            return getattr(super(), name)(rows)
        from growlabels.classes import _kernels

        threads = self._threads(rows, MANY_TO_SUM)
        return torch.from_numpy(
            getattr(_kernels, name)(rows.detach().numpy(), self._prepared(), threads)
        )

    def topk(self, z: Tensor, k: int) -> tuple[Tensor, Tensor]:
        if not self._compiled(z):
            return super().topk(z, k)
        from growlabels.classes import _kernels

        index, values = _kernels.topk(
            z.detach().numpy(), self._prepared(), k, self._threads(z, MANY_TO_SEARCH)
        )
        return torch.from_numpy(values), torch.from_numpy(index)

    def sum_exp(
        self, z: Tensor, target: Tensor, scale: float, shift: float
    ) -> tuple[Tensor, Tensor]:
        if not self._compiled(z):
            return super().sum_exp(z, target, scale, shift)
        from growlabels.classes import _kernels

        sums, combined = _kernels.sum_exp(
            z.detach().numpy(),
            target.numpy(),
            self._prepared(),
            scale,
            shift,
            self._threads(z, MANY_TO_SUM),
        )
        return torch.from_numpy(sums), torch.from_numpy(combined)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_plan"}

    def _compiled(self, z: Tensor) -> bool:
        return (
            self.n_classes >= MANY_CLASSES
            and self.dim in DIMS
            and len(z) > 0
            and z.dtype == torch.float32
            and z.device.type == "cpu"
            and not torch.compiler.is_compiling()
            and available()
        )

    def _prepared(self) -> "KernelPlan":
        if self._plan is None or self._plan.n_classes != self.n_classes:
            from growlabels.classes._kernel_plan import make_plan

            self._plan = make_plan(self.signs.T.cpu().numpy(), self.n_classes)
        return self._plan

    def _threads(self, z: Tensor, many: int) -> int:
        return torch.get_num_threads() if len(z) * self.n_classes >= many else 1
