import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_causal import (
    CONFIGS,
    byte_tokenizer,
    drawn_rows,
    one_row_loss,
    raw_model,
    stir,
    tiny,
)

from growlabels.unsafe.gradients.per_row import row_gradients
from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.lora import Adapter, LoraSettings, attach
from growlabels.unsafe.model.model import wrap_model
from growlabels.unsafe.model.trunk import SplitModel, TrunkRows

LENGTHS = [(5, 3), (1, 1), (12, 9), (3, 14), (7, 7)]


def slow_gradient(adapter: Adapter, row: Encoded) -> tuple[torch.Tensor, torch.Tensor]:
    """One row through the whole model and ordinary autograd."""
    loss = one_row_loss(adapter.causal, row)
    parts = torch.autograd.grad(loss, adapter.parameters())
    return loss.detach(), torch.cat([part.flatten() for part in parts])


def check(adapter: Adapter, rows: TrunkRows) -> None:
    for places in rows.batches():
        losses, gradients = row_gradients(rows.split, adapter, *rows.batch(places))
        for slot, place in enumerate(places):
            loss, gradient = slow_gradient(adapter, rows.encoded[place])
            assert (gradients[slot] - gradient).norm() <= 1e-5 * gradient.norm()
            assert abs(losses[slot] - loss) <= 1e-6 * loss


@pytest.mark.parametrize("kind", CONFIGS)
@pytest.mark.parametrize("top_layers", [2, 0])
def test_equal_to_one_row_at_a_time(kind: str, top_layers: int) -> None:
    with attach(tiny(kind), LoraSettings(rank=3, top_layers=top_layers)) as adapter:
        stir(adapter)
        split = SplitModel(adapter.causal, adapter.first_layer)
        check(adapter, TrunkRows(split, drawn_rows(LENGTHS)))


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_gradients_of_middle_layers(kind: str) -> None:
    with attach(tiny(kind), LoraSettings(rank=3, layers="1:3")) as adapter:
        assert adapter.first_layer == 1 and len({n.split(".")[2] for n in adapter.linears}) == 2
        stir(adapter)
        split = SplitModel(adapter.causal, adapter.first_layer)
        rows = TrunkRows(split, drawn_rows(LENGTHS))
        assert rows.batch([0])[1] is not None, "the layer below is cached"
        check(adapter, rows)


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 24), st.integers(1, 24)), min_size=1, max_size=6),
    st.integers(1, 200),
    st.integers(0, 3),
)
def test_any_lengths_and_batches(
    lengths: list[tuple[int, int]], tokens_per_batch: int, seed: int
) -> None:
    with attach(tiny("llama"), LoraSettings(rank=2, top_layers=3)) as adapter:
        stir(adapter, seed)
        split = SplitModel(adapter.causal, adapter.first_layer)
        check(
            adapter, TrunkRows(split, drawn_rows(lengths, seed), tokens_per_batch=tokens_per_batch)
        )


def test_only_b_speaks_at_the_start() -> None:
    with attach(tiny(), LoraSettings(rank=2, top_layers=1)) as adapter:
        rows = TrunkRows(SplitModel(adapter.causal, adapter.first_layer), drawn_rows(LENGTHS))
        # rows with several positions: over a single key, queries and keys have no gradient
        _, gradients = row_gradients(rows.split, adapter, *rows.batch([0, 2]))
        end = 0
        for a, b in adapter.linears.values():
            start, end = end, end + a.weight.numel()
            assert not gradients[:, start:end].any()
            start, end = end, end + b.weight.numel()
            assert gradients[:, start:end].any(dim=1).all()


def test_parameters_keep_no_gradient() -> None:
    with attach(tiny(), LoraSettings(rank=2, top_layers=1)) as adapter:
        rows = TrunkRows(SplitModel(adapter.causal, adapter.first_layer), drawn_rows(LENGTHS))
        with torch.no_grad():
            row_gradients(rows.split, adapter, *rows.batch([0]))
        assert all(parameter.grad is None for parameter in adapter.parameters())


def test_a_model_in_bfloat16_gives_gradients_in_float32() -> None:
    exact, rounded = raw_model("llama"), raw_model("llama").to(torch.bfloat16)
    with torch.no_grad():
        for parameter, source in zip(exact.parameters(), rounded.parameters(), strict=True):
            parameter.copy_(source)
    found = []
    for model in (exact, rounded):
        with attach(wrap_model(model, byte_tokenizer()), LoraSettings(2, top_layers=2)) as adapter:
            stir(adapter)
            rows = TrunkRows(SplitModel(adapter.causal, 2), drawn_rows(LENGTHS))
            found.append(row_gradients(rows.split, adapter, *rows.batch([0, 1, 2, 3, 4])))
    (losses, gradients), (rough_losses, rough) = found
    assert rough.dtype == torch.float32
    torch.testing.assert_close(rough_losses, losses, rtol=0.02, atol=0)
    cosines = torch.nn.functional.cosine_similarity(gradients, rough)
    assert cosines.min() > 0.99, "bfloat16 keeps eight bits"
