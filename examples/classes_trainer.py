"""Fixed class vectors below the Hugging Face Trainer: the classifier of a model is replaced."""

import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

from growlabels.classes import Codebook, replace_head

CLASSES, VOCABULARY = 40, 50


def rows(count: int, seed: int) -> list[dict[str, torch.Tensor]]:
    """Return token rows; the class of a row is the token that it begins and ends with."""
    random = torch.Generator().manual_seed(seed)
    found = []
    for _ in range(count):
        tokens = torch.randint(0, VOCABULARY, (6,), generator=random)
        label = torch.randint(0, CLASSES, (1,), generator=random)[0]
        tokens[0] = tokens[-1] = label
        found.append({"input_ids": tokens, "labels": label})
    return found


def model() -> BertForSequenceClassification:
    """Make a small model from a configuration, and give it fixed class vectors."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=8,
    )
    made = BertForSequenceClassification(config)
    codebook = Codebook.for_classes(CLASSES, dim=64)
    codebook.add_labels(f"token {i}" for i in range(CLASSES))
    replace_head(made, codebook)  # num_labels and id2label of the configuration follow
    return made


def main() -> float:
    """Train, save, load into a new model; return its accuracy on other rows."""
    trained, again = model(), model()
    head = trained.classifier
    trunk = [p for name, p in trained.named_parameters() if not name.startswith("classifier.")]
    groups = [{"params": trunk, "lr": 5e-3}, {"params": head.parameters(), "lr": 1e-2}]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            trained,
            TrainingArguments(
                folder,
                per_device_train_batch_size=32,
                max_steps=100,
                label_smoothing_factor=0.1,
                use_cpu=True,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
            ),
            train_dataset=rows(1600, seed=1),
            optimizers=(torch.optim.AdamW(groups), None),
        )
        trainer.train()
        trainer.save_model(folder)
        again.load_state_dict(load_file(Path(folder) / "model.safetensors"))
    other = rows(200, seed=2)
    x = torch.stack([row["input_ids"] for row in other])
    y = torch.stack([row["labels"] for row in other])
    with torch.no_grad():
        best = again.eval()(input_ids=x).logits.argmax(1)
    return float((best == y).float().mean())


if __name__ == "__main__":
    print(f"accuracy {main():.3f}")
