"""One door for every table: files of any kind, folders, standard input, data frames.

:func:`open_table` gives the rows of a source in bounded memory, and :func:`writer_like` writes them
back in the same form.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from .cells import LabelForm as LabelForm
    from .cells import find_label_form as find_label_form
    from .cells import number as number
    from .folders import fingerprint as fingerprint
    from .keys import ABSENT as ABSENT
    from .keys import flat as flat
    from .keys import value_at as value_at
    from .look.odd import warnings_of as warnings_of
    from .open import open_table as open_table
    from .read.arff_arrays import MultiLabelData as MultiLabelData
    from .read.arff_arrays import read_arff as read_arff
    from .rows import MalformedRow as MalformedRow
    from .rows import Row as Row
    from .rows import RowSource as RowSource
    from .rows import SetAside as SetAside
    from .rows import row_ids as row_ids
    from .table import Table as Table
    from .write.like import writer_like as writer_like
    from .write.plain import check_ending as check_ending
    from .write.plain import write_rows as write_rows

__all__ = [
    "ABSENT",
    "LabelForm",
    "MalformedRow",
    "MultiLabelData",
    "Row",
    "RowSource",
    "SetAside",
    "Table",
    "check_ending",
    "find_label_form",
    "fingerprint",
    "flat",
    "number",
    "open_table",
    "read_arff",
    "row_ids",
    "value_at",
    "warnings_of",
    "write_rows",
    "writer_like",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "number": "cells",
        "find_label_form": "cells",
        "fingerprint": "folders",
        "LabelForm": "cells",
        "value_at": "keys",
        "flat": "keys",
        "ABSENT": "keys",
        "MalformedRow": "rows",
        "MultiLabelData": "read.arff_arrays",
        "Row": "rows",
        "RowSource": "rows",
        "SetAside": "rows",
        "Table": "table",
        "check_ending": "write.plain",
        "open_table": "open",
        "read_arff": "read.arff_arrays",
        "row_ids": "rows",
        "warnings_of": "look.odd",
        "write_rows": "write.plain",
        "writer_like": "write.like",
    },
    extra="tables",
)
