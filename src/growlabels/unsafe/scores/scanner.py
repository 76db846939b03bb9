"""Scanner: rows and a handful of targets in, a table of scores out."""

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
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
from growlabels.unsafe.rows.target_sets import left_out
from growlabels.unsafe.rows.targets import read_targets
from growlabels.unsafe.scores.forward_scores import (
    PoolScores,
    left_out_percentiles,
    score_pool,
    without_itself,
)
from growlabels.unsafe.scores.fusion import FUSED, zscore
from growlabels.unsafe.scores.per_row import RowAnswers
from growlabels.unsafe.scores.scan import Scan, Scorer, SetScores, require_finite
from growlabels.unsafe.scores.score_table import ScoreTable, pool_warnings, ranks
from growlabels.unsafe.scores.scorers import resolve_scorers, wants_tokens
from growlabels.unsafe.scores.threshold import warning_light

FORWARD_METHODS = ("f4w", "windows", "kt", "tfidf", "repsim")
RUN_KIND = "unsafe scan"


class Scanner:
    """Score the rows of a fine-tuning set by how much they are like a few targets.

    The default score, F4w, adds the z-scores of three methods that need forward passes only:
    hidden windows (twice), whitened row means (KT) and TF-IDF. RepSim and DABUF's Grad-Cos are
    there to compare with.

    Parameters
    ----------
    model
        A :class:`CausalModel`, a model folder, or ``"smollm2"``.
    methods
        Columns to compute: names (see :func:`scorer_names`) or objects of your own that follow
        :class:`Scorer`; the first is the table's ``score``.
    max_prompt_tokens, max_response_tokens
        What the model reads of each row, from 1; words are counted over the whole row.
    tokens_per_batch, rows_per_shard
        Decide memory; changing them changes scores by rounding only.
    seed
        Decides the fine-tuning and the sketches of the gradient methods; the others draw nothing.
    gradients
        Adapter, training and checkpoints of the gradient methods.
    score_masked
        Whether answers that the rows keep out of training (``weight`` 0, ``train`` false,
        ``kto_tag`` false) are scored like the others.

    Raises
    ------
    UsageError
        An unknown method, a limit below 1, a seed below 0, a model that does not exist or lacks
        the layers asked for.

    Notes
    -----
    Pan et al., "Detecting and Filtering Unsafe Training Data via Data Attribution" (arXiv
    2502.11411) for the task and Grad-Cos; the fused score is this library's own.

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
    ) -> None:
        UsageError.require_whole("seed", seed, 0)
        self.scorers = resolve_scorers(methods)
        self.gradients = GradientSettings() if gradients is None else gradients
        UsageError.require_instance("gradients", self.gradients, GradientSettings)
        self.settings = ShardSettings(
            max_prompt_tokens, max_response_tokens, tokens_per_batch, rows_per_shard
        )
        self.seed, self.score_masked = seed, bool(score_masked)
        self.model = model if isinstance(model, CausalModel) else load_model(model)
        self.gradients.lora.chosen(self.model.n_layers)
        self.malformed: list[MalformedRow] = []
        self.notes = ReadingNotes()
        self._source: RowSource | None = None
        self._store: FeatureStore | None = None
        self._rows = self._answers = self._talks = 0

    @property
    def run(self) -> RunFolder:
        """The run folder that holds the features."""
        return self._fitted().run

    def fit(
        self,
        rows: RowSource,
        out: str | os.PathLike[str] | None = None,
        progress: Progress = silent,
        fill: Fill = fill_store,
    ) -> "Scanner":
        """Run the model over all rows and keep their features.

        Parameters
        ----------
        rows
            Whatever :func:`growlabels.tables.open_table` opens; rows that can be read only once
            are held in memory.
        out
            Run folder for the features; a scan that was interrupted goes on where it was.
            Without it they live in a temporary folder as long as the scanner.
        fill
            Who runs the model: this process; :class:`WorkerPool` for several on this machine; or
            one of :mod:`growlabels.engines`.

        Raises
        ------
        DataError
            No usable row.
        RunError
            ``out`` was made from other rows, another model or other settings, or by a version
            of this library that computes features in another way.
        """
        UsageError.require_callable("fill", fill)
        if out is not None:
            UsageError.require_path("out", out)
        self._source = source = held(rows)
        open_rows(source)
        digest = self._first_pass(source)
        if out is None:
            out = tempfile.mkdtemp(prefix="growlabels-")
            weakref.finalize(self, shutil.rmtree, out, ignore_errors=True)
        made_from: dict[str, Any] = {**asdict(self.settings), "features_format": FEATURES_FORMAT}
        if self._talks:  # where last answers alone were scored, the features are of another scan
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

        May be called again with other targets: the features of the rows are kept.

        Parameters
        ----------
        targets
            Rows that show the harm, in the same shapes as the training rows; 8 to 12 suffice.
        anchors
            Rows that look like the harm and are safe (refusals, harmless look-alikes). Every
            score then is the z-score against the targets minus that against the anchors; the
            percentiles of the left-out targets stay those without anchors.

        Raises
        ------
        DataError
            No target or anchor, or one that is no prompt and response; an anchor that is a target;
            a score that is not finite.
        """
        scan, warnings = self._scan(targets, "target", progress)
        safe = None
        if anchors is not None:
            safe, more = self._scan(anchors, "anchor", progress)
            warnings += more
            if both := set(safe.features.keys) & set(scan.features.keys):
                raise DataError(
                    f"{len(both)} of the anchors are also targets; take them out of one of the two"
                )
        found = {scorer.name: scan.scores(scorer) for scorer in self.scorers}
        against: dict[str, np.ndarray] = {}
        if safe is not None:
            against = {scorer.name: safe.scores(scorer).rows[:, [0]] for scorer in self.scorers}
        return self._table(scan, found, against, warnings)

    def _scan(self, source: RowSource, what: str, progress: Progress) -> tuple[Scan, list[str]]:
        """Read targets (or anchors) and the store."""
        store = self._fitted()
        examples, warnings = read_targets(source, what)
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
            wants_tokens(self.scorers),
        )
        return scan, warnings

    def _first_pass(self, source: RowSource) -> str:
        """Count the rows, note the malformed ones, and return a hash of it all."""
        self.malformed, self.notes = [], ReadingNotes()
        digest = hashlib.sha256()
        self._rows = self._answers = self._talks = 0
        for example in read_examples(source, self._set_aside, self.score_masked):
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
        return read_answers(self._source, lambda bad: None, self.score_masked)

    def _scored(self, pool: PoolScores) -> Iterator[Example]:
        """Yield the answers that were not set aside."""
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

    def _table(
        self,
        scan: Scan,
        found: Mapping[str, SetScores],
        against: Mapping[str, np.ndarray],
        warnings: list[str],
    ) -> ScoreTable:
        pool, targets = scan.pool, scan.features
        place = {key: index for index, key in enumerate(targets.keys)}
        target_of = np.array([place.get(key, -1) for key in pool.keys])
        of_rows = RowAnswers(pool.numbers)
        is_target, truncated = of_rows.any(target_of >= 0), of_rows.any(pool.truncated)
        answers: dict[str, np.ndarray] = {}
        percentiles: dict[str, list[float]] = {}
        for method, scores in found.items():
            rows = scores.rows
            if method in against:
                rows = zscore(rows) - zscore(against[method])
            answers[method] = without_itself(rows, target_of, len(targets))
            require_finite(method, answers[method], scores.targets, pool.numbers)
            highest = of_rows.highest(scores.rows)
            percentiles[method] = left_out_percentiles(highest, scores.targets, ~is_target)
        main = self.scorers[0].name
        best = of_rows.best(answers[main])
        methods = {method: of_rows.highest(scores) for method, scores in answers.items()}
        score = methods[main]
        left = [targets.ids[index] for index in left_out(len(targets))]
        warnings = [*warnings, *warning_light(percentiles[main], left)]
        if "gradients" in vars(scan) and len(scan.gradient_places) < len(pool.ids):
            warnings.append(
                f"Gradients were taken of {len(scan.gradient_places)} of {len(pool.ids)} "
                f"{'answers' if len(pool.ids) > len(of_rows) else 'rows'}, the likeliest by F4w; "
                "by gradient methods the others come below them, in F4w's order."
            )
        return ScoreTable(
            row_id=[pool.ids[int(place)] for place in best],
            number=pool.numbers[best],
            score=score,
            rank=ranks(score),
            methods=methods,
            nearest_target=[targets.ids[int(index)] for index in pool.nearest[best]],
            nearest_target_number=targets.numbers[pool.nearest[best]],
            answer=pool.answers[best],
            answers=of_rows.last(pool.answers),
            window_start=pool.window_start[best],
            window_end=pool.window_end[best],
            window_text=self._texts(pool.window_tokens[best]),
            is_target=is_target,
            truncated=truncated,
            percentiles=percentiles,
            left_out=left,
            warnings=[
                *self.notes.sentences(),
                *warnings,
                *pool_warnings(pool.numbers[best][is_target], truncated, self.settings),
            ],
            facts={**self._facts(targets), "gradient_layers": self._gradient_layers(scan)},
        )

    def _texts(self, windows: np.ndarray) -> list[str]:
        decode = self.model.tokenizer.decode
        return [decode(window[window >= 0]) for window in windows]

    def _gradient_layers(self, scan: Scan) -> str | None:
        """Say which layers the gradients came from; none where no method took gradients."""
        if "gradients" not in vars(scan):
            return None
        layers = self.gradients.lora.chosen(self.model.n_layers)
        return f"{layers.start}:{layers.stop} of {self.model.n_layers}"

    def _facts(self, targets: FeatureShard) -> dict[str, Any]:
        return {
            "rows_source": source_path(self._source or ()),
            "rows_sha256": self.run.inputs["rows"],
            "rows": self._rows,
            "answers": self._answers,
            "malformed": len(self.malformed),
            "untrained": self.notes.untrained.total(),
            "score_masked": self.score_masked,
            "model": self.model.name,
            "model_fingerprint": self.model.fingerprint,
            "targets": len(targets),
            "target_ids": list(targets.ids),
            "seed": self.seed,
            "f4w_weights": dict(FUSED),
            "reads": {scorer.name: scorer.reads for scorer in self.scorers},
            **asdict(self.settings),
        }
