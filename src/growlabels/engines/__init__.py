"""Other ways to run the same row shards: torchrun, and Ray Data (extra ``ray``).

They fill the run folder of a scan of :mod:`growlabels.unsafe`; ``growlabels unsafe scan`` with the
same rows, model and settings then finds every shard and only scores. For several processes on
one machine ``growlabels unsafe scan --workers`` needs no engine.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.engines.ray_data import RayActors as RayActors
    from growlabels.engines.torchrun import RankRange as RankRange

__all__ = ["RankRange", "RayActors"]

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__, {"RankRange": "torchrun", "RayActors": "ray_data"}, "unsafe"
)
