"""Data sets that others publish: a local mirror, or a download that somebody asked for.

Every file is checked against a SHA-256 of its content before it is used.
"""

import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from growlabels.base.errors import DataError, MissingExtraError, UsageError
from growlabels.base.files import cache_folder

VARIABLE = "GROWLABELS_DATA"


@dataclass(frozen=True)
class PublishedFile:
    """A file that others publish.

    Attributes
    ----------
    name
        How this library calls it.
    file
        Place inside the mirror and the cache.
    sha256
        Of the content, decompressed where it is gzipped.
    licence
        As its home states it.
    url
        Where it can be had; None where only a mirror serves.
    labels
        For multi-label sets: n > 0 the first n attributes are labels, n < 0 the last -n.
    """

    name: str
    file: str
    sha256: str
    licence: str
    url: str | None
    labels: int | None = None


@cache
def registry() -> dict[str, PublishedFile]:
    """Return all published files by name."""
    text = resources.files("growlabels.datasets").joinpath("_registry.json").read_text("utf-8")
    return {name: PublishedFile(name, **entry) for name, entry in json.loads(text).items()}


def published_names() -> list[str]:
    """Return the names that :func:`download` takes, sorted.

    >>> "Bibtex" in published_names()
    True
    """
    return sorted(registry())


def published(name: str) -> PublishedFile:
    """Return the entry of a name; an unknown one is a ``UsageError``."""
    if name not in registry():
        raise UsageError.choice("data set", published_names(), name)
    return registry()[name]


def locate(name: str) -> Path:
    """Return the checked file of a data set, from the mirror or from earlier downloads.

    Parameters
    ----------
    name
        One of :func:`published_names`.

    Raises
    ------
    UsageError
        The name is unknown, or the file is not on this machine.
    DataError
        The file is not what was published.
    """
    entry = published(name)
    for path in _places(entry):
        if path.is_file():
            status = path.stat()
            _check(str(path), entry.sha256, status.st_size, status.st_mtime_ns)
            return path
    raise UsageError(_absent(entry))


def published_as(path: Path) -> PublishedFile | None:
    """Return the entry whose content a file has, whatever the file is called."""
    digest = hashlib.sha256(_content(path)).hexdigest()
    return next((entry for entry in registry().values() if entry.sha256 == digest), None)


def read_published(name: str) -> bytes:
    """Return the checked content of a data set, decompressed where it is gzipped."""
    return _content(locate(name))


def download(name: str) -> Path:
    """Download a data set into the cache folder, unless it is on this machine already.

    Parameters
    ----------
    name
        One of :func:`published_names`.

    Returns
    -------
    Path
        The checked file.

    Raises
    ------
    UsageError
        The name is unknown, or the set can only be had from a mirror.
    DataError
        It cannot be reached, or what came is not what was published.
    """
    entry = published(name)
    if any(path.is_file() for path in _places(entry)):
        return locate(name)
    if entry.url is None:
        raise UsageError(_absent(entry))
    try:
        import pooch
    except ModuleNotFoundError as error:
        raise MissingExtraError.of("pooch", "demo") from error
    target = _cached(entry)
    target.parent.mkdir(parents=True, exist_ok=True)
    zipped = entry.url.endswith(".gz")  # then the hash of the content is checked afterwards
    try:
        pooch.retrieve(
            entry.url,
            known_hash=None if zipped else f"sha256:{entry.sha256}",
            fname=target.name,
            path=target.parent,
        )
    except (OSError, ValueError) as error:
        target.unlink(missing_ok=True)
        raise DataError(
            f"{name!r} could not be downloaded from {entry.url} ({error}); check the network, "
            f"or set {VARIABLE} to a folder that holds {entry.file}"
        ) from error
    return locate(name)


def _places(entry: PublishedFile) -> list[Path]:
    mirror = os.environ.get(VARIABLE)
    return [*([Path(mirror) / entry.file] if mirror else []), _cached(entry)]


def _cached(entry: PublishedFile) -> Path:
    """Return where a download goes: as published, so gzipped only if it was published so."""
    plain = entry.file.removesuffix(".gz")
    zipped = entry.url is not None and entry.url.endswith(".gz")
    return cache_folder() / (entry.file if zipped else plain)


@cache
def _check(path: str, sha256: str, size: int, changed: int) -> None:
    """Compare the hash once for each state of a file."""
    found = hashlib.sha256(_content(Path(path))).hexdigest()
    if found != sha256:
        raise DataError(
            f"{path!r} is not the published file (SHA-256 {found[:12]}..., published "
            f"{sha256[:12]}...); delete it and get it again"
        )


def _content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix != ".gz":
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{str(path)!r} is cut off or damaged ({error}); get it again") from error


def _absent(entry: PublishedFile) -> str:
    mirror = os.environ.get(VARIABLE)
    looked = f"{VARIABLE} is {mirror!r}, which lacks it" if mirror else f"{VARIABLE} is not set"
    way = f"download it with growlabels.datasets.download({entry.name!r}), or " if entry.url else ""
    return (
        f"data set {entry.name!r} is not on this machine ({looked}); {way}set {VARIABLE} to a "
        f"folder that holds {entry.file}"
    )
