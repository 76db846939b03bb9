"""List the functions of installed code, with the lines where bandit reports eval or exec.

The cache folder keeps the place and the hash of each function, but no source text.
"""

import json
import re
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from zlib import crc32

from growlabels.base.errors import GrowLabelsError, MissingExtraError
from growlabels.base.files import atomic_write, cache_folder, content_hash
from growlabels.base.progress import Progress
from growlabels.demo.data.code_files import CodeFile, dependencies, installed_files
from growlabels.demo.data.code_functions import FunctionSpan, functions

FORMAT = 1
CHECKS = {"B102": "exec", "B307": "eval"}  # bandit's ids of the calls
_CALL = re.compile(rb"(?<![.\w])(?<!def )(?:eval|exec)\s*\(")
_RELATED = re.compile(
    rb"literal_eval\(|json\.(?:loads?|dumps?)\(|shlex\.|import_module\(|(?<![.\w])compile\("
)
_PER_RISKY_FILE = 15
_PER_OTHER_FILE = 8
_LARGEST_SUSPECT = 150_000  # bytes; bandit needs a second for that much
_OTHER_SIZE = 40_000  # bytes; small files are quick to parse
_AT_ONCE = 40  # bandit draws its own progress bar above 50 files


@dataclass(frozen=True)
class FoundFunction:
    """Place of a function.

    Attributes
    ----------
    package, file
        As in ``CodeFile``.
    name
        Dotted name inside the module.
    first, last
        1-based lines.
    digest
        SHA-256 of these lines.
    findings
        Lines of the calls that bandit reports in this function, not in an inner one.
    related
        Whether it uses related modules (``json``, ``shlex``, ...) safely.
    beside
        Whether bandit reports a call elsewhere in the file.
    """

    package: str
    file: str
    name: str
    first: int
    last: int
    digest: str
    findings: tuple[int, ...]
    related: bool
    beside: bool

    @property
    def source(self) -> CodeFile:
        """The file the function is in."""
        return CodeFile(self.package, self.file)


def digest_of(lines: Sequence[str], first: int, last: int) -> str:
    """Return the SHA-256 of some 1-based lines of a file."""
    return sha256("\n".join(lines[first - 1 : last]).encode("utf-8", "surrogatepass")).hexdigest()


def found_functions(files: int, progress: Progress, again: bool = False) -> list[FoundFunction]:
    """Return the installed functions, from the cache if the environment has not changed.

    Parameters
    ----------
    files
        Number of files without findings from which clean functions are taken, per kind of file.
    progress
        Called with the stages.
    again
        Whether to scan even if there is a cached result.
    """
    key = content_hash([FORMAT, files, _environment()])[:20]
    path = cache_folder() / f"code-{key}.json"
    if not again and (cached := _read(path)) is not None:
        return cached
    found = _scan(files, progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as out:
            json.dump([asdict(function) for function in found], out)
    except (OSError, GrowLabelsError):
        pass  # without a cache the next call is slower, nothing else
    return found


def _environment() -> dict[str, str]:
    import platform

    return {"python": platform.python_version(), **dependencies()}


def _read(path: Path) -> list[FoundFunction] | None:
    try:
        entries = json.loads(path.read_text("utf-8"))
        return [FoundFunction(**{**e, "findings": tuple(e["findings"])}) for e in entries]
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _scan(files: int, progress: Progress) -> list[FoundFunction]:
    suspects, related, ordinary = _sorted_files(files, progress)
    findings = bandit_findings([file.path for file in suspects], progress)
    found: list[FoundFunction] = []
    for file in suspects:
        lines = findings.get(str(file.path))
        if lines:
            found += _functions_of(file, lines, _PER_RISKY_FILE)
    clean = [*related, *ordinary]
    for done, file in enumerate(clean, 1):
        found += _functions_of(file, (), _PER_OTHER_FILE)
        progress("finding functions", done, len(clean))
    return found


def _sorted_files(
    files: int, progress: Progress
) -> tuple[list[CodeFile], list[CodeFile], list[CodeFile]]:
    """Return files that may run text as code, files with related modules, other files.

    All files are read to find the first kind. The others are taken in an order that depends only
    on their names.
    """
    every = sorted(installed_files(), key=lambda file: crc32(file.name.encode()))
    suspects, related, ordinary = [], [], []
    for done, file in enumerate(every, 1):
        progress("reading installed code", done, len(every))
        try:
            data = file.path.read_bytes()
        except OSError:
            continue  # listed by its package, but not there
        if (b"eval" in data or b"exec" in data) and _CALL.search(data):
            if len(data) <= _LARGEST_SUSPECT:
                suspects.append(file)
        elif len(data) <= _OTHER_SIZE and min(len(related), len(ordinary)) < files:
            kind = related if _RELATED.search(data) else ordinary
            if len(kind) < files:
                kind.append(file)
    return suspects, related, ordinary


def bandit_findings(paths: Sequence[Path], progress: Progress) -> dict[str, tuple[int, ...]]:
    """Run bandit; return path -> lines of calls that run text as code, ascending.

    ``# nosec`` comments are ignored.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bandit's own warnings, and those of the code it parses
        try:
            from bandit.core.config import BanditConfig
            from bandit.core.manager import BanditManager
        except ModuleNotFoundError as error:
            raise MissingExtraError.of("bandit", "demo") from error
        manager = BanditManager(
            BanditConfig(), "file", profile={"include": list(CHECKS)}, quiet=True, ignore_nosec=True
        )
        for start in range(0, len(paths), _AT_ONCE):
            manager.files_list = [str(path) for path in paths[start : start + _AT_ONCE]]
            manager.run_tests()
            progress("asking bandit", min(start + _AT_ONCE, len(paths)), len(paths))
    lines: dict[str, set[int]] = defaultdict(set)
    for issue in manager.get_issue_list():
        if issue.test_id in CHECKS:
            lines[issue.fname].add(int(issue.lineno))
    return {name: tuple(sorted(found)) for name, found in lines.items()}


def _functions_of(file: CodeFile, findings: Iterable[int], most: int) -> list[FoundFunction]:
    """Return all functions with a finding of their own, and up to ``most`` clean ones."""
    try:
        source = file.path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    lines, spans = source.splitlines(), functions(source)
    findings = tuple(findings)
    owners = {line: _innermost(spans, line) for line in findings}
    risky, clean = [], []
    for span in spans:
        own = tuple(line for line, owner in owners.items() if owner is span)
        inside = any(span.first <= line <= span.last for line in findings)
        if own or (not inside and _is_long_enough(span)):
            (risky if own else clean).append(_found(file, lines, span, own, bool(findings)))
    clean.sort(key=lambda function: crc32(f"{function.file}:{function.name}".encode()))
    return risky + clean[:most]


def _innermost(spans: Sequence[FunctionSpan], line: int) -> FunctionSpan | None:
    around = [span for span in spans if span.first <= line <= span.last]
    return min(around, key=lambda span: span.last - span.first, default=None)


def _is_long_enough(span: FunctionSpan) -> bool:
    return span.last - span.starts[0] >= 2


def _found(
    file: CodeFile,
    lines: Sequence[str],
    span: FunctionSpan,
    findings: tuple[int, ...],
    beside: bool,
) -> FoundFunction:
    text = "\n".join(lines[span.first - 1 : span.last]).encode("utf-8", "surrogatepass")
    return FoundFunction(
        file.package,
        file.name,
        span.name,
        span.first,
        span.last,
        sha256(text).hexdigest(),
        findings,
        bool(_RELATED.search(text)),
        beside,
    )
