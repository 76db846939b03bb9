"""Detectors and segmenters: the layer of the class loss is replaced, and all that score classes."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from growlabels.base.errors import UsageError
from growlabels.classes import Codebook, DenseEBVHead, EBVHead, replace_head
from growlabels.classes.adoption.object_head import ObjectHead
from growlabels.classes.adoption.roles import object_layers


def detr(labels: int) -> Any:
    transformers: Any = pytest.importorskip("transformers")
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], out_features=["stage2"]
    )
    config = transformers.DetrConfig(
        use_timm_backbone=False, use_pretrained_backbone=False, backbone=None,
        backbone_config=backbone, d_model=16, encoder_layers=1, decoder_layers=1,
        encoder_attention_heads=2, decoder_attention_heads=2, encoder_ffn_dim=16,
        decoder_ffn_dim=16, num_queries=5, num_labels=labels,
    )  # fmt: skip
    return transformers.DetrForObjectDetection(config)


@pytest.mark.parametrize(("labels", "classes"), [(4, 4), (10, 11), (3, 4), (4, 300)])
def test_a_detr_keeps_its_boxes_and_counts_no_object_apart(labels: int, classes: int) -> None:
    pytest.importorskip("scipy")
    model = detr(labels)
    boxes = model.bbox_predictor.state_dict()
    replace_head(model, Codebook.for_classes(classes, 64))
    assert isinstance(model.class_labels_classifier, ObjectHead)
    assert [p for p, m in model.named_modules() if isinstance(m, EBVHead)] == list(
        object_layers(model)
    )
    assert all(torch.equal(boxes[k], v) for k, v in model.bbox_predictor.state_dict().items())
    assert model.config.num_labels == classes
    target = {"class_labels": torch.tensor([0, classes - 1]), "boxes": torch.full((2, 4), 0.3)}
    out = model(pixel_values=torch.randn(1, 3, 64, 64), labels=[target])
    assert out.logits.shape == (1, 5, classes + 1) and out.pred_boxes.shape == (1, 5, 4)
    out.loss.backward()
    assert model.class_labels_classifier.nothing.weight.grad is not None


def test_labels_name_the_objects_alone() -> None:
    codebook = Codebook.for_classes(64, 64)
    codebook.add_labels(["cat", "dog"])
    model = replace_head(detr(4), codebook)
    config: Any = model.config
    assert config.id2label == {0: "cat", 1: "dog"}
    model = replace_head(detr(4), EBVHead(16, Codebook.for_classes(11, 64)))
    assert model.config.num_labels == 10  # type: ignore[union-attr]  # the last one is no object
    with pytest.raises(UsageError, match="the head needs two outputs"):
        replace_head(detr(4), EBVHead(16, Codebook.for_classes(11, 64), num_classes=1))


def upernet() -> Any:
    transformers: Any = pytest.importorskip("transformers")
    backbone = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )  # fmt: skip
    config = transformers.UperNetConfig(
        backbone_config=backbone, hidden_size=16, num_labels=4, auxiliary_channels=8,
        auxiliary_in_channels=16, pool_scales=[1, 2],
    )  # fmt: skip
    return transformers.UperNetForSemanticSegmentation(config)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (Codebook.for_classes(150, 256), None),
        (DenseEBVHead(16, Codebook.for_classes(150, 256), margin=0.1), None),
        (DenseEBVHead(16, Codebook.for_classes(150, 256)), "decode_head.classifier"),
    ],
)
def test_both_heads_of_an_upernet_are_replaced(head: Any, name: str | None) -> None:
    model = upernet()
    replace_head(model, head, name=name)
    main, other = model.decode_head.classifier, model.auxiliary_head.classifier
    assert isinstance(main, DenseEBVHead) and isinstance(other, DenseEBVHead)
    assert other.in_features == 8 and other.margin == main.margin
    y = torch.randint(0, 150, (2, 64, 64))
    out = model(pixel_values=torch.randn(2, 3, 64, 64), labels=y)
    out.loss.backward()
    assert out.logits.shape == (2, 150, 64, 64) and other.projection.weight.grad is not None
    replace_head(model, DenseEBVHead(8, other.codebook), name="auxiliary_head.classifier")
    assert model.decode_head.classifier is main


def test_segformer_takes_a_codebook() -> None:
    transformers: Any = pytest.importorskip("transformers")
    config = transformers.SegformerConfig(
        num_encoder_blocks=2, depths=[1, 1], hidden_sizes=[8, 16], num_attention_heads=[1, 2],
        sr_ratios=[2, 1], patch_sizes=[3, 3], strides=[2, 2], decoder_hidden_size=16, num_labels=4,
    )  # fmt: skip
    model = transformers.SegformerForSemanticSegmentation(config)
    replace_head(model, Codebook.for_classes(60, 64))
    x, y = torch.randn(1, 3, 32, 32), torch.full((1, 32, 32), 59)
    out = model(pixel_values=x, labels=y)
    assert out.logits.shape[1] == 60 and out.loss.isfinite()


class Predictor(nn.Module):
    """Score and box layers as torchvision's FastRCNNPredictor has them."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.cls_score = nn.Linear(features, classes)
        self.bbox_pred = nn.Linear(features, 4 * classes)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(x), self.bbox_pred(x)


def test_scores_and_boxes_of_a_two_stage_detector_fit_each_other() -> None:
    model = nn.ModuleDict({"rpn": nn.Linear(6, 6), "box_predictor": Predictor(6, 5)})
    replace_head(model, Codebook.for_classes(10, 64))
    scores, boxes = model["box_predictor"](torch.randn(3, 6))
    assert scores.shape == (3, 11) and boxes.shape == (3, 44)
    assert torch.equal(boxes.view(3, 11, 4)[:, 0], boxes.view(3, 11, 4)[:, 10])
    head: Any = model["box_predictor"].cls_score
    assert head.background == "first"
    head.add_classes(2)
    scores, boxes = model["box_predictor"](torch.randn(3, 6))
    assert scores.shape == (3, 13) and boxes.shape == (3, 52)


def test_faster_rcnn_of_torchvision() -> None:
    reason = "make test-vision runs this"
    detection: Any = pytest.importorskip(
        "torchvision.models.detection", reason=reason, exc_type=ImportError
    )
    model = detection.fasterrcnn_mobilenet_v3_large_320_fpn(
        weights=None, weights_backbone=None, num_classes=5, min_size=64, max_size=64
    )
    replace_head(model, Codebook.for_classes(10, 64))
    target = {"boxes": torch.tensor([[5.0, 5, 40, 40]]), "labels": torch.tensor([10])}
    losses = model.train()([torch.rand(3, 64, 64)], [target])
    sum(losses.values()).backward()
    found = model.eval()([torch.rand(3, 64, 64)])[0]
    assert found["boxes"].shape[1] == 4 and (found["labels"] <= 10).all()


def test_auxiliary_layers_of_other_classes_stay() -> None:
    model = nn.ModuleDict(
        {
            "classifier": nn.Linear(6, 5),
            "aux_classifier": nn.Linear(6, 5),
            "aux_depth": nn.Linear(6, 2),
        }
    )
    replace_head(model, Codebook.for_classes(9, 64))
    assert isinstance(model["classifier"], EBVHead) and isinstance(model["aux_classifier"], EBVHead)
    assert type(model["aux_depth"]) is nn.Linear
