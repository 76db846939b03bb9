"""Windows of a body against a search over all line ranges."""

import textwrap

from hypothesis import given
from hypothesis import strategies as st

from growlabels.demo.data.code_windows import (
    FEWEST_TOKENS,
    MOST_TOKENS,
    BodyWindows,
    approximate_tokens,
)

WORD = st.text("abc_(), =1", min_size=0, max_size=40)


def words(text: str) -> int:
    """Count words: the sum over lines is exact."""
    return len(text.split())


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "bb", "=", "1"]), min_size=1, max_size=30),
        min_size=1,
        max_size=12,
    ),
    st.data(),
)
def test_windows_are_the_longest_that_fit(body: list[list[str]], data: st.DataObject) -> None:
    lines = ["def f():", *("    " + " ".join(cells) for cells in body)]
    starts, last = list(range(2, len(lines) + 1)), len(lines)
    windows = BodyWindows(lines, starts, last, words)
    start = data.draw(st.sampled_from(starts))
    fitting = [
        end
        for end in range(start, last + 1)
        if words(" ".join(lines[start - 1 : end])) <= MOST_TOKENS
    ]
    longest = max(fitting, default=None)
    text = "" if longest is None else textwrap.dedent("\n".join(lines[start - 1 : longest]))
    expected = (text, longest) if words(text) >= FEWEST_TOKENS else None
    assert windows.text(start) == expected


@given(st.lists(WORD, min_size=1, max_size=12), st.data())
def test_choices_reach_the_anchor(body: list[str], data: st.DataObject) -> None:
    lines = ["def f():", *("    x = " + cells for cells in body)]
    starts = list(range(2, len(lines) + 1))
    windows = BodyWindows(lines, starts, len(lines), approximate_tokens)
    anchor = data.draw(st.sampled_from(starts))
    for start in windows.choices(anchor):
        assert start <= anchor
        assert windows.is_inner(start) == (start != 2)
        window = windows.text(start)
        assert window is None or window[1] >= anchor
