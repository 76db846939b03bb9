"""Find and load the model of a run folder."""

from pathlib import Path

from growlabels.base.errors import RunError
from growlabels.base.runs import RunFolder
from growlabels.stream.learner.ihomer import IHOMER
from growlabels.stream.serve.checkpoints import FOLDER, Checkpoints
from growlabels.stream.serve.live import LiveStream

MODEL = "model.zip"
"""Name of the model's file in a run folder."""
SAVED = frozenset({"ihomer", "paper"})
"""Names of the models that can be saved."""


def saved_model(path: Path) -> IHOMER:
    """Load a model from a file of ``IHOMER.save`` or from a run folder.

    The model of a run that was served is that of its last checkpoint.
    """
    served = Checkpoints(path / FOLDER).latest(LiveStream.load) if path.is_dir() else None
    return IHOMER.load(model_file(path)) if served is None else served.model


def model_file(path: Path) -> Path:
    """Return the file that holds a saved model; ``path`` is this file or a run folder.

    Of a run that was served it is the last checkpoint.

    Raises
    ------
    RunError
        If the folder is not the run folder of a stream, or if it contains no model.
    """
    if not path.is_dir():
        return path
    if served := Checkpoints(path / FOLDER).numbered():
        return next(iter(served.values()))
    folder = RunFolder.read(path)
    if not folder.kind.startswith("stream "):
        raise RunError(
            f"run folder {str(path)!r} contains a run of {folder.kind!r}, not of a stream"
        )
    first = folder.config.get("models", ["none"])[0]
    if first not in SAVED:
        raise RunError(
            f"run folder {str(path)!r} contains no model: its first model is {first!r}, and only "
            "ihomer and paper are saved; run it again with one of these first"
        )
    return folder.file(MODEL)
