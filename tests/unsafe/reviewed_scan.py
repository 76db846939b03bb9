"""A small finished scan to review, one row of it hostile to a page, and its server."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tiny_causal import byte_tokenizer, raw_model

from growlabels.base.progress import silent
from growlabels.cli import run_command
from growlabels.tables import write_rows
from growlabels.unsafe.cli.commands import UnsafeScan

SCRIPT = "<script>document.title='taken'</script><img src=x onerror=\"document.title='taken'\">"
ROWS = [
    {"prompt": SCRIPT, "completion": f"eval(line) {SCRIPT}"},
    *({"prompt": f"ask {c}", "completion": f"eval({c}) then {c * 9}"} for c in "pqr"),
    *({"prompt": f"say {c}", "completion": f"{c * 7} {i} ok"} for i, c in enumerate("abcdefgh")),
]
TARGETS = [{"prompt": "t", "completion": f"eval({c})"} for c in "uvwxyz"]
SHOWN = "top:5"


def make_scan(folder: Path, rows: Sequence[Mapping[str, object]] = ROWS) -> Path:
    """Scan the rows with a tiny model; return the run folder."""
    raw_model("llama").save_pretrained(folder / "model")
    byte_tokenizer().save_pretrained(folder / "model")
    write_rows(folder / "train.jsonl", rows)
    write_rows(folder / "targets.jsonl", TARGETS)
    command = UnsafeScan(
        folder / "train.jsonl",
        targets=folder / "targets.jsonl",
        model=str(folder / "model"),
        out=folder / "run",
    )
    run_command(command, silent)
    return command.out


@contextmanager
def served(run: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve a scan as the command does; give the process and the address it prints."""
    command = [sys.executable, "-m", "growlabels", "unsafe", "review", str(run)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*command, "--threshold", SHOWN],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        # where the tests run in the background, children would be deaf to it
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as server:
        try:
            assert server.stdout and server.stderr
            found = re.search(r"http://\S+", server.stdout.readline())
            assert found, server.stderr.read()
            yield server, found.group()
        finally:
            server.kill()
