"""Which reader fits what: rows of a fit, rows to predict, a saved model."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from growlabels.base.errors import UsageError
from growlabels.classes.inputs.frames import MixedReader, MixedRows, as_mixed
from growlabels.classes.inputs.moments import Moments
from growlabels.classes.inputs.pictures import PictureReader
from growlabels.classes.inputs.readers import (
    ArrayReader,
    ImageReader,
    TextReader,
)
from growlabels.classes.inputs.sequences import as_images, as_texts
from growlabels.classes.inputs.sparse import SparseReader

Reader = TextReader | ArrayReader | ImageReader | MixedReader | SparseReader | PictureReader


def readable(
    x: object, reader: Reader | None
) -> Sequence[str] | NDArray[np.float32] | MixedRows | None:
    """Return ``x`` as texts, images or a table with words, or None where it is none of these.

    ``reader`` is that of the fit, if there was one: it knows the columns of such a table.
    """
    if isinstance(x, str | bytes):
        raise UsageError("X must be a list of texts, it was a single one; give [text]")
    if isinstance(x, Set | Mapping) and not hasattr(x, "shape"):  # sparse arrays are told apart
        raise UsageError(
            f"X must be rows in order, it was a {type(x).__name__}; give a list or a data frame"
        )
    if hasattr(x, "collect") and not hasattr(x, "shape"):
        raise UsageError(
            f"X must be rows that are there, it was a {type(x).__name__}; give X.collect()"
        )
    if issparse(x):
        return None
    if isinstance(reader, MixedReader):
        return reader.table(x)
    texts = as_texts(x, isinstance(reader, TextReader))
    if texts is not None:
        return texts
    images = as_images(x)
    return as_mixed(x) if images is None else images


def reader_of(rows: Any, settings: Any) -> Reader:
    """Take the measure of the rows of a fit; ``settings`` are a classifier's."""
    of_text = settings.buckets, settings.longest_ngram, settings.analyzer
    if isinstance(rows, MixedRows):
        return MixedReader.of(rows, *of_text)
    if issparse(rows):
        return SparseReader.of(rows)
    if not isinstance(rows, np.ndarray):
        return TextReader(*of_text)
    return ArrayReader.of(rows) if rows.ndim == 2 else ImageReader.of(rows)


def reader_from_json(data: dict[str, Any]) -> Reader:
    """Read what ``to_json`` of a reader gave."""
    fields = {name: value for name, value in data.items() if name != "kind"}
    if data["kind"] == "text":
        return TextReader(**fields)
    if data["kind"] == "mixed":
        text, array = reader_from_json(data["text"]), reader_from_json(data["array"])
        assert isinstance(text, TextReader)
        assert isinstance(array, ArrayReader)
        return MixedReader(tuple(data["words"]), tuple(data["numbers"]), text, array)
    if data["kind"] == "sparse":
        return SparseReader(np.array(fields["largest"], float))
    if data["kind"] == "pictures":
        return PictureReader.from_json(data)
    moments = Moments.from_json(fields["moments"])
    if data["kind"] == "image":
        return ImageReader(tuple(fields["shape"]), moments)
    return ArrayReader(moments, np.array(fields["missing"], np.int64))
