from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from nuisance_cases import confounded, estimand, sample
from scipy import special
from sklearn.linear_model import LinearRegression, LogisticRegression

from aitia.estimation import AIPW, TMLE
from aitia.estimation._tmle import _fluctuation
from aitia.identification import TREATED


@given(st.integers(0, 10**6), st.floats(-3, 3))
@settings(max_examples=30, deadline=None)
def test_fluctuation_solves_its_score(seed, centre):
    rng = np.random.default_rng(seed)
    offset, y, w = rng.normal(centre, 2, 50), rng.random(50), rng.exponential(1, 50) ** 3
    epsilon = _fluctuation(y, offset, w)
    assert abs(w @ (y - special.expit(offset + epsilon))) < 1e-10 * w.sum()


def test_plug_in_solves_the_efficient_score_and_stays_in_range():
    # Weak overlap and a binary outcome: AIPW's potential means may leave [0, 1], TMLE's never do.
    outside = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal((100, 2))
        t = (rng.random(100) < special.expit(2.5 * x[:, 0])).astype(float)
        y = (rng.random(100) < special.expit(-5 + 3 * x[:, 1])).astype(float)
        models = {"outcome": LinearRegression(), "treatment": LogisticRegression(), "floor": 1e-4}
        targeted = TMLE(**models).estimate(estimand(), sample(x, t, y))
        assert (targeted.profile.means >= 0).all() and (targeted.profile.means <= 1).all()
        assert abs(targeted.influence.mean()) < 1e-9
        plain = AIPW(**models).estimate(estimand(), sample(x, t, y)).profile.means
        outside += bool((plain < 0).any() or (plain > 1).any())
    assert outside > 0


def test_agrees_with_aipw_as_rows_grow():
    gaps = []
    for n in (300, 3000, 30000):
        x, t, y = confounded(n, 1)
        models = {"outcome": LinearRegression(), "treatment": LogisticRegression()}
        for population in (None, TREATED):
            question = estimand(population) if population else estimand()
            a = AIPW(**models).estimate(question, sample(x, t, y))
            b = TMLE(**models).estimate(question, sample(x, t, y))
            gaps.append(abs(a.value - b.value) / a.std_error)
    # The two differ by less than a standard error over sqrt(n), up to a constant.
    assert max(gaps[4:]) < 0.05
    assert np.mean(gaps[4:]) < np.mean(gaps[:2])


def test_binary_outcomes_with_a_classifier_as_outcome_model():
    x, t, y = confounded(3000, 3)
    outcome = (y > 0).astype(float)
    truth = None
    big_x, _, _ = confounded(200_000, 99)
    base = big_x @ np.linspace(1, -0.5, 4)
    truth = (special.ndtr(base + 1 + big_x[:, 0]) - special.ndtr(base)).mean()
    for estimator in (TMLE(LogisticRegression(), LogisticRegression()), TMLE()):
        found = estimator.estimate(estimand(), sample(x, t, outcome))
        assert abs(found.value - truth) < 3.5 * found.std_error
