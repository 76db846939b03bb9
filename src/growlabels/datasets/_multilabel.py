"""Published multi-label sets by name."""

from growlabels.base.errors import UsageError
from growlabels.datasets._arff import load_arff
from growlabels.datasets._mirror import locate, registry
from growlabels.datasets._multilabel_data import MultiLabelData


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
