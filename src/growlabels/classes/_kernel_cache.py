"""How the kernels are compiled and kept: without the interpreter's lock, machine code on disk."""

from pathlib import Path

from growlabels.base.compiled import compiler

_FOLDER = Path(__file__).parent
kernel = compiler([*sorted(_FOLDER.glob("_kernel_*.py")), _FOLDER / "_vector_ir.py"])(nogil=True)
