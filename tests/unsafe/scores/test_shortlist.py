"""The cascade: which rows of a large pool get gradients, and where the others come."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unsafe.scores.test_scanner import rows, scanner, targets

from growlabels.base.errors import UsageError
from growlabels.unsafe import GradientSettings, ScoreTable
from growlabels.unsafe.scores import shortlist as cascade
from growlabels.unsafe.scores.shortlist import below_the_scored, companions, likeliest_rows

METHODS = ("f4w", "grad-cos", "grad-cos-max", "less", "token-grad", "dra-grad")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cascade, "FEWEST", 5)


def scored(**settings: float) -> ScoreTable:
    gradients = GradientSettings(**settings)  # type: ignore[arg-type]
    return scanner(methods=METHODS, gradients=gradients).fit(rows()).score(targets())


def test_only_the_likeliest_rows_get_gradients(few: None) -> None:
    table = scored(share=0.3, share_above=20)
    assert any("Gradients were computed for 12 of 40 rows" in warning for warning in table.warnings)
    likeliest = set(np.argsort(-table["f4w"], kind="stable")[:12].tolist())
    others = np.array([place for place in range(40) if place not in likeliest])
    in_order = others[np.argsort(-table["f4w"][others], kind="stable")]
    for name in METHODS[1:]:
        scores = table[name]
        assert np.isfinite(scores).all()
        assert set(np.argsort(-scores, kind="stable")[:12].tolist()) == likeliest, name
        assert np.argsort(-scores, kind="stable")[12:].tolist() == in_order.tolist(), name
        assert np.ptp(scores[others]) < 1e-5 * np.ptp(scores), name


def test_a_share_of_one_is_no_cascade(few: None) -> None:
    whole, every = scored(), scored(share=1.0, share_above=20)
    for name in METHODS:
        np.testing.assert_array_equal(whole[name], every[name])
    assert not any("Gradients were computed" in warning for warning in every.warnings)


@settings(deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=1, max_size=30), st.floats(0.01, 1))
def test_the_likeliest_rows_are_those_with_the_highest_scores(
    first: list[float], share: float
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cascade, "FEWEST", 2)
        places = likeliest_rows(np.array(first), share, 0)
    wanted = sorted(range(len(first)), key=lambda place: -first[place])
    assert places.tolist() == sorted(wanted[: len(places)])
    assert min(len(first), 2) <= len(places) <= max(2, int(share * len(first)) + 1)
    others = companions(places, len(first))
    assert not set(others.tolist()) & set(places.tolist())
    assert len(others) == min(len(places), len(first) - len(places))
    full = below_the_scored(np.ones((len(places), 2)), places, np.array(first))
    assert full.shape == (len(first), 2)
    assert (full[places] == 1).all()
    assert (np.delete(full[:, 0], places) < 1).all()


@pytest.mark.parametrize("share", [0.0, 1.5, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(UsageError, match="share must be above 0 and at most 1"):
        GradientSettings(share=share)
