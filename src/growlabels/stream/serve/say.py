"""Sentences to the person who runs a stream, beside the results."""

import sys


def say(sentence: str) -> None:
    """Print one sentence to standard error."""
    if sys.stderr is not None:  # closed
        print(f"growlabels: {sentence}", file=sys.stderr, flush=True)
