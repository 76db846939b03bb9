"""Checks the shapes that jaxtyping annotations promise, in tests only; settles Hypothesis."""

from hypothesis import settings
from jaxtyping import install_import_hook

# Modules of numba kernels stay out: a checked function cannot be compiled.
CHECKED = [
    "growlabels.classes._transform",
    "growlabels.classes._loss",
    "growlabels.classes._head",
    "growlabels.classes._parallel",
    "growlabels.unsafe._gradients",
    "growlabels.unsafe._hidden",
    "growlabels.unsafe._denoise",
    "growlabels.unsafe._score",
]
install_import_hook(CHECKED, "beartype.beartype")

# how long an example takes depends on what else the machine does
settings.register_profile("growlabels", deadline=None)
settings.load_profile("growlabels")
