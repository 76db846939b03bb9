"""What was predicted before each row was learned is written, a line for each row."""

import json
from pathlib import Path

import pytest

from growlabels.base.errors import UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.stream.cli.commands import StreamRun


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_predictions_agree_with_the_scores(tmp_path: Path) -> None:
    rows = [{"x": {"a": i % 2}, "y": ["one"] if i % 2 else []} for i in range(60)]
    rows += [{"x": {"a": 1}, "y": None}, {"x": {"a": 1}, "y": {"one": None, "two": True}}]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "predicted.jsonl"
    command = StreamRun(tmp_path / "rows.jsonl", out=tmp_path / "run", predictions=out)
    run_command(command, silent)
    found = lines(out)
    assert [line["row"] for line in found] == [*range(1, 63)]
    assert found[0]["predicted"] == [], "nothing is known before the first row"
    assert found[-2]["true"] is None and found[-1]["unknown"] == ["one"]
    scored = [line for line in found[:-1] if line["true"] is not None]
    exact = sum(line["predicted"] == line["true"] for line in scored)
    scores = json.loads((tmp_path / "run" / "scores.json").read_text())["scores"]["iHOMER"]
    assert round(scores["exact_match"] * scores["n_rows"]) - exact in (0, 1)


def test_a_table_gives_the_same_lines_as_single_rows(tmp_path: Path) -> None:
    text = ["a,b,hi,lo", *(f"{i % 5},{i % 3},{int(i % 5 > 2)},{int(i % 5 < 2)}" for i in range(80))]
    (tmp_path / "rows.csv").write_text("\n".join(text))
    for name, options in (("table", {}), ("single", {"precision_at": "1"})):
        path = tmp_path / f"{name}.jsonl"
        run_command(StreamRun(tmp_path / "rows.csv", "2", predictions=path, **options), silent)
    assert lines(tmp_path / "table.jsonl") == lines(tmp_path / "single.jsonl")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("p.csv", "must end in .jsonl"),
        ("no/p.jsonl", "must be in a folder that exists"),
        ("rows.jsonl", "is the stream itself"),
    ],
)
def test_wrong_use(tmp_path: Path, name: str, sentence: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"x": {"a": 1}, "y": ["b"]}\n')
    with pytest.raises(UsageError, match=sentence):
        run_command(StreamRun(path, predictions=tmp_path / name), silent)
    assert path.read_text()
