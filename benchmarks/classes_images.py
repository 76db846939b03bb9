"""Output layers on images of Han characters: thousands of classes, whole fonts held out.

A seed draws the fonts for training, the order of the rows, the augmentation and the first weights.
Two other fonts are for choosing settings, and five more, by hand, brush and print, are scored. All
heads share trunk, schedule and rows. ``SETTINGS`` holds what each head got. The choice was made on
the validation fonts at seed 0, mostly with 1,000 classes and 3 epochs; no test font was seen for
it. The learning rates 2 and 5 (in units of the trunk's) were tried for fixed vectors.

"raw" is the calibration error of the probabilities as trained, "cal." after one temperature that
is fitted on the validation fonts, as ``EBVClassifier.calibrate`` does. With ``--tail`` the number
of images of a class falls exponentially from all fonts of training to one; "few", "some" and
"many" are the test accuracies of classes with at most 2, 3 to 7, and 8 and more images.

Finished cells go to a file of JSON lines and are skipped later.

    python benchmarks/classes_images.py [--classes 2965] [--epochs 8] [--fonts 8] [--seeds 3]
    python benchmarks/classes_images.py --fonts 23 --tail
    python benchmarks/classes_images.py --data fashion
"""

import argparse
import gzip
import json
import math
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from classes_accuracy import Cells, interval, outputs
from data import han
from numpy.typing import NDArray
from torch import Tensor, nn

from growlabels.classes import Codebook, EBVHead
from growlabels.classes.calibration.rejection import fit_temperature
from growlabels.classes.calibration.scores import score
from growlabels.classes.classifier.training import Schedule, TrainingRows, seeded, train
from growlabels.classes.heads.margin import angular_margin
from growlabels.classes.products.class_vectors import DenseVectors

FASHION = Path("/usr/share/datasets/fashion-mnist")
FEATURES, BATCH, RATE, DECAY = 512, 128, 2e-3, 0.02
Pair = tuple["Pictures", NDArray[np.int64]]


class Pictures:
    """Grey images, warped anew each time they are read where a generator is given."""

    def __init__(self, images: NDArray[np.uint8], seed: int | None = None) -> None:
        self.images = images
        self.random = None if seed is None else torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, rows: NDArray[np.int64]) -> tuple[Tensor, ...]:
        images = torch.from_numpy(self.images[rows]).float()[:, None] / 255
        return (images if self.random is None else warped(images, self.random),)

    def take(self, rows: NDArray[np.int64]) -> "Pictures":
        return Pictures(self.images[rows])

    def joined(self, other: "Pictures") -> "Pictures":
        return Pictures(np.concatenate([self.images, other.images]))


def warped(images: Tensor, random: torch.Generator) -> Tensor:
    """Rotate, scale, stretch, shear and shift; dilate one quarter in part, erode another."""
    count = len(images)

    def draw(size: float) -> Tensor:
        return (2 * torch.rand(count, generator=random) - 1) * size

    angle, shear, aspect = draw(0.15), draw(0.15), draw(0.1)
    wide, high = 1 + draw(0.12) + aspect, 1 + draw(0.12) - aspect
    matrix = torch.stack(
        [
            torch.stack([wide * angle.cos(), shear - angle.sin(), draw(0.1)], 1),
            torch.stack([shear + angle.sin(), high * angle.cos(), draw(0.1)], 1),
        ],
        1,
    )
    grid = nn.functional.affine_grid(matrix, list(images.shape), align_corners=False)
    images = nn.functional.grid_sample(images, grid, align_corners=False)
    which, share = torch.rand(count, generator=random), torch.rand(count, generator=random)
    thick = nn.functional.max_pool2d(images, 3, 1, 1)
    thin = -nn.functional.max_pool2d(-images, 3, 1, 1)
    share = share[:, None, None, None]
    kind = which[:, None, None, None]
    images = torch.where(kind < 0.25, images + share * (thick - images), images)
    return torch.where(kind > 0.75, images + share * (thin - images), images)


def trunk(features: int = FEATURES) -> nn.Module:
    layers: list[nn.Module] = []
    for i, o, stride in (
        (1, 16, 1),
        (16, 32, 2),
        (32, 32, 1),
        (32, 64, 2),
        (64, 64, 1),
        (64, 128, 2),
    ):
        layers += [nn.Conv2d(i, o, 3, stride, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
    layers += [nn.Flatten(), nn.Linear(2048, features), nn.BatchNorm1d(features), nn.ReLU()]
    net: Any = nn.Sequential(*layers)
    return net.to(memory_format=torch.channels_last)


class Trained(nn.Module):
    """The fully connected layer."""

    def __init__(self, features: int, counts: Tensor, smoothing: float = 0.1) -> None:
        super().__init__()
        self.layer, self.smoothing = nn.Linear(features, len(counts)), smoothing
        self.prior: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self(x) if self.prior is None else self(x) + self.prior
        return nn.functional.cross_entropy(logits, y, label_smoothing=self.smoothing)


class Normalised(nn.Module):
    """Trained unit vectors below unit features; with a margin this is ArcFace."""

    def __init__(
        self,
        features: int,
        counts: Tensor,
        scale: float,
        margin: float = 0.0,
        smoothing: float = 0.0,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(len(counts), features) / features**0.5)
        self.scale, self.margin, self.smoothing = scale, margin, smoothing
        self.prior: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        unit = nn.functional.normalize
        return self.scale * unit(x, dim=1) @ unit(self.weight, dim=1).T

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        logits = self(x)
        if self.margin:
            own = logits.gather(1, y[:, None])[:, 0] / self.scale
            moved = self.scale * angular_margin(own.clamp(-0.9999, 0.9999), self.margin)[0]
            logits = logits.scatter(1, y[:, None], moved[:, None])
        logits = logits if self.prior is None else logits + self.prior
        return nn.functional.cross_entropy(logits, y, label_smoothing=self.smoothing)


class Fixed(nn.Module):
    """An EBVHead, or one with other fixed vectors, behind what the experiments vary."""

    def __init__(
        self,
        features: int,
        counts: Tensor,
        kind: str | None = None,
        dim: int | None = None,
        centre: bool = False,
        **settings: Any,
    ) -> None:
        super().__init__()
        n = len(counts)
        if kind == "random":
            codebook = Codebook.for_classes(n, dim, "identity" if dim and dim >= n else None)
        else:
            codebook = Codebook.for_classes(n, dim, kind)
        self.head = EBVHead(features, codebook, **settings)
        if kind == "random":
            vectors = nn.functional.normalize(torch.randn(n, codebook.dim), dim=1)
            self.head.vectors = DenseVectors(vectors, n)
        self.centre = nn.BatchNorm1d(features, affine=False) if centre else nn.Identity()
        self.prior: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.centre(x))

    def loss(self, x: Tensor, y: Tensor) -> Tensor:
        if self.prior is None:
            return self.head.loss(self.centre(x), y)
        logits, head = self(x) + self.prior, self.head
        return nn.functional.cross_entropy(logits, y, label_smoothing=head.label_smoothing)


Settings = dict[str, Any]
# name -> how to make the head, its settings, and its learning rate in units of the trunk's
SETTINGS: dict[str, tuple[Callable[..., nn.Module], Settings, float]] = {
    "trained, smoothing .1": (Trained, {"smoothing": 0.1}, 5.0),
    "trained, no smoothing": (Trained, {"smoothing": 0.0}, 5.0),
    "trained, logit adjustment": (Trained, {"smoothing": 0.0, "adjusted": True}, 5.0),
    "normalised trained": (Normalised, {"scale": 32.0, "smoothing": 0.1}, 3.0),
    "ArcFace, margin .2": (Normalised, {"scale": 32.0, "margin": 0.2}, 3.0),
    "EBV, as in the library": (Fixed, {"centre": True}, 5.0),
    "not centred": (Fixed, {}, 5.0),
    "not centred, rate x2": (Fixed, {}, 2.0),
    "margin .2, smoothing .1": (
        Fixed,
        {"centre": True, "margin": 0.2, "label_smoothing": 0.1},
        5.0,
    ),
    "EBV, d = 1,024": (Fixed, {"centre": True, "dim": 1024}, 5.0),
    "identity, d = 4,096": (Fixed, {"centre": True, "kind": "identity", "dim": 4096}, 5.0),
    "random, d = 4,096": (Fixed, {"centre": True, "kind": "random", "dim": 4096}, 5.0),
    "logit adjustment": (Fixed, {"centre": True, "adjusted": True}, 5.0),
}


class Task(NamedTuple):
    train: Pair
    validation: Pair
    test: Pair
    counts: Tensor


def han_task(classes: int, fonts: int, tail: bool, seed: int) -> Task:
    """Draw fonts for training, or for a long tail a falling number of images of each class."""
    text = han.characters(classes)
    random = np.random.default_rng(seed)
    chosen = [han.TRAINING[i] for i in random.permutation(len(han.TRAINING))[:fonts]]
    glyphs = han.render(chosen, text)
    rows = np.arange(len(glyphs.labels))
    if tail:
        full = np.bincount(glyphs.labels, minlength=classes)
        rank = random.permutation(classes)
        wanted = np.round(fonts ** (1 - rank / (classes - 1))).clip(1, full)
        order = random.permutation(len(glyphs.labels))
        order = order[np.argsort(glyphs.labels[order], kind="stable")]
        place = np.arange(len(order)) - np.repeat(full.cumsum() - full, full)
        rows = np.sort(order[place < wanted[glyphs.labels[order]]])
    labels = glyphs.labels[rows]
    held = [han.render(names, text) for names in (han.VALIDATION, han.TEST)]
    counts = torch.from_numpy(np.bincount(labels, minlength=classes))
    pairs = [(Pictures(each.images), each.labels) for each in held]
    return Task((Pictures(glyphs.images[rows], seed), labels), pairs[0], pairs[1], counts)


def fashion_task(seed: int) -> Task:
    """Draw 5,000 of the 60,000 training images for validation."""

    def read(name: str, offset: int) -> NDArray[np.uint8]:
        return np.frombuffer(
            gzip.decompress((FASHION / name).read_bytes()), np.uint8, offset=offset
        )

    def images(name: str) -> NDArray[np.uint8]:
        return np.pad(read(name, 16).reshape(-1, 28, 28), ((0, 0), (2, 2), (2, 2)))

    full = images("train-images-idx3-ubyte.gz")
    labels = read("train-labels-idx1-ubyte.gz", 8).astype(np.int64)
    test = images("t10k-images-idx3-ubyte.gz")
    right = read("t10k-labels-idx1-ubyte.gz", 8).astype(np.int64)
    order = np.random.default_rng(seed).permutation(len(labels))
    back, kept = order[:5000], order[5000:]
    return Task(
        (Pictures(full[kept], seed), labels[kept]),
        (Pictures(full[back]), labels[back]),
        (Pictures(test), right),
        torch.from_numpy(np.bincount(labels[kept])),
    )


def run(
    task: Task,
    make: Callable[..., nn.Module],
    settings: Settings,
    rate: float,
    epochs: int,
    seed: int,
) -> dict[str, float]:
    """Train one head and score every row of the validation and test fonts."""
    settings = dict(settings)
    adjusted, features = settings.pop("adjusted", False), settings.pop("features", FEATURES)
    with seeded(seed):
        net, head = trunk(features), make(features, task.counts, **settings)
    if adjusted:
        head.prior = (task.counts.float() / task.counts.sum()).log()
    started = time.process_time()
    schedule = Schedule(epochs, BATCH, RATE, rate, DECAY)
    with seeded(seed):
        losses = train(net, head, TrainingRows(*task.train), schedule, seed)
    found = {"seconds": time.process_time() - started, "loss": losses[-1], "first": losses[0]}
    named: dict[str, tuple[NDArray[Any], NDArray[np.int64]]] = {}
    for name, (pictures, right) in (("validation", task.validation), ("test", task.test)):
        named[name] = outputs(lambda x: head(x).float(), net, pictures), right
    temperature = fit_temperature(*named["validation"])
    for name, (logits, right) in named.items():
        for divisor, key in ((1.0, ""), (temperature, "calibrated ")):
            shares = torch.softmax(torch.from_numpy(logits / divisor), 1).numpy()
            scores = score(shares, right, range(len(task.counts)), 0)
            found[f"{name} accuracy"] = scores.accuracy
            found[f"{name} {key}error"] = scores.calibration_error
    correct = named["test"][0].argmax(1) == named["test"][1]
    images = task.counts.numpy()[named["test"][1]]
    for name, least, most in (("few", 1, 2), ("some", 3, 7), ("many", 8, 10**9)):
        within = (least <= images) & (images <= most)
        found[name] = float(correct[within].mean()) if within.any() else math.nan
    return found | {"temperature": float(temperature)}


def key(options: argparse.Namespace, name: str, seed: int) -> list[Any]:
    if options.data == "fashion":
        return ["fashion", options.epochs, name, seed]
    tail = ["tail"] if options.tail else []
    return ["han", options.classes, options.fonts, options.epochs, *tail, name, seed]


def show(cells: Cells, options: argparse.Namespace) -> None:
    """Print what is finished: means, and Student's 95 % interval of the accuracy."""
    columns = ("test error", "test calibrated error", "few", "some", "many", "seconds")
    print(f"{'head':<28}{'seeds':>6}{'validation':>11}{'test accuracy':>17}"
          f"{'raw':>8}{'cal.':>8}{'few':>8}{'some':>8}{'many':>8}{'CPU s':>8}")  # fmt: skip
    for name in options.heads:
        keys = [json.dumps(key(options, name, seed)) for seed in range(options.seeds)]
        found = [cells.found[k] for k in keys if k in cells.found]
        if found:
            accuracy = [one["test accuracy"] for one in found]
            means = [float(np.mean([one[column] for one in found])) for column in columns]
            figures = "".join(f"{mean:>8.3f}" for mean in means[:-1])
            validation = np.mean([one["validation accuracy"] for one in found])
            print(f"{name:<28}{len(found):>6}{validation:>11.4f}{np.mean(accuracy):>9.4f}"
                  f" ±{interval(accuracy):>6.4f}{figures}{means[-1]:>8.0f}")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", choices=("han", "fashion"), default="han")
    parser.add_argument("--classes", type=int, default=2965)
    parser.add_argument("--fonts", type=int, default=8, help="designs to train on, at most 24")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--tail", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--heads", nargs="+", default=list(SETTINGS), choices=list(SETTINGS))
    parser.add_argument("--show", action="store_true", help="only print what is finished")
    folder = Path(__file__).parent / "results"
    parser.add_argument("--results", type=Path, default=folder / "classes_images.jsonl")
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.results.parent.mkdir(exist_ok=True)
    cells = Cells(options.results)
    for seed in range(0 if options.show else options.seeds):
        task = cache(
            lambda s=seed: (
                fashion_task(s)
                if options.data == "fashion"
                else han_task(options.classes, options.fonts, options.tail, s)
            )
        )
        for name in options.heads:
            make, settings, rate = SETTINGS[name]
            cells.get(
                key(options, name, seed),
                lambda: run(task(), make, settings, rate, options.epochs, seed),  # noqa: B023
            )
    show(cells, options)


if __name__ == "__main__":
    main()
