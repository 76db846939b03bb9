"""The options of the commands ``growlabels classes``."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import tyro


@dataclass(frozen=True)
class Basis:
    """Make fixed class vectors, print what is proved of them and the bounds, and save them."""

    classes: int
    """Largest number of classes expected; room for more costs nothing."""
    dim: int | None = None
    """Dimension of the vectors; chosen from the number of classes if not given."""
    kind: str | None = None
    """Ask for one construction by name (needs --dim) instead of the first that fits."""
    criterion: Literal["absolute", "signed"] | None = None
    """Which cosine must be small where no construction decides it."""
    steps: int = 250
    """Iterations of a numerical search; structured vectors need none."""
    seed: int = 0
    """Start of a numerical search."""
    out: Path | None = None
    """File to save the codebook in; Codebook.load reads it."""
    vectors: Path | None = None
    """Also write the vectors of all classes as a dense .npy array (classes, dim)."""
    report: Path | None = None
    """Also write a page (.html) with the bounds and the histogram of the cosines."""


@dataclass(frozen=True)
class Fit:
    """Train a classifier with fixed class vectors on rows or images, and report how good it is."""

    table: tyro.conf.Positional[Path]
    """Table with one row per example, of any kind that `growlabels look` reads; or a folder of
    images with a folder for each class."""
    out: Path
    """Folder for the model, the figures and the report."""
    label: str | None = None
    """Column that holds the class; not needed for a folder of images."""
    text: str | None = None
    """Column of text to classify; without it, the numeric columns are used."""
    analyzer: Literal["char", "word", "both"] = "char"
    """Of a text: n-grams of characters, of words (one or two), or both."""
    image: str | None = None
    """Column of images to classify: paths, relative to the table, or files in bytes."""
    image_size: int | None = None
    """Pixels of each side that images are scaled to; if not given, what the trunk was made for, or
    the median side, from 16 to 64."""
    augmentation: float = 0.1
    """How strongly images are turned, scaled, sheared and shifted at random in training; 0: not."""
    columns: tuple[str, ...] = ()
    """Columns of numbers, or of vectors, to use; all of them if not given."""
    words: tuple[str, ...] = ()
    """Columns of words to use too, as hashed n-grams that differ from column to column."""
    held_out: float = 0.2
    """Share of rows kept back, class by class: half to calibrate on, half for the report."""
    false_rejection: float = 0.05
    """Share of rows of known classes that ``predict --reject`` may reject."""
    capacity: int | None = None
    """Largest number of classes expected later; there is ample room by default."""
    dim: int | None = None
    """Dimension of the class vectors; chosen from the number of classes if not given."""
    margin: float | None = None
    """Angular margin in radians; if not given 0.2, and 0 for images or above 256 classes."""
    label_smoothing: float | None = None
    """Share of each target that is spread over all classes; if not given 0.1, and 0 for images or
    above 256 classes."""
    epochs: int | None = None
    """Passes over the rows; enough for 400 steps and 5 or more, for images 600 and 8, if not
    given."""
    lr: float | None = None
    """Peak learning rate below the output layer; 4e-3, for images 2e-3, and 1e-4 for a trunk of
    your own, if not given."""
    patience: int | None = None
    """Stop after this number of epochs without a lower loss on a tenth of the training rows."""
    trunk: str = "small"
    """Network for images: small, the folder of a vision model of transformers, or timm:NAME."""
    device: str | None = None
    """Where to train; for images cuda where torch finds it, and else cpu, if not given."""
    encoding: str = "utf-8"
    """Encoding of a file of text, as Python names it."""
    seed: int = 0
    """Decides every random choice."""
    resumes: ClassVar[bool] = True


@dataclass(frozen=True)
class Add:
    """Add the classes of a table to a fitted model, and report what that did to the old ones."""

    run_folder: tyro.conf.Positional[Path]
    """The folder that ``classes fit`` or ``classes add`` wrote; it stays as it is."""
    table: tyro.conf.Positional[Path]
    """Table with rows of the new classes, in the columns of the fit; or a folder of images."""
    out: Path
    """Folder for the larger model, the figures and the report."""
    label: str | None = None
    """Column that holds the class; that of the fit if not given."""
    old: tuple[Path, ...] = ()
    """Tables that the model was fitted on: some of their rows are learned again, and the rows
    that were held out then tell what became of the old classes."""
    replay: int | None = None
    """Rows of each old class to learn again, from the tables of --old; as many as a new class
    has on average, and at least 10, if not given."""
    held_out: float = 0.2
    """Share of the new rows kept back for the report, class by class."""
    epochs: int | None = None
    """Passes over the rows; what the model was made with if not given."""
    lr: float | None = None
    """Learning rate below the output layer; what the model was made with if not given."""
    false_rejection: float = 0.05
    """Share of rows of known classes that `predict --reject` may reject; fitted, with the
    temperature, on half of the held-out rows of old and new classes, which takes --old."""
    encoding: str = "utf-8"
    """Encoding of a file of text, as Python names it."""
    seed: int = 0
    """Decides every random choice."""


@dataclass(frozen=True)
class Predict:
    """Predict the classes of a table's rows with a model of ``classes fit`` or ``classes add``."""

    run_folder: tyro.conf.Positional[Path]
    """The folder that ``classes fit`` or ``classes add`` wrote."""
    table: tyro.conf.Positional[Path]
    """Table with the columns the model was trained on, or a folder of images."""
    out: Path | None = None
    """File or folder for the rows with their predictions, in the form of the table or, by its
    ending, in another; standard output as JSON lines if not given."""
    topk: int = 1
    """How many classes per row, most likely first."""
    reject: bool = False
    """Say of each row whether it looks like none of the classes, and how much like one."""
    encoding: str = "utf-8"
    """Encoding of a file of text, as Python names it."""


@dataclass(frozen=True)
class Evaluate:
    """Score a fitted model on a labelled table: accuracy, calibration, confusions."""

    run_folder: tyro.conf.Positional[Path]
    """The folder that ``classes fit`` or ``classes add`` wrote."""
    table: tyro.conf.Positional[Path]
    """Table with the columns of the fit, and the right classes; or a folder of images."""
    out: Path
    """Folder for the figures and the report."""
    label: str | None = None
    """Column that holds the right class; that of the fit if not given."""
    skip_unknown: bool = False
    """Leave out rows of classes that the model does not know, instead of stopping."""
    encoding: str = "utf-8"
    """Encoding of a file of text, as Python names it."""


COMMANDS: Mapping[str, tuple[type, str]] = {
    "basis": (Basis, "growlabels.classes.cli.basis"),
    "fit": (Fit, "growlabels.classes.cli.fit"),
    "add": (Add, "growlabels.classes.cli.add"),
    "predict": (Predict, "growlabels.classes.cli.predict"),
    "evaluate": (Evaluate, "growlabels.classes.cli.evaluate"),
}
"""Name of the command -> its options and the module whose ``run`` carries it out."""
