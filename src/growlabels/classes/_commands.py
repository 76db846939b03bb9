"""The commands of ``growlabels classes``."""

from collections.abc import Mapping

from growlabels.classes._basis_command import Basis

COMMANDS: Mapping[str, type] = {"basis": Basis}
