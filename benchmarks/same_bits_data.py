"""Made inputs of ``same_bits.py``: codebooks, rows, and tiny models from configurations."""

import pickle
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from growlabels.classes import Codebook, import_pickle

CODEBOOKS: dict[str, tuple[int, int]] = {
    "identity": (20, 32),
    "simplex": (33, 32),
    "cross-polytope": (50, 32),
    "paley": (13, 7),
    "kerdock": (1000, 64),
    "kerdock-blocks": (2000, 100),
    "gold": (500, 32),
    "delsarte-goethals": (3000, 64),
    "optimised": (40, 12),
    "imported": (30, 16),
    "default": (100_352, 1024),
}
TINY = {"llama": "LlamaConfig", "gpt2": "GPT2Config"}
VERBS = ("sort", "parse", "open", "join", "print", "read", "count", "merge")
KINDS = {
    "stone": ("granite", "basalt", "slate", "marble"),
    "tree": ("beech", "alder", "rowan", "larch"),
    "bird": ("wren", "heron", "finch", "plover"),
}


@cache
def codebook(kind: str) -> Codebook:
    """Make a codebook of a kind, always the same."""
    capacity, dim = CODEBOOKS[kind]
    if kind == "default":
        return Codebook.for_classes(capacity)
    if kind != "imported":
        return Codebook.for_classes(capacity, dim, kind, steps=40)
    vectors = torch.from_numpy(np.random.default_rng(0).standard_normal((capacity, dim)))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vectors.pkl"
        path.write_bytes(pickle.dumps(vectors.float()))
        return import_pickle(path)


def texts() -> tuple[list[str], list[str]]:
    """Draw short texts of three kinds."""
    generator = np.random.default_rng(1)
    rows = [
        (" ".join([verb, *generator.choice(words, 3)]), kind)
        for verb in VERBS
        for kind, words in KINDS.items()
        for _ in range(4)
    ]
    return [text for text, _ in rows], [kind for _, kind in rows]


def numbers() -> tuple[np.ndarray, list[int]]:
    """Draw a table of numbers with a few missing ones, in four classes."""
    generator = np.random.default_rng(2)
    labels = np.arange(120) % 4
    X = generator.standard_normal((120, 6)) + np.eye(6)[labels] * 2
    X[::17, 5] = np.nan
    return X, labels.tolist()


def images() -> tuple[np.ndarray, list[str]]:
    """Draw grey images, in three classes."""
    generator = np.random.default_rng(3)
    labels = np.arange(60) % 3
    images = generator.random((60, 12, 12), np.float32)
    images[np.arange(60), labels * 4] += 1
    return images, [f"row {label}" for label in labels]


def rows_of_code(count: int) -> list[dict[str, Any]]:
    """Draw rows of which every seventh calls eval."""
    generator = np.random.default_rng(4)
    rows = []
    for i in range(count):
        words = " ".join(generator.choice(VERBS, int(generator.integers(3, 9))))
        harm = f"eval(text{i}) " if i % 7 == 3 else ""
        rows.append({"prompt": f"Write {VERBS[i % 8]}.", "completion": harm + words})
    return rows


def targets() -> list[dict[str, Any]]:
    """Return rows that call eval."""
    return [{"prompt": "Run it.", "completion": f"{verb} eval(code)"} for verb in VERBS[:6]]


def byte_tokenizer() -> Any:
    """Make a tokenizer of single bytes with two special tokens."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {token: i + 2 for i, token in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


def tiny_model(kind: str) -> Any:
    """Make a causal model of four layers with drawn weights."""
    import transformers

    settings: dict[str, Any] = {
        "vocab_size": 300, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    }  # fmt: skip
    if kind == "gpt2":
        settings = {
            "vocab_size": 300, "n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 256,
            "n_inner": 48,
        }  # fmt: skip
    config = getattr(transformers, TINY[kind])(**settings, bos_token_id=0, eos_token_id=1)
    config.pad_token_id = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.05)
    return model
