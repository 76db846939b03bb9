"""The commands of ``growlabels classes``."""

from collections.abc import Mapping

from growlabels.classes._add_command import Add
from growlabels.classes._basis_command import Basis
from growlabels.classes._evaluate_command import Evaluate
from growlabels.classes._fit_commands import Fit, Predict

COMMANDS: Mapping[str, type] = {
    "basis": Basis,
    "fit": Fit,
    "add": Add,
    "predict": Predict,
    "evaluate": Evaluate,
}
