"""Laws of every form of noise, over one table of instances; the reference laws are those of scipy.stats.

Ranks are checked for every family. The laws of abduction compile a few functions for each family: a few families stand
for all, and AITIA_SLOW=1 goes through the whole table.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import special, stats

from aitia.programs._events import Between, Exactly
from aitia.programs._precision import double
from aitia.programs.forms import GumbelMax, Threshold, conditional_of, with_noise
from aitia.programs.forms._counts import steps_of
from aitia.programs.forms._ranks import ranks_of

DRAWS = 4000


@dataclass(frozen=True)
class Instance:
    """A family, its parameters in two worlds, and the law in the first as scipy has it.

    The parameters are traced: both worlds run the same compiled code.
    """

    family: Callable[..., Any]
    here: tuple[Any, ...]
    there: tuple[Any, ...]
    reference: Any


def weighted(chance: float, first, second):
    """A mixture as scipy lacks it."""

    class Mixture:
        cdf = staticmethod(lambda x: chance * first.cdf(x) + (1 - chance) * second.cdf(x))
        sf = staticmethod(lambda x: chance * first.sf(x) + (1 - chance) * second.sf(x))
        pmf = staticmethod(lambda x: chance * first.pmf(x) + (1 - chance) * second.pmf(x))
        pdf = staticmethod(lambda x: chance * first.pdf(x) + (1 - chance) * second.pdf(x))

    return Mixture


class Reflected:
    """2 minus an exponential variable."""

    cdf = staticmethod(lambda x: stats.expon.sf(2 - x))
    sf = staticmethod(lambda x: stats.expon.cdf(2 - x))
    pdf = staticmethod(lambda x: stats.expon.pdf(2 - x))


def two_normals(chance, centres, scales):
    mixing = dist.CategoricalProbs(jnp.array([chance, 1 - chance]))
    return dist.MixtureSameFamily(mixing, dist.Normal(jnp.asarray(centres), jnp.asarray(scales)))


def falling(centre, scale):
    return dist.TransformedDistribution(dist.Exponential(1.0), [transforms.AffineTransform(centre, -scale)])


LEVELS, OTHER_LEVELS = (np.array([0.2, 0.5, 0.3]),), (np.array([0.5, 0.2, 0.3]),)
OF_LEVELS = stats.rv_discrete(values=([0, 1, 2], LEVELS[0]))

CONTINUOUS = {
    "normal": Instance(dist.Normal, (1.0, 2.0), (0.0, 3.0), stats.norm(1, 2)),
    "laplace": Instance(dist.Laplace, (1.0, 2.0), (0.0, 1.0), stats.laplace(1, 2)),
    "cauchy": Instance(dist.Cauchy, (1.0, 2.0), (0.0, 1.0), stats.cauchy(1, 2)),
    "gumbel": Instance(dist.Gumbel, (1.0, 2.0), (0.0, 1.0), stats.gumbel_r(1, 2)),
    "logistic": Instance(dist.Logistic, (1.0, 2.0), (0.0, 3.0), stats.logistic(1, 2)),
    "student": Instance(dist.StudentT, (4.0, 1.0, 2.0), (9.0, 0.0, 2.0), stats.t(4, 1, 2)),
    "lognormal": Instance(dist.LogNormal, (0.3, 0.5), (0.0, 1.0), stats.lognorm(0.5, scale=np.exp(0.3))),
    "half normal": Instance(dist.HalfNormal, (2.0,), (1.0,), stats.halfnorm(0, 2)),
    "half Cauchy": Instance(dist.HalfCauchy, (2.0,), (1.0,), stats.halfcauchy(0, 2)),
    "exponential": Instance(dist.Exponential, (2.0,), (1.0,), stats.expon(0, 0.5)),
    "gamma": Instance(dist.Gamma, (2.5, 1.5), (1.5, 1.0), stats.gamma(2.5, scale=1 / 1.5)),
    "small gamma": Instance(dist.Gamma, (0.2, 1.0), (0.4, 1.0), stats.gamma(0.2)),
    "beta": Instance(dist.Beta, (2.0, 3.0), (1.0, 2.0), stats.beta(2, 3)),
    "weibull": Instance(dist.Weibull, (2.0, 1.5), (1.0, 1.0), stats.weibull_min(1.5, scale=2)),
    "uniform": Instance(dist.Uniform, (-1.0, 3.0), (0.0, 2.0), stats.uniform(-1, 4)),
    "truncated": Instance(
        lambda centre, scale: dist.TruncatedNormal(centre, scale, low=1.0, high=3.0),
        (0.0, 1.0),
        (1.0, 1.0),
        stats.truncnorm(1, 3),
    ),
    "inverse gamma": Instance(dist.InverseGamma, (3.0, 2.0), (2.0, 2.0), stats.invgamma(3, scale=2)),
    "pareto": Instance(dist.Pareto, (1.0, 3.0), (1.0, 2.0), stats.pareto(3)),
    "mixture": Instance(
        two_normals,
        (0.3, np.array([-2.0, 3.0]), np.array([1.0, 0.5])),
        (0.5, np.array([-1.0, 3.0]), np.array([1.0, 1.0])),
        weighted(0.3, stats.norm(-2, 1), stats.norm(3, 0.5)),
    ),
    "falling transform": Instance(falling, (2.0, 1.0), (3.0, 2.0), Reflected),
}

DISCRETE = {
    "bernoulli": Instance(dist.BernoulliProbs, (0.3,), (0.6,), stats.bernoulli(0.3)),
    "binomial": Instance(lambda p: dist.BinomialProbs(p, 7), (0.3,), (0.5,), stats.binom(7, 0.3)),
    "poisson": Instance(dist.Poisson, (3.0,), (5.0,), stats.poisson(3)),
    "negative binomial": Instance(dist.NegativeBinomial2, (3.0, 2.0), (4.0, 1.0), stats.nbinom(2, 2 / 5)),
    "geometric": Instance(dist.GeometricProbs, (0.3,), (0.2,), stats.geom(0.3, loc=-1)),
    "zero inflated": Instance(
        dist.ZeroInflatedPoisson,
        (0.3, 3.0),
        (0.1, 3.0),
        weighted(0.3, stats.randint(0, 1), stats.poisson(3)),
    ),
    "discrete uniform": Instance(lambda: dist.DiscreteUniform(2, 6), (), (), stats.randint(2, 7)),
    "categorical by threshold": Instance(
        lambda chances: with_noise(dist.CategoricalProbs(chances), Threshold), LEVELS, OTHER_LEVELS, OF_LEVELS
    ),
    "categorical": Instance(dist.CategoricalProbs, LEVELS, OTHER_LEVELS, OF_LEVELS),
    "bernoulli by Gumbel": Instance(
        lambda chance: with_noise(dist.BernoulliProbs(chance), GumbelMax),
        (0.3,),
        (0.6,),
        stats.bernoulli(0.3),
    ),
}

USUAL = (
    "normal",
    "gamma",
    "truncated",
    "falling transform",
    "poisson",
    "categorical by threshold",
    "categorical",
)
STUDIED = (*CONTINUOUS, *DISCRETE) if os.environ.get("AITIA_SLOW") else USUAL
INSTANCES = CONTINUOUS | DISCRETE


class Study(NamedTuple):
    """What the laws below look at: units of both worlds, and draws given what is known."""

    values: np.ndarray
    others: np.ndarray
    interval: tuple[float, float]
    other_interval: tuple[float, float]
    back: np.ndarray
    weight: np.ndarray
    log_prob: np.ndarray
    inside: np.ndarray
    mass: np.ndarray
    here: np.ndarray
    there: np.ndarray
    both: np.ndarray
    impossible: tuple[np.ndarray, np.ndarray]


@functools.cache
@double
def study(name: str) -> Study:
    """All of it, from four compiled functions for each instance."""
    instance = INSTANCES[name]

    def at(parameters):
        return conditional_of(instance.family(*parameters))

    @jax.jit
    def noises(parameters, keys):
        return jax.vmap(at(parameters).noise)(keys)

    @jax.jit
    def push(parameters, noise):
        return jax.vmap(at(parameters).push)(noise)

    @jax.jit
    def exact(parameters, keys, values):
        law = at(parameters)
        noise, log_weight = jax.vmap(lambda key, value: law.abduct(key, [(law, Exactly(value))]))(
            keys, values
        )
        return noise, log_weight, jax.vmap(law.log_prob)(values)

    @jax.jit
    def both_in(here, there, keys, bounds, other_bounds):
        known = [(at(here), Between(*bounds)), (at(there), Between(*other_bounds))]
        return jax.vmap(lambda key: at(here).abduct(key, known))(keys)

    here, there = (jax.tree.map(jnp.asarray, each) for each in (instance.here, instance.there))
    keys = jax.random.split(jax.random.key(7), DRAWS)
    noise = noises(here, keys)
    values, others = np.asarray(push(here, noise)), np.asarray(push(there, noise))
    # A middling interval in each world, so that the two together keep a share of the units.
    low, high = (float(each) for each in np.quantile(values, [0.2, 0.7], method="nearest"))
    other_low, other_high = (float(each) for each in np.quantile(others, [0.3, 0.9], method="nearest"))
    # One world is known where the other's interval is everything.
    one, mass = both_in(here, there, keys, (low, high), (-np.inf, np.inf))
    two, both = both_in(here, there, keys, (low, high), (other_low, other_high))
    none, nothing = both_in(here, there, keys, (high + 1, low - 1), (-np.inf, np.inf))
    seen, weight, log_prob = exact(here, keys, jnp.asarray(values))
    found = (
        push(here, seen), weight, log_prob, push(here, one), mass, push(here, two), push(there, two), both,
        (none, nothing),
    )  # fmt: skip
    return Study(values, others, (low, high), (other_low, other_high), *jax.tree.map(np.asarray, found))


@pytest.mark.parametrize("name", CONTINUOUS)
@double
def test_ranks_are_those_of_the_law(name):
    instance = CONTINUOUS[name]
    ranks = ranks_of(instance.family(*instance.here))
    assert ranks is not None
    # From a rank of 1e-6 to one of 1 - 1e-6, on both sides by what keeps its digits there.
    shares = np.array([1e-6, 0.01, 0.3, 0.5, 0.9, 1 - 1e-6])
    values = np.asarray(ranks.quantile(jnp.asarray(special.logit(shares))))
    reference = instance.reference
    np.testing.assert_allclose(reference.cdf(values[:4]), shares[:4], rtol=1e-8)
    np.testing.assert_allclose(reference.sf(values[3:]), 1 - shares[3:], rtol=1e-8)
    np.testing.assert_allclose(ranks.of(jnp.asarray(values)), special.logit(shares), rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    "name", [each for each in DISCRETE if each not in ("categorical", "bernoulli by Gumbel")]
)
@double
def test_steps_are_those_of_the_law(name):
    instance = DISCRETE[name]
    law = instance.family(*instance.here)
    steps = steps_of(getattr(law, "distribution", law))
    assert steps is not None
    values = np.arange(-1, 7.0)
    below = instance.reference.cdf(values)
    np.testing.assert_allclose(
        special.expit([steps.logit(jnp.asarray(each)) for each in values]), below, rtol=1e-9
    )


@pytest.mark.parametrize("name", [each for each in STUDIED if each in CONTINUOUS])
def test_noise_pushed_follows_the_law(name):
    # Under the law the Kolmogorov-Smirnov p-value is uniform; one in 10,000 of fixed seeds would fall below.
    assert stats.kstest(study(name).values, CONTINUOUS[name].reference.cdf).pvalue > 1e-4


@pytest.mark.parametrize("name", [each for each in STUDIED if each in DISCRETE])
def test_noise_pushed_has_the_probabilities(name):
    values, reference = study(name).values, DISCRETE[name].reference
    assert np.issubdtype(values.dtype, np.integer)
    for value in np.unique(values):
        chance = reference.pmf(value)
        assert abs(np.mean(values == value) - chance) < 4.5 * np.sqrt(chance / DRAWS) + 1e-3


@pytest.mark.parametrize("name", STUDIED)
def test_an_exact_value_comes_back_with_its_density(name):
    found, reference = study(name), INSTANCES[name].reference
    seen = found.values
    if name in DISCRETE:
        assert np.array_equal(found.back, seen)
        expected = np.log(reference.pmf(seen))
    else:
        np.testing.assert_allclose(found.back, seen, rtol=1e-9, atol=1e-12)
        expected = np.log(reference.pdf(seen))
    np.testing.assert_allclose(found.weight, expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.log_prob, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", STUDIED)
def test_an_interval_weighs_its_probability(name):
    found, reference = study(name), INSTANCES[name].reference
    low, high = found.interval
    expected = reference.cdf(high) - reference.cdf(low - 1 if name in DISCRETE else low)
    slack = 1e-9 * (1 + abs(high) + abs(low))  # a rounding of the bound
    np.testing.assert_allclose(np.exp(found.mass), expected, rtol=1e-8)
    assert found.inside.min() >= low - slack and found.inside.max() <= high + slack


@pytest.mark.parametrize("name", [each for each in STUDIED if each in CONTINUOUS])
def test_draws_within_an_interval_follow_the_truncated_law(name):
    found, reference = study(name), CONTINUOUS[name].reference
    below, above = (reference.cdf(each) for each in found.interval)
    ranks = (reference.cdf(found.inside) - below) / (above - below)
    assert stats.kstest(ranks, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name", STUDIED)
def test_evidence_in_two_worlds_equals_brute_force(name):
    """P(both) and the law given both, against keeping those of many unconditioned units that fit."""
    found = study(name)
    (low, high), (other_low, other_high) = found.interval, found.other_interval
    values, others = found.values, found.others
    fits = (values >= low) & (values <= high) & (others >= other_low) & (others <= other_high)
    share = np.exp(found.both).mean()
    assert abs(share - fits.mean()) < 4.5 * np.sqrt(share / DRAWS)
    slack = 1e-9 * (1 + abs(high) + abs(low))
    assert np.all((found.here >= low - slack) & (found.here <= high + slack))
    assert np.all((found.there >= other_low - slack) & (found.there <= other_high + slack))
    assert fits.sum() > 200
    if name in CONTINUOUS:
        assert _same_law(found.here, values[fits])
    else:
        for value in np.unique(values[fits]):
            gap = np.mean(found.here == value) - np.mean(values[fits] == value)
            assert abs(gap) < 4.5 * np.sqrt(0.25 / fits.sum() + 0.25 / DRAWS)


@pytest.mark.parametrize("name", STUDIED)
def test_impossible_evidence_weighs_nothing_and_is_no_nan(name):
    noise, log_weight = study(name).impossible
    assert np.all(log_weight == -np.inf)
    assert np.all(np.isfinite(noise))


def _same_law(draws: np.ndarray, others: np.ndarray) -> bool:
    result: Any = stats.ks_2samp(draws, others)
    return result.pvalue > 1e-4
