"""Modes in NumPy: the same posterior as the mechanism's own law, and derivatives that are its derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import biject_to

from aitia.programs.mechanisms import (
    Bernoulli,
    Categorical,
    Gamma,
    GeneralisedLinear,
    Linear,
    NegativeBinomial,
    Normal,
    Poisson,
    Probit,
    Root,
    Spline,
    Table,
)
from aitia.programs.mechanisms._maximum import by_row
from aitia.programs.mechanisms._penalised import Penalised, is_penalised

ROWS = 60


def _data():
    random = np.random.default_rng(0)
    x, g = random.normal(3, 2, ROWS), random.integers(0, 3, ROWS)
    y = np.sin(x) + g + 0.5 * random.normal(size=ROWS)
    return {
        "x": x,
        "g": g,
        "number": y,
        "positive": np.exp(y / 4),
        "yes": (random.random(ROWS) < 0.4).astype(int),
        "count": random.negative_binomial(2, 2 / (2 + np.exp(0.2 * x))),
        "level": (g + (random.random(ROWS) < 0.3)) % 3,
    }


DATA = _data()
G = {"g": 3}
CASES = [
    (Linear("x", "g", categorical=G, interactions=True), "number"),
    (Spline("x", "g", categorical=G), "number"),
    (Spline("x", family=Gamma()), "positive"),
    (Spline("x", "g", family=Bernoulli(), categorical=G), "yes"),
    (GeneralisedLinear("x", family=Poisson()), "count"),
    (Spline("x", family=NegativeBinomial()), "count"),
    (Spline("x", family=Categorical(3)), "level"),
]


@pytest.mark.parametrize(("mechanism", "node"), CASES, ids=lambda each: getattr(each, "description", each))
def test_the_posterior_is_the_mechanism_s_own_and_its_slope_is_its_slope(mechanism, node):
    parents = {name: DATA[name] for name in mechanism.parents}
    with jax.enable_x64(True):
        learned = mechanism.learned(parents, DATA[node], seed=0)
        assert is_penalised(learned)
        laid_out = Penalised.of(learned, parents, DATA[node])
        random = np.random.default_rng(1)
        size = sum(int(np.prod(each)) for each in laid_out._shapes)
        point, weights = 0.3 * random.normal(size=size), random.integers(0, 2, ROWS).astype(float)
        own = {name: jnp.asarray(each) for name, each in laid_out.parameters(point).items()}
        assert {name: each.shape for name, each in own.items()} == {
            name: each.prior.shape() for name, each in learned.parameters.items()
        }
        rows = {name: jnp.asarray(each) for name, each in parents.items()}
        law = by_row(learned, own, rows, jnp.asarray(DATA[node]), {})
        np.testing.assert_allclose(laid_out.log_density(point), law, atol=1e-9)

        # The prior and its Jacobian, of the mechanism's own parameters; normal priors up to their constants, which
        # move no mode.
        expected = float(jnp.vdot(weights, law))
        for name, each in learned.parameters.items():
            to = biject_to(each.prior.support)
            nothing = jnp.full_like(own[name], 1e-12)
            expected += float((each.prior.log_prob(own[name]) - each.prior.log_prob(nothing)).sum())
            expected += float(to.log_abs_det_jacobian(to.inv(own[name]), own[name]).sum())
    value, slope = laid_out.loss(point, weights)
    assert -value == pytest.approx(expected, abs=1e-8)
    step = 1e-5
    numeric = [
        (laid_out.loss(point + move, weights)[0] - laid_out.loss(point - move, weights)[0]) / (2 * step)
        for move in step * np.eye(size)
    ]
    np.testing.assert_allclose(slope, numeric, rtol=1e-5, atol=1e-5)
    at = laid_out.mode(weights)
    assert np.abs(laid_out.loss(at, weights)[1]).max() < 1e-2
    assert laid_out.loss(at, weights)[0] < value


def test_only_what_is_written_down_is_done_here():
    assert is_penalised(Root())
    assert is_penalised(Linear("x"))
    assert not is_penalised(Linear("x", priors={"slopes": dist.Normal(0, 1)}))
    assert not is_penalised(Linear("x", per="school"))
    assert not is_penalised(Linear("x", size=2))
    assert not is_penalised(GeneralisedLinear("x", family=Bernoulli(link=Probit())))
    assert not is_penalised(GeneralisedLinear("x", family=Poisson(), exposure="years"))
    assert not is_penalised(Table("x"))
    assert is_penalised(GeneralisedLinear("x", family=Normal()))


def test_the_negative_binomial_is_that_of_scipy():
    from scipy import stats

    with jax.enable_x64(True):
        for mean, overdispersion in ((2.0, 0.3), (30.0, 0.5), (0.5, 1e-3)):
            law = NegativeBinomial().distribution(
                jnp.log(mean), {"overdispersion": jnp.asarray(overdispersion)}, 1.0
            )
            values = np.arange(80)
            # scipy.stats.nbinom.logpmf(values, 1 / overdispersion, 1 / (1 + overdispersion * mean))
            expected = stats.nbinom.logpmf(values, 1 / overdispersion, 1 / (1 + overdispersion * mean))
            np.testing.assert_allclose(law.log_prob(jnp.asarray(values)), expected, atol=1e-9)
