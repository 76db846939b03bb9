"""Learn labels online while they appear, vanish and drift (iHOMER).

Neves, Lourenço, Cano, Marreiros, "Online hierarchical partitioning of the output space in
extreme multi-label data stream", ECAI 2025. :class:`IHOMER` is a River multi-label model, and
:func:`prequential` scores any such model on a stream. Names are loaded on first use and need the
extra ``stream``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.stream.cli.report import describe as describe
    from growlabels.stream.cli.report import stream_section as stream_section
    from growlabels.stream.clusters.event import Event as Event
    from growlabels.stream.clusters.linkage_partition import LinkagePartition as LinkagePartition
    from growlabels.stream.clusters.odac_partition import OdacPartition as OdacPartition
    from growlabels.stream.clusters.pair_counts import PairCounts as PairCounts
    from growlabels.stream.evaluate.baselines import BinaryRelevance as BinaryRelevance
    from growlabels.stream.evaluate.baselines import MajorityLabels as MajorityLabels
    from growlabels.stream.evaluate.checks import check_stream_model as check_stream_model
    from growlabels.stream.evaluate.checks import stream_checks as stream_checks
    from growlabels.stream.evaluate.made_streams import MadeStream as MadeStream
    from growlabels.stream.evaluate.made_streams import make_stream as make_stream
    from growlabels.stream.evaluate.metrics import MultiLabelMetrics as MultiLabelMetrics
    from growlabels.stream.evaluate.prequential import compare as compare
    from growlabels.stream.evaluate.prequential import prequential as prequential
    from growlabels.stream.evaluate.scores import Point as Point
    from growlabels.stream.evaluate.scores import PrequentialScores as PrequentialScores
    from growlabels.stream.files.iterable import Stream as Stream
    from growlabels.stream.learner.explain import Explanation as Explanation
    from growlabels.stream.learner.hierarchy import LabelNode as LabelNode
    from growlabels.stream.learner.ihomer import IHOMER as IHOMER
    from growlabels.stream.rows.array_rows import ArrayRows as ArrayRows
    from growlabels.stream.rows.inputs import Inputs as Inputs

__all__ = [
    "IHOMER",
    "ArrayRows",
    "BinaryRelevance",
    "Event",
    "Explanation",
    "Inputs",
    "LabelNode",
    "LinkagePartition",
    "MadeStream",
    "MajorityLabels",
    "MultiLabelMetrics",
    "OdacPartition",
    "PairCounts",
    "Point",
    "PrequentialScores",
    "Stream",
    "check_stream_model",
    "compare",
    "make_stream",
    "prequential",
    "stream_checks",
]

_SHARED = {
    "describe": "cli.report",
    "stream_section": "cli.report",
}
"""Names that the demo and the engines use; they are not public and may change."""

__getattr__: Callable[[str], object]
__dir__: Callable[[], list[str]]
__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "IHOMER": "learner.ihomer",
        "ArrayRows": "rows.array_rows",
        "BinaryRelevance": "evaluate.baselines",
        "Event": "clusters.event",
        "Explanation": "learner.explain",
        "Inputs": "rows.inputs",
        "LabelNode": "learner.hierarchy",
        "LinkagePartition": "clusters.linkage_partition",
        "MadeStream": "evaluate.made_streams",
        "MajorityLabels": "evaluate.baselines",
        "MultiLabelMetrics": "evaluate.metrics",
        "OdacPartition": "clusters.odac_partition",
        "PairCounts": "clusters.pair_counts",
        "Point": "evaluate.scores",
        "PrequentialScores": "evaluate.scores",
        "Stream": "files.iterable",
        "check_stream_model": "evaluate.checks",
        "compare": "evaluate.prequential",
        "make_stream": "evaluate.made_streams",
        "prequential": "evaluate.prequential",
        "stream_checks": "evaluate.checks",
    },
    "stream",
    _SHARED,
)
