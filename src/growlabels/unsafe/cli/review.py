"""Run ``growlabels unsafe review``."""

from growlabels.base.progress import Progress
from growlabels.unsafe.cli.commands import UnsafeReview
from growlabels.unsafe.cli.scanned import scanned, some_truth
from growlabels.unsafe.decide.review import Review


def run(options: UnsafeReview, progress: Progress) -> None:
    """Open the review page of a scan."""
    from growlabels.unsafe.decide.review_page import serve

    run, table, train = scanned(options.run_folder, options.train)
    labels = None
    if options.label_field is not None:
        labels = some_truth(train, options.label_field, table.encoding)
    serve(Review(run, table, train, options.threshold, labels), options.port, options.open)
