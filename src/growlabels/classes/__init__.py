"""Fixed class vectors instead of a trained output layer (EBV, equiangular basis vectors).

Shen, Sun, Wei, "Equiangular Basis Vectors", CVPR 2023. :class:`Codebook` holds the vectors and
needs numpy alone; the heads need the extra ``classes``. Names are loaded on first use.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.classes.adoption.box_head import EBVBoxHead as EBVBoxHead
    from growlabels.classes.adoption.class_parallel import ClassParallelHead as ClassParallelHead
    from growlabels.classes.adoption.dense_head import DenseEBVHead as DenseEBVHead
    from growlabels.classes.adoption.replace_head import replace_head as replace_head
    from growlabels.classes.calibration.rejection import conformal_threshold as conformal_threshold
    from growlabels.classes.calibration.rejection import fit_temperature as fit_temperature
    from growlabels.classes.calibration.rejection import rejection_scores as rejection_scores
    from growlabels.classes.calibration.scores import Scores as Scores
    from growlabels.classes.calibration.scores import score as score
    from growlabels.classes.classifier.checkpoint import TrainingCheckpoint as TrainingCheckpoint
    from growlabels.classes.classifier.classifier import EBVClassifier as EBVClassifier
    from growlabels.classes.classifier.image_classifier import ImageClassifier as ImageClassifier
    from growlabels.classes.classifier.training import Schedule as Schedule
    from growlabels.classes.classifier.training import TrainingRows as TrainingRows
    from growlabels.classes.classifier.training import seeded as seeded
    from growlabels.classes.classifier.training import train as train
    from growlabels.classes.cli.report import calibration_plot as calibration_plot
    from growlabels.classes.cli.report import confusion_table as confusion_table
    from growlabels.classes.codes.bounds import coherence_bound as coherence_bound
    from growlabels.classes.codes.bounds import levenshtein_bound as levenshtein_bound
    from growlabels.classes.codes.bounds import rankin_bound as rankin_bound
    from growlabels.classes.codes.bounds import welch_bound as welch_bound
    from growlabels.classes.codes.certificate import Certificate as Certificate
    from growlabels.classes.codes.codebook import Codebook as Codebook
    from growlabels.classes.codes.import_pickle import import_pickle as import_pickle
    from growlabels.classes.heads.head import EBVHead as EBVHead
    from growlabels.classes.inputs.ngrams import hash_ngrams as hash_ngrams
    from growlabels.classes.inputs.trunks import TextInputs as TextInputs
    from growlabels.classes.inputs.trunks import TextTrunk as TextTrunk
    from growlabels.classes.losses.dot_regression import dot_regression_loss as dot_regression_loss
    from growlabels.classes.losses.sampled import sampled_loss as sampled_loss
    from growlabels.classes.losses.soft_targets import soft_target_loss as soft_target_loss
    from growlabels.classes.losses.soft_targets import weighted_loss as weighted_loss

__all__ = [
    "Certificate",
    "ClassParallelHead",
    "Codebook",
    "DenseEBVHead",
    "EBVBoxHead",
    "EBVClassifier",
    "EBVHead",
    "ImageClassifier",
    "TrainingCheckpoint",
    "coherence_bound",
    "conformal_threshold",
    "dot_regression_loss",
    "fit_temperature",
    "import_pickle",
    "levenshtein_bound",
    "rankin_bound",
    "rejection_scores",
    "replace_head",
    "sampled_loss",
    "soft_target_loss",
    "weighted_loss",
    "welch_bound",
]

_SHARED = {
    "Schedule": "classifier.training",
    "Scores": "calibration.scores",
    "TextInputs": "inputs.trunks",
    "TextTrunk": "inputs.trunks",
    "TrainingRows": "classifier.training",
    "calibration_plot": "cli.report",
    "confusion_table": "cli.report",
    "hash_ngrams": "inputs.ngrams",
    "score": "calibration.scores",
    "seeded": "classifier.training",
    "train": "classifier.training",
}
"""Names that the demo and the engines use; they are not public and may change."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Certificate": "codes.certificate",
        "ClassParallelHead": "adoption.class_parallel",
        "Codebook": "codes.codebook",
        "DenseEBVHead": "adoption.dense_head",
        "EBVBoxHead": "adoption.box_head",
        "EBVClassifier": "classifier.classifier",
        "EBVHead": "heads.head",
        "ImageClassifier": "classifier.image_classifier",
        "TrainingCheckpoint": "classifier.checkpoint",
        "coherence_bound": "codes.bounds",
        "conformal_threshold": "calibration.rejection",
        "dot_regression_loss": "losses.dot_regression",
        "fit_temperature": "calibration.rejection",
        "import_pickle": "codes.import_pickle",
        "levenshtein_bound": "codes.bounds",
        "rankin_bound": "codes.bounds",
        "rejection_scores": "calibration.rejection",
        "replace_head": "adoption.replace_head",
        "sampled_loss": "losses.sampled",
        "soft_target_loss": "losses.soft_targets",
        "weighted_loss": "losses.soft_targets",
        "welch_bound": "codes.bounds",
    },
    "classes",
    _SHARED,
)
