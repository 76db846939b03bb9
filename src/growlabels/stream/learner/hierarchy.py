"""Build the hierarchy of labels that a stream learner has found, and convert it for display."""

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass

from growlabels.report import TreeNode
from growlabels.stream.clusters.choice import Clusterer
from growlabels.stream.clusters.linkage import Branch
from growlabels.stream.clusters.pair_counts import PairCounts


@dataclass(frozen=True)
class LabelNode:
    """Hold a node of the hierarchy: labels that occur together more often than with others.

    Attributes
    ----------
    labels
        Labels below this node, in the order in which they were first seen.
    cohesion
        Mean Jaccard index over the pairs of these labels, in [0, 1]; 1 for a single label. The
        Jaccard index is the share of rows with both labels among the rows with at least one.
    kind
        ``"root"``, ``"group"`` (of clusters), ``"cluster"``, ``"part"`` (of a cluster),
        ``"label"`` or ``"pool"`` (the labels in no cluster).
    share
        Share of rows with the label, in [0, 1], where recent rows weigh more. For an inner node,
        the share of its most frequent label.
    children
        Nodes directly below; none for a label.

    Examples
    --------
    >>> from growlabels.stream import LabelNode
    >>> leaves = LabelNode(("cat",), 1.0, "label", 0.5), LabelNode(("dog",), 1.0, "label", 0.2)
    >>> print(LabelNode(("cat", "dog"), 0.25, "cluster", 0.5, leaves).to_text())
    cluster of 2, J 0.25
      cat (50.0 % of rows)
      dog (20.0 % of rows)
    """

    labels: tuple[Hashable, ...]
    cohesion: float
    kind: str
    share: float
    children: tuple["LabelNode", ...] = ()

    @property
    def clusters(self) -> list["LabelNode"]:
        """Return all clusters below this node."""
        return [node for node in self.walk() if node.kind == "cluster"]

    def walk(self) -> Iterator["LabelNode"]:
        """Yield this node and all nodes below it, parents first."""
        yield self
        for child in self.children:
            yield from child.walk()

    def title(self) -> str:
        """Describe this node in one line."""
        if self.kind == "label":
            return f"{self.labels[0]} ({100 * self.share:.1f} % of rows)"
        if self.kind in ("root", "pool"):
            count = f"{len(self.labels)} label" + ("" if len(self.labels) == 1 else "s")
            return count if self.kind == "root" else f"{count} in no cluster"
        return f"{self.kind} of {len(self.labels)}, J {self.cohesion:.2f}"

    def to_text(self, indent: int = 0, most: int | None = None) -> str:
        """Return the hierarchy as indented lines.

        Parameters
        ----------
        indent
            Depth of the first line, at least 0; default 0.
        most
            Largest number of labels listed from the pool, the most frequent first. With None, the
            default, all are listed in the order in which they were first seen.
        """
        shown = self.children
        if most is not None and self.kind == "pool":
            shown = tuple(sorted(shown, key=lambda node: -node.share)[:most])
        lines = ["  " * indent + self.title()]
        lines += [child.to_text(indent + 1, most) for child in shown]
        if len(shown) < len(self.children):
            lines.append("  " * (indent + 1) + f"and {len(self.children) - len(shown):,} rarer")
        return "\n".join(lines)

    def to_dot(self) -> str:
        """Return the hierarchy in Graphviz's DOT language, with escaped text.

        Examples
        --------
        >>> leaves = LabelNode(("a",), 1.0, "label", 0.5), LabelNode(('"b"',), 1.0, "label", 0.2)
        >>> print(LabelNode(("a", '"b"'), 0.25, "cluster", 0.5, leaves).to_dot())
        digraph labels {
          rankdir=LR;
          node [shape=box];
          n0 [label="cluster of 2, J 0.25"];
          n1 [label="a (50.0 % of rows)"];
          n2 [label="\\"b\\" (20.0 % of rows)"];
          n0 -> n1;
          n0 -> n2;
        }
        """
        nodes = list(self.walk())
        number = {id(node): i for i, node in enumerate(nodes)}
        lines = [f'  n{i} [label="{_dot_text(node.title())}"];' for i, node in enumerate(nodes)]
        edges = [
            f"  n{i} -> n{number[id(child)]};"
            for i, node in enumerate(nodes)
            for child in node.children
        ]
        head = (
            "  rankdir=LR;",
            "  node [shape=box];",
        )  # left to right: many labels extend the plot downwards
        return "\n".join(["digraph labels {", *head, *lines, *edges, "}"])

    def to_json(self) -> dict[str, object]:
        """Return the hierarchy as a JSON value; labels other than text and integers become text."""
        return {
            "kind": self.kind,
            "labels": [label if isinstance(label, str | int) else str(label)
                       for label in self.labels],
            "cohesion": self.cohesion,
            "share": self.share,
            "children": [child.to_json() for child in self.children],
        }  # fmt: skip

    def to_tree(self) -> TreeNode:
        """Return the hierarchy as a tree for :func:`growlabels.report.tree_plot`."""
        if self.kind == "label":
            return TreeNode(str(self.labels[0]), value=self.share)
        note = "" if self.kind in ("root", "pool") else f"J {self.cohesion:.2f}"
        name = {"root": "all labels", "pool": "in no cluster"}.get(self.kind, self.kind)
        return TreeNode(name, tuple(child.to_tree() for child in self.children), note=note)

    def __str__(self) -> str:
        return self.to_text()


def _dot_text(text: str) -> str:
    """Escape text for DOT."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return escaped.replace("\r", " ").replace("\n", "\\n")


def build_hierarchy(
    partition: Clusterer, pairs: PairCounts, name: Callable[[int], Hashable]
) -> LabelNode:
    """Build the hierarchy of a partition from the current counts.

    Parameters
    ----------
    partition
        Clusters of the labels.
    pairs
        Counts of labels and pairs from which the clusters were built.
    name
        Function from a label's index to the label.

    Returns
    -------
    LabelNode
        Root of the hierarchy.
    """
    return _Builder(partition, pairs, name).root(partition.tree(pairs))


class _Builder:
    """Convert the tree of a partition to label nodes."""

    def __init__(
        self, partition: Clusterer, pairs: PairCounts, name: Callable[[int], Hashable]
    ) -> None:
        self._clusters = set(partition.clusters)
        self._shares = pairs.counts / max(pairs.n, 1e-300)
        self._name = name
        a, b, _ = pairs.pairs()
        similar = zip(a.tolist(), b.tolist(), pairs.jaccard(0.0).tolist(), strict=True)
        self._near: dict[int, dict[int, float]] = {}
        for x, y, similarity in similar:
            self._near.setdefault(x, {})[y] = similarity

    def root(self, tree: Branch) -> LabelNode:
        """Return the root, with the labels in no cluster under one node."""
        alone = [branch for branch in tree.children if len(branch.labels) == 1]
        together = [branch for branch in tree.children if len(branch.labels) > 1]
        children = [self._node(branch, "group") for branch in together]
        if alone:
            leaves = tuple(self._node(branch, "label") for branch in alone)
            labels = tuple(branch.labels[0] for branch in alone)
            children.append(self._made(labels, "pool", leaves))
        return self._made(tree.labels, "root", tuple(children))

    def _node(self, branch: Branch, kind: str) -> LabelNode:
        """Return the node of a branch; ``kind`` is its kind above the clusters or inside one."""
        if len(branch.labels) == 1:
            kind = "label"
        elif branch.labels in self._clusters:
            kind = "cluster"
        below = "group" if kind == "group" else "part"
        children = tuple(self._node(child, below) for child in branch.children)
        return self._made(branch.labels, kind, children)

    def _made(
        self, labels: tuple[int, ...], kind: str, children: tuple[LabelNode, ...]
    ) -> LabelNode:
        """Make a node with its share and cohesion."""
        share = max((float(self._shares[label]) for label in labels), default=0.0)
        names = tuple(self._name(label) for label in labels)
        return LabelNode(names, self._cohesion(labels), kind, share, children)

    def _cohesion(self, labels: tuple[int, ...]) -> float:
        """Return the mean Jaccard index over the pairs of labels."""
        if len(labels) < 2:
            return 1.0
        inside = set(labels)
        total = sum(
            similarity
            for label in labels
            for other, similarity in self._near.get(label, {}).items()
            if other in inside
        )
        return total / (len(labels) * (len(labels) - 1) / 2)
