"""--device and --dtype of every command that runs a model, and what the run folder says of them."""

import json
from pathlib import Path

import pytest
from reviewed_scan import ROWS, TARGETS
from tiny_causal import byte_tokenizer, raw_model

from growlabels.base.errors import RunError, UsageError
from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe import ScoreTable
from growlabels.unsafe.cli.commands import (
    COMMANDS,
    UnsafeCheck,
    UnsafeEvaluate,
    UnsafeScan,
    UnsafeTargets,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    raw_model("llama").save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    write_rows(tmp_path / "train.jsonl", ROWS)
    write_rows(tmp_path / "targets.jsonl", TARGETS)
    return tmp_path


def scan_of(folder: Path, **options: str) -> UnsafeScan:
    return UnsafeScan(
        folder / "train.jsonl",
        targets=folder / "targets.jsonl",
        model=str(folder / "model"),
        out=folder / "run",
        **options,  # type: ignore[arg-type]
    )


def scores(folder: Path) -> ScoreTable:
    return ScoreTable.from_parquet(folder / "run" / "scores.parquet")


def test_every_command_that_runs_a_model_has_both() -> None:
    for name in ("scan", "check", "retrain", "evaluate", "targets"):
        assert {"device", "dtype"} <= set(COMMANDS[name][0].__dataclass_fields__), name


def test_a_scan_in_another_format_is_another_scan(folder: Path) -> None:
    run_command(scan_of(folder, dtype="bfloat16"), silent)
    facts = scores(folder).facts
    assert (facts["device"], facts["dtype"]) == ("cpu", "bfloat16")
    manifest = json.loads((folder / "run" / "manifest.json").read_text())
    assert manifest["config"]["dtype"] == "bfloat16"
    with pytest.raises(RunError, match="dtype"):
        run_command(scan_of(folder), silent)


def test_an_unknown_device_is_refused_by_each_command(folder: Path) -> None:
    model, out = str(folder / "model"), folder / "out"
    prompts = folder / "targets.jsonl"
    for options in (
        scan_of(folder, device="nowhere"),
        UnsafeCheck(model, device="nowhere"),
        UnsafeTargets(prompts, folder / "found.jsonl", model=model, device="nowhere"),
        UnsafeEvaluate(model, out, harmful=prompts, device="nowhere"),
    ):
        with pytest.raises(UsageError, match="device must be one that torch can use here"):
            run_command(options, silent)


def test_the_cut_is_said_with_the_option_and_its_cost(folder: Path) -> None:
    write_rows(folder / "train.jsonl", [{"prompt": "q", "completion": "word " * 60}, *ROWS])
    run_command(scan_of(folder), silent)
    (cut,) = [warning for warning in scores(folder).warnings if "only a part" in warning]
    assert "--max-response-tokens 192 reads 4 times as much" in cut
    assert cut.endswith("takes up to 2.6 times as long.")
