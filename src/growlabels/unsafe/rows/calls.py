"""Text of tool calls: the values of the arguments first, then the function's name.

Ids, types and the escapes of JSON inside JSON are left out: they are the same in every row or
say nothing about it.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ARGUMENTS = ("arguments", "parameters", "input")


def call_text(calls: object) -> str:
    """Return the text of one call or of a list of calls.

    Parameters
    ----------
    calls
        A call as OpenAI, Anthropic or ShareGPT writes it: an object with a ``name`` and
        ``arguments`` (an object, or its JSON), maybe inside ``function``. Also a list of
        such objects, or either as JSON text.

    Examples
    --------
    >>> arguments = '{"city": "Oslo", "days": 2}'
    >>> call_text([{"id": "c1", "type": "function",
    ...             "function": {"name": "weather", "arguments": arguments}}])
    'Oslo\\n2\\nweather(city, days)'
    """
    calls = parsed(calls)
    each = calls if isinstance(calls, list | tuple) else [calls]
    return "\n".join(text for call in each if (text := _one(call)))


def is_call(value: object) -> bool:
    """Return whether a value is a call, or a list of calls, with a name and arguments.

    >>> is_call({"name": "f", "arguments": {}}), is_call([]), is_call({"name": "Ann"})
    (True, False, False)
    """
    if isinstance(value, list):
        return bool(value) and all(map(is_call, value))
    if not isinstance(value, Mapping):
        return False
    inner = value.get("function", value)
    return isinstance(inner, Mapping) and "name" in inner and any(a in inner for a in _ARGUMENTS)


def parsed(value: Any) -> Any:
    """Return what a text of JSON holds, objects and lists alone; anything else as it is.

    Lists as Python and numpy print them, which pandas writes into CSV files, are read too.

    >>> parsed("[{'role': 'user'}\\n {'role': 'assistant'}]"), parsed("[sic]")
    ([{'role': 'user'}, {'role': 'assistant'}], '[sic]')
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return _printed(value.strip())
    return value


def _printed(text: str) -> Any:
    """Return the value that Python or numpy printed as a text; the text where it is none."""
    if not text.startswith(("[{", "{")):
        return text
    for each in (text, _NO_COMMA.sub("}, {", text)):
        try:
            return ast.literal_eval(each)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return text


_NO_COMMA = re.compile(r"\}\s*\n\s*\{")


def _one(call: object) -> str:
    if not isinstance(call, Mapping):
        return call if isinstance(call, str) else json.dumps(call, ensure_ascii=False, default=str)
    function = call.get("function")
    inner = function if isinstance(function, Mapping) else call
    arguments = parsed(next((inner[a] for a in _ARGUMENTS if inner.get(a) is not None), {}))
    names = [str(key) for key in arguments] if isinstance(arguments, Mapping) else []
    name = inner.get("name")
    signature = [f"{name}({', '.join(names)})"] if isinstance(name, str) else []
    return "\n".join([*_values(arguments), *signature])


def _values(value: object) -> Iterator[str]:
    """Yield the texts and numbers inside a value, in order."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _values(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _values(inner)
    elif value is not None and value != "":
        yield str(value)
