"""How a tokenizer's chat template marks a prompt and an answer."""

from dataclasses import dataclass
from typing import Any

from growlabels.base.errors import DataError
from growlabels.unsafe.rows.examples import half_character

# A token of the family -> what stands before and after the prompt.
_TURNS = {
    "<|im_start|>": ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n"),
    "<|start_header_id|>": (
        "<|start_header_id|>user<|end_header_id|>\n\n",
        "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "<start_of_turn>": ("<start_of_turn>user\n", "<end_of_turn>\n<start_of_turn>model\n"),
}


_PLAIN = ("### Instruction:\n", "\n\n### Response:\n")


_MARK = "PROMPTPLACE"


@dataclass(frozen=True)
class ChatTurn:
    """Tokens before and after a prompt; the response follows the latter."""

    before: tuple[int, ...]
    after: tuple[int, ...]


def chat_turn(tokenizer: Any) -> ChatTurn:
    """Find what a tokenizer's model expects around a prompt.

    The turn of a known family (ChatML, Llama 3, Gemma) where its token is in the vocabulary;
    else the tokenizer's own template for one user turn; else plain headings.
    """
    start = list(tokenizer("").input_ids)
    start = start[:1] if start and start[0] == tokenizer.bos_token_id else []
    vocabulary = tokenizer.get_vocab()
    for token, (before, after) in _TURNS.items():
        if token in vocabulary:
            return ChatTurn(
                (*start, *token_ids(tokenizer, before)), tuple(token_ids(tokenizer, after))
            )
    rendered = _rendered(tokenizer) if tokenizer.chat_template else ""
    if rendered.count(_MARK) == 1:
        before, after = rendered.split(_MARK)
        return ChatTurn(tuple(token_ids(tokenizer, before)), tuple(token_ids(tokenizer, after)))
    before, after = _PLAIN
    return ChatTurn((*start, *token_ids(tokenizer, before)), tuple(token_ids(tokenizer, after)))


def _rendered(tokenizer: Any) -> str:
    """Render the template for one user turn; an unusual template that fails gives nothing."""
    turns = [{"role": "user", "content": _MARK}]
    try:
        return tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    except Exception:  # a template is a program, and may fail in any way
        return ""


def token_ids(tokenizer: Any, text: str, split_special_tokens: bool = False) -> list[int]:
    try:
        return _tokenized(tokenizer, text, split_special_tokens)
    except TypeError as error:  # the tokenizer's own says nothing
        if half := half_character(text):
            raise DataError(f"a text holds {half}, which no tokenizer reads; mend it") from error
        raise


def _tokenized(tokenizer: Any, text: str, split_special_tokens: bool) -> list[int]:
    return tokenizer(
        text, add_special_tokens=False, split_special_tokens=split_special_tokens, verbose=False
    ).input_ids
