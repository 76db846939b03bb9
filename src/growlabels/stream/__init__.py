"""An online learner of many labels that appear, vanish and drift (iHOMER).

Neves, Lourenço, Cano, Marreiros, "Online hierarchical partitioning of the output space in
extreme multi-label data stream", ECAI 2025. :class:`IHOMER` is a River multi-label model;
:func:`prequential` scores it, and any other, on a stream. Names are loaded on first use and need
the extra ``stream``.
"""

from typing import TYPE_CHECKING

from growlabels.base.lazy import lazy_exports

if TYPE_CHECKING:
    from growlabels.stream._array_rows import ArrayRows as ArrayRows
    from growlabels.stream._baselines import BinaryRelevance as BinaryRelevance
    from growlabels.stream._baselines import MajorityLabels as MajorityLabels
    from growlabels.stream._contracts import check_stream_model as check_stream_model
    from growlabels.stream._contracts import stream_checks as stream_checks
    from growlabels.stream._cooccurrence import PairCounts as PairCounts
    from growlabels.stream._explain import Explanation as Explanation
    from growlabels.stream._explain import LabelReason as LabelReason
    from growlabels.stream._generators import MadeStream as MadeStream
    from growlabels.stream._generators import make_stream as make_stream
    from growlabels.stream._hierarchy import LabelNode as LabelNode
    from growlabels.stream._learner import IHOMER as IHOMER
    from growlabels.stream._metrics import LabelScore as LabelScore
    from growlabels.stream._metrics import MultiLabelMetrics as MultiLabelMetrics
    from growlabels.stream._odac import OdacPartition as OdacPartition
    from growlabels.stream._partition import Event as Event
    from growlabels.stream._partition import LinkagePartition as LinkagePartition
    from growlabels.stream._prequential import Point as Point
    from growlabels.stream._prequential import PrequentialScores as PrequentialScores
    from growlabels.stream._prequential import compare as compare
    from growlabels.stream._prequential import prequential as prequential
    from growlabels.stream._stream import Stream as Stream

__all__ = [
    "IHOMER",
    "ArrayRows",
    "BinaryRelevance",
    "Event",
    "Explanation",
    "LabelNode",
    "LabelReason",
    "LabelScore",
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

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "IHOMER": "_learner",
        "ArrayRows": "_array_rows",
        "BinaryRelevance": "_baselines",
        "Event": "_partition",
        "Explanation": "_explain",
        "LabelNode": "_hierarchy",
        "LabelReason": "_explain",
        "LabelScore": "_metrics",
        "LinkagePartition": "_partition",
        "MadeStream": "_generators",
        "MajorityLabels": "_baselines",
        "MultiLabelMetrics": "_metrics",
        "OdacPartition": "_odac",
        "PairCounts": "_cooccurrence",
        "Point": "_prequential",
        "PrequentialScores": "_prequential",
        "Stream": "_stream",
        "check_stream_model": "_contracts",
        "compare": "_prequential",
        "make_stream": "_generators",
        "prequential": "_prequential",
        "stream_checks": "_contracts",
    },
    "stream",
)
