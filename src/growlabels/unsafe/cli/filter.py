"""Run ``growlabels unsafe filter``."""

from collections import Counter

from growlabels.base.progress import Progress
from growlabels.base.runs import require_folder
from growlabels.unsafe.cli.commands import UnsafeFilter
from growlabels.unsafe.cli.scanned import reviewed, scanned, some_truth
from growlabels.unsafe.decide.decisions import Decision
from growlabels.unsafe.decide.filter import filter_rows


def run(options: UnsafeFilter, progress: Progress) -> None:
    """Filter the rows of a scan and print the counts."""
    if options.out is not None:
        require_folder(options.out)
    run, table, train = scanned(options.run_folder, options.train)
    out = options.out or run.path
    decided: dict[str, Decision] = {}
    if options.decisions:
        decided, table = reviewed(run, table)
    labels = None
    if options.label_field is not None:
        labels = some_truth(train, options.label_field, table.encoding)
    result = filter_rows(train, table, out, options.threshold, decided, labels)
    if options.out is None:
        for name in result.files:
            path = out / name
            files = sorted(path.rglob("*")) if path.is_dir() else [path]
            for file in (file for file in files if file.is_file()):
                run.adopt(str(file.relative_to(out)))
    print(table.rejection(result.threshold))
    if decided:
        said = Counter(decided.values())
        print(
            f"the review overrides the threshold: {said['accept']} accepted rows are kept and "
            f"{said['reject']} rejected rows are not"
        )
    print(f"kept {result.kept}, rejected {result.rejected}, malformed {result.malformed}")
    print("in " + ", ".join(str(out / name) for name in result.files))
