"""Every parameter of IHOMER has a range, and a message that names it."""

from typing import Any

import pytest

from growlabels.base.errors import UsageError
from growlabels.stream import IHOMER
from growlabels.stream.learner.settings import check_settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seed", -1),
        ("window", 99),
        ("window", 2**62),
        ("max_sets", 3999),
        ("check_every", 0),
        ("tree_above", -1),
        ("max_bytes", 2**25 - 1),
        ("recent", 0),
        ("drift", 1.0),
        ("preset", "papers"),
        ("inputs", "text"),
    ],
)
def test_a_parameter_out_of_its_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=name):
        IHOMER(**{name: value})


def test_the_defaults_are_in_their_ranges() -> None:
    check_settings(IHOMER())
    with pytest.raises(UsageError, match="max_bytes / 128 = 262144"):
        IHOMER(window=262_145, max_sets=2_000_000, max_bytes=2**25)
