import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_causal import CONFIGS, stir, tiny

from growlabels.base.errors import DataError, UsageError
from growlabels.unsafe.model.adapter_files import attach_saved, save_adapter
from growlabels.unsafe.model.lora import LoraSettings, attach

IDS = torch.arange(6)[None]
SETTINGS = LoraSettings(rank=2, top_layers=2)


@pytest.mark.parametrize("kind", CONFIGS)
def test_attached_and_gone_again(kind: str) -> None:
    causal = tiny(kind)
    with torch.no_grad():
        before = causal.model(IDS).logits
        names = [name for name, _ in causal.model.named_modules()]
        with attach(causal, SETTINGS) as adapter:
            assert adapter.first_layer == 2
            assert torch.equal(causal.model(IDS).logits, before), "B starts at zero"
            stir(adapter)
            assert not torch.allclose(causal.model(IDS).logits, before)
        assert torch.equal(causal.model(IDS).logits, before)
    assert [name for name, _ in causal.model.named_modules()] == names
    assert not any(p.requires_grad for p in causal.model.parameters())


def test_the_attention_projections_are_adapted() -> None:
    with attach(tiny("llama"), SETTINGS) as adapter:
        ends = {name.rpartition(".")[2] for name in adapter.linears}
        assert ends == {"q_proj", "k_proj", "v_proj", "o_proj"} and len(adapter.linears) == 8
        assert adapter.size == sum(p.numel() for p in adapter.parameters())
    with attach(tiny("gpt2"), LoraSettings(rank=2, top_layers=99)) as adapter:
        ends = {name.rpartition(".")[2] for name in adapter.linears}
        assert ends == {"c_attn", "c_proj"} and len(adapter.linears) == 8
        assert adapter.first_layer == 0


def test_the_seed_decides_the_start_and_nothing_global() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    states = []
    for seed in (0, 0, 1):
        with attach(tiny(), LoraSettings(rank=2, top_layers=1, seed=seed)) as adapter:
            states.append(torch.cat([p.detach().flatten() for p in adapter.parameters()]))
    assert torch.equal(states[0], states[1]) and not torch.equal(states[0], states[2])
    assert torch.equal(torch.rand(1), expected)


def test_one_adapter_at_a_time() -> None:
    with attach(tiny(), SETTINGS):
        with (
            pytest.raises(UsageError, match="already has an adapter"),
            attach(tiny(), SETTINGS),
        ):
            pass
        assert tiny().model(IDS).logits.requires_grad, "the first one is still there"


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_saved_and_read_back(kind: str, tmp_path: Path) -> None:
    with attach(tiny(kind), SETTINGS) as adapter, torch.no_grad():
        stir(adapter)
        expected = tiny(kind).model(IDS).logits
        save_adapter(adapter, SETTINGS, tmp_path)
    with attach_saved(tiny(kind), tmp_path) as adapter, torch.no_grad():
        assert torch.equal(tiny(kind).model(IDS).logits, expected) and adapter.first_layer == 2


def test_peft_reads_what_is_saved(tmp_path: Path) -> None:
    from peft import LoraConfig, LoraModel
    from peft.utils import set_peft_model_state_dict
    from tiny_causal import raw_model

    with attach(tiny(), SETTINGS) as adapter, torch.no_grad():
        stir(adapter)
        expected = tiny().model(IDS).logits
        save_adapter(adapter, SETTINGS, tmp_path)
    model = LoraModel(raw_model("llama"), LoraConfig.from_pretrained(str(tmp_path)), "default")
    saved = load_file(tmp_path / "adapter_model.safetensors")
    state = {key.removeprefix("base_model."): tensor for key, tensor in saved.items()}
    result = set_peft_model_state_dict(model, state)
    assert not result.unexpected_keys
    with torch.no_grad():
        torch.testing.assert_close(model.eval()(IDS).logits, expected)


def saved(folder: Path) -> Path:
    with attach(tiny(), SETTINGS) as adapter:
        save_adapter(adapter, SETTINGS, folder)
    return folder / "adapter_model.safetensors"


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_embeddings_saved_beside_an_adapter(kind: str, tmp_path: Path) -> None:
    causal = tiny(kind)
    with attach(causal, SETTINGS) as adapter, torch.no_grad():
        stir(adapter)
        expected = causal.model(IDS).logits
        save_adapter(adapter, SETTINGS, tmp_path)
    file = tmp_path / "adapter_model.safetensors"
    alone = load_file(file)
    embedding = causal.model.get_input_embeddings()
    name = next(name for name, m in causal.model.named_modules() if m is embedding)
    key, weight = f"base_model.model.{name}.weight", embedding.weight.detach()
    save_file({**alone, key: weight.clone()}, file)
    with attach_saved(causal, tmp_path), torch.no_grad():
        assert torch.equal(causal.model(IDS).logits, expected)
    for other in (weight + 1, torch.cat([weight, weight[:2]])):
        save_file({**alone, key: other}, file)
        message = "resized or trained with the adapter; merge the adapter into its base model"
        with pytest.raises(DataError, match=message), attach_saved(causal, tmp_path):
            pass


def test_keys_must_fit(tmp_path: Path) -> None:
    file = saved(tmp_path)
    tensors = load_file(file)
    first = sorted(tensors)[0]
    save_file({key: t for key, t in tensors.items() if key != first}, file)
    with (
        pytest.raises(DataError, match="1 keys missing, 0 unknown"),
        attach_saved(tiny(), tmp_path),
    ):
        pass
    save_file({**tensors, "other": tensors[first].clone()}, file)
    with (
        pytest.raises(DataError, match="0 keys missing, 1 unknown"),
        attach_saved(tiny(), tmp_path),
    ):
        pass
    save_file({**tensors, first: tensors[first][:, 1:].contiguous()}, file)
    with pytest.raises(DataError, match="has shape"), attach_saved(tiny(), tmp_path):
        pass
    file.write_bytes(b"nothing")
    with pytest.raises(DataError, match="is damaged"), attach_saved(tiny(), tmp_path):
        pass
    assert not tiny().model(IDS).logits.requires_grad


def test_an_adapter_of_another_architecture(tmp_path: Path) -> None:
    saved(tmp_path)
    with pytest.raises(DataError, match="does not fit model 'gpt2'"):
        attach_saved(tiny("gpt2"), tmp_path).__enter__()


def test_folders_without_an_adapter(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no adapter_config\.json"):
        attach_saved(tiny(), tmp_path).__enter__()
    file = saved(tmp_path)
    file.rename(tmp_path / "adapter_model.bin")
    with pytest.raises(UsageError, match="pickled"):
        attach_saved(tiny(), tmp_path).__enter__()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"r": "8"}, "does not fit model 'llama'"),
        ({"use_dora": True}, "use_dora.*merge_and_unload"),
        ({"init_lora_weights": "pissa"}, "init_lora_weights.*pissa"),
        ({"layer_replication": [[0, 3], [2, 4]]}, "layer_replication"),
        ({"target_parameters": ["mlp.down_proj.weight"]}, "target_parameters"),
        ({"peft_type": "IA3"}, "only LoRA is supported"),
    ],
)
def test_other_kinds_of_adapter(change: dict[str, object], message: str, tmp_path: Path) -> None:
    saved(tmp_path)
    config = tmp_path / "adapter_config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | change))
    before = {key: tensor.clone() for key, tensor in tiny().model.state_dict().items()}
    with pytest.raises(DataError, match=message):
        attach_saved(tiny(), tmp_path).__enter__()
    after = tiny().model.state_dict()
    assert all(torch.equal(after[key], tensor) for key, tensor in before.items())


def test_wrong_settings() -> None:
    with pytest.raises(UsageError, match="rank must be at least 1"):
        LoraSettings(rank=0)
    wrong: Any = {"rank": 2.5, "seed": "1", "top_layers": 1.5, "layers": 8, "alpha": math.nan}
    for name, value in wrong.items():
        with pytest.raises(UsageError, match=f"{name} must be"):
            LoraSettings(**{name: value})
    with pytest.raises(UsageError, match="top_layers must be at least 0"):
        LoraSettings(top_layers=-1)
    with pytest.raises(UsageError, match=r"layers \(1:3\) and top_layers \(0\) both say"):
        LoraSettings(top_layers=0, layers="1:3")


@pytest.mark.parametrize("layers", ["", "x", "3:", ":3", "3:3", "4:2", "-1:2", "1:2:3"])
def test_layers_that_are_none(layers: str) -> None:
    with pytest.raises(UsageError, match="layers must be a number, or a range"):
        LoraSettings(layers=layers)


def test_layers_above_the_model() -> None:
    with (
        pytest.raises(UsageError, match="layers must end at 4 or before"),
        attach(tiny(), LoraSettings(layers="2:5")),
    ):
        pass
    assert LoraSettings(layers="2").chosen(4) == LoraSettings(top_layers=2).chosen(4)
