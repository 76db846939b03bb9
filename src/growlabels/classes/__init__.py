"""Fixed class vectors instead of a trained output layer (EBV, equiangular basis vectors).

Shen, Sun, Wei, "Equiangular Basis Vectors", CVPR 2023. :class:`Codebook` holds the vectors and
needs numpy alone; the heads need the extra ``classes``. Names are loaded on first use.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.classes._bounds import coherence_bound as coherence_bound
    from growlabels.classes._bounds import levenshtein_bound as levenshtein_bound
    from growlabels.classes._bounds import rankin_bound as rankin_bound
    from growlabels.classes._bounds import welch_bound as welch_bound
    from growlabels.classes._box_head import EBVBoxHead as EBVBoxHead
    from growlabels.classes._certificate import Certificate as Certificate
    from growlabels.classes._codebook import Codebook as Codebook
    from growlabels.classes._dense_head import DenseEBVHead as DenseEBVHead
    from growlabels.classes._dot_regression import dot_regression_loss as dot_regression_loss
    from growlabels.classes._estimator import EBVClassifier as EBVClassifier
    from growlabels.classes._head import EBVHead as EBVHead
    from growlabels.classes._import_pickle import import_pickle as import_pickle
    from growlabels.classes._parallel import ClassParallelHead as ClassParallelHead
    from growlabels.classes._rejection import conformal_threshold as conformal_threshold
    from growlabels.classes._rejection import fit_temperature as fit_temperature
    from growlabels.classes._rejection import rejection_scores as rejection_scores
    from growlabels.classes._sampled import sampled_loss as sampled_loss
    from growlabels.classes._surgery import replace_head as replace_head
    from growlabels.classes._target_losses import soft_target_loss as soft_target_loss
    from growlabels.classes._target_losses import weighted_loss as weighted_loss

__all__ = [
    "Certificate",
    "ClassParallelHead",
    "Codebook",
    "DenseEBVHead",
    "EBVBoxHead",
    "EBVClassifier",
    "EBVHead",
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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Certificate": "_certificate",
        "ClassParallelHead": "_parallel",
        "Codebook": "_codebook",
        "DenseEBVHead": "_dense_head",
        "EBVBoxHead": "_box_head",
        "EBVClassifier": "_estimator",
        "EBVHead": "_head",
        "coherence_bound": "_bounds",
        "conformal_threshold": "_rejection",
        "dot_regression_loss": "_dot_regression",
        "fit_temperature": "_rejection",
        "import_pickle": "_import_pickle",
        "levenshtein_bound": "_bounds",
        "rankin_bound": "_bounds",
        "rejection_scores": "_rejection",
        "replace_head": "_surgery",
        "sampled_loss": "_sampled",
        "soft_target_loss": "_target_losses",
        "weighted_loss": "_target_losses",
        "welch_bound": "_bounds",
    },
    "classes",
)
