"""From a folder of images to predictions in two commands."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from growlabels.base.errors import DataError, UsageError
from growlabels.base.progress import silent
from growlabels.classes.cli.commands import Add, Evaluate, Fit, Predict
from growlabels.cli import run_command
from growlabels.tables import open_table, write_rows


def picture(kind: str, seed: int) -> Image.Image:
    """Return a bright bar on noise: upright, level or along the diagonal."""
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 90, (16, 16))
    place = int(random.integers(3, 11))
    if kind == "level":
        pixels[place : place + 3] = 255
    elif kind == "upright":
        pixels[:, place : place + 3] = 255
    else:
        pixels[np.eye(16, dtype=bool)] = 255
    return Image.fromarray(pixels.astype(np.uint8))


def draw(folder: Path, kinds: list[str], count: int, start: int = 0) -> Path:
    for kind in kinds:
        (folder / kind).mkdir(parents=True)
        for i in range(count):
            picture(kind, start + i).save(folder / kind / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    draw(folder / "train", ["level", "upright"], 30)
    (folder / "train" / "level" / "broken.png").write_bytes(b"no image")
    (folder / "train" / "notes.txt").write_text("about")
    run_command(Fit(folder / "train", folder / "run", epochs=16, dim=16), silent)
    return folder


def test_what_is_read_and_left_out_is_said(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture("level", 0).save(trained / "train" / "top.png")
    run_command(Fit(trained / "train", tmp_path / "run", epochs=1, dim=16), silent)
    (trained / "train" / "top.png").unlink()
    said = capsys.readouterr()
    both = said.out + said.err
    assert "not read, since they are no images: 'notes.txt'" in both
    assert "1 rows have no label in the table, or are in no folder of a class" in both
    assert "1 image cannot be read and is left out; the first, 'level/broken.png': " in both
    assert "60 images of column 'path' are read, each scaled to 16 x 16 pixels, grey" in both
    assert json.loads((tmp_path / "run" / "scores.json").read_text())["rows"] > 0
    assert not (tmp_path / "run" / "training.pt").exists()


def test_predictions_of_a_folder(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = draw(tmp_path / "new", ["level", "upright"], 6, start=100)
    (new / "level" / "broken.png").write_bytes(b"no image")
    run_command(Predict(trained / "run", new, tmp_path / "found.csv"), silent)
    assert "accuracy by column 'label': 1.000" in capsys.readouterr().out
    rows = [row.data for row in open_table(tmp_path / "found.csv")]
    assert [row["path"] for row in rows if row["predicted"] is None] == ["level/broken.png"]
    assert len(rows) == 13 and rows[0]["predicted"] == "level"


def test_a_table_of_paths_is_read_as_images(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    draw(tmp_path / "files", ["level", "upright"], 30)
    rows = [
        {"file": f"files/{kind}/{i}.png", "kind": kind, "size": i}
        for kind in ("level", "upright")
        for i in range(30)
    ]
    write_rows(tmp_path / "t.csv", rows)
    run_command(Fit(tmp_path / "t.csv", tmp_path / "run", "kind", epochs=16, dim=16), silent)
    assert "60 images of column 'file' are read" in capsys.readouterr().out
    run_command(Predict(tmp_path / "run", tmp_path / "t.csv", tmp_path / "out.csv"), silent)
    assert "accuracy by column 'kind': 1.000" in capsys.readouterr().out
    run_command(Fit(tmp_path / "t.csv", tmp_path / "text", "kind", text="file", epochs=1), silent)
    assert "--image file reads the images" in capsys.readouterr().out


def test_images_in_bytes_as_datasets_hold_them(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = sorted((trained / "train").glob("*/[0-9]*.png"))
    rows = [
        {"image": {"bytes": file.read_bytes(), "path": None}, "kind": file.parent.name}
        for file in files
    ]
    write_rows(tmp_path / "t.parquet", rows)
    run_command(Fit(tmp_path / "t.parquet", tmp_path / "run", "kind", epochs=16, dim=16), silent)
    assert "60 images of column 'image' are read" in capsys.readouterr().out
    out = tmp_path / "out.parquet"
    run_command(Predict(tmp_path / "run", tmp_path / "t.parquet", out), silent)
    found = [row.data for row in open_table(out)]
    assert found[0]["image"]["bytes"] == rows[0]["image"]["bytes"]
    assert np.mean([row["predicted"] == row["kind"] for row in found]) > 0.9


def test_a_class_is_added_and_the_model_is_scored(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    new = draw(tmp_path / "new", ["along"], 20)
    old = (trained / "train",)
    run_command(Add(trained / "run", new, tmp_path / "more", old=old), silent)
    both = draw(tmp_path / "both", ["along", "level", "upright"], 6, start=100)
    capsys.readouterr()
    run_command(Evaluate(tmp_path / "more", both, tmp_path / "scored"), silent)
    assert "18 rows scored: accuracy" in capsys.readouterr().out
    scores = json.loads((tmp_path / "scored" / "scores.json").read_text())
    assert scores["accuracy"] > scores["majority"]


def test_wrong_use(tmp_path: Path) -> None:
    (tmp_path / "a" / "x").mkdir(parents=True)
    (tmp_path / "a" / "x" / "1.png").write_bytes(b"no image")
    with pytest.raises(UsageError, match="are in no folders of classes"):
        run_command(Fit(tmp_path / "a" / "x", tmp_path / "run"), silent)
    with pytest.raises(DataError, match="no image can be read"):
        run_command(Fit(tmp_path / "a", tmp_path / "run"), silent)
    write_rows(tmp_path / "t.csv", [{"x": 1}])
    with pytest.raises(UsageError, match="--label must name the column"):
        run_command(Fit(tmp_path / "t.csv", tmp_path / "run"), silent)


def test_a_file_of_arrays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kinds = ["level", "upright"] * 30
    images = np.stack([np.asarray(picture(kind, i)) for i, kind in enumerate(kinds)])
    np.savez(tmp_path / "t.npz", images=images, kind=np.array(kinds))
    run_command(Fit(tmp_path / "t.npz", tmp_path / "run", epochs=16, dim=16), silent)
    said = capsys.readouterr().out
    assert "They were 16 x 16 L (60)" in said and "2 classes with 30 images" in said
    np.save(tmp_path / "new.npy", images[:4])
    run_command(Predict(tmp_path / "run", tmp_path / "new.npy", tmp_path / "out.csv"), silent)
    rows = [row.data for row in open_table(tmp_path / "out.csv")]
    assert [row["row"] for row in rows] == ["0", "1", "2", "3"] and "predicted" in rows[0]


def test_a_trunk_that_a_model_folder_gives(trained: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], image_size=24
    )
    transformers.ResNetModel(config).save_pretrained(tmp_path / "trunk")
    options = {"trunk": str(tmp_path / "trunk"), "image_size": 24, "epochs": 1, "dim": 16}
    run_command(Fit(trained / "train", tmp_path / "run", **options), silent)
    run_command(Predict(tmp_path / "run", trained / "train", tmp_path / "out.csv"), silent)
    assert (tmp_path / "out.csv").read_text().count("\n") == 62


def test_splits_are_no_classes(tmp_path: Path) -> None:
    draw(tmp_path / "all" / "train", ["level"], 1)
    draw(tmp_path / "all" / "test", ["level"], 1)
    with pytest.raises(UsageError, match="holds splits"):
        run_command(Fit(tmp_path / "all", tmp_path / "run"), silent)
