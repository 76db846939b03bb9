"""The entry of the command: how threads wait, and that a user's setting wins."""

import os
import re
import subprocess
import sys

import pytest

from growlabels.__main__ import THREAD_WAITING, let_waiting_threads_sleep

VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME", "KMP_LIBRARY")


@pytest.fixture(autouse=True)
def no_setting_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.setenv(name, "undone after the test")
        monkeypatch.delenv(name)


def test_waiting_threads_sleep_by_default() -> None:
    let_waiting_threads_sleep()
    assert {name: os.environ[name] for name in THREAD_WAITING} == THREAD_WAITING


@pytest.mark.parametrize("name", VARIABLES)
def test_a_setting_of_the_user_wins(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "active")
    let_waiting_threads_sleep()
    assert {n: os.environ[n] for n in VARIABLES if n in os.environ} == {name: "active"}


def test_the_pool_of_torch_reads_the_setting() -> None:
    code = (
        "from growlabels.__main__ import let_waiting_threads_sleep\n"
        "let_waiting_threads_sleep()\n"
        "import torch; torch.ones(9).sum()"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "OMP_DISPLAY_ENV": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    shown = re.findall(r"OMP_WAIT_POLICY\s*=\s*'(\w+)'", run.stderr)
    assert shown and set(shown) == {"PASSIVE"}
