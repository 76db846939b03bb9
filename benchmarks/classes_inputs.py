"""EBVClassifier on what it reads: n-grams of characters, of words, of both; images; added classes.

Accuracy with default settings, the peer in the same run. Texts: CLINC150 (its own split) and the
language names of CLDR (a fresh split each seed), beside scikit-learn's TF-IDF of character n-grams
under a linear support vector machine. Images: Omniglot at 35 x 35 pixels, fifteen drawings of each
character to train and five to score, a fresh split each seed, beside the nearest neighbour on the
pixels. Added classes: ``classes fit`` on 100 intents of CLINC150 and ``classes add`` of 50 more
with each way of learning old rows again, held-out rows and the test rows, beside a fit on all 150.

    python benchmarks/classes_inputs.py [--seeds 3] [--parts texts images adding]
"""

import argparse
import csv
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from data.clinc150 import load_clinc150
from data.omniglot import load_omniglot_small
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC

from growlabels.base.progress import silent
from growlabels.classes import EBVClassifier
from growlabels.classes.cli.add import Add
from growlabels.classes.cli.evaluate import Evaluate
from growlabels.classes.cli.fit import Fit
from growlabels.classes.inputs.readers import ANALYZERS
from growlabels.cli import run_command
from growlabels.demo.data.language_names import load_language_names

PARTS = ("texts", "images", "adding")


def texts(seed: int) -> dict[str, float]:
    """Task and what read it -> accuracy."""
    found = {}
    for name, data in (("CLINC150", load_clinc150()), ("names", load_language_names(seed))):
        test = data.test_texts, data.test_labels
        for analyzer in ANALYZERS:
            model = EBVClassifier(analyzer=analyzer, seed=seed)
            model.fit(data.train_texts, data.train_labels)
            found[f"{name}, {analyzer}"] = model.score(*test)
        grams = TfidfVectorizer(analyzer="char", ngram_range=(1, 4), sublinear_tf=True)
        peer = make_pipeline(grams, LinearSVC(random_state=seed))
        found[f"{name}, TF-IDF and SVM"] = peer.fit(data.train_texts, data.train_labels).score(
            *test
        )
    return found


def images(seed: int) -> dict[str, float]:
    """What saw the drawings -> accuracy."""
    data = load_omniglot_small()
    drawings = data.images.reshape(-1, 35, 3, 35, 3).mean((2, 4))
    random = np.random.default_rng(seed)
    train = np.zeros(len(drawings), bool)
    for label in np.unique(data.labels):
        train[random.permutation(np.flatnonzero(data.labels == label))[:15]] = True
    labels, flat = data.labels, drawings.reshape(len(drawings), -1)
    model = EBVClassifier(epochs=20, seed=seed).fit(drawings[train], labels[train])
    peer = KNeighborsClassifier(1).fit(flat[train], labels[train])
    return {
        "drawings": model.score(drawings[~train], labels[~train]),
        "nearest neighbour": float(peer.score(flat[~train], labels[~train])),
    }


def adding(seed: int) -> dict[str, float]:
    """Way of adding and rows scored -> accuracy."""
    data, found = load_clinc150(), {}
    old = np.random.default_rng(seed).permutation(len(data.intents))[:100]
    is_old = np.isin(data.train_labels, old)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def table(part: str, rows: list[str], labels: Any) -> Path:
            with (folder / f"{part}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file)
                writer.writerow(["text", "intent"])
                writer.writerows((r, data.intents[c]) for r, c in zip(rows, labels, strict=True))
            return folder / f"{part}.csv"

        def tested(run: Path) -> float:
            out = folder / f"{run.name} tested"
            run_command(Evaluate(run, test, out), silent)
            return json.loads((out / "scores.json").read_text("utf-8"))["accuracy"]

        def part(chosen: np.ndarray) -> tuple[list[str], Any]:
            places = np.flatnonzero(chosen)
            return [data.train_texts[i] for i in places], data.train_labels[places]

        test = table("test", data.test_texts, data.test_labels)
        first, new = table("old", *part(is_old)), table("new", *part(~is_old))
        whole = table("whole", *part(np.ones_like(is_old)))
        for name, source in (("fit", first), ("all at once", whole)):
            run_command(Fit(source, folder / name, "intent", text="text", seed=seed), silent)
            scores = json.loads((folder / name / "scores.json").read_text("utf-8"))
            found[f"{name}, held out"] = scores["accuracy"]
        found["all at once, test"] = tested(folder / "all at once")
        for name, replay in (("as many", None), ("10 rows", 10), ("no row", 0)):
            run = folder / name
            run_command(
                Add(folder / "fit", new, run, old=(first,), replay=replay, seed=seed), silent
            )
            for change in json.loads((run / "scores.json").read_text("utf-8"))["changes"]:
                found[f"{name}, {change['group']}"] = change["after"]
            found[f"{name}, test"] = tested(run)
    return found


def main() -> None:
    """Print the mean and the spread over seeds of every figure."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for part in options.parts:
        measure = {"texts": texts, "images": images, "adding": adding}[part]
        seeds = [measure(seed) for seed in range(options.seeds)]
        for name in seeds[0]:
            values = [one[name] for one in seeds]
            spread = np.std(values, ddof=1) if len(values) > 1 else 0.0
            print(f"{name:<32}{np.mean(values):7.3f} ± {spread:.3f}", flush=True)


if __name__ == "__main__":
    main()
