"""Latency and rate of the stream service: clients that predict and learn at once.

Prints the percentiles of a predict request's seconds as its client sees them, the rows learned a
second beside them, and the rows a second of ``learn_many`` alone on the same rows.
"""

import argparse
import http.client
import json
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.stream import IHOMER

FEATURES, LABELS = 50, 10


def made(rows: int, seed: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    weights = np.random.default_rng(0).normal(size=(FEATURES, LABELS))
    X = rng.normal(size=(rows, FEATURES)).round(3)
    return X, X @ weights > 5


def client(port: int, seconds: float, seed: int, batch: int, found: Any) -> None:
    """Predict and learn in turn until the time is over."""
    X, Y = made(500, seed)
    names = [f"f{i}" for i in range(FEATURES)]
    rows = [
        {"x": dict(zip(names, x, strict=True)), "y": [str(i) for i in np.flatnonzero(y)]}
        for x, y in zip(X.tolist(), Y, strict=True)
    ]
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": "Bearer t"}
    waits, errors, learned, i, end = [], 0, 0, seed, time.monotonic() + seconds
    while time.monotonic() < end:
        i += 1
        row = rows[i % 500]
        begin = time.perf_counter()
        connection.request("POST", "/predict", json.dumps({"x": row["x"]}), headers)
        answer = connection.getresponse()
        labels = json.loads(answer.read()).get("labels")
        waits.append(time.perf_counter() - begin)
        errors += answer.status != 200 or not isinstance(labels, list)
        if i % 4 == 0:
            sent = [rows[(i + k) % 500] for k in range(batch)]
            connection.request("POST", "/learn", json.dumps(sent), headers)
            answer = connection.getresponse()
            errors += len(answer.read()) == 0 or answer.status not in (202, 503)
            learned += batch * (answer.status == 202)
        time.sleep(0.02)
    found.put((waits, errors, learned))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--batch", type=int, default=4)
    options = parser.parse_args()
    X, Y = made(4000, 99)
    model = IHOMER()
    model.learn_many(X[:1000], Y[:1000])
    begin = time.process_time()
    model.learn_many(X[1000:], Y[1000:])
    alone = 3000 / (time.process_time() - begin)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "growlabels", "stream", "serve", folder, "--new"]
        process = subprocess.Popen(
            [*command, "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GROWLABELS_TOKEN": "t"},
        )
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += process.stdout.readline()
        port = int(re.findall(r":(\d+)/\?token", said)[0])
        found: Any = multiprocessing.Queue()
        clients = [
            multiprocessing.Process(
                target=client, args=(port, options.seconds, i, options.batch, found)
            )
            for i in range(options.clients)
        ]
        for one in clients:
            one.start()
        answers = [found.get() for _ in clients]
        connection = http.client.HTTPConnection("127.0.0.1", port)
        connection.request("GET", "/model", headers={"Authorization": "Bearer t"})
        rows = json.loads(connection.getresponse().read())["rows"]
        spent = sum(map(int, Path(f"/proc/{process.pid}/stat").read_text().split()[13:15]))
        process.terminate()
        process.wait()
        size = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    waits = np.concatenate([np.array(one[0]) for one in answers]) * 1000
    p50, p99, most = np.percentile(waits, [50, 99, 100])
    print(
        f"{options.clients} clients, {options.seconds:.0f} s, {os.cpu_count()} cores shared by all"
    )
    print(f"predict: {waits.size:,} requests, {sum(one[1] for one in answers)} errors")
    print(f"milliseconds: median {p50:.1f}, 99th percentile {p99:.1f}, most {most:.1f}")
    print(f"rows accepted {sum(one[2] for one in answers):,}, learned meanwhile {rows:,}")
    print(f"rows learned a second: {rows / options.seconds:,.0f} beside predictions and clients;")
    print(f"learn_many alone on the same rows: {alone:,.0f} (processor time)")
    print(f"processor time of the service: {spent / os.sysconf('SC_CLK_TCK'):.1f} s")
    print(f"run folder: {size / 2**20:.1f} MB")


if __name__ == "__main__":
    main()
