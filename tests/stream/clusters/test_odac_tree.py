"""Compare distances with a plain loop; prune and save the tree."""

from itertools import combinations

import numpy as np

from growlabels.stream.clusters.odac_tree import LabelDistances, Node, pruned
from growlabels.stream.clusters.pair_counts import PairCounts


def test_distances_are_those_of_a_plain_loop():
    rng = np.random.default_rng(5)
    Y = rng.random((200, 7)) < 0.4
    pairs = PairCounts()
    for y in Y:
        pairs.learn(np.flatnonzero(y))
    space = LabelDistances(pairs, 1.0, list(range(7)))
    plain = {
        (a, b): 1 - (Y[:, a] & Y[:, b]).sum() / ((Y[:, a] | Y[:, b]).sum() + 1)
        for a, b in combinations(range(7), 2)
    }
    nodes = [Node([0, 2, 5]), Node([1, 6])]
    inside = [plain[0, 2], plain[0, 5], plain[2, 5], plain[1, 6]]
    assert np.isclose(space.diameter(nodes), np.mean(inside))
    values = np.sort(list(plain.values()))
    skew = (values[-1] - values[0]) * abs(values[-1] + values[0] - 2 * values.mean())
    assert np.allclose(space.lopsided(list(range(7))), (skew, values[-1] - values[-2]))
    halves = space.halves(list(range(7)))
    assert sorted(halves[0].labels + halves[1].labels) == list(range(7))


def test_pruning_drops_empty_leaves_and_a_node_with_one_child():
    tree = Node([], [Node([3, 4]), Node([], [Node([]), Node([1])])])
    kept = pruned(tree)
    assert kept is not None and kept.labels == [1, 3, 4]
    assert [leaf.labels for leaf in kept.leaves()] == [[3, 4], [1]]
    assert Node.from_json(kept.to_json()) == kept
    assert pruned(Node([], [Node([]), Node([])])) is None
