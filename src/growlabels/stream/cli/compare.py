"""Run ``growlabels stream compare``: score several models on the same stream."""

from growlabels.base.progress import Progress
from growlabels.stream.cli.commands import StreamCompare
from growlabels.stream.cli.run import run_stream


def run(options: StreamCompare, progress: Progress) -> None:
    """Run the stream, print the table and write the run folder."""
    run_stream(options, progress)
