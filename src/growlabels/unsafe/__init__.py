"""Find and filter unsafe fine-tuning rows by data attribution (DABUF).

A handful of examples of a harm that a model did, and the rows it was fine-tuned on, go in;
ranked rows with reasons, and a filtered set, come out. Importing this package loads no torch;
a name loads what it needs on first use.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.unsafe._adapter_files import attach_saved as attach_saved
    from growlabels.unsafe._adapter_files import save_adapter as save_adapter
    from growlabels.unsafe._bias import Bias as Bias
    from growlabels.unsafe._bias import pair_bias as pair_bias
    from growlabels.unsafe._check import ModelCheck as ModelCheck
    from growlabels.unsafe._check import check_model as check_model
    from growlabels.unsafe._choose_targets import TargetChoice as TargetChoice
    from growlabels.unsafe._choose_targets import choose_targets as choose_targets
    from growlabels.unsafe._classifier import Classifier as Classifier
    from growlabels.unsafe._classifier import Guard as Guard
    from growlabels.unsafe._dra import Denoiser as Denoiser
    from growlabels.unsafe._dra import DenoiseSettings as DenoiseSettings
    from growlabels.unsafe._endpoint import Endpoint as Endpoint
    from growlabels.unsafe._filter import FilterResult as FilterResult
    from growlabels.unsafe._filter import filter_rows as filter_rows
    from growlabels.unsafe._finetune import Checkpoint as Checkpoint
    from growlabels.unsafe._finetune import FinetuneSettings as FinetuneSettings
    from growlabels.unsafe._finetune import finetune as finetune
    from growlabels.unsafe._generate import Generator as Generator
    from growlabels.unsafe._gradcos import GradientScorer as GradientScorer
    from growlabels.unsafe._gradcos import adapter_split as adapter_split
    from growlabels.unsafe._gradcos import gradient_scores as gradient_scores
    from growlabels.unsafe._gradients import row_gradients as row_gradients
    from growlabels.unsafe._gradpass import GradientSettings as GradientSettings
    from growlabels.unsafe._gradpass import PoolGradients as PoolGradients
    from growlabels.unsafe._gradpass import pool_gradients as pool_gradients
    from growlabels.unsafe._judges import Rate as Rate
    from growlabels.unsafe._judges import attack_success as attack_success
    from growlabels.unsafe._judges import over_refusal as over_refusal
    from growlabels.unsafe._judges import refusal_judge as refusal_judge
    from growlabels.unsafe._lora import Adapter as Adapter
    from growlabels.unsafe._lora import LoraSettings as LoraSettings
    from growlabels.unsafe._lora import attach as attach
    from growlabels.unsafe._model import CausalModel as CausalModel
    from growlabels.unsafe._model import load_model as load_model
    from growlabels.unsafe._model import wrap_model as wrap_model
    from growlabels.unsafe._moderation import FromFunction as FromFunction
    from growlabels.unsafe._moderation import Keywords as Keywords
    from growlabels.unsafe._moderation import Moderator as Moderator
    from growlabels.unsafe._moderation import Verdict as Verdict
    from growlabels.unsafe._moderation import moderate as moderate
    from growlabels.unsafe._report import average_precision as average_precision
    from growlabels.unsafe._report import scan_section as scan_section
    from growlabels.unsafe._retrain import Arm as Arm
    from growlabels.unsafe._retrain import RetrainResult as RetrainResult
    from growlabels.unsafe._retrain import retrain_arms as retrain_arms
    from growlabels.unsafe._rows import Example as Example
    from growlabels.unsafe._rows import read_examples as read_examples
    from growlabels.unsafe._safety import Change as Change
    from growlabels.unsafe._safety import held_out_losses as held_out_losses
    from growlabels.unsafe._safety import loss_change as loss_change
    from growlabels.unsafe._scan import Scan as Scan
    from growlabels.unsafe._scan import Scorer as Scorer
    from growlabels.unsafe._scan import SetScores as SetScores
    from growlabels.unsafe._scanner import Scanner as Scanner
    from growlabels.unsafe._scorers import Denoised as Denoised
    from growlabels.unsafe._scorers import Embedding as Embedding
    from growlabels.unsafe._scorers import Forward as Forward
    from growlabels.unsafe._scorers import FusedScore as FusedScore
    from growlabels.unsafe._scorers import Fusion as Fusion
    from growlabels.unsafe._scorers import Gradient as Gradient
    from growlabels.unsafe._scorers import Moderation as Moderation
    from growlabels.unsafe._scorers import TokenGradient as TokenGradient
    from growlabels.unsafe._scorers import scorer_names as scorer_names
    from growlabels.unsafe._sketch import CountSketch as CountSketch
    from growlabels.unsafe._table import ScoreTable as ScoreTable
    from growlabels.unsafe._threshold import Threshold as Threshold
    from growlabels.unsafe._threshold import resolve_threshold as resolve_threshold
    from growlabels.unsafe._tokens import encode as encode
    from growlabels.unsafe._trunk import TrunkRows as TrunkRows
    from growlabels.unsafe._workers import WorkerPool as WorkerPool

__all__ = [
    "Adapter",
    "Arm",
    "Bias",
    "CausalModel",
    "Change",
    "Checkpoint",
    "Classifier",
    "CountSketch",
    "DenoiseSettings",
    "Denoised",
    "Denoiser",
    "Embedding",
    "Endpoint",
    "Example",
    "FilterResult",
    "FinetuneSettings",
    "Forward",
    "FromFunction",
    "FusedScore",
    "Fusion",
    "Generator",
    "Gradient",
    "GradientScorer",
    "GradientSettings",
    "Guard",
    "Keywords",
    "LoraSettings",
    "ModelCheck",
    "Moderation",
    "Moderator",
    "PoolGradients",
    "Rate",
    "RetrainResult",
    "Scan",
    "Scanner",
    "ScoreTable",
    "Scorer",
    "SetScores",
    "TargetChoice",
    "Threshold",
    "TokenGradient",
    "TrunkRows",
    "Verdict",
    "WorkerPool",
    "adapter_split",
    "attach",
    "attach_saved",
    "attack_success",
    "average_precision",
    "check_model",
    "choose_targets",
    "encode",
    "filter_rows",
    "finetune",
    "gradient_scores",
    "held_out_losses",
    "load_model",
    "loss_change",
    "moderate",
    "over_refusal",
    "pair_bias",
    "pool_gradients",
    "read_examples",
    "refusal_judge",
    "resolve_threshold",
    "retrain_arms",
    "row_gradients",
    "save_adapter",
    "scan_section",
    "scorer_names",
    "wrap_model",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Adapter": "_lora",
        "Arm": "_retrain",
        "Bias": "_bias",
        "CausalModel": "_model",
        "Change": "_safety",
        "Checkpoint": "_finetune",
        "Classifier": "_classifier",
        "CountSketch": "_sketch",
        "DenoiseSettings": "_dra",
        "Denoised": "_scorers",
        "Denoiser": "_dra",
        "Embedding": "_scorers",
        "Endpoint": "_endpoint",
        "Example": "_rows",
        "FilterResult": "_filter",
        "FinetuneSettings": "_finetune",
        "Forward": "_scorers",
        "FromFunction": "_moderation",
        "FusedScore": "_scorers",
        "Fusion": "_scorers",
        "Generator": "_generate",
        "Gradient": "_scorers",
        "GradientScorer": "_gradcos",
        "GradientSettings": "_gradpass",
        "Guard": "_classifier",
        "Keywords": "_moderation",
        "LoraSettings": "_lora",
        "ModelCheck": "_check",
        "Moderation": "_scorers",
        "Moderator": "_moderation",
        "PoolGradients": "_gradpass",
        "Rate": "_judges",
        "RetrainResult": "_retrain",
        "Scan": "_scan",
        "Scanner": "_scanner",
        "ScoreTable": "_table",
        "Scorer": "_scan",
        "SetScores": "_scan",
        "TargetChoice": "_choose_targets",
        "Threshold": "_threshold",
        "TokenGradient": "_scorers",
        "TrunkRows": "_trunk",
        "Verdict": "_moderation",
        "WorkerPool": "_workers",
        "adapter_split": "_gradcos",
        "attach": "_lora",
        "attach_saved": "_adapter_files",
        "attack_success": "_judges",
        "average_precision": "_report",
        "check_model": "_check",
        "choose_targets": "_choose_targets",
        "encode": "_tokens",
        "filter_rows": "_filter",
        "finetune": "_finetune",
        "gradient_scores": "_gradcos",
        "held_out_losses": "_safety",
        "load_model": "_model",
        "loss_change": "_safety",
        "moderate": "_moderation",
        "over_refusal": "_judges",
        "pair_bias": "_bias",
        "pool_gradients": "_gradpass",
        "read_examples": "_rows",
        "refusal_judge": "_judges",
        "resolve_threshold": "_threshold",
        "retrain_arms": "_retrain",
        "row_gradients": "_gradients",
        "save_adapter": "_adapter_files",
        "scan_section": "_report",
        "scorer_names": "_scorers",
        "wrap_model": "_model",
    },
    "unsafe",
)
