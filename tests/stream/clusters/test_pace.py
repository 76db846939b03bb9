"""Changes of clusters come together, and again only when the evidence has doubled."""

import json

import numpy as np
import pytest

from growlabels.stream.clusters.choice import new_clusterer
from growlabels.stream.clusters.pace import AFRESH, Pace
from growlabels.stream.clusters.pair_counts import PairCounts


@pytest.mark.parametrize("kind", ["linkage", "odac"])
@pytest.mark.parametrize("seed", range(3))
def test_many_pairs_of_labels_change_clusters_at_most_once_in_ten_checks(kind, seed):
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(2, 62)  # sixty pairs, some frequent and some rare
    pairs, partition, changed = PairCounts(), new_clusterer(kind), []
    for check in range(1, 41):
        for _ in range(50):
            on = np.repeat(rng.random(60) < share, 2) & (rng.random(120) < 0.7)
            pairs.learn(np.flatnonzero(on))
        changed.append(bool(partition.check(pairs, 50 * check)))
    assert len(partition.clusters) > 10 and sum(changed[:10]) > 1
    assert max(sum(changed[i : i + 10]) for i in range(10, 31)) <= 1


def changes(pace, looks, before=0):
    """Rows of the looks at which a change was allowed, and made."""
    made = []
    for row in looks:
        if pace.allows(row - before, row):
            pace.changed(row - before, row)
            made.append(row)
    return made


def test_waits_for_as_many_rows_again_unless_the_counts_start_afresh():
    pace = Pace()
    assert changes(pace, range(1, 1000)) == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
    pace = Pace.from_state(json.loads(json.dumps(pace.state())))
    free = list(range(1000, 1000 + AFRESH, 50))
    assert changes(pace, range(1000, 3000, 50), before=950) == [*free, 1950, 2950]


def test_a_saturated_count_waits_for_as_many_rows_as_it_holds():
    pace = Pace()
    pace.changed(300.0, 5000)
    assert [row for row in range(5050, 5401, 50) if pace.allows(300.0, row)] == [5300, 5350, 5400]
