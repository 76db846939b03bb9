"""One ``<svg>`` element made safe to inline: nothing active, ids that cannot clash, alt text."""

import re
import xml.etree.ElementTree as ElementTree

from growlabels.base.errors import UsageError
from growlabels.report._format import plain

_SVG = "http://www.w3.org/2000/svg"
_REFUSED = {"script", "foreignObject", "image", "style", "iframe", "a", "animate", "set"}
_LOCAL_URL = re.compile(r"url\(\s*['\"]?#([^)'\"]+)['\"]?\s*\)")


def inline_svg(svg: str, prefix: str, title: str, alt: str) -> str:
    """Return an SVG that can stand in an HTML page beside others.

    Parameters
    ----------
    svg
        An XML document whose root is ``<svg>``.
    prefix
        Put before every id, so that several plots do not clash.
    title, alt
        Become ``<title>`` and ``<desc>``, the text alternative.

    Raises
    ------
    UsageError
        It is no SVG, or holds a script, an event handler or a link to the outside.
    """
    try:
        # Plots come from our own builders or from the caller; entities are refused by the check.
        root = ElementTree.fromstring(_without_prolog(svg))
    except ElementTree.ParseError as error:
        raise UsageError(f"plot {title!r} is not a well-formed SVG: {error}") from error
    if root.tag != f"{{{_SVG}}}svg":
        raise UsageError(f"plot {title!r} must be an <svg> element with the SVG namespace")
    for element in root.iter():
        _check(element, title)
        _rename(element, prefix)
    _describe(root, prefix, title, alt)
    return ElementTree.tostring(root, encoding="unicode")


def _without_prolog(svg: str) -> str:
    """Drop the XML declaration and the document type in front of the root."""
    start = svg.find("<svg")
    return svg[start:] if start >= 0 else svg


def _check(element: ElementTree.Element, title: str) -> None:
    name = str(element.tag).rpartition("}")[2]
    if name in _REFUSED:
        raise UsageError(f"plot {title!r} holds a <{name}> element; leave it out")
    for key, value in element.attrib.items():
        attribute = key.rpartition("}")[2]
        outside = attribute in ("href", "src") and not value.startswith("#")
        linked = "url(" in _LOCAL_URL.sub("", value)
        if outside or linked or attribute.lower().startswith("on"):
            raise UsageError(f"plot {title!r} has an active or outside {attribute!r}; leave it out")


def _rename(element: ElementTree.Element, prefix: str) -> None:
    """Prefix ids and references, and drop namespaces: in HTML, names stand without them."""
    element.tag = str(element.tag).rpartition("}")[2]
    attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    element.attrib.clear()
    for name, value in attributes.items():
        if name == "id":
            value = f"{prefix}-{value}"
        elif name == "href":
            value = f"#{prefix}-{value[1:]}"
        elif "url(" in value:
            value = _LOCAL_URL.sub(rf"url(#{prefix}-\1)", value)
        element.set(name, value)


def _describe(root: ElementTree.Element, prefix: str, title: str, alt: str) -> None:
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    root.set("xmlns", _SVG)
    root.set("role", "img")
    root.set("aria-labelledby", f"{prefix}-title {prefix}-desc")
    for position, (name, text) in enumerate((("title", title), ("desc", alt))):
        element = ElementTree.Element(name, {"id": f"{prefix}-{name}"})
        element.text = plain(text)
        root.insert(position, element)
