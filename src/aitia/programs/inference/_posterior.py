"""The posterior of a program's parameters (and of nodes without data) as one log density."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from numpyro.distributions import biject_to

from aitia.programs._fitted import draw_prior
from aitia.programs._program import Program
from aitia.programs._random import named_key
from aitia.programs.inference._encode import Encoded
from aitia.programs.inference._term import Term
from aitia.programs.inference._terms import term_for


@dataclass(frozen=True, eq=False)
class Posterior:
    """A log density over unconstrained numbers, up to a constant.

    Args:
        log_density: from a point (a tree of arrays) to log prior + log likelihood + log Jacobian.
        log_prior: the same without the likelihood.
        initial: a starting point, from a random key.
        constrain: from a point to parameters by node and name, and latent nodes under the name ``"\\0latents"``.
    """

    log_density: Callable[[Any], jax.Array]
    log_prior: Callable[[Any], jax.Array]
    initial: Callable[[jax.Array], Any]
    constrain: Callable[[Any], dict[str, dict[str, jax.Array]]]


def posterior_of(program: Program, data: Encoded) -> Posterior:
    """The posterior of `program` given `data`.

    The likelihood factorises into one term for each node (the Markov factorisation); a term reads the data once,
    when it is made, and may keep sufficient statistics of it only.
    """
    terms: dict[str, Term] = {node: term_for(program, node, data) for node in program.nodes}
    n_groups = {name: len(levels) for name, levels in data.group_levels.items()}

    def constrained(point: Mapping[str, Mapping[str, jax.Array]]):
        log_prior = jnp.zeros(())
        parameters: dict[str, dict[str, jax.Array]] = {}
        for node, mechanism in program.mechanisms.items():
            own: dict[str, jax.Array] = {}
            waiting = dict(mechanism.parameters)
            while waiting:
                for name in [n for n, each in waiting.items() if all(d in own for d in each.depends_on)]:
                    prior = waiting.pop(name).prior_given(own)
                    transform = biject_to(prior.support)
                    raw = point[node][name]
                    own[name] = transform(raw)
                    log_prior += jnp.sum(prior.log_prob(own[name]))
                    log_prior += jnp.sum(transform.log_abs_det_jacobian(raw, own[name]))
            if own:
                parameters[node] = own
        return parameters, log_prior

    def log_density(point):
        parameters, log_prior = constrained(point)
        return log_prior + sum(term.log_likelihood(parameters.get(node, {})) for node, term in terms.items())

    def initial(key):
        drawn = draw_prior(program, key, n_groups)
        spread = lambda leaf, name: jax.random.uniform(named_key(key, name), leaf, minval=-1.0)  # noqa: E731
        point: dict[str, dict[str, jax.Array]] = {}
        for node, own in drawn.items():
            point[node] = {}
            for name, value in own.items():
                prior = program.mechanisms[node].parameters[name].prior_given(own)
                shape = jnp.shape(biject_to(prior.support).inv(value))
                point[node][name] = spread(shape, f"{node}\0{name}")
        return point

    return Posterior(
        log_density, lambda point: constrained(point)[1], initial, lambda point: constrained(point)[0]
    )
