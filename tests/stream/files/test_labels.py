"""Labels in one column, keys inside keys, and the same rows in every format."""

import io
import json
from pathlib import Path

import pytest

from growlabels.base.errors import UsageError
from growlabels.stream.files.read import read_stream
from growlabels.stream.rows.text import count_features
from growlabels.tables import write_rows


def lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


TAGS = [["r"], ["pandas", "r"], [], ["sql"], ["pandas"]] * 20
WAYS = {
    "list.jsonl": lambda tags: json.dumps({"title": "how to", "tags": tags}),
    "text.jsonl": lambda tags: json.dumps({"title": "how to", "tags": ";".join(tags)}),
    "named.jsonl": lambda tags: json.dumps(
        {"title": "how to", "tags": [{"name": tag} for tag in tags]}
    ),
    "deep.jsonl": lambda tags: json.dumps({"in": {"title": "how to"}, "meta": {"tags": tags}}),
    "object.jsonl": lambda tags: json.dumps({"title": "how to", "tags": dict.fromkeys(tags, True)}),
    "json.csv": lambda tags: 'how to,"' + json.dumps(tags).replace('"', '""') + '"',
    "python.tsv": lambda tags: f"how to\t{tags}",
    "semicolons.csv": lambda tags: "how to," + ";".join(tags),
    "bars.csv": lambda tags: "how to," + "|".join(tags),
    "commas.csv": lambda tags: f'how to,"{", ".join(tags)}"',
}


@pytest.mark.parametrize("piped", [False, True])
@pytest.mark.parametrize("name", WAYS)
def test_labels_as_people_write_them(write, monkeypatch, name, piped):
    header = "" if name.endswith("jsonl") else "title,tags\n"
    header = header.replace(",", "\t") if name.endswith("tsv") else header
    path = write(name, header + "".join(WAYS[name](tags) + "\n" for tags in TAGS))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    labels = {"named.jsonl": "tags.name", "deep.jsonl": "meta.tags"}.get(name, "tags")
    text = "in.title" if name == "deep.jsonl" else "title"
    said = []
    source = Path("-") if piped else path
    rows = list(read_stream(source, labels, text=text, say=said.append))
    assert [list(y) for _, y in rows] == TAGS
    assert rows[0][0] == count_features(text, "how to", "ngrams")
    if name in ("semicolons.csv", "text.jsonl"):
        assert any("several labels a cell, separated by ';'" in sentence for sentence in said)
        whole = read_stream(path, labels, text=text, label_separator="")
        assert list(next(y for _, y in whole if len(y) and "pandas;r" in y)) == ["pandas;r"]


def test_nested_numbers_are_features_and_paths_name_labels(write):
    row = {"event": {"a": 1, "b": 2}, "meta": {"tags": ["t"], "id": "x"}, "ts": "2024"}
    rows = read_stream(write("s.jsonl", lines([row])), "meta.tags", drop="ts,meta.id")
    assert list(rows) == [({"event.a": 1.0, "event.b": 2.0}, {"t": True})]
    with pytest.raises(UsageError, match=r"no key 'meta\.tag' in its first 1 rows"):
        list(read_stream(write("s.jsonl", lines([row])), "meta.tag", drop="ts,meta"))


def test_the_same_rows_in_every_format(write, tmp_path):
    rows = [{"a": 1.5, "b": 2.0, "t": 1}, {"a": 3.0, "b": 0.0, "t": 0}]
    wanted = [({"a": 1.5, "b": 2.0}, {"t": True}), ({"a": 3.0, "b": 0.0}, {"t": False})]
    for ending in (".csv", ".tsv.gz", ".jsonl", ".json", ".parquet", ".arrow", ".jsonl.zst"):
        write_rows(tmp_path / f"s{ending}", rows)
        assert list(read_stream(tmp_path / f"s{ending}", "t")) == wanted
    assert list(read_stream(write("s.csv", "a;b;t\n1,5;2;1\n3;;0\n"), "t")) == wanted
    (tmp_path / "shards").mkdir()
    for place, row in enumerate(rows):
        write_rows(tmp_path / f"shards/{place}.parquet", [row])
    assert list(read_stream(tmp_path / "shards", "t")) == wanted
    latin = tmp_path / "latin.csv"
    latin.write_bytes("größe,t\n1,1\n".encode("cp1252"))
    assert list(read_stream(latin, "t", encoding="cp1252")) == [({"größe": 1.0}, {"t": True})]


def test_xmc_rows(write):
    rows = list(read_stream(write("s.txt", "2 9 6\n1,5 3:.5 7:1.2\n 2:1\n")))
    assert rows == [({"3": 0.5, "7": 1.2}, {"1": True, "5": True}), ({"2": 1.0}, {})]
