"""Folders and patterns: shards of one table, and datasets that were saved to disk."""

import glob
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import content_hash, file_sha256
from growlabels.tables.formats import TEXT_ENDINGS, ending_of, split_ending

STATE, INFO, SPLITS = "state.json", "dataset_info.json", "dataset_dict.json"
_SPLIT = re.compile(r"(?:^|[-_.])(train|training|validation|valid|val|dev|test)(?=[-_.]|$)", re.I)
_ASIDE = {
    "dataset_infos",
    "readme",
    "license",
    "licence",
    "citation",
    "metadata",
    "manifest",
    "_success",
}


def is_pattern(source: str) -> bool:
    """Say whether a path that does not exist is a pattern of paths."""
    return any(letter in source for letter in "*?[") and not Path(source).exists()


def shards_of(source: str) -> list[Path]:
    """Return the files of a folder or pattern that are the shards of one table, in order of name.

    Numbers in names count as numbers: ``part-2`` comes before ``part-10``.

    Raises
    ------
    UsageError
        There is none; they are of several formats, or of several splits, which nobody wants mixed.
    """
    if is_pattern(source):
        found = [Path(name) for name in glob.glob(source, recursive=True)]  # noqa: PTH207
    else:
        found = list(Path(source).rglob("*"))
    files = [path for path in found if path.is_file() and _is_shard(path, is_pattern(source))]
    if not files:
        known = "no file that is a table; give a file, or a folder of Parquet, JSON or CSV files"
        raise UsageError(f"{source!r} holds {known}")
    endings = sorted({ending_of(path.name).lower() for path in files})
    if len(endings) > 1:
        raise UsageError(
            f"{source!r} holds files of several formats ({', '.join(endings)}); choose some with a "
            f"pattern such as {str(Path(source) / ('*' + endings[0]))!r}"
        )
    base = Path(source) if Path(source).is_dir() else None
    splits = sorted({split for path in files if (split := _split_of(path, base))})
    if len(splits) > 1:
        raise UsageError(
            f"{source!r} holds several splits ({', '.join(splits)}); choose one with a pattern "
            f"such as {str(Path(source) / ('*' + splits[0] + '*'))!r}"
        )
    return sorted(files, key=_natural)


def _is_shard(path: Path, named: bool) -> bool:
    stem = path.name.partition(".")[0].lower()
    if path.name.startswith((".", "_")) or path.name in (STATE, INFO, SPLITS) or stem in _ASIDE:
        return False
    return bool(ending_of(path.name)) and (named or not path.name.lower().endswith(TEXT_ENDINGS))


def _split_of(path: Path, base: Path | None) -> str:
    """Return the split that a file's name, or its folder's below the base, speaks of."""
    names = path.relative_to(base).parts if base else (path.name,)
    for name in reversed(names):
        if found := _SPLIT.search(split_ending(name)[0] if name == path.name else name):
            return {"training": "train", "valid": "validation", "val": "validation"}.get(
                found[1].lower(), found[1].lower()
            )
    return ""


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(path))
    return [(1, int(p), "") if p.isdigit() and p.isascii() else (0, 0, p) for p in parts]


def is_saved_dataset(folder: Path) -> bool:
    """Say whether a Hugging Face dataset was saved to a folder."""
    return any((folder / name).is_file() for name in (STATE, SPLITS))


def saved_dataset(folder: Path) -> tuple[list[Path], Any]:
    """Return the Arrow files of a dataset that was saved to disk, and the types of its columns.

    Raises
    ------
    UsageError
        The folder holds several datasets: the message names their folders.
    DataError
        What the folder says of itself cannot be read.
    """
    if not (folder / STATE).is_file():
        splits = _said(folder / SPLITS).get("splits", [])
        names = ", ".join(repr(str(folder / str(name))) for name in splits)
        raise UsageError(f"{str(folder)!r} holds several datasets; give one: {names}")
    state = _said(folder / STATE)
    try:
        files = [folder / part["filename"] for part in state["_data_files"]]
    except (KeyError, TypeError) as error:
        raise _unreadable(folder / STATE, error) from error
    if state.get("_indices_files") or state.get("_indices_data_files"):
        raise UsageError(
            f"{str(folder)!r} is a selection of other rows; write it with flatten_indices() first"
        )
    for path in files:
        if path.parent != folder or not path.is_file():
            raise DataError(f"{folder / STATE} names {path.name!r}, which is not there")
    info = _said(folder / INFO) if (folder / INFO).is_file() else {}
    return files, info.get("features")


def fingerprint(source: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's bytes; of a folder or pattern, that of its files' in order.

    Raises
    ------
    UsageError
        There is no such file, or the folder holds no table.
    """
    path = Path(source)
    if path.is_dir() and is_saved_dataset(path):
        files = [*saved_dataset(path)[0], path / STATE]
    elif path.is_dir() or is_pattern(str(source)):
        files = shards_of(str(source))
    elif path.is_file():
        return file_sha256(path)
    else:
        raise UsageError.missing_file(path)
    return content_hash([[file.name, file_sha256(file)] for file in files])


def _said(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(said, dict):
        raise _unreadable(path, "it is no object")
    return said


def _unreadable(path: Path, why: object) -> DataError:
    return DataError(f"{path} cannot be read ({why}); save the dataset again")


def names_of(shards: Sequence[Path], base: Path) -> list[str]:
    """Return the names of shards inside their folder."""
    inside = all(path.is_relative_to(base) for path in shards)
    return [str(path.relative_to(base)) if inside else path.name for path in shards]
