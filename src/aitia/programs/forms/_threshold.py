"""Ordered discrete values: v is the smallest value whose cumulative probability reaches the noise."""

from __future__ import annotations

from itertools import product

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import MechanismError, NotInvertible
from aitia.programs._events import Between, Event, Exactly, OneOf
from aitia.programs.forms._counts import Steps, steps_of
from aitia.programs.forms._drawn import drawn
from aitia.programs.forms._evidence import log_density, shaped
from aitia.programs.forms._logit import draw_between, log_mass, logistic


class Threshold(Conditional):
    """v = min{k : F(k) >= u}, the noise the logit of the rank u.

    The form claims that the unit with the higher noise has the higher value in every world (monotonicity). What
    other forms would answer is bounded apart from it.

    Every value is an interval of noise, in each world another one; what is known in several worlds is their
    intersection, drawn from and weighed exactly.

    Args:
        distribution: a distribution over whole numbers.
    """

    def __init__(self, distribution: dist.Distribution, shape: tuple[int, ...] | None = None) -> None:
        steps = steps_of(distribution)
        if steps is None:
            raise MechanismError(
                f"{type(distribution).__name__} is not known as a distribution over whole numbers.",
                "Take a discrete distribution with finitely many values or with a cdf.",
            )
        self.distribution = distribution
        self.shape = distribution.shape() if shape is None else shape
        self.steps: Steps = steps

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        """Whether the distribution is over ordered whole numbers."""
        unordered = isinstance(distribution, dist.CategoricalProbs | dist.CategoricalLogits)
        if unordered and not isinstance(distribution, dist.OrderedLogistic):
            return False
        return not distribution.event_shape and steps_of(distribution) is not None

    @property
    def discrete(self) -> bool:
        return True

    @property
    def support(self) -> jax.Array | None:
        return self.steps.values

    @property
    def cuts(self) -> jax.Array | None:
        """The noise at which each value ends (the logit of F at it), the last infinite; shape (values, ...)."""
        return self.steps.cuts

    @property
    def assumption(self) -> str:
        return "a unit that ranks higher in one world ranks higher in every world"

    def noise(self, key: jax.Array) -> Draw:
        return logistic(key, self.shape)

    def push(self, noise: Draw) -> jax.Array:
        return jnp.broadcast_to(self.steps.smallest(noise), self.shape)

    def sample(self, key: jax.Array) -> jax.Array:
        # A count's rank is inverted by search; the family's own sampler is about ten times faster.
        return drawn(self.distribution, key, self.shape).astype(int)

    def log_prob(self, value: jax.Array) -> jax.Array:
        return log_density(self.distribution, shaped(value, self.shape))

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        # Each world gives one interval of noise, or one for each value of a set; keep what all of them share.
        by_world = [at._intervals(event) for at, event in evidence if isinstance(at, Threshold)]
        lows, highs = [], []
        for chosen in product(*by_world):
            low, high = chosen[0]
            for other_low, other_high in chosen[1:]:
                low, high = jnp.maximum(low, other_low), jnp.minimum(high, other_high)
            lows.append(low)
            highs.append(high)
        if len(lows) == 1:
            return draw_between(key, lows[0], highs[0]), jnp.sum(log_mass(lows[0], highs[0]))
        low, high = jnp.stack(lows), jnp.stack(highs)
        mass = log_mass(low, high)
        top = jnp.max(mass)
        total = jax.nn.logsumexp(jnp.where(top > -jnp.inf, mass, 0.0))
        choose, within = jax.random.split(key)
        chosen = jax.random.categorical(choose, jax.lax.stop_gradient(mass))
        return draw_between(within, low[chosen], high[chosen]), jnp.where(top > -jnp.inf, total, -jnp.inf)

    def _intervals(self, event: Event) -> list[tuple[jax.Array, jax.Array]]:
        """The disjoint intervals of noise in which the value is in the event."""
        if isinstance(event, Exactly):
            value = shaped(event.value, self.shape)
            whole = value == jnp.floor(value)
            low, high = self.steps.logit(value - 1), self.steps.logit(value)
            return [(low, jnp.where(whole, high, low))]
        if isinstance(event, Between):
            low, high = shaped(event.low, self.shape), shaped(event.high, self.shape)
            first = jnp.ceil(low) if event.with_low else jnp.floor(low) + 1
            last = jnp.floor(high) if event.with_high else jnp.ceil(high) - 1
            return [(self.steps.logit(first - 1), self.steps.logit(last))]
        if isinstance(event, OneOf) and self.shape == ():
            values = [jnp.asarray(each) for each in event.values]
            found = []
            for position, value in enumerate(values):
                ((low, high),) = self._intervals(Exactly(value))
                again = jnp.any(jnp.asarray([value == other for other in values[:position]], dtype=bool))
                found.append((low, jnp.where(again, low, high)))
            return found
        raise NotInvertible(
            f"Evidence of the kind {type(event).__name__} on a vector of whole numbers has no closed form.",
            "Give its exact values, or an interval.",
        )
