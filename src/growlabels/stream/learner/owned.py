"""Arrays that an unpickled learner shares with a file become its own.

joblib maps large arrays of what it loads, or hands to a worker, from a file, most often read-only.
"""

from typing import Any

import numpy as np


def owned(state: Any) -> Any:
    """Return a state in which every array can be written to and stands in memory alone.

    Objects, dicts and lists are changed in place, and only where they hold such arrays.
    """
    if isinstance(state, np.ndarray):
        mapped = isinstance(state, np.memmap) or not state.flags.writeable
        return np.array(state) if mapped else state
    if isinstance(state, tuple):
        parts = list(map(owned, state))
        if all(new is old for new, old in zip(parts, state, strict=True)):
            return state
        return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)
    holder = state if isinstance(state, dict | list) else getattr(state, "__dict__", None)
    if holder is not None:
        for key in range(len(holder)) if isinstance(holder, list) else list(holder):
            old = holder[key]
            new = owned(old)
            if new is not old:
                holder[key] = new
    return state
