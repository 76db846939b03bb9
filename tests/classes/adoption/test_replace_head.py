"""replace_head on plain, timm-like and transformers models."""

import copy
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, DenseEBVHead, EBVHead, replace_head

CODEBOOK = Codebook.for_classes(50, 64)


class Network(nn.Module):
    """The shape of a torchvision model: blocks, then a layer of some name."""

    def __init__(self, **last: nn.Module) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 12))
        for name, layer in last.items():
            self.add_module(name, layer)
        self.last = list(last)

    def forward(self, x: Tensor) -> Tensor:
        return getattr(self, self.last[-1])(self.block(x))


class TimmLike(nn.Module):
    """The attributes that models of timm have."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.num_classes, self.num_features = 10, 12
        self.stem = nn.Linear(6, 12)
        self.output = nn.Sequential(OrderedDict(norm=nn.LayerNorm(12), logits=last))

    def get_classifier(self) -> nn.Module:
        return self.output[1]

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.stem(x))


@pytest.mark.parametrize("name", ["fc", "classifier", "head", "score"])
def test_named_linear_layers(name: str) -> None:
    model = Network(**{name: nn.Linear(12, 10)})
    head = EBVHead(12, CODEBOOK)
    assert replace_head(model, head) is model
    assert getattr(model, name) is head
    assert model(torch.randn(3, 6)).shape == (3, 50)


def test_last_linear_layer_of_a_named_block() -> None:
    block = nn.Sequential(nn.Dropout(), nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 10))
    model = replace_head(Network(classifier=block), CODEBOOK, label_smoothing=0.1)
    new: Any = model.get_submodule("classifier.3")
    assert isinstance(new, EBVHead) and new.in_features == 20 and new.label_smoothing == 0.1


def test_sequences_and_models_of_one_layer() -> None:
    model = nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 10))
    assert isinstance(replace_head(model, CODEBOOK)[-1], EBVHead)  # type: ignore[index]
    only = nn.ModuleDict({"out": nn.Linear(12, 10)})
    assert isinstance(replace_head(only, CODEBOOK)["out"], EBVHead)  # type: ignore[index]


def test_a_head_may_be_replaced_again() -> None:
    model = replace_head(Network(fc=nn.Linear(12, 10)), CODEBOOK)
    assert replace_head(model, Codebook.for_classes(70, 64))(torch.zeros(1, 6)).shape == (1, 70)
    plain = replace_head(nn.Sequential(nn.Linear(6, 12), nn.Linear(12, 9)), CODEBOOK)
    assert replace_head(plain, Codebook.for_classes(70, 64))(torch.zeros(1, 6)).shape == (1, 70)


def test_dtype_mode_and_exact_vectors_are_kept() -> None:
    stored = Codebook.for_classes(30, 12, kind="optimised", steps=5)
    model = Network(fc=nn.Linear(12, 10)).bfloat16().eval()
    head: Any = replace_head(model, stored).get_submodule("fc")
    assert {p.dtype for p in head.parameters()} == {torch.bfloat16} and not head.training
    assert torch.equal(head.vectors.vectors, torch.from_numpy(stored.vectors()))
    assert model(torch.randn(2, 6).bfloat16()).dtype == torch.float32


def test_device_is_kept() -> None:
    model = Network(fc=nn.Linear(12, 10)).to("meta")
    head = replace_head(model, CODEBOOK).get_submodule("fc")
    assert {t.device.type for t in [*head.parameters(), *head.buffers()]} == {"meta"}


def test_timm_models_say_where_their_classifier_is() -> None:
    model = TimmLike(nn.Linear(12, 10))
    assert replace_head(model, CODEBOOK)(torch.randn(3, 6)).shape == (3, 50)
    assert model.num_classes == 50 and isinstance(model.get_classifier(), EBVHead)


def test_timm_models_without_a_classifier_get_one() -> None:
    model = TimmLike(nn.Identity())
    assert replace_head(model, CODEBOOK)(torch.randn(3, 6)).shape == (3, 50)


@pytest.mark.parametrize("classes", [10, 0])
@pytest.mark.parametrize("name", ["resnet10t", "vit_tiny_patch16_224", "mobilenetv3_small_050"])
def test_models_of_timm(name: str, classes: int) -> None:
    reason = "make test-vision runs this"
    timm: Any = pytest.importorskip("timm", reason=reason, exc_type=ImportError)
    size = {"img_size": 32} if name.startswith("vit") else {}
    model = replace_head(timm.create_model(name, num_classes=classes, **size).eval(), CODEBOOK)
    assert model(torch.randn(2, 3, 32, 32)).shape == (2, 50) and model.num_classes == 50
    assert isinstance(model.get_classifier(), EBVHead)


def test_convolutions_of_segmenters() -> None:
    block = nn.Sequential(nn.Conv2d(12, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 10, 1))
    model = nn.ModuleDict({"body": nn.Conv2d(3, 12, 1), "classifier": block})
    head = DenseEBVHead(8, CODEBOOK)
    replace_head(model, head)
    assert model["classifier"](torch.zeros(1, 12, 4, 4)).shape == (1, 50, 4, 4)
    with pytest.raises(UsageError, match="replace a convolution by a DenseEBVHead"):
        replace_head(model, EBVHead(3, CODEBOOK), name="body")
    replace_head(model, CODEBOOK, name="body")  # a codebook becomes the head that fits
    assert isinstance(model["body"], DenseEBVHead)


def tiny(kind: str) -> Any:
    transformers: Any = pytest.importorskip("transformers")
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = shape | {"vocab_size": 50, "intermediate_size": 16, "max_position_embeddings": 20}
    image = shape | {"intermediate_size": 16, "image_size": 8, "patch_size": 4}
    short = {"vocab_size": 50, "n_positions": 20, "n_embd": 16, "n_layer": 1, "n_head": 2}
    settings = {
        "BertForSequenceClassification": ("BertConfig", text),
        "RobertaForSequenceClassification": ("RobertaConfig", text),
        "GPT2ForSequenceClassification": ("GPT2Config", short | {"pad_token_id": 0}),
        "ViTForImageClassification": ("ViTConfig", image),
    }
    config, values = settings[kind]
    return getattr(transformers, kind)(getattr(transformers, config)(num_labels=3, **values)).eval()


@pytest.mark.parametrize(
    "kind",
    [
        "BertForSequenceClassification",
        "RobertaForSequenceClassification",
        "GPT2ForSequenceClassification",
        "ViTForImageClassification",
    ],
)
def test_transformers_models_train_on_the_new_classes(kind: str) -> None:
    model = replace_head(tiny(kind), CODEBOOK)
    image = "Image" in kind
    x = torch.randn(2, 3, 8, 8) if image else torch.randint(5, 50, (2, 7))
    y = torch.tensor([4, 49])
    out: Any = model(**{"pixel_values" if image else "input_ids": x}, labels=y)
    assert out.logits.shape == (2, 50)
    torch.testing.assert_close(out.loss, nn.functional.cross_entropy(out.logits, y))
    out.loss.backward()
    (head,) = [m for m in model.modules() if isinstance(m, EBVHead)]
    assert head.projection.weight.grad is not None
    config: Any = model.config
    assert config.num_labels == 50


def test_labels_of_the_codebook_become_those_of_the_configuration(tmp_path: Path) -> None:
    codebook = Codebook.for_classes(3)
    codebook.add_labels(["ant", "bee", "cicada"])
    model: Any = replace_head(tiny("BertForSequenceClassification"), codebook)
    assert model.config.id2label == {0: "ant", 1: "bee", 2: "cicada"}
    assert model.config.label2id["bee"] == 1
    model.save_pretrained(tmp_path)
    twin: Any = replace_head(tiny("BertForSequenceClassification"), codebook)
    safetensors: Any = pytest.importorskip("safetensors.torch")
    twin.load_state_dict(safetensors.load_file(tmp_path / "model.safetensors"))
    x = torch.randint(5, 50, (2, 7))
    assert torch.equal(twin(x).logits, model(x).logits)


def test_the_configuration_follows_added_classes_when_told_again() -> None:
    codebook = Codebook.for_classes(3)
    codebook.add_labels(["ant", "bee"])
    model: Any = replace_head(tiny("BertForSequenceClassification"), codebook)
    model.classifier.add_classes(["cicada", 1])
    replace_head(model, model.classifier)
    assert model.num_labels == 4 and model.config.label2id["1"] == 3
    assert model(torch.randint(5, 50, (1, 7)), labels=torch.tensor([3])).loss.isfinite()
    model.classifier.add_classes(["1"])
    with pytest.raises(UsageError, match="two labels of the codebook have the name '1'"):
        replace_head(model, model.classifier)


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
def test_adapters_of_peft_are_loaded(tmp_path: Path) -> None:
    peft: Any = pytest.importorskip("peft")
    model = replace_head(tiny("BertForSequenceClassification"), CODEBOOK)
    other, x = copy.deepcopy(model), torch.randint(5, 50, (2, 7))
    settings = peft.LoraConfig(task_type="SEQ_CLS", target_modules=["query"])
    adapted = peft.get_peft_model(model, settings).eval()
    adapted.base_model.model.classifier.modules_to_save["default"].projection.weight.data += 1
    adapted.save_pretrained(tmp_path)
    loaded = peft.PeftModel.from_pretrained(other, tmp_path).eval()
    assert torch.equal(loaded(x).logits, adapted(x).logits)
    assert not torch.equal(loaded(x).logits, replace_head(model, CODEBOOK)(x).logits)


def test_several_or_no_candidates_are_listed() -> None:
    two = Network(head=nn.Linear(12, 10), fc=nn.Linear(12, 10))
    with pytest.raises(UsageError, match=r"2 layers .*: 'head', 'fc'; choose one with name="):
        replace_head(two, CODEBOOK)
    assert isinstance(replace_head(two, CODEBOOK, name="fc").get_submodule("fc"), EBVHead)
    with pytest.raises(
        UsageError, match=r"no Linear .* of that type: 'block.0', 'block.2'; choose"
    ):
        replace_head(Network(end=nn.Conv2d(1, 1, 1)), CODEBOOK)
    with pytest.raises(UsageError, match="no Conv2d that computes the logits"):
        replace_head(Network(fc=nn.Linear(12, 10)), DenseEBVHead(12, CODEBOOK))


TINY: dict[str, Any] = {
    "hidden_size": 12,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
}


@pytest.mark.parametrize(
    ("kind", "settings", "path"),
    [
        ("ModernBert", {**TINY, "vocab_size": 60, "pad_token_id": 0}, "classifier"),
        ("Flaubert", {"emb_dim": 12, "n_layers": 1, "n_heads": 2}, "sequence_summary.summary"),
        ("XLNet", {"d_model": 12, "n_layer": 1, "n_head": 2, "d_inner": 12}, "logits_proj"),
    ],
)
def test_number_of_labels_decides_between_layers(
    kind: str, settings: dict[str, Any], path: str
) -> None:
    transformers = pytest.importorskip("transformers")
    config = getattr(transformers, f"{kind}Config")(**settings)
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    replace_head(model, CODEBOOK)
    head = model.get_submodule(path)
    assert isinstance(head, EBVHead)
    head.add_classes(3)
    replace_head(model, head)
    found = model(torch.full((2, 5), 7), labels=torch.tensor([1, 52]))
    assert found.logits.shape == (2, 53)
    found.loss.backward()


def test_layers_of_equally_many_outputs_stay_undecided() -> None:
    model = Network(head=nn.Linear(12, 10), fc=nn.Linear(12, 10))
    model.config = SimpleNamespace(num_labels=10)  # type: ignore[assignment]
    with pytest.raises(UsageError, match=r"2 layers .*: 'head', 'fc'; choose one with name="):
        replace_head(model, CODEBOOK)


def test_wrong_requests() -> None:
    model = Network(fc=nn.Linear(12, 10))
    with pytest.raises(
        UsageError, match=r"head\.in_features must be 12, the input length of 'fc' .* it was 13"
    ):
        replace_head(model, EBVHead(13, CODEBOOK))
    assert isinstance(model.get_submodule("fc"), nn.Linear)
    with pytest.raises(UsageError, match=r"name must be a layer of the model .* it was 'end'"):
        replace_head(model, CODEBOOK, name="end")
    with pytest.raises(UsageError, match=r"'block\.1' of the model is ReLU, not a linear layer"):
        replace_head(model, CODEBOOK, name="block.1")
    with pytest.raises(UsageError, match="head must be an EBVHead or a Codebook, it was 'int'"):
        replace_head(model, 10)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="margin can be given only with a codebook"):
        replace_head(model, EBVHead(12, CODEBOOK), margin=0.1)
    odd = TimmLike(nn.Linear(12, 10))
    odd.get_classifier = lambda: (odd.stem, odd.stem)  # type: ignore[method-assign, return-value]
    with pytest.raises(UsageError, match=r"get_classifier\(\) of the model returned tuple"):
        replace_head(odd, CODEBOOK)
