"""Run ``growlabels unsafe check``: test a model and estimate the cost before a long scan."""

from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import Progress
from growlabels.tables import MalformedRow
from growlabels.unsafe.cli.commands import UnsafeCheck
from growlabels.unsafe.gradients.pool_gradients import GradientSettings
from growlabels.unsafe.measure.model_check import ModelCheck, check_model
from growlabels.unsafe.model.encode import Encoded, encode
from growlabels.unsafe.model.lora import LoraSettings
from growlabels.unsafe.model.model import CausalModel, load_model
from growlabels.unsafe.rows.examples import no_usable_row, read_examples
from growlabels.unsafe.rows.source import open_rows
from growlabels.unsafe.scores.shortlist import second_stage_rows

_SAMPLE = 1000
_ASSUMED_ROWS = 1000


def run(options: UnsafeCheck, progress: Progress) -> None:
    """Check a model on a few rows and print the result."""
    if options.train is not None:
        open_rows(options.train, encoding=options.encoding)
    for name in ("max_prompt_tokens", "max_response_tokens"):
        if getattr(options, name) < 1:
            raise UsageError.parameter(name, "must be at least 1", getattr(options, name))
    lora = LoraSettings(top_layers=options.top_layers, layers=options.layers)
    model = load_model(options.model, options.device, options.dtype)
    limits = options.max_prompt_tokens, options.max_response_tokens
    what = "rows"
    if options.train is None:
        encoded, rows = _drawn(model, *limits), _ASSUMED_ROWS
    else:
        encoded, rows, what = _sampled(model, options.train, options.encoding, *limits)
    found = check_model(model, encoded, lora, rows=rows)
    for sentence in check_sentences(model, found, rows, what):
        print(sentence)
    if not found.exact:
        raise DataError(
            f"{model.name} is not exact: a row's score would depend on the other rows of its "
            "batch; use another model, or float32 if the model has a shorter number format"
        )


def check_sentences(
    model: CausalModel, found: ModelCheck, rows: int, what: str = "rows"
) -> list[str]:
    """Return the sentences that report a check."""
    seconds, gigabytes = found.seconds, found.gigabytes
    parameters = sum(p.numel() for p in model.model.parameters())
    more = sum(seconds[stage] for stage in ("trunk", "fine-tuning", "gradients"))
    verdict = "exact" if found.exact else "NOT exact"
    scored = second_stage_rows(rows, GradientSettings.share, GradientSettings.share_above)
    fewer = (
        f"A scan computes gradients of {scored:,} of the {what}, those with the highest F4w, in at "
        f"most {_duration(more * min(1.0, 2 * scored / rows))}; --gradient-share 1 selects all."
    )
    return [
        f"{model.name}: {parameters / 1e6:,.0f} million parameters, {model.n_layers} layers, "
        f"{str(model.model.dtype).removeprefix('torch.')} on {model.device}.",
        f"Per-row gradients are {verdict}: {found.rows} rows in padded batches differ from the "
        f"same rows alone by a relative error of at most {found.gradient_error:.1e} in gradients "
        f"and {found.loss_error:.1e} in losses.",
        f"A scan of {rows:,} {what} takes about {_duration(seconds['forward'])} and "
        f"{_size(gigabytes['features'])} on disk; the model takes {_size(gigabytes['model'])} of "
        "memory.",
        f"grad-cos takes {_duration(more)} more: one pass through the layers below the adapter, "
        "one epoch of fine-tuning and one pass per further checkpoint. It needs "
        f"{_size(gigabytes['batch'])} of memory per batch and {_size(gigabytes['trunk'])} of "
        "temporary disk space.",
        *([fewer] if scored < rows else []),
        "Times are extrapolated from a few rows at the current load of this computer, within a "
        "factor of two.",
    ]


def _drawn(model: CausalModel, prompt_tokens: int, response_tokens: int) -> list[Encoded]:
    """Draw rows of random tokens with different lengths up to the limits."""
    generator = np.random.default_rng(0)
    vocabulary = model.model.get_input_embeddings().weight.shape[0]
    around = len(model.turn.before) + len(model.turn.after)
    rows = []
    for share in np.linspace(0.3, 1.0, 8):
        prompt = around + max(1, round(prompt_tokens * share))
        length = prompt + max(1, round(response_tokens * share))
        rows.append(Encoded(generator.integers(0, vocabulary, length), prompt, False))
    return rows


def _sampled(
    model: CausalModel, train: Path, encoding: str, prompt_tokens: int, response_tokens: int
) -> tuple[list[Encoded], int, str]:
    """Encode the first answers, count all answers, and name what was counted."""
    bad: list[MalformedRow] = []
    encoded: list[Encoded] = []
    rows = answers = 0
    for example in read_examples(train, bad.append, encoding=encoding):
        rows += 1
        answers += len(example.earlier) + 1
        for answer in islice(example.each_answer(), _SAMPLE - len(encoded)):
            # A scan also sets aside a response without tokens.
            with suppress(DataError):
                encoded.append(encode(model, answer, prompt_tokens, response_tokens))
    if not encoded:
        raise no_usable_row(str(train), bad)
    return encoded, answers, f"answers in {rows:,} rows" if answers > rows else "rows"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(seconds, 1):.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _size(gigabytes: float) -> str:
    return f"{gigabytes:.1f} GB" if gigabytes >= 1 else f"{max(gigabytes * 1000, 1):.0f} MB"
