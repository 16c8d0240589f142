"""Boxes, batches, flows, several worlds: forms of noise over vectors, and over more than two worlds at once."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from numpyro.distributions import transforms
from scipy import special, stats

from aitia.programs import MechanismError
from aitia.programs._errors import NotInvertible, QueryError
from aitia.programs._events import Between, Exactly, OneOf, between
from aitia.programs._precision import double
from aitia.programs.forms import GumbelMax, Threshold, Transformed, Triangular, conditional_of, explicit

KEY = jax.random.key(3)
CENTRE = np.array([0.0, 1.0])
FACTOR = np.array([[1.0, 0.0], [0.6, 0.8]])
LEVELS = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])


def categorical(chances) -> dist.Distribution:
    return dist.CategoricalProbs(jnp.asarray(chances))


def returned(at, known) -> tuple[np.ndarray, np.ndarray]:
    """The value that the noise drawn given `known` is pushed to, and the log weight."""
    noise, log_weight = at.abduct(KEY, [(at, known)])
    return np.asarray(at.push(noise)), np.asarray(log_weight)


@double
def test_elements_of_a_box_are_independent():
    laws = [stats.norm(0, 1), stats.norm(1, 2)]
    for law in (
        dist.Normal(jnp.array(CENTRE), jnp.array([1.0, 2.0])),
        dist.Normal(jnp.array(CENTRE), jnp.array([1.0, 2.0])).to_event(1),
    ):
        at = conditional_of(law)
        value = np.array([0.3, -0.4])
        back, weight = returned(at, Exactly(value))
        np.testing.assert_allclose(back, value, rtol=1e-12)
        np.testing.assert_allclose(weight, sum(each.logpdf(v) for each, v in zip(laws, value)), rtol=1e-12)
        low, high = np.array([-1.0, 0.0]), np.array([0.5, 9.0])
        inside, weight = returned(at, Between(low, high))
        assert np.all((inside >= low) & (inside <= high))
        chances = [each.cdf(b) - each.cdf(a) for each, a, b in zip(laws, low, high)]
        np.testing.assert_allclose(weight, np.sum(np.log(chances)), rtol=1e-10)


@double
def test_batches_of_whole_numbers_keep_their_elements():
    chances, value = np.array([0.3, 0.6]), np.array([1, 0])
    expected = np.log(0.3 * 0.4)
    for law in (dist.BernoulliProbs(jnp.array(chances)), dist.BernoulliProbs(jnp.array(chances)).to_event(1)):
        at = conditional_of(law)
        assert isinstance(at, Threshold)
        back, weight = returned(at, Exactly(value))
        np.testing.assert_array_equal(back, value)
        np.testing.assert_allclose([weight, at.log_prob(jnp.asarray(value))], expected, rtol=1e-10)
        with pytest.raises(NotInvertible, match="no closed form"):
            at.abduct(KEY, [(at, OneOf((0, 1)))])
    at = conditional_of(categorical(LEVELS).to_event(1))
    assert isinstance(at, GumbelMax)
    back, weight = returned(at, Exactly(np.array([1, 2])))
    np.testing.assert_array_equal(back, [1, 2])
    np.testing.assert_allclose(weight, np.log(0.5 * 0.8), rtol=1e-10)


@double
def test_a_multivariate_normal_vector():
    at = conditional_of(dist.MultivariateNormal(jnp.array(CENTRE), scale_tril=jnp.array(FACTOR)))
    assert isinstance(at, Triangular)
    law = stats.multivariate_normal(CENTRE, FACTOR @ FACTOR.T)
    value = np.array([0.5, -1.0])
    back, weight = returned(at, Exactly(value))
    np.testing.assert_allclose(back, value, rtol=1e-12)
    np.testing.assert_allclose([weight, at.log_prob(jnp.asarray(value))], law.logpdf(value), rtol=1e-10)

    @jax.jit
    def in_box(keys):
        def one(key):
            noise, log_weight = at.abduct(key, [(at, Between(jnp.array([0.5, 1.0]), jnp.array([2.0, 9.0])))])
            return at.push(noise), log_weight

        return jax.vmap(one)(keys)

    inside, log_weights = (np.asarray(each) for each in in_box(jax.random.split(KEY, 4000)))
    assert inside.min() >= 0.5 and np.all(inside[:, 1] >= 1) and np.all(inside[:, 0] <= 2)
    weights = np.exp(log_weights)
    signs: Any = law.cdf(np.array([2.0, 9.0]), lower_limit=np.array([0.5, 1.0]))
    # An average of 4,000 weights: within 4.5 standard errors of the probability of the box.
    assert abs(weights.mean() - signs) < 4.5 * weights.std() / np.sqrt(4000)


@double
def test_a_transform_of_a_vector_keeps_the_noise_of_its_base():
    matrix = np.array([[2.0, 0.0], [1.0, 0.5]])
    flow = transforms.LowerCholeskyAffine(jnp.array(CENTRE), jnp.array(matrix))
    base = dist.Normal(jnp.zeros(2), 1.0).to_event(1)
    at = conditional_of(dist.TransformedDistribution(base, [flow]))
    assert isinstance(at, Transformed) and "transform" in at.assumption
    value = np.array([0.3, 2.0])
    back, weight = returned(at, Exactly(value))
    np.testing.assert_allclose(back, value, rtol=1e-10)
    expected = stats.multivariate_normal(CENTRE, matrix @ matrix.T).logpdf(value)
    np.testing.assert_allclose([weight, at.log_prob(jnp.asarray(value))], expected, rtol=1e-10)
    back, weight = returned(at, Between(jnp.full(2, -1e9), jnp.full(2, 1e9)))
    assert weight == 0
    assert returned(at, Between(jnp.full(2, 1e8), jnp.full(2, 1e9)))[1] == -np.inf


@double
def test_a_vector_of_explicit_noise_is_solved_where_it_is_affine():
    laws = {"u": dist.Normal(jnp.zeros(2), 1.0)}
    at = explicit(lambda n: jnp.asarray(CENTRE) + jnp.asarray(FACTOR) @ n["u"], laws)
    value = np.array([0.5, -1.0])
    back, weight = returned(at, Exactly(value))
    np.testing.assert_allclose(back, value, rtol=1e-12)
    expected = stats.multivariate_normal(CENTRE, FACTOR @ FACTOR.T).logpdf(value)
    np.testing.assert_allclose(weight, expected, rtol=1e-10)
    curved = explicit(lambda n: jnp.exp(n["u"]), laws)
    with pytest.raises(NotInvertible):
        curved.abduct(KEY, [(curved, Exactly(np.array([1.0, 2.0])))])


@double
def test_three_worlds_of_numbers_share_one_interval_of_noise():
    worlds = [conditional_of(dist.Normal(centre, 1.0)) for centre in (0.0, 1.0, 2.0)]
    # The noise is in (-0.5, 2), (-1.5, 0.5), (-9, 0): together in (-0.5, 0).
    events = [between(-0.5, 2.0), between(-0.5, 1.5), between(-7.0, 2.0)]
    noise, log_weight = worlds[0].abduct(KEY, list(zip(worlds, events)))
    assert -0.5 <= noise <= 0
    np.testing.assert_allclose(log_weight, np.log(stats.norm.cdf(0) - stats.norm.cdf(-0.5)), rtol=1e-10)
    # An exact value in one world pins it; the others are checked.
    seen = [Exactly(-0.2), events[1], events[2]]
    noise, log_weight = worlds[0].abduct(KEY, list(zip(worlds, seen)))
    np.testing.assert_allclose([noise, log_weight], [-0.2, stats.norm.logpdf(-0.2)], rtol=1e-12)
    assert worlds[0].abduct(KEY, list(zip(worlds, [Exactly(0.2), *events[1:]])))[1] == -np.inf


@double
def test_three_worlds_of_levels():
    ordered = [conditional_of(dist.BernoulliProbs(chance)) for chance in (0.3, 0.6, 0.8)]
    # Ranks above 0.7, above 0.4 and above 0.2: of which the first is the smallest.
    known = list(zip(ordered, (OneOf((0, 1)), Exactly(1), Exactly(1))))
    np.testing.assert_allclose(ordered[0].abduct(KEY, known)[1], np.log(0.6), rtol=1e-10)
    known = list(zip(ordered, (Exactly(1), Exactly(0), Exactly(1))))
    assert ordered[0].abduct(KEY, known)[1] == -np.inf
    three = [conditional_of(categorical(each)) for each in (*LEVELS, [0.4, 0.5, 0.1])]

    @jax.jit
    def studied(keys):
        known = [(three[0], Exactly(1)), (three[1], Exactly(2)), (three[2], Exactly(1))]
        weights = jnp.exp(jax.vmap(lambda key: three[0].abduct(key, known)[1])(keys))
        noise = jax.vmap(three[0].noise)(keys)
        met = [jax.vmap(at.push)(noise) == event.value for at, event in known]
        return weights, met[0] & met[1] & met[2]

    weights, met = (np.asarray(each) for each in studied(jax.random.split(KEY, 20_000)))
    assert met.sum() > 500
    # Both are estimates of P(all three): 4.5 standard errors of their difference.
    assert abs(weights.mean() - met.mean()) < 4.5 * np.sqrt((weights.var() + met.var()) / 20_000)


@pytest.mark.parametrize("deviations", [8.0, 30.0])
@double
def test_tails_are_met_exactly(deviations):
    at = conditional_of(dist.Normal(1.0, 2.0))
    bound = 1 + 2 * deviations
    for event, side in ((Between(bound, np.inf), 1), (Between(-np.inf, 2 - bound), -1)):
        value, weight = returned(at, event)
        np.testing.assert_allclose(weight, stats.norm.logsf(deviations), rtol=1e-10)
        # Beyond the bound by an exponential of mean 1 / 8 deviations at most: 40 of them have odds of e^-40.
        assert 0 <= side * (value - 1) / 2 - deviations < 40 / deviations
    levels = conditional_of(categorical(special.softmax([0.0, -300.0, -2.0])))
    back, weight = returned(levels, Exactly(1))
    assert back == 1
    np.testing.assert_allclose(weight, np.log(special.softmax([0.0, -300.0, -2.0])[1]), rtol=1e-9)


GRADIENTS = {
    "normal": (lambda c: dist.Normal(c, 1.0), (0.3, 40.0)),
    "gamma": (lambda c: dist.Gamma(c + 2.0, 1.0), (1.5, -1.0)),
    "log-normal": (lambda c: dist.LogNormal(c, 1.0), (2.0, 0.0, -1.0)),
    "truncated": (lambda c: dist.TruncatedNormal(c, 1.0, low=0.0), (0.5, -1.0)),
    "poisson": (lambda c: dist.Poisson(jnp.exp(c)), (2, -1)),
    "categorical": (lambda c: dist.CategoricalLogits(jnp.stack([c, 0 * c, -800 + c])), (0, 2, 5)),
}


@pytest.mark.parametrize("name", GRADIENTS)
@double
def test_no_gradient_is_nan_and_compiled_code_agrees(name):
    family, values = GRADIENTS[name]

    def weigh(centre, value):
        at = conditional_of(family(centre))
        exact = at.abduct(KEY, [(at, Exactly(value))])[1]
        within = at.abduct(KEY, [(at, Between(value, value + 2))])[1]
        return jnp.stack([at.log_prob(value), exact, within])

    compiled = jax.jit(weigh)
    slopes = jax.jit(
        jax.jacfwd(lambda c, value: jnp.where(jnp.isfinite(weigh(c, value)), weigh(c, value), 0.0))
    )
    for value in values:
        value = jnp.asarray(value)
        plain = weigh(0.4, value)
        np.testing.assert_allclose(compiled(0.4, value), plain, rtol=1e-12)
        assert not np.any(np.isnan(plain))
        found = np.asarray(slopes(0.4, value))
        assert np.all(np.isfinite(found))
        # Central differences of the compiled code, of the finite ones.
        step = 1e-5
        ahead, behind = np.asarray(compiled(0.4 + step, value)), np.asarray(compiled(0.4 - step, value))
        finite = np.isfinite(ahead) & np.isfinite(behind)
        rise = (ahead[finite] - behind[finite]) / (2 * step)
        np.testing.assert_allclose(found[finite], rise, rtol=1e-5, atol=1e-7)


@double
def test_evidence_of_the_wrong_shape_is_named():
    for at in (
        conditional_of(dist.Normal(0.0, 1.0)),
        conditional_of(dist.Poisson(2.0)),
        conditional_of(categorical(LEVELS[0])),
        explicit(lambda n: 2 * n["u"], {"u": dist.Normal(0.0, 1.0)}),
        explicit(lambda n: jnp.exp(n["u"]), {"u": dist.Normal(0.0, 1.0)}),
    ):
        for event in (Exactly(np.zeros(2)), Between(np.zeros(2), np.ones(2))):
            with pytest.raises(QueryError, match=r"shape \(2,\) was given"):
                at.abduct(KEY, [(at, event)])
    box = conditional_of(dist.Normal(jnp.zeros(2), 1.0))
    with pytest.raises(QueryError, match=r"shape \(3,\) was given"):
        box.abduct(KEY, [(box, Exactly(np.zeros(3)))])


@double
def test_a_weight_through_a_step_refuses_its_gradient():
    laws = {"u": dist.Uniform(0.0, 1.0)}

    def weight(centre, function, event):
        at = explicit(lambda n: function(centre, n["u"]), laws)
        return at.abduct(KEY, [(at, event)])[1]

    for function, event in (
        (lambda c, u: u < c, Exactly(1)),
        (lambda c, u: jnp.maximum(u - c, 0.0), Exactly(0.0)),
        (lambda c, u: (u - c) ** 2, between(0.0, 0.2)),
    ):
        with pytest.raises(MechanismError, match="no derivative"):
            jax.grad(weight)(0.4, function, event)
    # P(c u < 0.2) = 0.2 / c, through an affine function; its log falls by 1 / c.
    slope = jax.grad(weight)(0.4, lambda c, u: c * u, between(0.0, 0.2))
    np.testing.assert_allclose(slope, -1 / 0.4, rtol=1e-9)
