"""Sparse matrices are read as the dense arrays that they stand for."""

import numpy as np
import pytest
from scipy import sparse

from growlabels.base.errors import DataError, UsageError
from growlabels.classes import EBVClassifier
from growlabels.classes.inputs.choice import reader_from_json
from growlabels.classes.inputs.sparse import SparseReader

QUICK = {"hidden": 32, "embedding": 16, "dim": 64, "epochs": 20}


def rows(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = random.integers(0, 3, count)
    x = random.random((count, 30)) * (random.random((count, 30)) < 0.1)
    x[np.arange(count), y] = 2.0
    return x, np.array(["a", "b", "c"])[y]


@pytest.mark.parametrize("form", ["csr_matrix", "csc_array", "coo_array", "lil_matrix"])
def test_every_form_is_learned_saved_and_added_to(form: str, tmp_path) -> None:
    x, y = rows(300, 0)
    make = getattr(sparse, form)
    old = np.flatnonzero(y != "c")
    model = EBVClassifier(**QUICK).fit(make(x[old]), y[old])
    model.partial_fit(make(x), y)
    fresh, labels = rows(100, 1)
    assert model.score(make(fresh), labels) > 0.9
    np.testing.assert_array_equal(model.predict(make(fresh)), model.predict(fresh))
    model.save(tmp_path / "m")
    loaded = EBVClassifier.load(tmp_path / "m")
    np.testing.assert_array_equal(
        loaded.predict_proba(make(fresh)), model.predict_proba(make(fresh))
    )
    with pytest.raises(ValueError, match="expecting 30 features"):
        model.predict(make(fresh[:, :7]))
    with pytest.raises(UsageError, match="X holds strings, the model was fitted on a sparse"):
        model.predict(["a text"])


def test_a_model_of_an_array_takes_sparse_rows() -> None:
    x, y = rows(200, 0)
    model = EBVClassifier(**QUICK).fit(x, y)
    np.testing.assert_array_equal(model.predict(sparse.csr_array(x)), model.predict(x))


def test_columns_are_scaled_by_what_was_seen_so_far() -> None:
    x = sparse.csr_array(np.array([[0.0, -4.0, 0.0], [2.0, 1.0, 0.0]]))
    before = SparseReader.of(x)
    assert before.largest.tolist() == [2.0, 4.0, 0.0]
    inputs = before.inputs(x)
    assert inputs.table.toarray().tolist() == [[0.0, -1.0, 0.0], [1.0, 0.25, 0.0]]
    after = before.followed(sparse.csr_array(np.array([[8.0, 0.0, 5.0]])))
    assert after.largest.tolist() == [8.0, 4.0, 5.0]
    assert (
        after.moved(inputs, before).table.toarray().tolist()
        == after.inputs(x).table.toarray().tolist()
    )
    assert reader_from_json(after.to_json()).largest.tolist() == after.largest.tolist()
    columns, starts, values = inputs.batch(np.array([1, 0]))
    assert (columns.tolist(), starts.tolist(), values.tolist()) == (
        [0, 1, 1],
        [0, 2, 3],
        [1.0, 0.25, -1.0],
    )
    broken = sparse.csr_array(np.array([[np.nan, 1.0, 0.0]]))
    with pytest.raises(DataError, match="X must hold finite numbers"):
        before.inputs(broken)
