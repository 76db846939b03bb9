"""Hidden states of the response tokens: row means and windows of consecutive tokens.

One forward pass, no gradients. Both are unit vectors, kept as float16: a scan of a run that
was interrupted and one that was not then read the same numbers from the disk.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float16, Int

from growlabels.unsafe.features.unit import unit
from growlabels.unsafe.model.encode import Encoded, batches, pad
from growlabels.unsafe.model.model import CausalModel

WINDOW_DEPTHS = (0.40, 0.53, 0.63)
MIDDLE_DEPTHS = (0.40, 0.53, 0.63, 0.73)
WINDOW_TOKENS = 4


@dataclass(frozen=True)
class HiddenLayers:
    """Which hidden states are read; 0 is the embedding, ``n_layers`` the last.

    Attributes
    ----------
    windows
        Layers of the windows, at 40, 53 and 63 % of the depth.
    rows
        Layers of the row means: four from 40 to 73 % of the depth, then the last.
    """

    windows: tuple[int, ...]
    rows: tuple[int, ...]

    @classmethod
    def of(cls, n_layers: int) -> "HiddenLayers":
        """Choose the layers of a model with so many.

        >>> HiddenLayers.of(30)
        HiddenLayers(windows=(12, 16, 19), rows=(12, 16, 19, 22, 30))
        """

        def places(depths: Sequence[float]) -> tuple[int, ...]:
            return tuple(max(round(depth * n_layers), 1) for depth in depths)

        return cls(places(WINDOW_DEPTHS), (*places(MIDDLE_DEPTHS), n_layers))


@dataclass(frozen=True)
class HiddenFeatures:
    """What is kept of the hidden states of some rows.

    Attributes
    ----------
    means
        Mean over the response tokens, per layer of ``HiddenLayers.rows``, unit length.
    windows
        Means over four consecutive response tokens, stride 1, per layer of
        ``HiddenLayers.windows``, unit length; a shorter response is one window.
    offsets
        Row ``i`` has the windows ``offsets[i]:offsets[i + 1]``, at least one.
    """

    means: Float16[np.ndarray, "rows row_layers dim"]
    windows: Float16[np.ndarray, "windows window_layers dim"]
    offsets: Int[np.ndarray, " rows_and_one"]


def hidden_features(
    model: CausalModel, encoded: Sequence[Encoded], tokens_per_batch: int = 2048
) -> HiddenFeatures:
    """Run the model over some rows and keep the means of their response tokens.

    Parameters
    ----------
    model
        The model as it came, before any fine-tuning on the suspect rows.
    encoded
        The rows; the result is in their order. Batches depend on these rows alone.
    tokens_per_batch
        Most tokens of one padded batch.
    """
    layers = HiddenLayers.of(model.n_layers)
    means: list[np.ndarray] = [np.empty(0)] * len(encoded)
    windows: list[np.ndarray] = [np.empty(0)] * len(encoded)
    for group in batches(encoded, tokens_per_batch):
        rows = [encoded[place] for place in group]
        for place, (mean, window) in zip(group, _forward(model, rows, layers), strict=True):
            means[place], windows[place] = mean, window
    shape = (0, 0, model.hidden_size)
    return HiddenFeatures(
        np.stack(means) if means else np.empty(shape, np.float16),
        np.concatenate(windows) if windows else np.empty(shape, np.float16),
        np.cumsum([0, *map(len, windows)], dtype=np.int64),
    )


def _forward(
    model: CausalModel, rows: Sequence[Encoded], layers: HiddenLayers
) -> list[tuple[np.ndarray, np.ndarray]]:
    batch = pad(rows, model.device)
    with torch.inference_mode():
        # The base model stops before the vocabulary, whose logits would dominate memory.
        states = model.model.base_model(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            output_hidden_states=True,
            use_cache=False,
        ).hidden_states
    wanted = sorted({*layers.windows, *layers.rows})
    kept = torch.stack([states[layer] for layer in wanted], 2).float().cpu().numpy()
    results = []
    for place, row in enumerate(rows):
        response = kept[place, row.response_start : len(row)]
        of_rows = response[:, [wanted.index(layer) for layer in layers.rows]]
        of_windows = response[:, [wanted.index(layer) for layer in layers.windows]]
        results.append((_half(of_rows.mean(0, dtype=np.float64)), _half(token_windows(of_windows))))
    return results


def token_windows(
    states: Float[np.ndarray, "tokens layers dim"], width: int = WINDOW_TOKENS
) -> Float[np.ndarray, "windows layers dim"]:
    """Return the mean of every ``width`` consecutive tokens; fewer tokens give one window.

    >>> token_windows(np.arange(6.0).reshape(6, 1, 1)).ravel().tolist()
    [1.5, 2.5, 3.5]
    """
    width = min(width, len(states))
    count = len(states) - width + 1
    total = states[:count].astype(np.float64)
    for shift in range(1, width):
        total += states[shift : shift + count]
    return total / width


def _half(vectors: Float[np.ndarray, "*rows dim"]) -> Float16[np.ndarray, "*rows dim"]:
    return unit(vectors).astype(np.float16)
