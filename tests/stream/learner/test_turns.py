"""A learner in several threads: every answer and every saved file is whole."""

import copy
import pickle
import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from growlabels.stream import IHOMER
from growlabels.stream.learner.turns import GUARDED


@pytest.fixture
def often_switched() -> Iterator[None]:
    """Threads change places as often as they can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_learning_predicting_and_saving_at_once(tmp_path: Path, often_switched: None) -> None:
    rng, model = random.Random(0), IHOMER()
    rows = [
        (
            {f"w{rng.randrange(3000)}": 1.0 for _ in range(8)},
            {f"t{rng.randrange(200)}" for _ in range(2)},
        )
        for _ in range(400)
    ]
    for x, y in rows[:20]:
        model.learn_one(x, y)
    failures: list[BaseException] = []
    done = threading.Event()

    def use(action: Any) -> None:
        try:
            while not done.is_set():
                action()
        except BaseException as error:
            failures.append(error)

    def save() -> None:
        model.save(tmp_path / "m.zip", compress=False)
        loaded = IHOMER.load(tmp_path / "m.zip")
        assert loaded.n_rows <= model.n_rows and len(loaded.labels_) <= len(model.labels_)

    def predict() -> None:
        model.predict_proba_one({f"w{random.randrange(6000)}": 1.0 for _ in range(9)})
        assert len(model.predict_topk_one(rows[0][0], 3)) == 3

    actions = [save, predict, lambda: (model.clusters, model.events, model.hierarchy())]
    threads = [threading.Thread(target=use, args=(action,)) for action in actions]
    for thread in threads:
        thread.start()
    for x, y in rows[20:]:
        model.learn_one(x, y)
    done.set()
    for thread in threads:
        thread.join()
    assert not failures
    alone = IHOMER()
    for x, y in rows:
        alone.learn_one(x, y)
    assert model.predict_proba_one(rows[0][0]) == alone.predict_proba_one(rows[0][0])


def test_copies_have_a_lock_of_their_own() -> None:
    model = IHOMER()
    model.learn_one({"a": 1.0}, {"t"})
    for other in (copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))):  # noqa: S301
        assert other._turn is not model._turn
        assert other.predict_one({"a": 1.0}) == {"t": True}
    assert "_turn" not in model.__getstate__()


def test_every_public_method_that_touches_the_state_is_guarded() -> None:
    own = {
        name
        for part in (IHOMER, IHOMER.__mro__[1])
        for name, value in vars(part).items()
        if not name.startswith("_") and (callable(value) or isinstance(value, property))
    }
    free = {"load", "get_params", "partial_fit", "n_rows", "n_bytes"}
    assert own - free <= set(GUARDED), own - free - set(GUARDED)
