"""When and where a leaf of a multi-label Hoeffding tree is split."""

import math

import numpy as np

from growlabels.stream.numeric.numba import compiled

GRACE = 100
DELTA = 1e-3
TIE = 0.1
"""Bits an outcome: two merits that differ by less tie, once the bound is below this."""
LEAST_SIDE = 5.0
CUTS = 10


@compiled(error_model="numpy")
def binary_entropy(p):
    """Entropy of a Bernoulli, in bits."""
    if p <= 0.0 or p >= 1.0:
        return 0.0
    return -(p * math.log2(p) + (1.0 - p) * math.log2(1.0 - p))


@compiled(error_model="numpy")
def left_share(cut, low, high, mean, spread, rows):
    """Estimate the share of ``rows`` values that are at most ``cut``.

    Exact for a feature of two values, which a variance of (mean - low)(high - mean) proves
    (Bhatia and Davis 2000); a normal distribution otherwise.
    """
    if cut >= high:
        return 1.0
    if cut < low:
        return 0.0
    variance = spread / rows
    widest = (mean - low) * (high - mean)
    if variance >= widest * (1.0 - 1e-4):
        return (high - mean) / (high - low)
    if variance <= 1e-12 * (high - low) ** 2:
        return 1.0 if mean <= cut else 0.0
    return 0.5 * (1.0 + math.erf((cut - mean) / math.sqrt(2.0 * variance)))


@compiled(error_model="numpy")
def side_counts(tree, leaf, j, cut, left):
    """Write how many rows of each outcome go left; return how many of all rows do."""
    low, high = tree.low[leaf, j], tree.high[leaf, j]
    rows = tree.observed[leaf]
    total = rows * left_share(cut, low, high, tree.mean[leaf, j], tree.spread[leaf, j], rows)
    for o in range(left.size):
        seen = tree.seen[leaf, o]
        left[o] = 0.0
        if seen > 0:
            mean = min(max(np.float64(tree.part_mean[leaf, o, j]), low), high)
            spread = max(np.float64(tree.part_spread[leaf, o, j]), 0.0)
            left[o] = seen * left_share(cut, low, high, mean, spread, seen)
        left[o] = min(max(left[o], seen - (rows - total)), total)
    return total


@compiled(error_model="numpy")
def merit_of(tree, leaf, j, cut, left):
    """Return how many bits the split saves, summed over the outcomes; -1 if a side is tiny."""
    total = side_counts(tree, leaf, j, cut, left)
    rows = tree.observed[leaf]
    if min(total, rows - total) < LEAST_SIDE:
        return -1.0
    saved = 0.0
    for o in range(left.size):
        seen = tree.seen[leaf, o]
        saved += binary_entropy(seen / rows)
        saved -= total / rows * binary_entropy(left[o] / total)
        saved -= (rows - total) / rows * binary_entropy((seen - left[o]) / (rows - total))
    return saved


@compiled(error_model="numpy")
def best_split(tree, leaf, features):
    """Return feature, cut and merit of the best split, and the merit of the next feature."""
    left = np.empty(tree.seen.shape[1])
    best, second, feature, where = 0.0, 0.0, -1, 0.0
    for j in range(features):
        low, high = tree.low[leaf, j], tree.high[leaf, j]
        if not high > low:
            continue
        widest = (tree.mean[leaf, j] - low) * (high - tree.mean[leaf, j])
        two_values = tree.spread[leaf, j] / tree.observed[leaf] >= widest * (1.0 - 1e-4)
        merit, at = -1.0, 0.0
        for k in range(1, 2 if two_values else CUTS):
            cut = low + (high - low) * (0.5 if two_values else k / CUTS)
            found = merit_of(tree, leaf, j, cut, left)
            if found > merit:
                merit, at = found, cut
        if merit > best:
            best, second, feature, where = merit, best, j, at
        elif merit > second:
            second = merit
    return feature, where, best, second


def merit_bound(outcomes: int, rows: float) -> float:
    """Hoeffding's bound for a mean of ``rows`` merits that range over ``outcomes`` bits."""
    return outcomes * math.sqrt(math.log(1.0 / DELTA) / (2.0 * rows))


@compiled(error_model="numpy")
def split_leaf(tree, leaf, feature, cut):
    """Split a leaf; its children start with its linear models and with estimated counts."""
    left = np.empty(tree.seen.shape[1])
    total = side_counts(tree, leaf, feature, cut, left)
    share = total / tree.observed[leaf]
    for side in range(2):
        child = tree.used[0]
        tree.used[0] += 1
        tree.below[leaf, side] = child
        tree.feature[child] = -1
        tree.rows[child] = tree.rows[leaf] * (share if side == 0 else 1.0 - share)
        for o in range(left.size):
            seen, rows = tree.seen[leaf, o], tree.observed[leaf]
            part = left[o] if side == 0 else seen - left[o]
            inside = part / max(total if side == 0 else rows - total, 1e-9)
            tree.counts[child, o] = inside * tree.rows[child]
        tree.weights[child] = tree.weights[leaf]
        tree.squares[child] = tree.squares[leaf]
        tree.losses[child] = tree.losses[leaf]
    tree.feature[leaf], tree.threshold[leaf] = feature, cut
