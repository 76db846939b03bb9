import numpy as np
import pytest

from growlabels.classes import Codebook
from growlabels.classes._basis_report import basis_report, cosine_plot
from growlabels.report import render


@pytest.mark.parametrize(("capacity", "dim"), [(1, 4), (2, 4), (100, 16), (5000, None), (21, 10)])
def test_report_of_any_codebook(capacity: int, dim: int | None) -> None:
    codebook = Codebook.for_classes(capacity, dim, steps=10)
    report = basis_report(codebook)
    headline = report.sections[0].headlines[0]
    assert headline.value == codebook.certificate().alpha
    assert isinstance(headline.baseline, float)
    assert headline.value >= headline.baseline - 1e-12
    assert f"{capacity:,} unit vectors" in render(report)


def test_histogram_is_of_all_pairs_or_says_of_which() -> None:
    small = cosine_plot(Codebook.for_classes(144, 16))
    assert "all 10,296 pairs" in small.caption
    shares = np.array([row[-1] for row in small.table.rows], dtype=float)
    assert shares.sum() > 0
    assert "drawn vectors" in cosine_plot(Codebook.for_classes(10**6)).caption
