"""Find the functions of a source file, with their lines and statements."""

import ast
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class FunctionSpan:
    """A function in a file; lines are 1-based and inclusive.

    Attributes
    ----------
    name
        Dotted name inside the module.
    first, last
        Lines from ``def`` to the end.
    starts
        First lines of the statements of the body after the docstring, ascending; nested
        statements are included.
    signature
        ``def name(arguments):`` without annotations.
    summary
        First line of the docstring, or empty.
    """

    name: str
    first: int
    last: int
    starts: tuple[int, ...]
    signature: str
    summary: str


def functions(source: str) -> list[FunctionSpan]:
    """Return the functions of a module; the list is empty if the module does not parse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about the code that is parsed
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError, RecursionError):
            return []
    return [span for node, name in _walk(tree, "") if (span := _span(node, name)) is not None]


def function_at(lines: list[str], first: int, last: int) -> FunctionSpan | None:
    """Return the function on these 1-based lines, without parsing the whole file."""
    nested = lines[first - 1][:1].isspace()
    source = "\n".join([*(["if True:"] if nested else []), *lines[first - 1 : last]])
    found = functions(source)
    return _moved(found[0], first - (2 if nested else 1)) if found else None


def _moved(span: FunctionSpan, by: int) -> FunctionSpan:
    starts = tuple(start + by for start in span.starts)
    return replace(span, first=span.first + by, last=span.last + by, starts=starts)


def _walk(node: ast.AST, above: str) -> Iterator[tuple[Function, str]]:
    for child in ast.iter_child_nodes(node):
        inner = above
        if isinstance(child, Function | ast.ClassDef):
            inner = f"{above}.{child.name}" if above else child.name
        if isinstance(child, Function):
            yield child, inner
        yield from _walk(child, inner)


def _span(node: Function, name: str) -> FunctionSpan | None:
    documentation = ast.get_docstring(node)
    body = node.body[1:] if documentation is not None else node.body
    starts = {_first_line(s) for part in body for s in ast.walk(part) if isinstance(s, ast.stmt)}
    if not starts:
        return None
    summary = (documentation or "").strip().partition("\n")[0].strip()
    return FunctionSpan(
        name,
        _first_line(node),
        node.end_lineno or node.lineno,
        tuple(sorted(starts)),
        f"def {node.name}({_arguments(node.args)}):",
        summary,
    )


def _first_line(node: ast.stmt) -> int:
    decorators = getattr(node, "decorator_list", None)
    return min([node.lineno, *(d.lineno for d in decorators or ())])


def _arguments(arguments: ast.arguments) -> str:
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args)]
    if arguments.vararg:
        names.append("*" + arguments.vararg.arg)
    elif arguments.kwonlyargs:
        names.append("*")
    names += [a.arg for a in arguments.kwonlyargs]
    if arguments.kwarg:
        names.append("**" + arguments.kwarg.arg)
    return ", ".join(names)
