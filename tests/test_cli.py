"""The command line: help, wrong use, missing extras."""

import subprocess
import sys
import textwrap

import pytest

import growlabels

BLOCKER = """
import sys
class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocker())
sys.argv[0] = "growlabels"
from growlabels.cli import main
main()
"""
EXTRAS = {
    "torch",
    "numba",
    "river",
    "scipy",
    "sklearn",
    "skorch",
    "transformers",
    "peft",
    "safetensors",
    "pyarrow",
    "babel",
    "bandit",
    "gguf",
    "pooch",
    "jaxtyping",
    "pandas",
}


def call(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "growlabels", *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=cwd,
    )


def call_base_install(*arguments: str, cwd=None) -> subprocess.CompletedProcess[str]:
    """Call the command line where no extra is installed."""
    code = textwrap.dedent(BLOCKER.format(blocked=EXTRAS))
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=cwd,
    )


def one_sentence(run: subprocess.CompletedProcess[str], code: int) -> str:
    assert run.returncode == code, run.stderr
    last = run.stderr.strip().splitlines()
    assert len(last) == 1 and last[0].startswith("growlabels: "), run.stderr
    return last[0]


def test_version() -> None:
    assert call("--version").stdout == f"growlabels {growlabels.__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["stream", "--help"],
        ["classes", "--help"],
        ["unsafe", "--help"],
        ["stream", "run", "--help"],
    ],
)
def test_help(arguments: list[str]) -> None:
    run = call_base_install(*arguments)
    assert run.returncode == 0, run.stderr
    assert "usage: growlabels" in run.stdout


def test_the_help_of_an_option_is_one_paragraph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = call("stream", "run", "--help").stdout.splitlines()
    shown = " ".join(word for line in lines for word in line.strip("│ ").split())
    assert (
        "or names. Quote a name that contains a comma with double quotes; meta.tags names" in shown
    )
    start = next(i for i, line in enumerate(lines) if "Label columns: N" in line)
    assert all(len(line.strip("│ ")) > 60 for line in lines[start : start + 3])  # filled


def test_unknown_command_is_wrong_use() -> None:
    assert call("strem").returncode == 2


@pytest.mark.parametrize(
    "arguments, extra",
    [
        (["stream", "run", "data.csv"], "stream"),
        (["classes", "fit", "data.csv", "--label", "y", "--out", "run"], "classes"),
        (["classes", "add", "run", "data.csv", "--out", "larger"], "classes"),
        (["classes", "evaluate", "run", "data.csv", "--out", "figures"], "classes"),
        (
            [
                "unsafe",
                "scan",
                "data.jsonl",
                "--targets",
                "t.jsonl",
                "--model",
                "m",
                "--out",
                "run",
            ],
            "unsafe",
        ),
        (["demo", "--quick"], ""),
    ],
)
def test_missing_extra_names_the_pip_command(tmp_path, arguments, extra: str) -> None:
    (tmp_path / "data.csv").write_text("a,y\n" + "1,0\n2,1\n" * 20)
    rows = '{"prompt": "p", "completion": "c"}\n'
    (tmp_path / "data.jsonl").write_text(rows)
    (tmp_path / "t.jsonl").write_text(rows)
    told = one_sentence(call_base_install(*arguments, cwd=tmp_path), 2)
    assert f'pip install "growlabels[{extra}' in told


def test_base_install_makes_a_codebook(tmp_path) -> None:
    run = call_base_install("classes", "basis", "--classes", "100", cwd=tmp_path)
    assert run.returncode == 0, run.stderr


def test_a_path_that_cannot_be_read_is_one_sentence(monkeypatch, capsys) -> None:
    from growlabels import cli
    from growlabels.demo import _run

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.csv")

    monkeypatch.setattr(_run, "run", refuse)
    with pytest.raises(SystemExit) as stop:
        cli.main(["demo"])
    assert stop.value.code == 1
    told = "growlabels: 'secret.csv': Permission denied; check the path and its permissions\n"
    assert capsys.readouterr().err == told


def test_interrupt_while_loading_is_one_sentence() -> None:
    code = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'tyro': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from growlabels.__main__ import main; main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=900)
    assert one_sentence(run, 130) == "growlabels: stopped before anything was started"


def test_a_reader_that_leaves_is_no_traceback() -> None:
    run = subprocess.Popen(
        [sys.executable, "-m", "growlabels", "unsafe", "scan", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert run.stdout is not None and run.stderr is not None
    run.stdout.close()
    assert run.stderr.read() == b""
    run.stderr.close()
    assert run.wait(900) == 1
