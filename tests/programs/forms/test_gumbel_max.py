"""Gumbel-max noise: its posterior against rejection, counterfactual stability, several worlds."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from aitia.programs._events import Exactly
from aitia.programs._precision import double
from aitia.programs.forms import conditional_of

HERE, THERE = np.array([0.2, 0.5, 0.3]), np.array([0.5, 0.2, 0.3])
DRAWS = 20_000


@double
@jax.jit
def drawn():
    here, there = (conditional_of(dist.Categorical(jnp.asarray(each))) for each in (HERE, THERE))
    keys = jax.random.split(jax.random.key(1), DRAWS)
    noise = jax.vmap(here.noise)(keys)
    values, others = jax.vmap(here.push)(noise), jax.vmap(there.push)(noise)
    given, weight = jax.vmap(lambda key: here.abduct(key, [(here, Exactly(1))]))(keys)
    pair = [(here, Exactly(1)), (there, Exactly(0))]
    both, joint = jax.vmap(lambda key: here.abduct(key, pair))(keys)
    return noise, values, others, given, weight, jax.vmap(there.push)(given), both, joint


def test_posterior_noise_and_stability():
    noise, values, others, given, weight, imagined, both, joint = (np.asarray(each) for each in drawn())
    np.testing.assert_allclose(weight, np.log(0.5), rtol=1e-12)
    kept = values == 1
    # Means of Gumbel variables (standard deviation below 1.3), given level 1, beside rejection.
    gap = np.abs(given.mean(axis=0) - noise[kept].mean(axis=0))
    assert np.all(gap < 4.5 * 1.3 * np.sqrt(1 / kept.sum() + 1 / DRAWS))
    for level in range(3):
        by_rejection = np.mean(others[kept] == level)
        assert abs(np.mean(imagined == level) - by_rejection) < 4.5 * np.sqrt(
            0.25 / kept.sum() + 0.25 / DRAWS
        )
    # Oberst and Sontag 2019, theorem 2: from level i to j only if p'_j / p_j > p'_i / p_i.
    for i in range(3):
        for j in range(3):
            if i != j and THERE[i] / HERE[i] >= THERE[j] / HERE[j]:
                assert not np.any((values == i) & (others == j))
    # Two worlds: the probability in closed form, and noise that meets both.
    share = np.mean(kept & (others == 0))
    assert np.ptp(joint) < 1e-9
    assert abs(np.exp(joint[0]) - share) < 4.5 * np.sqrt(share / DRAWS)
    assert np.all(np.argmax(np.log(HERE) + both, axis=1) == 1)
    assert np.all(np.argmax(np.log(THERE) + both, axis=1) == 0)
    gap = np.abs(both.mean(axis=0) - noise[kept & (others == 0)].mean(axis=0))
    assert np.all(gap < 4.5 * 1.3 * np.sqrt(1 / (share * DRAWS) + 1 / DRAWS))
