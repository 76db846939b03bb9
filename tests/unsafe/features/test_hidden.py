"""Features of hidden states against one row at a time through the whole model."""

import numpy as np
import pytest
import torch
from tiny_causal import drawn_rows, tiny

from growlabels.unsafe.features.hidden import HiddenLayers, hidden_features, token_windows

LENGTHS = [(3, 9), (12, 2), (1, 1), (5, 4), (7, 20)]


@pytest.mark.parametrize("kind", ["llama", "gpt2", "gemma2"])
def test_features_equal_those_of_one_row_at_a_time(kind: str) -> None:
    model = tiny(kind)
    rows = drawn_rows(LENGTHS)
    layers = HiddenLayers.of(model.n_layers)
    found = hidden_features(model, rows, tokens_per_batch=40)
    for place, row in enumerate(rows):
        ids = torch.from_numpy(row.input_ids)[None]
        with torch.no_grad():
            states = model.model(ids, output_hidden_states=True).hidden_states
        response = [state[0, row.response_start :].numpy() for state in states]
        for column, layer in enumerate(layers.rows):
            mean = response[layer].mean(0)
            expected = mean / np.linalg.norm(mean)
            np.testing.assert_allclose(found.means[place, column], expected, atol=2e-3)
        own = found.windows[found.offsets[place] : found.offsets[place + 1]]
        for column, layer in enumerate(layers.windows):
            width = min(4, len(response[layer]))
            for start in range(len(response[layer]) - width + 1):
                mean = response[layer][start : start + width].mean(0)
                expected = mean / np.linalg.norm(mean)
                np.testing.assert_allclose(own[start, column], expected, atol=2e-3)
        assert len(own) == max(len(response[0]) - 3, 1)


def test_windows_of_short_and_long_responses() -> None:
    states = np.random.default_rng(0).normal(size=(6, 2, 3))
    assert token_windows(states[:3]).shape == (1, 2, 3)
    np.testing.assert_allclose(token_windows(states)[2], states[2:6].mean(0))


def test_no_rows_give_empty_features() -> None:
    found = hidden_features(tiny(), [])
    assert len(found.means) == len(found.windows) == 0
    assert found.offsets.tolist() == [0]


def test_layers_of_shallow_models_exist() -> None:
    for depth in range(1, 50):
        layers = HiddenLayers.of(depth)
        assert all(1 <= layer <= depth for layer in (*layers.windows, *layers.rows))
        assert layers.rows[:3] == layers.windows
