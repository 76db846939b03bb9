"""What format a file has: by its first bytes, its ending, and its first lines."""

import json
import re

from growlabels.base.errors import DataError, UsageError
from growlabels.tables.packing import MAGIC
from growlabels.tables.read.xmc_rows import is_xmc

ENDINGS: dict[str, str] = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".psv": "csv",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "json",
    ".parquet": "parquet", ".pq": "parquet",
    ".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow",
    ".arff": "arff",
    ".xmc": "xmc", ".svm": "xmc", ".libsvm": "xmc", ".svmlight": "xmc",
    ".txt": "", ".data": "", ".dat": "",
}  # fmt: skip
"""Ending -> format; empty: told by the first lines."""
TEXT_ENDINGS = (".txt", ".data", ".dat")
FORMATS = ("csv", "jsonl", "json", "parquet", "arrow", "xmc", "arff")
USUAL = {name: f".{name}" for name in FORMATS} | {"rows": ".jsonl"}
_OTHERS = {
    ".xlsx": "save the sheet as CSV",
    ".xls": "save the sheet as CSV",
    ".ods": "save the sheet as CSV",
    ".zip": "unzip it",
    ".tar": "unpack it",
    ".pkl": "a pickle can run code and is not read; write Parquet or CSV",
    ".pickle": "a pickle can run code and is not read; write Parquet or CSV",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARFF = re.compile(r"(?:\s*%[^\n]*\n|\s)*@relation\b", re.IGNORECASE)


def split_ending(name: str) -> tuple[str, str]:
    """Return a file's name without its endings, and these, packing included.

    >>> split_ending("rows.v2.CSV.gz"), split_ending("rows.v2")
    (('rows.v2', '.CSV.gz'), ('rows.v2', ''))
    """
    stem, packing = name, ""
    for ending in MAGIC.values():
        if name.lower().endswith(ending):
            stem, packing = name[: -len(ending)], name[-len(ending) :]
    for ending in ENDINGS:
        if stem.lower().endswith(ending):
            return stem[: -len(ending)], stem[-len(ending) :] + packing
    return stem, packing


def ending_of(name: str) -> str:
    """Return the endings of the name of a table, in small letters; empty where it is none."""
    found = split_ending(name)[1].lower()
    return found if any(found.startswith(ending) for ending in ENDINGS) else ""


def format_of(name: str, head: bytes, encoding: str, live: bool = False) -> str:
    """Return the format of a file.

    Parameters
    ----------
    name
        Of the file.
    head
        Its first bytes, unpacked.
    encoding
        Of a file of text.
    live
        Whether it is read as it is written: no more is known than the head.

    Raises
    ------
    UsageError
        The ending is none of a table.
    """
    if head.startswith((b"PAR1", b"PARE")):
        return "parquet"
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow"
    ending = ending_of(name)
    known = next((form for end, form in ENDINGS.items() if ending.startswith(end)), None)
    stem, packing = split_ending(name)
    if known is None and not live and "." in (stem if packing else name).strip("."):
        other = next((end for end in _OTHERS if name.lower().endswith(end)), None)
        raise UsageError.parameter(
            "file",
            "must end in one of "
            + " ".join(ENDINGS)
            + ", or one of these and "
            + " ".join(MAGIC.values()),
            name,
            _OTHERS[other] if other else "rename it, or say its format",
        )
    if encoding == "utf-8" and head.startswith(_UTF16) and known not in ("parquet", "arrow"):
        raise DataError(
            f"{name} line 1: is not UTF-8, it looks like utf-16; pass --encoding utf-16"
        )
    text = head.decode(encoding, "replace").removeprefix("\ufeff").lstrip()
    if known in ("json", "jsonl"):
        return _json_form(text, lines_by_name=known == "jsonl" or live)
    return known or _by_first_lines(text, head, encoding, live)


def _by_first_lines(text: str, head: bytes, encoding: str, live: bool) -> str:
    if text.startswith(("{", "[")):
        return _json_form(text, live)
    if _ARFF.match(text):
        return "arff"
    lines = head.decode(encoding, "replace").removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), "")
    return "xmc" if is_xmc(first) else "csv"


def _json_form(text: str, lines_by_name: bool) -> str:
    """Return ``"jsonl"`` where each line is a value, ``"json"`` where one text holds them all."""
    lines = [line for line in text.split("\n", 2)[:2] if line.strip()]
    first = lines[0].strip() if lines else ""
    try:
        json.loads(first)
        is_value = True
    except (ValueError, RecursionError):
        is_value = False
    if first.startswith("["):
        return "jsonl" if is_value and len(lines) > 1 else "json"
    if first.startswith("{"):
        return "jsonl" if is_value or (lines_by_name and first != "{") else "json"
    return "jsonl"
