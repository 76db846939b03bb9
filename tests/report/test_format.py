"""Values as a reader wants to see them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.report import format_value
from growlabels.report._format import exact, plain


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.6432, 3, "0.643"),
        (-0.6432, 2, "−0.64"),
        (0.0, 3, "0.000"),
        (-0.0, 3, "0.000"),
        (-1e-9, 3, "−1.0e-09"),
        (5312.4, None, "5,312"),
        (83.1249, None, "83.12"),
        (1e18, 0, "1.0e+18"),
        (math.inf, 3, "∞"),
        (-math.inf, 3, "−∞"),
        (math.nan, 3, "not defined"),
        (np.float32(0.5), 1, "0.5"),
        (np.int64(1200), 3, "1,200"),
        (np.bool_(True), 3, "yes"),
        (False, 3, "no"),
        ((1, 2.5), 1, "1, 2.5"),
        (None, 3, "–"),
        ("1.23456", 1, "1.23456"),
    ],
)
def test_format(value: object, digits: int | None, text: str) -> None:
    assert format_value(value, digits) == text


@given(st.floats(-1e300, 1e300), st.integers(0, 6))
def test_floats_read_back_within_what_is_shown(value: float, digits: int) -> None:
    text = format_value(value, digits).replace("−", "-").replace(",", "")
    tolerance = 0.051 * abs(value) if "e" in text else 0.51 * 10.0**-digits
    assert abs(float(text) - value) <= tolerance + 1e-9 * abs(value)


@given(st.text())
def test_plain_text_is_valid_xml_text(text: str) -> None:
    import xml.etree.ElementTree as ElementTree

    from markupsafe import escape

    ElementTree.fromstring(f"<a>{escape(plain(text))}</a>")


def test_settings_are_not_rounded() -> None:
    assert exact(1e-7) == "1e-07" and exact(123456) == "123456" and exact(True) == "True"
