"""Wrong values in every public call: one sentence that names the value, nothing done silently."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_causal import byte_tokenizer, raw_model, tiny

from growlabels.base.errors import GrowLabelsError
from growlabels.unsafe import (
    ArmSettings,
    Classifier,
    CountSketch,
    Denoised,
    Denoiser,
    DenoiseSettings,
    Embedding,
    Endpoint,
    Example,
    FinetuneSettings,
    Forward,
    FromFunction,
    FusedScore,
    Fusion,
    Generator,
    Gradient,
    GradientScorer,
    GradientSettings,
    Guard,
    Keywords,
    LoraSettings,
    Scanner,
    ScoreTable,
    TrunkRows,
    Verdict,
    WorkerPool,
    adapter_split,
    attach,
    attach_saved,
    average_precision,
    check_model,
    choose_targets,
    encode,
    filter_rows,
    finetune,
    gradient_scores,
    loss_change,
    pool_gradients,
    read_examples,
    resolve_threshold,
    retrain_arms,
    save_adapter,
    scan_section,
    wrap_model,
)
from growlabels.unsafe.moderate.moderator import moderate

ROWS = [{"prompt": f"q{c}", "completion": c * 9} for c in "abcdefgh"]
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abc"]
READ = list(read_examples(ROWS, pytest.fail))
ADDRESS = "http://127.0.0.1:9/v1/moderations"
HALF = Example("a", 1, "\ud83d", "x", {})
TFIDF = Forward("tfidf", "")

Case = tuple[Callable[[Any], object], str]


def of_cases(cases: list[Case]) -> Any:
    return pytest.mark.parametrize(("make", "message"), cases, ids=[case[1] for case in cases])


def entered(context: Any) -> object:
    with context as found:
        return found


@pytest.fixture(scope="module")
def table() -> ScoreTable:
    return Scanner(tiny(), methods=["tfidf"]).fit(ROWS).score(TARGETS)


@of_cases(
    [
        (lambda m: encode("smollm2", READ[0]), "model must be of class CausalModel"),  # type: ignore[arg-type]
        (lambda m: encode(m, ROWS[0]), "must have the texts prompt and response, it was dict"),  # type: ignore[arg-type]
        (lambda m: encode(m, READ[0], 4.5), "max_prompt_tokens must be at least 1, and whole"),  # type: ignore[arg-type]
        (lambda m: encode(m, HALF), "a text holds half of a character"),
        (lambda m: check_model(m, READ), "each of encoded must be of class Encoded.*Example"),  # type: ignore[arg-type]
        (lambda m: check_model("x", []), "model must be of class CausalModel"),  # type: ignore[arg-type]
        (lambda m: check_model(m, [encode(m, READ[0])], rows=-4), "rows must be at least 1"),
        (lambda m: check_model(m, [encode(m, READ[0])], 8), "settings must be of class LoraSett"),  # type: ignore[arg-type]
        (lambda m: check_model(m, [], tokens_per_batch=0), "tokens_per_batch must be at least 1"),
        (lambda m: wrap_model("smollm2", byte_tokenizer()), "a loaded transformers model, not str"),
        (lambda m: wrap_model(m, byte_tokenizer()), "transformers model, not CausalModel"),
        (lambda m: wrap_model(m.model, None), "tokenizer must be a loaded tokenizer, not NoneType"),
        (lambda m: wrap_model(m.model, m.tokenizer, 5), "name must be of class str"),  # type: ignore[arg-type]
        (lambda m: wrap_model(raw_model("llama").to("meta"), m.tokenizer), "device meta and has"),
        (lambda m: entered(attach("smollm2")), "model must be of class CausalModel"),  # type: ignore[arg-type]
        (lambda m: entered(attach(m, 8)), "settings must be of class LoraSettings"),  # type: ignore[arg-type]
        (lambda m: entered(attach_saved(m, None)), "adapter folder must be a path"),  # type: ignore[arg-type]
        (lambda m: entered(attach_saved("x", ".")), "model must be of class CausalModel"),  # type: ignore[arg-type]
        (lambda m: adapter_split(m), "adapter must be of class Adapter"),
        (lambda m: Generator("smollm2"), "model must be of class CausalModel"),  # type: ignore[arg-type]
        (lambda m: Generator(m, 4)("hello"), "prompts must be a list of texts, it was 'hello'"),
        (lambda m: Generator(m, 4)([5]), "each of prompts must be of class str"),  # type: ignore[list-item]
        (lambda m: Generator(m, 4)(["\ud83d"]), "a text holds half of a character"),
        (lambda m: Guard(m, "x"), "max_tokens must be at least 2, and whole, it was 'x'"),  # type: ignore[arg-type]
        (lambda m: Guard(m)([HALF]), "row a to judge holds half of a character"),
        (lambda m: Guard(m)(ROWS), "rows to judge must have prompt and response, one was dict"),  # type: ignore[arg-type]
        (lambda m: Classifier(m), "classifier must be a path, it was of class CausalModel$"),
        (lambda m: Scanner(m).fit(ROWS, 5), "out must be a path, it was of class int"),  # type: ignore[arg-type]
        (lambda m: Scanner(m).fit(ROWS, fill=5), "fill must be something to call"),  # type: ignore[arg-type]
        (lambda m: Scanner(m, methods=[FusedScore]), "methods must be one of 'f4w'"),  # type: ignore[list-item]
        (lambda m: pool_gradients("x", [], []), "model must be of class CausalModel"),  # type: ignore[arg-type]
        (lambda m: pool_gradients(m, [], [], settings="x"), "settings must be of class Gradient"),  # type: ignore[arg-type]
        (lambda m: WorkerPool("smollm2", 2, -1), "threads must be at least 1, and whole"),
    ]
)
def test_models(make: Callable[[Any], object], message: str) -> None:
    with pytest.raises(GrowLabelsError, match=message):
        make(tiny())


@of_cases(
    [
        (lambda t: Endpoint(ADDRESS, cache=5), "cache must be a path, it was of class int"),  # type: ignore[arg-type]
        (lambda t: Endpoint(ADDRESS, cache=__file__), "is a file; give a folder"),
        (lambda t: Endpoint("http://[::1/v1/moderations"), "endpoint cannot be read"),
        (lambda t: Endpoint(ADDRESS, budget=False), "budget must be at least 0, and whole"),
        (lambda t: Endpoint(ADDRESS, 5), "model must be of class str"),  # type: ignore[arg-type]
        (lambda t: Endpoint(ADDRESS, sleep=5), "sleep must be something to call"),  # type: ignore[arg-type]
        (lambda t: Endpoint(ADDRESS)(ROWS), "rows to judge must have prompt and response"),  # type: ignore[arg-type]
        (lambda t: Keywords(["a"])(ROWS), "rows to judge must have prompt and response"),  # type: ignore[arg-type]
        (lambda t: Keywords([READ[0]]), "keywords must be texts, one was of class Example$"),  # type: ignore[list-item]
        (lambda t: FromFunction(None), "function must be something to call, it was None"),  # type: ignore[arg-type]
        (lambda t: FromFunction(lambda text: 0.5), "function must take prompt and response"),  # type: ignore[misc]
        (lambda t: FromFunction(lambda p, r: 0.5)(ROWS), "must have prompt and response"),  # type: ignore[arg-type]
        (lambda t: moderate(lambda rows: None, READ), "each of 8 rows, it gave 0 values, of class"),  # type: ignore[arg-type]
        (lambda t: moderate(lambda rows: 5, READ), "it gave 0 values, of class int"),  # type: ignore[arg-type]
        (lambda t: moderate(lambda p, r: 0.5, READ), "moderator must take the rows.*FromFunction"),  # type: ignore[arg-type]
        (lambda t: choose_targets(READ, None), "verdicts must be of class Sequence"),  # type: ignore[arg-type]
        (lambda t: choose_targets(READ, iter([Verdict(1.0)])), "verdicts must be of class Sequ"),  # type: ignore[arg-type]
        (lambda t: filter_rows(ROWS, t, 5), "out must be a path"),  # type: ignore[arg-type]
        (lambda t: filter_rows(ROWS, t, "x", decisions=["a"]), "decisions must be of class Mapp"),  # type: ignore[arg-type]
        (lambda t: filter_rows(ROWS, t, "x", decisions={5: "accept", "a": "accept"}), "2 of 2"),  # type: ignore[dict-item]
        (lambda t: filter_rows(ROWS, t, "x", decisions={"a": ["x"]}), "decision must be one of"),  # type: ignore[dict-item]
        (lambda t: filter_rows(ROWS, t, "x", labels=[1, 0]), "labels must be of class Mapping"),  # type: ignore[arg-type]
        (
            lambda t: filter_rows(ROWS, t, "x", labels={"zz": 1}),
            "none of 1 labels belongs to a scanned row",
        ),
        (lambda t: filter_rows(ROWS, t, "x", labels={"zz": "yes"}), "must be 1 or 0, it was 'yes'"),  # type: ignore[dict-item]
        (lambda t: filter_rows(ROWS, t, "x", labels={"zz": 2}), "must be 1 or 0, it was 2"),
        (lambda t: scan_section(t, cost=[("a", 1)]), "cost must be of class Mapping"),  # type: ignore[arg-type]
        (lambda t: scan_section(t, cost={"a": "1"}), "cost of 'a' must be of class Real"),  # type: ignore[dict-item]
        (lambda t: scan_section(t, labels=[0, 1]), "labels must be one for each score"),
        (lambda t: scan_section(t, labels=[2] * 8), "labels must be 1 or 0, it was 2.0"),
        (lambda t: scan_section(t, labels=[0] * 8), "labels must contain a 1"),
        (lambda t: t.flagged("top:1"), "threshold must be of class Threshold"),
        (lambda t: t.to_parquet(5), "path must be a path"),
        (lambda t: loss_change("ab", "cd"), "after must be a list of numbers"),  # type: ignore[arg-type]
        (lambda t: loss_change([np.nan], [1.0]), "at least one loss is not"),  # type: ignore[arg-type]
        (lambda t: loss_change(np.ones((2, 2)), np.ones((2, 2))), "after must be a list"),
        (lambda t: average_precision(["a", "b"], [1, 2]), "labels must be a list of numbers"),  # type: ignore[arg-type]
        (lambda t: average_precision([1, 0], ["a", "b"]), "scores must be a list of numbers"),  # type: ignore[arg-type]
        (lambda t: average_precision([1, None], [1, 2]), "labels must be 1 or 0, it was nan"),  # type: ignore[arg-type]
        (lambda t: average_precision([1, -1], [1, 2]), "labels must be 1 or 0, it was -1.0"),  # type: ignore[arg-type]
        (lambda t: average_precision([0, 0], [1, 2]), "labels must contain a 1"),  # type: ignore[arg-type]
        (lambda t: resolve_threshold("loo:0", np.ones(2), None), "percentiles must be a list of"),  # type: ignore[arg-type]
        (
            lambda t: resolve_threshold("loo:0", np.ones(2), [2.0]),
            "must be from 0 to 1, it was 2.0",
        ),
        (lambda t: list(read_examples(ROWS, None)), "set_aside must be something to call"),  # type: ignore[arg-type]
    ]
)
def test_moderators_and_tables(
    make: Callable[[Any], object], message: str, table: ScoreTable, tmp_path: Path
) -> None:
    with pytest.raises(GrowLabelsError, match=message):
        make(table)
    assert not Path("x").exists()


@of_cases(
    [
        (lambda _: Denoiser("a", np.ones((2, 3))), "pool must be finite numbers of shape"),  # type: ignore[arg-type]
        (lambda _: Denoiser(np.ones((5, 3)), np.ones((2, 4))), "targets must be .* \\(rows, 3\\)"),
        (lambda _: Denoiser(np.full((5, 3), np.nan), np.ones((2, 3))), "pool must be finite"),
        (lambda _: Denoiser(np.ones((5, 3)), np.ones((0, 3))), "at least 1 row"),
        (lambda _: Denoiser(np.eye(3), np.eye(3)).score(np.ones((2, 4))), "rows must be finite"),
        (lambda _: Denoiser(np.eye(3), np.eye(3), 5), "settings must be of class DenoiseSettings"),  # type: ignore[arg-type]
        (lambda _: DenoiseSettings(shrinkage=5), "shrinkage must be from 0 to 1, it was 5"),
        (lambda _: DenoiseSettings(whiten="yes"), "whiten must be one of True, False, None"),  # type: ignore[arg-type]
        (lambda _: CountSketch(4, 2)(torch.ones(2, 5)), "vectors must be of shape \\(rows, 4\\)"),
        (lambda _: CountSketch(4, 2)(np.ones((2, 4))), "vectors must be of class Tensor"),  # type: ignore[arg-type]
        (lambda _: Embedding(len, over="median"), "over must be one of 'mean', 'max', 'top3'"),  # type: ignore[arg-type]
        (lambda _: Forward("f4w", ""), "name must be one of 'windows', 'kt', 'tfidf', 'repsim'"),
        (lambda _: FusedScore(weights={"no": 1.0}), "weights must be one of 'windows'"),
        (lambda _: FusedScore(weights={}), "weights must name at least one method"),
        (lambda _: FusedScore(weights=[1]), "weights must be of class Mapping"),  # type: ignore[arg-type]
        (lambda _: Fusion("x", ["f4w"]), "scorers must be a list of pairs of a method and its"),  # type: ignore[list-item]
        (lambda _: Fusion("x", []), "scorers must be a list of pairs"),
        (lambda _: Fusion("x", [(TFIDF, "1")]), "weight of 'tfidf' must be a finite number"),  # type: ignore[list-item]
        (lambda _: Fusion("x", [(TFIDF, 1.0)], "mean"), "by must be one of 'z', 'rank'"),  # type: ignore[arg-type]
        (lambda _: Gradient("g", "", "x"), "kind must be one of 'cos', 'dot', 'less'"),  # type: ignore[arg-type]
        (lambda _: Gradient("g", "", over="x"), "over must be one of 'mean'"),  # type: ignore[arg-type]
        (lambda _: Gradient("g", "", checkpoints="x"), "checkpoints must be one of 'all'"),  # type: ignore[arg-type]
        (lambda _: Gradient("g", "", "less", checkpoints="start"), "LESS has no score at the"),
        (lambda _: Denoised("d", "", "x"), "on must be one of 'gradients', 'hidden'"),  # type: ignore[arg-type]
        (lambda _: Denoised("d", "", "hidden", 5), "settings must be of class DenoiseSettings"),  # type: ignore[arg-type]
        (lambda _: GradientSettings(lora=8), "lora must be of class LoraSettings"),  # type: ignore[arg-type]
        (lambda _: GradientSettings(training={}), "training must be of class FinetuneSettings"),  # type: ignore[arg-type]
    ]
)
def test_scorers(make: Callable[[Any], object], message: str) -> None:
    with pytest.raises(GrowLabelsError, match=message):
        make(None)


STEPS = "order must hold one step or more, each of places from 0 to 7"
Attached = tuple[Any, Any, TrunkRows]


@of_cases(
    [
        (lambda a, s, r: finetune(a, r, order="ab"), STEPS),
        (lambda a, s, r: finetune(a, r, order=[0, 1]), STEPS + ", it was \\[0, 1\\]"),
        (lambda a, s, r: finetune(a, r, order=[]), STEPS + ", it was \\[\\]"),
        (lambda a, s, r: finetune(a, r, order=[[0.5]]), STEPS + ", it was \\[\\[0.5\\]\\]"),
        (lambda a, s, r: finetune(a, r, order=[[-1]]), STEPS + ", it was \\[-1\\]"),
        (lambda a, s, r: finetune(a, r, folder=5), "folder must be a path"),
        (lambda a, s, r: finetune(a, r, folder=__file__), "is a file; give a folder"),
        (lambda a, s, r: finetune(a, r, inputs=5), "inputs must be of class str"),
        (lambda a, s, r: TrunkRows(s, ROWS), "each of encoded must be of class Encoded.*dict"),
        (lambda a, s, r: TrunkRows(a, r.encoded), "split must be of class SplitModel.*adapter_sp"),
        (lambda a, s, r: TrunkRows(s, r.encoded, folder=5), "folder must be a path"),
        (lambda a, s, r: TrunkRows(s, r.encoded, tokens_per_batch="x"), "tokens_per_batch must be"),
        (lambda a, s, r: retrain_arms(None, r, [0], {"u": r}), "adapter must be of class Adapter"),
        (lambda a, s, r: retrain_arms(a, READ, [0], {"u": r}), "rows must be of class TrunkRows"),
        (lambda a, s, r: retrain_arms(a, r, 0, {"u": r}), "'filtered' must be a list of indices"),
        (lambda a, s, r: retrain_arms(a, r, [0.5], {"u": r}), "must be from 0 to 7, it was 0.5"),
        (
            lambda a, s, r: retrain_arms(a, r, np.ones(8, bool), {"u": r}),
            "np.flatnonzero\\(mask\\)",
        ),
        (lambda a, s, r: retrain_arms(a, r, [0], [r]), "held_out must be of class Mapping"),
        (
            lambda a, s, r: retrain_arms(a, r, [0], {"u": READ}),
            "held_out\\['u'\\] must be of class",
        ),
        (lambda a, s, r: ArmSettings(random_arms=1.5), "random_arms must be"),
        (lambda a, s, r: ArmSettings(seed=-1), "seed must be at least 0"),
        (lambda a, s, r: retrain_arms(a, r, [0], {"u": r}, others=[0]), "others must be of class"),
        (lambda a, s, r: retrain_arms(a, r, [0], {"u": r}, others={"o": 5}), "arm 'o' must be a"),
        (lambda a, s, r: ArmSettings(trained=5), "trained must be something"),
        (lambda a, s, r: retrain_arms(a, r, [0], {"u": r}, {}), "settings must be of class ArmSet"),
        (lambda a, s, r: gradient_scores(a, ["x"], r, r), "each of checkpoints must be of class"),
        (lambda a, s, r: GradientScorer(a, 5, r), "checkpoints must be of class Sequence"),
        (lambda a, s, r: gradient_scores(s, [], r, r), "adapter must be of class Adapter"),
        (lambda a, s, r: gradient_scores(a, [], r, READ), "targets must be of class TrunkRows"),
        (lambda a, s, r: gradient_scores(a, [], r, r, ["cos"]), "kind must be one of 'cos'"),
        (lambda a, s, r: save_adapter(a, LoraSettings(), 5), "folder must be a path"),
        (lambda a, s, r: save_adapter(a, LoraSettings(), __file__), "is a file; give a folder"),
        (lambda a, s, r: save_adapter(a, LoraSettings(rank=3), "x"), "rank 3 .* has rank 8"),
        (lambda a, s, r: save_adapter(a, LoraSettings(alpha=1), "x"), "scale 0.125, .* scale 2"),
        (lambda a, s, r: a.load(5), "state must be of class Mapping"),
        (lambda a, s, r: a.load(dict.fromkeys(a.keys(), 1)), "must be of class Tensor"),
        (lambda a, s, r: a.reset("x"), "seed must be at least 0, and whole"),
    ]
)
def test_adapters(make: Callable[[Any, Any, Any], object], message: str) -> None:
    model = tiny()
    with attach(model) as adapter:
        split = adapter_split(adapter)
        rows = TrunkRows(split, [encode(model, row) for row in READ])
        with pytest.raises(GrowLabelsError, match=message):
            make(adapter, split, rows)
    assert not Path("x").exists()


def test_an_order_may_be_any_iterable_of_steps() -> None:
    model = tiny()
    with attach(model) as adapter:
        rows = TrunkRows(adapter_split(adapter), [encode(model, row) for row in READ])
        orders: list[Any] = [np.array([[0, 1]]), ([place] for place in range(2))]
        steps = [finetune(adapter, rows, FinetuneSettings(), order=o)[-1].step for o in orders]
        result = retrain_arms(adapter, rows, np.array([0]), {"u": rows}, ArmSettings(random_arms=1))  # type: ignore[arg-type]
    assert steps == [1, 2] and result.arm("filtered").removed == (0,)
    for call in (result.change, result.gap_closed):
        with pytest.raises(GrowLabelsError, match="held_out must be one of 'u', it was 'none'"):
            call("filtered", "none", "all")
    with pytest.raises(GrowLabelsError, match="held_out must be one of 'u', it was 'none'"):
        result.random_change("none")
