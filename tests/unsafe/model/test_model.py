import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import SafetensorError
from tiny_causal import VOCABULARY, byte_tokenizer, raw_model

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe import Example, encode
from growlabels.unsafe.model.model import _converted, load_model, wrap_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "tiny"
    raw_model("llama").save_pretrained(target)
    byte_tokenizer().save_pretrained(target)
    return target


def test_a_folder(folder: Path) -> None:
    causal = load_model(folder)
    assert (causal.n_layers, causal.hidden_size, causal.name) == (4, 32, "tiny")
    assert len(causal.layers) == 4 and not causal.model.training
    assert not any(p.requires_grad for p in causal.model.parameters())
    ids = torch.arange(5)[None]
    assert torch.equal(causal.model(ids).logits, raw_model("llama").eval()(ids).logits)
    assert load_model(folder, dtype="bfloat16").model.dtype == torch.bfloat16


def test_the_fingerprint_changes_with_the_weights_only(folder: Path) -> None:
    first = load_model(folder).fingerprint
    (folder / "README.md").write_text("words")
    copy = shutil.copytree(folder, folder.with_name("copy"))
    assert load_model(copy).fingerprint == first
    model = raw_model("llama")
    with torch.no_grad():
        model.lm_head.weight[0, 0] += 1
    model.save_pretrained(copy)
    assert load_model(copy).fingerprint != first


def drop_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def pickled_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def drop_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def add_adapter(folder: Path) -> None:
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 2}')


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            add_adapter,
            r"holds an adapter \(adapter_config.json\); give the folder of the model alone",
        ),
        (drop_weights, "no weights"),
        (pickled_weights, "pickled weights only"),
        (drop_config, "no config.json"),
        (shutil.rmtree, "is not a folder"),
    ],
)
def test_a_folder_without_a_model(
    folder: Path, spoil: Callable[[Path], None], message: str
) -> None:
    spoil(folder)
    with pytest.raises(UsageError, match=message):
        load_model(folder)


def one_layer_more(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(
        config.read_text().replace('"num_hidden_layers": 4', '"num_hidden_layers": 5')
    )


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])


def own_code(folder: Path) -> None:
    config = folder / "config.json"
    code = '{"auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"},'
    config.write_text(config.read_text().replace("{", code, 1).replace('"llama"', '"own"'))
    (folder / "own.py").write_text("raise SystemExit('code of a model folder was run')")


def break_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def wider_config(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('_size": 48', '_size": 47'))


def words_for_numbers(folder: Path) -> None:
    config = folder / "config.json"
    config.write_text(config.read_text().replace('_layers": 4', '_layers": "four"'))


def drop_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (wider_config, "do not fit its config.json: 12 tensors are missing or of another shape"),
        (words_for_numbers, "cannot be loaded: Validation error for field 'num_hidden_layers'; "),
        (drop_tokenizer, "the tokenizer of model folder .* cannot be loaded"),
        (one_layer_more, "do not fit its config.json: 9 tensors are missing"),
        (cut_weights, "cannot be loaded"),
        (own_code, "cannot be loaded"),
        (break_config, "cannot be loaded"),
    ],
)
def test_a_damaged_folder(
    folder: Path,
    spoil: Callable[[Path], None],
    message: str,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spoil(folder)
    capfd.readouterr()
    with pytest.raises(DataError, match=message):
        load_model(folder)
    assert capfd.readouterr() == ("", ""), "the loader's own report would hide the sentence"


@pytest.mark.parametrize("content", [b"", b"GGUF\3\0\0\0" + bytes(range(90)), b"no model at all"])
def test_a_damaged_gguf_file(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cut.gguf").write_bytes(content)
    with pytest.raises(DataError, match=r"cut.gguf' cannot be loaded: .*; copy or download it"):
        load_model(tmp_path / "cut.gguf")
    assert not list((tmp_path / "cache" / "models").iterdir())


def test_a_conversion_onto_a_full_disk_and_a_damaged_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*asked: object, **options: object) -> None:
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    def shared(*asked: object, **options: object) -> None:
        raise RuntimeError("some tensors share memory")

    (tmp_path / "a.gguf").write_bytes(b"GGUF")
    model, tokenizer = raw_model("llama"), byte_tokenizer()
    with monkeypatch.context() as patch:
        patch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
        patch.setattr("transformers.AutoModelForCausalLM.from_pretrained", lambda *a, **o: model)
        patch.setattr("transformers.AutoTokenizer.from_pretrained", lambda *a, **o: tokenizer)
        for save, told in (
            (full, r"No space left on device \(os error 28\); set GROWLABELS_CACHE to"),
            (shared, "a.gguf' cannot be converted: some tensors share memory; give a folder"),
        ):
            with patch.context() as disk, pytest.raises(DataError, match=told):
                disk.setattr(type(model), "save_pretrained", save)
                load_model(tmp_path / "a.gguf")
        assert not list((tmp_path / "cache" / "models").iterdir())
        _converted(tmp_path / "a.gguf")
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
    assert load_model(tmp_path / "a.gguf").name == "a"
    cut_weights(next((tmp_path / "cache" / "models").iterdir()))
    with pytest.raises(DataError, match=r"cannot be loaded: .*; delete this folder"):
        load_model(tmp_path / "a.gguf")


def test_a_tokenizer_of_another_model() -> None:
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"more{i}" for i in range(VOCABULARY)])
    with pytest.raises(
        DataError, match=r"tokens that the model has no embedding for \(the first: 'more"
    ):
        wrap_model(raw_model("llama"), tokenizer)


def full_tokenizer() -> Any:
    """A tokenizer with a token for every row of the model's embedding."""
    tokenizer = byte_tokenizer()
    tokenizer.add_tokens([f"more{place}" for place in range(VOCABULARY - len(tokenizer))])
    return tokenizer


def test_a_padding_token_without_an_embedding_is_never_made() -> None:
    tokenizer = full_tokenizer()
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    assert tokenizer.pad_token_id == VOCABULARY, "one more than the model has"
    model = wrap_model(raw_model("llama"), tokenizer)
    row = Example("a", 1, "before [PAD] after", "[PAD]", {})
    assert encode(model, row).input_ids.max() < VOCABULARY
    tokenizer.add_tokens(["word"])
    with pytest.raises(DataError, match=r"1 tokens .*resize_token_embeddings\(len\(tokenizer\)\)"):
        wrap_model(raw_model("llama"), tokenizer)
    chat = full_tokenizer()
    chat.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    with pytest.raises(DataError, match=r"no embedding for \(the first: '<\|im_start\|>'"):
        wrap_model(raw_model("llama"), chat)


def test_wrong_parameters(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dtype must be one of"):
        load_model(tmp_path, dtype="int8")
    with pytest.raises(UsageError, match="does not exist"):
        load_model(tmp_path / "none.gguf")
    with pytest.raises(UsageError, match="device must be one that torch can use here"):
        load_model(tmp_path, device="nowhere")
    model: Any = raw_model("llama")
    with pytest.raises(UsageError, match=r"make one of a loaded model by wrap_model"):
        load_model(model)
    with pytest.raises(UsageError, match="LlamaModel is no causal language model"):
        wrap_model(model.model, byte_tokenizer())
