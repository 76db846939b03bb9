"""Check the scores that are printed during a run."""

from growlabels.stream.cli.running import RunningScores
from growlabels.stream.evaluate.scores import Point

FIGURES = {"n_rows": 2, "exact_match": 0.5, "micro_f1": 0.75}


def test_scores_are_printed_only_when_the_time_has_passed(capsys):
    point = Point(2, FIGURES, FIGURES, 0.5)
    RunningScores(seconds=3600.0)(point)
    assert capsys.readouterr().err == ""
    RunningScores(seconds=0.0)(point)
    line = "row 2: exact match 0.500, micro F1 0.750 (last 2: 0.500, 0.750), 4 rows a second\n"
    assert capsys.readouterr().err == line
