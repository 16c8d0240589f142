import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from aitia.refutation._linear import Projection, curvature_that_matters, curved_terms, expand, logistic


@settings(max_examples=30)
@given(seed=st.integers(0, 1000), weighted=st.booleans())
def test_residuals_are_those_of_least_squares(seed, weighted):
    random = np.random.default_rng(seed)
    x = random.normal(size=(60, 4)) * [1, 100, 0.01, 1] + [0, 1e3, 0, 5]
    x[:, 3] = x[:, 0] + 2 * x[:, 1]  # a combination of the others adds nothing
    y = random.normal(size=60)
    w = random.random(60) + 0.1 if weighted else None
    projection = Projection.onto(x, w)
    assert projection.rank == 4
    root = np.ones(60) if w is None else np.sqrt(w)
    design = np.column_stack([np.ones(60), x[:, :3]])
    expected = root * (y - design @ np.linalg.lstsq(design * root[:, None], y * root, rcond=None)[0])
    assert projection.residuals(y) == pytest.approx(expected, abs=1e-7)
    assert projection.fitted(y) * root == pytest.approx(y * root - expected, abs=1e-7)


def test_logistic_regression_of_scikit_learn():
    random = np.random.default_rng(0)
    x = random.normal(size=(500, 3)) * [1, 50, 0.1]
    t = (random.random(500) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    w = random.random(500) + 0.5
    for weights in (None, w):
        reference = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-10)
        reference.fit(x / x.std(0), t, sample_weight=weights)
        assert logistic(x, t, weights, ridge=0.0) == pytest.approx(
            reference.predict_proba(x / x.std(0))[:, 1], abs=2e-4
        )


def test_logistic_regression_of_separated_rows_stays_finite():
    x = np.linspace(-1, 1, 100)[:, None]
    p = logistic(x, (x[:, 0] > 0).astype(float))
    assert np.isfinite(p).all() and p[0] < 0.01 and p[-1] > 0.99


def test_curvature_is_chosen_where_it_is_and_seldom_where_it_is_not():
    random = np.random.default_rng(1)
    chosen = 0
    for _ in range(200):
        x = random.normal(size=(200, 3))
        y = x.sum(1) + random.normal(size=200)
        chosen += len(curvature_that_matters(y, x, expand(x))) > 0
    # Level 1%: at most 8 of 200 (99.9% point of the binomial is 8); heavy tails of robust scores add a
    # little.
    assert chosen <= 10
    x = random.normal(size=(500, 3))
    y = x.sum(1) + x[:, 1] ** 2 + random.normal(size=500)
    picked = curvature_that_matters(y, x, expand(x, curved_terms(x, products=False)))
    assert 2 in picked  # the square of the second column: squares and cubes alternate


def test_two_valued_columns_have_no_powers():
    x = np.column_stack([np.repeat([0.0, 1.0], 50), np.tile([0.0, 1.0], 50)])
    assert expand(x).shape == (100, 1)
    assert expand(np.empty((10, 0))).shape == (10, 0)
