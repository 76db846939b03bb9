"""Scores against counting by hand."""

import numpy as np
import pytest

from growlabels.classes.calibration.scores import calibration_bins, score, score_answers


def test_counts_by_hand() -> None:
    shares = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])
    scores = score(shares, np.array([0, 1, 1, 1]), ["a", "b", "c"], majority=1)
    assert (scores.rows, scores.accuracy, scores.majority) == (4, 0.5, 0.75)
    assert scores.confusions == [("b", "a", 1, 1 / 3), ("b", "c", 1, 1 / 3)]
    assert scores.worst == [("b", 3, 1 / 3, 1.0, "a")]
    by_hand = (abs(0.7 - 1) + 2 * abs(0.6 - 0) + abs(0.8 - 1)) / 4
    assert scores.calibration_error == pytest.approx(by_hand)


def test_stated_probability_of_one_has_a_bin() -> None:
    assert calibration_bins(np.array([1.0, 0.0]), np.array([True, False])) == [
        (0.0, 0.0, 1),
        (1.0, 1.0, 1),
    ]


def test_perfect_predictions_have_no_confusions() -> None:
    scores = score(np.eye(3), np.arange(3), ["a", "b", "c"], majority=0)
    assert scores.confusions == []
    assert scores.worst == []
    assert scores.calibration_error == 0


def test_worst_classes_come_by_recall_then_rows() -> None:
    targets = np.array([0, 0, 1, 1, 1, 2, 3, 3])
    answers = np.array([1, 1, 0, 0, 3, 2, 3, 2])
    names = ["few", "many", "right", "half", "without rows"]
    worst = score_answers(answers, np.ones(8), targets, names, 1).worst
    assert [tuple(one) for one in worst] == [
        ("many", 3, 0.0, 0.0, "few"),
        ("few", 2, 0.0, 0.0, "many"),
        ("half", 2, 0.5, 0.5, "right"),
    ]
    (never,) = score_answers(np.zeros(2, int), np.ones(2), np.array([1, 1]), ["a", "b"], 1).worst
    assert (never.precision, never.mistaken_for) == (None, "a")
