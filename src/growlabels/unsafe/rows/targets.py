"""Targets: the handful of rows that show the harm."""

from growlabels.base.errors import DataError
from growlabels.base.files import content_hash
from growlabels.tables import MalformedRow, RowSource
from growlabels.unsafe.rows.examples import Example, read_examples
from growlabels.unsafe.rows.source import source_name


def read_targets(
    source: RowSource, what: str = "target", encoding: str = "utf-8"
) -> tuple[list[Example], list[str]]:
    """Read the targets; each counts once.

    Parameters
    ----------
    source
        As :func:`read_examples` takes it.
    what
        What the messages call one of them; anchors and held-out rows are read alike.
    encoding
        Encoding of files of text. Default UTF-8.

    Returns
    -------
    targets
        In the order given.
    warnings
        A sentence if some were given twice, and one if some are conversations of several answers.

    Raises
    ------
    DataError
        No target, or one that is no prompt and response: unlike a training row, a target is
        too precious to be set aside.
    """
    bad: list[MalformedRow] = []
    name = source_name(source, f"the {what}s")
    found: dict[str, Example] = {}
    read = 0
    for example in read_examples(source, bad.append, encoding=encoding):
        read += 1
        found.setdefault(content_hash([example.prompt, example.response]), example)
    if bad:
        raise DataError(f"{name} row {bad[0].number}: {bad[0].reason}; mend or remove the {what}")
    if not found:
        ask = "8 to 12 rows that show the harm" if what == "target" else "at least one"
        raise DataError(f"{name} holds no {what}; give {ask}")
    warnings = []
    if repeated := read - len(found):
        warnings.append(f"{repeated} {what}s were given more than once and count once.")
    if longer := sum(len(example.earlier) > 0 for example in found.values()):
        warnings.append(
            f"{longer} of the {what}s are conversations with more than one answer: the last one "
            "counts, those before it are part of the prompt. Where an earlier one is meant, give "
            "it a row of its own."
        )
    return list(found.values()), warnings
