"""EBVHead: the output layer whose class vectors are fixed."""

from bisect import bisect_left
from collections.abc import Hashable, Iterable
from numbers import Integral
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from growlabels.base.errors import UsageError, is_whole
from growlabels.base.labels import LabelMap
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.checks import (
    check_features,
    check_head_settings,
    check_labels,
    check_rows,
    check_state,
    check_type,
    count_of,
    labels_digest,
    not_finite,
)
from growlabels.classes.heads.cross_entropy import REDUCTIONS, Reduction, cross_entropy
from growlabels.classes.heads.scale import auto_scale
from growlabels.classes.products.class_vectors import ClassVectors, has_values, topk_without
from growlabels.classes.products.closed_vectors import class_vectors
from growlabels.classes.products.cosines import cosines


class EBVHead(nn.Module):
    """An output layer with fixed class vectors (Shen, Sun, Wei, CVPR 2023).

    ``z = normalise(Linear(x))``, logits ``z W^T / tau``, W the vectors of a codebook. Trained
    are the ``in_features * dim + dim`` parameters of the projection, whatever the number of
    classes. Under autocast, normalisation, logits and loss stay in float32.

    Parameters
    ----------
    in_features
        Length of the features that come in.
    codebook
        Gives the class vectors. Its labels, tombstones included, are the classes; without
        labels, ``num_classes``.
    tau
        Temperature from .01 on, or ``"auto"``: derived from the number of classes by
        :func:`auto_scale`, and again whenever classes are added.
    margin
        Additive angular margin in radians, from 0 to below pi / 2, in :meth:`loss` only.
        .2 measured best, and is what :class:`EBVClassifier` takes.
    label_smoothing
        From 0 to below 1, in :meth:`loss` only. .1 is a good value.
    num_classes
        Number of classes where the codebook has no labels; by default the number that it was
        made for.
    bias
        Whether the projection has one.
    cosine_margin
        Taken from the target's cosine, from 0 to below 1, in :meth:`loss` only: additive cosine
        margin, alone or beside the angle of ``margin``.

    Attributes
    ----------
    projection
        The ``nn.Linear`` from ``in_features`` to ``codebook.dim``. Twice the learning rate of
        the rest of the network suits it.

    Notes
    -----
    With no more classes than dimensions the code is orthonormal, and the head equals a linear
    layer whose outputs are divided by their Euclidean norm and by tau.
    The state dict holds the projection, the scale, the number of classes and the hash of the
    codebook and of the labels, no class vector: those are made anew for a head that was made on
    the device meta. A state of other labels, or of the labels in another order, is refused.

    Examples
    --------
    >>> head = EBVHead(32, Codebook.for_classes(1000, dim=64))
    >>> x, y = torch.zeros(2, 32), torch.tensor([3, 999])
    >>> head(x).shape, head.loss(x, y).shape, head.predict_topk(x, 5)[1].shape
    (torch.Size([2, 1000]), torch.Size([]), torch.Size([2, 5]))
    """

    def __init__(
        self,
        in_features: int,
        codebook: Codebook,
        tau: float | int | Literal["auto"] = "auto",
        margin: float | int = 0.0,
        label_smoothing: float | int = 0.0,
        num_classes: int | None = None,
        bias: bool = True,
        cosine_margin: float | int = 0.0,
    ) -> None:
        super().__init__()
        check_head_settings(in_features, tau, margin, label_smoothing, cosine_margin)
        if not isinstance(codebook, Codebook):
            raise UsageError.parameter(
                "codebook", "must be a Codebook", codebook, "make one with Codebook.for_classes"
            )
        self.codebook = codebook
        self.in_features = int(in_features)
        self.margin = float(margin)
        self.cosine_margin = float(cosine_margin)
        self.label_smoothing = float(label_smoothing)
        self.tau_setting = tau
        self.projection = nn.Linear(self.in_features, codebook.dim, bias)
        self.vectors: ClassVectors
        self._make_vectors(count_of(codebook, num_classes))
        self.scale = self._derived_scale()
        self.register_load_state_dict_post_hook(_leave_meta)

    @property
    def num_classes(self) -> int:
        """Columns of the logits, tombstones included."""
        return self.vectors.n_classes

    @property
    def classes(self) -> int:
        """The same, under its name in the state dict: torch.distributed.checkpoint asks for it."""
        return self.num_classes

    @property
    def labels(self) -> LabelMap:
        """Labels of the codebook; ``labels`` in the state dict is a digest of them."""
        return self.codebook.labels

    @property
    def tau(self) -> float:
        """The temperature in use, 1 / scale."""
        return 1.0 / self.scale

    def project(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch dim"]:
        """Return the embeddings before they are normalised; types as :meth:`embed`."""
        check_features(x, self.in_features)
        projected, in_float16 = self._projected(x)
        learning = torch.is_grad_enabled() and x.requires_grad
        if not (learning or in_float16) and has_values(projected):
            _check_lengths(x, projected)
        return projected

    @torch.no_grad()
    def check_finite(self, x: Float[Tensor, "*batch features"]) -> None:
        """Raise a ``DataError`` that names the first row whose embedding is not finite.

        The head itself checks rows only where no step could be skipped: not in float16, and not
        where a gradient flows into ``x``. There an overflow becomes NaN, as in ``nn.Linear``,
        so that ``torch.amp.GradScaler`` skips the step.
        """
        check_features(x, self.in_features)
        _check_lengths(x, self._projected(x)[0])

    def _projected(self, x: Tensor) -> tuple[Tensor, bool]:
        """Return embeddings before normalisation, and whether float16 took part in them."""
        in_float64 = self._needs_float64(x)
        if not in_float64:
            check_type(x, self.projection)
        projected = self._float64(x) if in_float64 else self.projection(x)
        in_float16 = torch.float16 in (x.dtype, projected.dtype)
        return projected if projected.dtype == torch.float64 else projected.float(), in_float16

    def embed(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch dim"]:
        """Return unit embeddings, float32 (float64 for float64 input)."""
        return nn.functional.normalize(self.project(x), dim=-1)

    def forward(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch classes"]:
        """Return the logits of all classes, without margin: cosines divided by tau.

        Raises
        ------
        UsageError
            The last axis of ``x`` is not ``in_features`` long.
        DataError
            ``x`` holds NaN or infinity, where :meth:`check_finite` applies.
        """
        z = self.embed(x)
        with _float32(z):
            logits = cosines(z.view(-1, z.shape[-1]), self.vectors) * self.scale
        return logits.view(*x.shape[:-1], self.num_classes)

    def check_rows(self, x: Any, y: Any, ignore_index: Any = -100) -> None:
        """Refuse features or targets that this head could not compute a loss of.

        Raises
        ------
        UsageError
            When a shape, type or device does not fit.
        DataError
            When a target is out of range or is a removed class.
        """
        labels = self.codebook.labels
        check_rows(x, y, self.in_features, self.num_classes, labels, ignore_index)

    def loss(
        self,
        x: Float[Tensor, "*batch features"],
        y: Tensor,
        reduction: Reduction = "mean",
        ignore_index: int = -100,
    ) -> Float[Tensor, "..."]:
        """Return the exact cross-entropy of the targets, without a row of logits in memory.

        Without margins it equals ``nn.functional.cross_entropy(head(x), y,
        label_smoothing=head.label_smoothing)``. A derivative of its gradient (``create_graph``)
        is exact too, but takes memory for all logits.

        Parameters
        ----------
        x
            Features.
        y
            Class indices from 0 to ``num_classes - 1``, or ``ignore_index``; the shape of ``x``
            without its last axis.
        reduction
            ``"mean"`` over the rows that count, ``"sum"`` or ``"none"`` (one loss per row).
        ignore_index
            Target of rows that do not count.

        Raises
        ------
        DataError
            A target is out of range; ``x`` holds NaN or infinity, where :meth:`check_finite`
            applies.
        UsageError
            Shapes or types do not fit.
        """
        UsageError.require_choice("reduction", reduction, REDUCTIONS)
        self.check_rows(x, y, ignore_index)
        z = self.embed(x)
        with _float32(z):
            losses = cross_entropy(
                z.view(-1, z.shape[-1]),
                y.flatten(),
                self.vectors,
                self.scale,
                self.margin,
                self.label_smoothing,
                ignore_index,
                reduction,
                self.cosine_margin,
            )
        return losses.view(y.shape) if reduction == "none" else losses

    @torch.no_grad()
    def predict_topk(
        self, x: Float[Tensor, "*batch features"], k: int = 1
    ) -> tuple[Float[Tensor, "*batch k"], Int[Tensor, "*batch k"]]:
        """Return the ``k`` largest logits and their class indices, best first.

        Equal logits are ordered by class index. Removed labels are never returned.
        """
        removed, count = self.codebook.labels.removed, self.num_classes
        removed = removed[: bisect_left(removed, count)]  # others are of a codebook that is shared
        most = count - len(removed)
        if most < 1:
            raise UsageError("all classes of the head were removed; add classes first")
        if not (is_whole(k, 1) and k <= most):
            raise UsageError.parameter("k", f"must be from 1 to {most}, the number of classes", k)
        z = self.embed(x)
        with _float32(z):
            values, index = topk_without(self.vectors, z.view(-1, z.shape[-1]), k, removed)
        return (values * self.scale).view(*x.shape[:-1], k), index.view(*x.shape[:-1], k)

    def add_classes(self, labels: Iterable[Hashable] | int) -> list[int]:
        """Append classes and return their indices; old vectors and logits' order stay.

        Parameters
        ----------
        labels
            New labels, added to the codebook; or how many classes, for a codebook without
            labels. With ``tau="auto"`` the temperature is derived again. Labels that the codebook
            got elsewhere, from another head or its ``add_labels``, become classes first: with
            ``[]`` these alone.
        """
        before = self.num_classes
        if not isinstance(labels, Iterable):
            if not isinstance(labels, Integral) or isinstance(labels, bool):
                raise UsageError.parameter("labels", "must be new labels or their number", labels)
            if len(self.codebook.labels):
                raise UsageError.parameter(
                    "labels", "must be labels, since the codebook has labels", labels
                )
            after = before + int(labels)
            if labels < 0 or after > self.codebook.capacity:
                room = self.codebook.capacity - before
                raise UsageError.parameter("labels", f"must be from 0 to {room}", labels)
            added = list(range(before, after))
        else:
            if len(self.codebook.labels) < before:
                raise UsageError(
                    f"this head has {before} classes and its codebook {len(self.codebook.labels)} "
                    "labels; give the number of new classes, or make the codebook with labels"
                )
            added = self.codebook.add_labels(labels)
            after = len(self.codebook.labels)
        self._make_vectors(after)
        self.scale = self._derived_scale()
        return added

    def extra_repr(self) -> str:
        return (
            f"{self.codebook.kind}, dim={self.codebook.dim}, num_classes={self.num_classes}, "
            f"tau={self.tau:.4g}, margin={self.margin}"
            + (f", cosine_margin={self.cosine_margin}" if self.cosine_margin else "")
        )

    def _needs_float64(self, x: Tensor) -> bool:
        """Say whether features are float64 and the weights of the plain layer are not."""
        plain = type(self.projection) is nn.Linear
        return x.dtype == torch.float64 and plain and self.projection.weight.dtype != x.dtype

    def _float64(self, x: Tensor) -> Tensor:
        """Project float64 features in float64 with weights of another type."""
        bias = self.projection.bias
        weight = self.projection.weight.double()
        return nn.functional.linear(x, weight, None if bias is None else bias.double())

    def _class_vectors(self, n_classes: int) -> ClassVectors:
        return class_vectors(self.codebook, n_classes)

    def _make_vectors(self, n_classes: int) -> None:
        """Make the products where the projection is, whatever torch's default device."""
        device = next(self.projection.parameters()).device
        with device:
            self.vectors = self._class_vectors(n_classes).to(device)

    def _apply(self, fn: Any, recurse: bool = True) -> "EBVHead":
        """Make the vectors anew when ``to_empty`` brings the head from the device meta."""
        before = self.vectors.device
        super()._apply(fn, recurse)
        if before.type == "meta":
            self._make_vectors(self.num_classes)
        return self

    def _derived_scale(self) -> float:
        if not isinstance(self.tau_setting, str):
            return 1.0 / self.tau_setting
        return auto_scale(self.num_classes, self.codebook.certificate(self.num_classes).signed)

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        digest = bytes.fromhex(self.codebook.hash)
        destination[prefix + "codebook"] = torch.tensor(list(digest), dtype=torch.uint8)
        destination[prefix + "classes"] = torch.tensor(self.num_classes)
        if digest := labels_digest(self.codebook, self.num_classes):
            destination[prefix + "labels"] = torch.tensor(list(digest), dtype=torch.uint8)
        destination[prefix + "scale"] = torch.tensor(self.scale, dtype=torch.float64)

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        found = {name: state_dict.pop(prefix + name, None) for name in _OWN_STATE}
        labels = found.pop("labels")
        missing = [name for name, value in found.items() if value is None and strict]
        if missing and labels is None and labels_digest(self.codebook, self.num_classes):
            missing.append("labels")
        missing_keys += [prefix + name for name in missing]
        check_state(self.codebook, self.num_classes, **found)
        check_labels(self.codebook, self.num_classes, labels, found["classes"])
        saved, scale = found["classes"], found["scale"]
        same = saved is None or int(saved) == self.num_classes
        if scale is not None and (same or self.tau_setting != "auto"):
            self.scale = float(scale)
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


_OWN_STATE = ("codebook", "classes", "scale", "labels")


def _leave_meta(head: EBVHead, keys: object) -> None:
    """Make the vectors where ``load_state_dict(..., assign=True)`` has put the projection."""
    if head.vectors.device.type == "meta":
        head._make_vectors(head.num_classes)


def _check_lengths(x: Tensor, projected: Tensor) -> None:
    if not bool(torch.isfinite(projected.detach().norm(dim=-1)).all()):
        raise not_finite(x, projected)


def _float32(z: Tensor) -> torch.autocast:
    device = "cpu" if z.is_meta else z.device.type  # the device meta knows no autocast
    return torch.autocast(device, enabled=False)
