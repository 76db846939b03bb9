"""The header of an ARFF file: relation, attributes, and which of them are labels."""

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from growlabels.base.errors import DataError, UsageError

_ATTRIBUTE = re.compile(
    r"""@attribute\s+(?:'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)"|(?P<bare>\S+))"""
    r"""\s*(?P<kind>.*)$""",
    re.IGNORECASE,
)
_CELL = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^,'"]*?))\s*(?:,|$)""")
_BEFORE_COMMENT = re.compile(
    r"""(?:[^'"%]|(?<!\s)%|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*(?<=\s)(?=%)"""
)
_NUMERIC = re.compile(r"(numeric|real|integer)\b", re.IGNORECASE)  # a range may follow, as in Weka
TRUE_WORDS = ("1", "1.0", "true", "yes")
FALSE_WORDS = ("0", "0.0", "false", "no")


@dataclass(frozen=True)
class Attribute:
    """One attribute; ``values`` are the declared ones of a nominal attribute, else None.

    ``other`` is the type of one that can only be dropped, such as a string or a date.
    """

    name: str
    values: tuple[str, ...] | None
    line: int
    other: str = ""

    def check(self, source: str) -> None:
        """Raise where the attribute has a type that gives no number."""
        if self.other:
            raise DataError(
                f"{source} line {self.line}: attribute {self.name!r} has the type "
                f"{self.other[:40]!r}, which is not supported; drop it, or use numeric or "
                "{value, ...} attributes"
            )

    def codes(self, sparse: bool) -> dict[str, float]:
        """Return value -> number: numbers stand for themselves, others for their place.

        A sparse file leaves out the first declared value, so it must be 0 there.
        """
        values = self.values or ()
        try:
            numbers = [float(value) for value in values]
        except ValueError:
            numbers = None
        if numbers is None or (sparse and numbers and numbers[0] != 0):
            return {value: float(i) for i, value in enumerate(values)}
        return dict(zip(values, numbers, strict=True))

    def truths(self, source: str) -> dict[str, bool]:
        """Return value -> presence of a label attribute that is nominal."""
        found = {value: truth(value) for value in self.values or ()}
        unknown = [value for value, present in found.items() if present is None]
        if unknown:
            raise DataError(
                f"{source} line {self.line}: label {self.name!r} has the value {unknown[0]!r}; "
                "labels must be 0/1, false/true or no/yes: check which attributes are labels"
            )
        return {value: bool(present) for value, present in found.items()}


def truth(value: str) -> bool | None:
    """Return whether a label value means present; None where it means neither."""
    word = value.strip().lower()
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def parse_attribute(text: str, source: str, line: int) -> Attribute:
    """Parse one ``@attribute`` line; an unsupported type is a ``DataError``."""
    match = _ATTRIBUTE.match(without_comment(text))
    if not match:
        raise DataError(f"{source} line {line}: not an attribute declaration: {text[:60]!r}")
    quoted = match["single"] if match["single"] is not None else match["double"]
    name = match["bare"] if quoted is None else unescape(quoted)
    kind = match["kind"].strip()
    if kind.startswith("{") and kind.endswith("}"):
        try:
            return Attribute(name, tuple(split_cells(kind[1:-1])), line)
        except ValueError as error:
            raise DataError(f"{source} line {line}: attribute {name!r}: {error}") from error
    if _NUMERIC.match(kind):
        return Attribute(name, None, line)
    if kind:
        return Attribute(name, None, line, kind)
    raise DataError(f"{source} line {line}: attribute {name!r} has no type; declare it numeric")


def without_comment(text: str) -> str:
    """Cut off what follows a percent sign after a blank, outside quotes.

    >>> without_comment("1, 'a % b', 9%x % c"), without_comment("it's 5 % more")
    ("1, 'a % b', 9%x", "it's 5 % more")
    """
    before = _BEFORE_COMMENT.match(text) if "%" in text else None
    return text if before is None else before.group().rstrip()


def split_cells(text: str) -> list[str]:
    """Split at commas outside quotes, without the quotes and the blanks around.

    >>> split_cells("1, 'a, b' ,c")
    ['1', 'a, b', 'c']
    """
    if "'" not in text and '"' not in text:
        return [cell.strip() for cell in text.split(",")]
    cells, place = [], 0
    while place <= len(text):
        match = _CELL.match(text, place)
        if not match:
            raise ValueError(f"unbalanced quotes near {text[place : place + 20]!r}")
        single, double, bare = match.groups()
        quoted = single if single is not None else double
        cells.append(bare if quoted is None else unescape(quoted))
        if match.end() == len(text) and not match.group().endswith(","):
            break
        place = match.end()
    return cells


def unescape(text: str) -> str:
    """Undo backslash escapes inside quotes."""
    return re.sub(r"\\(.)", r"\1", text)


def choose_labels(
    relation: str,
    attributes: Sequence[Attribute],
    labels: int | str | Path | Sequence[str] | Callable[[str], bool] | None,
    path: Path,
    published: Callable[[Path], int | None] | None = None,
) -> list[int]:
    """Return the columns that are labels, in the order of the file."""
    wrong = DataError if labels is None else UsageError  # the file's own word, or the caller's
    if labels is None:
        beside = path.with_name(re.sub(r"\.arff(\.gz)?$", "", path.name) + ".xml")
        labels = beside if beside.is_file() else _said_count(relation, path, published)
    if isinstance(labels, bool) or (isinstance(labels, int) and labels == 0):
        raise wrong(
            f"{path.name}: labels must be a count other than 0, it was {labels!r}; name them"
        )
    if isinstance(labels, int):
        if abs(labels) >= len(attributes):
            raise wrong(
                f"{path.name} has {len(attributes)} attributes, so it cannot have {abs(labels)} "
                "labels and a feature; check the label count"
            )
        every = range(len(attributes))
        return list(every[:labels] if labels > 0 else every[labels:])
    if callable(labels):
        names = [attribute.name for attribute in attributes if labels(attribute.name)]
    else:
        names = _names_in_xml(Path(labels)) if isinstance(labels, str | Path) else list(labels)
    places = {attribute.name: i for i, attribute in enumerate(attributes)}
    missing = [name for name in names if name not in places]
    if len(places) == len(set(names)) and not missing:
        raise wrong(f"{path.name} has labels only; it needs at least one feature")
    if missing or not names:
        none = "has no attribute that fits" if callable(labels) else "was given no label name"
        what = f"has no attribute {missing[0][:40]!r}" if missing else none
        raise wrong(f"{path.name} {what}; check the label names")
    return sorted({places[name] for name in names})


def _said_count(relation: str, path: Path, published: Callable[[Path], int | None] | None) -> int:
    count = count_in_relation(relation)
    if count is None and published is not None:
        count = published(path)
    if count is None:
        raise UsageError(
            f"{path.name} does not say which attributes are labels; pass labels=n (n > 0: the "
            "first n, n < 0: the last -n), label names, or the path of its XML file"
        )
    return count


def count_in_relation(relation: str) -> int | None:
    """Return MEKA's count of labels in the name of a relation; None where there is none.

    MEKA's options stand after the first colon. A ``-C`` before it is one of a filter of Weka.
    A filter that reordered the columns later made the count wrong.

    >>> count_in_relation("'Toy: -C 3'"), count_in_relation("'toy-Eval -B SMO -- -C 1.0'")
    (3, None)
    """
    options = relation.partition(":")[2]
    match = re.search(r"(?<!\S)-C\s+(-?\d{1,9})(?![\w.])", options)
    return int(match[1]) if match and "Reorder" not in options[match.end() :] else None


def _names_in_xml(path: Path) -> list[str]:
    if not path.is_file():
        raise UsageError.missing_file(path, "label file")
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise DataError(f"{path.name} is not well-formed XML: {error}; check the file") from error
    return [e.get("name", "") for e in root.iter() if e.tag.rpartition("}")[2] == "label"]
