"""``growlabels classes basis``: make a codebook, say what is proved of it, save it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from growlabels.base.errors import UsageError
from growlabels.base.files import atomic_write, refuse_file
from growlabels.base.progress import Progress

if TYPE_CHECKING:
    from growlabels.classes import Codebook

PIECE = 1 << 24  # numbers in memory when vectors are written


@dataclass(frozen=True)
class Basis:
    """Make fixed class vectors, print their certificate beside the bounds, save them."""

    classes: int
    """Largest number of classes expected; room for more costs nothing."""
    dim: int | None = None
    """Dimension of the vectors; chosen from the number of classes if not given."""
    kind: str | None = None
    """Ask for one construction by name (needs --dim) instead of the first that fits."""
    criterion: Literal["absolute", "signed"] | None = None
    """Which cosine must be small where no construction decides it."""
    steps: int = 250
    """Iterations of a numerical search; structured vectors need none."""
    seed: int = 0
    """Start of a numerical search."""
    out: Path | None = None
    """File to save the codebook in; Codebook.load reads it."""
    vectors: Path | None = None
    """Also write the vectors of all classes as a dense .npy array (classes, dim)."""
    report: Path | None = None
    """Also write a page (.html) with the bounds and the histogram of the cosines."""

    def run(self, progress: Progress) -> None:
        """Make, print, save."""
        from growlabels.classes import Codebook

        for option, path, ending in (
            ("--out", self.out, None),
            ("--vectors", self.vectors, ".npy"),
            ("--report", self.report, ".html"),
        ):
            if path is None:
                continue
            if ending and path.suffix != ending:
                raise UsageError.parameter(option, f"must end in {ending}", str(path))
            refuse_file(path, option)
        codebook = Codebook.for_classes(
            self.classes,
            self.dim,
            self.kind,
            criterion=self.criterion,
            steps=self.steps,
            seed=self.seed,
            progress=progress,
        )
        print(codebook.certificate())
        print(f"reason: {codebook.reason}")
        if codebook.n_classes < codebook.capacity:
            print(
                f"room: {codebook.capacity:,} classes, then with largest |cosine| "
                f"{codebook.certificate(codebook.capacity).alpha:.6f}"
            )
        if self.vectors is not None:
            write_vectors(codebook, self.vectors)
            print(f"wrote {self.vectors}")
        if self.report is not None:
            from growlabels.classes.cli.basis_report import basis_report
            from growlabels.report import write_report

            write_report(basis_report(codebook, self.seed), self.report)
            print(f"wrote {self.report}")
        if self.out is not None:
            codebook.save(self.out)
            print(f"wrote {self.out} (sha256 of what decides the vectors: {codebook.hash[:16]}...)")


def write_vectors(codebook: "Codebook", path: Path) -> None:
    """Write the vectors of all classes as one .npy array (classes, dim) of float32, in pieces."""
    import numpy as np

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
