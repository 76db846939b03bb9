"""EBVClassifier: fixed class vectors behind scikit-learn's interface."""

import os
import warnings
from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import nn

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.classes.calibration.calibrating import Calibrated
from growlabels.classes.classifier import file
from growlabels.classes.classifier.checkpoint import TrainingCheckpoint
from growlabels.classes.classifier.early_stopping import EarlyStopping
from growlabels.classes.classifier.labelled import Labelled
from growlabels.classes.classifier.predicting import Predicting
from growlabels.classes.classifier.rows import checked_rows
from growlabels.classes.classifier.settings import check_settings, new_head, room
from growlabels.classes.classifier.split import some_of_each
from growlabels.classes.classifier.temperature import kept_back
from growlabels.classes.classifier.training import (
    Schedule,
    TrainingRows,
    first_schedule,
    later_schedule,
    seeded,
    train,
)
from growlabels.classes.classifier.weights import row_weights
from growlabels.classes.codes.codebook import Codebook
from growlabels.classes.heads.head import EBVHead
from growlabels.classes.inputs.augment import RandomAffine
from growlabels.classes.inputs.choice import Reader
from growlabels.classes.inputs.labels import as_labels, distinct, kind_of
from growlabels.classes.inputs.readers import Analyzer, ImageReader
from growlabels.classes.inputs.trunks import Inputs
from growlabels.classes.losses.distillation import Distillation


class EBVClassifier(Labelled, Predicting, Calibrated, ClassifierMixin, BaseEstimator):
    """Classifier with fixed class vectors: text, tables, images; classes may be added later.

    Texts (a list, array or series of strings) become bags of hashed n-grams below an embedding;
    numbers are standardised, NaN is a missing value, and a data frame may hold words too;
    images go through three small convolutions. One or two hidden layers follow, then
    :class:`EBVHead`. The same seed, data and number of threads give the same model.

    Parameters
    ----------
    capacity
        The largest number of classes expected; by default what the codebook has room for:
        33,024 with up to 256 classes at first, 525,312 with up to 1,024, else more.
    dim
        Dimension of the class vectors; chosen from the number of classes by default.
    tau
        Temperature, or ``"auto"``: from the number of classes.
    margin, label_smoothing
        Angular margin in radians, and label smoothing; by default .2 and .1 with up to 256
        dimensions, above (more than 256 classes) 0 and 0, and the head then centres its features.
    hidden
        Width of the hidden layers.
    analyzer, embedding, buckets, longest_ngram
        Of texts: n-grams of ``"char"``, ``"word"`` (one or two) or ``"both"``; width of their
        embeddings, how many there are, characters per n-gram.
    dropout
        Share of hidden units switched off in training.
    augmentation
        Of images: standard deviation by which each is turned (in radians), scaled, sheared and
        shifted (in units of its side) in training, at least 0. Default 0.
    epochs
        Passes of :meth:`fit`; by default 5 or more, so that there are 400 steps.
    batch_size
        Rows a step; by default an eighth of the rows, from 16 to 512 (:meth:`partial_fit`: 128).
    lr, head_lr_factor, weight_decay
        Peak rate, the head's rate in units of it, decay of AdamW.
    patience, validation_fraction
        With ``patience``, :meth:`fit` keeps that share of each class back, stops after so many
        epochs without a lower loss on it, and keeps the best weights.
    calibration_fraction
        Share of rows that :meth:`fit` keeps back to fit the temperature: at most 500, none where
        they would be under 50. With ``patience`` its rows serve both.
    partial_epochs, partial_lr, partial_head_lr_factor
        Passes of one later :meth:`partial_fit`, by default 3, or more for 100 steps where classes
        are new; constant rate; the head's in units of it, low since old classes share it.
    replay
        Rows kept of each class, up to this many, and learned again by :meth:`partial_fit`.
    class_weight
        Weight of each class in the loss: a dictionary (1 for classes it does not name), or
        ``"balanced"`` for weights that give all classes of a call the same total.
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
        Labels in the order of the columns of :meth:`predict_proba`: sorted, whatever the order
        in which they came. Retired labels (:meth:`remove_classes`) are not among them.
    codebook_, head_, trunk_
        The fixed vectors with their labels, the output layer, the network below it.
    losses_
        Mean training loss of each epoch of the last call.
    n_features_in_, feature_names_in_
        Number of columns, and their names where all are strings; tables only.
    temperature_, threshold_
        Temperature, 1 without rows kept back; threshold, ``None`` before :meth:`calibrate`.

    References
    ----------
    Shen, Sun, Wei, "Equiangular Basis Vectors", CVPR 2023.

    Examples
    --------
    >>> greetings = ["guten morgen", "guten abend", "good morning", "good evening"]
    >>> model = EBVClassifier(buckets=2048, epochs=100)
    >>> model.fit(greetings, ["de", "de", "en", "en"]).predict(["guten tag", "good day"])
    array(['de', 'en'], dtype='<U2')
    >>> model.partial_fit(["bonjour", "bonsoir"], ["fr", "fr"]).classes_
    array(['de', 'en', 'fr'], dtype='<U2')
    """

    n_features_in_: int
    least: tuple[int, int, int] = (400, 5, 512)  # steps, epochs; the largest batch: where not given

    def __init__(
        self,
        *,
        capacity: int | None = None,
        dim: int | None = None,
        tau: float | Literal["auto"] = "auto",
        margin: float | None = None,
        label_smoothing: float | None = None,
        hidden: int = 256,
        analyzer: Analyzer = "char",
        embedding: int = 128,
        buckets: int = 32_768,
        longest_ngram: int = 4,
        dropout: float = 0.2,
        augmentation: float = 0.0,
        epochs: int | None = None,
        batch_size: int | None = None,
        lr: float = 4e-3,
        head_lr_factor: float = 2.0,
        weight_decay: float = 1e-4,
        patience: int | None = None,
        validation_fraction: float = 0.1,
        calibration_fraction: float = 0.1,
        partial_epochs: int | None = None,
        partial_lr: float = 1e-3,
        partial_head_lr_factor: float = 0.3,
        replay: int = 10,
        distillation: float = 1.0,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
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
        self.augmentation = augmentation
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.head_lr_factor = head_lr_factor
        self.weight_decay = weight_decay
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.calibration_fraction = calibration_fraction
        self.partial_epochs = partial_epochs
        self.partial_lr = partial_lr
        self.partial_head_lr_factor = partial_head_lr_factor
        self.replay = replay
        self.distillation = distillation
        self.class_weight = class_weight
        self.seed = seed
        self.device = device

    def fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        progress: Progress = silent,
        checkpoint: TrainingCheckpoint | None = None,
    ) -> Self:
        """Train from scratch.

        Parameters
        ----------
        X
            Strings; an array ``(rows, columns)``, where NaN is a missing value; a sparse matrix;
            a data frame of numbers and words; or images, as an array ``(rows, height, width)`` or
            ``(rows, channels, ...)`` or as a list of arrays.
        y
            One label per row: strings, whole numbers of any width, booleans or tuples.
        sample_weight
            Weight of each row in the loss, at least 0; rows of weight 0 are not learned.
        progress
            Called after each step.
        checkpoint
            Where training is saved between epochs; the same call goes on from there. The result
            is the same to the bit.

        Raises
        ------
        ValueError
            The rows or labels are not usable: scikit-learn's sentences.
        """
        return self._first_fit(X, y, sample_weight, [], progress, checkpoint)

    def partial_fit(
        self,
        X: Any,
        y: ArrayLike,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
        *,
        progress: Progress = silent,
    ) -> Self:
        """Go on training with more rows, and with new classes where labels are new.

        New classes get the next unused vectors; the vectors of old ones stay. A few rows kept
        of each class (``replay``) are learned again alongside. The means and deviations by which
        numbers are standardised follow the rows of all calls. The first call is a :meth:`fit`
        that also makes room for ``classes``; a later call makes room for those that are new.
        Unlike elsewhere in scikit-learn, later calls may bring labels that are not among them.
        """
        known = [] if classes is None else self._listed("classes", classes)
        if not hasattr(self, "head_"):
            return self._first_fit(X, y, sample_weight, known, progress)
        rows, labels = self._read(X, y, first=False)
        before = None
        added = self._new_labels(labels, known)
        if added and self.distillation:
            before = Distillation(self.trunk_, self.head_, self.distillation)
        if added:
            self.temperature_ /= self.head_.scale
            self.head_.add_classes(added)
            self.temperature_ *= self.head_.scale
        targets = self._targets(labels)
        weights = row_weights(self, X, labels, targets, sample_weight)
        reader = self.reader_.followed(rows)
        replayed, of_replayed = self._still_known(self.replay_)
        replayed: Any = reader.moved(replayed, self.reader_)  # type: ignore[arg-type]
        held: Any = reader.moved(self.held_back_.inputs, self.reader_)  # type: ignore[arg-type]
        back = TrainingRows(held, self.held_back_.targets)
        self.reader_ = reader
        learned = TrainingRows(reader.inputs(rows), targets, weights).without_zeros()
        both = learned.joined(replayed, of_replayed)
        schedule = later_schedule(self, len(both.targets), bool(added))
        return self._learn(both, schedule, progress, distillation=before)._keep_back(back)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted model into a folder: weights, labels and settings, no pickle.

        The rows kept for replay are not saved.
        """
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        columns = {
            "number": getattr(self, "n_features_in_", None),
            "names": None if names is None else names.tolist(),
        }
        parts = file.Parts(
            self.get_params(),
            self.trunk_,
            self.head_,
            self.codebook_,
            self.reader_,
            self.label_type_,
            columns,
            self.temperature_,
            self.threshold_,
        )
        file.save(path, parts)

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
        tags.input_tags.sparse = True
        return tags

    def prepare(self) -> None:
        """Make the untrained network for the inputs and labels that are known."""
        with seeded(self.seed):
            trunk = self.reader_.trunk(self.embedding, self.hidden, self.dropout)
            if self.augmentation and isinstance(self.reader_, ImageReader):
                trunk = nn.Sequential(RandomAffine(self.augmentation), trunk)
            head = new_head(self, getattr(trunk, "width", self.hidden))
        self.trunk_: nn.Module = trunk.to(self.device)
        self.head_: EBVHead = head.to(self.device)
        self.replay_: tuple[Inputs, NDArray[np.int64]]
        self.replay_ = self.reader_.nothing(), np.zeros(0, np.int64)
        self.calls_: int = 0
        self.held_back_: TrainingRows = TrainingRows(self.reader_.nothing(), np.zeros(0, np.int64))
        self.temperature_: float = 1.0
        self.threshold_: float | None = None
        self._columns()

    def _first_fit(
        self,
        X: Any,
        y: ArrayLike,
        sample_weight: Any,
        known: list[Any],
        progress: Progress,
        checkpoint: TrainingCheckpoint | None = None,
    ) -> Self:
        check_settings(self)
        rows, labels = self._read(X, y, first=True)
        every = as_labels([*known, *labels.tolist()]) if known else labels
        self.label_type_: np.dtype[Any] = every.dtype
        values = distinct(every)[0]
        self.codebook_: Codebook = Codebook.for_classes(room(self.capacity, len(values)), self.dim)
        self.codebook_.add_labels(values)
        self.reader_: Reader = self._make_reader(rows)
        self.prepare()
        targets = self._targets(labels)
        weights = row_weights(self, X, labels, targets, sample_weight)
        learned = TrainingRows(self.reader_.inputs(rows), targets, weights).without_zeros()
        schedule = first_schedule(self, len(learned.targets))
        rest, back = kept_back(self, learned)
        stop = self.patience and EarlyStopping(self.trunk_, self.head_, back, self.patience)
        self._learn(rest, schedule, progress, stop or None, checkpoint=checkpoint)
        if stop:
            stop.restore()
        return self._keep_back(back)

    def _learn(
        self,
        rows: TrainingRows,
        schedule: Schedule,
        progress: Progress,
        stop: EarlyStopping | None = None,
        distillation: Distillation | None = None,
        checkpoint: TrainingCheckpoint | None = None,
    ) -> Self:
        self._undo_threshold()
        seed = self.seed + self.calls_
        self.calls_ += 1
        with seeded(seed):
            self.losses_: list[float] = train(
                self.trunk_, self.head_, rows, schedule, seed, progress, stop=stop,
                distillation=distillation, checkpoint=checkpoint,
            )  # fmt: skip
        kept = some_of_each(rows.targets, self.replay, seed)
        self.replay_ = rows.inputs.take(kept), rows.targets[kept]
        self._columns()
        return self

    def _read(self, X: Any, y: Any, first: bool) -> tuple[Any, NDArray[Any]]:
        """Check rows and labels together."""
        if y is None:
            raise UsageError(
                f"{type(self).__name__} requires y to be passed, but the target y is None"
            )
        rows = self._rows(X, first)
        labels = as_labels(y)
        check_consistent_length(rows, labels)
        if kind_of(labels) != "tuples" and labels.dtype.kind != "O":
            with warnings.catch_warnings():  # few rows of each of many classes are no regression
                warnings.filterwarnings("ignore", "The number of unique classes is greater")
                check_classification_targets(labels)
        return rows, labels

    def _rows(self, X: Any, first: bool) -> Any:
        return checked_rows(self, X, None if first else self.reader_)

    def _inputs(self, X: Any) -> Inputs:
        return self.reader_.inputs(self._rows(X, first=False))
