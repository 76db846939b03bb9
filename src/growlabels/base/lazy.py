"""Public names of a system, loaded on first use, so that importing it stays light."""

import importlib
from collections.abc import Callable, Mapping

from growlabels.base.errors import MissingExtraError


def lazy_exports(
    package: str, homes: Mapping[str, str], extra: str, shared: Mapping[str, str] | None = None
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Make ``__getattr__`` and ``__dir__`` for a package (PEP 562).

    Parameters
    ----------
    package
        ``__name__`` of the package.
    homes
        Public name -> module of the package that defines it, e.g. ``{"IHOMER": "learner.ihomer"}``.
    extra
        The pip extra that brings the dependencies of the package.
    shared
        More names like ``homes`` for other parts of this library; ``dir`` does not list them.

    Raises
    ------
    MissingExtraError
        On first use of a name, when a dependency is not installed.
    """

    modules = {**homes, **(shared or {})}

    def load(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        except ModuleNotFoundError as error:
            missing = (error.name or "").partition(".")[0]
            if missing in ("", "growlabels"):
                raise
            raise MissingExtraError.of(missing, extra) from error

    return load, lambda: sorted(homes)
