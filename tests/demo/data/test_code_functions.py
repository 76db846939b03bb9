"""Functions of a source text: spans, signatures, the same when read alone."""

from growlabels.demo.data.code_functions import function_at, functions

SOURCE = '''\
import os


class Box:
    @property
    def size(self):
        """How large.

        More.
        """
        x = 1
        if x:
            return x

    async def fill(self, a, /, b: int = 2, *more, key: str = "x", **rest):
        def inner():
            return a
        return inner


def only_documented():
    """Nothing else."""


def plain(*, key): return key
'''


def test_spans() -> None:
    found = {span.name: span for span in functions(SOURCE)}
    assert list(found) == ["Box.size", "Box.fill", "Box.fill.inner", "plain"]
    size = found["Box.size"]
    assert (size.first, size.last, size.starts) == (5, 13, (11, 12, 13))
    assert (size.signature, size.summary) == ("def size(self):", "How large.")
    assert found["Box.fill"].signature == "def fill(self, a, b, *more, key, **rest):"
    assert found["Box.fill"].starts == (16, 17, 18)
    assert found["plain"].signature == "def plain(*, key):"


def test_a_function_read_alone_is_the_same_but_for_its_outer_name() -> None:
    lines = SOURCE.splitlines()
    for span in functions(SOURCE):
        alone = function_at(lines, span.first, span.last)
        assert alone is not None
        assert alone.name == span.name.rpartition(".")[2]
        assert (alone.first, alone.last, alone.starts) == (span.first, span.last, span.starts)


def test_text_that_is_no_python_has_no_functions() -> None:
    assert functions("def f(:\n") == [] and functions("a\x00b") == []
    assert function_at(["def f(:", "  x"], 1, 2) is None
