"""How the kernels are compiled and kept: without the interpreter's lock, machine code on disk."""

from pathlib import Path

from growlabels.base.compiled import compiler

kernel = compiler(sorted(Path(__file__).parent.glob("*.py")))(nogil=True)
