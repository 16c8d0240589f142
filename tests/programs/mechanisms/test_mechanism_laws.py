"""One table of mechanisms, and the laws that each of them keeps."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import Program
from aitia.programs._events import Between, Exactly
from aitia.programs._fitted import draw_prior
from aitia.programs._random import seed_key
from aitia.programs.mechanisms import (
    Bernoulli,
    Binomial,
    Categorical,
    ConditionalFlow,
    Gamma,
    GaussianProcess,
    GeneralisedLinear,
    Linear,
    Marginal,
    NegativeBinomial,
    NeuralNetwork,
    Poisson,
    Root,
    Spline,
    Table,
    Training,
    TreeEnsemble,
)

ROWS = 300
DRAWS = 4_000
SHORT = Training(epochs=8)


def _data() -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    x, g = random.normal(3, 2, ROWS), random.integers(0, 3, ROWS)
    y = np.sin(x) + g + 0.5 * random.normal(size=ROWS)
    return {
        "x": x,
        "g": g,
        "number": y,
        "positive": np.exp(y / 4),
        "yes": (random.random(ROWS) < 0.4).astype(int),
        "count": random.poisson(np.exp(0.2 * x)),
        "level": (g + (random.random(ROWS) < 0.3)) % 3,
    }


DATA = _data()
NARROW = {"slopes": dist.Normal(0, 0.5), "intercept": dist.Normal(0, 0.5)}
LEVELS = {"g": 3}

TABLE = {
    "linear": (Linear("x", "g", categorical=LEVELS, interactions=True), "number"),
    "by group": (Linear("x", per="school", varying="x"), "number"),
    "by group, centred": (Linear("x", per="school", varying="x", centred=True), "number"),
    "spline": (Spline("x", "g", categorical=LEVELS), "number"),
    "gaussian process": (GaussianProcess("x", "g", categorical=LEVELS), "number"),
    "gamma": (
        GeneralisedLinear("x", family=Gamma(), priors={**NARROW, "dispersion": dist.Uniform(0.1, 0.3)}),
        "positive",
    ),
    "bernoulli": (GeneralisedLinear("x", family=Bernoulli(), priors=NARROW), "yes"),
    "binomial": (GeneralisedLinear("x", family=Binomial(40), priors=NARROW), "count"),
    "poisson": (GeneralisedLinear("x", family=Poisson(), priors=NARROW), "count"),
    "negative binomial": (
        GeneralisedLinear(
            "x", family=NegativeBinomial(), priors={**NARROW, "overdispersion": dist.Uniform(0.1, 0.5)}
        ),
        "count",
    ),
    "categorical": (GeneralisedLinear("x", family=Categorical(3), priors=NARROW), "level"),
    "table": (Table("g"), "level"),
    "table of two": (Table("g"), "yes"),
    "root": (Root(), "number"),
    "marginal": (Marginal(), "number"),
    "trees": (TreeEnsemble("x", "g", categorical=LEVELS), "number"),
    "network": (NeuralNetwork("x", training=SHORT), "number"),
    "flow": (ConditionalFlow("x", "g", categorical=LEVELS, training=SHORT), "number"),
    "flow without parents": (ConditionalFlow(training=SHORT), "number"),
}


@pytest.fixture(scope="module")
def learned():
    """Each mechanism after it saw the data, with one draw of its parameters (all drawn in one compiled call)."""
    with jax.enable_x64(True):
        made = {
            name: mechanism.learned({each: DATA[each] for each in mechanism.parents}, DATA[node], seed=0)
            for name, (mechanism, node) in TABLE.items()
        }
        programs = {
            name: Program({"node": done, **{each: dist.Normal(0, 1) for each in done.parents}})
            for name, done in made.items()
        }

        @jax.jit
        def draw(key):
            return {name: draw_prior(each, key, {}).get("node", {}) for name, each in programs.items()}

        drawn = draw(seed_key(3))
        return {
            name: (
                done,
                {key: each[0] if done.parameters[key].per else each for key, each in drawn[name].items()},
            )
            for name, done in made.items()
        }


@pytest.mark.parametrize("name", TABLE)
def test_a_density_integrates_to_one_is_that_of_the_pushed_noise_and_is_inverted(name, learned):
    mechanism, own = learned[name]
    seen = {"x": jnp.asarray(4.0), "g": jnp.asarray(1)}
    discrete = np.asarray(DATA[TABLE[name][1]]).dtype.kind == "i"
    with jax.enable_x64(True):
        here = {each: seen[each] for each in mechanism.parents}

        @jax.jit
        def draw(keys, here, own):
            def one(key):
                at = mechanism.at(here, own)
                value = at.push(at.noise(key))
                noise, weight = at.abduct(key, [(at, Exactly(value))])
                return value, at.log_prob(value), at.push(noise), weight

            return jax.vmap(one)(keys)

        values, densities, back, weights = map(
            np.asarray, draw(jax.random.split(seed_key(1), DRAWS), here, own)
        )
        # A value comes back from its noise, and the weight of exact evidence is its density.
        assert np.abs(back - values).max() <= 1e-8 * max(1.0, np.abs(values).max())
        np.testing.assert_allclose(weights, densities, rtol=1e-8, atol=1e-8)

        if discrete:
            grid = np.arange(0, 400 if "count" in TABLE[name][1] else values.max() + 1)
            if name == "binomial":
                grid = np.arange(41)
        else:
            spread = values.max() - values.min()
            low = 1e-9 if name == "gamma" else values.min() - 2 * spread
            grid = np.linspace(low, values.max() + 2 * spread, 40_001)
        score = jax.jit(lambda grid, here, own: jax.vmap(mechanism.at(here, own).log_prob)(grid))
        density = np.exp(np.asarray(score(jnp.asarray(grid), here, own)))

    if discrete:
        assert abs(density.sum() - 1) < 1e-9
        cumulative = np.interp(values, grid, np.cumsum(density))
        empirical = np.searchsorted(np.sort(values), values, side="right") / DRAWS
    else:
        pieces = (density[1:] + density[:-1]) / 2 * np.diff(grid)
        assert abs(pieces.sum() - 1) < 2e-3  # the trapezoid rule on a density with jumps
        cumulative = np.interp(values, grid, np.concatenate([[0.0], np.cumsum(pieces)]))
        empirical = (np.argsort(np.argsort(values)) + 0.5) / DRAWS
    # Kolmogorov's bound at 1 in 1,000: 1.95 / sqrt(draws); 19 mechanisms with fixed seeds.
    assert np.abs(cumulative - empirical).max() < 1.95 / np.sqrt(DRAWS) + 2e-3


@pytest.mark.parametrize("name", ["trees", "flow"])
def test_noise_given_an_interval_gives_values_in_it_and_its_probability(name, learned):
    mechanism, own = learned[name]
    with jax.enable_x64(True):
        at = mechanism.at({"x": jnp.asarray(4.0), "g": jnp.asarray(1)}, own)
        middle, end = map(float, jax.jit(lambda: (at.push(0.3), at.push(1.1)))())
        inside = Between(middle, end)

        @jax.jit
        def draw(keys):
            noise, weight = jax.vmap(lambda key: at.abduct(key, [(at, inside)]))(keys)
            return jax.vmap(at.push)(noise), weight

        values, weight = map(np.asarray, draw(jax.random.split(seed_key(2), 200)))
    assert values.min() >= middle - 1e-9
    assert values.max() <= inside.high + 1e-9
    normal = dist.Normal(0, 1)
    probability = float(normal.cdf(1.1) - normal.cdf(0.3))
    np.testing.assert_allclose(np.exp(weight), probability, rtol=1e-5)


def test_the_noise_of_an_array_is_found_exactly_and_its_density_integrates_to_one():
    random = np.random.default_rng(0)
    x = random.normal(size=400)
    array = np.stack([x + random.normal(size=400), x**2 + random.normal(size=400)], axis=1)
    with jax.enable_x64(True):
        flow = ConditionalFlow("x", size=2, layers=2, training=SHORT).learned({"x": x}, array, seed=0)
        at = flow.at({"x": jnp.asarray(0.5)}, {})
        value = jnp.asarray([1.0, 0.0])

        @jax.jit
        def inverted():
            noise, weight = at.abduct(seed_key(0), [(at, Exactly(value))])
            return at.push(noise), weight, at.log_prob(value)

        back, weight, density = inverted()
        np.testing.assert_allclose(back, value, atol=1e-8)
        assert float(weight) == pytest.approx(float(density))
        line = jnp.linspace(-12, 12, 241)
        score = jax.jit(jax.vmap(jax.vmap(lambda a, b: at.log_prob(jnp.stack([a, b])), (None, 0)), (0, None)))
        assert float(jnp.exp(score(line, line)).sum() * 0.1**2) == pytest.approx(1, abs=0.01)
        linear = Linear("x", size=2).learned({"x": x}, array)
        own = {"intercept": jnp.zeros(2), "slopes": jnp.zeros((1, 2)), "spread": jnp.ones(2)}
        expected = dist.Normal(array.mean(axis=0), array.std(axis=0)).log_prob(value).sum()
        assert float(linear.at({"x": jnp.asarray(0.5)}, own).log_prob(value)) == pytest.approx(
            float(expected)
        )
