"""Whether a tokenizer belongs to a model."""

from typing import Any

from growlabels.base.errors import DataError


def require_tokenizer(tokenizer: Any, model: Any, name: str) -> None:
    """Raise where a tokenizer knows no words, or makes tokens that the model has no rows for.

    A padding token or another special token without a row is allowed: no text makes it.
    """
    words = tokenizer.get_vocab()
    if words.keys() <= set(tokenizer.all_special_tokens):
        raise DataError(
            f"the tokenizer of model {name!r} knows no words; copy its files too, for example "
            "tokenizer.json or vocab.txt"
        )
    rows = model.get_input_embeddings().weight.shape[0]
    unmade = {tokenizer.pad_token, tokenizer.mask_token, *_extra_special(tokenizer)}
    require_rows(
        sorted(word for word, i in words.items() if i >= rows and word not in unmade), rows, name
    )


def _extra_special(tokenizer: Any) -> set[str]:
    """Return special tokens without a role: no text and no turn makes them."""
    roles = ("bos_token", "eos_token", "unk_token", "cls_token", "sep_token")
    return set(tokenizer.all_special_tokens) - {getattr(tokenizer, role, None) for role in roles}


def require_rows(tokens: list[str], rows: int, name: str) -> None:
    """Raise where a tokenizer makes tokens that the model's embedding has no rows for."""
    if tokens:
        raise DataError(
            f"the tokenizer of model {name!r} has {len(tokens)} tokens that the model has no "
            f"embedding for (the first: {tokens[0]!r}; the model has {rows} rows); copy the "
            "tokenizer files that belong to the model, or give the new tokens rows with "
            "model.resize_token_embeddings(len(tokenizer)) and save the model again"
        )
