"""Tables whose rows are images: a folder of images, or a column of paths or of files."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from growlabels.base.errors import DataError
from growlabels.base.progress import Progress
from growlabels.classes.cli.table import DataTable, by_column
from growlabels.classes.images.arrays import ROW, is_array_file, read_arrays
from growlabels.classes.images.folder import (
    LABEL,
    PATH,
    fingerprint_of_images,
    is_image_folder,
    is_image_name,
    read_folder,
)
from growlabels.classes.images.pixels import PixelForm, find_form, kind_of_image, read_pixels
from growlabels.tables import Table, fingerprint, open_table

_LOOKED_AT, _NAMED = 100, 3


class ImageColumn(NamedTuple):
    """A column of images, and the form they are brought into.

    Attributes
    ----------
    name
        Name of the column.
    form
        Size and channels.
    """

    name: str
    form: PixelForm

    def to_json(self) -> dict[str, Any]:
        return {"column": self.name, "size": self.form.size, "mode": self.form.mode}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> "ImageColumn | None":
        """Return what :meth:`to_json` gave; None for None."""
        return data and cls(data["column"], PixelForm(data["size"], data["mode"]))  # type: ignore[return-value]


def open_source(path: Path, encoding: str) -> Table:
    """Open a table, or a folder of images as rows with a ``path`` and, if there is one, a label."""
    if is_array_file(path):
        return _array_rows(path)
    if not is_image_folder(path):
        return open_table(path, encoding=encoding)
    found = read_folder(path)
    if sentence := found.other_files_sentence():
        print(sentence, file=sys.stderr)
    if all(row[LABEL] is None for row in found.rows):
        return open_table([{PATH: row[PATH]} for row in found.rows])
    return open_table(found.rows)


def _array_rows(path: Path) -> Table:
    """Return a file of arrays as rows with the place of the image and, if there is one, a label."""
    images, name, labels, others = read_arrays(path)
    if others:
        print(f"arrays of {path.name} that are not read: {', '.join(others)}", file=sys.stderr)
    if name is None:
        return open_table([{ROW: place} for place in range(len(images))])
    return open_table([{ROW: place, name: label} for place, label in enumerate(labels)])


def cells_of(table: DataTable, source: Path, column: str) -> Sequence[Any]:
    """Return the images of a table: the cells of a column or, of a file of arrays, the arrays."""
    cells = table.column(column)
    if not is_array_file(source):
        return cells
    images = read_arrays(source)[0]
    return [images[place] for place in cells]


def read_source(path: Path, encoding: str) -> DataTable:
    """Read all rows of :func:`open_source`; images in no folder of a class have no label."""
    source = open_source(path, encoding)
    table = by_column(source, source)
    return replace(table, name=str(path), class_labels=table.class_labels | _unlabelled(path))


def _unlabelled(path: Path) -> frozenset[str]:
    return frozenset([LABEL]) if is_image_folder(path) else frozenset()


def hash_of(path: Path) -> str:
    """Return a hash of a table, or of all images of a folder."""
    return fingerprint_of_images(path) if is_image_folder(path) else fingerprint(path)


def holds_images(values: Sequence[Any]) -> bool:
    """Return whether the first values of a column are paths of images, or images in bytes."""
    seen = [value for value in values[:_LOOKED_AT] if value is not None]
    return bool(seen) and all(is_image_name(value) or _is_image(value) for value in seen)


def _is_image(value: object) -> bool:
    return isinstance(value, Mapping) and set(value) == {"bytes", "path"}


def find_image_column(table: DataTable, source: Path, name: str, size: int | None) -> ImageColumn:
    """Choose the form of the images of a column."""
    return ImageColumn(name, find_form(cells_of(table, source, name), base_of(source), size))


def base_of(source: Path) -> Path:
    """Return where relative paths of images begin: a folder itself, or the folder of a table."""
    if str(source) == "-":
        return Path()
    return source if source.is_dir() else source.parent


def with_pixels(
    table: DataTable, source: Path, images: ImageColumn | None, progress: Progress
) -> DataTable:
    """Return the rows whose image can be read, with the images as arrays; say which cannot.

    Without a column of images the table is returned as it is.
    """
    if images is None:
        return table
    cells = cells_of(table, source, images.name)
    found = read_pixels(cells, base_of(source), images.form, progress)
    good = [place for place, pixels in enumerate(found) if isinstance(pixels, np.ndarray)]
    if broken := [place for place, pixels in enumerate(found) if isinstance(pixels, str)]:
        first = broken[0]
        cell = table.column(images.name)[first]
        where = repr(cell) if isinstance(cell, str) else f"row {table.numbers[first]}"
        said = f"the first, {where}: {found[first]}"
        if not good:
            raise DataError(f"no image of {table.name} can be read ({said}); check the paths")
        count = f"{len(broken):,} image{'s' * (len(broken) > 1)}"
        verb = "are" if len(broken) > 1 else "is"
        print(f"{count} cannot be read and {verb} left out; {said}", file=sys.stderr)
    return replace(table, columns=table.columns | {images.name: found}).at(good)


def stacked(table: DataTable, images: ImageColumn) -> np.ndarray:
    """Return the images of a table of :func:`with_pixels`, ``(rows, channels, size, size)``."""
    return np.stack(table.column(images.name))


def image_sentence(images: ImageColumn, table: DataTable, source: Path) -> str:
    """Say how many images of which sizes and modes there are, and how they are read."""
    found = Counter(map(_look(base_of(source)), cells_of(table, source, images.name)))
    common = ", ".join(f"{what} ({count:,})" for what, count in found.most_common(_NAMED))
    rest = f" and {len(found) - _NAMED:,} other kinds" if len(found) > _NAMED else ""
    return (
        f"{len(table):,} images of column {images.name!r} are read, each scaled to "
        f"{images.form.words}; the aspect ratio is not kept. They were {common}{rest}"
    )


def _look(folder: Path) -> Callable[[Any], str]:
    """Return what says size and mode of an image without decoding it."""

    def look(cell: Any) -> str:
        shape, mode = kind_of_image(cell, folder)
        return f"{shape[0]} x {shape[1]} {mode}"

    return look


def class_sentence(labels: Sequence[Any]) -> str:
    """Say how many images the classes have.

    >>> class_sentence(["a", "a", "b"])
    '2 classes with 1 to 2 images; 1 of them has one image only'
    """
    counts = Counter(labels).values()
    ones = sum(count == 1 for count in counts)
    few = f"; {ones:,} of them {'has' if ones == 1 else 'have'} one image only" if ones else ""
    span = (
        f"{min(counts):,} to {max(counts):,}" if min(counts) < max(counts) else f"{min(counts):,}"
    )
    return f"{len(counts):,} classes with {span} images{few}"


def path_warning(name: str) -> str:
    """Warn of paths of images that are read as text."""
    return (
        f"column {name!r} holds paths of images and is read as text: the model learns the names "
        f"of folders and files. --image {name} reads the images"
    )
