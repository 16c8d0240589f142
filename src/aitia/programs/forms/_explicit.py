"""A function with explicit noise: v = f(parents, noise), as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import NotInvertible
from aitia.programs._events import Exactly


class Explicit(Conditional):
    """v = f(noise), the noise of the laws that its author stated.

    Args:
        function: from the noises, by name, to the value.
        laws: the law of each noise; none for a deterministic node.
    """

    def __init__(
        self, function: Callable[[Mapping[str, jax.Array]], jax.Array], laws: Mapping[str, dist.Distribution]
    ) -> None:
        self.function = function
        self.laws = dict(laws)

    def noise(self, key: jax.Array) -> Draw:
        keys = jax.random.split(key, max(len(self.laws), 1))
        return {name: law.sample(each) for each, (name, law) in zip(keys, self.laws.items())}

    def push(self, noise: Draw) -> jax.Array:
        return self.function(noise)

    def log_prob(self, value: jax.Array) -> jax.Array:
        noise, log_density = self._inverse(value)
        return log_density

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        if not self.laws:
            seen = [event.contains(at.push({})) for at, event in evidence]
            return {}, jnp.where(jnp.all(jnp.stack(seen)), 0.0, -jnp.inf)
        if len(evidence) == 1 and isinstance(evidence[0][1], Exactly):
            at, event = evidence[0]
            return at._inverse(event.value)
        raise NotInvertible("", "")

    def _inverse(self, value: jax.Array) -> tuple[Draw, jax.Array]:
        """The noise that gives the value, and the log density of the value: f must be affine in one noise."""
        if len(self.laws) != 1:
            raise NotInvertible(
                f"The node's {len(self.laws)} noises are not determined by its value.",
                "Give the node one noise, or return a distribution.",
            )
        ((name, law),) = self.laws.items()
        at_zero, slope = jax.jvp(
            lambda each: self.function({name: each}),
            (jnp.zeros(law.event_shape),),
            (jnp.ones(law.event_shape),),
        )
        noise = (value - at_zero) / slope
        return {name: noise}, law.log_prob(noise) - jnp.log(jnp.abs(slope))


def explicit(
    function: Callable[[Mapping[str, jax.Array]], jax.Array], laws: Mapping[str, dist.Distribution]
) -> Explicit:
    """The conditional of a function with explicit noise (none for a deterministic node)."""
    return Explicit(function, laws)
