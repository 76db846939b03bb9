"""Compile the kernels without the interpreter's lock and keep their machine code on disk."""

from pathlib import Path

from growlabels.base.compiled import compiler

kernel = compiler(sorted(Path(__file__).parent.glob("*.py")))(nogil=True)
