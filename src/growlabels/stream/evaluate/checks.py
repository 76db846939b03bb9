"""Check the contract of a stream learner, one function for each rule.

``for check in stream_checks(): check(lambda: MyModel())`` tests your own learner.
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
"""Value of ``max_bytes`` that the check of memory sets."""


def stream_checks() -> Iterator[Check]:
    """Yield the checks; each takes a function that returns a new model, and may fail to assert.

    Yields
    ------
    callable
        A check ``check(make)``. It raises AssertionError if the model breaks its rule.

    Examples
    --------
    >>> from growlabels.stream import stream_checks
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
        Function without arguments that returns a new model.

    Raises
    ------
    AssertionError
        If a check fails; the message says which rule the model breaks.

    Examples
    --------
    >>> from growlabels.stream import check_stream_model
    >>> from growlabels.stream import MajorityLabels
    >>> check_stream_model(MajorityLabels)
    """
    UsageError.require_callable("make", make)
    for check in stream_checks():
        check(make)


def check_labels_appear(make: Make) -> None:
    """Check that a label is known from its first row on, and not before."""
    model, seen = make(), set()
    for x, y in _rows(60):
        guess = model.predict_one(x)
        assert set(guess) <= seen, f"predicts {set(guess) - seen} before any row contains them"
        model.learn_one(x, y)
        seen |= set(y)
    model.learn_one({"f0": 1.0}, {"late": True})
    assert "late" in model.predict_one({"f0": 1.0}), "does not know a label that appeared late"


def check_labels_vanish_and_return(make: Make) -> None:
    """Check that a label may be missing from rows for a while and return."""
    model = make()
    for _ in range(3):
        for x, y in _rows(40):
            model.learn_one(x, y)
        for x, y in _rows(40):
            model.learn_one(x, {label: on for label, on in y.items() if label != "l0"})
    assert "l0" in model.predict_one({"f0": 1.0}), "forgot a label that vanished"


def check_features_come_and_go(make: Make) -> None:
    """Check that a feature may be missing and that a new one may appear at any time."""
    model = make()
    for row, (x, y) in enumerate(_rows(60)):
        x = {name: value for name, value in x.items() if (row + len(name)) % 3}
        x |= {f"new{row}": 1.0} if row % 10 == 0 else {}
        model.predict_one(x)
        model.learn_one(x, y)


def check_empty_rows_are_taken(make: Make) -> None:
    """Check that a row without features and a row without labels are accepted."""
    model = make()
    model.predict_one({})
    model.learn_one({}, {})
    model.learn_one({"f0": 1.0}, {})
    model.learn_one({}, {"l0": True})
    assert "l0" in model.predict_one({}), "did not learn from a row without features"


def check_learning_leaves_its_input_alone(make: Make) -> None:
    """Check that learning and predicting do not change their arguments."""
    model = make()
    for x, y in _rows(40):
        before = copy.deepcopy((x, y))
        model.predict_one(x)
        model.learn_one(x, y)
        assert (x, y) == before, "changed its input"
        assert [list(x), list(y)] == [list(before[0]), list(before[1])], "reordered its input"


def check_predicting_leaves_the_state_alone(make: Make) -> None:
    """Check that predictions have no effect on later predictions."""
    predicting, quiet = make(), make()
    for x, y in _rows(80):
        predicting.predict_one({name: -2.0 * value for name, value in x.items()} | {"odd": 9.0})
        predicting.predict_one(x)
        assert predicting.predict_one(x) == predicting.predict_one(x), (
            "gives another prediction for the same row"
        )
        predicting.learn_one(x, y)
        quiet.learn_one(x, y)
    _assert_same(predicting, quiet, "predicting changed the state")


def check_order_of_features_has_no_effect(make: Make) -> None:
    """Check that the order of the features in a row has no effect."""
    forward, backward = make(), make()
    for x, y in _rows(80):
        forward.learn_one(x, y)
        backward.learn_one(dict(reversed(x.items())), y)
    _assert_same(forward, backward, "the order of features matters")


def check_order_of_labels_has_no_effect(make: Make) -> None:
    """Check that the order of the labels in a row has no effect."""
    forward, backward = make(), make()
    for x, y in _rows(80):
        forward.learn_one(x, y)
        backward.learn_one(x, dict(reversed(y.items())))
    _assert_same(forward, backward, "the order of labels matters")


def check_probabilities_are_probabilities(make: Make) -> None:
    """Check that probabilities lie in [0, 1], sum to 1 and cover the predicted labels."""
    model = make()
    for x, y in _rows(60):
        model.learn_one(x, y)
        try:
            found = model.predict_proba_one(x)
        except NotImplementedError:
            return
        assert set(found) == set(model.predict_one(x)), "has other labels than predict_one"
        for label, p in found.items():
            assert 0 <= p[True] <= 1, f"p of {label} is {p[True]}"
            assert abs(p[True] + p[False] - 1) < 1e-9, f"p of {label} does not sum to 1"


def check_same_seed_same_result(make: Make) -> None:
    """Check that two equal models that learn the same rows predict the same."""
    first, second = _trained(make(), 80), _trained(make(), 80)
    _assert_same(first, second, "two runs differ")


def check_copies_are_independent(make: Make) -> None:
    """Check that learning by a deep copy does not change the original."""
    model, twin = _trained(make(), 60), _trained(make(), 60)
    _trained(copy.deepcopy(model), 80)
    _assert_same(model, twin, "a deep copy shares state with the original")


def check_pickle_goes_on_identically(make: Make) -> None:
    """Check that a pickled model continues exactly as the original."""
    model = _trained(make(), 60)
    again = pickle.loads(pickle.dumps(model))  # noqa: S301 (made one line above)
    _assert_same(_trained(model, 60), _trained(again, 60), "pickle changed the model")


def check_save_and_load_go_on_identically(make: Make) -> None:
    """Check that a saved and loaded model continues exactly as the original."""
    model = _trained(make(), 60)
    if not hasattr(model, "save"):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model"
        model.save(path)
        again = type(model).load(path)
    _assert_same(_trained(model, 60), _trained(again, 60), "saving changed the model")


def check_many_rows_equal_one_by_one(make: Make) -> None:
    """Check that learning from arrays equals learning from their rows one by one."""
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
        answer = dict(zip(step.labels_, before[row].tolist(), strict=True))
        assert all(answer[label] == on for label, on in guess.items()), f"row {row} differs"
        assert not any(on for label, on in answer.items() if label not in guess)
    questions = rng.normal(size=(20, 4))
    for x in questions.tolist():
        assert _answer(many, dict(enumerate(x))) == _answer(single, dict(enumerate(x)))
        assert _answer(many, dict(enumerate(x))) == _answer(step, dict(enumerate(x)))


def check_memory_stays_under_max_bytes(make: Make) -> None:
    """Check that ``n_bytes`` stays below ``max_bytes``, however many names are new."""
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
            message = f"{model.n_bytes} bytes after {row + 1} rows of {len(places)} features"
            assert model.n_bytes <= LEAST_BYTES, message


def _rows(count: int) -> Iterator[Row]:
    """Yield a fixed stream with 5 features and up to 4 labels that depend on them."""
    rng = np.random.default_rng(7)
    for row in range(count):
        values = rng.normal(size=5).round(3).tolist()
        x = {f"f{i}": value for i, value in enumerate(values)}
        labels = 3 if row < count // 2 else 4
        yield x, {f"l{i}": values[i] + 0.3 * values[i - 1] > 0.2 for i in range(labels)}


def _trained(model: Any, count: int) -> Any:
    """Train a model on some rows and return it."""
    for x, y in _rows(count):
        model.learn_one(x, y)
    return model


def _answer(model: Any, x: dict[Any, float]) -> Any:
    """Return the prediction of a row, with probabilities if the model has them."""
    try:
        return model.predict_one(x), model.predict_proba_one(x)
    except NotImplementedError:
        return model.predict_one(x)


def _assert_same(left: Any, right: Any, otherwise: str) -> None:
    """Assert that two models predict the same."""
    for x, _ in _rows(30):
        assert _answer(left, x) == _answer(right, x), otherwise
