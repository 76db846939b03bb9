"""Compile the kernels without the interpreter's lock and keep their machine code on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from growlabels.base.compiled import compiler

kernel: Callable[..., Any] = compiler(sorted(Path(__file__).parent.glob("*.py")))(nogil=True)
