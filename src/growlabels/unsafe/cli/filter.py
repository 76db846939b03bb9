"""Run ``growlabels unsafe filter``."""

from collections import Counter

from growlabels.base.runs import require_folder
from growlabels.unsafe.cli.scanned import reviewed, scanned, some_truth
from growlabels.unsafe.decide.decisions import Decision
from growlabels.unsafe.decide.filter import filter_rows


def run_filter(command: "UnsafeFilter") -> None:
    """Do ``growlabels unsafe filter``."""
    if command.out is not None:
        require_folder(command.out)
    run, table, train = scanned(command.run_folder, command.train)
    out = command.out or run.path
    decided: dict[str, Decision] = {}
    if command.decisions:
        decided, table = reviewed(run, table)
    labels = None if command.label_field is None else some_truth(train, command.label_field)
    result = filter_rows(train, table, out, command.threshold, decided, labels)
    if command.out is None:
        for name in result.files:
            run.adopt(name)
    print(table.rejection(result.threshold))
    if decided:
        said = Counter(decided.values())
        print(
            f"whatever the threshold, the rows accepted in the review ({said['accept']}) are kept "
            f"and those rejected ({said['reject']}) are not"
        )
    print(f"kept {result.kept}, rejected {result.rejected}, malformed {result.malformed}")
    print("in " + ", ".join(str(out / name) for name in result.files))
