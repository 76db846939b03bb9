"""Moderators that are models on this machine: a text classifier, and a generative guard."""

import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.model.model import (
    COPY_AGAIN,
    CausalModel,
    load_model,
    reading,
    require_weights,
    tensor_name,
)
from growlabels.unsafe.model.tokenizer import require_tokenizer
from growlabels.unsafe.moderate.moderator import Exchange, Verdict, require_exchanges

# Parts of label names that published safety classifiers give to what is not safe.
_UNSAFE_PARTS = (
    "unsafe", "toxic", "harm", "hate", "jailbreak", "injection", "offensive", "violen", "threat",
    "insult", "obscene", "sexual", "nsfw", "dangerous", "illegal", "abus",
)  # fmt: skip
_NEGATIONS = ("non", "not", "no_", "no-", "no ")
_LEADS = ("", "\n", "\n\n", " ")
_LEAST_MASS = 0.01
_WORD_TOKENS = 16
"""Room for the verdict among the model's positions."""


class Classifier:
    """A Hugging Face text classifier from a local folder, read as safetensors only.

    Parameters
    ----------
    folder
        What ``AutoModelForSequenceClassification`` loads; nothing is downloaded.
    unsafe_labels
        Names of the labels that mean unsafe; by default those whose names say so.

    Raises
    ------
    UsageError
        No such folder or weights, or no label that is known to mean unsafe.
    DataError
        The files do not fit together.

    Notes
    -----
    The text is the prompt, an empty line, the response, cut to what the model reads. With one
    label for each row the probability is the sum over the unsafe labels; where each label has
    its own yes or no, the highest.
    """

    def __init__(
        self, folder: str | os.PathLike[str], unsafe_labels: Iterable[str] | None = None
    ) -> None:
        from transformers import pipeline

        UsageError.require_path("classifier", folder)
        model, tokenizer = _sequence_classifier(Path(folder))
        names = [str(name) for name in model.config.id2label.values()]
        self._unsafe = _unsafe_names(names, unsafe_labels, folder)
        self._each = model.config.problem_type == "multi_label_classification" or len(names) == 1
        limit = min(tokenizer.model_max_length, _positions(model.config))
        self._options: dict[str, Any] = {"top_k": None, "truncation": True, "max_length": limit}
        self._options["function_to_apply"] = "sigmoid" if self._each else "softmax"
        self._pipeline = pipeline("text-classification", model=model, tokenizer=tokenizer)

    def __call__(self, rows: Sequence[Exchange], /) -> list[Verdict]:
        """Judge rows."""
        require_exchanges(rows)
        found: Any = self._pipeline(
            [f"{row.prompt}\n\n{row.response}" for row in rows], **self._options
        )
        join = max if self._each else math.fsum
        return [
            Verdict(min(1.0, join([s["score"] for s in scores if s["label"] in self._unsafe])))
            for scores in found
        ]


def _sequence_classifier(folder: Path) -> tuple[Any, Any]:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    if not folder.is_dir():
        raise UsageError(
            f"classifier {str(folder)!r} is not a folder; give one with config.json, "
            "*.safetensors and tokenizer files (models are never downloaded)"
        )
    require_weights(folder)
    local: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with reading(f"classifier {str(folder)!r}", COPY_AGAIN):
        loaded: Any = AutoModelForSequenceClassification.from_pretrained(
            folder,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are in the loading info, and refused below
            **local,
        )
        tokenizer = AutoTokenizer.from_pretrained(folder, **local)
    model, info = loaded
    wrong = sorted({tensor_name(key) for key in (*info["missing_keys"], *info["mismatched_keys"])})
    if wrong:
        raise DataError(
            f"the weights in {str(folder)!r} are not those of a text classifier: {wrong[0]} is "
            "missing or of another shape; give a classifier's folder"
        )
    require_tokenizer(tokenizer, model, str(folder))
    return model.eval(), tokenizer


def _unsafe_names(
    names: Sequence[str], asked: Iterable[str] | None, folder: str | os.PathLike[str]
) -> set[str]:
    if asked is not None:
        asked = [asked] if isinstance(asked, str) else asked
        for name in (wanted := set(asked)):
            if name not in names:
                raise UsageError.choice("unsafe label", names, name)
        if wanted:
            return wanted
    lowered = {name: name.lower() for name in names}
    found = {
        name
        for name, low in lowered.items()
        if any(part in low for part in _UNSAFE_PARTS) and not low.startswith(_NEGATIONS)
    }
    if not found:
        raise UsageError(
            f"no label of classifier {str(folder)!r} is known to mean unsafe, its labels are "
            f"{', '.join(map(repr, names))}; say which with unsafe_labels (--unsafe-labels)"
        )
    return found


def _positions(config: Any) -> int:
    """Tokens a model has places for; two fewer, since some families keep two for themselves."""
    places = getattr(config, "max_position_embeddings", None)
    return max(1, places - 2) if isinstance(places, int) and places > 0 else 512


class Guard:
    """A causal model that was taught to answer ``safe`` or ``unsafe``.

    The probability is that of the word ``unsafe`` against ``safe`` right after the exchange,
    each word whole, however many tokens it has. Empty lines before the word are allowed for.
    A row is not judged where the model is likely to say neither.

    Parameters
    ----------
    model
        A :class:`CausalModel`, or what :func:`load_model` takes.
    max_tokens
        Most tokens of the exchange; a longer one, or one that passes the model's positions, loses
        its middle.

    Notes
    -----
    Uses the tokenizer's chat template, which in published guards holds their instructions;
    without one the exchange is written in plain words.
    """

    def __init__(self, model: CausalModel | str | os.PathLike[str], max_tokens: int = 1024) -> None:
        UsageError.require_whole("max_tokens", max_tokens, 2)
        self.model: CausalModel = model if isinstance(model, CausalModel) else load_model(model)
        self.max_tokens = max_tokens
        self._leads = list(_LEADS)

    def __call__(self, rows: Sequence[Exchange], /) -> list[Verdict]:
        """Judge rows, one at a time."""
        require_exchanges(rows)
        return [self._judge(row) for row in rows]

    def _judge(self, row: Exchange) -> Verdict:
        context = self._context(row)
        for lead in list(self._leads):
            safe, unsafe = (
                math.exp(word_log_probability(self.model, context, lead + word))
                for word in ("safe", "unsafe")
            )
            if safe + unsafe >= _LEAST_MASS:
                self._leads.remove(lead)
                self._leads.insert(0, lead)  # the next row is likely to be answered alike
                return Verdict(unsafe / (safe + unsafe))
        return Verdict(None, "the guard is likely to say neither 'safe' nor 'unsafe'")

    def _context(self, row: Exchange) -> list[int]:
        from jinja2 import TemplateError

        tokenizer = self.model.tokenizer
        if tokenizer.chat_template:
            turns = [
                {"role": "user", "content": row.prompt},
                {"role": "assistant", "content": row.response},
            ]
            try:
                text = tokenizer.apply_chat_template(
                    turns, tokenize=False, add_generation_prompt=True
                )
            except (TemplateError, ValueError, TypeError) as error:
                raise DataError(
                    f"the chat template of guard {self.model.name!r} cannot be used: {error}; "
                    "copy chat_template.jinja and tokenizer_config.json again"
                ) from error
        else:
            text = f"User: {row.prompt}\n\nAssistant: {row.response}\n\nVerdict:\n"
        ids = tokenizer(text, add_special_tokens=False, verbose=False).input_ids
        most = min(self.max_tokens, self.model.positions - _WORD_TOKENS)
        if len(ids) > most:
            half = most // 2
            ids = ids[: most - half] + ids[len(ids) - half :]
        return ids


def word_log_probability(model: CausalModel, context: Sequence[int], text: str) -> float:
    """Compute how likely a model goes on with a text: the sum over its tokens, in nats."""
    word = model.tokenizer(text, add_special_tokens=False, verbose=False).input_ids
    ids = torch.tensor([[*context, *word]], device=model.device)
    with torch.no_grad():
        logits = model.model(input_ids=ids, logits_to_keep=len(word) + 1).logits[0, :-1].float()
    chosen = logits.log_softmax(-1)[torch.arange(len(word)), ids[0, len(context) :]]
    return float(chosen.sum())
