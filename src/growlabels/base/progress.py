"""Progress: one small callback; a bar on a terminal, log lines elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO


class Progress(Protocol):
    """Called by long work: the stage's name, units done, units in all (None: unknown)."""

    def __call__(self, stage: str, done: int, total: int | None = None) -> None: ...


def silent(stage: str, done: int, total: int | None = None) -> None:
    """Show nothing: the default of the Python interface."""


@contextmanager
def console_progress(stream: TextIO | None = None, every: float = 5.0) -> Iterator[Progress]:
    """Give a callback that draws a bar on a terminal, or a line every few seconds elsewhere.

    Both show the rate and the time left where the total is known.

    Parameters
    ----------
    stream
        Where to write; standard error by default, so that results can be piped.
    every
        Seconds between lines where the stream is no terminal.
    """
    out = sys.stderr if stream is None else stream
    if out is None:  # closed
        yield silent
        return
    shown = _Bars(out) if out.isatty() else _Lines(out, every)
    try:
        yield shown
    finally:
        shown.close()


class _Bars:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._stage: str | None = None
        self._bar = None

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        from tqdm import tqdm  # only where a bar is drawn

        if stage != self._stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(total=total, desc=stage, file=self._out, initial=done)
        bar = self._bar
        if bar is not None:
            bar.total = total
            bar.update(done - bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


class _Lines:
    def __init__(self, out: TextIO, every: float) -> None:
        self._out = out
        self._every = every
        self._stage: str | None = None
        self._started = self._last = 0.0
        self._first = 0

    def __call__(self, stage: str, done: int, total: int | None = None) -> None:
        now = time.monotonic()
        if stage != self._stage:
            self._stage, self._started, self._first = stage, now, done
        elif now - self._last < self._every and done != total:
            return
        self._last = now
        rate = (done - self._first) / max(now - self._started, 1e-9)
        text = f"{stage}: {done}" + (f" of {total}" if total is not None else "")
        if not done and total is None:
            text = f"{stage} ..."
        if done > self._first:
            text += f", {rate:,.0f} a second" if rate >= 100 else f", {rate:.3g} a second"
            if total is not None and done < total:
                text += f", {(total - done) / rate:.0f} s left"
        print(text, file=self._out, flush=True)

    def close(self) -> None:
        pass
