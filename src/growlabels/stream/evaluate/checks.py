"""What every stream learner must keep to: one function, one sentence each.

``for check in stream_checks(): check(lambda: MyModel())`` tests a learner of your own.
"""

import copy
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from growlabels.base.errors import UsageError

Make = Callable[[], Any]
Check = Callable[[Make], None]
Row = tuple[dict[str, float], dict[str, bool]]
LEAST_BYTES = 2**25


def stream_checks() -> Iterator[Check]:
    """Yield the checks; each takes a function that makes a fresh model, and asserts.

    Examples
    --------
    >>> from growlabels.stream import MajorityLabels
    >>> for check in stream_checks():
    ...     check(MajorityLabels)
    """
    yield check_labels_appear
    yield check_labels_vanish_and_return
    yield check_features_come_and_go
    yield check_empty_rows_are_taken
    yield check_learning_leaves_its_input_alone
    yield check_predicting_leaves_the_state_alone
    yield check_order_of_features_has_no_effect
    yield check_order_of_labels_has_no_effect
    yield check_probabilities_are_probabilities
    yield check_same_seed_same_result
    yield check_copies_are_independent
    yield check_pickle_goes_on_identically
    yield check_save_and_load_go_on_identically
    yield check_many_rows_equal_one_by_one
    yield check_memory_stays_under_max_bytes


def check_stream_model(make: Make) -> None:
    """Run all checks of :func:`stream_checks`.

    Parameters
    ----------
    make
        Called without arguments, gives a fresh model.

    Raises
    ------
    AssertionError
        A check fails; the message says what the model does wrong.

    Examples
    --------
    >>> from growlabels.stream import MajorityLabels
    >>> check_stream_model(MajorityLabels)
    """
    UsageError.require_callable("make", make)
    for check in stream_checks():
        check(make)


def check_labels_appear(make: Make) -> None:
    """A label is known once it was seen, and never before."""
    model, seen = make(), set()
    for x, y in _rows(60):
        guess = model.predict_one(x)
        assert set(guess) <= seen, f"predicts {set(guess) - seen} before any row named them"
        model.learn_one(x, y)
        seen |= set(y)
    model.learn_one({"f0": 1.0}, {"late": True})
    assert "late" in model.predict_one({"f0": 1.0}), "does not know a label that came late"


def check_labels_vanish_and_return(make: Make) -> None:
    """A label may be left out for a while and come back."""
    model = make()
    for _ in range(3):
        for x, y in _rows(40):
            model.learn_one(x, y)
        for x, y in _rows(40):
            model.learn_one(x, {label: on for label, on in y.items() if label != "l0"})
    assert "l0" in model.predict_one({"f0": 1.0}), "forgot a label that vanished"


def check_features_come_and_go(make: Make) -> None:
    """A feature may be missing, and a new one may come at any time."""
    model = make()
    for row, (x, y) in enumerate(_rows(60)):
        x = {name: value for name, value in x.items() if (row + len(name)) % 3}
        x |= {f"new{row}": 1.0} if row % 10 == 0 else {}
        model.predict_one(x)
        model.learn_one(x, y)


def check_empty_rows_are_taken(make: Make) -> None:
    """A row without features and a row without labels are rows like others."""
    model = make()
    model.predict_one({})
    model.learn_one({}, {})
    model.learn_one({"f0": 1.0}, {})
    model.learn_one({}, {"l0": True})
    assert "l0" in model.predict_one({}), "did not learn from a row without features"


def check_learning_leaves_its_input_alone(make: Make) -> None:
    """Learning and predicting do not change the dicts they are given."""
    model = make()
    for x, y in _rows(40):
        before = copy.deepcopy((x, y))
        model.predict_one(x)
        model.learn_one(x, y)
        assert (x, y) == before, "changed its input"
        assert [list(x), list(y)] == [list(before[0]), list(before[1])], "reordered its input"


def check_predicting_leaves_the_state_alone(make: Make) -> None:
    """Predictions, also of rows never learned, have no effect on what is predicted later."""
    asked, quiet = make(), make()
    for x, y in _rows(80):
        asked.predict_one({name: -2.0 * value for name, value in x.items()} | {"odd": 9.0})
        asked.predict_one(x)
        assert asked.predict_one(x) == asked.predict_one(x), "changes its mind when asked again"
        asked.learn_one(x, y)
        quiet.learn_one(x, y)
    _assert_same(asked, quiet, "predicting changed the state")


def check_order_of_features_has_no_effect(make: Make) -> None:
    """The order of the features in a row has no effect."""
    forward, backward = make(), make()
    for x, y in _rows(80):
        forward.learn_one(x, y)
        backward.learn_one(dict(reversed(x.items())), y)
    _assert_same(forward, backward, "the order of features matters")


def check_order_of_labels_has_no_effect(make: Make) -> None:
    """The order of the labels in a row has no effect."""
    forward, backward = make(), make()
    for x, y in _rows(80):
        forward.learn_one(x, y)
        backward.learn_one(x, dict(reversed(y.items())))
    _assert_same(forward, backward, "the order of labels matters")


def check_probabilities_are_probabilities(make: Make) -> None:
    """Where a model gives probabilities, they lie in [0, 1], sum to 1 and name the same labels."""
    model = make()
    for x, y in _rows(60):
        model.learn_one(x, y)
        try:
            found = model.predict_proba_one(x)
        except NotImplementedError:
            return
        assert set(found) == set(model.predict_one(x)), "names other labels than predict_one"
        for label, p in found.items():
            assert 0 <= p[True] <= 1, f"p of {label} is {p[True]}"
            assert abs(p[True] + p[False] - 1) < 1e-9, f"p of {label} does not sum to 1"


def check_same_seed_same_result(make: Make) -> None:
    """Two models made alike and taught alike predict alike, to the bit."""
    first, second = _taught(make(), 80), _taught(make(), 80)
    _assert_same(first, second, "two runs differ")


def check_copies_are_independent(make: Make) -> None:
    """A deep copy is a model of its own: teaching it does not teach the original."""
    model, twin = _taught(make(), 60), _taught(make(), 60)
    _taught(copy.deepcopy(model), 80)
    _assert_same(model, twin, "a deep copy shares state with the original")


def check_pickle_goes_on_identically(make: Make) -> None:
    """A model goes on after a pickle round trip as if nothing had happened."""
    model = _taught(make(), 60)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 (made one line above)
    _assert_same(_taught(model, 60), _taught(again, 60), "pickle changed the model")


def check_save_and_load_go_on_identically(make: Make) -> None:
    """Where a model can be saved, it goes on after loading as if nothing had happened."""
    model = _taught(make(), 60)
    if not hasattr(model, "save"):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        again = type(model).load(path)
    _assert_same(_taught(model, 60), _taught(again, 60), "saving changed the model")


def check_many_rows_equal_one_by_one(make: Make) -> None:
    """Where a model takes arrays, they teach it the same, to the bit, as their rows do."""
    many, single, step = make(), make(), make()
    if not hasattr(many, "learn_many"):
        return
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(90, 4)), rng.random((90, 3)) < 0.4
    many.learn_many(X[:50], Y[:50])
    many.learn_many(X[50:], Y[50:])
    before = step.prequential_many(X, Y)
    for row, (x, y) in enumerate(zip(X.tolist(), Y.tolist(), strict=True)):
        guess = single.predict_one(dict(enumerate(x)))
        single.learn_one(dict(enumerate(x)), dict(enumerate(y)))
        told = dict(zip(step.labels_, before[row].tolist(), strict=True))
        assert all(told[label] == on for label, on in guess.items()), f"row {row} differs"
        assert not any(on for label, on in told.items() if label not in guess)
    questions = rng.normal(size=(20, 4))
    for x in questions.tolist():
        assert _answer(many, dict(enumerate(x))) == _answer(single, dict(enumerate(x)))
        assert _answer(many, dict(enumerate(x))) == _answer(step, dict(enumerate(x)))


def check_memory_stays_under_max_bytes(make: Make) -> None:
    """Where a model has max_bytes and n_bytes, it keeps to them however much is new."""
    model = make()
    if not (hasattr(model, "max_bytes") and hasattr(model, "n_bytes")):
        return
    model = model.clone({"max_bytes": LEAST_BYTES})
    for row in range(120):
        x = {f"f{row}-{i}": 1.0 for i in range(60)}
        model.learn_one(x, {f"l{row}-{i}" for i in range(30)})
        assert model.n_bytes <= LEAST_BYTES, f"{model.n_bytes} bytes after {row + 1} rows"
    for width, share in ((8000, 1.0), (80_000, 0.1)):
        model, rng = model.clone(), np.random.default_rng(0)
        for row in range(25):
            places = rng.choice(width, int(share * width), replace=False).tolist()
            model.learn_one(dict.fromkeys(places, 1.0 + row % 7), {places[0] % 2})
            told = f"{model.n_bytes} bytes after {row + 1} rows of {len(places)} features"
            assert model.n_bytes <= LEAST_BYTES, told


def _rows(count: int) -> Iterator[Row]:
    """Yield the same rows every time: 5 features, up to 4 labels that depend on them."""
    rng = np.random.default_rng(7)
    for row in range(count):
        values = rng.normal(size=5).round(3).tolist()
        x = {f"f{i}": value for i, value in enumerate(values)}
        labels = 3 if row < count // 2 else 4
        yield x, {f"l{i}": values[i] + 0.3 * values[i - 1] > 0.2 for i in range(labels)}


def _taught(model: Any, count: int) -> Any:
    for x, y in _rows(count):
        model.learn_one(x, y)
    return model


def _answer(model: Any, x: dict[Any, float]) -> Any:
    try:
        return model.predict_one(x), model.predict_proba_one(x)
    except NotImplementedError:
        return model.predict_one(x)


def _assert_same(left: Any, right: Any, otherwise: str) -> None:
    for x, _ in _rows(30):
        assert _answer(left, x) == _answer(right, x), otherwise
