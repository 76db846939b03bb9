"""Save a learner to one file of arrays and JSON, without pickle, and load it."""

import json
import zipfile
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import RunError, UsageError
from growlabels.base.files import atomic_write
from growlabels.base.labels import LabelMap
from growlabels.stream.experts.engine import Engine
from growlabels.stream.experts.label_sets import LabelSets
from growlabels.stream.experts.stack import Stack
from growlabels.stream.experts.state import Experts
from growlabels.stream.label_tree.engine import LargeEngine
from growlabels.stream.label_tree.state import LabelTree
from growlabels.stream.learner.snapshot_checks import check_counts, check_engine
from growlabels.stream.numeric.adwin import Monitor
from growlabels.stream.paper.engine import PaperEngine

AnyEngine = Engine | LargeEngine | PaperEngine

FORMAT = 10
KIND = "growlabels.stream.IHOMER"
_STATES = {"experts": Experts, "stack": Stack, "sets": LabelSets, "monitor": Monitor}
_LARGE_STATES = {"tree": LabelTree, "monitor": Monitor}


def save_snapshot(
    path: Path,
    params: Mapping[str, Any],
    engine: AnyEngine,
    names: Mapping[str, Iterable[Hashable]],
    compress: bool = True,
) -> None:
    """Write the parameters, the state and the names of a learner."""
    large = isinstance(engine, LargeEngine)
    paper = isinstance(engine, PaperEngine)
    arrays = {
        f"{state}.{name}": array
        for state in ({} if paper else _LARGE_STATES if large else _STATES)
        for name, array in getattr(engine, state)._asdict().items()
    }
    arrays |= engine.arrays() if paper else engine.structure.arrays()
    about = {
        "kind": KIND,
        "format": FORMAT,
        "params": dict(params),
        "mode": engine.mode if isinstance(engine, Engine) else None,
        "large": large,
        "paper": engine.counts if paper else None,
        "rows": engine.rows,
        "names": {kind: LabelMap(values).to_json() for kind, values in names.items()},
        "structure": engine.structure.state(),
    }
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w", method) as zip:
        zip.writestr("about.json", json.dumps(about))
        for name, array in arrays.items():
            with zip.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.ascontiguousarray(array), allow_pickle=False)


def load_snapshot(
    path: Path,
) -> tuple[dict[str, Any], Callable[[Any], AnyEngine], dict[str, list[Hashable]]]:
    """Read a file; return the parameters, a function that fills a new engine, and the names."""
    if not path.is_file():
        raise UsageError.missing_file(path, "model file")
    try:
        with zipfile.ZipFile(path) as zip:
            about = json.loads(zip.read("about.json"))
            kind, version = about["kind"], about["format"]
            if kind == KIND and version == FORMAT:
                return _unpack(about, _arrays(zip))
    except RunError:
        raise
    except Exception as error:  # a damaged archive can raise any error
        raise damaged(path, error) from error
    raise RunError(
        f"{str(path)!r} contains {kind!r} in format {version!r}, but this version of growlabels "
        f"reads {KIND!r} in format {FORMAT}; train the model again"
    )


def damaged(path: Path, error: Exception) -> RunError:
    """Build the error for a file that does not contain a complete model."""
    what = f"no {error}" if isinstance(error, KeyError) else str(error)
    return RunError(
        f"{str(path)!r} is not a complete model file ({what[:100]}); pass a file that IHOMER.save "
        "wrote, or save the model again"
    )


def _states(about: Mapping[str, Any]) -> dict[str, Any]:
    """Return the states of the saved engine: attribute -> class."""
    if about["params"]["preset"] == "paper":
        return {}
    return _LARGE_STATES if about["large"] else _STATES


def _arrays(zip: zipfile.ZipFile) -> dict[str, np.ndarray]:
    """Read all arrays of an archive."""
    names = [name for name in zip.namelist() if name.endswith(".npy")]
    found = {}
    for name in names:
        with zip.open(name) as entry:
            found[name.removesuffix(".npy")] = np.lib.format.read_array(entry, allow_pickle=False)
            entry.read()  # zipfile verifies the checksum at the end
    return found


def _unpack(
    about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Callable[[Any], AnyEngine], dict[str, list[Hashable]]]:
    """Convert the entries of an archive to what :func:`load_snapshot` returns."""
    states = {
        state: kind(**{name: arrays[f"{state}.{name}"] for name in kind._fields})
        for state, kind in _states(about).items()
    }
    names = {kind: list(LabelMap.from_json(text)) for kind, text in about["names"].items()}
    mode, large, max_bytes = about["mode"], about["large"], about["params"]["max_bytes"]

    def fill(fresh: Engine | PaperEngine) -> AnyEngine:
        check_counts(arrays, fresh.structure)
        fresh.structure.fill(about["structure"], arrays)
        fresh.rows = int(about["rows"])
        if isinstance(fresh, PaperEngine):
            fresh.fill(about["paper"], arrays)
            check_engine(fresh, len(names["positive"]))
            return fresh
        engine = LargeEngine.of(fresh, max_bytes) if large else fresh
        for state, value in states.items():
            setattr(engine, state, value)
        if isinstance(engine, Engine):
            engine.mode = int(mode)
        check_engine(engine, len(names["positive"]))
        return engine

    return about["params"], fill, names


def owned(state: Any) -> Any:
    """Copy memory-mapped and read-only arrays of an unpickled state.

    joblib maps large arrays from a file when it loads them or passes them to a worker. Objects,
    dicts and lists are changed in place, and only if they contain such arrays.
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
