"""One row out of the bytes of one message or line."""

import json
from collections.abc import Mapping
from typing import Any

from growlabels.base.labels import repeated
from growlabels.stream.serve.sources.source import Unreadable

_MOST_RAW = 2000
"""Characters of an unreadable row that are kept."""


def read_row(payload: bytes | None) -> Mapping[str, Any] | Unreadable:
    """Return the JSON object that ``payload`` holds, or why it holds none.

    >>> read_row(b'{"a": 1}')
    {'a': 1}
    >>> read_row(b'[1]').reason
    'is a list, not an object'
    """
    if payload is None:
        return Unreadable("has no value", "")
    try:
        data = json.loads(payload.decode("utf-8-sig"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        reason = f"invalid UTF-8 at byte {error.start}"
    except json.JSONDecodeError as error:
        reason = f"broken JSON ({error.msg}: character {error.pos + 1})"
    except RecursionError:
        reason = "JSON nested too deeply"
    except ValueError as error:
        reason = str(error)
    else:
        if isinstance(data, dict):
            return data
        kinds = {list: "a list", str: "a string", type(None): "null"}
        reason = f"is {kinds.get(type(data), 'a number')}, not an object"
    return Unreadable(reason, payload.decode("utf-8", "replace")[:_MOST_RAW].rstrip("\r\n"))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError(f"duplicate key {repeated(key for key, _ in pairs)[0]!r}")
    return data
