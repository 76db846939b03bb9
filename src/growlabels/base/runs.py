"""Run folders: configuration, inputs, what has been written with its hash, resume."""

import json
import os
import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from growlabels.base.errors import GrowLabelsError, RunError, UsageError
from growlabels.base.files import atomic_write, check_seal, content_hash, file_sha256, sealed

MANIFEST = "manifest.json"
FORMAT = 1


class RunFolder:
    """A folder that holds one run and knows which of its files are whole.

    A file counts as written only after it was flushed, renamed into place and entered in the
    manifest with its hash. Opening a folder again with the same configuration and inputs
    resumes; with others it refuses and says what changed.

    Use :meth:`open` to make or resume a run, :meth:`read` to look into one.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> run = RunFolder.open(folder.name, "example", {"seed": 0}, {})
    >>> run.write("out.txt", lambda file: file.write("hello"))
    >>> RunFolder.open(folder.name, "example", {"seed": 0}, {}).is_written("out.txt")
    True
    >>> folder.cleanup()
    """

    def __init__(self, path: Path, manifest: dict[str, Any]) -> None:
        self.path = path
        self._manifest = manifest

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        kind: str,
        config: Mapping[str, Any],
        inputs: Mapping[str, str],
        restart: bool = False,
    ) -> "RunFolder":
        """Make a run folder, or resume the one that is there.

        Parameters
        ----------
        path
            The folder; made if it does not exist.
        kind
            What the run is, e.g. ``"unsafe scan"``.
        config
            JSON-able settings that decide the result.
        inputs
            Name -> hash of everything that was read (data, model, tokenizer ...).
        restart
            For runs that cannot be resumed: one of this kind that is unfinished is started over,
            whatever its settings, and the files that it had written are deleted.

        Raises
        ------
        RunError
            The folder holds a run of another kind, version, configuration or input.
        UsageError
            The folder holds other files and no run.
        GrowLabelsError
            The folder cannot be written, or a file of the old run not deleted.
        """
        UsageError.require_path("run folder", path)
        folder = Path(path)
        wanted = {
            "format": FORMAT,
            "kind": kind,
            "config": json.loads(json.dumps(config, default=str)),
            "inputs": dict(inputs),
        }
        fresh = {**wanted, "versions": versions(), "files": {}, "finished": False}
        if (folder / MANIFEST).exists():
            run = cls.read(folder, kind)
            if restart and not run.finished:
                run._clear()
                run._manifest = fresh
                run._save()
                return run
            changed = _changes(run._manifest, wanted)
            if changed:
                raise RunError(
                    f"run folder {str(folder)!r} was made with other settings or inputs "
                    f"({'; '.join(changed)}); choose another --out or delete the folder"
                )
            return run
        refuse_folder(folder)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _not_writable(folder, error.strerror or str(error)) from error
        run = cls(folder, fresh)
        run._save()
        return run

    @classmethod
    def read(cls, path: str | os.PathLike[str], kind: str | None = None) -> "RunFolder":
        """Open an existing run folder to look into it; its settings are not checked."""
        UsageError.require_path("run folder", path)
        folder = Path(path)
        file = folder / MANIFEST
        if not file.is_file():
            raise UsageError(f"{str(folder)!r} is no run folder: it has no {MANIFEST}")
        try:
            manifest = json.loads(file.read_text("utf-8"))
            found = manifest["format"], manifest["kind"]
            if found[0] == FORMAT:
                if "checksum" in manifest:  # runs made earlier have none
                    manifest = check_seal(manifest)
                _check_parts(manifest)
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{str(file)!r} is damaged ({error}); delete the run folder") from error
        if found[0] != FORMAT:
            raise RunError(
                f"run folder {str(folder)!r} has format version {found[0]!r}, this growlabels "
                f"reads {FORMAT}; run again into a new folder"
            )
        if kind is not None and found[1] != kind:
            raise RunError(
                f"run folder {str(folder)!r} holds a run of {found[1]!r}, not of {kind!r}; "
                "choose another folder"
            )
        return cls(folder, manifest)

    @property
    def kind(self) -> str:
        """What the run is."""
        return self._manifest["kind"]

    @property
    def config(self) -> dict[str, Any]:
        """The settings the run was made with."""
        return self._manifest["config"]

    @property
    def inputs(self) -> dict[str, str]:
        """Name -> hash of what the run read."""
        return self._manifest["inputs"]

    @property
    def versions(self) -> dict[str, str]:
        """Versions of Python and of the packages the run was made with."""
        return self._manifest["versions"]

    @property
    def finished(self) -> bool:
        """Whether the run reached its end."""
        return self._manifest["finished"]

    def write(self, name: str, fill: Callable[[IO[Any]], object], binary: bool = False) -> None:
        """Write one file whole and enter it, with its hash, in the manifest."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(target, "wb" if binary else "w") as file:
            fill(file)
        self.adopt(name)

    def adopt(self, name: str) -> None:
        """Enter a file that was already written whole in the manifest."""
        self._manifest["files"][name] = file_sha256(self.path / name)
        self._save()

    def is_written(self, name: str) -> bool:
        """Whether a file is there, whole and unchanged since it was written."""
        expected = self._manifest["files"].get(name)
        target = self.path / name
        return expected is not None and target.is_file() and file_sha256(target) == expected

    def lists(self, name: str) -> bool:
        """Whether a file was written once, whatever has become of it."""
        return name in self._manifest["files"]

    def file(self, name: str) -> Path:
        """Return the path of a written file; a missing or damaged one is a ``RunError``."""
        if not self.is_written(name):
            raise RunError(
                f"{name!r} in run folder {str(self.path)!r} is missing, incomplete or damaged; "
                "run the command that made it again"
            )
        return self.path / name

    def finish(self, facts: Mapping[str, Any] | None = None) -> None:
        """Record that the run reached its end, and JSON-able facts that decide no resume."""
        self._manifest["finished"] = True
        self._manifest["facts"] = dict(facts or {})
        self._save()

    def _clear(self) -> None:
        """Delete the files that the manifest lists, but none outside the folder."""
        inside = self.path.resolve()
        for name in self._manifest["files"]:
            target = self.path / name
            if not target.parent.resolve().is_relative_to(inside):
                continue
            try:
                target.unlink(missing_ok=True)
            except OSError as error:
                raise GrowLabelsError(
                    f"cannot delete {str(target)!r} of the run before: {error.strerror or error}; "
                    "choose another folder"
                ) from error

    def _save(self) -> None:
        with atomic_write(self.path / MANIFEST) as file:
            json.dump(sealed(self._manifest), file, indent=1, ensure_ascii=False)


def _check_parts(manifest: Mapping[str, Any]) -> None:
    for part in ("config", "inputs", "versions", "files"):
        if not isinstance(manifest[part], dict):
            raise TypeError(f"{part!r} is no object")
    if not isinstance(manifest["finished"], bool):
        raise TypeError("'finished' is neither true nor false")


def run_to_go_on(path: str | os.PathLike[str], kind: str) -> RunFolder | None:
    """Return the run of this kind that a folder holds, None where a new one can be made.

    To ask before the work whether a folder can take a run; raises as :meth:`RunFolder.read` and
    :func:`refuse_folder` do.
    """
    if (Path(path) / MANIFEST).exists():
        return RunFolder.read(path, kind)
    refuse_folder(path)
    return None


def refuse_folder(path: str | os.PathLike[str]) -> None:
    """Raise where no new run folder can be made: ask before the work, not after it.

    Raises
    ------
    UsageError
        The path, or a part of it, is a file, or a folder that holds something else.
    GrowLabelsError
        The folder is not writable.
    """
    folder = Path(path)
    if folder.is_file() or (folder.is_dir() and any(_visible(folder))):
        raise UsageError(
            f"{str(folder)!r} exists and is no run folder; choose an empty or new folder"
        )
    require_folder(folder)


def require_folder(path: str | os.PathLike[str]) -> None:
    """Raise where a folder can neither be made nor written to: ask before the work.

    Raises
    ------
    UsageError
        The path, or a part of it, is a file.
    GrowLabelsError
        The folder is not writable.
    """
    folder = Path(path)
    if folder.is_file():
        raise UsageError(f"{str(folder)!r} is a file; give a folder, which may be new")
    there = next(part for part in (folder, *folder.absolute().parents) if part.exists())
    if not there.is_dir():
        raise UsageError(
            f"{str(folder)!r} cannot be made: {str(there)!r} is a file; choose another"
        )
    if not os.access(there, os.W_OK | os.X_OK):
        raise _not_writable(folder, "Permission denied")


def _not_writable(folder: Path, reason: str) -> GrowLabelsError:
    return GrowLabelsError(f"cannot make {str(folder)!r}: {reason}; choose another folder")


def _visible(folder: Path) -> list[Path]:
    return [item for item in folder.iterdir() if not item.name.startswith(".")]


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    changes = []
    for part in ("config", "inputs"):
        keys = sorted({*old[part], *new[part]})
        for key in keys:
            before, after = old[part].get(key), new[part].get(key)
            if content_hash(before) != content_hash(after):
                changes.append(f"{part} {key!r} was {_short(before)}, is {_short(after)}")
    return changes


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result, where installed."""
    found = {"python": platform.python_version()}
    for name in (
        "growlabels",
        "numpy",
        "torch",
        "transformers",
        "peft",
        "river",
        "numba",
        "scikit-learn",
        "scipy",
    ):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
