"""Define EBVHead, the output layer with fixed class vectors."""

from bisect import bisect_left
from collections.abc import Hashable, Iterable
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from growlabels.base.errors import UsageError, is_whole
from growlabels.base.labels import LabelMap
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.centring import Centring
from growlabels.classes.heads.checks import (
    added_classes,
    check_features,
    check_head_settings,
    check_lengths,
    check_rows,
    check_type,
    count_of,
)
from growlabels.classes.heads.cross_entropy import REDUCTIONS, Reduction, cross_entropy
from growlabels.classes.heads.scale import auto_scale
from growlabels.classes.heads.state import state_entries, take_entries
from growlabels.classes.products.class_vectors import ClassVectors, has_values, topk_without
from growlabels.classes.products.closed_vectors import class_vectors
from growlabels.classes.products.cosines import cosines


class EBVHead(nn.Module):
    """An output layer with fixed class vectors (Shen, Sun, Wei, CVPR 2023).

    The embedding is ``z = normalise(Linear(x))`` and the logits are ``z W^T / tau``, where W
    contains the vectors of a codebook. Only the ``in_features * dim + dim`` parameters of the
    projection are trained, whatever the number of classes. Under autocast, normalisation, logits
    and loss stay in float32.

    Parameters
    ----------
    in_features
        Length of the input features, at least 1.
    codebook
        Codebook of the class vectors. If it has labels, the labels are the classes, removed ones
        included. Otherwise ``num_classes`` sets the number of classes.
    tau
        Temperature, at least 0.01. The default ``"auto"`` derives it from the number of classes
        with :func:`~growlabels.classes.heads.scale.auto_scale`, and again when classes are added.
    margin
        Additive angular margin in radians, from 0 to below pi / 2; default 0. It affects only
        :meth:`loss`. The value 0.2 measured best, and is the default of :class:`EBVClassifier`.
    label_smoothing
        Label smoothing, from 0 to below 1; default 0. It affects only :meth:`loss`. The value
        0.1 works well.
    num_classes
        Number of classes, from 1 to ``codebook.capacity``, for a codebook without labels. The
        default is ``codebook.n_classes``.
    bias
        Whether the projection has a bias; default True.
    cosine_margin
        Additive cosine margin, from 0 to below 1; default 0. It is subtracted from the target's
        cosine in :meth:`loss` and can be combined with ``margin``.
    centre
        Whether features are standardised before the projection, see
        :class:`~growlabels.classes.heads.centring.Centring`; default False. It makes training
        start faster, most of all with many classes and features that follow a ReLU.

    Attributes
    ----------
    projection
        The ``nn.Linear`` from ``in_features`` to ``codebook.dim``. It trains well with twice the
        learning rate of the rest of the network.

    Notes
    -----
    If there are at most ``dim`` classes, the codebook is orthonormal. The head then equals a
    linear layer whose outputs are divided by their Euclidean norm and by tau.

    The state dict contains the projection, the scale, the number of classes and hashes of the
    codebook and labels, but no class vectors. A head on the meta device rebuilds its class
    vectors when it moves to a real device. A state dict with other labels, or with the labels in
    another order, raises ``RunError``.

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
        centre: bool = False,
    ) -> None:
        super().__init__()
        check_head_settings(in_features, tau, margin, label_smoothing, cosine_margin)
        if not isinstance(codebook, Codebook):
            raise UsageError.parameter(
                "codebook", "must be a Codebook", codebook, "create one with Codebook.for_classes"
            )
        self.codebook = codebook
        self.in_features: int = int(in_features)
        self.margin: float = float(margin)
        self.cosine_margin: float = float(cosine_margin)
        self.label_smoothing: float = float(label_smoothing)
        self.tau_setting = tau
        self.projection: nn.Linear = nn.Linear(self.in_features, codebook.dim, bias)
        self.centring: nn.Module = Centring(self.in_features) if centre else nn.Identity()
        self.vectors: ClassVectors
        self._make_vectors(count_of(codebook, num_classes))
        self.scale = self._derived_scale()
        self.register_load_state_dict_post_hook(_leave_meta)

    @property
    def num_classes(self) -> int:
        """Number of classes, removed ones included: the columns of the logits."""
        return self.vectors.n_classes

    @property
    def classes(self) -> int:
        """The value of ``num_classes``; torch.distributed.checkpoint reads this name."""
        return self.num_classes

    @property
    def labels(self) -> LabelMap:
        """Labels of the codebook; the state dict contains a digest of them as ``labels``."""
        return self.codebook.labels

    @property
    def tau(self) -> float:
        """The current temperature, 1 / scale."""
        return 1.0 / self.scale

    def project(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch dim"]:
        """Return the embeddings before normalisation, with the dtype of :meth:`embed`."""
        check_features(x, self.in_features)
        projected, in_float16 = self._projected(x)
        learning = torch.is_grad_enabled() and x.requires_grad
        if not (learning or in_float16) and has_values(projected):
            check_lengths(x, projected)
        return projected

    @torch.no_grad()
    def check_finite(self, x: Float[Tensor, "*batch features"]) -> None:
        """Raise ``DataError`` for the first row whose embedding is not finite.

        The head calls this check itself, except in float16 and where ``x`` requires a gradient.
        In these two cases an overflow becomes NaN, as in ``nn.Linear``, and
        ``torch.amp.GradScaler`` can skip the step.
        """
        check_features(x, self.in_features)
        check_lengths(x, self._projected(x)[0])

    def _projected(self, x: Tensor) -> tuple[Tensor, bool]:
        """Return embeddings before normalisation, and whether float16 was used."""
        in_float64 = self._needs_float64(x)
        if not in_float64:
            check_type(x, self.projection)
        centred = self.centring(x).to(x.dtype)
        projected = self._float64(centred) if in_float64 else self.projection(centred)
        in_float16 = torch.float16 in (x.dtype, projected.dtype)
        return projected if projected.dtype == torch.float64 else projected.float(), in_float16

    def embed(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch dim"]:
        """Return unit embeddings, float32, or float64 for float64 features."""
        return nn.functional.normalize(self.project(x), dim=-1)

    def forward(self, x: Float[Tensor, "*batch features"]) -> Float[Tensor, "*batch classes"]:
        """Return the logits of all classes: cosines divided by tau, without margins.

        Raises
        ------
        UsageError
            The last axis of ``x`` does not have length ``in_features``.
        DataError
            ``x`` contains NaN or infinity; see :meth:`check_finite` for the exceptions.
        """
        z = self.embed(x)
        with _float32(z):
            logits = cosines(z.view(-1, z.shape[-1]), self.vectors) * self.scale
        return logits.view(*x.shape[:-1], self.num_classes)

    def check_rows(self, x: Any, y: Any, ignore_index: Any = -100) -> None:
        """Raise an error unless this head can compute a loss from ``x`` and ``y``.

        Raises
        ------
        UsageError
            A shape, type or device does not fit.
        DataError
            A target is out of range or is a removed class.
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
        """Return the exact cross-entropy of the targets without storing logits.

        Without margins the result equals ``nn.functional.cross_entropy(head(x), y,
        label_smoothing=head.label_smoothing)``. Derivatives of its gradient (``create_graph``)
        are exact too, but need memory for all logits.

        Parameters
        ----------
        x
            Features, ``(*batch, in_features)``.
        y
            Class indices from 0 to ``num_classes - 1``, or ``ignore_index`` for ignored rows, of
            shape ``(*batch,)``.
        reduction
            ``"mean"`` (default) over the rows that are not ignored, ``"sum"``, or ``"none"`` for
            one loss per row.
        ignore_index
            Target of ignored rows; default -100.

        Raises
        ------
        DataError
            A target is out of range, or ``x`` contains NaN or infinity; see
            :meth:`check_finite` for the exceptions.
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
                (self.margin, self.cosine_margin),
                self.label_smoothing,
                ignore_index,
                reduction,
            )
        return losses.view(y.shape) if reduction == "none" else losses

    @torch.no_grad()
    def predict_topk(
        self, x: Float[Tensor, "*batch features"], k: int = 1
    ) -> tuple[Float[Tensor, "*batch k"], Int[Tensor, "*batch k"]]:
        """Return the ``k`` largest logits and their class indices, in descending order.

        Equal logits are ordered by class index. Removed classes are never returned.

        Parameters
        ----------
        x
            Features, ``(*batch, in_features)``.
        k
            Number of classes per row, at least 1 and at most the number of classes that are not
            removed; default 1.
        """
        removed, count = self.codebook.labels.removed, self.num_classes
        removed = removed[: bisect_left(removed, count)]  # a shared codebook may have more
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
        """Append classes and return their indices.

        Existing vectors and the order of the logits do not change. With ``tau="auto"`` the
        temperature is derived again. Labels that the codebook received elsewhere, from another
        head or from ``add_labels``, become classes first. Pass ``[]`` to append only these.

        Parameters
        ----------
        labels
            New labels, which are added to the codebook. For a codebook without labels, the
            number of new classes, at least 0.

        Raises
        ------
        UsageError
            A label is already present, the codebook is too small, or ``labels`` is a number
            although the codebook has labels.
        """
        before = self.num_classes
        if not isinstance(labels, Iterable):
            after = before + added_classes(labels, before, self.codebook)
            added = list(range(before, after))
        else:
            if len(self.codebook.labels) < before:
                raise UsageError(
                    f"this head has {before} classes and its codebook {len(self.codebook.labels)} "
                    "labels; pass the number of new classes, or create the codebook with labels"
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
        """Return whether features are float64 and the weights of a plain layer are not."""
        plain = type(self.projection) is nn.Linear
        return x.dtype == torch.float64 and plain and self.projection.weight.dtype != x.dtype

    def _float64(self, x: Tensor) -> Tensor:
        """Project float64 features in float64 with weights of another dtype."""
        bias = self.projection.bias
        weight = self.projection.weight.double()
        return nn.functional.linear(x, weight, None if bias is None else bias.double())

    def _class_vectors(self, n_classes: int) -> ClassVectors:
        return class_vectors(self.codebook, n_classes)

    def _make_vectors(self, n_classes: int) -> None:
        """Build the class vectors on the projection's device, not on torch's default device."""
        device = next(self.projection.parameters()).device
        with device:
            self.vectors = self._class_vectors(n_classes).to(device)

    def _apply(self, fn: Any, recurse: bool = True) -> "EBVHead":
        """Rebuild the class vectors when ``to_empty`` moves the head from the meta device."""
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
        for name, value in state_entries(self.codebook, self.num_classes, self.scale).items():
            destination[prefix + name] = value

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
        classes, scale, missing = take_entries(state_dict, prefix, self.codebook, self.num_classes)
        missing_keys += missing if strict else []
        same = classes in (None, self.num_classes)
        if scale is not None and (same or self.tau_setting != "auto"):
            self.scale: float = scale
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


def _leave_meta(head: EBVHead, keys: object) -> None:
    """Rebuild the class vectors after ``load_state_dict(assign=True)`` left the meta device."""
    if head.vectors.device.type == "meta":
        head._make_vectors(head.num_classes)


def _float32(z: Tensor) -> torch.autocast:
    device = "cpu" if z.is_meta else z.device.type  # the meta device has no autocast
    return torch.autocast(device, enabled=False)
