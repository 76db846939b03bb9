"""The commands of ``growlabels classes``."""

from collections.abc import Mapping

from growlabels.classes._basis_command import Basis
from growlabels.classes._fit_commands import Fit, Predict

COMMANDS: Mapping[str, type] = {"basis": Basis, "fit": Fit, "predict": Predict}
