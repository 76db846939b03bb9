import numpy as np
import pytest

from growlabels.classes import Codebook
from growlabels.classes.cli.basis_report import basis_report, cosine_plot
from growlabels.classes.cli.report import bounds_sentence
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


def test_what_is_orthogonal_has_no_histogram_and_no_bound() -> None:
    codebook = Codebook.for_classes(150)
    assert basis_report(codebook).sections[0].plots == []
    assert "every one orthogonal to every other (proved)." in bounds_sentence(
        codebook.certificate()
    )
    full = bounds_sentence(codebook.certificate(33_024))
    assert "0.0625" in full and "(Welch) and 0.062500 (Levenshtein)" in full


def test_histogram_is_of_all_pairs_or_says_of_which() -> None:
    small = cosine_plot(Codebook.for_classes(144, 16))
    assert "all 10,296 pairs" in small.caption
    shares = np.array([row[-1] for row in small.table.rows], dtype=float)
    assert shares.sum() > 0
    assert "drawn vectors" in cosine_plot(Codebook.for_classes(10**6)).caption
