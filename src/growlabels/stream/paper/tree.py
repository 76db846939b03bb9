"""A multi-label Hoeffding tree: one Bernoulli per label of a cluster, and one for "none of them".

Its entropy is the sum of the binary entropies of these outcomes, so its merits range over as many
bits as there are outcomes (not over the logarithm of the number of label sets).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from growlabels.stream.numeric.numba import compiled

FREQUENCY, LINEAR, NEIGHBOURS = range(3)
"""What a leaf can answer with: its label frequencies, its linear models, its nearest rows."""
FIRST_SQUARE, RATE = 0.001, 0.5
KEEP_LOSS = 0.99
NEAREST = 5


class Tree(NamedTuple):
    """State of one tree; outcome 0 is "none of the labels", label i is outcome i + 1.

    Attributes
    ----------
    used
        (1,): nodes in use; node 0 is the root.
    feature, threshold, below
        (nodes,), (nodes,), (nodes, 2): the split, feature -1 for a leaf; rows at most the
        threshold go to ``below[:, 0]``.
    rows, counts
        (nodes,), (nodes, outcomes): rows of a leaf and how many had each outcome, those that
        its parent's split estimated included.
    tried
        (nodes,): observed rows at the last attempt to split.
    observed, seen
        (nodes,), (nodes, outcomes): rows that the observers saw, in all and of each outcome.
    low, high, mean, spread
        (nodes, features): range, mean and sum of squared deviations of what they saw.
    part_mean, part_spread
        (nodes, outcomes, features): the same per outcome.
    weights, squares
        (nodes, outcomes, features + 1): linear models of a leaf, place 0 the intercept, and
        their AdaGrad sums.
    losses
        (nodes, 3): fading loss of each way to answer.
    """

    used: NDArray[np.int64]
    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    below: NDArray[np.int64]
    rows: NDArray[np.float64]
    counts: NDArray[np.float64]
    tried: NDArray[np.float64]
    observed: NDArray[np.float64]
    seen: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    part_mean: NDArray[np.float32]
    part_spread: NDArray[np.float32]
    weights: NDArray[np.float32]
    squares: NDArray[np.float32]
    losses: NDArray[np.float64]


OUTCOME_AXIS = ("counts", "seen", "part_mean", "part_spread", "weights", "squares")
OBSERVERS = ("observed", "seen", "low", "high", "mean", "spread", "part_mean", "part_spread")


def new_tree(labels: int, features: int, nodes: int = 1) -> Tree:
    """Make a tree of one leaf that has seen nothing."""
    n, o, d = nodes, labels + 1, features
    single = np.float32
    return Tree(
        np.ones(1, np.int64), np.full(n, -1), np.zeros(n), np.zeros((n, 2), np.int64),
        np.zeros(n), np.zeros((n, o)), np.zeros(n), np.zeros(n), np.zeros((n, o)),
        np.zeros((n, d)), np.zeros((n, d)), np.zeros((n, d)), np.zeros((n, d)),
        np.zeros((n, o, d), single), np.zeros((n, o, d), single),
        np.zeros((n, o, d + 1), single), np.full((n, o, d + 1), FIRST_SQUARE, single),
        np.zeros((n, 3)),
    )  # fmt: skip


def grown_tree(tree: Tree, features: int, nodes: int) -> Tree:
    """Give room for so many features and nodes; nothing else changes."""
    had_nodes, had = tree.low.shape
    if had >= features and had_nodes >= nodes:
        return tree
    outcomes = tree.counts.shape[1]
    room = had if had >= features else max(features, 2 * had)
    new = new_tree(outcomes - 1, room, max(nodes, had_nodes))
    for field, array in tree._asdict().items():
        getattr(new, field)[tuple(map(slice, array.shape))] = array
    return new


def relabelled_tree(tree: Tree, source: NDArray[np.int64], fresh: bool) -> Tree:
    """Give a tree other labels: label i is the old label ``source[i]``, -1 a new one.

    Parameters
    ----------
    fresh
        Old labels went, so that "none of them" means something else: its observers start anew.
    """
    outcomes = np.concatenate(([-1 if fresh else 0], np.where(source < 0, -1, source + 1)))
    nodes, features = tree.low.shape
    new = new_tree(source.size, features, nodes)._asdict()
    kept = np.flatnonzero(outcomes >= 0)
    for name, array in tree._asdict().items():
        if name in OUTCOME_AXIS:
            new[name][:, kept] = array[:, outcomes[kept]]
        else:
            new[name] = array.copy()
    return Tree(**new)


def heaviest_leaf(tree: Tree) -> int:
    """Return the leaf with the most rows."""
    used = int(tree.used[0])
    return int(np.where(tree.feature[:used] < 0, tree.rows[:used], -1.0).argmax())


def lend_label(giver: Tree, label: int, taker: Tree, at: int) -> None:
    """Let a label that moves to another tree bring its frequency and its linear model."""
    leaf = heaviest_leaf(giver)
    leaves = giver.feature[: giver.used[0]] < 0
    rows = giver.rows[: giver.used[0]][leaves].sum()
    share = giver.counts[: giver.used[0], label + 1][leaves].sum() / max(rows, 1.0)
    places = min(giver.weights.shape[2], taker.weights.shape[2])
    taker.counts[:, at + 1] = share * taker.rows
    taker.weights[:, at + 1, :places] = giver.weights[leaf, label + 1, :places]
    taker.squares[:, at + 1, :places] = giver.squares[leaf, label + 1, :places]


def forget_observations(tree: Tree) -> None:
    """Let the observers start anew, all at once: they must have seen the same rows."""
    for name in OBSERVERS:
        getattr(tree, name)[:] = 0
    tree.tried[:] = 0


@compiled(error_model="numpy")
def route(tree, x):
    """Return the leaf of a row (features,); a feature that the row lacks is 0."""
    node = 0
    while tree.feature[node] >= 0:
        j = tree.feature[node]
        value = x[j] if j < x.size else 0.0
        node = tree.below[node, 0 if value <= tree.threshold[node] else 1]
    return node


@compiled(error_model="numpy")
def consult_leaf(tree, leaf, z, near, close, labels, window_labels, share, picked):
    """Ask a leaf in its three ways.

    Parameters
    ----------
    z
        (features + 1,): the row, standardised, after a 1.
    near, close
        Places in the window of the nearest rows of this leaf, nearest first, and distances.
    labels
        (labels,): the cluster's labels as columns of ``window_labels`` (window, all labels).
    share, picked
        (3, labels): written, probabilities and choices. The nearest rows choose one whole
        label set by their votes, so that it is one that occurred.
    """
    rows = tree.rows[leaf]
    for i in range(labels.size):
        share[FREQUENCY, i] = (tree.counts[leaf, i + 1] + 0.5) / (rows + 1.0)
        total = 0.0
        for j in range(min(z.size, tree.weights.shape[2])):  # it grows when it learns the row
            total += tree.weights[leaf, i + 1, j] * z[j]
        share[LINEAR, i] = 1.0 / (1.0 + np.exp(-min(max(total, -6.0), 6.0)))
        share[NEIGHBOURS, i] = share[FREQUENCY, i]
        picked[FREQUENCY, i] = share[FREQUENCY, i] > 0.5
        picked[LINEAR, i] = share[LINEAR, i] > 0.5
        picked[NEIGHBOURS, i] = picked[FREQUENCY, i]
    if near.size == 0:
        return
    vote = np.empty(near.size)
    for k in range(near.size):
        vote[k] = (close[0] + 1e-9) / (close[k] + 1e-9)
    for i in range(labels.size):
        total = share[FREQUENCY, i]
        for k in range(near.size):
            total += vote[k] * window_labels[near[k], labels[i]]
        share[NEIGHBOURS, i] = total / (1.0 + vote.sum())
    best, winner = -1.0, 0
    for k in range(near.size):
        support = 0.0
        for m in range(near.size):
            same = True
            for i in range(labels.size):
                if window_labels[near[k], labels[i]] != window_labels[near[m], labels[i]]:
                    same = False
                    break
            if same:
                support += vote[m]
        if support > best + 1e-12:
            best, winner = support, k
    for i in range(labels.size):
        picked[NEIGHBOURS, i] = window_labels[near[winner], labels[i]] > 0


@compiled(error_model="numpy")
def best_way(tree, leaf):
    """Return the way to answer that erred least in this leaf."""
    way = 0
    for k in range(1, 3):
        if tree.losses[leaf, k] < tree.losses[leaf, way]:
            way = k
    return way


@compiled(error_model="numpy")
def set_loss(picked, truth):
    """Return 1 - Jaccard index of two label sets, 0 if both are empty."""
    both, either = 0, 0
    for i in range(truth.size):
        both += picked[i] and truth[i] > 0
        either += picked[i] or truth[i] > 0
    return 1.0 - both / either if either > 0 else 0.0


@compiled(error_model="numpy")
def learn_leaf(tree, leaf, x, z, truth, share, picked):
    """Let a leaf learn a row: losses, counts, observers, linear models."""
    none = 1.0
    for i in range(truth.size):
        if truth[i] > 0:
            none = 0.0
    for k in range(3):
        loss = set_loss(picked[k], truth)
        tree.losses[leaf, k] = KEEP_LOSS * tree.losses[leaf, k] + (1.0 - KEEP_LOSS) * loss
    tree.rows[leaf] += 1.0
    _observe(tree, leaf, x, tree.observed[leaf])
    tree.observed[leaf] += 1.0
    for outcome in range(truth.size + 1):
        on = none if outcome == 0 else truth[outcome - 1]
        if on > 0:
            tree.counts[leaf, outcome] += 1.0
            tree.seen[leaf, outcome] += 1.0
            n = tree.seen[leaf, outcome]
            for j in range(x.size):
                away = x[j] - tree.part_mean[leaf, outcome, j]
                mean = tree.part_mean[leaf, outcome, j] + away / n
                tree.part_mean[leaf, outcome, j] = mean
                tree.part_spread[leaf, outcome, j] += away * (x[j] - mean)
        if outcome > 0:
            error = share[LINEAR, outcome - 1] - truth[outcome - 1]
            for j in range(z.size):
                slope = error * z[j]
                tree.squares[leaf, outcome, j] += slope * slope
                step = RATE / np.sqrt(np.float64(z.size)) * slope
                tree.weights[leaf, outcome, j] -= step / np.sqrt(tree.squares[leaf, outcome, j])


@compiled(error_model="numpy")
def _observe(tree, leaf, x, before):
    for j in range(x.size):
        # a feature that appears late was 0 in the rows before
        tree.low[leaf, j] = min(tree.low[leaf, j], x[j]) if before > 0 else x[j]
        tree.high[leaf, j] = max(tree.high[leaf, j], x[j]) if before > 0 else x[j]
        away = x[j] - tree.mean[leaf, j]
        tree.mean[leaf, j] += away / (before + 1.0)
        tree.spread[leaf, j] += away * (x[j] - tree.mean[leaf, j])
