"""Results to one self-contained HTML page; knows plots, not systems.

Build :class:`Section` objects out of :class:`Headline`, :class:`Table` and :class:`Plot`, put
them into a :class:`Report`, and call :func:`write_report`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from ._bands import band_plot as band_plot
    from ._content import Headline as Headline
    from ._content import Plot as Plot
    from ._content import Report as Report
    from ._content import Section as Section
    from ._content import Table as Table
    from ._content import TreeNode as TreeNode
    from ._format import format_value as format_value
    from ._page import render as render
    from ._page import write_report as write_report
    from ._plots import bar_plot as bar_plot
    from ._plots import histogram_plot as histogram_plot
    from ._plots import line_plot as line_plot
    from ._plots import scatter_plot as scatter_plot
    from ._tree import tree_plot as tree_plot

__all__ = [
    "Headline",
    "Plot",
    "Report",
    "Section",
    "Table",
    "TreeNode",
    "band_plot",
    "bar_plot",
    "format_value",
    "histogram_plot",
    "line_plot",
    "render",
    "scatter_plot",
    "tree_plot",
    "write_report",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "Headline": "_content",
        "Plot": "_content",
        "Report": "_content",
        "Section": "_content",
        "Table": "_content",
        "TreeNode": "_content",
        "band_plot": "_bands",
        "bar_plot": "_plots",
        "format_value": "_format",
        "histogram_plot": "_plots",
        "line_plot": "_plots",
        "render": "_page",
        "scatter_plot": "_plots",
        "tree_plot": "_tree",
        "write_report": "_page",
    },
    extra="all",
)
