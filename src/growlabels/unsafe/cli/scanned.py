"""Open the run folder of a finished scan, with its decisions and its known labels."""

from dataclasses import replace
from pathlib import Path

from growlabels.base.errors import DataError, UsageError
from growlabels.base.runs import RunFolder
from growlabels.unsafe.decide.decisions import DECISIONS, Decision, Decisions
from growlabels.unsafe.decide.review import REVIEWED
from growlabels.unsafe.rows.examples import read_examples
from growlabels.unsafe.rows.source import is_there, source_hash
from growlabels.unsafe.scores.scanner import RUN_KIND
from growlabels.unsafe.scores.score_table import ScoreTable

SCORES, REPORT = "scores.parquet", "report.html"


def known_truth(value: object) -> int | None:
    """Return 1 for unsafe, 0 for safe; None for a value that is neither.

    >>> known_truth(True), known_truth("0"), known_truth("false"), known_truth(2)
    (1, 0, 0, None)
    """
    if isinstance(value, str):
        return {"1": 1, "true": 1, "0": 0, "false": 0}.get(value.strip().lower())
    return int(value) if isinstance(value, bool | int | float) and value in (0, 1) else None


def some_truth(train: Path, field: str, encoding: str = "utf-8") -> dict[str, int]:
    """Read known labels: row id -> 1 for unsafe, 0 for safe."""
    truth = {}
    for example in read_examples(train, lambda bad: None, encoding=encoding):
        value = example.data.get(field)
        if value is None or value == "":
            continue
        known = known_truth(value)
        if known is None:
            raise DataError(
                f"{train} row {example.number}: label field {field!r} must be true, false, 1, 0 or "
                f"empty, got {value!r}"
            )
        truth[example.id] = known
    if not truth:
        raise DataError(f"field {field!r} is empty in every row of {train}; give another field")
    return truth


def reviewed(run: RunFolder, table: ScoreTable) -> tuple[dict[str, Decision], ScoreTable]:
    """Return the decisions of the review, and the current scores."""
    decided = Decisions(run.path / DECISIONS).current()
    if not decided:
        raise UsageError(f"{str(run.path)!r} contains no decisions; make some with unsafe review")
    if (run.path / REVIEWED).exists():
        given = table.is_target  # without the rejected rows that the rescan added as targets
        table = replace(ScoreTable.from_parquet(run.file(REVIEWED)), is_target=given)
        print("using the scores of the rescan with the rejected rows as targets")
    return decided, table


def scanned(run_folder: Path, moved: Path | None) -> tuple[RunFolder, ScoreTable, Path]:
    """Open a finished scan and check that its rows have not changed."""
    run = RunFolder.read(run_folder, RUN_KIND)
    table = ScoreTable.from_parquet(run.file(SCORES))
    if not isinstance(source := table.facts.get("rows_source"), str):
        raise UsageError(
            f"the rows of {str(run_folder)!r} did not come from a file; use filter_rows in Python"
        )
    train = moved or Path(source)
    if moved is not None and not is_there(moved):
        raise UsageError.missing_file(moved)
    if not is_there(train):
        raise UsageError(
            f"the scanned rows are no longer at {str(train)!r}; give their path with --train"
        )
    if source_hash(train) != table.facts.get("rows_sha256"):
        if moved is not None:
            raise DataError(
                f"{str(train)!r} differs from {source!r}, which was scanned into "
                f"{str(run_folder)!r}; give the scanned file with --train"
            )
        raise DataError(
            f"{str(train)!r} has changed since it was scanned; scan it again into a new run "
            "folder, or give the path of the scanned rows with --train"
        )
    return run, table, train
