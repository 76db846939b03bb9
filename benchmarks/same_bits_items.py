"""The items of ``same_bits.py``: what is computed, as arrays, numbers, texts and files."""

import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from same_bits_data import (
    CODEBOOKS,
    TINY,
    byte_tokenizer,
    codebook,
    images,
    numbers,
    rows_of_code,
    targets,
    texts,
    tiny_model,
)
from scipy import sparse

from growlabels import classes, stream, unsafe

SETS = {
    "Flags": "7", "CHD_49": "first-6", "Emotions": "6", "WaterQuality": "14", "Genbase": "27",
    "Medical": "45", "PlantPseAAC": "12", "Langlog": "75", "CAL500": "174", "Yeast": "14",
    "Stackex_chess": "227", "Mediamill_small": "101", "Scene": "6", "HumanPseAAC": "14",
    "Ohsumed": "first-23", "Bibtex": "159", "Delicious": "983",
}  # fmt: skip
PAPER_ROWS = {"Ohsumed": 2000, "Bibtex": 1000, "Delicious": 600}  # of the others all rows
UNSTABLE = {"seconds", "rows_per_second", "versions", "checksum", "sha256", "hashes"}
SENTENCES = {"text", "reason", "reasons", "method"}
Item = tuple[str, Callable[[], object]]


def stable(value: Any) -> Any:
    """Return a JSON value without times, versions and sentences."""
    if isinstance(value, dict):
        return {key: stable(part) for key, part in value.items() if key not in UNSTABLE | SENTENCES}
    return [stable(part) for part in value] if isinstance(value, list) else value


def tensors(path: Path) -> list[object]:
    """Return the header and the tensors of a file in the safetensors layout."""
    content = path.read_bytes()
    end = 8 + int.from_bytes(content[:8], "little")
    return [stable(json.loads(content[8:end])), content[end:]]


def members(path: Path) -> dict[str, bytes]:
    """Return the members of a zip archive, which itself holds the time of writing."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def run_folder(folder: Path) -> Iterator[tuple[str, object]]:
    """Yield the files of a run folder without what is different in every run."""
    import pyarrow.parquet as parquet

    for path in sorted(folder.rglob("*")):
        if path.is_dir() or path.suffix == ".html":
            continue
        name = path.relative_to(folder).as_posix()
        found: object = path.read_bytes()
        if path.name == "manifest.json":
            manifest = json.loads(path.read_text("utf-8"))
            found = {part: manifest[part] for part in ("kind", "config", "inputs", "finished")}
        elif path.suffix == ".json":
            found = stable(json.loads(path.read_text("utf-8")))
        elif path.suffix == ".jsonl":
            lines = path.read_text("utf-8").splitlines()
            found = [stable(json.loads(line)) for line in lines]
        elif path.suffix == ".parquet":
            found = parquet.read_table(path).to_pydict()
        elif path.suffix == ".safetensors":
            found = tensors(path)
        elif zipfile.is_zipfile(path):
            found = members(path)
        yield name, found


def command(folder: Path, *arguments: str) -> None:
    """Run the command line in a folder, so that no path in its settings differs between runs."""
    done = subprocess.run(
        [sys.executable, "-m", "growlabels", *arguments],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"growlabels {' '.join(arguments)} failed:\n{done.stderr}")


def folder_items(prefix: str, make: Callable[[Path], Path]) -> Iterator[Item]:
    """Yield one item for all files of the run folder that ``make`` writes."""

    def files() -> object:
        with tempfile.TemporaryDirectory() as folder:
            return dict(run_folder(make(Path(folder))))

    yield prefix, files


def stream_items() -> Iterator[Item]:
    """Yield the items of ``growlabels.stream``."""
    read: dict[str, Any] = {}

    def rows(name: str) -> Any:
        if name not in read:
            path = Path(os.environ["GROWLABELS_DATA"]) / "multilabel" / f"{name}.arff.gz"
            read.clear()
            read[name] = stream.Stream.read(path, SETS[name])
        return read[name]

    for name in SETS:
        yield f"stream/read/{name}", lambda name=name: vars(rows(name))
        yield f"stream/default/{name}", lambda name=name: learned(rows(name), None)
        most = PAPER_ROWS.get(name)
        yield f"stream/paper/{name}", lambda n=name, m=most: learned(rows(n), m, preset="paper")
    for name in ("Flags", "Medical"):
        yield f"stream/dicts/{name}", lambda name=name: learned_by_one(rows(name), 150)
    yield "stream/tree/Bibtex", lambda: learned(rows("Bibtex"), 1000, tree_above=0)
    for clusterer in ("odac", "random"):
        yield (
            f"stream/{clusterer}/Yeast",
            lambda c=clusterer: learned(rows("Yeast"), None, clusterer=c),
        )

    def run(folder: Path) -> Path:
        source = Path(os.environ["GROWLABELS_DATA"]) / "multilabel" / "Emotions.arff.gz"
        (folder / source.name).write_bytes(source.read_bytes())
        command(folder, "stream", "run", source.name, "--labels", "6", "--out", "run")
        return folder / "run"

    yield from folder_items("stream/run/Emotions", run)


def learned(rows: Any, most: int | None, **settings: Any) -> dict[str, object]:
    """Predict and learn rows at once; return all that the model then says."""
    X, Y = rows.X[:most], rows.Y[:most]
    model = stream.IHOMER(**settings)
    chosen = model.prequential_many(X, Y)
    dense = chosen.toarray() if sparse.issparse(chosen) else np.asarray(chosen)
    wide = np.zeros(Y.shape, bool)
    wide[:, np.array(model.labels_, int)] = dense
    metrics = stream.MultiLabelMetrics.from_arrays(Y, wide)
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model")
        saved = members(Path(folder) / "model")
    return {
        "chosen": chosen,
        "probabilities": model.predict_proba_many(X[:40]),
        "events": model.events,
        "hierarchy": model.hierarchy().to_json(),
        "scores": metrics.as_dict(),
        "saved": saved,
    }


def learned_by_one(rows: Any, most: int) -> list[object]:
    """Predict, rank, explain and learn rows one by one, as dicts."""
    model, said = stream.IHOMER(), []
    for x, y in islice(iter(rows), most):
        said += [model.predict_one(x), model.predict_proba_one(x)]
        model.learn_one(x, y)
        why = model.explain_one(x)
        said += [model.predict_topk_one(x, 3), list(why.chosen), why.times_seen]
        said += [[r.label, r.probability, list(r.parts.values())] for r in why.labels]
    return said


def classes_items() -> Iterator[Item]:
    """Yield the items of ``growlabels.classes``."""
    for kind in CODEBOOKS:
        yield f"classes/codebook/{kind}", lambda kind=kind: described(codebook(kind))
        yield f"classes/EBVHead/{kind}", lambda kind=kind: of_head(kind, classes.EBVHead, (24,))
        yield (
            f"classes/DenseEBVHead/{kind}",
            lambda kind=kind: of_head(kind, classes.DenseEBVHead, (24, 3)),
        )
        yield (
            f"classes/ClassParallelHead/{kind}",
            lambda kind=kind: in_group(lambda: of_head(kind, classes.ClassParallelHead, (24,))),
        )
        yield f"classes/losses/{kind}", lambda kind=kind: other_losses(kind)
        for background in ("class", "reject"):
            yield (
                f"classes/EBVBoxHead {background}/{kind}",
                lambda k=kind, b=background: of_boxes(k, b),
            )
    yield "classes/bounds", lambda: [
        [bound(n, d) for n, d in ((10, 4), (100, 16), (5000, 64))]
        for bound in (
            classes.coherence_bound, classes.levenshtein_bound, classes.rankin_bound,
            classes.welch_bound,
        )
    ]  # fmt: skip
    for name, made in (("texts", texts), ("table", numbers), ("images", images)):
        yield f"classes/EBVClassifier/{name}", lambda made=made: fitted(*made())

    def run(folder: Path) -> Path:
        X, y = texts()
        lines = ["text,kind", *(f"{text},{label}" for text, label in zip(X, y, strict=True))]
        (folder / "rows.csv").write_text("\n".join(lines) + "\n")
        fit = "classes fit rows.csv --label kind --text text --out run"
        command(folder, *fit.split())
        command(folder, "classes", "predict", "run", "rows.csv", "--out", "run/predicted.jsonl")
        return folder / "run"

    yield from folder_items("classes/run", run)


def described(book: Any) -> list[object]:
    """Return what a codebook is, some vectors, what is proved of them, and its file."""
    last = range(max(0, book.n_classes - 50), book.n_classes)
    certificate = book.certificate()
    with tempfile.TemporaryDirectory() as folder:
        book.save(Path(folder) / "book")
        saved = tensors(Path(folder) / "book")
    figures = [certificate.kind, certificate.alpha, certificate.signed]
    return [book.kind, book.dim, book.capacity, book.hash, book.vectors(last), figures, saved]


def of_head(kind: str, head_type: type, shape: tuple[int, ...]) -> list[object]:
    """Return losses, gradients, logits and top-5 of a head, without and with margins."""
    found: list[object] = []
    for settings in (
        {},
        {"margin": 0.2, "label_smoothing": 0.1},
        {"cosine_margin": 0.3, "tau": 0.05, "bias": False},
    ):
        torch.manual_seed(0)
        head = head_type(shape[0], codebook(kind), **settings)
        x = torch.randn(12, *shape, requires_grad=True)
        y = torch.randint(0, head.num_classes, (12, *shape[1:]))
        y[3] = -100
        for reduction in ("mean", "sum", "none"):
            loss = head.loss(x, y, reduction=reduction)
            gradients = torch.autograd.grad(loss.sum(), [x, *head.parameters()])
            found += [loss, *gradients]
        found += [head(x)[:4], *head.predict_topk(x, 5), head.tau, dict(head.state_dict())]
    return found


def in_group(make: Callable[[], object]) -> object:
    """Call something in a group of one process."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        return make()
    finally:
        dist.destroy_process_group()


def other_losses(kind: str) -> list[object]:
    """Return the losses that are functions, their gradients, and the scores for rejection."""
    torch.manual_seed(0)
    head = classes.EBVHead(24, codebook(kind), margin=0.1)
    x = torch.randn(12, 24, requires_grad=True)
    y = torch.randint(0, head.num_classes, (12,))
    soft = torch.zeros(12, head.num_classes).scatter_(1, y[:, None], 0.7)
    soft[:, 0] += 0.3
    weight = torch.linspace(0.5, 2, head.num_classes)
    generator = torch.Generator().manual_seed(1)
    found: list[object] = []
    for loss in (
        classes.soft_target_loss(head, x, soft),
        classes.soft_target_loss(head, x, soft, weight),
        classes.weighted_loss(head, x, y, weight),
        classes.dot_regression_loss(head, x, y),
        classes.sampled_loss(head, x, y, samples=8, generator=generator),
    ):
        found += [loss, *torch.autograd.grad(loss, [x, *head.parameters()])]
    scores = classes.rejection_scores(head, x)
    threshold = classes.conformal_threshold(scores.detach(), 0.2)
    return [*found, scores, threshold, classes.fit_temperature(head(x), y)]


def of_boxes(kind: str, background: str) -> list[object]:
    """Return loss, gradients and predictions of a box head."""
    torch.manual_seed(0)
    head = classes.EBVBoxHead(24, codebook(kind), background=background)
    x = torch.randn(12, 24, requires_grad=True)
    y = torch.arange(12) % 5
    loss = head.loss(x, y)
    gradients = torch.autograd.grad(loss, [x, *head.classifier.parameters()])
    threshold = head.fit_threshold(x[y > 0], 0.2) if background == "reject" else 0.0
    return [loss, *gradients, *head(x), threshold, *head.predict(x)]


def fitted(X: Any, y: Any) -> dict[str, object]:
    """Fit a classifier, add a class, calibrate it; return what it predicts and saves."""
    old = [i for i, label in enumerate(y) if label != y[0]]
    new = [i for i, label in enumerate(y) if label == y[0]]

    def some(places: Sequence[int]) -> Any:
        return X[places] if isinstance(X, np.ndarray) else [X[i] for i in places]

    model = classes.EBVClassifier().fit(some(old), [y[i] for i in old])
    found: dict[str, object] = {"losses": model.losses_, "first": model.predict_proba(X)}
    model.partial_fit(some(new), [y[i] for i in new])
    model.calibrate(X, y)
    found |= {"then": model.predict_proba(X), "labels": model.classes_.tolist()}
    found |= {"topk": model.predict_topk(X, 2), "scores": model.score_samples(X)}
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        found |= dict(run_folder(Path(folder)))
    return found


def unsafe_items() -> Iterator[Item]:
    """Yield the items of ``growlabels.unsafe``."""
    rows, harm = rows_of_code(40), targets()
    for kind in TINY:
        model = unsafe.wrap_model(tiny_model(kind), byte_tokenizer(), kind)
        yield f"unsafe/scan/{kind}", lambda model=model: scanned(model, rows, unsafe.scorer_names())
        yield f"unsafe/retrain/{kind}", lambda model=model: retrained(model, rows)
        yield (
            f"unsafe/generate/{kind}",
            lambda model=model: unsafe.Generator(model, 12)(["Sort it.", "Open the file."]),
        )
    talk = [{"messages": [{"role": "user", "content": row["prompt"]},
                          {"role": "assistant", "content": row["completion"]}] * 2}
            for row in rows[:12]]  # fmt: skip
    model = unsafe.wrap_model(tiny_model("llama"), byte_tokenizer())
    yield "unsafe/scan/conversations", lambda: scanned(model, talk, unsafe.scorer_names()[:6])
    forward = unsafe.scorer_names()[:6]
    yield "unsafe/scan/smollm2", lambda: scanned("smollm2", rows_of_code(60), forward)
    yield (
        "unsafe/thresholds",
        lambda: [
            vars(unsafe.resolve_threshold(spec, np.sin(np.arange(90.0)), [0.9, 0.7, 1.0]))[
                "rejected"
            ]
            for spec in ("loo:0", "loo:0.25", "mad:1", "top:7", "budget:0.1", "loo:0,mad:1+loo:0.5")
        ],
    )

    def run(folder: Path) -> Path:
        for name, some in (("train", rows), ("harm", harm)):
            lines = [json.dumps(row) for row in some]
            (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        tiny_model("llama").save_pretrained(folder / "model")
        byte_tokenizer().save_pretrained(folder / "model")
        scan = "unsafe scan train.jsonl --targets harm.jsonl --model model --out run"
        command(folder, *scan.split())
        command(folder, "unsafe", "filter", "run", "--threshold", "top:5")
        return folder / "run"

    yield from folder_items("unsafe/run", run)


def scanned(model: Any, rows: list[dict[str, Any]], methods: Sequence[str]) -> list[object]:
    """Return the columns of a scan, without and with anchors, and the percentiles of targets."""
    scanner = unsafe.Scanner(model, methods=methods, rows_per_shard=16).fit(rows)
    found: list[object] = []
    for anchors in (None, rows[5:8]):
        table = scanner.score(targets(), anchors=anchors)
        found += [table.to_dicts(), table.percentiles, table.left_out]
    return found


def retrained(model: Any, rows: list[dict[str, Any]]) -> dict[str, object]:
    """Return losses of retrained arms, gradients of rows, and the files of an adapter."""
    settings = unsafe.LoraSettings(top_layers=2)
    examples = list(unsafe.read_examples(rows, lambda bad: None))
    with unsafe.attach(model, settings) as adapter, tempfile.TemporaryDirectory() as folder:
        split = unsafe.adapter_split(adapter)
        train, held = (
            unsafe.TrunkRows(split, [unsafe.encode(model, e, 24, 24) for e in some])
            for some in (examples[:30], examples[30:])
        )
        result = unsafe.retrain_arms(adapter, train, [3, 11, 17], {"held out": held})
        unsafe.save_adapter(adapter, settings, folder)
        return {
            "arms": [[arm.name, arm.removed, arm.rows, arm.losses] for arm in result.arms],
            "files": {p.name: p.read_bytes() for p in sorted(Path(folder).iterdir())},
        }


def all_items() -> Iterator[Item]:
    """Yield the name of every item and the function that computes it."""
    yield from stream_items()
    yield from classes_items()
    yield from unsafe_items()
