"""Score rows against targets and set thresholds."""
