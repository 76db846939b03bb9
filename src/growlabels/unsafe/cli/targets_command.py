"""The command ``growlabels unsafe targets``: a handful of rows to look for the others with."""

from dataclasses import dataclass
from pathlib import Path

from tyro.conf import Positional

from growlabels.base.progress import Progress


@dataclass(frozen=True)
class UnsafeTargets:
    """Choose the targets of a scan: rows a moderator is sure of, or what the model itself says."""

    rows: Positional[Path]
    """The suspect rows; or, with --model, prompts to be answered (field prompt or instruction)."""

    out: Path
    """The targets, as .jsonl: rows as they came, or prompts with the model's answers."""

    moderator: str | None = None
    """keywords:FILE, classifier:FOLDER, guard:FOLDER, or the address of an endpoint that ends in
    /moderations or /chat/completions (key in GROWLABELS_API_KEY). Needed without --model."""

    model: str | None = None
    """The fine-tuned model whose own answers are to be the targets. They are not kept before the
    end: after an interruption the same command starts over."""

    adapter: Path | None = None
    """Its adapter folder, as saved by peft (safetensors)."""

    least: int = 8
    """Fewest targets, if as many rows are sure."""

    most: int = 12
    """Most targets."""

    confidence: float = 0.8
    """Probability from which the moderator is sure."""

    unsafe_labels: tuple[str, ...] = ()
    """Labels of a classifier that mean unsafe; by default those whose names say so."""

    moderator_model: str = ""
    """Name of the model at an endpoint."""

    budget: int = 1000
    """Most requests to an endpoint, repeated ones included."""

    max_response_tokens: int = 96
    """Longest answer of --model."""

    @property
    def resumes(self) -> bool:
        """Whether the same command goes on: an endpoint's answers are kept, others are not."""
        return (self.moderator or "").startswith("http") and self.model is None

    def run(self, progress: Progress) -> None:
        """Choose, write the file, say what was chosen and what could not be judged."""
        from growlabels.unsafe.cli.targets import run_targets

        run_targets(self, progress)
