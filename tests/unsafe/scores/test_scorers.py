"""Every scorer against a slow twin; the protocol with scorers of the caller."""

from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unsafe.scores.test_scanner import rows, scanner, targets
from tiny_causal import byte_tokenizer, drawn_rows, raw_model, stir, tiny

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe import (
    CountSketch,
    Denoiser,
    DenoiseSettings,
    Embedding,
    Forward,
    FromFunction,
    Fusion,
    LoraSettings,
    Moderation,
    Scan,
    Scanner,
    Scorer,
    ScoreTable,
    SetScores,
    TrunkRows,
    Verdict,
    adapter_split,
    attach,
    average_precision,
    scorer_names,
    wrap_model,
)
from growlabels.unsafe.gradients.per_token import BEST, POOL_SHARE, TEMPERATURE, TokenGradients
from growlabels.unsafe.rows.target_sets import target_sets
from growlabels.unsafe.scores.defaults import Method
from growlabels.unsafe.scores.fusion import over_targets


@pytest.fixture(scope="module")
def table() -> ScoreTable:
    return scanner(methods=scorer_names()).fit(rows()).score(targets())


def test_every_method_is_a_column_with_percentiles(table: ScoreTable) -> None:
    assert list(table.methods) == list(scorer_names())
    for name, scores in table.methods.items():
        assert scores.shape == (40,)
        assert np.isfinite(scores).all(), name
        assert scores.std() > 0, name
        assert len(table.percentiles[name]) == 6
        assert table.facts["reads"][name]


def test_forward_methods_find_the_harm(table: ScoreTable) -> None:
    labels = np.isin(table.number, [4, 12, 18, 30])
    for name in ("f4w", "tfidf"):
        assert average_precision(labels, table[name]) > 0.8, name


def test_a_model_in_bfloat16_gives_nearly_the_same(table: ScoreTable) -> None:
    half = wrap_model(raw_model("llama").to(torch.bfloat16), byte_tokenizer())
    methods = ["f4w", "repsim", "grad-cos-start", "token-grad", "dra-grad"]
    try:
        found = Scanner(half, methods=methods, rows_per_shard=4).fit(rows()).score(targets())
    except RuntimeError as error:
        if "pack_vnni2" not in str(error):
            raise
        # torch chooses a kernel by the processor and then finds it switched off
        pytest.skip("ATEN_CPU_CAPABILITY is set below the processor, where torch has no bfloat16")
    for name in methods:
        assert np.isfinite(found[name]).all(), name
    for name in ("f4w", "repsim", "grad-cos-start"):
        assert np.corrcoef(found[name], table[name])[0, 1] > 0.9, name


def test_rank_fusion_adds_places(table: ScoreTable) -> None:
    def place(name: str) -> np.ndarray:
        scores = np.asarray(table[name])
        below = (scores[None] < scores[:, None]).sum(1)
        return (below + (scores[None] == scores[:, None]).sum(1) / 2) / len(scores)

    expected = place("tfidf") + place("grad-cos")
    np.testing.assert_allclose(table["rank-tfidf-grad-cos"], expected)


@given(st.integers(0, 99), st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_over_targets_is_the_plain_formula(seed: int, count: int) -> None:
    similar = np.random.default_rng(seed).normal(size=(5, count))
    sets = target_sets(count)
    for over, fold in (("mean", np.mean), ("max", np.max), ("top3", _top3)):
        found = over_targets(similar, sets, over)
        for column in range(sets.shape[1]):
            inside = similar[:, sets[:, column] > 0]
            np.testing.assert_allclose(found[:, column], [fold(row) for row in inside])


def _top3(row: np.ndarray) -> float:
    return float(np.mean(sorted(row)[-3:]))


@given(st.integers(0, 99), st.booleans())
@settings(max_examples=20, deadline=None)
def test_dra_is_the_plain_formula(seed: int, whiten: bool) -> None:
    draw = np.random.default_rng(seed)
    pool, wanted = draw.normal(size=(30, 6)) + 1, draw.normal(size=(4, 6)) * 0.3 + 2
    chosen = DenoiseSettings(whiten=whiten, guard=False)
    found = Denoiser(pool, wanted, chosen)
    mean = pool.mean(0)
    space, goal = pool - mean, wanted - mean
    if whiten:
        values, axes = np.linalg.eigh(np.cov(pool.T, bias=True))
        scale = np.sqrt(0.5 * values + 0.5 * values.mean())
        space, goal = space @ axes / scale, goal @ axes / scale
    kept = []
    for dim in range(6):
        centre, spread = space[:, dim].mean(), space[:, dim].std()
        z = (goal[:, dim] - centre) / spread
        agreed = [z[i] * np.delete(z, i).mean() for i in range(4)]
        if np.mean(agreed) > np.std(agreed, ddof=1) / 2:
            kept.append(dim)
    kept = kept or list(range(6))
    cosines = [
        np.mean([_cosine(row[kept], target[kept]) for target in goal]) for row in space
    ]  # fmt: skip
    np.testing.assert_allclose(found.score(pool)[:, 0], cosines, atol=1e-9)


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def test_dra_whitens_only_with_ten_rows_a_dimension() -> None:
    draw = np.random.default_rng(0)
    wanted = draw.normal(size=(5, 4)) + 1
    for count, whitened in ((39, False), (40, True)):
        pool = draw.normal(size=(count, 4)) * [1, 2, 3, 4]
        auto = Denoiser(pool, wanted, DenoiseSettings(guard=False)).score(pool)
        fixed = DenoiseSettings(whiten=whitened, guard=False)
        np.testing.assert_array_equal(auto, Denoiser(pool, wanted, fixed).score(pool))


def test_dra_gives_way_to_the_plain_cosine_where_it_ranks_targets_lower() -> None:
    # The targets share nothing but the pool's own direction, which centring takes away.
    draw = np.random.default_rng(1)
    pool = draw.normal(size=(50, 8)) + 3
    wanted = draw.normal(size=(6, 8)) * 0.2 + 3
    found = Denoiser(pool, wanted)
    free = Denoiser(pool, wanted, DenoiseSettings(guard=False))
    assert found.is_plain
    cosines = [np.mean([_cosine(row, target) for target in wanted]) for row in pool]
    np.testing.assert_allclose(found.score(pool)[:, 0], cosines)
    assert not np.allclose(found.score(pool), free.score(pool))


@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_the_sketch_is_a_product_with_one_sign_a_column(size: int, buckets: int, seed: int) -> None:
    sketch = CountSketch(size, buckets, seed)
    matrix = sketch(torch.eye(size))
    assert ((matrix != 0).sum(1) == 1).all()
    assert set(matrix[matrix != 0].tolist()) <= {-1.0, 1.0}
    vectors = torch.randn(3, size, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(sketch(vectors), vectors @ matrix)


def test_the_sketch_keeps_inner_products() -> None:
    vectors = torch.randn(20, 5000, generator=torch.Generator().manual_seed(0))
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    sketched = CountSketch(5000, 1024)(vectors)
    error = (sketched @ sketched.T - vectors @ vectors.T).square().mean().sqrt()
    assert error < 2 / 1024**0.5


def test_token_gradients_are_those_of_single_positions() -> None:
    pool, wanted = drawn_rows([(3, 5), (4, 9), (2, 3)]), drawn_rows([(3, 4), (2, 6)], seed=1)
    sets = target_sets(2)
    with attach(tiny(), LoraSettings(rank=2, top_layers=2)) as adapter:
        stir(adapter)
        split = adapter_split(adapter)
        trunk, goal = TrunkRows(split, pool), TrunkRows(split, wanted)
        found = TokenGradients(adapter, trunk, goal, sets).score(trunk)
        unit_pool = [_unit(np.sum(_position_gradients(adapter, row), 0)) for row in pool]
        unit_goal = [_unit(np.sum(_position_gradients(adapter, row), 0)) for row in wanted]
        directions = np.array(unit_goal) - POOL_SHARE * np.mean(unit_pool, 0)
        for row, scores in zip(pool, found, strict=True):
            own = _position_gradients(adapter, row)[row.response_start - 1 : -1]
            similar = np.array([directions @ _unit(gradient) for gradient in own])
            for column in range(sets.shape[1]):
                inside = similar[:, sets[:, column] > 0]
                weights = np.exp(inside / TEMPERATURE)
                each = (inside * weights).sum(1) / weights.sum(1)
                best = np.sort(each)[-max(1, round(BEST * len(each))) :].mean()
                assert scores[column] == pytest.approx(best, abs=2e-5)


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def _position_gradients(adapter: Any, row: Any) -> np.ndarray:
    """The B factors' gradient through each position alone, all of them side by side."""
    inputs: list[torch.Tensor] = []
    outputs: list[torch.Tensor] = []

    def note(module: Any, args: Any, output: torch.Tensor) -> None:
        inputs.append(args[0].detach())
        outputs.append(output)

    hooks = [b.register_forward_hook(note) for _, b in adapter.linears.values()]
    ids = torch.from_numpy(row.input_ids)[None]
    logits = adapter.causal.model(input_ids=ids).logits[0]
    for hook in hooks:
        hook.remove()
    nll = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:], reduction="none")
    deltas = torch.autograd.grad(nll[row.response_start - 1 :].mean(), outputs)
    return np.array(
        [
            np.concatenate(
                [torch.outer(d[0, t], x[0, t]).flatten().numpy() for d, x in zip(deltas, inputs)]  # noqa: B905
            )
            for t in range(len(row))
        ]
    )


def letters(texts: list[str]) -> np.ndarray:
    return np.array([[text.count(letter) for letter in "abcdefv"] for text in texts], float) + 0.1


def test_an_embedding_and_a_classifier_of_the_caller() -> None:
    judge = FromFunction(lambda prompt, response: "eval" in response)
    methods: list[str | Scorer] = [
        Moderation(judge, "eval"),
        Embedding(letters, "letters"),
        Fusion("both", ((Embedding(letters, "letters"), 1.0), (Moderation(judge, "eval"), 3.0))),
    ]
    found = scanner(methods=methods).fit(rows()).score(targets())
    labels = np.isin(found.number, [4, 12, 18, 30])
    np.testing.assert_array_equal(found["eval"], labels)
    assert average_precision(labels, found.score) == average_precision(labels, found["both"]) == 1
    texts = [f"{row['prompt']}\n{row['completion']}" for row in [*rows(), *targets()]]
    vectors = letters(texts)
    cosines = [np.mean([_cosine(row, target) for target in vectors[40:]]) for row in vectors[:40]]
    np.testing.assert_allclose(found["letters"], cosines)


def test_a_scorer_of_the_caller() -> None:
    class Length:
        name, reads = "length", "characters"

        def score(self, scan: Scan) -> SetScores:
            return scan.alike([len(e.response) for e in scan.rows()], [0] * len(scan.targets))

    found = scanner(methods=[Length()]).fit(rows()).score(targets())
    assert found.score.tolist() == [len(row["completion"].strip()) for row in rows()]


def test_anchors_lower_what_is_like_them() -> None:
    fitted = scanner(methods=["tfidf"]).fit(rows())
    like = rows()[5]
    plain, contrast = fitted.score(targets()), fitted.score(targets(), anchors=[like])
    assert contrast.rank[5] == 40
    assert plain.rank[5] < 40
    assert contrast.percentiles == plain.percentiles


def test_a_target_is_no_anchor() -> None:
    fitted = scanner(methods=["tfidf"]).fit(rows())
    with pytest.raises(DataError, match="2 of the anchors are also targets"):
        fitted.score(targets(), anchors=[*rows()[:2], *targets()[:2]])


def test_the_command_line_knows_every_method() -> None:
    assert get_args(Method) == scorer_names()


def test_wrong_methods() -> None:
    odd: Any = 3
    with pytest.raises(UsageError, match=r"methods must be one of 'f4w', .*, it was 3"):
        scanner(methods=[odd])
    with pytest.raises(UsageError, match="two methods are called 'tfidf'"):
        scanner(methods=["tfidf", Forward("tfidf", "other words")])
    short = Moderation(lambda asked: [Verdict(0.0)], "short")
    with pytest.raises(DataError, match="must give one Verdict for each of 32 rows"):
        scanner(methods=[short]).fit(rows()).score(targets())
    vectors = Embedding(lambda texts: np.zeros(3), "vectors")
    with pytest.raises(DataError, match=r"'vectors' must return finite numbers of shape \(rows"):
        scanner(methods=[vectors]).fit(rows()).score(targets())
    for make in (Moderation, Embedding):
        with pytest.raises(UsageError, match="must be something to call, it was 3"):
            make(odd)


def test_a_moderator_that_cannot_say_gives_one_half() -> None:
    unsure = Moderation(FromFunction(lambda prompt, response: None), "unsure")
    found = scanner(methods=[unsure]).fit(rows()).score(targets())
    assert set(found["unsure"]) == {0.5}


class Wrong:
    """A scorer of the caller that gives what it was made with."""

    name, reads = "wrong", "nothing"

    def __init__(self, give: Callable[[Scan], Any]) -> None:
        self.give = give

    def score(self, scan: Scan) -> Any:
        return self.give(scan)


def test_what_a_scorer_gives_is_looked_at() -> None:
    fitted = scanner(methods=["tfidf"]).fit(rows())
    for give, message in (
        (lambda scan: None, "must return SetScores .* got NoneType"),
        (lambda scan: scan.alike([1, 2], [0] * 6), r"got float64 of shape \(2, 7\)"),
        (lambda scan: SetScores(np.ones(40), np.ones(6)), r"got float64 of shape \(40,\)"),
        (
            lambda scan: scan.alike([1] * 40, [np.nan] * 6),
            "returned a non-finite score for a target",
        ),
    ):
        fitted.scorers = [Wrong(give)]
        with pytest.raises(DataError, match=message):
            fitted.score(targets())
