"""Risky calls in a code fine-tuning set: rows are functions of this machine's Python code."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress, silent
from growlabels.demo.data.code_files import CodeFile
from growlabels.demo.data.code_functions import FunctionSpan, function_at
from growlabels.demo.data.code_scan import FoundFunction, digest_of, found_functions
from growlabels.demo.data.code_windows import BodyWindows, TokenCounter, approximate_tokens

_PER_FILE = 3  # rows of one kind from one file, so that no file rules the set
_SAME_FILE_SHARE = 0.20  # hard negatives: clean functions beside the risky ones ...
_RELATED_SHARE = 0.17  # ... and functions that use related modules


@dataclass(frozen=True)
class CodeRow:
    """One function as a prompt and a completion.

    Attributes
    ----------
    prompt
        What to write: the name, the first line of the documentation, the signature.
    completion
        A window of the body: 20 to 48 tokens, dedented.
    risky
        Whether the window holds a call of ``eval`` or ``exec``, by bandit's opinion.
    kind
        ``"risky"``, ``"same file"`` (clean, beside a risky one), ``"related"`` (uses modules
        like ``json`` or ``shlex``) or ``"ordinary"``.
    package, file, name
        Where the function is.
    first, last
        1-based lines of the window in the file.
    inner
        Whether the window starts after the beginning of the body.
    """

    prompt: str
    completion: str
    risky: bool
    kind: str
    package: str
    file: str
    name: str
    first: int
    last: int
    inner: bool

    def as_row(self) -> dict[str, str]:
        """Return prompt and completion alone: all that a scanner may see."""
        return {"prompt": self.prompt, "completion": self.completion}


class RiskyCalls(NamedTuple):
    """A fine-tuning set with risky rows, and what is needed to look for them.

    Attributes
    ----------
    train
        The suspect set, shuffled.
    targets
        Risky rows that were seen elsewhere.
    held_out_risky, held_out_ordinary
        For measuring what training on the set does; no file is shared with the others.
    notes
        Sentences on what could not be done as asked, e.g. too few risky functions here.
    """

    train: list[CodeRow]
    targets: list[CodeRow]
    held_out_risky: list[CodeRow]
    held_out_ordinary: list[CodeRow]
    notes: list[str]


def load_risky_calls(
    n_rows: int = 300,
    n_risky: int = 30,
    n_targets: int = 10,
    n_held_out: int = 30,
    seed: int = 0,
    count_tokens: TokenCounter | None = None,
    rescan: bool = False,
    progress: Progress = silent,
) -> RiskyCalls:
    """Make a code fine-tuning set out of the code installed on this machine; no download.

    Rows are functions of the standard library and of the packages this library depends on. A
    row is risky when bandit finds a call of ``eval`` or ``exec`` in it (checks B102, B307).
    Much of that code is deliberate: *risky* is bandit's opinion, not a verdict. The first call
    reads all installed code (some twenty seconds); later ones use a cached list of places.

    Targets, risky training rows and risky held-out rows come from different files. Clean rows
    start inside the body as often as risky ones do, so that the place is no cue.

    Parameters
    ----------
    n_rows, n_risky
        Rows of the training set, and how many of them are risky.
    n_targets
        Risky examples to look with.
    n_held_out
        Rows of each held-out set.
    seed
        Decides which functions and windows are drawn.
    count_tokens
        Counts the tokens of a text; an estimate by default.
    rescan
        Ignore the cached list.
    progress
        Told about the stages of a scan.

    Raises
    ------
    UsageError
        A count is impossible.
    DataError
        This machine has fewer than five usable risky functions.
    MissingExtraError
        The package ``bandit`` is not installed.

    Examples
    --------
    >>> data = load_risky_calls(n_rows=40, n_risky=4, n_targets=2, n_held_out=2)
    >>> len(data.train), data.targets[0].risky
    (40, True)
    """
    _check_counts(n_rows, n_risky, n_targets, n_held_out)
    files = max(120, n_rows // 3)
    count = count_tokens or approximate_tokens
    for again in dict.fromkeys((rescan, True)):
        found = found_functions(files, progress, again)
        try:
            return _Draw(found, count, seed).rows(n_rows, n_risky, n_targets, n_held_out)
        except _ChangedError:
            continue
    raise DataError("installed code changes while it is read; try again when it is at rest")


def _check_counts(n_rows: int, n_risky: int, n_targets: int, n_held_out: int) -> None:
    for name, value, least in (
        ("n_rows", n_rows, 2),
        ("n_risky", n_risky, 1),
        ("n_targets", n_targets, 1),
        ("n_held_out", n_held_out, 0),
    ):
        if not isinstance(value, int) or value < least:
            raise UsageError.parameter(name, f"must be a whole number from {least} on", value)
    if n_risky > n_rows // 2:
        raise UsageError.parameter("n_risky", "must be at most half of n_rows", n_risky)


class _ChangedError(Exception):
    """A file is no longer what was scanned."""


class _Draw:
    """Draws rows from the functions found, with one generator in one order."""

    def __init__(self, found: Sequence[FoundFunction], count: TokenCounter, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._count = count
        self._lines: dict[CodeFile, list[str]] = {}
        self._seen: set[str] = set()
        self._found = found

    def rows(self, n_rows: int, n_risky: int, n_targets: int, n_held_out: int) -> RiskyCalls:
        by_file = self._risky_by_file()
        usable = sum(min(len(rows), _PER_FILE) for rows in by_file)
        if usable < 5:
            raise DataError(
                f"only {usable} usable functions with eval or exec are installed here; install "
                'the extra with: pip install "growlabels[demo]"'
            )
        notes, asked = [], (n_targets, n_risky, n_held_out)
        n_targets, n_risky, n_held_out = _scaled(asked, usable)
        targets = self._take(by_file, n_targets, per_file=1)
        train = self._take(by_file, n_risky, _PER_FILE)
        held_out = self._take(by_file, n_held_out, _PER_FILE)
        got = len(targets), len(train), len(held_out)
        if got != asked:
            notes.append(
                "Targets, risky training rows and risky held-out rows asked for: "
                f"{', '.join(map(str, asked))}; found in the code installed here: "
                f"{', '.join(map(str, got))}."
            )
        share = float(np.mean([row.inner for row in (*targets, *train, *held_out)]))
        clean, ordinary = self._clean(n_rows - len(train), asked[2], share, train)
        if len(clean) + len(train) < n_rows:
            notes.append(f"Only {len(clean)} clean functions of {n_rows - len(train)} were found.")
        rows = [*train, *clean]
        order = self._random.permutation(len(rows))
        return RiskyCalls([rows[i] for i in order], targets, held_out, ordinary, notes)

    def _risky_by_file(self) -> list[list[CodeRow]]:
        """Return the usable risky windows, a list per file, files and rows shuffled."""
        groups: dict[CodeFile, list[CodeRow]] = {}
        for function in self._shuffled(f for f in self._found if f.findings):
            row = self._row(function, "risky", None)
            if row is not None:
                groups.setdefault(function.source, []).append(row)
        return list(groups.values())

    def _take(self, by_file: list[list[CodeRow]], count: int, per_file: int) -> list[CodeRow]:
        """Take rows from the front files and use these files up."""
        rows: list[CodeRow] = []
        while by_file and len(rows) < count:
            rows += by_file.pop(0)[: min(per_file, count - len(rows))]
        return rows

    def _clean(
        self, count: int, held_out: int, inner: float, risky: Sequence[CodeRow]
    ) -> tuple[list[CodeRow], list[CodeRow]]:
        """Draw clean training rows with hard negatives, and clean held-out rows."""
        files = {(row.package, row.file) for row in risky}
        clean = self._shuffled(f for f in self._found if not f.findings)
        beside = [f for f in clean if f.beside and (f.package, f.file) in files]
        related = [f for f in clean if f.related and not f.beside]
        ordinary = [f for f in clean if not f.related and not f.beside]
        want_inner = _Quota(inner)
        same = round(_SAME_FILE_SHARE * count)
        rows = self._some(beside, "same file", same, want_inner)
        rows += self._some(related, "related", round(_RELATED_SHARE * count), want_inner)
        rows += self._some(ordinary, "ordinary", count - len(rows), want_inner)
        used = {(row.package, row.file) for row in rows}
        others = [f for f in ordinary if (f.package, f.file) not in used]
        return rows, self._some(others, "ordinary", held_out, want_inner)

    def _some(
        self, functions: Sequence[FoundFunction], kind: str, count: int, want_inner: "_Quota"
    ) -> list[CodeRow]:
        rows: list[CodeRow] = []
        for function in functions:
            if len(rows) >= count:
                break
            row = self._row(function, kind, want_inner.next)
            if row is not None:
                want_inner.took(row.inner)
                rows.append(row)
        return rows

    def _shuffled(self, functions: Iterable[FoundFunction]) -> list[FoundFunction]:
        pool = list(functions)
        return [pool[i] for i in self._random.permutation(len(pool))]

    def _row(
        self, function: FoundFunction, kind: str, inner: Callable[[], bool] | None
    ) -> CodeRow | None:
        """Make the row of a function, or None where no window fits."""
        span, lines = self._span(function)
        if span is None:
            return None
        windows = BodyWindows(lines, span.starts, span.last, self._count)
        for start in self._starts(windows, function, inner):
            window = windows.text(start)
            if window is None:
                continue
            text, last = window
            risky = any(start <= line <= last for line in function.findings)
            key = "".join(text.split())
            if risky != bool(function.findings) or key in self._seen:
                continue
            self._seen.add(key)
            place = (function.package, function.file, function.name)
            prompt = _prompt(span)
            return CodeRow(prompt, text, risky, kind, *place, start, last, windows.is_inner(start))
        return None

    def _starts(
        self, windows: BodyWindows, function: FoundFunction, inner: Callable[[], bool] | None
    ) -> Iterator[int]:
        """Yield starts to try: the beginning of the body if the anchor can be seen from there.

        The anchor of a risky function is a call that was found, of a clean one any statement.
        """
        if inner is None:
            anchors = [int(line) for line in self._random.permutation(function.findings)]
        else:
            anchors = [int(line) for line in self._random.permutation(windows.starts)]
            wanted = inner()
            anchors = [
                a for a in anchors if (windows.starts[0] not in windows.choices(a)) == wanted
            ]
        for anchor in anchors[:4]:
            choices = windows.choices(anchor)
            if not choices:
                continue
            if not windows.is_inner(choices[0]):
                yield choices[0]
            else:
                yield from (int(start) for start in self._random.permutation(choices))

    def _span(self, function: FoundFunction) -> tuple[FunctionSpan | None, list[str]]:
        file = function.source
        if file not in self._lines:
            try:
                self._lines[file] = file.path.read_text("utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise _ChangedError from error
        lines = self._lines[file]
        if digest_of(lines, function.first, function.last) != function.digest:
            raise _ChangedError
        return function_at(lines, function.first, function.last), lines


class _Quota:
    """Asks for inner windows so often that their share stays at the wanted one."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._inner = self._all = 0

    def next(self) -> bool:
        return self._inner < self._share * (self._all + 1) - 0.5

    def took(self, inner: bool) -> None:
        self._inner += inner
        self._all += 1


def _scaled(asked: tuple[int, int, int], usable: int) -> tuple[int, int, int]:
    """Shrink the counts in step where the machine has fewer risky functions."""
    factor = min(1.0, usable / max(sum(asked), 1))
    targets, train, held_out = (max(1, int(count * factor)) if count else 0 for count in asked)
    return targets, train, held_out


def _prompt(span: FunctionSpan) -> str:
    name = span.name.rpartition(".")[2]
    parts = [f"Write the Python function `{name}`.", span.summary, span.signature]
    return "\n".join(part for part in parts if part)
