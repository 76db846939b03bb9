"""The tables of ``stream_quality.py``."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from stream_peers import PEERS

SCORES = {"exact_match": "subset_acc", "micro_f1": "micro_f1", "macro_f1": "macro_f1"}
PUBLISHED = {"HumanPseAAC": "Human", "PlantPseAAC": "Plant", "Stackex_chess": "Stackex"}
VW = ("vw", "vw-l2", "vw-coin", "vw-ftrl")
ORDERS = ("file", "shuffled")
Figures = Mapping[str, float]


def published(name: str) -> Figures | None:
    """MLHAT's published figures in file order; None where there are none for these rows."""
    folder = Path(os.environ["GROWLABELS_DATA"]) / "published"
    found = {}
    for score, kind in SCORES.items():
        with (folder / f"mlhat_{kind}.csv").open() as file:
            for row in csv.DictReader(file):
                if row["Dataset"] == PUBLISHED.get(name, name):
                    found[score] = float(row["MLHAT"])
    return found or None


def of(cells: Iterable[Mapping[str, Any]], name: str, model: str, order: str) -> list[Mapping]:
    return [
        cell
        for cell in cells
        if (cell["set"], cell["model"]) == (name, model)
        and (cell["order"] == "file") == (order == "file")
    ]


def mean(cells: Sequence[Mapping[str, Any]]) -> Figures | None:
    """Mean over orders; None where a cell is missing or was given up."""
    if not cells or any("unfinished" in cell for cell in cells):
        return None
    return {score: float(np.mean([cell[score] for cell in cells])) for score in SCORES}


def _line(name: str, order: str, title: str, cells: Sequence[Mapping[str, Any]]) -> None:
    given_up = [cell for cell in cells if "unfinished" in cell]
    if given_up:
        most = max(cell["unfinished"] for cell in given_up)
        what = f"not finished in {given_up[0]['cap']:.0f} s of CPU ({most} rows done)"
    else:
        figures = mean(cells)
        assert figures is not None
        spread = np.std([cell["micro_f1"] for cell in cells])
        what = "/".join(f"{value:.3f}" for value in figures.values())
        what += f"  +-{spread:.3f} of {len(cells)}" if len(cells) > 1 else " " * 13
        if "microseconds" in cells[0]:
            what += f"{np.median([c['microseconds'] for c in cells]):>9.0f} us a row"
    print(f"{name:<16}{order:<10}{title:<28}{what}")


def print_tables(cells: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> None:
    """Print each set, the ratios to MLHAT, the wins over the best peer and the means."""
    print("exact match / micro F1 / macro F1 over all rows; +- spread of micro F1 over orders")
    for name in sets:
        for order in ORDERS:
            for model, (title, _) in PEERS.items():
                if found := of(cells, name, model, order):
                    _line(name, order, title, found)
            if order == "file" and (bar := published(name)):
                _line(name, order, "MLHAT (published)", [bar])
    _ratios(cells, sets)
    for order in ORDERS:
        _wins(cells, sets, order)
        _means(cells, sets, order)


def _ratios(cells: Sequence[Mapping[str, Any]], sets: Sequence[str]) -> None:
    own, bars = [], []
    for name in sets:
        mine, bar = mean(of(cells, name, "ihomer", "file")), published(name)
        if mine and bar:
            own.append(list(mine.values()))
            bars.append([bar[score] for score in SCORES])
    if own:
        ratio = np.mean(own, 0) / np.mean(bars, 0)
        least = np.min(np.array(own)[:, 1] / np.array(bars)[:, 1])
        print(
            f"\nratio of means to MLHAT as published, {len(own)} sets, file order: "
            + " ".join(f"{s} x{r:.3f}" for s, r in zip(SCORES, ratio, strict=True))
            + f"; lowest ratio of micro F1 on a set x{least:.3f}"
        )


def _wins(cells: Sequence[Mapping[str, Any]], sets: Sequence[str], order: str) -> None:
    won, lost = 0, []
    for name in sets:
        mine = mean(of(cells, name, "ihomer", order))
        peers = {PEERS[m][0]: f["micro_f1"] for m in VW if (f := mean(of(cells, name, m, order)))}
        if order == "file" and (bar := published(name)):
            peers["MLHAT"] = bar["micro_f1"]
        if mine is None or not peers:
            continue
        best = max(peers, key=peers.__getitem__)
        if mine["micro_f1"] >= peers[best]:
            won += 1
        else:
            lost.append(f"{name} {mine['micro_f1']:.3f} < {peers[best]:.3f} ({best})")
    print(
        f"\n{order}: micro F1 at least that of the best of four VW settings"
        f"{' and MLHAT' if order == 'file' else ''} on {won} of {won + len(lost)} sets; "
        f"below: {'; '.join(lost) or 'none'}"
    )


def _means(cells: Sequence[Mapping[str, Any]], sets: Sequence[str], order: str) -> None:
    """Print each model's mean over the sets it finished, and ours over the same sets."""
    for model, (title, _) in PEERS.items():
        pairs = [
            (list(mine.values()), list(own.values()))
            for name in sets
            if (mine := mean(of(cells, name, model, order)))
            and (own := mean(of(cells, name, "ihomer", order)))
        ]
        if pairs:
            theirs, ours = np.mean(pairs, 0)
            shown = ["/".join(f"{value:.3f}" for value in row) for row in (theirs, ours)]
            print(f"{title:<28}{shown[0]} over {len(pairs)} sets; iHOMER on these: {shown[1]}")


def print_ablations(cells: Sequence[Mapping[str, Any]], models: Sequence[str]) -> None:
    """Print means over the sets that all variants were measured on."""
    for order in ORDERS:
        sets = [
            name
            for name in dict.fromkeys(cell["set"] for cell in cells)
            if all(of(cells, name, model, order) for model in models)
        ]
        print(f"\n{order}, mean over {len(sets)} sets: exact match / micro F1 / macro F1")
        for model in models if sets else ():
            found = [list((mean(of(cells, n, model, order)) or {}).values()) for n in sets]
            print(f"{model:<32}" + "/".join(f"{value:.4f}" for value in np.mean(found, 0)))
