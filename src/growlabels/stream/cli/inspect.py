"""Run ``growlabels stream inspect``: what a saved model has found."""

from growlabels.base.progress import Progress
from growlabels.stream.cli.commands import StreamInspect
from growlabels.stream.cli.report import describe
from growlabels.stream.cli.run import saved_model

MOST_ALONE = 20
"""Labels without company that are listed."""


def run(options: StreamInspect, progress: Progress) -> None:
    """Print the hierarchy and the events of a saved model or of a run's model."""
    model = saved_model(options.model)
    known = len(model.labels_)
    print(f"iHOMER after {model.n_rows:,} rows, {known} labels, {len(model.events)} events")
    print(model.hierarchy().to_text(most=MOST_ALONE))
    print(
        "J: of the rows that carry one of two labels, the share that carries both, mean over the "
        "pairs; J and shares of rows fade old rows."
    )
    for event in model.events:
        evidence = f"statistic {event.statistic:.3f} above its bound {event.bound:.3f}"
        print(f"row {event.row:,}: {describe(event)} ({evidence})")
