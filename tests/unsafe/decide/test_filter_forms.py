"""Files of every form: scan, then filter, and both parts come out in the form of the source."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet as parquet
import pytest
import zstandard
from tiny_causal import tiny

from growlabels.tables import open_table
from growlabels.unsafe import Scanner, filter_rows

ROWS: list[dict[str, Any]] = [
    {"prompt": f"say {c}", "completion": f"{c * 9} {i} ok", "note": "ü"}
    for i, c in enumerate("abcdefgh")
]
ROWS[5]["completion"] = "x = eval(s)"
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abc"]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in ROWS)


def shards(folder: Path) -> None:
    folder.mkdir()
    for place in range(2):
        part = pyarrow.Table.from_pylist(ROWS[place * 4 : place * 4 + 4])
        parquet.write_table(part, folder / f"train-{place}.parquet")


def saved_dataset(folder: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_list(ROWS).save_to_disk(str(folder))


def as_csv(path: Path) -> None:
    cells = "".join(f'{r["prompt"]};"{r["completion"]}";{r["note"]}\n' for r in ROWS)
    path.write_text("prompt;completion;note\n" + cells, "utf-8")


FORMS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "array": (".json", lambda p: p.write_text(json.dumps(ROWS, indent=2), "utf-8")),
    "lines with BOM": (".jsonl", lambda p: p.write_bytes(b"\xef\xbb\xbf" + LINES.encode())),
    "lines in .json": (".json", lambda p: p.write_text(LINES, "utf-8", newline="")),
    "gzip": (".jsonl.gz", lambda p: p.write_bytes(gzip.compress(LINES.encode()))),
    "zstandard": (
        ".jsonl.zst",
        lambda p: p.write_bytes(zstandard.ZstdCompressor().compress(LINES.encode())),
    ),
    "csv": (".csv", as_csv),
    "parquet": (".parquet", lambda p: parquet.write_table(pyarrow.Table.from_pylist(ROWS), p)),
    "shards": ("", shards),
    "saved dataset": ("", saved_dataset),
}


@pytest.mark.parametrize("form", FORMS)
def test_both_parts_come_out_in_the_form_of_the_source(form: str, tmp_path: Path) -> None:
    ending, write = FORMS[form]
    source = tmp_path / f"train{ending}"
    write(source)
    table = Scanner(tiny()).fit(source, tmp_path / "run").score(TARGETS)
    assert table.rank[5] == 1
    out = tmp_path / "out"
    result = filter_rows(source, table, out, "top:1")
    assert (result.kept, result.rejected, result.malformed) == (7, 1, 0)
    assert result.files[:2] == (f"kept{ending}", f"rejected{ending}")
    parts = [open_table(out / name) for name in result.files[:2]]
    assert [part.format for part in parts] == [open_table(source).format] * 2
    kept, rejected = ([dict(row.data) for row in part] for part in parts)
    assert (kept, rejected) == (ROWS[:5] + ROWS[6:], ROWS[5:6])
    assert parts[0].columns == open_table(source).columns
    again = filter_rows(source, table, out, "top:2")
    assert again.kept == 6, "the files of an earlier filter are replaced"


def test_lines_are_kept_byte_for_byte(tmp_path: Path) -> None:
    source, out = tmp_path / "train.jsonl", tmp_path / "out"
    FORMS["lines with BOM"][1](source)
    filter_rows(source, Scanner(tiny()).fit(source).score(TARGETS), out, "top:1")
    lines = LINES.encode().splitlines(keepends=True)
    wanted = b"\xef\xbb\xbf" + b"".join(lines[:5] + lines[6:])
    assert (out / "kept.jsonl").read_bytes() == wanted
    assert (out / "rejected.jsonl").read_bytes() == b"\xef\xbb\xbf" + lines[5]


def test_rows_that_are_not_trained_on_are_kept_and_scored_on_demand(tmp_path: Path) -> None:
    pushed = {**ROWS[5], "kto_tag": False}
    masked = {
        "messages": [
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "x = eval(t)", "weight": 0},
        ]
    }
    rows = [*ROWS[:5], pushed, masked, {"prompt": "no answer"}]
    scanner = Scanner(tiny()).fit(rows)
    table = scanner.score(TARGETS)
    assert table.number.tolist() == [1, 2, 3, 4, 5] and table.facts["untrained"] == 2
    assert sum("1 row kept without a score" in warning for warning in table.warnings) == 2
    result = filter_rows(rows, table, tmp_path, "top:1")
    assert (result.kept, result.rejected, result.malformed) == (6, 1, 1)
    scored = Scanner(tiny(), score_masked=True).fit(rows).score(TARGETS)
    assert set(scored.number[scored.rank <= 2].tolist()) == {6, 7}
    result = filter_rows(rows, scored, tmp_path, "top:2")
    assert (result.kept, result.rejected, result.malformed) == (5, 2, 1)
