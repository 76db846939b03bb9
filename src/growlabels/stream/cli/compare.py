"""Run ``growlabels stream compare``: several models on the same stream."""

from typing import get_args

from growlabels.base.errors import UsageError
from growlabels.base.progress import Progress
from growlabels.stream.cli.commands import Model, StreamCompare
from growlabels.stream.cli.run import StreamSettings, run_stream


def run(options: StreamCompare, progress: Progress) -> None:
    """Run the stream, print the table and write the run folder."""
    settings = vars(options).copy()
    names = [name.strip() for name in settings.pop("models").split(",")]
    if unknown := [name for name in names if name not in get_args(Model)]:
        raise UsageError.choice("models", get_args(Model), unknown[0])
    models = tuple(dict.fromkeys(names))
    run_stream(StreamSettings("stream compare", models, **settings), progress)
