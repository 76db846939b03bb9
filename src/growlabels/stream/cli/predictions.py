"""Keep what was predicted for each row of a run before the row was learned."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from growlabels.base.errors import UsageError
from growlabels.base.files import refuse_file
from growlabels.stream.evaluate.metrics import LabelSet, present
from growlabels.stream.evaluate.runner import Step
from growlabels.stream.serve.outputs import LinesOut


class PredictionsOut:
    """Write a line for each row: its number, the predicted labels and the true ones.

    After a crash the file is cut back to the rows that the checkpoint covers. The rows that are
    read again write their lines again, so that the file holds each row once.

    Parameters
    ----------
    path
        The file of JSON lines.
    state
        What :meth:`saved` returned at the last checkpoint; None for a new file.
    """

    def __init__(self, path: Path, state: Mapping[str, int] | None = None) -> None:
        state = state or {"bytes": 0, "rows": 0}
        self._lines = LinesOut(path, state["bytes"])
        self.rows: int = state["rows"]

    def add(self, step: Step) -> None:
        """Write the line of a row. True labels that are not known are null."""
        truth, guess, _, _ = step
        self.rows += 1
        line: dict[str, Any] = {"row": self.rows, "predicted": _names(present(guess))}
        line["true"] = None if truth is None else _names(present(truth))
        if unknown := _unknown(truth):
            line["unknown"] = unknown
        self._lines.add(line)

    def saved(self) -> dict[str, int]:
        """Flush the lines to the disk and return how many bytes and rows there are."""
        self._lines.sync()
        return {"bytes": self._lines.size, "rows": self.rows}

    def close(self) -> None:
        """Close the file."""
        self._lines.close()


@contextmanager
def opened_predictions(
    path: Path | None, state: Mapping[str, Any] | None
) -> Iterator[PredictionsOut | None]:
    """Open the file of predictions, if one is asked for; ``state`` is that of the checkpoint."""
    if path is None:
        yield None
        return
    out = PredictionsOut(path, None if state is None else state.get("predictions"))
    with closing(out):
        yield out


def check_predictions(path: Path, source: Path) -> None:
    """Raise if a file of predictions cannot be written.

    Raises
    ------
    UsageError
        The name does not end in .jsonl, the folder does not exist, or it is the stream itself.
    """
    refuse_file(path, "--predictions")
    if path.suffix.lower() != ".jsonl":
        raise UsageError.parameter("--predictions", "must end in .jsonl", str(path))
    if path.resolve() == source.resolve():
        raise UsageError(f"--predictions {str(path)!r} is the stream itself; choose another file")


def _names(labels: Iterable[Hashable]) -> list[str]:
    return sorted(map(str, labels))


def _unknown(truth: LabelSet | None) -> list[str]:
    if not isinstance(truth, Mapping):
        return []
    return _names(label for label, there in truth.items() if there is None)
