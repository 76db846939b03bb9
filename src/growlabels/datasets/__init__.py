"""Load data sets that come with installed packages, and checksummed downloads.

Nothing is downloaded unless :func:`download` is called with a name. The environment variable
``GROWLABELS_DATA`` names a folder with a mirror of the published sets. ``GROWLABELS_CACHE`` names
the folder of downloads and of cached results.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from ._mirror import download as download
    from ._mirror import locate as locate
    from ._mirror import published_names as published_names
    from ._multilabel import MultiLabelData as MultiLabelData
    from ._multilabel import load_arff as load_arff
    from ._multilabel import load_multilabel as load_multilabel
    from ._multilabel import multilabel_names as multilabel_names
    from ._yeast import load_yeast as load_yeast

__all__ = [
    "MultiLabelData",
    "download",
    "load_arff",
    "load_multilabel",
    "load_yeast",
    "locate",
    "multilabel_names",
    "published_names",
]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "MultiLabelData": "_multilabel",
        "download": "_mirror",
        "load_arff": "_multilabel",
        "load_multilabel": "_multilabel",
        "load_yeast": "_yeast",
        "locate": "_mirror",
        "multilabel_names": "_multilabel",
        "published_names": "_mirror",
    },
    extra="demo",
)
