"""ARFF: written by a small writer and read back; damaged in every way and refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets import load_arff

HEADER = "@relation 'toy: -C -1'\n@attribute a numeric\n@attribute b {x,y}\n@attribute l {0,1}\n"


def write(folder: Path, text: str, name: str = "toy.arff") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def quoted(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dumped(X: np.ndarray, Y: np.ndarray, names: list[str], first: bool, sparse: bool) -> str:
    """Write a table as ARFF, labels first or last; the twin of the reader."""
    n = Y.shape[1]
    table = np.hstack([Y, X] if first else [X, Y]).astype(float)
    kinds = ["{0,1}"] * n + ["numeric"] * X.shape[1]
    kinds = kinds if first else kinds[n:] + kinds[:n]
    lines = [f"@RELATION 'drawn: -C {n if first else -n}'", "% a comment", ""]
    lines += [f"@Attribute {quoted(w)} {kind}" for w, kind in zip(names, kinds, strict=True)]
    lines.append("@DATA")
    for row in table:
        cells = [
            repr(float(v)) if kind == "numeric" else str(int(v))
            for v, kind in zip(row, kinds, strict=True)
        ]
        if sparse:
            lines.append("{" + ", ".join(f"{i} {c}" for i, c in enumerate(cells) if row[i]) + "}")
        else:
            lines.append(",".join(cells))
    return "\n".join(lines) + "\n"


@settings(max_examples=60, deadline=None)
@given(data=st.data(), first=st.booleans(), sparse=st.booleans(), zipped=st.booleans())
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory,
    data: st.DataObject,
    first: bool,
    sparse: bool,
    zipped: bool,
) -> None:
    rows, features, labels = (data.draw(st.integers(1, 5)) for _ in range(3))
    number = st.one_of(st.just(0.0), st.floats(allow_nan=False, allow_infinity=False))
    X = np.array(data.draw(st.lists(number, min_size=rows * features, max_size=rows * features)))
    Y = np.array(data.draw(st.lists(st.booleans(), min_size=rows * labels, max_size=rows * labels)))
    X, Y = X.reshape(rows, features), Y.reshape(rows, labels)
    letters = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"), exclude_characters="\x85")
    width = features + labels
    name = st.text(letters, min_size=1, max_size=8)
    names = data.draw(st.lists(name, min_size=width, max_size=width, unique=True))
    folder = tmp_path_factory.mktemp("arff")
    text = dumped(X, Y, names, first, sparse)
    got = load_arff(write(folder, text, "a.arff.gz" if zipped else "a.arff"))
    found = got.X.toarray() if sparse else got.X  # type: ignore[union-attr]
    assert np.array_equal(found, X) and np.array_equal(got.Y, Y)
    split = labels if first else features
    parts = names[:split], names[split:]
    assert (got.label_names, got.feature_names) == (parts if first else parts[::-1])


def test_nominal_missing_and_quoted_values(tmp_path: Path) -> None:
    text = (
        "@relation 'r: -C 1'\n@attribute l {no, yes}\n@attribute n {1, 2, 3}\n"
        "@attribute 'with space' {'a, b', c}\n@attribute \"q\\\"\" real\n@data\n"
        "yes, 3, 'a, b', ?\nno,?,c,-1e3\n"
    )
    X, Y, features, labels = load_arff(write(tmp_path, text))
    assert Y.tolist() == [[True], [False]]
    assert np.array_equal(X, [[3, 0, np.nan], [np.nan, 1, -1000]], equal_nan=True)
    assert features == ["n", "with space", 'q"'] and labels == ["l"]


def test_a_range_after_a_numeric_type_says_nothing(tmp_path: Path) -> None:
    header = HEADER.replace("a numeric", "a real [0,5]").replace("-C -1", "-C -1" + "0" * 9000)
    assert load_arff(write(tmp_path, header + "@data\n2,x,1\n"), -1).X.tolist() == [[2, 0]]


def test_sparse_row_leaves_out_the_first_declared_value(tmp_path: Path) -> None:
    text = (
        "@relation 'r: -C -1'\n@attribute n {5,7}\n@attribute m {0,4}\n@attribute l {yes,no}\n"
        "@data\n{0 7, 1 4}\n{2 no}\n{ }\n"
    )
    data = load_arff(write(tmp_path, text))
    assert data.X.toarray().tolist() == [[1, 4], [0, 0], [0, 0]]  # type: ignore[union-attr]
    assert data.Y.ravel().tolist() == [True, False, True]


def test_labels_by_count_names_and_xml(tmp_path: Path) -> None:
    text = "@relation r\n@attribute a {0,1}\n@attribute b {0,1}\n@attribute c {0,1}\n@data\n1,0,1\n"
    path = write(tmp_path, text)
    assert load_arff(path, 1).label_names == ["a"]
    assert load_arff(path, -2).label_names == ["b", "c"]
    assert load_arff(path, ["c", "a"]).label_names == ["a", "c"]
    xml = tmp_path / "other.xml"
    xml.write_text(
        '<?xml version="1.0"?><labels xmlns="http://mulan.sourceforge.net/labels">'
        '<label name="b"><label name="c"/></label></labels>'
    )
    assert load_arff(path, xml).label_names == ["b", "c"]
    with pytest.raises(UsageError, match="does not say which attributes are labels"):
        load_arff(path)
    xml.rename(tmp_path / "toy.xml")
    assert load_arff(path).label_names == ["b", "c"]


def test_a_count_before_a_reordering_is_not_believed(tmp_path: Path) -> None:
    text = HEADER.replace("-C -1'", "-C 1-weka.filters.unsupervised.attribute.Reorder-R2,1'")
    path = write(tmp_path, text + "@data\n1,x,1\n")
    with pytest.raises(UsageError, match="pass labels=n"):
        load_arff(path)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("@data\n1,x\n", "line 6: has 2 values for 3 attributes"),
        ("@data\n1,x,1\n% c\n\n1,x,1,1\n", "line 9: has 4 values for 3 attributes"),
        (
            "@data\noops,x,1\n",
            "line 6: attribute 'a' must be a finite number (? where it is missing), it was 'oops'",
        ),
        ("@data\ninf,x,1\n", "(? where it is missing), it was 'inf'"),
        ("@data\n1_0,x,1\n", "(? where it is missing), it was '1_0'"),
        ("@data\n1,z,1\n", "attribute 'b' must be one of its 2 values, it was 'z'"),
        (
            "@data\n1,x,no\n",
            "attribute 'l' is a label and must be present or absent (1 or 0), it was 'no'",
        ),
        ("@data\n1,'x,1\n", "line 6: unbalanced quotes"),
        ("@data\n1,x,1\n{0 1}\n", "line 7: dense and sparse rows are mixed"),
        ("@data\n{0 1}\n1,x,1\n", "line 7: dense and sparse rows are mixed"),
        ("@data\n{0 1}\n{0 'x}\n", "line 7: unbalanced quotes"),
        ("@data\n{" + "9" * 5000 + " 1}\n", "is beyond the 3 attributes"),
        ("@attribute e\n@data\n", "line 5: attribute 'e' has no type"),
        ("@attribute e {'x,y}\n@data\n", "line 5: attribute 'e': unbalanced quotes"),
        ("@data\n{0 1\n", "line 6: the row does not end with '}'"),
        ("@data\n{9 1}\n", "line 6: index 9 is beyond the 3 attributes"),
        ("@data\n{0 1,0 2}\n", "line 6: index 0 is given twice"),
        ("@data\n{0}\n", "line 6: '0' is not 'index value'"),
        ("@data\n{-1 1}\n", "line 6: '-1 1' is not 'index value'"),
        ("@data\n", "has no rows after @data"),
        ("", "has no @data line"),
        ("1,x,1\n", "line 5: expected @relation, @attribute or @data"),
        ("@attribute a numeric\n@data\n", "line 5: attribute 'a' is declared again"),
        ("@attribute s string\n@data\n", "line 5: attribute 's' has the type 'string'"),
        ("@attribute\n@data\n", "line 5: not an attribute declaration"),
    ],
)
def test_bad_files_are_refused_with_the_line(tmp_path: Path, body: str, says: str) -> None:
    with pytest.raises(DataError) as caught:
        load_arff(write(tmp_path, HEADER + body))
    assert says in str(caught.value) and "toy.arff" in str(caught.value)


@pytest.mark.parametrize("body", ["1,x,?\n2,y,1\n3,x,0\n", "{0 1,2 ?}\n{0 2,2 1}\n{0 3}\n"])
def test_an_unknown_label_is_neither_there_nor_absent(tmp_path: Path, body: str) -> None:
    Y = load_arff(write(tmp_path, HEADER + "@data\n" + body)).Y
    assert Y.dtype == np.int8 and Y.tolist() == [[-1], [1], [0]]
    known = load_arff(write(tmp_path, HEADER + "@data\n" + body.replace("?", "0"))).Y
    assert known.dtype == bool and known.tolist() == [[False], [True], [False]]


@pytest.mark.parametrize("labels", [3, -3, 40])
def test_more_labels_than_attributes(tmp_path: Path, labels: int) -> None:
    with pytest.raises(UsageError, match="check the label count"):
        load_arff(write(tmp_path, HEADER + "@data\n1,x,1\n"), labels)


def test_features_taken_for_labels(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER + "@data\n7,x,1\n")
    with pytest.raises(DataError, match="label 'b' has the value 'x'"):
        load_arff(path, -2)
    with pytest.raises(DataError, match="'a' is a label and must be present or absent"):
        load_arff(path, 1)
    with pytest.raises(UsageError, match="no attribute 'zz'"):
        load_arff(path, ["zz"])
    with pytest.raises(UsageError, match="has labels only; it needs at least one feature"):
        load_arff(path, ["a", "b", "l"])
    with pytest.raises(UsageError, match="labels must be a count other than 0"):
        load_arff(path, 0)


def test_missing_and_truncated_files(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        load_arff(tmp_path / "none.arff")
    with pytest.raises(UsageError, match=r"label file .* does not exist"):
        load_arff(write(tmp_path, HEADER + "@data\n1,x,1\n"), tmp_path / "none.xml")
    path = write(tmp_path, HEADER + "@data\n" + "1,x,1\n" * 5000, "cut.arff.gz")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"cut.arff.gz after line \d+: the gzip stream is cut off"):
        load_arff(path)
    path.write_text(HEADER + "@data\n1,x,1\n")  # the name alone says that it is gzipped
    assert load_arff(path).Y.tolist() == [[True]]
    with pytest.raises(DataError, match="no @data line"):
        load_arff(write(tmp_path, "", "empty.arff"))
