"""What tells rows of unknown classes apart: the score of fixed vectors, and other heads.

First what the score is made of, the cosine, the length of the embedding, or both, by
EBVClassifier with its defaults. Tasks: the intents of CLINC150 against its requests without an
intent; a third of the intents, a quarter of the languages (names of CLDR), and three of ten
digits (scikit-learn's, as numbers and as images) held out as unknown, a quarter of the other
rows kept to compare with. Then heads on the trunk and schedule of ``classes_accuracy.py``:
requests without an intent, and a quarter of the intents, languages and characters of Omniglot
held out; of heads that are not ours the score is the largest logit. Every figure is an area
under the ROC curve, 0.5 for chance. Finished runs of heads are kept and skipped later.

    python benchmarks/classes_rejection.py [--seeds 2] [--tasks intents digits]
        [--head-seeds 5] [--head-tasks omniglot]
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import classes_accuracy as heads
import numpy as np
import torch
from data.clinc150 import load_clinc150
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from torch import Tensor

from growlabels.classes import EBVClassifier, EBVHead
from growlabels.demo.data.language_names import load_language_names

RESULTS = Path(__file__).parent / "results"
POWERS = (0.0, 0.25, 0.5, 1.0)
COLUMNS = (*(f"cos x length^{power:g}" for power in POWERS), "probability")


class Task(NamedTuple):
    """Rows to train on with their classes, and rows of known and of unknown classes."""

    rows: NDArray[Any]
    classes: NDArray[Any]
    known: NDArray[Any]
    unknown: NDArray[Any]


def held_out(rows: Any, classes: NDArray[Any], share: float, seed: int) -> Task:
    """Hold out a share of the classes, and a quarter of the rows of the others."""
    random = np.random.default_rng(seed)
    rows = np.asarray(rows)
    names = random.permutation(np.unique(classes))
    unknown = np.isin(classes, names[: int(share * len(names))])
    others = random.permutation(np.flatnonzero(~unknown))
    train, known = np.split(others, [3 * len(others) // 4])
    return Task(rows[train], classes[train], rows[known], rows[unknown])


def intents(seed: int) -> Task:
    data = load_clinc150()
    texts = (data.train_texts, data.test_texts, data.out_of_scope_test)
    train, known, unknown = (np.array(part, object) for part in texts)
    return Task(train, data.train_labels, known, unknown)


def new_intents(seed: int) -> Task:
    data = load_clinc150()
    classes = np.concatenate([data.train_labels, data.test_labels])
    return held_out(np.array(data.train_texts + data.test_texts, object), classes, 1 / 3, seed)


def new_languages(seed: int) -> Task:
    data = load_language_names(seed)
    classes = np.concatenate([data.train_labels, data.test_labels])
    return held_out(np.array(data.train_texts + data.test_texts, object), classes, 0.25, seed)


def new_digits(seed: int, images: bool) -> Task:
    data: Any = load_digits()
    return held_out(data.images if images else data.data, data.target, 0.3, seed)


TASKS: dict[str, Callable[[int], Task]] = {
    "intents": intents,
    "new intents": new_intents,
    "new languages": new_languages,
    "digits": lambda seed: new_digits(seed, images=False),
    "digit images": lambda seed: new_digits(seed, images=True),
}


def parts(head: EBVHead, x: Tensor) -> Tensor:
    """Largest cosine, length of the embedding, largest probability: (rows, 3)."""
    logits = head(x)
    columns = logits.amax(1) * head.tau, head.project(x).norm(dim=-1), logits.softmax(1).amax(1)
    return torch.stack(columns, 1).double()


def areas(task: Task, seed: int) -> list[float]:
    """Area under the curve of each of ``COLUMNS``."""
    model = EBVClassifier(seed=seed).fit(task.rows, task.classes)
    groups = [torch.cat(list(model._outputs(rows, parts))) for rows in (task.known, task.unknown)]
    is_known = np.repeat([1, 0], [len(group) for group in groups])
    cosine, length, probability = torch.cat(groups).T.numpy()
    scores = [*(cosine * length**power for power in POWERS), probability]
    return [float(roc_auc_score(is_known, score)) for score in scores]


HEADS: dict[str, tuple[str, float, dict[str, float]]] = {
    # name -> the head in classes_accuracy.py, its rate in units of the trunk's, its settings
    "trained layer": ("linear", 1.0, {"smoothing": 0.0}),
    "trained layer, smoothing .1": ("linear", 1.0, {"smoothing": 0.1}),
    "trained unit vectors": ("trained unit vectors d=256", 2.0, {}),
    "ArcFace": ("ArcFace d=256", 2.0, {}),
    "Kerdock, margin .2 (default)": ("Kerdock d=256, margin .2", 2.0, {}),
}
HEAD_TASKS = ("outside clinc150", "clinc150", "languages", "omniglot")


def without_some(task: heads.Task, seed: int) -> heads.Task:
    """Hold out a quarter of the classes; their test rows are the unknown ones."""
    classes = len(task.names)
    order = np.random.default_rng(seed).permutation(classes)
    kept = np.sort(order[classes // 4 :])
    place = np.full(classes, -1)
    place[kept] = np.arange(len(kept))
    (rows, labels), (test, right) = task.train, task.test
    own, known = np.flatnonzero(place[labels] >= 0), np.flatnonzero(place[right] >= 0)
    return task._replace(
        train=(rows.take(own), place[labels[own]]),
        test=(test.take(known), place[right[known]]),
        unknown=test.take(np.flatnonzero(place[right] < 0)),
        names=[task.names[c] for c in kept],
    )


def compare_heads(tasks: list[str], seeds: int) -> None:
    """Print the area of every head, mean and spread over seeds."""
    cells = heads.Cells(RESULTS / "classes_rejection_heads.jsonl")
    for name in tasks:
        areas: dict[str, list[float]] = {head: [] for head in HEADS}
        for seed in range(seeds):
            task = heads.load(name.split()[-1], seed)
            task = task if name.startswith("outside") else without_some(task, seed)
            for head, (source, rate, settings) in HEADS.items():
                work = lambda: heads.run(task, source, rate, settings, seed)  # noqa: B023, E731
                areas[head].append(cells.get([name, head, seed], work)["auroc"])
        print(f"\n{name}, {seeds} seeds")
        for head, found in areas.items():
            gaps = np.subtract(found, areas["trained layer"])
            print(
                f"{head:<30}{np.mean(found):>7.3f} ±{heads.spread(found):>6.3f}   against the "
                f"trained layer {gaps.mean():>+7.3f} ±{heads.interval(list(gaps)):>6.3f}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--tasks", nargs="*", default=list(TASKS), choices=list(TASKS))
    parser.add_argument("--head-seeds", type=int, default=5)
    parser.add_argument("--head-tasks", nargs="*", default=list(HEAD_TASKS), choices=HEAD_TASKS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    RESULTS.mkdir(exist_ok=True)
    found = {}
    print(f"{'':15}" + "".join(f"{column:>20}" for column in COLUMNS))
    for name in options.tasks:
        found[name] = [areas(TASKS[name](seed), seed) for seed in range(options.seeds)]
        mean = np.mean(found[name], axis=0)
        print(f"{name:15}" + "".join(f"{area:>20.3f}" for area in mean), flush=True)
    (RESULTS / "classes_rejection.json").write_text(json.dumps(found, indent=1))
    compare_heads(options.head_tasks, options.head_seeds)


if __name__ == "__main__":
    main()
