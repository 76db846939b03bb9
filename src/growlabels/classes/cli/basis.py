"""``growlabels classes basis``: make a codebook, say what is proved of it, save it."""

import shutil
from pathlib import Path

import numpy as np

from growlabels.base.errors import UsageError
from growlabels.base.files import atomic_write, refuse_file
from growlabels.base.progress import Progress
from growlabels.classes import Codebook
from growlabels.classes.cli.commands import Basis

PIECE = 1 << 24  # numbers in memory when vectors are written


def run(options: Basis, progress: Progress) -> None:
    """Make, print, save."""
    for option, path, ending in (
        ("--out", options.out, None),
        ("--vectors", options.vectors, ".npy"),
        ("--report", options.report, ".html"),
    ):
        if path is None:
            continue
        if ending and path.suffix != ending:
            raise UsageError.parameter(option, f"must end in {ending}", str(path))
        refuse_file(path, option)
    codebook = Codebook.for_classes(
        options.classes,
        options.dim,
        options.kind,
        criterion=options.criterion,
        steps=options.steps,
        seed=options.seed,
        progress=progress,
    )
    print(codebook.certificate())
    print(f"reason: {codebook.reason}")
    if codebook.n_classes < codebook.capacity:
        print(
            f"room: {codebook.capacity:,} classes, then with largest |cosine| "
            f"{codebook.certificate(codebook.capacity).alpha:.6f}"
        )
    if options.vectors is not None:
        write_vectors(codebook, options.vectors)
        print(f"wrote {options.vectors}")
    if options.report is not None:
        from growlabels.classes.cli.basis_report import basis_report
        from growlabels.report import write_report

        write_report(basis_report(codebook, options.seed), options.report)
        print(f"wrote {options.report}")
    if options.out is not None:
        codebook.save(options.out)
        print(f"wrote {options.out} (sha256 of what decides the vectors: {codebook.hash[:16]}...)")


def write_vectors(codebook: Codebook, path: Path) -> None:
    """Write the vectors of all classes as one .npy array (classes, dim) of float32, in pieces."""
    shape = codebook.n_classes, codebook.dim
    size, free = 4 * shape[0] * shape[1], shutil.disk_usage(path.parent).free
    if size > free:
        raise UsageError(
            f"--vectors would take {size / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free in "
            f"{str(path.parent)!r}; choose another folder, or make the vectors from --out as needed"
        )
    step = max(1, PIECE // codebook.dim)
    with atomic_write(path, "wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, shape[0], step):
            piece = codebook.vectors(range(start, min(start + step, shape[0])))
            file.write(piece.astype("<f4").tobytes())
