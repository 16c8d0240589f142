"""The hierarchical autoencoder: its pixel noise, and its bounds beside a closed form."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import logsumexp

from aitia.programs import MechanismError
from aitia.programs._events import Exactly
from aitia.programs.deep import ConditionalHierarchicalVAE
from aitia.programs.deep._pixels import LogisticResidual
from aitia.programs.deep._vae import Autoencoder, AutoencoderConditional

PIXELS = LogisticResidual(17)


@jax.jit
def _and_back(key, centre, scale, level):
    noise = PIXELS.abduct(key, centre, scale, level)
    return noise, PIXELS.push(centre, scale, noise)


@settings(max_examples=30, deadline=None)
@given(st.floats(-400, 400), st.floats(0.05, 30))
def test_the_probabilities_of_the_levels_sum_to_one(centre, scale):
    with jax.enable_x64(True):
        told = np.asarray(jax.jit(PIXELS.log_prob)(jnp.asarray(centre), jnp.asarray(scale), jnp.arange(18)))
    assert np.exp(told[:17]).sum() == pytest.approx(1, abs=1e-9)
    assert told[17] == -np.inf


@settings(max_examples=60, deadline=None)
@given(st.floats(-100, 120), st.floats(0.05, 10), st.integers(0, 16), st.integers(0, 1000), st.booleans())
def test_the_noise_of_a_level_gives_the_level_back_however_unlikely(centre, scale, level, seed, precise):
    with jax.enable_x64(precise):
        centre, scale = jnp.asarray(centre, float), jnp.asarray(scale, float)
        noise, again = _and_back(jax.random.key(seed), centre, scale, jnp.array(level))
        assert np.isfinite(noise) and int(again) == level


@pytest.mark.parametrize("upper", [True, False])
def test_far_out_the_noise_inside_a_cell_is_exponential(upper):
    # Far above its centre the logistic density falls as exp(-x): the mean in a cell of width w, from the nearer edge,
    # is 1 - w / (exp(w) - 1), w = 0.998 without the two margins. Tolerance: four standard errors of 4000 draws.
    with jax.enable_x64(True):
        centre = jnp.full(4000, -60.0 if upper else 70.0)
        noise = PIXELS.abduct(jax.random.key(0), centre, jnp.ones(4000), jnp.full(4000, 5))
        inside = np.asarray(noise + centre - 5 if upper else 6 - noise - centre) - 0.001
    assert inside.min() >= -1e-9 and inside.max() <= 0.998 + 1e-9
    width = 0.998
    assert inside.mean() == pytest.approx(1 - width / np.expm1(width), abs=4 * inside.std() / 4000**0.5)
    assert inside.std() > 0.2


def test_noise_found_from_drawn_levels_is_logistic_again():
    # Draw, push, abduct: the noise then has its own law. Kolmogorov-Smirnov at n = 4000; below 1e-4 once in 10,000.
    with jax.enable_x64(True):
        noise = PIXELS.noise(jax.random.key(0), (4000,))
        centre, scale = jnp.full(4000, 6.3), jnp.full(4000, 2.5)
        again = PIXELS.abduct(jax.random.key(1), centre, scale, PIXELS.push(centre, scale, noise))
    assert stats.kstest(np.asarray(again), stats.logistic.cdf).pvalue > 1e-4
    assert np.abs(np.asarray(again - noise)).max() > 0.01  # drawn anew inside the cell


def linear():
    """An autoencoder that is linear and Gaussian throughout, and its exact marginal law given the context."""
    network = Autoencoder(jax.random.key(3), (4,), 1, None, (1, 2), 8, 0, 1.0)
    (weight, offset) = network.prior.layers[0]
    weight, offset = np.array(weight) * 8, np.array(offset)
    weight[2:] = 0  # the spread of the bottom level does not depend on the top
    offset[2:] = [-0.3, 0.2]
    network = eqx.tree_at(lambda each: each.prior.layers[0], network, (weight, offset))
    # A proposal wider than the standard normal: its divergence is not small, and its weights are well behaved.
    for head in (lambda each: each.top, lambda each: each.bottom):
        (heads, start) = head(network).layers[0]
        start = np.where(np.arange(len(start)) < len(start) // 2, 0.0, 0.3)
        network = eqx.tree_at(lambda each, head=head: head(each).layers[0], network, (heads, start))
    context = np.array([0.7])
    from aitia.programs.deep._vae import Latents

    def centre(top, bottom):
        return np.asarray(network.pixels(Latents(jnp.array(top), jnp.array(bottom)), jnp.array(context))[0])

    mean = centre([0.0], [0.0, 0.0])
    slopes = np.stack(
        [
            centre([1.0], [0.0, 0.0]) - mean,
            centre([0.0], [1.0, 0.0]) - mean,
            centre([0.0], [0.0, 1.0]) - mean,
        ],
        axis=1,
    )
    scale = np.asarray(network.pixels(Latents(jnp.zeros(1), jnp.zeros(2)), jnp.array(context))[1])
    return network, context, stats.multivariate_normal(mean, slopes @ slopes.T + np.diag(scale**2))  # pyright: ignore[reportArgumentType]


def test_bounds_stand_in_order_below_the_closed_form():
    with jax.enable_x64(True):
        network, context, law = linear()
        image = np.asarray(law.rvs(random_state=5))
        exact = law.logpdf(image)
        keys = jax.random.split(jax.random.key(0), 4000)
        elbos = np.asarray(jax.jit(jax.vmap(lambda key: network.elbo(key, image, context)))(keys))
        weights = np.asarray(jax.jit(jax.vmap(lambda key: network.log_weight(key, image, context)[1]))(keys))
        by_ten = logsumexp(weights.reshape(400, 10), axis=1) - np.log(10)
        by_all = logsumexp(weights) - np.log(4000)
        elbo, error = float(elbos.mean()), float(elbos.std()) / 4000**0.5
        # The mean weight estimates p(image): the closed form, within four standard errors.
        ratio = np.exp(np.asarray(weights) - exact)
        assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std() / 4000**0.5)
        assert ratio.std() / 4000**0.5 < 0.05
        # Means of the bounds, each with its Monte-Carlo error: the gaps are far wider.
        assert elbo + 4 * error < np.mean(by_ten) < by_all + 4 * np.std(by_ten) / 20
        assert np.mean(by_ten) + 4 * np.std(by_ten) / 20 < exact + 0.02
        # With the same draws the two forms of the bound differ by noise around zero: one has the divergence in closed
        # form, the other by draws.
        apart = elbos - weights
        assert apart.mean() == pytest.approx(0, abs=4 * apart.std() / 4000**0.5)
        assert apart.std() < 4


def test_nothing_changed_gives_the_image_back_and_the_wrong_image_has_no_weight():
    with jax.enable_x64(True):
        network = Autoencoder(jax.random.key(0), (3, 3), 2, 17, (2, 3), 8, 2, 1.0)
        at = AutoencoderConditional(network, jnp.array([0.1, 1.0]), (3, 3), 17)
        other = AutoencoderConditional(network, jnp.array([-40.0, 30.0]), (3, 3), 17)
        image = jnp.arange(9).reshape(3, 3) * 2

        @jax.jit
        def imagine(key):
            noise, log_weight = at.abduct(key, [(at, Exactly(image))])
            both = at.abduct(key, [(at, Exactly(image)), (other, Exactly(image))])
            return log_weight, at.push(noise), other.push(noise), both[1], at.log_prob(image + 100)

        log_weight, same, changed, log_weight_of_both, impossible = imagine(jax.random.key(1))
        assert (same == image).all() and np.isfinite(log_weight)
        assert (changed != image).any()
        # Two worlds that saw the same image under other parents: this draw of the noise does not fit both.
        assert float(log_weight_of_both) == -np.inf
        assert float(impossible) == -np.inf


def test_sizes_that_make_no_network_are_refused():
    with pytest.raises(MechanismError, match="two levels"):
        ConditionalHierarchicalVAE(["x"], latents=(3, 4, 5))  # pyright: ignore[reportArgumentType]
    with pytest.raises(MechanismError, match="kl_weight must be above 0"):
        ConditionalHierarchicalVAE(["x"], kl_weight=0)
