"""Tiny causal models of several architectures, built from configurations, nothing read."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from torch import nn

from growlabels.unsafe.model.encode import Encoded
from growlabels.unsafe.model.lora import Adapter
from growlabels.unsafe.model.model import CausalModel, wrap_model

VOCABULARY = 300
_SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
CONFIGS: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {}),
    "qwen2": (
        "Qwen2Config",
        {"use_sliding_window": True, "sliding_window": 6, "max_window_layers": 2},
    ),
    "qwen3": ("Qwen3Config", {"head_dim": 8}),
    "gemma2": ("Gemma2Config", {"head_dim": 8, "sliding_window": 6, "query_pre_attn_scalar": 8}),
    "gemma3": (
        "Gemma3TextConfig",
        {"head_dim": 8, "sliding_window": 6, "query_pre_attn_scalar": 8},
    ),
    "gpt2": (
        "GPT2Config",
        {"n_embd": 32, "n_layer": 4, "n_head": 4, "n_positions": 256, "n_inner": 48},
    ),
    "gpt_neox": ("GPTNeoXConfig", {}),
    "opt": ("OPTConfig", {"ffn_dim": 48, "word_embed_proj_dim": 32}),
    "phi3": ("Phi3Config", {}),
}


def byte_tokenizer() -> Any:
    """A tokenizer of single bytes with two special tokens and no chat template."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {token: i + 2 for i, token in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="</s>"
    )


def raw_model(kind: str) -> Any:
    """A fresh model of one architecture, always with the same weights, none of them zero."""
    name, special = CONFIGS[kind]
    config = getattr(transformers, name)(**(_SMALL | special if kind != "gpt2" else special))
    config.vocab_size = VOCABULARY
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.05)
    return model


@cache
def tiny(kind: str = "llama") -> CausalModel:
    """The same wrapped model for every test; tests leave it as they found it."""
    return wrap_model(raw_model(kind), byte_tokenizer(), kind)


class _RowsMeet(nn.Module):
    """A layer's output mixed over the rows of the batch."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, hidden: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        out = self.inner(hidden, *args, **kwargs)
        return out + out.mean(0, keepdim=True)


def rows_meet() -> CausalModel:
    """A model whose scores of a row depend on the rows beside it."""
    model = raw_model("llama")
    model.model.layers[3].mlp = _RowsMeet(model.model.layers[3].mlp)
    return wrap_model(model, byte_tokenizer())


def drawn_rows(lengths: Sequence[tuple[int, int]], seed: int = 0) -> list[Encoded]:
    """Rows of random tokens with given numbers of prompt and response tokens."""
    generator = np.random.default_rng(seed)
    return [
        Encoded(generator.integers(0, VOCABULARY, prompt + response), prompt, False)
        for prompt, response in lengths
    ]


def stir(adapter: Adapter, seed: int = 0, size: float = 0.1) -> None:
    """Move an adapter off its start, so that no factor is zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapter.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * size)


def one_row_loss(causal: CausalModel, row: Encoded) -> torch.Tensor:
    """The slow twin: the whole model on one row, every logit, the mean over the response."""
    ids = torch.from_numpy(row.input_ids)[None]
    logits = causal.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
    # in float32 the ordinary loss loses most digits of a sure token's gradient
    nll = torch.nn.functional.cross_entropy(logits[:-1].double(), ids[0, 1:], reduction="none")
    return nll[row.response_start - 1 :].mean().float()
