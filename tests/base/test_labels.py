"""LabelMap is append-only and survives JSON."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.base.labels import LabelMap, repeated

simple = st.one_of(st.text(), st.integers(), st.booleans(), st.none())
labels = st.one_of(simple, st.tuples(simple, simple))


@given(st.lists(labels, unique=True), st.data())
def test_indices_never_change(values: list, data: st.DataObject) -> None:
    # 1, True and 1.0 are one label to Python, as in a dict
    mapped = LabelMap(values)
    for value in values:
        if data.draw(st.booleans()):
            mapped.remove(value)
    for value in values:
        mapped.add(value)
    assert [mapped.index(value) for value in values] == list(range(len(values)))
    assert mapped.removed == []


@given(st.lists(labels, unique=True))
def test_json_round_trip(values: list) -> None:
    mapped = LabelMap(values)
    if values:
        mapped.remove(values[0])
    again = LabelMap.from_json(mapped.to_json())
    assert again == mapped
    assert [type(a) for a in again] == [type(a) for a in mapped]


def test_removed_label_leaves_a_tombstone() -> None:
    mapped = LabelMap(["a", "b"])
    mapped.remove("a")
    assert "a" not in mapped and mapped.add("c") == 2 and mapped.removed == [0]
    with pytest.raises(DataError, match="label 'a' was removed"):
        mapped.index("a")
    assert mapped.add("a") == 0


@pytest.mark.parametrize("bad", ["cat", [["cat"]], [float("nan")]])
def test_what_is_no_list_of_labels_is_refused(bad) -> None:
    mapped = LabelMap(["dog"])
    with pytest.raises(UsageError, match=r"labels must be (a list|found again)"):
        mapped.extend(bad)
    assert list(mapped) == ["dog"]


def test_duplicates_are_refused_and_nothing_is_added() -> None:
    mapped = LabelMap(["a"])
    for bad in (["b", "a"], ["b", "b"]):
        with pytest.raises(UsageError, match="labels must be new"):
            mapped.extend(bad)
    assert list(mapped) == ["a"]


def test_labels_that_cannot_be_saved_say_so() -> None:
    with pytest.raises(UsageError, match="to be saved"):
        LabelMap([frozenset("a")]).to_json()
    with pytest.raises(DataError, match="not a label map"):
        LabelMap.from_json("[1]")


def test_a_removed_label_is_said_to_be_removed() -> None:
    labels = LabelMap(["a"])
    labels.remove("a")
    with pytest.raises(DataError, match="'a' was removed; add it again"):
        labels.index("a")


@pytest.mark.parametrize(
    "text", ['{"labels": [], "removed": [9]}', '{"labels": "ab", "removed": []}']
)
def test_a_map_that_contradicts_itself_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="not a label map"):
        LabelMap.from_json(text)


@pytest.mark.parametrize("label", [(1, [2]), float("nan"), pd.NA, ["a"]])
def test_a_label_that_cannot_be_found_again_is_refused(label: object) -> None:
    with pytest.raises(UsageError, match="must be found again"):
        LabelMap().extend([label])  # type: ignore[list-item]


@given(st.lists(simple))
def test_repeated_names_are_those_that_stood_before(names: list) -> None:
    assert repeated(names) == [name for i, name in enumerate(names) if name in names[:i]]


def test_tombstones_are_told_in_order_whatever_order_they_came_in() -> None:
    mapped = LabelMap(list("abcdef"))
    for label in "ebda":
        mapped.remove(label)
    mapped.add("b")
    assert mapped.removed == LabelMap.from_json(mapped.to_json()).removed == [0, 3, 4]
    mapped.removed.clear()
    assert mapped.removed == [0, 3, 4]
