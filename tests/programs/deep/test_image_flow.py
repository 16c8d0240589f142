"""The conditional flow: its inverse, its density, its noise."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.programs._events import Exactly
from aitia.programs.deep._flow import Flow, FlowConditional
from aitia.programs.deep._pixels import Marginal


def rough(flow, seed, size=0.3):
    """The flow with weights moved at random: trained flows are no identity, and neither should tested ones be."""
    weights, fixed = eqx.partition((flow.base, flow.couplings), eqx.is_inexact_array)
    random = np.random.default_rng(seed)
    moved = jax.tree.map(
        lambda leaf: (
            leaf + np.float32(size / np.sqrt(leaf.shape[-1])) * random.normal(size=leaf.shape).astype("f")
        ),
        weights,
    )
    return eqx.tree_at(lambda each: (each.base, each.couplings), flow, eqx.combine(moved, fixed))


def with_digits(flow):
    from sklearn.datasets import load_digits

    images = np.asarray(load_digits(return_X_y=True)[0])
    return eqx.tree_at(lambda each: each.marginal, flow, Marginal.of(images, 17)), images


@jax.jit
def there_and_back(flow, y, context):
    return flow.generate(flow.normalise(y, context)[0], context)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10_000))
def test_the_inverse_gives_the_pixels_back_in_32_bits(seed):
    flow, images = with_digits(rough(Flow(jax.random.key(seed), (8, 8), 3, 17, 6, 32), seed))
    random = np.random.default_rng(seed)
    y = (images[random.integers(0, len(images))] + random.uniform(0.001, 0.999, 64)).astype(np.float32)
    context = random.normal(size=3).astype(np.float32)
    back = there_and_back(flow, y, context)
    assert back.dtype == jnp.float32
    # In units of the whole range of a pixel, 0 to 17.
    assert np.abs(np.asarray(back) - y).max() / 17 < 1e-4


@pytest.mark.parametrize("grey_levels", [None, 5])
def test_the_log_slope_is_the_log_determinant_of_the_jacobian(grey_levels):
    with jax.enable_x64(True):
        flow = rough(Flow(jax.random.key(0), (2, 2), 2, grey_levels, 4, 16), 1)
        y, context = jnp.array([0.3, 1.7, 2.2, 3.9]), jnp.array([0.5, -1.0])
        jacobian, told = jax.jit(jax.jacobian(lambda at: flow.normalise(at, context), has_aux=True))(y)
        sign, log_size = np.linalg.slogdet(np.asarray(jacobian))
        assert sign != 0
        assert float(told) == pytest.approx(log_size, abs=1e-6)


@pytest.mark.parametrize("grey_levels", [None, 4])
def test_the_density_of_two_pixels_integrates_to_one(grey_levels):
    flow = rough(Flow(jax.random.key(0), (2,), 1, grey_levels, 4, 16), 2)
    low, high = (-14.0, 14.0) if grey_levels is None else (0.0, 4.0)
    grid = low + (high - low) * (np.arange(700) + 0.5) / 700  # the midpoint rule
    points = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1).reshape(-1, 2)
    density = np.exp(jax.jit(jax.vmap(flow.log_density, in_axes=(0, None)))(points, np.array([0.7])))
    assert density.sum() * (grid[1] - grid[0]) ** 2 == pytest.approx(1, abs=2e-3)


def test_the_log_probability_of_levels_is_the_mass_of_their_cells():
    with jax.enable_x64(True):
        flow = rough(Flow(jax.random.key(0), (2,), 1, 3, 4, 16), 3)
        at = FlowConditional(flow, jnp.array([0.2]), (2,), 3)
        images = np.stack(np.meshgrid(range(3), range(3), indexing="ij"), axis=-1).reshape(-1, 2)
        log_prob = jax.jit(jax.vmap(at.log_prob))
        told = np.exp(log_prob(images.astype(float)))
        steps = (np.arange(60) + 0.5) / 60
        inner = np.stack(np.meshgrid(steps, steps, indexing="ij"), axis=-1).reshape(-1, 2)
        density = jax.jit(jax.vmap(lambda y: jnp.exp(flow.log_density(y, at.context))))
        mass = [float(density(image + inner).mean()) for image in images]
        assert sum(mass) == pytest.approx(1, abs=5e-3)
        # The conditional takes sixteen draws in each cell: its error is that of their mean.
        np.testing.assert_allclose(told, mass, rtol=0.5, atol=0.02)
        impossible = np.array([[0.5, 1.0], [3.0, 1.0], [-1.0, 0.0]] * 3)
        assert (log_prob(impossible) == -np.inf).all()


def test_weights_of_abducted_noise_average_to_the_probability():
    with jax.enable_x64(True):
        flow = rough(Flow(jax.random.key(0), (2,), 1, 3, 4, 16), 3)
        at = FlowConditional(flow, jnp.array([0.2]), (2,), 3)
        image = jnp.array([1, 2])
        keys = jax.random.split(jax.random.key(1), 4000)
        noise, log_weight = jax.jit(jax.vmap(lambda key: at.abduct(key, [(at, Exactly(image))])))(keys)
        push = jax.jit(jax.vmap(at.push))
        assert (push(noise) == image).all()
        # The same probability by drawing images: 40,000 draws of noise.
        drawn = push(jax.random.normal(jax.random.key(2), (40_000, 2)))
        share = float((drawn == image).all(axis=1).mean())
        error = np.hypot(np.std(np.exp(log_weight)) / 4000**0.5, (share * (1 - share) / 40_000) ** 0.5)
        assert np.exp(log_weight).mean() == pytest.approx(share, abs=4 * float(error))
