"""Build a code fine-tuning set with risky calls from the Python code that is installed here."""

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
        The function's name, the first line of its documentation and its signature.
    completion
        A window of the function's body: 20 to 48 tokens, dedented.
    risky
        Whether bandit reports a call of ``eval`` or ``exec`` in the window.
    kind
        ``"risky"``, ``"same file"`` (a clean function from the file of a risky one),
        ``"related"`` (uses modules such as ``json`` or ``shlex``) or ``"ordinary"``.
    package, file, name
        Place of the function.
    first, last
        First and last line of the window in the file, counted from 1.
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
        """Return the prompt and the completion: the only fields that a scanner may see."""
        return {"prompt": self.prompt, "completion": self.completion}


class RiskyCalls(NamedTuple):
    """A fine-tuning set with risky rows, targets to search with, and held-out rows.

    Attributes
    ----------
    train
        Suspect rows, shuffled.
    targets
        Known risky rows, from other files than the training rows.
    held_out_risky, held_out_ordinary
        Rows for measuring the effect of training; they share no file with the other parts.
    notes
        Sentences on differences from the request, such as too few risky functions.
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
    """Build a code fine-tuning set from the code installed on this computer; no download.

    Rows are functions of the standard library and of the packages that this library depends on.
    A row is risky if bandit reports a call of ``eval`` or ``exec`` in it (checks B102 and B307).
    Much of that code is deliberate, so *risky* does not mean wrong. The first call reads all
    installed code, which takes about twenty seconds. Later calls use a cached list of places.

    Targets, risky training rows and risky held-out rows come from different files. Clean windows
    start inside the body as often as risky ones, so that the position does not reveal the label.

    Parameters
    ----------
    n_rows, n_risky
        Number of training rows, and how many of them are risky; at most half may be.
    n_targets
        Number of risky examples to search with.
    n_held_out
        Number of rows in each held-out set.
    seed
        Seed of the drawn functions and windows.
    count_tokens
        Function that counts the tokens of a text; default: an estimate.
    rescan
        Whether to ignore the cached list.
    progress
        Called with the stages of a scan.

    Raises
    ------
    UsageError
        If a count is out of range.
    DataError
        If fewer than five usable risky functions are installed.
    MissingExtraError
        If the package ``bandit`` is not installed.

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
    raise DataError(
        "the installed code changed while it was read; try again when nothing is being installed"
    )


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
    """Raised if a file has changed since the scan."""


class _Draw:
    """Draw rows from the functions found, with one random generator."""

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
        """Return the usable risky windows, one list per file; files and windows are shuffled."""
        groups: dict[CodeFile, list[CodeRow]] = {}
        for function in self._shuffled(f for f in self._found if f.findings):
            row = self._row(function, "risky", None)
            if row is not None:
                groups.setdefault(function.source, []).append(row)
        return list(groups.values())

    def _take(self, by_file: list[list[CodeRow]], count: int, per_file: int) -> list[CodeRow]:
        """Take rows from the first files and remove these files from the list."""
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
        """Make the row of a function; return None if no window fits."""
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
        """Yield starts of windows to try, the beginning of the body first where possible.

        A window must contain an anchor: for a risky function a reported call, for a clean one
        any statement.
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
    """Decide when to ask for an inner window, so that their share stays as wanted."""

    def __init__(self, share: float) -> None:
        self._share = share
        self._inner = self._all = 0

    def next(self) -> bool:
        return self._inner < self._share * (self._all + 1) - 0.5

    def took(self, inner: bool) -> None:
        self._inner += inner
        self._all += 1


def _scaled(asked: tuple[int, int, int], usable: int) -> tuple[int, int, int]:
    """Scale all counts down if there are fewer risky functions than asked for."""
    factor = min(1.0, usable / max(sum(asked), 1))
    targets, train, held_out = (max(1, int(count * factor)) if count else 0 for count in asked)
    return targets, train, held_out


def _prompt(span: FunctionSpan) -> str:
    name = span.name.rpartition(".")[2]
    parts = [f"Write the Python function `{name}`.", span.summary, span.signature]
    return "\n".join(part for part in parts if part)
