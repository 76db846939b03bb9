"""Tables with columns of words beside columns of numbers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier
from growlabels.classes.inputs.frames import MixedReader, MixedRows, as_mixed
from growlabels.cli import main

QUICK: Any = {"dim": 64, "hidden": 32, "buckets": 512, "epochs": 15, "batch_size": 16}


def goods(rows: int, seed: int) -> pd.DataFrame:
    """The kind follows from colour, shop and price together; a price or colour may be missing."""
    random = np.random.default_rng(seed)
    colour = random.choice(["red", "blue"], rows)
    shop = random.choice(["red", "corner"], rows)
    price = random.normal(size=rows)
    kind = [
        f"{c[0]}{s[0]}{'+' if p > 0 else '-'}" for c, s, p in zip(colour, shop, price, strict=True)
    ]
    frame = pd.DataFrame({"colour": colour, "price": price, "shop": shop, "kind": kind})
    frame.loc[0, "price"], frame.loc[1, "colour"] = np.nan, None
    return frame


def test_frames_are_learned_saved_and_added_to(tmp_path: Path) -> None:
    train, test = goods(400, 0), goods(200, 1)
    old = train.kind != "bc+"
    model = EBVClassifier(**QUICK, lr=0.02)
    model.fit(train[old].drop(columns="kind"), train.kind[old])
    model.partial_fit(train.drop(columns="kind"), train.kind)
    assert model.score(test.drop(columns="kind"), test.kind) > 0.8
    shuffled = test[["shop", "kind", "price", "colour"]]
    assert (model.predict(shuffled) == model.predict(test)).all()
    model.save(tmp_path / "m")
    loaded = EBVClassifier.load(tmp_path / "m")
    np.testing.assert_array_equal(loaded.predict_proba(test), model.predict_proba(test))


def test_a_frame_that_is_not_computed_yet_is_told() -> None:
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"size": [1.0, 2.0], "word": ["a", "b"]})
    model = EBVClassifier(epochs=1).fit(frame, ["u", "v"])
    for call in (model.predict, lambda x: model.fit(x, ["u", "v"])):
        with pytest.raises(UsageError, match=r"it was a LazyFrame; give X.collect\(\)"):
            call(frame.lazy())


def test_frames_of_polars_are_read_like_those_of_pandas() -> None:
    polars = pytest.importorskip("polars")
    frame = goods(60, 0)
    rows = as_mixed(frame)
    cells = {name: [None if v != v else v for v in frame[name]] for name in frame.columns}
    same = as_mixed(polars.DataFrame(cells))
    assert isinstance(rows, MixedRows) and isinstance(same, MixedRows)
    assert same.words == rows.words and same.names == rows.names
    np.testing.assert_array_equal(same.numbers, rows.numbers)


def test_a_row_is_read_alike_alone_and_among_others() -> None:
    rows = as_mixed(goods(30, 0))
    assert isinstance(rows, MixedRows)
    reader = MixedReader.of(rows, 512, 4, "char")
    places = np.array([7, 1])
    buckets, starts, numbers = reader.inputs(rows).batch(places)
    again = reader.inputs(MixedRows.joined([rows[places[:1]], rows[places[1:]]]))
    for one, other in zip(again.batch(np.arange(2)), (buckets, starts, numbers), strict=True):
        assert one.tolist() == other.tolist()
    red_here = reader.text.bags(["red"]).of_column("colour", 512).buckets
    assert red_here.tolist() != reader.text.bags(["red"]).of_column("shop", 512).buckets.tolist()


def test_numbers_of_any_kind_and_names_of_any_kind_are_read() -> None:
    frame = pd.DataFrame(
        {
            1: ["a", "b", None],
            2: np.array([1, 2, 3], np.int8),
            "some": pd.array([4, None, 6], dtype="Int64"),
            "any": np.array([True, None, 2.5], object),
        }
    )
    rows = as_mixed(frame)
    assert isinstance(rows, MixedRows)
    assert rows.words == {1: ["a", "b", ""]}
    plain = [[1.0, 4.0, 1.0], [2.0, np.nan, np.nan], [3.0, 6.0, 2.5]]
    np.testing.assert_array_equal(rows.numbers, plain)
    assert len(MixedReader.of(rows, 64, 4, "char").inputs(rows)) == 3


def test_numbers_alone_are_no_mixed_table() -> None:
    assert as_mixed(goods(9, 0)[["price"]]) is None
    assert as_mixed(np.zeros((2, 2))) is None


def test_what_cannot_be_read_is_named() -> None:
    frame = goods(40, 0)
    model = EBVClassifier(**QUICK).fit(frame.drop(columns="kind"), frame.kind)
    with pytest.raises(UsageError, match="X has no column 'shop'"):
        model.predict(frame.drop(columns="shop"))
    with pytest.raises(UsageError, match="X is no table"):
        model.predict(np.zeros((2, 3)))
    with pytest.raises(UsageError, match=r"X holds a table with words, .* fitted on strings"):
        EBVClassifier(**QUICK).fit(["a", "b"], [0, 1]).predict(frame)
    with pytest.raises(DataError, match="X names the column 'shop' twice"):
        EBVClassifier(**QUICK).fit(frame[["shop", "shop"]], frame.kind)
    vectors = frame.assign(at=pd.Series([np.array([1.0, 2.0])] * 40)).drop(columns="kind")
    with pytest.raises(DataError, match="X row 0: column 'at' holds a ndarray"):
        EBVClassifier(**QUICK).fit(vectors, frame.kind)
    frame["price"] = ["?"] * 40
    with pytest.raises(DataError, match=r"X row 0: column 'price' must hold finite numbers"):
        model.predict(frame)


def run(arguments: list[str]) -> Any:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_commands_read_words_beside_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, added = goods(300, 0), goods(60, 1)
    train[train.kind != "bc+"].to_csv(tmp_path / "t.csv", index=False)
    added[added.kind == "bc+"].to_json(tmp_path / "new.jsonl", orient="records", lines=True)
    fit = ["classes", "fit", str(tmp_path / "t.csv"), "--label", "kind", "--epochs", "9"]
    assert run([*fit, "--out", str(tmp_path / "numbers")]) == 0
    assert "not read, since they hold no numbers: colour, shop" in capsys.readouterr().out
    assert run([*fit, "--words", "colour", "shop", "--out", str(tmp_path / "run")]) == 0
    assert "not read" not in capsys.readouterr().out
    add = ["classes", "add", str(tmp_path / "run"), str(tmp_path / "new.jsonl"), "--epochs", "2"]
    assert run([*add, "--old", str(tmp_path / "t.csv"), "--out", str(tmp_path / "more")]) == 0
    out = tmp_path / "found.jsonl"
    found = ["classes", "predict", str(tmp_path / "more"), str(tmp_path / "new.jsonl")]
    assert run([*found, "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == (added.kind == "bc+").sum()
    scores = [
        json.loads((tmp_path / name / "scores.json").read_text()) for name in ("numbers", "run")
    ]
    assert scores[1]["accuracy"] > scores[0]["accuracy"] + 0.3  # the price alone tells half of it
