"""Laws of every form of noise, over one table of instances; the reference laws are those of scipy.stats."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import stats

from aitia.programs._events import Between, Exactly
from aitia.programs._precision import double
from aitia.programs.forms import GumbelMax, Threshold, conditional_of, with_noise

DRAWS = 4000


@dataclass(frozen=True)
class Instance:
    """A law, the same law as scipy has it, and another of the same family: the node in a second world."""

    law: Any
    reference: Any
    other: Any


def weighted(chance: float, first, second):
    """A mixture as scipy lacks it."""

    class Mixture:
        cdf = staticmethod(lambda x: chance * first.cdf(x) + (1 - chance) * second.cdf(x))
        pmf = staticmethod(lambda x: chance * first.pmf(x) + (1 - chance) * second.pmf(x))
        pdf = staticmethod(lambda x: chance * first.pdf(x) + (1 - chance) * second.pdf(x))

    return Mixture


CONTINUOUS = {
    "normal": Instance(lambda: dist.Normal(1.0, 2.0), stats.norm(1, 2), lambda: dist.Normal(0.0, 3.0)),
    "laplace": Instance(lambda: dist.Laplace(1.0, 2.0), stats.laplace(1, 2), lambda: dist.Laplace(0.0, 1.0)),
    "cauchy": Instance(lambda: dist.Cauchy(1.0, 2.0), stats.cauchy(1, 2), lambda: dist.Cauchy(0.0, 1.0)),
    "gumbel": Instance(lambda: dist.Gumbel(1.0, 2.0), stats.gumbel_r(1, 2), lambda: dist.Gumbel(0.0, 1.0)),
    "logistic": Instance(
        lambda: dist.Logistic(1.0, 2.0), stats.logistic(1, 2), lambda: dist.Logistic(0.0, 3.0)
    ),
    "student": Instance(
        lambda: dist.StudentT(4.0, 1.0, 2.0), stats.t(4, 1, 2), lambda: dist.StudentT(9.0, 0.0, 2.0)
    ),
    "lognormal": Instance(
        lambda: dist.LogNormal(0.3, 0.5), stats.lognorm(0.5, scale=np.exp(0.3)), lambda: dist.LogNormal(0.0, 1.0)
    ),
    "half normal": Instance(
        lambda: dist.HalfNormal(2.0), stats.halfnorm(0, 2), lambda: dist.HalfNormal(1.0)
    ),
    "exponential": Instance(
        lambda: dist.Exponential(2.0), stats.expon(0, 0.5), lambda: dist.Exponential(1.0)
    ),
    "gamma": Instance(
        lambda: dist.Gamma(2.5, 1.5), stats.gamma(2.5, scale=1 / 1.5), lambda: dist.Gamma(1.5, 1.0)
    ),
    "small gamma": Instance(
        lambda: dist.Gamma(0.2, 1.0), stats.gamma(0.2), lambda: dist.Gamma(0.4, 1.0)
    ),
    "beta": Instance(lambda: dist.Beta(2.0, 3.0), stats.beta(2, 3), lambda: dist.Beta(1.0, 2.0)),
    "weibull": Instance(
        lambda: dist.Weibull(2.0, 1.5), stats.weibull_min(1.5, scale=2), lambda: dist.Weibull(1.0, 1.0)
    ),
    "uniform": Instance(lambda: dist.Uniform(-1.0, 3.0), stats.uniform(-1, 4), lambda: dist.Uniform(0.0, 2.0)),
    "truncated": Instance(
        lambda: dist.TruncatedNormal(0.0, 1.0, low=1.0, high=3.0),
        stats.truncnorm(1, 3),
        lambda: dist.TruncatedNormal(1.0, 1.0, low=1.0, high=3.0),
    ),
    "inverse gamma": Instance(
        lambda: dist.InverseGamma(3.0, 2.0), stats.invgamma(3, scale=2), lambda: dist.InverseGamma(2.0, 2.0)
    ),
    "pareto": Instance(lambda: dist.Pareto(1.0, 3.0), stats.pareto(3), lambda: dist.Pareto(1.0, 2.0)),
    "mixture": Instance(
        lambda: dist.MixtureSameFamily(
            dist.Categorical(jnp.array([0.3, 0.7])), dist.Normal(jnp.array([-2.0, 3.0]), jnp.array([1.0, 0.5]))
        ),
        weighted(0.3, stats.norm(-2, 1), stats.norm(3, 0.5)),
        lambda: dist.MixtureSameFamily(
            dist.Categorical(jnp.array([0.5, 0.5])), dist.Normal(jnp.array([-1.0, 3.0]), jnp.array([1.0, 1.0]))
        ),
    ),
    "falling transform": Instance(
        lambda: dist.TransformedDistribution(dist.Exponential(1.0), [transforms.AffineTransform(2.0, -1.0)]),
        type(
            "Reflected",
            (),
            {
                "cdf": staticmethod(lambda x: stats.expon.sf(2 - x)),
                "pdf": staticmethod(lambda x: stats.expon.pdf(2 - x)),
            },
        ),
        lambda: dist.TransformedDistribution(dist.Exponential(1.0), [transforms.AffineTransform(3.0, -2.0)]),
    ),
}  # fmt: skip

DISCRETE = {
    "bernoulli": Instance(lambda: dist.Bernoulli(0.3), stats.bernoulli(0.3), lambda: dist.Bernoulli(0.6)),
    "binomial": Instance(
        lambda: dist.Binomial(7, 0.3), stats.binom(7, 0.3), lambda: dist.Binomial(7, 0.5)
    ),
    "poisson": Instance(lambda: dist.Poisson(3.0), stats.poisson(3), lambda: dist.Poisson(5.0)),
    "negative binomial": Instance(
        lambda: dist.NegativeBinomial2(3.0, 2.0),
        stats.nbinom(2, 2 / 5),
        lambda: dist.NegativeBinomial2(4.0, 1.0),
    ),
    "geometric": Instance(
        lambda: dist.Geometric(0.3), stats.geom(0.3, loc=-1), lambda: dist.Geometric(0.2)
    ),
    "zero inflated": Instance(
        lambda: dist.ZeroInflatedPoisson(0.3, 3.0),
        weighted(0.3, stats.randint(0, 1), stats.poisson(3)),
        lambda: dist.ZeroInflatedPoisson(0.1, 3.0),
    ),
    "discrete uniform": Instance(
        lambda: dist.DiscreteUniform(2, 6), stats.randint(2, 7), lambda: dist.DiscreteUniform(2, 6)
    ),
    "categorical by threshold": Instance(
        lambda: with_noise(dist.Categorical(jnp.array([0.2, 0.5, 0.3])), Threshold),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])),
        lambda: with_noise(dist.Categorical(jnp.array([0.5, 0.2, 0.3])), Threshold),
    ),
    "categorical": Instance(
        lambda: dist.Categorical(jnp.array([0.2, 0.5, 0.3])),
        stats.rv_discrete(values=([0, 1, 2], [0.2, 0.5, 0.3])),
        lambda: dist.Categorical(jnp.array([0.5, 0.2, 0.3])),
    ),
    "bernoulli by Gumbel": Instance(
        lambda: with_noise(dist.Bernoulli(0.3), GumbelMax),
        stats.bernoulli(0.3),
        lambda: with_noise(dist.Bernoulli(0.6), GumbelMax),
    ),
}  # fmt: skip

INSTANCES = CONTINUOUS | DISCRETE


@functools.cache
@double
def study(name: str) -> dict[str, np.ndarray]:
    """Everything the laws below look at, in one compiled function an instance."""
    instance = INSTANCES[name]
    keys = jax.random.split(jax.random.key(7), DRAWS)

    @jax.jit
    def draw(keys):
        here, there = conditional_of(instance.law()), conditional_of(instance.other())
        noise = jax.vmap(here.noise)(keys)
        return jax.vmap(here.push)(noise), jax.vmap(there.push)(noise)

    values, others = (np.asarray(each) for each in draw(keys))
    # A middling interval in each world, so that the two together keep a share of the units.
    low, high = np.quantile(values, [0.2, 0.7], method="nearest")
    other_low, other_high = np.quantile(others, [0.3, 0.9], method="nearest")

    @jax.jit
    def know(keys, seen, low, high, other_low, other_high):
        here, there = conditional_of(instance.law()), conditional_of(instance.other())

        def exact(key, value):
            noise, log_weight = here.abduct(key, [(here, Exactly(value))])
            return here.push(noise), log_weight, here.log_prob(value), there.push(noise)

        def one(key):
            noise, log_weight = here.abduct(key, [(here, Between(low, high, with_low=False))])
            return here.push(noise), log_weight

        def both(key):
            known = [(here, Between(low, high)), (there, Between(other_low, other_high))]
            noise, log_weight = here.abduct(key, known)
            return here.push(noise), there.push(noise), log_weight

        impossible = here.abduct(keys[0], [(here, Between(high, low, with_low=False, with_high=False))])
        return jax.vmap(exact)(keys[:200], seen[:200]), jax.vmap(one)(keys), jax.vmap(both)(keys), impossible

    known = know(keys, values, low, high, other_low, other_high)
    (back, weight, log_prob, _), (inside, mass), (here, there, both), impossible = jax.tree.map(
        np.asarray, known
    )
    return {
        "values": values, "others": others, "low": low, "high": high, "other": (other_low, other_high),
        "back": back, "weight": weight, "log_prob": log_prob, "inside": inside, "mass": mass,
        "here": here, "there": there, "both": both, "impossible": impossible,
    }  # fmt: skip


@pytest.mark.parametrize("name", CONTINUOUS)
def test_noise_pushed_follows_the_law(name):
    # Under the law the Kolmogorov-Smirnov p-value is uniform; one in 10,000 of fixed seeds would fall below.
    assert stats.kstest(study(name)["values"], CONTINUOUS[name].reference.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", DISCRETE)
def test_noise_pushed_has_the_probabilities(name):
    values, reference = study(name)["values"], DISCRETE[name].reference
    assert np.issubdtype(values.dtype, np.integer)
    for value in np.unique(values):
        chance = reference.pmf(value)
        assert abs(np.mean(values == value) - chance) < 4.5 * np.sqrt(chance / DRAWS) + 1e-3


@pytest.mark.parametrize("name", INSTANCES)
def test_an_exact_value_comes_back_with_its_density(name):
    found, reference = study(name), INSTANCES[name].reference
    seen = found["values"][:200]
    if name in DISCRETE:
        assert np.array_equal(found["back"], seen)
        expected = np.log(reference.pmf(seen))
    else:
        np.testing.assert_allclose(found["back"], seen, rtol=1e-9, atol=1e-12)
        expected = np.log(reference.pdf(seen))
    np.testing.assert_allclose(found["weight"], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found["log_prob"], expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", INSTANCES)
def test_an_interval_weighs_its_probability(name):
    found, reference = study(name), INSTANCES[name].reference
    expected = reference.cdf(found["high"]) - reference.cdf(found["low"])
    np.testing.assert_allclose(np.exp(found["mass"]), expected, rtol=1e-8)
    assert found["inside"].min() >= found["low"] and found["inside"].max() <= found["high"]


@pytest.mark.parametrize("name", CONTINUOUS)
def test_draws_within_an_interval_follow_the_truncated_law(name):
    found, reference = study(name), CONTINUOUS[name].reference
    below, above = reference.cdf(found["low"]), reference.cdf(found["high"])
    ranks = (reference.cdf(found["inside"]) - below) / (above - below)
    assert stats.kstest(ranks, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name", INSTANCES)
def test_evidence_in_two_worlds_equals_brute_force(name):
    """P(both) and the law given both, against keeping those of many unconditioned units that fit."""
    found = study(name)
    (other_low, other_high), low, high = found["other"], found["low"], found["high"]
    values, others = found["values"], found["others"]
    fits = (values >= low) & (values <= high) & (others >= other_low) & (others <= other_high)
    share = np.exp(found["both"]).mean()
    assert abs(share - fits.mean()) < 4.5 * np.sqrt(share / DRAWS)
    slack = 1e-9 * (1 + abs(high) + abs(low))
    assert np.all((found["here"] >= low - slack) & (found["here"] <= high + slack))
    assert np.all((found["there"] >= other_low - slack) & (found["there"] <= other_high + slack))
    assert fits.sum() > 200
    if name in CONTINUOUS:
        assert stats.ks_2samp(found["here"], values[fits]).pvalue > 1e-4
    else:
        for value in np.unique(values[fits]):
            gap = np.mean(found["here"] == value) - np.mean(values[fits] == value)
            assert abs(gap) < 4.5 * np.sqrt(0.25 / fits.sum() + 0.25 / DRAWS)


@pytest.mark.parametrize("name", INSTANCES)
def test_impossible_evidence_weighs_nothing_and_is_no_nan(name):
    noise, log_weight = study(name)["impossible"]
    assert log_weight == -np.inf
    assert np.all(np.isfinite(noise))
