"""How the compiled functions of this folder are made and kept."""

from pathlib import Path

from growlabels.base.compiled import compiler

compiled = compiler(sorted(Path(__file__).parent.glob("*.py")))
