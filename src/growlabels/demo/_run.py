"""Run the acts one after another and write one report."""

import json
import time
from collections.abc import Callable
from pathlib import Path

from growlabels import __version__
from growlabels.base.errors import UsageError
from growlabels.base.files import atomic_write
from growlabels.base.progress import Progress
from growlabels.base.runs import versions
from growlabels.demo._act import ActResult
from growlabels.demo._classes import classes_act
from growlabels.demo._commands import Demo
from growlabels.demo._stream import stream_act
from growlabels.demo._unsafe import unsafe_act
from growlabels.report import Report, write_report

Act = Callable[[Progress], ActResult]

SUMMARY = (
    "Three systems for tasks in which not all labels are known yet. They run on real data that "
    "comes with installed packages. Every figure and its baseline were measured in this run. "
    "Speeds are CPU time, so other processes on the machine change them little. One run shows "
    "what the systems do; it does not prove a ranking. For that there are the benchmarks, which "
    "use several seeds."
)


def run(options: Demo, progress: Progress) -> None:
    """Run the demo with the options of the command line."""
    run_demo(options.out, options.quick, options.download, options.seed, progress)


def run_demo(out: Path, quick: bool, download: bool, seed: int, progress: Progress) -> None:
    """Run the three acts, print a short table, write ``report.html`` and ``results.json``.

    Parameters
    ----------
    out
        Folder of the two files; it is created if it does not exist.
    quick
        Whether to use less data.
    download
        Whether to download the jailbreak mixture for the unsafe act.
    seed
        Seed of every random choice.
    progress
        Called with the current stage.

    Raises
    ------
    UsageError
        If ``out`` is a file.
    """
    if out.exists() and not out.is_dir():
        raise UsageError.parameter("--out", "must be a folder", str(out))
    out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    results: dict[str, ActResult] = {}
    acts = _acts(quick, download, seed)
    expected = sum(seconds for seconds, _ in acts.values())
    for number, (name, (seconds, act)) in enumerate(acts.items(), 1):
        label = f"act {number} of {len(acts)}, {name}"
        print(
            f"{label}: about {seconds} s on two idle cores, {expected} s until the end", flush=True
        )
        results[name] = act(_prefixed(progress, name))
        expected -= seconds
        print("\n".join(f"  {line}" for line in results[name].lines), flush=True)
    report = Report(
        title="growlabels demo",
        summary=SUMMARY,
        sections=[result.section for result in results.values()],
        settings={
            "quick": quick,
            "download": download,
            "growlabels": __version__,
            "seconds of wall-clock time": round(time.monotonic() - started),
            **{
                f"rows scored, {name}: {what}": rows
                for name, result in results.items()
                for what, rows in result.rows_scored.items()
            },
        },
        seeds=[seed],
    )
    write_report(report, out / "report.html")
    with atomic_write(out / "results.json") as file:
        json.dump(_results(results), file, indent=1, ensure_ascii=False)
    print(f"done in {time.monotonic() - started:.0f} s; open {out / 'report.html'}")


def _acts(quick: bool, download: bool, seed: int) -> dict[str, tuple[int, Act]]:
    """Return name -> seconds of wall-clock time on two idle cores, and the act."""
    return {
        "stream": (20 if quick else 45, lambda p: stream_act(quick, seed, p)),
        "classes": (25 if quick else 100, lambda p: classes_act(quick, seed, p)),
        "unsafe": (35 if quick else 200, lambda p: unsafe_act(quick, seed, p, download)),
    }


def _prefixed(progress: Progress, name: str) -> Progress:
    def show(stage: str, done: int, total: int | None = None) -> None:
        progress(f"{name}: {stage}", done, total)

    return show


def _results(results: dict[str, ActResult]) -> dict[str, object]:
    return {
        "versions": versions(),
        "acts": {
            name: {
                "rows_scored": dict(result.rows_scored),
                "headlines": [
                    {
                        "name": headline.name,
                        "value": headline.value,
                        "baseline": headline.baseline,
                        "baseline_name": headline.baseline_name,
                    }
                    for headline in result.section.headlines
                ],
                "tables": {
                    table.title: [list(table.columns), *map(list, table.rows)]
                    for table in result.section.tables
                },
            }
            for name, result in results.items()
        },
    }
