"""A label hierarchy as an outline: clusters as lines, their labels as boxes that wrap."""

import unicodedata
from collections.abc import Iterator
from html import escape

from growlabels.report._content import Plot, Table, TreeNode
from growlabels.report._format import format_value, plain

_WIDTH = 400.0  # narrow, so that the text is readable on a phone
_INDENT = 14.0
_LINE = 20.0
_BOX = 17.0
_LETTER = 5.6  # width of a letter at 9.5 units, on the safe side
_LONGEST = 30


def tree_plot(title: str, root: TreeNode, alt: str, caption: str = "") -> Plot:
    """Draw a hierarchy of labels.

    Inner nodes are lines, indented by depth; the leaves of a node are boxes below it, with a bar
    for the value where there is one. Several hundred leaves stay readable.

    Parameters
    ----------
    title, alt, caption
        As in :func:`line_plot`.
    root
        The whole tree.

    Examples
    --------
    >>> root = TreeNode("all", (TreeNode("a", value=3.0), TreeNode("b", value=1.0)))
    >>> tree_plot("Labels", root, "Two labels.").table.rows
    (('all', 'all', None, ''), ('all › a', 'a', 3.0, ''), ('all › b', 'b', 1.0, ''))
    """
    canvas = _Canvas(_largest(root))
    bottom = canvas.node(root, 0.0, 4.0)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:g} {bottom + 4:g}">'
        + "".join(canvas.parts)
        + "</svg>"
    )
    rows = tuple(_rows(root, ""))
    return Plot(title, svg, alt, Table(title, ("path", "name", "value", "note"), rows), caption)


class _Canvas:
    """Places nodes from top to bottom and collects the SVG elements."""

    def __init__(self, largest: float) -> None:
        self.parts: list[str] = []
        self._largest = largest

    def node(self, node: TreeNode, x: float, y: float) -> float:
        """Draw an inner node and all below it; return the y where the next thing may start."""
        self._heading(node, x, y)
        inside = x + _INDENT
        top = y + _LINE
        leaves = [child for child in node.children if not child.children]
        inner = [child for child in node.children if child.children]
        bottom = self._boxes(leaves, inside, top) if leaves else top
        elbows = [top + _BOX / 2] if leaves else []
        for child in inner:
            elbows.append(bottom + _LINE / 2)
            bottom = self.node(child, inside, bottom)
        self._connect(x + 5, y + _LINE - 3, elbows)
        return bottom

    def _heading(self, node: TreeNode, x: float, y: float) -> None:
        extra = [node.note] if node.note else []
        if node.value is not None:
            extra.insert(0, format_value(node.value))
        tail = f'  <tspan style="font-weight: 400; opacity: 0.75">{_text(", ".join(extra))}</tspan>'
        self.parts.append(
            f'<circle cx="{x + 5:g}" cy="{y + _LINE / 2:g}" r="3.5" '
            'style="fill: var(--series-1, #2f6fb3)"/>'
            f'<text x="{x + 14:g}" y="{y + _LINE / 2 + 3.6:g}" '
            'style="font-size: 10.5px; font-weight: 600; fill: currentColor">'
            f"{_text(_short(node.name, 60))}{tail if extra else ''}</text>"
        )

    def _boxes(self, leaves: list[TreeNode], x: float, y: float) -> float:
        left = x
        for leaf in leaves:
            text = _short(leaf.name, _LONGEST)
            width = 12 + _LETTER * _columns(text)
            if left + width > _WIDTH and left > x:
                left, y = x, y + _BOX + 4
            self._box(leaf, text, left, y, width)
            left += width + 4
        return y + _BOX + 6

    def _box(self, leaf: TreeNode, text: str, x: float, y: float, width: float) -> None:
        value = "" if leaf.value is None else f": {format_value(leaf.value)}"
        note = f" ({leaf.note})" if leaf.note else ""
        self.parts.append(
            f"<g><title>{_text(leaf.name + value + note)}</title>"
            f'<rect x="{x:g}" y="{y:g}" width="{width:.1f}" height="{_BOX:g}" rx="3" '
            'style="fill: none; stroke: var(--grid, #9aa3ad); stroke-width: 0.8"/>'
        )
        if leaf.value is not None and self._largest > 0:
            share = max(0.0, min(1.0, abs(leaf.value) / self._largest))
            self.parts.append(
                f'<rect x="{x + 1.5:g}" y="{y + _BOX - 2.8:g}" width="{(width - 3) * share:.1f}" '
                'height="2" style="fill: var(--series-1, #2f6fb3)"/>'
            )
        self.parts.append(
            f'<text x="{x + 6:g}" y="{y + 10.8:g}" style="font-size: 9.5px; fill: currentColor">'
            f"{_text(text)}</text></g>"
        )

    def _connect(self, x: float, top: float, elbows: list[float]) -> None:
        if not elbows:
            return
        path = f"M {x:g} {top:g} V {elbows[-1]:g} " + " ".join(
            f"M {x:g} {elbow:g} h {_INDENT - 7:g}" for elbow in elbows
        )
        self.parts.append(
            f'<path d="{path}" style="fill: none; stroke: var(--grid, #9aa3ad); stroke-width: 1"/>'
        )


def _rows(node: TreeNode, above: str) -> Iterator[tuple[str, str, float | None, str]]:
    path = f"{above} › {node.name}" if above else node.name
    yield path, node.name, node.value, node.note
    for child in node.children:
        yield from _rows(child, path)


def _largest(node: TreeNode) -> float:
    """Return the largest value of a leaf: what a full bar stands for."""
    if not node.children:
        return abs(node.value) if node.value is not None else 0.0
    return max(_largest(child) for child in node.children)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _short(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _text(text: str) -> str:
    return escape(plain(text))
