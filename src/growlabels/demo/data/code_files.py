"""List the Python files of the standard library and of installed dependencies."""

import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata
from pathlib import Path, PurePosixPath

LIBRARY = "standard library"
LARGEST = 200_000  # bytes; larger files are mostly generated, and slow to check
SMALLEST = 1_500
_LEFT_OUT = {
    *("test", "tests", "testing", "idlelib", "lib2to3", "turtledemo", "site-packages"),
    *("__pycache__", "_bundled", "_vendor", "vendor", "vendored", "node_modules", "benchmarks"),
}


@dataclass(frozen=True)
class CodeFile:
    """A source file, with a name that does not depend on where Python is installed.

    Attributes
    ----------
    package
        ``"standard library"`` or the name of a distribution.
    name
        Path with forward slashes, relative to the standard library or to the site folder.
    """

    package: str
    name: str

    @cached_property
    def path(self) -> Path:
        """Path of the file on this computer."""
        if self.package == LIBRARY:
            return _library() / self.name
        return Path(str(metadata.distribution(self.package).locate_file(self.name)))

    @property
    def module(self) -> str:
        """Dotted name of the module."""
        name = self.name.removesuffix(".py").removesuffix("/__init__")
        return name.replace("/", ".")


def installed_files() -> Iterator[CodeFile]:
    """Yield the files of the standard library, then of the dependencies, in a fixed order."""
    root = _library()
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if _is_wanted(name, path.stat().st_size):
            yield CodeFile(LIBRARY, name)
    for package in dependencies():
        for file in sorted(metadata.files(package) or ()):
            if file.suffix == ".py" and _is_wanted(file.as_posix(), file.size):
                yield CodeFile(package, file.as_posix())


def dependencies() -> dict[str, str]:
    """Return name -> version of the installed distributions that this library depends on."""
    todo, found = ["growlabels"], {}
    while todo:
        name = re.sub(r"[-_.]+", "-", todo.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = metadata.version(name)
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        # This library counts with all its extras, other packages only with what they require.
        wanted = [line for line in needed if name == "growlabels" or "extra ==" not in line]
        todo += [match[0] for line in wanted if (match := re.match(r"[\w.-]+", line))]
    found.pop("growlabels", None)
    return dict(sorted(found.items()))


def _library() -> Path:
    return Path(sysconfig.get_paths()["stdlib"])


def _is_wanted(name: str, size: int | None) -> bool:
    path = PurePosixPath(name)
    if _LEFT_OUT & set(path.parts) or path.name.startswith(("test_", "conftest")):
        return False
    return ".." not in path.parts and SMALLEST <= (size or SMALLEST) <= LARGEST
