"""One file that holds a learner: arrays and JSON in a zip archive, no pickle."""

import io
import json
import zipfile
from collections.abc import Callable, Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import RunError, UsageError
from growlabels.base.files import atomic_write
from growlabels.base.labels import LabelMap
from growlabels.stream._decoder import LabelSets
from growlabels.stream._drift import Monitor
from growlabels.stream._engine import Engine
from growlabels.stream._experts import Experts
from growlabels.stream._stack import Stack
from growlabels.stream._structure import Structure

FORMAT = 2
KIND = "growlabels.stream.IHOMER"
_STATES = {"experts": Experts, "stack": Stack, "sets": LabelSets, "monitor": Monitor}


def save_snapshot(
    path: Path,
    params: Mapping[str, Any],
    engine: Engine,
    names: Mapping[str, Iterable[Hashable]],
) -> None:
    """Write a learner's parameters, state and names."""
    arrays = {
        f"{state}.{name}": array
        for state in _STATES
        for name, array in getattr(engine, state)._asdict().items()
    }
    arrays |= engine.structure.arrays()
    about = {
        "kind": KIND,
        "format": FORMAT,
        "params": dict(params),
        "mode": engine.mode,
        "rows": engine.rows,
        "names": {kind: LabelMap(values).to_json() for kind, values in names.items()},
        "structure": engine.structure.state(),
    }
    with atomic_write(path, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zip:
        zip.writestr("about.json", json.dumps(about))
        for name, array in arrays.items():
            buffer = io.BytesIO()
            np.lib.format.write_array(buffer, np.ascontiguousarray(array), allow_pickle=False)
            zip.writestr(f"{name}.npy", buffer.getvalue())


def load_snapshot(
    path: Path,
) -> tuple[dict[str, Any], Callable[[Engine], None], dict[str, list[Hashable]]]:
    """Read parameters, a function that fills an engine made from them, and the names."""
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
    except Exception as error:  # whatever a damaged archive sets off
        raise RunError(
            f"{str(path)!r} is not a whole model file ({error}); save the model again"
        ) from error
    raise RunError(
        f"{str(path)!r} holds {kind!r} in format {version!r}, this growlabels reads "
        f"{KIND!r} in format {FORMAT}; learn the model again"
    )


def _arrays(zip: zipfile.ZipFile) -> dict[str, np.ndarray]:
    names = [name for name in zip.namelist() if name.endswith(".npy")]
    return {
        name.removesuffix(".npy"): np.lib.format.read_array(
            io.BytesIO(zip.read(name)), allow_pickle=False
        )
        for name in names
    }


def _unpack(
    about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> tuple[dict[str, Any], Callable[[Engine], None], dict[str, list[Hashable]]]:
    states = {
        state: kind(**{name: arrays[f"{state}.{name}"] for name in kind._fields})
        for state, kind in _STATES.items()
    }
    structure = Structure(1)
    structure.fill(about["structure"], arrays)
    names = {kind: list(LabelMap.from_json(text)) for kind, text in about["names"].items()}
    mode, rows = int(about["mode"]), int(about["rows"])

    def fill(engine: Engine) -> None:
        for state, value in states.items():
            setattr(engine, state, value)
        structure.check_every, structure.delta = engine.check_every, engine.delta
        engine.structure = structure
        engine.mode, engine.rows = mode, rows

    return about["params"], fill, names
