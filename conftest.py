"""Checks the shapes that jaxtyping annotations promise, in tests only; settles Hypothesis."""

from hypothesis import settings
from jaxtyping import install_import_hook

# Modules of numba kernels stay out: a checked function cannot be compiled.
CHECKED = [
    "growlabels.classes.products.class_vectors",
    "growlabels.classes.heads.cross_entropy",
    "growlabels.classes.heads.head",
    "growlabels.classes.adoption.class_parallel",
    "growlabels.unsafe.gradients.per_row",
    "growlabels.unsafe.features.hidden",
    "growlabels.unsafe.scores.kt",
    "growlabels.unsafe.scores.windows",
]
install_import_hook(CHECKED, "beartype.beartype")

# how long an example takes depends on what else the machine does
settings.register_profile("growlabels", deadline=None)
settings.load_profile("growlabels")
