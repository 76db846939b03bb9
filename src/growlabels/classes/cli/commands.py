"""The commands of ``growlabels classes``."""

from collections.abc import Mapping

from growlabels.classes.cli.add import Add
from growlabels.classes.cli.basis import Basis
from growlabels.classes.cli.evaluate import Evaluate
from growlabels.classes.cli.fit import Fit
from growlabels.classes.cli.predict import Predict

COMMANDS: Mapping[str, type] = {
    "basis": Basis,
    "fit": Fit,
    "add": Add,
    "predict": Predict,
    "evaluate": Evaluate,
}
