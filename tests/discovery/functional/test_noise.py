"""The tests of noise are calibrated, and see what they should."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.diagnostic import normal_ad

from aitia.discovery.functional._noise import dependence_p_values, gaussian_p_value


def test_anderson_darling_is_that_of_statsmodels():
    for seed, draw in enumerate(("normal", "uniform", "exponential", "logistic", "laplace")):
        sample = getattr(np.random.default_rng(seed), draw)(size=60)
        assert gaussian_p_value(sample) == pytest.approx(normal_ad(sample)[1], abs=1e-6)


@pytest.mark.parametrize("draw", ["exponential", "uniform", "normal"])
def test_independent_noises_of_fitted_models_give_uniform_p_values(draw: str):
    p_values = []
    for seed in range(200):
        noise = getattr(np.random.default_rng(seed), draw)(size=(300, 3))
        noise -= noise.mean(axis=0)
        x = noise[:, 0]
        y = x + noise[:, 1]
        z = x - y + noise[:, 2]
        columns, left = np.column_stack([x, y, z]), [x]
        for k in (1, 2):
            slopes = np.linalg.lstsq(columns[:, :k], columns[:, k], rcond=None)[0]
            left.append(columns[:, k] - columns[:, :k] @ slopes)
        p_values.append(
            dependence_p_values(np.column_stack(left), np.ones((3, 3), bool))[np.triu_indices(3, 1)]
        )
    for column in np.array(p_values).T:
        assert stats.kstest(column, "uniform").pvalue > 0.001


def test_dependence_is_seen():
    rng = np.random.default_rng(0)
    a, b, c = rng.normal(size=(3, 1000))
    found = dependence_p_values(np.column_stack([a, a**2 + 0.5 * b, a * c]))
    assert found[0, 1] < 1e-6 and found[0, 2] < 1e-6
    straight = np.column_stack([a, a + 3 * b])
    # Straight dependence counts only where no regression has taken it out.
    assert dependence_p_values(straight, np.zeros((2, 2), bool))[0, 1] < 1e-6
