"""Unordered levels: v is the level with the largest log probability plus Gumbel noise."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import MechanismError
from aitia.programs._events import Between, Event, Exactly, OneOf
from aitia.programs.forms._evidence import log_agreement, log_density, shaped
from aitia.programs.forms._logit import share_of

FLOOR = -300.0
"""Log probabilities are held above this where two worlds are conditioned on at once."""


class GumbelMax(Conditional):
    """v = argmax_k (log p_k + g_k), the noise g standard Gumbel, one for each level (Oberst and Sontag 2019).

    The form claims counterfactual stability: a unit seen at level i is at level j in another world only if the
    odds of j against i are higher there (their theorem 2). No data can test it, and other forms that hold it
    answer otherwise.

    Given a level the noise is drawn exactly, from the top down (Maddison, Tarlow and Minka 2014), written as a
    race of exponentials: exp(-g_k) = p_k t + e_k, without the e_k for the level seen, t and e_k exponential.
    Evidence in two worlds at once is drawn exactly too; of more worlds, two are, and the others are checked
    (weight 0 or 1).

    Args:
        distribution: a distribution over finitely many values.
    """

    def __init__(self, distribution: dist.Distribution, shape: tuple[int, ...] | None = None) -> None:
        if not self.possible(distribution):
            raise MechanismError(
                f"GumbelMax needs finitely many levels; came {type(distribution).__name__}.",
                "Return a dist.Categorical, or take Threshold for counts.",
            )
        self.distribution = distribution
        self.shape = distribution.shape() if shape is None else shape
        plain = distribution.base_dist if isinstance(distribution, dist.Independent) else distribution
        self.values = jnp.ravel(plain.enumerate_support(expand=False)).astype(int)
        if isinstance(plain, dist.CategoricalLogits):
            logits = jax.nn.log_softmax(plain.logits, axis=-1)
        else:
            column = self.values.reshape(-1, *(1 for _ in plain.batch_shape))
            logits = jnp.moveaxis(plain.log_prob(column), 0, -1)
        self.logits = jnp.broadcast_to(logits, (*self.shape, len(self.values)))

    @staticmethod
    def possible(distribution: dist.Distribution) -> bool:
        """Whether the distribution has finitely many values of shape ()."""
        if isinstance(distribution, dist.Independent):
            return GumbelMax.possible(distribution.base_dist)
        return not distribution.event_shape and distribution.has_enumerate_support

    @staticmethod
    def takes(distribution: dist.Distribution) -> bool:
        """Whether the distribution is over unordered levels."""
        return isinstance(distribution, dist.CategoricalProbs | dist.CategoricalLogits)

    @property
    def discrete(self) -> bool:
        return True

    @property
    def support(self) -> jax.Array:
        return self.values

    @property
    def assumption(self) -> str:
        return "a unit leaves its level only for one whose odds against it have risen (Gumbel-max noise)"

    def noise(self, key: jax.Array) -> Draw:
        return -jnp.log(_exponential(key, self.logits.shape))

    def push(self, noise: Draw) -> jax.Array:
        return self.values[jnp.argmax(self.logits + noise, axis=-1)]

    def log_prob(self, value: jax.Array) -> jax.Array:
        return log_density(self.distribution, shaped(value, self.shape))

    def abduct(self, key: jax.Array, evidence: Evidence) -> tuple[Draw, jax.Array]:
        first, rest = evidence[0], evidence[1:]
        if not rest:
            return self._in_one(key, *first)
        race, log_weight = self._in_two(key, first, rest[0])
        return race, log_weight + log_agreement(rest[1:], race)

    def _in_one(self, key: jax.Array, at: Conditional, event: Event) -> tuple[Draw, jax.Array]:
        assert isinstance(at, GumbelMax)
        choose, run = jax.random.split(key)
        open_to = jnp.where(at._members(event), at.logits, -jnp.inf)
        possible = jnp.any(open_to > -jnp.inf, axis=-1, keepdims=True)
        open_to = jnp.where(possible, open_to, at.logits)
        winner = jax.random.categorical(choose, jax.lax.stop_gradient(open_to))
        log_weight = jnp.where(possible[..., 0], jax.nn.logsumexp(open_to, axis=-1), -jnp.inf)
        return -jnp.log(_race(run, at.logits, winner)), jnp.sum(log_weight)

    def _in_two(self, key: jax.Array, one, two) -> tuple[Draw, jax.Array]:
        """Both worlds at once: a pair of winners by its exact probability, then the race given the pair."""
        (at, event), (other, other_event) = one, two
        levels = len(self.values)
        a, b = jnp.maximum(at.logits, FLOOR), jnp.maximum(other.logits, FLOOR)
        flat = (-1, levels)
        keys = jax.random.split(key, max(1, a.size // levels))
        draw = jax.vmap(_pair)
        race, log_weight = draw(
            keys,
            a.reshape(flat),
            b.reshape(flat),
            (at._members(event) & (at.logits > -jnp.inf)).reshape(flat),
            (other._members(other_event) & (other.logits > -jnp.inf)).reshape(flat),
        )
        return -jnp.log(race).reshape(a.shape), jnp.sum(log_weight)

    def _members(self, event: Event) -> jax.Array:
        """Which levels are in the event, for each element; shape (..., levels)."""
        if isinstance(event, Exactly):
            return shaped(event.value, self.shape)[..., None] == self.values
        if isinstance(event, OneOf):
            inside = jnp.any(self.values[:, None] == jnp.asarray(event.values), axis=-1)
            return jnp.broadcast_to(inside, self.logits.shape)
        assert isinstance(event, Between)
        low, high = shaped(event.low, self.shape)[..., None], shaped(event.high, self.shape)[..., None]
        over = self.values >= low if event.with_low else self.values > low
        return over & (self.values <= high if event.with_high else self.values < high)


def _exponential(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return -jnp.log(share_of(key, shape))


def _race(key: jax.Array, logits: jax.Array, winner: jax.Array) -> jax.Array:
    """exp(-Gumbel) for all levels, given that `winner` has the largest log p - log of it; p sums to one."""
    first, others = jax.random.split(key)
    finish = _exponential(first, winner.shape)[..., None] * jnp.exp(logits)
    late = jnp.where(
        jnp.arange(logits.shape[-1]) == winner[..., None], 0.0, _exponential(others, logits.shape)
    )
    return jnp.maximum(finish + late, jnp.finfo(finish.dtype).tiny)


def _pair(key, a, b, in_a, in_b):
    """One race given that its winner under log probabilities `a` is in `in_a`, and under `b` in `in_b`."""
    pairs = jnp.arange(len(a))
    table = jax.vmap(lambda i: jax.vmap(lambda j: log_pair(a, b, i, j))(pairs))(pairs)
    table = jnp.where(in_a[:, None] & in_b[None, :], table, -jnp.inf)
    top = jnp.max(table)
    possible = top > -jnp.inf
    total = jnp.where(possible, jax.nn.logsumexp(jnp.where(possible, table, 0.0)), -jnp.inf)
    choose, run = jax.random.split(key)
    chosen = jax.random.categorical(choose, jax.lax.stop_gradient(jnp.where(possible, table, 0.0)).ravel())
    i, j = chosen // len(a), chosen % len(a)
    same = _same(run, a, b, i)
    apart = _apart(run, a, b, i, jnp.where(i == j, (j + 1) % len(a), j))
    return jnp.where(i == j, same, apart), total


def log_pair(a, b, i, j):
    """log P(argmax under a is i, argmax under b is j), exactly."""
    same = -jax.nn.logsumexp(jnp.maximum(a - a[i], b - b[i]))
    _, _, mass = _pieces(a, b, i, jnp.where(i == j, (j + 1) % len(a), j))
    return jnp.where(
        i == j,
        same,
        jnp.where(jnp.sum(mass) > 0, jnp.log(jnp.where(mass.sum() > 0, mass.sum(), 1.0)), -jnp.inf),
    )


def _pieces(a, b, i, j):
    """The density of t = x_j / x_i given two winners i != j, in pieces 1 / (A + B t)^2.

    With exponentials x, i wins under a if x_k >= x_i exp(a_k - a_i) for all k, and j under b likewise. Given x_i
    and t, any other k is beyond max(exp(a_k - a_i), t exp(b_k - b_j)) x_i; integrating x_i out leaves
    1 / (1 + t + sum of those maxima)^2 on exp(a_j - a_i) <= t <= exp(b_j - b_i).
    """
    others = (jnp.arange(len(a)) != i) & (jnp.arange(len(a)) != j)
    under_a = jnp.where(others, jnp.exp(a - a[i]), 0.0)
    under_b = jnp.where(others, jnp.exp(b - b[j]), 0.0)
    low, high = jnp.exp(a[j] - a[i]), jnp.exp(b[j] - b[i])
    turn = jnp.where(others, jnp.exp(jnp.clip(a - a[i] - b + b[j], -600, 600)), low)
    ends = jnp.sort(jnp.concatenate([jnp.stack([low, high]), turn]))
    ends = jnp.clip(ends, low, jnp.maximum(low, high))
    start, end = ends[:-1], ends[1:]
    past = turn <= ((start + end) / 2)[:, None]
    constant = 1 + jnp.sum(jnp.where(past, 0.0, under_a), axis=-1)
    slope = 1 + jnp.sum(jnp.where(past, under_b, 0.0), axis=-1)
    mass = jnp.where(low < high, (end - start) / (constant + slope * start) / (constant + slope * end), 0.0)
    return (start, end), (constant, slope), mass


def _same(key, a, b, i):
    """A race that i wins in both worlds: as in one world whose log probabilities are the worse ones for i."""
    worse = jnp.maximum(a - a[i], b - b[i])
    return _race(key, jax.nn.log_softmax(worse), i)


def _apart(key, a, b, i, j):
    """A race that i wins under a, and j under b."""
    choose, within, first, others = jax.random.split(key, 4)
    (start, end), (constant, slope), mass = _pieces(a, b, i, j)
    piece = jax.random.categorical(choose, jnp.log(jnp.where(mass > 0, mass, 0.0)))
    s, e, constant, slope = start[piece], end[piece], constant[piece], slope[piece]
    share = share_of(within) * (e - s) / (constant + slope * e)
    t = s + share * (constant + slope * s) / (1 - share * slope)
    x_i = jax.random.gamma(first, 2.0) / (constant + slope * t)
    levels = jnp.arange(len(a))
    barrier = x_i * jnp.maximum(jnp.exp(a - a[i]), t * jnp.exp(b - b[j]))
    race = barrier + _exponential(others, a.shape)
    race = jnp.where(levels == i, x_i, jnp.where(levels == j, t * x_i, race))
    return jnp.maximum(race, jnp.finfo(race.dtype).tiny)
