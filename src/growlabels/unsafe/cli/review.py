"""Run ``growlabels unsafe review``."""

from growlabels.unsafe.cli.scanned import scanned, some_truth
from growlabels.unsafe.decide.review import Review


def run_review(command: "UnsafeReview") -> None:
    """Do ``growlabels unsafe review``."""
    from growlabels.unsafe.decide.review_page import serve

    run, table, train = scanned(command.run_folder, command.train)
    labels = None if command.label_field is None else some_truth(train, command.label_field)
    serve(Review(run, table, train, command.threshold, labels), command.port, command.open)
