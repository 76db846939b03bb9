"""EBVClassifier: fixed class vectors behind scikit-learn's interface."""

import math
import os
import warnings
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
    column_or_1d,
    validate_data,
)
from torch import nn

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.classes.calibration.calibrating import Calibrated
from growlabels.classes.classifier import file
from growlabels.classes.classifier.early_stopping import EarlyStopping
from growlabels.classes.classifier.predicting import Predicting
from growlabels.classes.classifier.settings import check_settings, room
from growlabels.classes.classifier.split import draw_held_out, some_of_each
from growlabels.classes.classifier.training import Schedule, seeded, train
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.inputs.choice import Reader, readable, reader_of
from growlabels.classes.inputs.frames import check_no_label_missing
from growlabels.classes.inputs.readers import Analyzer, ArrayReader
from growlabels.classes.inputs.trunks import Inputs
from growlabels.classes.losses.distillation import Distillation

# least number of steps, where epochs are not given, of a fit and of a partial_fit with new classes
STEPS, ADDING_STEPS = 400, 100


class EBVClassifier(Predicting, Calibrated, ClassifierMixin, BaseEstimator):
    """Classifier with fixed class vectors: text, tables, images; classes may be added later.

    Texts (a list, array or series of strings) become bags of hashed n-grams below an embedding;
    numbers are standardised, NaN is a missing value, and a data frame may hold words beside them;
    images go through three small convolutions. One or two hidden layers follow, then
    :class:`EBVHead`. The same seed, data and number of threads give the same model.

    Parameters
    ----------
    capacity
        The largest number of classes expected; by default what the codebook has room for,
        33,024 with up to 256 classes at first, 525,312 with more.
    dim
        Dimension of the class vectors; chosen from the number of classes by default.
    tau
        Temperature, or ``"auto"``: from the number of classes.
    margin
        Additive angular margin in radians.
    label_smoothing
        From 0 to below 1.
    hidden
        Width of the hidden layers.
    analyzer, embedding, buckets, longest_ngram
        Of texts: n-grams of ``"char"``, ``"word"`` (one or two) or ``"both"``; width of their
        embeddings, how many there are, characters per n-gram.
    dropout
        Share of hidden units switched off in training.
    epochs
        Passes of :meth:`fit`; by default 5 or more, so that there are 400 steps.
    batch_size
        Rows a step; by default an eighth of the rows, from 16 to 512 (:meth:`partial_fit`: 128).
    lr, head_lr_factor, weight_decay
        Peak rate, the head's rate in units of it, decay of AdamW.
    patience, validation_fraction
        With ``patience``, :meth:`fit` keeps that share of each class back, stops after so many
        epochs without a lower loss on it, and keeps the best weights.
    partial_epochs, partial_lr, partial_head_lr_factor
        Passes of one later :meth:`partial_fit`, by default 3, or more for 100 steps where classes
        are new; constant rate; the head's in units of it, low since old classes share it.
    replay
        Rows kept of each class, up to this many, and learned again by :meth:`partial_fit`.
    distillation
        How much :meth:`partial_fit` holds on to what the old classes had of rows of new ones
        (learning without forgetting); 0 for not at all.
    seed
        Decides every random choice.
    device
        Where to train and predict, e.g. ``"cuda"``.

    Attributes
    ----------
    classes_
        Labels in the order of the columns of :meth:`predict_proba`: sorted, then later ones in
        the order they came.
    codebook_, head_, trunk_
        The fixed vectors with their labels, the output layer, the network below it.
    losses_
        Mean training loss of each epoch of the last call.
    n_features_in_
        Number of columns; arrays only.
    temperature_, threshold_
        Set by :meth:`calibrate`; 1 and ``None`` before.

    References
    ----------
    Shen, Sun, Wei, "Equiangular Basis Vectors", CVPR 2023.

    Examples
    --------
    >>> greetings = ["guten morgen", "guten abend", "good morning", "good evening"]
    >>> model = EBVClassifier(buckets=2048, epochs=100)
    >>> model = model.fit(greetings, ["de", "de", "en", "en"])
    >>> model.predict(["guten tag", "good day"])
    array(['de', 'en'], dtype='<U2')
    >>> model.partial_fit(["bonjour", "bonsoir"], ["fr", "fr"]).classes_
    array(['de', 'en', 'fr'], dtype='<U2')
    """

    trunk_: nn.Module
    head_: EBVHead
    n_features_in_: int

    def __init__(
        self,
        *,
        capacity: int | None = None,
        dim: int | None = None,
        tau: float | Literal["auto"] = "auto",
        margin: float = 0.2,
        label_smoothing: float = 0.1,
        hidden: int = 256,
        analyzer: Analyzer = "char",
        embedding: int = 128,
        buckets: int = 32_768,
        longest_ngram: int = 4,
        dropout: float = 0.2,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float = 4e-3,
        head_lr_factor: float = 2.0,
        weight_decay: float = 1e-4,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        partial_epochs: int | None = None,
        partial_lr: float = 1e-3,
        partial_head_lr_factor: float = 0.3,
        replay: int = 10,
        distillation: float = 1.0,
        seed: int = 0,
        device: str = "cpu",
    ) -> None:
        self.capacity = capacity
        self.dim = dim
        self.tau: Any = tau
        self.margin = margin
        self.label_smoothing = label_smoothing
        self.hidden = hidden
        self.analyzer: Analyzer = analyzer
        self.embedding = embedding
        self.buckets = buckets
        self.longest_ngram = longest_ngram
        self.dropout = dropout
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.head_lr_factor = head_lr_factor
        self.weight_decay = weight_decay
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.partial_epochs = partial_epochs
        self.partial_lr = partial_lr
        self.partial_head_lr_factor = partial_head_lr_factor
        self.replay = replay
        self.distillation = distillation
        self.seed = seed
        self.device = device

    def fit(self, X: Any, y: ArrayLike, *, progress: Progress = silent) -> Self:
        """Train from scratch.

        Parameters
        ----------
        X
            Strings; an array ``(rows, columns)``, where NaN is a missing value; a data frame of
            numbers and words; or images ``(rows, height, width)`` or ``(rows, channels, ...)``.
        y
            One label per row: strings, whole numbers or booleans.
        progress
            Called after each step.

        Raises
        ------
        ValueError
            The rows or labels are not usable: scikit-learn's sentences.
        """
        return self._first_fit(X, y, [], progress)

    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        *,
        progress: Progress = silent,
    ) -> Self:
        """Go on training with more rows, and with new classes where labels are new.

        New classes get the next unused vectors; the vectors of old ones stay. A few rows kept
        of each class (``replay``) are learned again alongside. The first call is a :meth:`fit`
        that also makes room for ``classes``. Unlike elsewhere in scikit-learn, later calls may
        bring labels that are not among them.
        """
        if not hasattr(self, "classes_"):
            known = [] if classes is None else np.asarray(classes).tolist()
            UsageError.require_instance("classes", known, list, "pass a list of labels")
            return self._first_fit(X, y, known, progress)
        inputs, labels = self._read(X, y, first=False)
        added = self._new_labels(labels)
        before = None
        if len(added):
            if self.distillation:
                before = Distillation(self.trunk_, self.head_, self.distillation)
            self.head_.add_classes(added.tolist())
            self.classes_ = np.concatenate([self.classes_, added])
        targets = self._targets(labels)
        joined = inputs.joined(self.replay_[0])
        both = np.concatenate([targets, self.replay_[1]])
        size = self.batch_size or min(128, max(16, len(both) // 8))
        least = math.ceil(ADDING_STEPS / max(1, len(both) // size)) if len(added) else 1
        schedule = Schedule(
            self.partial_epochs or max(3, least),
            size,
            self.partial_lr,
            self.partial_head_lr_factor,
            self.weight_decay,
            one_cycle=False,
        )
        return self._learn(joined, both, schedule, progress, distillation=before)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model into a folder: weights, labels and settings, no pickle.

        The rows kept for replay are not saved.
        """
        check_is_fitted(self)
        file.save(self, path)

    @classmethod
    def load(cls, path: str | os.PathLike[str], device: str | None = None) -> "EBVClassifier":
        """Read a folder that :meth:`save` wrote.

        ``device`` is where to predict: by default that of the saved model, or the CPU where torch
        does not find it here.
        """
        return file.load(path, cls, device)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.three_d_array = True
        return tags

    def prepare(self) -> None:
        """Make the untrained network for the inputs and labels that are known."""
        with seeded(self.seed):
            trunk = self.reader_.trunk(self.embedding, self.hidden, self.dropout)
            head = EBVHead(self.hidden, self.codebook_, self.tau, self.margin, self.label_smoothing)
        self.trunk_, self.head_ = trunk.to(self.device), head.to(self.device)
        self.replay_: tuple[Inputs, NDArray[np.int64]]
        self.replay_ = self.reader_.nothing(), np.zeros(0, np.int64)
        self.calls_ = 0
        self._undo_calibration()

    def _first_fit(self, X: Any, y: ArrayLike, known: list[Any], progress: Progress) -> Self:
        check_settings(self)
        inputs, labels = self._read(X, y, first=True)
        self.classes_ = np.unique(np.array([*known, *labels.tolist()]) if known else labels)
        self.codebook_ = Codebook.for_classes(room(self.capacity, len(self.classes_)), self.dim)
        self.codebook_.add_labels(self.classes_.tolist())
        self.prepare()
        rows = len(labels)
        size = self.batch_size or min(512, max(16, rows // 8))
        epochs = self.epochs or max(5, math.ceil(STEPS / max(1, rows // size)))
        schedule = Schedule(epochs, size, self.lr, self.head_lr_factor, self.weight_decay)
        targets = self._targets(labels)
        if self.patience is None:
            return self._learn(inputs, targets, schedule, progress)
        held = draw_held_out(targets, self.validation_fraction, self.seed)
        if not held.any():
            raise DataError("no class has enough rows to keep one back for early stopping")
        rest, back = np.flatnonzero(~held), np.flatnonzero(held)
        watched = inputs.take(back), targets[back]
        stop = EarlyStopping(self.trunk_, self.head_, *watched, self.patience)
        self._learn(inputs.take(rest), targets[rest], schedule, progress, stop)
        stop.restore()
        return self

    def _learn(
        self,
        inputs: Inputs,
        targets: NDArray[np.int64],
        schedule: Schedule,
        progress: Progress,
        stop: EarlyStopping | None = None,
        distillation: Distillation | None = None,
    ) -> Self:
        self._undo_calibration()
        seed = self.seed + self.calls_
        self.calls_ += 1
        with seeded(seed):
            parts = self.trunk_, self.head_
            self.losses_ = train(
                *parts, inputs, targets, schedule, seed, progress, stop=stop,
                distillation=distillation,
            )  # fmt: skip
        kept = some_of_each(targets, self.replay, seed)
        self.replay_ = inputs.take(kept), targets[kept]
        return self

    def _new_labels(self, labels: NDArray[Any]) -> NDArray[Any]:
        """Return the labels that are new, in sorted order."""
        if (labels.dtype.kind in "biuf") != (self.classes_.dtype.kind in "biuf"):
            raise UsageError.parameter(
                "y", f"must hold labels like those of fit, {self.classes_.dtype}", labels.dtype
            )
        return np.setdiff1d(labels, self.classes_)

    def _targets(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        distinct, place = np.unique(labels, return_inverse=True)
        index = [self.codebook_.labels.index(label) for label in distinct.tolist()]
        return np.array(index, np.int64)[place]

    def _read(self, X: Any, y: Any, first: bool) -> tuple[Inputs, NDArray[Any]]:
        """Check rows and labels together; the first time, take the measure of the rows."""
        rows: Any = readable(X, None if first else self.reader_)
        check_no_label_missing(y)
        if rows is None:
            rows, labels = validate_data(
                self, X, y, reset=first, dtype=np.float64, ensure_all_finite="allow-nan"
            )
        else:
            labels = column_or_1d(y, warn=True)
            check_consistent_length(rows, labels)
        with warnings.catch_warnings():  # few rows of each of many classes are no regression
            warnings.filterwarnings("ignore", "The number of unique classes is greater")
            check_classification_targets(labels)
        if first:
            self.reader_: Reader = reader_of(rows, self)
        return self.reader_.inputs(rows), np.asarray(labels)

    def _inputs(self, X: Any) -> Inputs:
        rows: Any = readable(X, self.reader_)
        if rows is None and isinstance(self.reader_, ArrayReader):
            rows = validate_data(
                self, X, reset=False, dtype=np.float64, ensure_all_finite="allow-nan"
            )
        elif rows is None:
            rows = np.asarray(X)
            if len(rows) == 0:
                raise DataError("X holds no rows to predict")
        return self.reader_.inputs(rows)
