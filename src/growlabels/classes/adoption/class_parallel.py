"""Define ClassParallelHead: each process of torch.distributed computes a range of the classes.

Fixed class vectors need no synchronisation, so plain data-parallel training does not need this
module. Splitting the classes helps in two cases: one process is too slow for a batch, or stored
vectors do not fit in the memory of one process.

All cosines are at most 1. One fixed shift therefore serves the exponentials of all processes, and
no maximum is exchanged. Each process computes the target's logit itself. The processes exchange
only the sum of the exponentials and its gradient, in one all-reduce of ``(rows, dim + 1)`` float64.
"""

from itertools import pairwise
from typing import Any, Literal

import torch
import torch.distributed as dist
from jaxtyping import Float, Int
from torch import Tensor

from growlabels.base.errors import DataError, UsageError
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.products.class_vectors import ClassVectors, DenseVectors, exact_topk
from growlabels.classes.products.closed_vectors import sign_vectors

Rows = Literal["same", "own"]
GROUP = 4  # consecutive bases that share the first pass of their transforms


class ClassParallelHead(EBVHead):
    """An :class:`EBVHead` whose classes are divided among the processes of a group.

    ``forward``, ``loss`` and ``predict_topk`` are collective: all processes must call them in
    the same order. Results equal those of an ``EBVHead`` up to rounding. The projection is
    initialised from the first process. The state dict is that of an ``EBVHead`` in every
    process, so a checkpoint does not depend on the number of processes.

    Parameters
    ----------
    in_features
        Length of the input features, the same in every process.
    codebook
        Codebook of the class vectors, the same in every process.
    rows
        With ``"same"`` (default) all processes receive the same rows and share the work. With
        ``"own"`` each process has its own rows, as in data-parallel training. The rows are
        gathered, and each process gets the results and gradients of its own rows. In this case,
        average the projection's gradients over the processes, as DistributedDataParallel does.
    group
        Process group of torch.distributed; by default all processes.
    **settings
        The other parameters of :class:`EBVHead`.

    Raises
    ------
    UsageError
        torch.distributed is not initialised, or this process is not in the group.
    DataError
        The processes have different codebooks or numbers of classes.

    Examples
    --------
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> head = ClassParallelHead(8, Codebook.for_classes(100, dim=16))
    >>> head.loss(torch.zeros(2, 8), torch.tensor([3, 99])).shape
    torch.Size([])
    >>> dist.destroy_process_group()
    """

    def __init__(
        self,
        in_features: int,
        codebook: Codebook,
        *,
        rows: Rows = "same",
        group: dist.ProcessGroup | None = None,
        **settings: Any,
    ) -> None:
        UsageError.require_choice("rows", rows, ["same", "own"])
        if not (dist.is_available() and dist.is_initialized()):
            raise UsageError(
                "torch.distributed is not initialised; call init_process_group first, "
                "or use EBVHead in a single process"
            )
        if dist.get_rank(group) < 0:
            raise UsageError(
                "this process is not in the group; create the head only in members of the group"
            )
        self.rows: Rows = rows
        self.group: dist.ProcessGroup | None = group
        super().__init__(in_features, codebook, **settings)
        with torch.no_grad():
            for parameter in self.parameters():
                dist.broadcast(parameter, group=group, group_src=0)

    def _class_vectors(self, n_classes: int) -> ClassVectors:
        return ClassParallelVectors(self.codebook, n_classes, self.rows, self.group)


class ClassParallelVectors(ClassVectors):
    """Products with all class vectors; each process computes those of a range of classes.

    Parameters
    ----------
    codebook
        Codebook of the vectors.
    n_classes
        Number of classes in use, over all processes.
    rows
        Whether the processes receive the ``"same"`` rows or their ``"own"``; see
        :class:`ClassParallelHead`.
    group
        Process group; ``None`` for all processes.

    Attributes
    ----------
    first, last
        Half-open range of the classes of this process; empty if both are equal.
    """

    def __init__(
        self, codebook: Codebook, n_classes: int, rows: Rows, group: dist.ProcessGroup | None
    ) -> None:
        super().__init__(codebook.dim, n_classes)
        _agree(codebook, n_classes, group)
        self.codebook: Codebook = codebook
        self.rows = rows
        self.group = group
        self.rank: int = dist.get_rank(group)
        self.world: int = dist.get_world_size(group)
        self.ranges: list[tuple[int, int]] = class_ranges(codebook, n_classes, self.world)
        self.first: int
        self.last: int
        self.first, self.last = self.ranges[self.rank]
        # The list hides the part from nn.Module. Otherwise DistributedDataParallel would
        # overwrite its buffers with those of the first process.
        self._parts = [_range_vectors(codebook, self.first, self.last)]

    @property
    def part(self) -> ClassVectors | None:
        """Products with the classes of this process; ``None`` if it has no classes."""
        return self._parts[0]

    def cosines(self, z: Float[Tensor, "rows dim"]) -> Float[Tensor, "rows classes"]:
        (everyone,), own = self._gathered(z)
        widest = max(last - first for first, last in self.ranges)
        piece = z.new_zeros(len(everyone), widest)
        if self.part is not None:
            piece[:, : self.part.n_classes] = self.part.cosines(everyone)
        pieces = zip(self._collected(piece), self.ranges, strict=True)
        return torch.cat([found[own, : last - first] for found, (first, last) in pieces], 1)

    def combine(self, weights: Float[Tensor, "rows classes"]) -> Float[Tensor, "rows dim"]:
        (everyone,), own = self._gathered(weights)
        total = weights.new_zeros(len(everyone), self.dim)
        if self.part is not None:
            total += self.part.combine(everyone[:, self.first : self.last])
        return self._summed(total)[own]

    def select(self, index: Int[Tensor, " rows"]) -> Float[Tensor, "rows dim"]:
        """Return class vectors of any range; the codebook provides all of them."""
        vectors = self.codebook.vectors(index.cpu().numpy(), "float64")
        return torch.from_numpy(vectors).to(index.device)

    def topk(
        self, z: Float[Tensor, "rows dim"], k: int
    ) -> tuple[Float[Tensor, "rows k"], Int[Tensor, "rows k"]]:
        """Merge the best classes of all ranges; equal cosines are ordered by class index."""
        (everyone,), own = self._gathered(z)
        values = z.new_full((len(everyone), k), -torch.inf)
        index = torch.zeros(len(everyone), k, dtype=torch.int64, device=z.device)
        if self.part is not None:
            most = min(k, self.part.n_classes)
            values[:, :most], index[:, :most] = self.part.topk(everyone, most)
        values = torch.cat([found[own] for found in self._collected(values)], 1)
        index = torch.cat([found[own] for found in self._collected(index + self.first)], 1)
        best, place = exact_topk(values, k)
        return best, index.gather(1, place)

    def sum_exp(
        self, z: Float[Tensor, "rows dim"], target: Int[Tensor, " rows"], scale: float, shift: float
    ) -> tuple[Float[Tensor, " rows"], Float[Tensor, "rows dim"]]:
        (everyone, targets), own = self._gathered(z, target)
        both = torch.zeros(len(everyone), self.dim + 1, dtype=torch.float64, device=z.device)
        if self.part is not None and len(everyone):
            both += _sum_exp_of_range(self.part, everyone, targets - self.first, scale, shift)
        both = self._summed(both)[own]
        return both[:, self.dim], both[:, : self.dim].contiguous()

    def total(self) -> Float[Tensor, " dim"]:
        if self._total is None:
            mine = torch.zeros(self.dim, dtype=torch.float64, device=self.device)
            mine += 0 if self.part is None else self.part.total()
            self._total = self.n_classes, self._summed(mine)
        return self._total[1].to(self.device)

    def _apply(self, fn: Any, recurse: bool = True) -> "ClassParallelVectors":
        if self.part is not None:
            self.part._apply(fn, recurse)
        return super()._apply(fn, recurse)

    def _gathered(self, *tensors: Tensor) -> tuple[list[Tensor], slice]:
        """Return the rows of all processes, and the slice of this process's rows."""
        if self.rows == "same":
            return list(tensors), slice(None)
        mine = tensors[0].new_tensor([len(tensors[0])], dtype=torch.int64)
        counts = [int(count) for count in self._collected(mine)]
        everyone = []
        for tensor in tensors:
            padded = tensor.new_zeros(max(counts), *tensor.shape[1:])
            padded[: len(tensor)] = tensor
            pieces = zip(self._collected(padded), counts, strict=True)
            everyone.append(torch.cat([piece[:count] for piece, count in pieces]))
        start = sum(counts[: self.rank])
        return everyone, slice(start, start + counts[self.rank])

    def _collected(self, mine: Tensor) -> list[Tensor]:
        """Return the tensors of all processes, which have the same shape."""
        mine = mine.contiguous()
        found = [torch.empty_like(mine) for _ in range(self.world)]
        dist.all_gather(found, mine, group=self.group)
        return found

    def _summed(self, mine: Tensor) -> Tensor:
        dist.all_reduce(mine, group=self.group)
        return mine


def class_ranges(codebook: Codebook, n_classes: int, parts: int) -> list[tuple[int, int]]:
    """Divide classes 0 .. n_classes - 1 into half-open ranges of about equal size.

    A codebook of sign bases is divided only between groups of four bases, and its standard basis
    belongs to the last range. A range may be empty.

    Parameters
    ----------
    codebook
        Codebook of the classes.
    n_classes
        Number of classes in use.
    parts
        Number of ranges, at least 1.

    Examples
    --------
    >>> class_ranges(Codebook.for_classes(1000, dim=64), 1000, 3)
    [(0, 256), (256, 512), (512, 1000)]
    """
    step, units = 1, n_classes
    if (forms := codebook.forms) is not None:
        step = GROUP * codebook.dim
        units = min(-(-n_classes // step), max(1, forms.count // GROUP))
    ends = [step * (units * part // parts) for part in range(parts)] + [n_classes]
    return list(pairwise(ends))


def _range_vectors(codebook: Codebook, first: int, last: int) -> ClassVectors | None:
    if first == last:
        return None
    if (forms := codebook.forms) is not None:
        return sign_vectors(forms, first, last)
    return DenseVectors(torch.from_numpy(codebook.vectors(range(first, last))), last - first)


def _sum_exp_of_range(
    part: ClassVectors, z: Tensor, target: Tensor, scale: float, shift: float
) -> Tensor:
    """Return gradients and sums of exponentials over a range of classes, ``(rows, dim + 1)``.

    The target is excluded only if it is in the range. ``part.sum_exp`` must exclude a class, so
    for other rows it excludes class 0 of the range, which is added afterwards.
    """
    elsewhere = (target < 0) | (target >= part.n_classes)
    sums, combined = part.sum_exp(z, target.masked_fill(elsewhere, 0), scale, shift)
    zero = part.select(torch.zeros(1, dtype=torch.int64, device=z.device)).double()
    back = torch.exp(scale * (z.double() @ zero[0]) - shift) * elsewhere
    return torch.cat([combined + back[:, None] * zero, (sums + back)[:, None]], 1)


def _agree(codebook: Codebook, n_classes: int, group: dist.ProcessGroup | None) -> None:
    mine = codebook.hash, n_classes
    found: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(found, mine, group=group)
    for rank, other in enumerate(found):
        if other != mine:
            raise DataError(
                f"the processes must have the same classes: process {rank} has {other[1]} classes "
                f"of codebook {other[0][:12]}, this process has {n_classes} of "
                f"{codebook.hash[:12]}; create the head and add classes alike in every process"
            )
