"""What each act of the demo gives back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from growlabels.report import Section


@dataclass(frozen=True)
class ActResult:
    """One act: its section of the report, and the lines printed on the terminal.

    Attributes
    ----------
    section
        The act's part of the report.
    lines
        A short table for the terminal, one string a line.
    rows_scored
        What was scored -> how many rows.
    """

    section: Section
    lines: Sequence[str]
    rows_scored: Mapping[str, int]
