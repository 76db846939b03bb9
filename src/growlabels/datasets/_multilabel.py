"""Published multi-label sets by name, and ARFF files of others."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from growlabels.base.errors import UsageError
from growlabels.datasets._mirror import locate, published_as, registry
from growlabels.tables import MultiLabelData, SetAside, read_arff

Labels = int | str | Path | Sequence[str] | Callable[[str], bool] | None


def multilabel_names() -> list[str]:
    """Return the names that :func:`load_multilabel` takes, sorted.

    >>> multilabel_names()[:3]
    ['Bibtex', 'CAL500', 'CHD_49']
    """
    return sorted(name for name, entry in registry().items() if entry.labels is not None)


def load_multilabel(name: str) -> MultiLabelData:
    """Load a published multi-label set from the mirror or from an earlier download.

    Rows come in the published order, which for Scene and the PseAAC sets is sorted by class.

    Parameters
    ----------
    name
        One of :func:`multilabel_names`.

    Returns
    -------
    MultiLabelData
        As :func:`load_arff` gives it.

    Raises
    ------
    UsageError
        The name is unknown, or the file is not on this machine; the message says how to get it.
    DataError
        The file is not what was published.
    """
    if name not in multilabel_names():
        raise UsageError.choice("multi-label set", multilabel_names(), name)
    return load_arff(locate(name), registry()[name].labels)


def load_arff(
    path: str | os.PathLike[str],
    labels: Labels = None,
    set_aside: SetAside | None = None,
    drop: Sequence[str] = (),
) -> MultiLabelData:
    """Load a multi-label ARFF file; of a published set the label count is known.

    Takes, returns and raises what :func:`growlabels.tables.read_arff` does.

    Parameters
    ----------
    path
        The file, plain or packed.
    labels
        Which attributes are labels: n > 0 the first n, n < 0 the last -n, their names, a function
        that says it of a name, or the path of a Mulan XML file. None: what the file says.
    set_aside
        Called with each row that cannot be read. Without it such a row raises.
    drop
        Names of attributes to leave out.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "small.arff"
    >>> header = "@relation 'small: -C -1'\\n@attribute a numeric\\n@attribute b {0,1}\\n"
    >>> _ = path.write_text(header + "@data\\n0.5,1\\n2,0\\n")
    >>> X, Y, feature_names, label_names = load_arff(path)
    >>> X.tolist(), Y.tolist(), label_names
    ([[0.5], [2.0]], [[True], [False]], ['b'])
    >>> folder.cleanup()
    """
    return read_arff(path, labels, set_aside, drop, _published_count)


def _published_count(path: Path) -> int | None:
    """Return the label count of a file whose content is that of a published set."""
    entry = published_as(path)
    return None if entry is None else entry.labels
