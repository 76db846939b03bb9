"""Check the parameters of IHOMER."""

from typing import Any

from growlabels.base.errors import UsageError, is_whole, number_of
from growlabels.stream.rows.inputs import Inputs

PRESETS = "default", "paper"


def check_settings(model: Any) -> None:
    """Raise ``UsageError`` if a parameter of the model is out of its range."""
    check_whole("seed", model.seed, 0)
    check_whole("window", model.window, 100)
    check_whole("max_sets", model.max_sets, 1)
    least = 4 * model.window
    if model.max_sets < least:
        must = f"must be at least 4 * window = {least}"
        raise UsageError.parameter("max_sets", must, model.max_sets)
    check_whole("check_every", model.check_every, 1)
    check_whole("tree_above", model.tree_above, 0)
    check_whole("max_bytes", model.max_bytes, 2**25)
    if not number_of(model.recent) > 0:
        raise UsageError.parameter("recent", "must be a number of rows above 0", model.recent)
    if model.drift is not None and not 0 < number_of(model.drift) < 1:
        raise UsageError.parameter("drift", "must be between 0 and 1, or None", model.drift)
    UsageError.require_choice("preset", model.preset, PRESETS)
    most = model.max_bytes // 128
    if model.preset != "paper" and model.window > most:
        must = f"must be at most max_bytes / 128 = {most} rows"
        raise UsageError.parameter("window", must, model.window)
    if model.inputs is not None:
        UsageError.require_instance("inputs", model.inputs, Inputs)


def check_whole(name: str, value: object, least: int) -> None:
    """Raise ``UsageError`` unless ``value`` is a whole number from ``least`` to below 2**62."""
    if not is_whole(value, least):
        raise UsageError.parameter(name, f"must be a whole number of at least {least}", value)
    if value >= 2**62:
        raise UsageError.parameter(name, "must be below 2**62", value)
