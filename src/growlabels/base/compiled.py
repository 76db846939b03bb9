"""Compiled functions whose machine code is kept on disk. Needs numba, when it is called."""

import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


def compiler(sources: Iterable[Path]) -> Callable[..., Callable[[Callable[..., Any]], Any]]:
    """Make a decorator like ``numba.njit(cache=True)`` that is safe for code of several files.

    Compiled functions contain those that they call. numba's own cache looks at the file of the
    outer one alone, and would go on with old code of the others.

    Parameters
    ----------
    sources
        The files that the functions are made of. When one of them changes, all are compiled anew.

    Returns
    -------
    Callable
        Takes the options of ``numba.njit`` and returns the decorator, which raises
        ``RuntimeError`` where there is no folder to keep machine code in.

    Examples
    --------
    ``compiled = compiler([Path(__file__)])``, then ``@compiled(error_model="numpy")`` above a
    function of the file.
    """
    from numba import config, njit
    from numba.core.caching import FunctionCache

    stamp = 0
    for path in sources:
        stamp = zlib.crc32(path.read_bytes(), stamp)

    class StampedCache(FunctionCache):
        def _index_key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
            return (*super()._index_key(sig, codegen), stamp)

        def load_overload(self, sig: Any, target_context: Any) -> Any:
            try:
                return super().load_overload(sig, target_context)
            except (ImportError, AttributeError):  # it names a type that was since removed
                self.flush()
                return None

    def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
        def decorate(function: Callable[..., Any]) -> Any:
            compile_with: Any = njit
            dispatcher = compile_with(no_cfunc_wrapper=True, **options)(function)
            if not config.DISABLE_JIT:  # pyright: ignore[reportAttributeAccessIssue]
                dispatcher._cache = StampedCache(function)
            return dispatcher

        return decorate

    return compiled
