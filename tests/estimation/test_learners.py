from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nuisance_cases import confounded, estimand, sample
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from aitia.estimation import AIPW, BadLearner, Series
from aitia.estimation._crossfit import arrange
from aitia.estimation._learners import (
    Workshop,
    cross_fit_means,
    cross_fit_propensities,
    is_plain_linear,
    plain_logistic_strength,
)
from aitia.estimation._learners import _means_by_refits as refitted_means
from aitia.estimation._learners import _probabilities_by_refits as refitted_probabilities


def shop(n=400, seed=0, weights=False, x=None):
    made, t, y = confounded(n, seed)
    x = made if x is None else x
    w = np.random.default_rng(seed).uniform(0.2, 3, n) if weights else None
    return Workshop(arrange(sample(x, t, y, weights=w), 5, seed))


@given(
    st.integers(0, 10**6),
    st.sampled_from([LinearRegression(), Ridge(0.1), Ridge(50.0)]),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_moments_give_the_refits_of_scikit_learn(seed, learner, weights, by_arm):
    made = shop(150, seed, weights)
    rows = made.arranged
    targets = np.column_stack([rows.y, rows.treatment])
    fast = cross_fit_means(made, learner, targets, by_arm=by_arm)
    slow = refitted_means(rows, learner, targets, by_arm, None)
    np.testing.assert_allclose(fast.values, slow.values, rtol=1e-8, atol=1e-8)


def test_moments_survive_a_column_far_from_zero_and_a_repeated_one():
    x, _, _ = confounded(400, 3)
    x = np.column_stack([x, 1e6 + x[:, 0] * 1e-1 + x[:, 1], x[:, 1]])
    made = shop(400, 3, x=x)
    fast = cross_fit_means(made, LinearRegression(), made.arranged.y[:, None])
    slow = refitted_means(made.arranged, LinearRegression(), made.arranged.y[:, None], True, None)
    np.testing.assert_allclose(fast.values, slow.values, atol=1e-4)


@given(st.integers(0, 10**6), st.sampled_from([0.01, 1.0, 1e4, np.inf]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_shared_newton_steps_give_the_refits_of_logistic_regression(seed, strength, weights):
    made = shop(300, seed, weights)
    learner = LogisticRegression(C=strength, tol=1e-10, max_iter=2000, solver="newton-cholesky")
    fast = cross_fit_propensities(made, learner, made.arranged.arm, 2)
    slow = refitted_probabilities(made.arranged, learner, made.arranged.arm, 2)
    np.testing.assert_allclose(fast.values, slow.values, atol=2e-6)


def test_only_what_moments_can_answer_is_recognised():
    class Tuned(Ridge):
        """Somebody's own ridge."""

    assert is_plain_linear(Ridge()) and is_plain_linear(LinearRegression())
    for other in (
        Tuned(),
        Ridge(fit_intercept=False),
        LinearRegression(positive=True),
        Ridge(alpha=np.ones(2)),
    ):
        assert not is_plain_linear(other)
    assert plain_logistic_strength(LogisticRegression(C=4.0)) == 0.25
    for other in (
        LogisticRegression(class_weight="balanced"),
        LogisticRegression(solver="liblinear"),
        LogisticRegression(l1_ratio=0.5, solver="saga"),
    ):
        assert plain_logistic_strength(other) is None


def test_rows_never_see_their_own_outcome():
    # Changing the outcomes of one fold must not move that fold's predictions, whatever the learner.
    x, t, y = confounded(300, 1)
    folds = np.arange(300) % 5
    for learner in (LinearRegression(), Series(trees=False), HistGradientBoostingRegressor(max_iter=5)):
        other = y.copy()
        other[folds == 2] += np.random.default_rng(0).normal(0, 5, (folds == 2).sum())
        both = []
        for values in (y, other):
            made = Workshop(arrange(sample(x, t, values), folds, 0))
            both.append(
                made.arranged.restore(cross_fit_means(made, learner, made.arranged.y[:, None]).values)
            )
        same = np.abs(both[0] - both[1])[folds == 2].max()
        moved = np.abs(both[0] - both[1])[folds != 2].max()
        assert moved > 0.1
        # The series shares its choice of penalty between folds, and nothing else.
        assert same < (0.5 if isinstance(learner, Series) else 1e-9)


def test_series_finds_curves_products_and_steps():
    rng = np.random.default_rng(0)
    n = 6000
    x = rng.standard_normal((n, 5))
    t = (rng.random(n) < 0.5).astype(float)
    for truth, least in (
        (np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2], 0.97),
        (x[:, 0] - 2 * x[:, 4], 0.999),
        (2.0 * (x[:, 0] > 0) * (x[:, 1] > 0), 0.9),
    ):
        made = Workshop(arrange(sample(x, t, truth + rng.standard_normal(n)), 5, 0))
        fitted = made.arranged.restore(cross_fit_means(made, Series(), made.arranged.y[:, None]).values)
        for arm in range(2):
            assert 1 - np.var(truth - fitted[:, arm]) / np.var(truth) > least
    chance = 1 / (1 + np.exp(-np.sin(2 * x[:, 0]) - x[:, 1] * x[:, 2]))
    made = Workshop(arrange(sample(x, (rng.random(n) < chance).astype(float), x[:, 0]), 5, 0))
    e = made.arranged.restore(cross_fit_propensities(made, Series(), made.arranged.arm, 2).values)[:, 1]
    assert np.corrcoef(e, chance)[0, 1] > 0.97
    assert abs(e.mean() - chance.mean()) < 0.02


def test_series_handles_no_covariates_constants_and_few_values():
    rng = np.random.default_rng(0)
    for x in (
        np.empty((200, 0)),
        np.ones((200, 1)),
        np.column_stack([np.ones(200), rng.integers(0, 2, 200), rng.integers(0, 3, 200)]),
    ):
        t = (np.arange(200) % 2).astype(float)
        y = rng.standard_normal(200) + t
        answer = AIPW().estimate(estimand(), sample(x, t, y))
        assert abs(answer.value - 1) < 4 * answer.std_error
        assert 0.1 < answer.std_error < 0.2


def test_other_learners_of_scikit_learn_work_and_bad_ones_are_named():
    x, t, y = confounded(500, 2)
    trees = AIPW(HistGradientBoostingRegressor(max_iter=20), HistGradientBoostingClassifier(max_iter=20))
    answer = trees.estimate(estimand(), sample(x, t, y))
    assert abs(answer.value - 1) < 4 * answer.std_error

    class Unweighted(RegressorMixin, BaseEstimator):
        def fit(self, x, y):
            self.mean_ = y.mean()
            return self

        def predict(self, x):
            return np.full(len(x), self.mean_)

    AIPW(Unweighted(), LogisticRegression()).estimate(estimand(), sample(x, t, y))
    with pytest.raises(BadLearner, match="Unweighted cannot take them in fit"):
        AIPW(Unweighted(), LogisticRegression()).estimate(estimand(), sample(x, t, y, weights=np.ones(500)))
    with pytest.raises(BadLearner, match="needs predict_proba; Ridge has none"):
        AIPW(Ridge(), Ridge()).estimate(estimand(), sample(x, t, y))
    with pytest.raises(BadLearner, match="'str' came"):
        AIPW("ridge", LogisticRegression()).estimate(estimand(), sample(x, t, y))
