"""Run ``growlabels stream inspect``: print the hierarchy and the events of a saved model."""

from growlabels.base.progress import Progress
from growlabels.stream.cli.commands import StreamInspect
from growlabels.stream.cli.report import describe
from growlabels.stream.cli.saved import saved_model

MOST_ALONE = 20
"""Largest number of labels outside the clusters that are listed."""


def run(options: StreamInspect, progress: Progress) -> None:
    """Print the hierarchy and the events of the model in a file or a run folder."""
    model = saved_model(options.model)
    known = len(model.labels_)
    print(f"iHOMER after {model.n_rows:,} rows, {known} labels, {len(model.events)} events")
    print(model.hierarchy().to_text(most=MOST_ALONE))
    print(
        "J: mean Jaccard index of the pairs of labels, the share of rows with both among the rows "
        "with at least one. In J and in shares of rows, recent rows weigh more."
    )
    for event in model.events:
        evidence = f"statistic {event.statistic:.3f} above its bound {event.bound:.3f}"
        print(f"row {event.row:,}: {describe(event)} ({evidence})")
