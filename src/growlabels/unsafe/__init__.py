"""Find and filter unsafe fine-tuning rows by data attribution (DABUF).

A handful of examples of a harm that a model did, and the rows it was fine-tuned on, go in;
ranked rows with reasons, and a filtered set, come out. Importing this package loads no torch;
a name loads what it needs on first use.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.unsafe.cli.report import average_precision as average_precision
    from growlabels.unsafe.cli.report import scan_section as scan_section
    from growlabels.unsafe.decide.choose_targets import TargetChoice as TargetChoice
    from growlabels.unsafe.decide.choose_targets import choose_targets as choose_targets
    from growlabels.unsafe.decide.filter import FilterResult as FilterResult
    from growlabels.unsafe.decide.filter import filter_rows as filter_rows
    from growlabels.unsafe.features.fill import ShardSettings as ShardSettings
    from growlabels.unsafe.features.fill import chunks as chunks
    from growlabels.unsafe.features.fill import featurise as featurise
    from growlabels.unsafe.features.store import FeatureStore as FeatureStore
    from growlabels.unsafe.features.workers import WorkerPool as WorkerPool
    from growlabels.unsafe.gradients.per_row import row_gradients as row_gradients
    from growlabels.unsafe.gradients.pool_gradients import GradientSettings as GradientSettings
    from growlabels.unsafe.gradients.pool_gradients import PoolGradients as PoolGradients
    from growlabels.unsafe.gradients.pool_gradients import pool_gradients as pool_gradients
    from growlabels.unsafe.gradients.scorer import GradientScorer as GradientScorer
    from growlabels.unsafe.gradients.scorer import adapter_split as adapter_split
    from growlabels.unsafe.gradients.scorer import gradient_scores as gradient_scores
    from growlabels.unsafe.gradients.sketch import CountSketch as CountSketch
    from growlabels.unsafe.measure.arms import Arm as Arm
    from growlabels.unsafe.measure.arms import ArmSettings as ArmSettings
    from growlabels.unsafe.measure.arms import RetrainResult as RetrainResult
    from growlabels.unsafe.measure.arms import retrain_arms as retrain_arms
    from growlabels.unsafe.measure.held_out_loss import Change as Change
    from growlabels.unsafe.measure.held_out_loss import held_out_losses as held_out_losses
    from growlabels.unsafe.measure.held_out_loss import loss_change as loss_change
    from growlabels.unsafe.measure.model_check import ModelCheck as ModelCheck
    from growlabels.unsafe.measure.model_check import check_model as check_model
    from growlabels.unsafe.measure.pair_bias import Bias as Bias
    from growlabels.unsafe.measure.pair_bias import pair_bias as pair_bias
    from growlabels.unsafe.model.adapter_files import attach_saved as attach_saved
    from growlabels.unsafe.model.adapter_files import save_adapter as save_adapter
    from growlabels.unsafe.model.encode import encode as encode
    from growlabels.unsafe.model.finetune import Checkpoint as Checkpoint
    from growlabels.unsafe.model.finetune import FinetuneSettings as FinetuneSettings
    from growlabels.unsafe.model.finetune import finetune as finetune
    from growlabels.unsafe.model.generate import Generator as Generator
    from growlabels.unsafe.model.lora import Adapter as Adapter
    from growlabels.unsafe.model.lora import LoraSettings as LoraSettings
    from growlabels.unsafe.model.lora import attach as attach
    from growlabels.unsafe.model.model import CausalModel as CausalModel
    from growlabels.unsafe.model.model import load_model as load_model
    from growlabels.unsafe.model.model import wrap_model as wrap_model
    from growlabels.unsafe.model.trunk import TrunkRows as TrunkRows
    from growlabels.unsafe.moderate.classifier import Classifier as Classifier
    from growlabels.unsafe.moderate.classifier import Guard as Guard
    from growlabels.unsafe.moderate.endpoint import Endpoint as Endpoint
    from growlabels.unsafe.moderate.judges import Rate as Rate
    from growlabels.unsafe.moderate.judges import attack_success as attack_success
    from growlabels.unsafe.moderate.judges import over_refusal as over_refusal
    from growlabels.unsafe.moderate.judges import refusal_judge as refusal_judge
    from growlabels.unsafe.moderate.keywords import Keywords as Keywords
    from growlabels.unsafe.moderate.moderator import FromFunction as FromFunction
    from growlabels.unsafe.moderate.moderator import Moderator as Moderator
    from growlabels.unsafe.moderate.moderator import Verdict as Verdict
    from growlabels.unsafe.rows.examples import Example as Example
    from growlabels.unsafe.rows.examples import read_examples as read_examples
    from growlabels.unsafe.scores.built_in import scorer_names as scorer_names
    from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD as DEFAULT_THRESHOLD
    from growlabels.unsafe.scores.dra import Denoiser as Denoiser
    from growlabels.unsafe.scores.dra import DenoiseSettings as DenoiseSettings
    from growlabels.unsafe.scores.scan import Scan as Scan
    from growlabels.unsafe.scores.scan import Scorer as Scorer
    from growlabels.unsafe.scores.scan import SetScores as SetScores
    from growlabels.unsafe.scores.scanner import Scanner as Scanner
    from growlabels.unsafe.scores.score_table import ScoreTable as ScoreTable
    from growlabels.unsafe.scores.scorers import Denoised as Denoised
    from growlabels.unsafe.scores.scorers import Embedding as Embedding
    from growlabels.unsafe.scores.scorers import Forward as Forward
    from growlabels.unsafe.scores.scorers import FusedScore as FusedScore
    from growlabels.unsafe.scores.scorers import Fusion as Fusion
    from growlabels.unsafe.scores.scorers import Gradient as Gradient
    from growlabels.unsafe.scores.scorers import Moderation as Moderation
    from growlabels.unsafe.scores.scorers import TokenGradient as TokenGradient
    from growlabels.unsafe.scores.threshold import Threshold as Threshold
    from growlabels.unsafe.scores.threshold import resolve_threshold as resolve_threshold

__all__ = [
    "Adapter",
    "Arm",
    "ArmSettings",
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

_SHARED = {
    "DEFAULT_THRESHOLD": "scores.defaults",
    "FeatureStore": "features.store",
    "ShardSettings": "features.fill",
    "chunks": "features.fill",
    "featurise": "features.fill",
}
"""Names that the demo and the engines use; they are not public and may change."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Adapter": "model.lora",
        "Arm": "measure.arms",
        "ArmSettings": "measure.arms",
        "Bias": "measure.pair_bias",
        "CausalModel": "model.model",
        "Change": "measure.held_out_loss",
        "Checkpoint": "model.finetune",
        "Classifier": "moderate.classifier",
        "CountSketch": "gradients.sketch",
        "DenoiseSettings": "scores.dra",
        "Denoised": "scores.scorers",
        "Denoiser": "scores.dra",
        "Embedding": "scores.scorers",
        "Endpoint": "moderate.endpoint",
        "Example": "rows.examples",
        "FilterResult": "decide.filter",
        "FinetuneSettings": "model.finetune",
        "Forward": "scores.scorers",
        "FromFunction": "moderate.moderator",
        "FusedScore": "scores.scorers",
        "Fusion": "scores.scorers",
        "Generator": "model.generate",
        "Gradient": "scores.scorers",
        "GradientScorer": "gradients.scorer",
        "GradientSettings": "gradients.pool_gradients",
        "Guard": "moderate.classifier",
        "Keywords": "moderate.keywords",
        "LoraSettings": "model.lora",
        "ModelCheck": "measure.model_check",
        "Moderation": "scores.scorers",
        "Moderator": "moderate.moderator",
        "PoolGradients": "gradients.pool_gradients",
        "Rate": "moderate.judges",
        "RetrainResult": "measure.arms",
        "Scan": "scores.scan",
        "Scanner": "scores.scanner",
        "ScoreTable": "scores.score_table",
        "Scorer": "scores.scan",
        "SetScores": "scores.scan",
        "TargetChoice": "decide.choose_targets",
        "Threshold": "scores.threshold",
        "TokenGradient": "scores.scorers",
        "TrunkRows": "model.trunk",
        "Verdict": "moderate.moderator",
        "WorkerPool": "features.workers",
        "adapter_split": "gradients.scorer",
        "attach": "model.lora",
        "attach_saved": "model.adapter_files",
        "attack_success": "moderate.judges",
        "average_precision": "cli.report",
        "check_model": "measure.model_check",
        "choose_targets": "decide.choose_targets",
        "encode": "model.encode",
        "filter_rows": "decide.filter",
        "finetune": "model.finetune",
        "gradient_scores": "gradients.scorer",
        "held_out_losses": "measure.held_out_loss",
        "load_model": "model.model",
        "loss_change": "measure.held_out_loss",
        "over_refusal": "moderate.judges",
        "pair_bias": "measure.pair_bias",
        "pool_gradients": "gradients.pool_gradients",
        "read_examples": "rows.examples",
        "refusal_judge": "moderate.judges",
        "resolve_threshold": "scores.threshold",
        "retrain_arms": "measure.arms",
        "row_gradients": "gradients.per_row",
        "save_adapter": "model.adapter_files",
        "scan_section": "cli.report",
        "scorer_names": "scores.built_in",
        "wrap_model": "model.model",
    },
    "unsafe",
    _SHARED,
)
