"""A scan that a person looks through: flagged rows in order, their texts, decisions, rescans."""

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
    """A text in three parts; the middle one carried the score and may be empty."""

    before: str
    carried: str
    after: str


@dataclass(frozen=True)
class ReviewRow:
    """What the page shows of one row.

    Attributes
    ----------
    row, target_name, target
        The row, of a conversation the answer that had the highest score, and its nearest target,
        with what that is called.
    answer
        Which answer of a conversation it is; empty where there is but one.
    response
        The row's response, with the passage that carried its score.
    tokens
        Which tokens of the response those are, and their text.
    decision
        accept, reject, unsure or nothing yet.
    rank, first_rank
        Now, and in the scan as it was first made.
    scores
        Method, score, rank.
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
    """The flagged rows of a scan and what a person says of them.

    The scan itself is never changed: decisions and the rescanned table are files beside it.

    Parameters
    ----------
    run
        The run folder of a scan.
    table
        Its scores.
    train
        The scanned rows.
    threshold
        Which rows are flagged; rows that are targets, and rows already decided, are shown too.
    labels
        Row id -> 1 for unsafe, 0 for safe, where the truth is known; with the decisions what a
        threshold ``precision:p`` is calibrated on, when the page opens and after a rescan.

    Raises
    ------
    UsageError
        The threshold cannot be read.
    RunError
        The scan was made by a version that kept no targets.
    """

    def __init__(
        self,
        run: RunFolder,
        table: ScoreTable,
        train: str | os.PathLike[str],
        threshold: str = DEFAULT_THRESHOLD,
        labels: Mapping[str, int] | None = None,
    ) -> None:
        self.run, self.train, self.spec, self.labels = run, Path(train), threshold, labels
        self.decisions = Decisions(run.path / DECISIONS)
        kept = read_examples(run.file(TARGETS), lambda bad: None)
        self.targets = {int(target.data["number"]): target for target in kept}
        self.first = table
        self._scanner: Any = None
        reviewed = run.path / REVIEWED
        self._show(ScoreTable.from_parquet(run.file(REVIEWED)) if reviewed.exists() else table)

    def _show(self, table: ScoreTable) -> None:
        """Take a table as the one to look through."""
        self.table = table
        percentiles = next(iter(table.percentiles.values()))
        decided = self.decisions.current()
        known = known_labels(table.row_id, decided, self.labels)
        self.threshold: Threshold = resolve_threshold(self.spec, table.score, percentiles, known)
        flagged = self.first.is_target | (table.rank <= self.threshold.rejected)
        flagged |= np.isin(table.row_id, list(decided))
        order = np.argsort(table.rank)
        self.numbers = [int(table.number[i]) for i in order if flagged[i]]
        self._place = {int(number): i for i, number in enumerate(table.number)}
        taken = table.facts.get("reviewed_targets", ())  # a decision may be undone since
        masked = bool(self.table.facts.get("score_masked"))
        self._rows = _by_number(self.train, {*self.numbers, *taken}, masked)
        self._ranks = {name: ranks(scores) for name, scores in table.methods.items()}

    @property
    def rescanned(self) -> bool:
        """Whether the table shown was made with a person's decisions."""
        return self.table is not self.first

    @property
    def filter_command(self) -> str:
        """What to type to filter by the decisions, at the threshold of this review."""
        words = ["growlabels", "unsafe", "filter", str(self.run.path), "--decisions"]
        return shlex.join([*words, "--threshold", self.spec])

    def row(self, number: int) -> ReviewRow:
        """Return what is shown of a flagged row; ``KeyError`` for another."""
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
        """Return a target's name and text; a rescan counts the given ones, then the rejected."""
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
        """Return one answer of a flagged row, with the turns before it as prompt."""
        return next(e for e in self._rows[number].each_answer() if e.answer == answer)

    def _rejected_answer(self, number: int) -> int:
        """Return which answer of a rejected row is a target: the one it was rejected for."""
        taken: dict[int, int] = {}
        if self.rescanned:
            facts = self.table.facts
            taken = dict(zip(facts["reviewed_targets"], facts["reviewed_answers"], strict=True))
        return taken.get(number, int(self.table.answer[self._place[number]]))

    def next_open(self, number: int) -> int | None:
        """Return the first undecided row after this one, else the first of all, else none."""
        decided = self.decisions.current()
        at = self.numbers.index(number) + 1
        for other in [*self.numbers[at:], *self.numbers[:at]]:
            if self._rows[other].id not in decided:
                return other
        return None

    def number_of(self, row_id: str) -> int | None:
        """Return the place in the input of a row shown here."""
        return next((n for n in self.numbers if self._rows[n].id == row_id), None)

    def rescan(self, progress: Progress = silent) -> int:
        """Score all rows again, with the rejected rows as targets too.

        The model reads the targets alone; what it said of the rows comes from the store.
        Methods of gradients, which would train again, are left out.

        Returns
        -------
        int
            How many rows became targets.

        Raises
        ------
        UsageError
            No row was rejected yet.
        """
        from growlabels.unsafe.features.fill import ShardSettings
        from growlabels.unsafe.model.model import load_model
        from growlabels.unsafe.scores.defaults import FORWARD_METHODS
        from growlabels.unsafe.scores.scanner import Scanner

        decided = self.decisions.current()
        rejected = [n for n in self.numbers if decided.get(self._rows[n].id) == "reject"]
        if not rejected:
            raise UsageError("no row is rejected yet; reject rows (r) before a rescan")
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
    """Find a passage in a response; the whole response comes first where it is not there.

    >>> locate("return eval(text)", " eval(")
    Passage(before='return', carried=' eval(', after='text)')
    """
    for text in (carried, carried.strip()):
        before, found, after = response.partition(text) if text else (response, "", "")
        if found:
            return Passage(before, found, after)
    return Passage(response, "", "")


def _by_number(source: Path, wanted: Collection[int], masked: bool) -> dict[int, Example]:
    rows = read_examples(source, lambda bad: None, masked)
    return {example.number: example for example in rows if example.number in wanted}
