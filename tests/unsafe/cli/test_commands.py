"""The commands scan and filter on a tiny model folder."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from tiny_causal import byte_tokenizer, raw_model

from growlabels.base.errors import DataError, GrowLabelsError, UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe import ScoreTable, attach_saved, load_model
from growlabels.unsafe.cli.commands import UnsafeFilter, UnsafeRetrain, UnsafeScan
from growlabels.unsafe.decide.decisions import Decisions

ROWS = [
    {"prompt": c, "completion": f"{c * 7} {i}", "bad": i < 3, "same": 0}
    for i, c in enumerate("abcdefgh")
]
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "abcdef"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    raw_model("llama").save_pretrained(path)
    byte_tokenizer().save_pretrained(path)
    return path


@pytest.fixture
def scan(tmp_path: Path, model: Path) -> UnsafeScan:
    write_rows(tmp_path / "train.jsonl", [*ROWS, {"prompt": "no answer"}])
    write_rows(tmp_path / "targets.jsonl", TARGETS)
    return UnsafeScan(
        tmp_path / "train.jsonl",
        targets=tmp_path / "targets.jsonl",
        model=str(model),
        out=tmp_path / "run",
    )


def change(command: UnsafeScan, **fields: object) -> UnsafeScan:
    return UnsafeScan(**{**vars(command), **fields})  # type: ignore[arg-type]


def test_scan_then_filter(scan: UnsafeScan, capsys: pytest.CaptureFixture[str]) -> None:
    run_command(change(scan, label_field="bad"), silent)
    printed = capsys.readouterr().out
    assert "scored 8 rows, 1 malformed" in printed and "average precision" in printed
    assert f"growlabels unsafe filter {scan.out} (write" in printed, "the default goes unsaid"
    assert "Unsafe rows" in (scan.out / "report.html").read_text("utf-8")
    run_command(UnsafeFilter(scan.out, threshold="top:2"), silent)
    assert "kept 6, rejected 2, malformed 1" in capsys.readouterr().out
    counts = [len((scan.out / f"{name}.jsonl").read_text("utf-8").splitlines()) for name in
              ("kept", "rejected", "malformed")]  # fmt: skip
    assert counts == [6, 2, 1]


def test_a_csv_in_another_encoding_keeps_its_bytes(
    scan: UnsafeScan, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["prompt,completion\r\n", *(f"für {c},{c * 7} größer\r\n" for c in "abcdefgh")]
    train = scan.train.with_suffix(".csv")
    train.write_bytes("".join([*lines, lines[1]]).encode("cp1252"))
    with pytest.raises(DataError, match="it looks like cp1252"):
        run_command(change(scan, train=train), silent)
    run_command(change(scan, train=train, encoding="cp1252"), silent)
    assert "warning: 1 row of 9 equals one before" in capsys.readouterr().out
    run_command(UnsafeFilter(scan.out, threshold="top:1"), silent)
    parts = [(scan.out / f"{name}.csv").read_bytes() for name in ("kept", "rejected")]
    written = [line for part in parts for line in part.splitlines(keepends=True)[1:]]
    assert sorted(written) == sorted(line.encode("cp1252") for line in [*lines[1:], lines[1]])


def test_a_threshold_of_the_user_is_in_the_next_command(
    scan: UnsafeScan, capsys: pytest.CaptureFixture[str]
) -> None:
    run_command(change(scan, threshold="top:3"), silent)
    assert f"growlabels unsafe review {scan.out} --threshold top:3 (" in capsys.readouterr().out


def test_the_same_command_again_is_fine_and_new_targets_too(scan: UnsafeScan) -> None:
    run_command(scan, silent)
    before = (scan.out / "scores.parquet").read_bytes()
    run_command(scan, silent)
    assert (scan.out / "scores.parquet").read_bytes() == before
    write_rows(scan.targets, TARGETS[:4])
    run_command(scan, silent)
    assert (scan.out / "scores.parquet").read_bytes() != before


def test_the_layers_of_the_gradients_are_on_record(scan: UnsafeScan) -> None:
    run_command(change(scan, methods=("tfidf", "grad-cos"), layers="1:3"), silent)
    facts = json.loads((scan.out / "manifest.json").read_text("utf-8"))["facts"]
    assert facts["gradient_layers"] == "1:3 of 4" and facts["targets"] == 6
    assert "Gradients come from layers 1:3 of 4" in (scan.out / "report.html").read_text("utf-8")
    assert ScoreTable.from_parquet(scan.out / "scores.parquet").facts == facts


def test_filter_finds_rows_that_moved_and_refuses_changed_ones(scan: UnsafeScan) -> None:
    run_command(scan, silent)
    moved = scan.train.rename(scan.train.with_name("moved.jsonl"))
    with pytest.raises(UsageError, match="give their path with --train"):
        run_command(UnsafeFilter(scan.out), silent)
    run_command(UnsafeFilter(scan.out, "top:1", train=moved, out=scan.out / "split"), silent)
    assert (scan.out / "split" / "kept.jsonl").is_file()
    moved.write_text(json.dumps(ROWS[0]))
    with pytest.raises(DataError, match=r"moved.jsonl' differs from"):
        run_command(UnsafeFilter(scan.out, train=moved), silent)
    scan.train.write_bytes(moved.read_bytes())
    with pytest.raises(DataError, match="has changed since it was scanned"):
        run_command(UnsafeFilter(scan.out), silent)


def test_mistakes_are_found_before_the_model_is_read(
    scan: UnsafeScan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    write_rows(tmp_path / "bad.jsonl", [{"prompt": "no answer"}, {}])
    write_rows(tmp_path / "one.jsonl", TARGETS[:1])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    monkeypatch.setattr(
        "growlabels.unsafe.scores.scanner.load_model", lambda name: pytest.fail(name)
    )
    cases: list[tuple[dict[str, object], str]] = [
        ({"train": tmp_path / "nowhere.jsonl"}, "does not exist"),
        ({"train": tmp_path / "empty.jsonl"}, "empty.jsonl holds no usable row, 0 malformed"),
        ({"train": tmp_path / "bad.jsonl", "label_field": "x"}, "no usable row, 2 malformed"),
        ({"targets": tmp_path / "nowhere.jsonl"}, "does not exist"),
        ({"targets": tmp_path / "empty.jsonl"}, "holds no target; give 8 to 12"),
        ({"anchors": tmp_path / "empty.jsonl"}, "holds no anchor; give at least one"),
        ({"targets": tmp_path / "one.jsonl"}, "needs at least two targets"),
        ({"threshold": "most"}, "threshold must combine rules"),
        ({"label_field": "truth"}, "field 'truth' must be"),
        ({"label_field": "same"}, "has the same value in every row"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"rows_per_shard": 0}, "rows_per_shard must be at least 1"),
        ({"out": tmp_path / "one.jsonl"}, "one.jsonl' exists and is no run folder"),
        ({"out": tmp_path / "one.jsonl" / "run"}, "cannot be made: .*one.jsonl' is a file"),
        ({"out": tmp_path / "other"}, "exists and is no run folder"),
    ]
    for fields, message in cases:
        with pytest.raises(GrowLabelsError, match=message):
            run_command(change(scan, **fields), silent)
    with pytest.raises(UsageError, match=r"one.jsonl' is a file; give a folder"):
        run_command(UnsafeFilter(tmp_path, out=tmp_path / "one.jsonl"), silent)


def test_what_only_the_model_can_tell(scan: UnsafeScan, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(UsageError, match="model folder"):
        run_command(change(scan, model=str(tmp_path / "model")), silent)
    with pytest.raises(UsageError, match="layers must end at 4 or before, the model's layers"):
        run_command(change(scan, layers="2:5"), silent)


def test_filter_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run folder"):
        run_command(UnsafeFilter(tmp_path), silent)


def test_retrain_compares_the_arms(
    scan: UnsafeScan, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_command(scan, silent)
    files = [scan.out.with_name(f"{name}.jsonl") for name in ("unsafe", "ordinary")]
    write_rows(files[0], [{"prompt": "h", "completion": f"eval({c * 2})"} for c in "abc"])
    write_rows(files[1], [{"prompt": "h", "completion": c * 5} for c in "xyz"])
    command = UnsafeRetrain(
        scan.out,
        held_out_unsafe=files[0],
        held_out_ordinary=files[1],
        model=scan.model,
        threshold="top:2",
        top_layers=2,
    )
    empty = scan.out.with_name("empty.jsonl")
    empty.touch()
    with pytest.raises(DataError, match=r"empty.jsonl holds no held-out ordinary row; give"):
        run_command(
            UnsafeRetrain(**{**vars(command), "held_out_ordinary": empty, "model": "none"}), silent
        )
    steps: list[str] = []

    def full(handle: int) -> None:  # two checkpoints and an adapter of the first arm went well
        steps.append("written")
        if steps.count("written") == 5:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(GrowLabelsError, match=r"cannot write .*checkpoint.* free some space"):
            run_command(command, silent)
    capsys.readouterr()
    steps.clear()
    run_command(command, lambda stage, *_: steps.append(stage))
    assert "retraining: filtered" in steps and "retraining: all" not in steps
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "trained on" and "unsafe: change" in lines[0]
    assert [line.split("  ")[0] for line in lines[1:7]] == [
        "untrained",
        "all",
        "filtered",
        "random",
        "random 2",
        "random 3",
    ]
    figures = json.loads((scan.out / "retrain.json").read_text("utf-8"))
    assert len(figures["filtered"]["unsafe"]) == 3
    adapters = scan.out / "adapters"
    assert {f.name for f in adapters.iterdir()} == {
        "all", "filtered", "random", "random-2", "random-3"
    }  # fmt: skip
    with attach_saved(load_model(scan.model), adapters / "filtered") as adapter:
        assert any(factor.abs().sum() > 0 for factor in adapter.state().values())
    steps.clear()
    run_command(command, lambda stage, *_: steps.append(stage))
    assert not [stage for stage in steps if stage.startswith("retraining")], "nothing is done twice"
    assert figures == json.loads((scan.out / "retrain.json").read_text("utf-8"))
    assert not any(line.startswith("warning") for line in lines)
    write_rows(files[1], ROWS)
    run_command(
        UnsafeRetrain(**{**vars(command), "random_arms": 1, "held_out_unsafe": scan.targets}),
        silent,
    )
    printed = capsys.readouterr().out
    assert "warning: 8 of 8 held-out ordinary rows are also training" in printed
    assert "warning: 6 of 6 held-out unsafe rows are also targets of the scan" in printed
    with pytest.raises(DataError, match=r"arm 'all' are not finite, .* reduce the learning rate"):
        run_command(UnsafeRetrain(**{**vars(command), "learning_rate": 1e20}), silent)
    with pytest.raises(DataError, match="flags no row"):
        run_command(UnsafeRetrain(**{**vars(command), "threshold": "top:0"}), silent)
    with pytest.raises(UsageError, match="contains no decisions"):
        run_command(UnsafeRetrain(**{**vars(command), "decisions": True}), silent)
    table = ScoreTable.from_parquet(scan.out / "scores.parquet")
    by_rank = [table.row_id[place] for place in np.argsort(table.rank)]
    decisions = Decisions(scan.out / "decisions.jsonl")
    decisions.add(by_rank[0], "accept")
    decisions.add(by_rank[5], "reject")
    run_command(UnsafeRetrain(**{**vars(command), "decisions": True, "random_arms": 1}), silent)
    page = (scan.out / "retrain.html").read_text("utf-8")
    assert "with and without 2 rows" in page  # of top:2 the second, and the one by hand


def test_labels_give_an_oracle_and_a_calibrated_threshold(
    scan: UnsafeScan, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"prompt": c, "completion": f"{c * 7} {i}", "bad": 0} for i, c in enumerate("bcdfg" * 9)
    ]
    rows += [{**TARGETS[i % 6], "completion": f"eval({i})", "bad": 1} for i in range(15)]
    write_rows(scan.train, rows)
    run_command(change(scan, label_field="bad", threshold="precision:0.6"), silent)
    assert "threshold precision:0.6: precision:0.6 rejects" in capsys.readouterr().out
    files = [scan.out.with_name(f"{name}.jsonl") for name in ("unsafe", "ordinary")]
    for file in files:
        write_rows(file, [{"prompt": "h", "completion": f"eval({c * 2})"} for c in "abc"])
    command = UnsafeRetrain(
        scan.out,
        held_out_unsafe=files[0],
        held_out_ordinary=files[1],
        model=scan.model,
        threshold="precision:0.6",
        label_field="bad",
        random_arms=1,
        top_layers=2,
    )
    run_command(command, silent)
    oracle = [line for line in capsys.readouterr().out.splitlines() if line.startswith("oracle")]
    assert oracle and oracle[0].split()[1:3] == ["45", "15"]
    with pytest.raises(DataError, match="field 'nothing' is empty in every row"):
        run_command(
            UnsafeRetrain(**{**vars(command), "label_field": "nothing", "threshold": "top:3"}),
            silent,
        )
    with pytest.raises(DataError, match="row 1: label field 'prompt' must be true, false"):
        run_command(UnsafeFilter(scan.out, label_field="prompt"), silent)
