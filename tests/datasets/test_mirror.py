"""Published files: found, checked, absent, downloaded from a server on this machine."""

import functools
import gzip
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from growlabels.base.errors import DataError, UsageError
from growlabels.datasets import _mirror as mirror
from growlabels.datasets import (
    download,
    load_multilabel,
    locate,
    published_names,
)

CONTENT = b"@relation 'toy: -C -1'\n@attribute a numeric\n@attribute l {0,1}\n@data\n1,1\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Serve a folder on a free local port."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as http_server:
        thread = threading.Thread(target=http_server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{http_server.server_port}", folder
        http_server.shutdown()
        thread.join()


@pytest.fixture
def toy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: tuple[str, Path]
) -> mirror.PublishedFile:
    """Register one small file and nothing else; mirror unset, cache empty."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    entry = mirror.PublishedFile(
        "toy", "multilabel/toy.arff.gz", digest, "none", f"{server[0]}/toy.arff", -1
    )
    monkeypatch.setattr(mirror, "registry", lambda: {"toy": entry})
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GROWLABELS_DATA", raising=False)
    return entry


def mirrored(folder: Path, content: bytes) -> Path:
    path = folder / "multilabel" / "toy.arff.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content))
    return path


def test_absent_names_both_ways_out(toy: mirror.PublishedFile) -> None:
    with pytest.raises(UsageError) as caught:
        locate("toy")
    assert "download('toy')" in str(caught.value)
    assert "set GROWLABELS_DATA to a folder that holds multilabel/toy.arff.gz" in str(caught.value)


def test_a_loader_says_how_to_get_what_is_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROWLABELS_CACHE", str(tmp_path))
    monkeypatch.delenv("GROWLABELS_DATA", raising=False)
    with pytest.raises(UsageError, match=r"^data set '\w+' is not on this machine .*download\("):
        load_multilabel("Flags")


def test_mirror_is_used_and_checked(
    toy: mirror.PublishedFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROWLABELS_DATA", str(tmp_path / "mirror"))
    path = mirrored(tmp_path / "mirror", CONTENT)
    assert locate("toy") == path and mirror.read_published("toy") == CONTENT
    assert mirror.published_as(path) == toy
    path.write_bytes(gzip.compress(CONTENT + b"2,0\n"))
    with pytest.raises(DataError, match="is not the published file"):
        locate("toy")
    path.write_bytes(gzip.compress(CONTENT)[:-9])
    with pytest.raises(DataError, match="cut off or damaged"):
        locate("toy")
    path.unlink()
    with pytest.raises(UsageError, match="which lacks it"):
        locate("toy")


def test_download_only_when_asked_then_kept(
    toy: mirror.PublishedFile, server: tuple[str, Path]
) -> None:
    pytest.importorskip("pooch")
    (server[1] / "toy.arff").write_bytes(CONTENT)
    with pytest.raises(UsageError):
        locate("toy")
    path = download("toy")
    assert path.read_bytes() == CONTENT and locate("toy") == path
    (server[1] / "toy.arff").unlink()
    assert download("toy") == path


def test_download_of_something_else_or_nothing(
    toy: mirror.PublishedFile, server: tuple[str, Path], tmp_path: Path
) -> None:
    pytest.importorskip("pooch")
    with pytest.raises(DataError, match="could not be downloaded from http"):
        download("toy")
    (server[1] / "toy.arff").write_bytes(b"something else")
    with pytest.raises(DataError, match="could not be downloaded from http"):
        download("toy")
    assert not list((tmp_path / "cache").rglob("toy*"))


def test_every_entry_is_whole() -> None:
    for name in published_names():
        entry = mirror.published(name)
        assert len(entry.sha256) == 64 and "/" in entry.file and entry.licence
        assert entry.url is None or entry.url.startswith("https://raw.githubusercontent.com/")


def test_unknown_names() -> None:
    with pytest.raises(UsageError, match="data set must be one of"):
        locate("nothing")
    with pytest.raises(UsageError, match="multi-label set must be one of 'Bibtex'"):
        load_multilabel("clinc150")


@pytest.mark.skipif("GROWLABELS_DATA" not in os.environ, reason="GROWLABELS_DATA names no mirror")
def test_the_mirror_of_this_machine_holds_what_was_published() -> None:
    present = [
        n
        for n in published_names()
        if (Path(os.environ["GROWLABELS_DATA"]) / mirror.published(n).file).is_file()
    ]
    assert present
    for name in present:
        locate(name)
