"""What a model answers, greedily, so that the same model always answers the same."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress, silent
from growlabels.unsafe.model.adapter_files import attach_saved
from growlabels.unsafe.model.encode import prompt_tokens
from growlabels.unsafe.model.model import CausalModel, load_model, require_model

_ROWS_AT_ONCE = 16


class Generator:
    """Answer prompts with a model's likeliest next tokens.

    Parameters
    ----------
    model
        With an adapter attached, the adapted model answers.
    max_response_tokens
        Where an answer is cut.
    max_prompt_tokens
        A longer prompt, or one that with the answer passes the model's positions, loses its middle.

    Raises
    ------
    UsageError
        No :class:`CausalModel`; a limit that is below 1 or leaves no room for a prompt.
    """

    def __init__(
        self, model: CausalModel, max_response_tokens: int = 96, max_prompt_tokens: int = 256
    ) -> None:
        require_model(model)
        for name, limit in (
            ("max_response_tokens", max_response_tokens),
            ("max_prompt_tokens", max_prompt_tokens),
        ):
            UsageError.require_whole(name, limit)
        room = model.room - max_response_tokens
        if room < 1:
            raise UsageError.parameter(
                "max_response_tokens",
                f"must leave room for a prompt among the model's {model.room} tokens",
                max_response_tokens,
            )
        self.model = model
        self._limits = max_response_tokens, min(max_prompt_tokens, room)

    def __call__(self, prompts: Sequence[str], progress: Progress = silent) -> list[str]:
        """Return one answer for each prompt; ``progress`` gets the stage ``"answering"``.

        Prompts that are no list of texts are a ``UsageError``.
        """
        if isinstance(prompts, str) or not isinstance(prompts, Sequence):
            raise UsageError.parameter("prompts", "must be a list of texts", prompts)
        for prompt in prompts:
            UsageError.require_instance("each of prompts", prompt, str)
        encoded = [prompt_tokens(self.model, prompt, self._limits[1]) for prompt in prompts]
        by_length = sorted(range(len(prompts)), key=lambda place: len(encoded[place]))
        answers = [""] * len(prompts)
        for start in range(0, len(by_length), _ROWS_AT_ONCE):
            places = by_length[start : start + _ROWS_AT_ONCE]
            for place, text in zip(places, self._answer([encoded[p] for p in places]), strict=True):
                answers[place] = text
            progress("answering", start + len(places), len(prompts))
        return answers

    def _answer(self, rows: Sequence[list[int]]) -> list[str]:
        longest = max(map(len, rows))
        ids = np.zeros((len(rows), longest), np.int64)
        real = np.zeros_like(ids)
        for row, tokens in enumerate(rows):  # padding on the left, so that answers line up
            ids[row, longest - len(tokens) :] = tokens
            real[row, longest - len(tokens) :] = 1
        with torch.no_grad():
            out = self.model.model.generate(
                torch.from_numpy(ids).to(self.model.device),
                attention_mask=torch.from_numpy(real).to(self.model.device),
                generation_config=self._config(),
            )
        return [
            self.model.tokenizer.decode(row[longest:], skip_special_tokens=True).strip()
            for row in out
        ]

    def _config(self) -> Any:
        from transformers import GenerationConfig

        tokenizer = self.model.tokenizer
        found = getattr(self.model.model, "generation_config", None)
        ends = getattr(found, "eos_token_id", None)
        ends = [] if ends is None else list(ends) if isinstance(ends, list) else [ends]
        if tokenizer.eos_token_id is not None and tokenizer.eos_token_id not in ends:
            ends.append(tokenizer.eos_token_id)
        return GenerationConfig(
            do_sample=False,
            max_new_tokens=self._limits[0],
            eos_token_id=ends or None,
            pad_token_id=ends[0] if ends else 0,
        )


@contextmanager
def opened(
    model: CausalModel | str, adapter: str | os.PathLike[str] | None = None
) -> Iterator[CausalModel]:
    """Load a model, with a saved adapter attached if one is given."""
    causal = model if isinstance(model, CausalModel) else load_model(model)
    if adapter is None:
        yield causal
        return
    with attach_saved(causal, adapter):
        yield causal
