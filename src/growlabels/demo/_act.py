"""Define what each act of the demo returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from growlabels.report import Section


@dataclass(frozen=True)
class ActResult:
    """Result of one act.

    Attributes
    ----------
    section
        The act's section of the report.
    lines
        Lines of a short table for the terminal.
    rows_scored
        What was scored -> number of rows.
    """

    section: Section
    lines: Sequence[str]
    rows_scored: Mapping[str, int]
