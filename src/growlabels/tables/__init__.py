"""One door for every table: files of any kind, folders, standard input, data frames.

:func:`open_table` gives the rows of a source in bounded memory, and :func:`writer_like` writes them
back in the same form.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
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
    "MalformedRow",
    "MultiLabelData",
    "Row",
    "RowSource",
    "SetAside",
    "Table",
    "check_ending",
    "open_table",
    "read_arff",
    "row_ids",
    "write_rows",
    "writer_like",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
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
        "write_rows": "write.plain",
        "writer_like": "write.like",
    },
    extra="tables",
)
