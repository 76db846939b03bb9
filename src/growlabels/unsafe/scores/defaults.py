"""Name the built-in methods and the default threshold, without loading any library."""

from typing import Literal

Method = Literal[
    "f4w",
    "windows",
    "kt",
    "tfidf",
    "repsim",
    "dra-hidden",
    "grad-cos",
    "grad-cos-max",
    "grad-cos-start",
    "grad-dot",
    "less",
    "token-grad",
    "dra-grad",
    "rank-tfidf-grad-cos",
]
"""Names of the built-in methods, in the order in which they are listed."""

PARTS: tuple[Method, ...] = ("windows", "kt", "tfidf", "repsim")
"""Methods that the pass over the stored features computes."""

FORWARD_METHODS: tuple[Method, ...] = ("f4w", *PARTS)
"""Methods of a scan by default. All of them need forward passes only."""

DEFAULT_THRESHOLD = "loo:0,mad:2+loo:0.1+mad:6"
"""Reject a row if any of three rules holds. The default favours recall.

1. The row scores above the lowest left-out target and clearly above the median.
2. The row scores above all left-out targets but the lowest tenth. Many unsafe rows raise the
   median, so the first rule may then miss them.
3. The row scores far above the median. Targets that are more similar to one another than to any
   row would otherwise reject nothing.
"""
