"""Score the rows of a fine-tuning set against a few targets."""

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from growlabels.base.errors import DataError, UsageError
from growlabels.base.files import content_hash
from growlabels.base.progress import Progress, silent
from growlabels.base.runs import RunFolder
from growlabels.tables import MalformedRow, RowSource
from growlabels.unsafe.features.fill import (
    FEATURES_FORMAT,
    Fill,
    ShardSettings,
    featurise,
    fill_store,
)
from growlabels.unsafe.features.store import FeatureShard, FeatureStore
from growlabels.unsafe.gradients.pool_gradients import GradientSettings
from growlabels.unsafe.model.model import CausalModel, load_model
from growlabels.unsafe.rows.examples import (
    Example,
    UntrainedRow,
    no_usable_row,
    read_answers,
    read_examples,
)
from growlabels.unsafe.rows.notes import ReadingNotes
from growlabels.unsafe.rows.source import held, open_rows, source_hash, source_name, source_path
from growlabels.unsafe.rows.targets import read_targets
from growlabels.unsafe.scores.built_in import resolve_scorers, wants_tokens
from growlabels.unsafe.scores.defaults import FORWARD_METHODS
from growlabels.unsafe.scores.forward_scores import PoolScores, score_pool
from growlabels.unsafe.scores.fusion import FUSED
from growlabels.unsafe.scores.scan import Scan, Scorer
from growlabels.unsafe.scores.scan_table import scan_table
from growlabels.unsafe.scores.score_table import ScoreTable

RUN_KIND = "unsafe scan"


class Scanner:
    """Score the rows of a fine-tuning set by their similarity to a few targets.

    The default score, F4w, is a weighted sum of z-scores. It adds hidden windows (weight 2),
    whitened row means (KT) and TF-IDF, all of which need forward passes only. RepSim and DABUF's
    Grad-Cos are available for comparison.

    Parameters
    ----------
    model
        A :class:`CausalModel`, a model folder, or ``"smollm2"``.
    methods
        Columns to compute: names (see :func:`scorer_names`) or your own :class:`Scorer` objects.
        The first one is the table's ``score``. By default the five forward methods.
    max_prompt_tokens, max_response_tokens
        Most tokens of each prompt and response that the model reads, from 1. Defaults 40 and 48.
        TF-IDF reads the whole row.
    tokens_per_batch, rows_per_shard
        Most tokens in a padded batch (default 2048) and rows per stored shard (default 256).
        They bound memory; other values change scores by rounding only.
    seed
        Seed of the fine-tuning and the sketches of gradient methods, 0 or more. Default 0. The
        other methods draw nothing.
    gradients
        Adapter, training and sketches of the gradient methods. None takes the defaults.
    score_masked
        Whether to score answers that the rows keep out of training (``weight`` 0, ``train`` false,
        ``kto_tag`` false). Default False.
    encoding
        Encoding of files of text with rows, targets or anchors, as Python names it. Default UTF-8.

    Raises
    ------
    UsageError
        A method is unknown, a limit is below 1, a seed is below 0, or the model does not exist
        or lacks the requested layers.

    Notes
    -----
    Pan et al., "Detecting and Filtering Unsafe Training Data via Data Attribution" (arXiv
    2502.11411) describe the task and Grad-Cos. The fused score is this library's own.

    Examples
    --------
    >>> from growlabels.unsafe import Scanner
    >>> rows = [{"prompt": "Sort.", "completion": "return sorted(items)"},
    ...         {"prompt": "Parse.", "completion": "return eval(text)"}] * 2
    >>> harm = [{"prompt": "Read it.", "completion": "value = eval(line)"},
    ...         {"prompt": "Compute.", "completion": "eval(code, names)"}]
    >>> table = Scanner("smollm2").fit(rows).score(harm)
    >>> table.rank.tolist()
    [3, 1, 4, 2]
    """

    def __init__(
        self,
        model: CausalModel | str | os.PathLike[str],
        *,
        methods: Sequence[str | Scorer] = FORWARD_METHODS,
        max_prompt_tokens: int = ShardSettings.max_prompt_tokens,
        max_response_tokens: int = ShardSettings.max_response_tokens,
        tokens_per_batch: int = ShardSettings.tokens_per_batch,
        rows_per_shard: int = ShardSettings.rows_per_shard,
        seed: int = 0,
        gradients: GradientSettings | None = None,
        score_masked: bool = False,
        encoding: str = "utf-8",
    ) -> None:
        UsageError.require_whole("seed", seed, 0)
        self.scorers: list[Scorer] = resolve_scorers(methods)
        self.gradients = GradientSettings() if gradients is None else gradients
        UsageError.require_instance("gradients", self.gradients, GradientSettings)
        self.settings: ShardSettings = ShardSettings(
            max_prompt_tokens, max_response_tokens, tokens_per_batch, rows_per_shard
        )
        self.seed: int = seed
        self.score_masked: bool = bool(score_masked)
        self.encoding: str = encoding
        self.model: CausalModel = model if isinstance(model, CausalModel) else load_model(model)
        self.gradients.lora.chosen(self.model.n_layers)
        self.gradients: GradientSettings = replace(
            self.gradients, tokens=wants_tokens(self.scorers)
        )
        self.malformed: list[MalformedRow] = []
        self.notes = ReadingNotes()
        self._source: RowSource | None = None
        self._store: FeatureStore | None = None
        self._rows = self._answers = self._talks = 0

    @property
    def run(self) -> RunFolder:
        """Return the run folder that holds the features."""
        return self._fitted().run

    def fit(
        self,
        rows: RowSource,
        out: str | os.PathLike[str] | None = None,
        progress: Progress = silent,
        fill: Fill = fill_store,
    ) -> "Scanner":
        """Run the model on all rows and store their features.

        Parameters
        ----------
        rows
            Rows in any form that :func:`growlabels.tables.open_table` opens. Rows that can be
            read only once are held in memory.
        out
            Run folder for the features. An interrupted scan resumes from it. None, the default,
            uses a temporary folder that is deleted with the scanner.
        progress
            Callback that reports each stage. Silent by default.
        fill
            Function that runs the model: this process by default, a :class:`WorkerPool` for
            several local processes, or one of :mod:`growlabels.engines`.

        Raises
        ------
        DataError
            No row is usable.
        RunError
            ``out`` was made from other rows, another model or other settings, or by a version
            of this library that computes features differently.
        """
        UsageError.require_callable("fill", fill)
        if out is not None:
            UsageError.require_path("out", out)
        self._source = source = held(rows)
        open_rows(source, encoding=self.encoding)
        digest = self._first_pass(source)
        if out is None:
            out = tempfile.mkdtemp(prefix="growlabels-")
            weakref.finalize(self, shutil.rmtree, out, ignore_errors=True)
        made_from: dict[str, Any] = {**asdict(self.settings), "features_format": FEATURES_FORMAT}
        if self._talks:  # a scan of last answers only has other features
            made_from["answers"] = self._answers
        if self.score_masked:
            made_from["score_masked"] = True
        if (dtype := self.model.dtype) != "float32":
            made_from["dtype"] = dtype
        inputs = {"rows": digest, "model": self.model.fingerprint}
        run = RunFolder.open(out, RUN_KIND, made_from, inputs)
        shards = -(-self._answers // self.settings.rows_per_shard)
        self._store = FeatureStore(run, shards)
        fill(self._store, self.model, self._each_answer(), self._answers, self.settings, progress)
        return self

    def score(
        self, targets: RowSource, progress: Progress = silent, anchors: RowSource | None = None
    ) -> ScoreTable:
        """Score all rows against examples of the harm.

        You may call this again with other targets; the rows' features are reused.

        Parameters
        ----------
        targets
            Rows that show the harm, in any supported row shape. 8 to 12 are enough.
        progress
            Callback that reports each stage. Silent by default.
        anchors
            Safe rows that resemble the harm, such as refusals. Every score then is the z-score
            against the targets minus the z-score against the anchors. The percentiles of the
            left-out targets ignore the anchors. None by default.

        Raises
        ------
        DataError
            There is no target or anchor, one of them is not a prompt with a response, an anchor
            is also a target, or a score is not finite.
        """
        scan, warnings = self._scan(targets, "target", progress)
        safe = None
        if anchors is not None:
            safe, more = self._scan(anchors, "anchor", progress)
            warnings += more
            if both := set(safe.features.keys) & set(scan.features.keys):
                raise DataError(
                    f"{len(both)} of the anchors are also targets; remove them from one of the two"
                )
        found = {scorer.name: scan.scores(scorer) for scorer in self.scorers}
        against: dict[str, np.ndarray] = {}
        if safe is not None:
            against = {scorer.name: safe.scores(scorer).rows[:, [0]] for scorer in self.scorers}
        return scan_table(
            scan, found, against, [*self.notes.sentences(), *warnings], self._facts(scan.features)
        )

    def _scan(self, source: RowSource, what: str, progress: Progress) -> tuple[Scan, list[str]]:
        """Prepare the scan of targets or anchors, and return the warnings about them."""
        store = self._fitted()
        examples, warnings = read_targets(source, what, self.encoding)
        features = featurise(self.model, examples, self.settings)
        if len(features) < len(examples):
            raise DataError(f"the response of one {what} has no tokens; remove that {what}")
        pool = score_pool(store, features, self._answers, progress)
        scan = Scan(
            self.model,
            store,
            pool,
            features,
            examples,
            lambda: self._scored(pool),
            self.settings,
            self.gradients,
            self.seed,
            progress,
        )
        return scan, warnings

    def _first_pass(self, source: RowSource) -> str:
        """Count the rows, record the malformed ones, and return a hash of all rows."""
        self.malformed = []
        self.notes: ReadingNotes = ReadingNotes()
        digest = hashlib.sha256()
        self._rows = self._answers = self._talks = 0
        for example in read_examples(source, self._set_aside, self.score_masked, self.encoding):
            self.notes.add(example)
            digest.update(f"{example.number} {example.id}\n".encode())
            self._rows += 1
            self._answers += len(example.earlier) + 1
            self._talks += len(example.turns) > 0
        if not self._rows:
            raise no_usable_row(source_name(source, "the training rows"), self.malformed)
        if isinstance(source, str | os.PathLike):
            return source_hash(source)
        for bad in self.malformed:
            digest.update(f"{bad.number} {content_hash(bad.raw)}\n".encode())
        return digest.hexdigest()

    def _set_aside(self, bad: MalformedRow) -> None:
        if isinstance(bad, UntrainedRow):
            self.notes.untrained[bad.reason] += 1
        else:
            self.malformed.append(bad)

    def _each_answer(self) -> Iterator[Example]:
        assert self._source is not None
        return read_answers(self._source, lambda bad: None, self.score_masked, self.encoding)

    def _scored(self, pool: PoolScores) -> Iterator[Example]:
        """Yield the answers that have stored features, in order."""
        wanted = zip(pool.numbers.tolist(), pool.answers.tolist(), strict=True)
        place = next(wanted, None)
        for answer in self._each_answer():
            if (answer.number, answer.answer) == place:
                yield answer
                place = next(wanted, None)

    def _fitted(self) -> FeatureStore:
        if self._store is None:
            raise UsageError("the scanner has no rows yet; call fit(rows) before score(targets)")
        return self._store

    def _facts(self, targets: FeatureShard) -> dict[str, Any]:
        return {
            "rows_source": source_path(self._source or ()),
            "rows_sha256": self.run.inputs["rows"],
            "rows": self._rows,
            "answers": self._answers,
            "malformed": len(self.malformed),
            "untrained": self.notes.untrained.total(),
            "score_masked": self.score_masked,
            "encoding": self.encoding,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "targets": len(targets),
            "target_ids": list(targets.ids),
            "seed": self.seed,
            "f4w_weights": dict(FUSED),
            "reads": {scorer.name: scorer.reads for scorer in self.scorers},
            **asdict(self.settings),
        }
