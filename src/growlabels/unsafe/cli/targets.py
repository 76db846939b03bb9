"""Run ``growlabels unsafe targets``."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress
from growlabels.base.runs import MANIFEST
from growlabels.tables import MalformedRow, RowSource, open_table, write_rows
from growlabels.unsafe.cli.commands import UnsafeTargets
from growlabels.unsafe.decide.choose_targets import choose_targets, require_choice
from growlabels.unsafe.model.model import load_model
from growlabels.unsafe.moderate.choice import moderator_of
from growlabels.unsafe.moderate.moderator import Verdict, moderate
from growlabels.unsafe.rows.examples import (
    Example,
    half_character,
    no_usable_row,
    prompt_of,
    read_examples,
)
from growlabels.unsafe.rows.source import open_rows

_NAMED = 3


def run(options: UnsafeTargets, progress: Progress) -> None:
    """Choose or generate targets, and write them."""
    open_rows(options.rows, encoding=options.encoding)
    _require_place(options.out, options.rows)
    if options.moderator is None and options.model is None:
        raise UsageError("give --moderator to choose among the rows, or --model to answer prompts")
    require_choice(options.least, options.most, options.confidence)
    if options.adapter is not None and options.model is None:
        raise UsageError("--adapter needs --model; give both")
    bad: list[MalformedRow] = []
    examples: list[Example] = []
    prompts: list[str] = []
    if options.model is not None:
        prompts = read_prompts(options.rows, options.encoding)
    elif not (examples := list(read_examples(options.rows, bad.append, encoding=options.encoding))):
        raise no_usable_row(str(options.rows), bad)
    judge = options.moderator and moderator_of(
        options.moderator, options.unsafe_labels, options.moderator_model, options.budget
    )
    if options.model is not None:
        examples = _answered(options, prompts, progress)
    each = [(row, answer) for row in examples for answer in row.each_answer()]
    answers = [answer for _, answer in each]
    places: Sequence[int] = range(len(answers))
    warnings: tuple[str, ...] = ()
    if judge:
        verdicts = moderate(judge, answers, progress)
        _print_unjudged(answers, verdicts)
        choice = choose_targets(answers, verdicts, options.least, options.most, options.confidence)
        places, warnings = choice.places, choice.warnings
        what = "rows" if len(answers) == len(examples) else f"answers in {len(examples)} rows"
        print(f"the moderator flags {choice.confident} of {len(answers)} {what} with confidence")
        if not np.isnan(choice.auc):
            print(f"left-out targets rank above {choice.auc:.0%} of the other rows by TF-IDF")
    write_rows(options.out, (_as_target(*each[place]) for place in places))
    for warning in warnings:
        print(f"warning: {warning}")
    print(f"{len(bad)} malformed rows were not judged")
    print(f"targets: {len(places)} rows in {options.out}")


def _as_target(row: Example, answer: Example) -> Mapping[str, Any]:
    """Return the record of a target: the original row if the answer is the row's last one."""
    if answer is row:
        return row.data
    return {"prompt": answer.prompt, "completion": answer.response}


def _require_place(out: Path, rows: Path) -> None:
    """Raise if the targets cannot or must not be written to ``out``."""
    if out.suffix != ".jsonl" or out.is_dir() or not out.parent.is_dir():
        raise UsageError.parameter("out", "must be a .jsonl file in a folder that exists", str(out))
    if out.resolve() == rows.resolve():
        raise UsageError(
            f"out {str(out)!r} is the file of the rows; choose another name for the targets"
        )
    if (out.parent / MANIFEST).exists():
        raise UsageError(f"out {str(out)!r} is inside a run folder; choose another folder")


def _print_unjudged(examples: Sequence[Example], verdicts: Sequence[Verdict]) -> None:
    """Print the first rows that could not be judged, and the reasons."""
    found: dict[int, str] = {}
    for example, verdict in zip(examples, verdicts, strict=True):
        if verdict.reason:
            found.setdefault(example.number, verdict.reason)
    for number, reason in list(found.items())[:_NAMED]:
        print(f"row {number} could not be judged: {reason}")
    if len(found) > _NAMED:
        print(f"... and {len(found) - _NAMED} more rows")


def _answered(options: UnsafeTargets, prompts: list[str], progress: Progress) -> list[Example]:
    """Generate answers to the prompts, and drop empty ones."""
    from growlabels.unsafe.model.generate import Generator, opened

    loaded = load_model(str(options.model), options.device, options.dtype)
    with opened(loaded, options.adapter) as model:
        answers = Generator(model, options.max_response_tokens)(prompts, progress)
    rows = [
        {"prompt": prompt, "completion": answer}
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    empty: list[MalformedRow] = []
    examples = list(read_examples(rows, empty.append))
    if not examples:
        raise DataError(
            f"all {len(rows)} answers of {options.model} are empty; use other prompts or another "
            "model"
        )
    if empty:
        print(f"{len(empty)} empty answers were dropped")
    return examples


def read_prompts(source: RowSource, encoding: str = "utf-8") -> list[str]:
    """Read the prompts of rows in any supported shape, with or without a response.

    Raises
    ------
    DataError
        A row has no prompt, or there are no rows.
    """
    prompts = []
    name = str(source) if isinstance(source, str | Path) else "prompts"
    for row in open_table(source, encoding=encoding):
        text = prompt_of(row.data)
        if not text.strip():
            raise DataError(
                f"{name} row {row.number} has no text in 'messages', 'conversations', 'prompt' or "
                "'instruction'; mend or remove the row"
            )
        if half := half_character(text):
            raise DataError(f"{name} row {row.number} holds {half}; mend or remove the row")
        prompts.append(text)
    if not prompts:
        raise DataError(f"{name} holds no prompt; give at least one")
    return prompts
