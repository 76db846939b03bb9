"""Let a person review a scan: flagged rows in order, their text, decisions and rescans."""

import os
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.base.runs import RunFolder
from growlabels.unsafe.decide.decisions import DECISIONS, Decisions
from growlabels.unsafe.rows.examples import Example, read_examples
from growlabels.unsafe.scores.calibrate import known_labels
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD
from growlabels.unsafe.scores.score_table import ScoreTable, ranks
from growlabels.unsafe.scores.threshold import Threshold, resolve_threshold

TARGETS, REVIEWED = "targets.jsonl", "reviewed.parquet"


@dataclass(frozen=True)
class Passage:
    """Hold a text in three parts. The middle part determined the score and may be empty."""

    before: str
    carried: str
    after: str


@dataclass(frozen=True)
class ReviewRow:
    """Hold what the page shows of one row.

    Attributes
    ----------
    row
        The row. For a conversation, the answer with the highest score.
    target_name, target
        Name and text of the nearest target.
    answer
        Name of the answer of a conversation; empty for a row with one answer.
    response
        The response, with the passage that determined the score.
    tokens
        Range and text of the tokens of that passage.
    decision
        ``"accept"``, ``"reject"``, ``"unsure"``, or empty if undecided.
    rank, first_rank
        Current rank, and rank in the first scan.
    is_target
        Whether the row is also a target.
    scores
        Method, score and rank of every method.
    """

    row: Example
    target_name: str
    target: Example
    answer: str
    response: Passage
    tokens: str
    decision: str
    rank: int
    first_rank: int
    is_target: bool
    scores: Sequence[tuple[str, float, int]]


class Review:
    """Manage the review of the flagged rows of a scan.

    The scan itself never changes. Decisions and the rescanned table are stored in separate files.

    Parameters
    ----------
    run
        The run folder of a scan.
    table
        Scores of the scan.
    train
        Path of the scanned rows.
    threshold
        Specification that selects the flagged rows. Targets and rows with a decision are shown
        too. The default favours recall.
    labels
        Row id -> 1 for unsafe, 0 for safe. Labels and decisions calibrate ``precision:p`` when
        the page opens and after a rescan. None by default.

    Raises
    ------
    UsageError
        The threshold cannot be read.
    RunError
        The scan was made by a version that did not store the targets.
    """

    def __init__(
        self,
        run: RunFolder,
        table: ScoreTable,
        train: str | os.PathLike[str],
        threshold: str = DEFAULT_THRESHOLD,
        labels: Mapping[str, int] | None = None,
    ) -> None:
        self.run: RunFolder = run
        self.train: Path = Path(train)
        self.spec: str = threshold
        self.labels: Mapping[str, int] | None = labels
        self.decisions: Decisions = Decisions(run.path / DECISIONS)
        kept = read_examples(run.file(TARGETS), lambda bad: None)
        self.targets: dict[int, Example] = {int(target.data["number"]): target for target in kept}
        self.first = table
        self._scanner: Any = None
        reviewed = run.path / REVIEWED
        self._show(ScoreTable.from_parquet(run.file(REVIEWED)) if reviewed.exists() else table)

    def _show(self, table: ScoreTable) -> None:
        """Use a table for the review."""
        self.table = table
        percentiles = next(iter(table.percentiles.values()))
        decided = self.decisions.current()
        known = known_labels(table.row_id, decided, self.labels)
        self.threshold: Threshold = resolve_threshold(self.spec, table.score, percentiles, known)
        flagged = self.first.is_target | (table.rank <= self.threshold.rejected)
        flagged |= np.isin(table.row_id, list(decided))
        order = np.argsort(table.rank)
        self.numbers: list[int] = [int(table.number[i]) for i in order if flagged[i]]
        self._place = {int(number): i for i, number in enumerate(table.number)}
        taken = table.facts.get("reviewed_targets", ())  # a decision may be undone since
        self._rows = _by_number(self.train, {*self.numbers, *taken}, self.table)
        self._ranks = {name: ranks(scores) for name, scores in table.methods.items()}

    @property
    def rescanned(self) -> bool:
        """Return whether the current table is a rescan with a person's decisions."""
        return self.table is not self.first

    @property
    def filter_command(self) -> str:
        """Return the command that filters by the decisions and the threshold of this review."""
        words = ["growlabels", "unsafe", "filter", str(self.run.path), "--decisions"]
        return shlex.join([*words, "--threshold", self.spec])

    def row(self, number: int) -> ReviewRow:
        """Return what the page shows of a flagged row; other rows raise ``KeyError``."""
        table, i = self.table, self._place[number]
        example = self._answer(number, int(table.answer[i]))
        start, end = int(table.window_start[i]), int(table.window_end[i])
        near = int(table.nearest_target_number[i])
        return ReviewRow(
            example,
            *self._target(near),
            table.answer_of(i),
            locate(example.response, table.window_text[i]),
            f"{start + 1} to {end}: {table.window_text[i].strip()}",
            self.decisions.current().get(example.id, ""),
            int(table.rank[i]),
            int(self.first.rank[self._place[number]]),
            bool(table.is_target[i]),
            [(m, float(s[i]), int(self._ranks[m][i])) for m, s in table.methods.items()],
        )

    def _target(self, number: int) -> tuple[str, Example]:
        """Return a target's name and text. In a rescan, rejected rows follow the given targets."""
        if not self.rescanned:
            return f"target {number}", self.targets[number]
        given = list(self.targets.items())
        if number <= len(given):
            place, example = given[number - 1]
            return f"target {place}", example
        place = self.table.facts["reviewed_targets"][number - 1 - len(given)]
        answer = self.table.facts["reviewed_answers"][number - 1 - len(given)]
        return f"row {place}, which you rejected", self._answer(place, answer)

    def _answer(self, number: int, answer: int) -> Example:
        """Return one answer of a flagged row, with the preceding turns as the prompt."""
        return next(e for e in self._rows[number].each_answer() if e.answer == answer)

    def _rejected_answer(self, number: int) -> int:
        """Return the answer for which a row was rejected, which becomes the target."""
        taken: dict[int, int] = {}
        if self.rescanned:
            facts = self.table.facts
            taken = dict(zip(facts["reviewed_targets"], facts["reviewed_answers"], strict=True))
        return taken.get(number, int(self.table.answer[self._place[number]]))

    def next_open(self, number: int) -> int | None:
        """Return the next undecided row, starting over at the end, or None if there is none."""
        decided = self.decisions.current()
        at = self.numbers.index(number) + 1
        for other in [*self.numbers[at:], *self.numbers[:at]]:
            if self._rows[other].id not in decided:
                return other
        return None

    def number_of(self, row_id: str) -> int | None:
        """Return the 1-based input position of a row in the review, or None."""
        return next((n for n in self.numbers if self._rows[n].id == row_id), None)

    def rescan(self, progress: Progress = silent) -> int:
        """Score all rows again, with the rejected rows as additional targets.

        The model reads only the targets, and the features of the rows come from the store.
        Gradient methods are skipped, because they would train again.

        Returns
        -------
        int
            Number of rows that became targets.

        Raises
        ------
        UsageError
            No row has been rejected.
        """
        from growlabels.unsafe.features.fill import ShardSettings
        from growlabels.unsafe.model.model import load_model
        from growlabels.unsafe.scores.defaults import FORWARD_METHODS
        from growlabels.unsafe.scores.scanner import Scanner

        decided = self.decisions.current()
        rejected = [n for n in self.numbers if decided.get(self._rows[n].id) == "reject"]
        if not rejected:
            raise UsageError("no row has been rejected; reject rows (r) before a rescan")
        if self._scanner is None:
            facts = self.first.facts
            settings = {name: self.run.config[name] for name in vars(ShardSettings())}
            methods = [name for name in self.first.methods if name in FORWARD_METHODS]
            self._scanner = Scanner(
                load_model(
                    facts["model_source"], facts.get("device", "cpu"), facts.get("dtype", "float32")
                ),
                methods=methods or FORWARD_METHODS,
                score_masked=bool(self.first.facts.get("score_masked")),
                encoding=self.first.encoding,
                **settings,
            ).fit(self.train, self.run.path, progress)
        answers = [self._rejected_answer(number) for number in rejected]
        examples = [*self.targets.values(), *map(self._answer, rejected, answers)]
        table = self._scanner.score(
            [{"prompt": e.prompt, "completion": e.response} for e in examples], progress
        )
        taken = {"reviewed_targets": rejected, "reviewed_answers": answers}
        table = replace(table, facts={**table.facts, **taken})
        table.to_parquet(self.run.path / REVIEWED)
        self.run.adopt(REVIEWED)
        self._show(table)
        return len(rejected)


def locate(response: str, carried: str) -> Passage:
    """Find a passage in a response. If it is absent, the whole response comes before it.

    >>> locate("return eval(text)", " eval(")
    Passage(before='return', carried=' eval(', after='text)')
    """
    for text in (carried, carried.strip()):
        before, found, after = response.partition(text) if text else (response, "", "")
        if found:
            return Passage(before, found, after)
    return Passage(response, "", "")


def _by_number(source: Path, wanted: Collection[int], table: ScoreTable) -> dict[int, Example]:
    masked = bool(table.facts.get("score_masked"))
    rows = read_examples(source, lambda bad: None, masked, table.encoding)
    return {example.number: example for example in rows if example.number in wanted}
