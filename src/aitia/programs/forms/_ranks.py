"""The rank of a number within its law, and the number of a rank, exact in both tails, family by family."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.nn import log_sigmoid, sigmoid, softplus
from jax.scipy.special import erf, erfinv, gammainc, gammaincc, log_ndtr

from aitia.programs.forms._incomplete_beta import incomplete_beta
from aitia.programs.forms._invert import inverse_on
from aitia.programs.forms._logit import (
    between,
    exponential_logit,
    log_mass,
    normal_logit,
    normal_lower_quantile,
    normal_quantile,
    safe_log,
)
from aitia.programs.forms._transforms import backward, forward, increasing, ordered_chain

Map = Callable[[jax.Array], jax.Array]


@dataclass(frozen=True)
class Ranks:
    """The increasing map between the values of a law and the logits of their ranks, elementwise.

    Args:
        logit: log F(v) - log(1 - F(v)), for v strictly between the bounds.
        quantile: its inverse.
        low: the lower end of the values; None where there is none.
        high: the upper end of the values; None where there is none.
    """

    logit: Map
    quantile: Map
    low: jax.Array | float | None = None
    high: jax.Array | float | None = None

    @property
    def _somewhere(self) -> jax.Array | float:
        """A value between the bounds."""
        if self.low is None:
            return 0.0 if self.high is None else self.high - 1.0
        return self.low + 1.0 if self.high is None else (self.low + self.high) / 2

    def of(self, value: jax.Array) -> jax.Array:
        """The logit rank of any value, infinite at the ends and beyond; no NaN in the gradient."""
        value = jnp.asarray(value, float)
        over = value > (-jnp.inf if self.low is None else self.low)
        under = value < (jnp.inf if self.high is None else self.high)
        inside = jnp.where(over & under, value, self._somewhere)
        return jnp.where(over, jnp.where(under, self.logit(inside), jnp.inf), -jnp.inf)


def ranks_of(distribution: dist.Distribution) -> Ranks | None:
    """The ranks of a distribution of numbers (elementwise over its batch); None where no rule is known.

    Closed forms where the family has them; else the cumulative distribution function, inverted numerically. A
    family known by its ``cdf`` alone is exact up to ranks of 1 - 1e-16.
    """
    if isinstance(distribution, dist.ExpandedDistribution):
        return ranks_of(distribution.base_dist)
    if isinstance(distribution, dist.Independent):
        return ranks_of(distribution.base_dist)
    for kind in type(distribution).__mro__:
        if kind in _RULES:
            return _RULES[kind](distribution)
    support = distribution.support
    if (
        distribution.event_shape
        or support is None
        or support.is_discrete
        or support is dist.constraints.circular
    ):
        return None
    if type(distribution).cdf is dist.Distribution.cdf:
        return None
    return _by_cdf(distribution)


def standard(kind: type[dist.Distribution]) -> Ranks | None:
    """The ranks of a location-scale family's standard law; None where the family is none."""
    return _STANDARD.get(kind)


def _log_ranks(z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """log u and log(1 - u) of a logit rank."""
    return log_sigmoid(z), log_sigmoid(-z)


def _folded_over(lower_half: Map, z: jax.Array) -> jax.Array:
    """An odd function of z from its values at z <= 0."""
    lower = lower_half(jnp.where(z < 0, z, -z))
    return jnp.where(z < 0, lower, -lower)


# Location-scale families, at location 0 and scale 1.


def _laplace_logit(x: jax.Array) -> jax.Array:
    return _folded_over(lambda t: t - jnp.log(2 - jnp.exp(t)), x)


def _laplace_quantile(z: jax.Array) -> jax.Array:
    return _folded_over(lambda t: math.log(2) - softplus(-t), z)


def _cauchy_logit(x: jax.Array) -> jax.Array:
    one = jnp.ones_like(x)
    return jnp.log(jnp.arctan2(one, -x)) - jnp.log(jnp.arctan2(one, x))


def _cauchy_quantile(z: jax.Array) -> jax.Array:
    return _folded_over(lambda t: -1 / jnp.tan(jnp.pi * sigmoid(t)), z)


def _gumbel_quantile(z: jax.Array) -> jax.Array:
    far = z > 30
    return jnp.where(
        far, z + jnp.exp(-jnp.where(far, z, 30.0)) / 2, -jnp.log(softplus(-jnp.where(far, 0.0, z)))
    )


_STANDARD: dict[type[dist.Distribution], Ranks] = {
    dist.Normal: Ranks(normal_logit, normal_quantile),
    dist.Laplace: Ranks(_laplace_logit, _laplace_quantile),
    dist.Cauchy: Ranks(_cauchy_logit, _cauchy_quantile),
    dist.Logistic: Ranks(lambda x: x, lambda z: z),
    dist.Gumbel: Ranks(lambda x: -exponential_logit(jnp.exp(-x)), _gumbel_quantile),
}


def _location_scale(law) -> Ranks:
    plain = _STANDARD[next(kind for kind in type(law).__mro__ if kind in _STANDARD)]
    return Ranks(
        lambda v: plain.logit((v - law.loc) / law.scale), lambda z: law.loc + law.scale * plain.quantile(z)
    )


def _student(law) -> Ranks:
    def lower(x):
        x = jnp.minimum(x, -1e-200)
        # P(T < x) = I_{df / (df + x^2)}(df / 2, 1 / 2) / 2; the other end keeps precision near zero.
        near = 1 / (1 + law.df / x**2)
        far = near > 0.5
        tail = incomplete_beta(law.df / 2, jnp.asarray(0.5), 1 - near, near) / 2
        # Beside the median by what lies between: with 1 - near half of the digits would be lost.
        between_them = incomplete_beta(jnp.asarray(0.5), law.df / 2, near, 1 - near)
        inner = -2 * jnp.arctanh(jnp.where(far, 0.0, between_them))
        return jnp.where(far, safe_log(tail) - jnp.log1p(-tail), inner)

    def logit(v):
        return _folded_over(lower, (v - law.loc) / law.scale)

    def plain(z):
        density = dist.StudentT(law.df).log_prob
        return inverse_on(lambda x: _folded_over(lower, x), density, z, None, None, normal_quantile(z))

    return Ranks(logit, lambda z: law.loc + law.scale * plain(jnp.broadcast_to(z, _shape(z, law))))


# Families on half a line or an interval.


def _uniform(law) -> Ranks:
    low, high = law.low, law.high
    return Ranks(
        lambda v: jnp.log(v - low) - jnp.log(high - v), lambda z: low + (high - low) * sigmoid(z), low, high
    )


def _by_exponential(to: Map, back: Map, low=0.0, high=None) -> Ranks:
    """A law whose `to(v)`, increasing, is standard exponential: minus the log of its survival function."""
    return Ranks(lambda v: exponential_logit(to(v)), lambda z: back(softplus(z)), low, high)


def _exponential(law) -> Ranks:
    return _by_exponential(lambda v: law.rate * v, lambda e: e / law.rate)


def _weibull(law) -> Ranks:
    return _by_exponential(
        lambda v: (v / law.scale) ** law.concentration, lambda e: law.scale * e ** (1 / law.concentration)
    )


def _gompertz(law) -> Ranks:
    return _by_exponential(
        lambda v: law.concentration * jnp.expm1(law.rate * v),
        lambda e: jnp.log1p(e / law.concentration) / law.rate,
    )


def _kumaraswamy(law) -> Ranks:
    a, b = law.concentration1, law.concentration0
    return _by_exponential(
        lambda v: -b * jnp.log1p(-(v**a)), lambda e: (-jnp.expm1(-e / b)) ** (1 / a), high=1.0
    )


def _dagum(law) -> Ranks:
    # -log F = p log(1 + (v / b)^-a) falls in v and is standard exponential.
    p, a, b = law.concentration, law.sharpness, law.scale
    return Ranks(
        lambda v: -exponential_logit(p * jnp.log1p((v / b) ** -a)),
        lambda z: b * jnp.expm1(softplus(-z) / p) ** (-1 / a),
        0.0,
    )


def _half_normal(law) -> Ranks:
    def logit(v):
        x = v / law.scale
        return safe_log(erf(x / math.sqrt(2))) - (math.log(2) + log_ndtr(-x))

    def quantile(z):
        small = jnp.minimum(z, 0.0)
        near = math.sqrt(2) * erfinv(sigmoid(small))
        far = -normal_lower_quantile(log_sigmoid(-jnp.maximum(z, 0.0)) - math.log(2))
        return law.scale * jnp.where(z < 0, near, far)

    return Ranks(logit, quantile, 0.0)


def _half_cauchy(law) -> Ranks:
    def logit(v):
        x = v / law.scale
        return jnp.log(jnp.arctan(x)) - jnp.log(jnp.arctan2(jnp.ones_like(x), x))

    def quantile(z):
        angle = jnp.tan(jnp.pi / 2 * sigmoid(-jnp.abs(z)))
        return law.scale * jnp.where(z < 0, angle, 1 / angle)

    return Ranks(logit, quantile, 0.0)


def _gamma(law) -> Ranks:
    def plain(x):
        return safe_log(gammainc(law.concentration, x)) - safe_log(gammaincc(law.concentration, x))

    def quantile(z):
        z = jnp.broadcast_to(z, _shape(z, law))
        # Wilson and Hilferty (1931); in the lower tail u = x^a / Gamma(a + 1).
        a = law.concentration
        cube = 1 - 1 / (9 * a) + normal_quantile(z) / (3 * jnp.sqrt(a))
        tail = jnp.exp((log_sigmoid(z) + jax.lax.lgamma(jnp.asarray(a + 1.0))) / a)
        density = dist.Gamma(a).log_prob
        return inverse_on(plain, density, z, 0.0, None, jnp.where(cube > 0.3, a * cube**3, tail)) / law.rate

    return Ranks(lambda v: plain(law.rate * v), quantile, 0.0)


def _beta(law) -> Ranks:
    a, b = law.concentration1, law.concentration0

    def logit(v):
        return safe_log(incomplete_beta(a, b, v, 1 - v)) - safe_log(incomplete_beta(b, a, 1 - v, v))

    def quantile(z):
        return inverse_on(logit, law.log_prob, jnp.broadcast_to(z, _shape(z, law)), 0.0, 1.0, a / (a + b))

    return Ranks(logit, quantile, 0.0, 1.0)


# Laws made of other laws.


def _truncated(base: dist.Distribution, low=None, high=None) -> Ranks | None:
    whole = ranks_of(base)
    if whole is None:
        return None
    below = jnp.asarray(-jnp.inf) if low is None else whole.of(low)
    above = jnp.asarray(jnp.inf) if high is None else whole.of(high)

    def logit(v):
        z = whole.of(v)
        return log_mass(below, z) - log_mass(z, above)

    def quantile(z):
        return whole.quantile(between(*_log_ranks(z), below, above))

    return Ranks(logit, quantile, whole.low if low is None else low, whole.high if high is None else high)


def _transformed(law) -> Ranks | None:
    parts = ordered_chain(law.transforms)
    if parts is None:
        return None
    base = ranks_of(law.base_dist)
    if base is None:
        return None
    up = increasing(parts)

    def logit(v):
        return jnp.where(up, 1.0, -1.0) * base.of(backward(parts, v))

    def quantile(z):
        return forward(parts, base.quantile(jnp.where(up, z, -z)))

    return Ranks(logit, quantile, *bounds_of(law.support))


def _folded(law) -> Ranks | None:
    base = ranks_of(law.base_dist)
    if base is None:
        return None

    def logit(v):
        below, above = base.of(-v), base.of(v)
        return log_mass(below, above) - jnp.logaddexp(_log_ranks(below)[0], _log_ranks(above)[1])

    def quantile(z):
        return inverse_on(logit, law.log_prob, jnp.broadcast_to(z, _shape(z, law)), 0.0, None)

    return Ranks(logit, quantile, 0.0)


def _mixture(weights: Any, known: list[Ranks | None], law, axis: bool) -> Ranks | None:
    components = [each for each in known if each is not None]
    if len(components) < len(known):
        return None
    log_weights = jax.nn.log_softmax(weights.logits, axis=-1)

    def stacked(values: Callable[[Ranks], jax.Array]) -> jax.Array:
        if axis:  # one law whose last batch axis holds the components
            return values(components[0])
        return jnp.stack([jnp.broadcast_to(values(each), shape) for each in components], axis=-1)

    shape: tuple[int, ...] = ()

    def logit(v):
        nonlocal shape
        shape = _shape(v, law)
        v = jnp.broadcast_to(v, shape)
        z = stacked(lambda each: each.of(v[..., None] if axis else v))
        below, above = _log_ranks(z)
        return _log_sum(log_weights + below) - _log_sum(log_weights + above)

    def quantile(z):
        nonlocal shape
        shape = _shape(z, law)
        z = jnp.broadcast_to(z, shape)
        each = stacked(lambda part: part.quantile(z[..., None] if axis else z))
        guess = jnp.sum(jnp.exp(log_weights) * jnp.where(jnp.isfinite(each), each, 0.0), axis=-1)
        return inverse_on(logit, law.log_prob, z, *ends, guess)

    ends = bounds_of(law.support)
    return Ranks(logit, quantile, *ends)


def _log_sum(x: jax.Array) -> jax.Array:
    """log sum exp over the last axis, with no NaN where all are minus infinity."""
    top = jax.lax.stop_gradient(jnp.max(x, axis=-1, keepdims=True))
    top = jnp.where(jnp.isfinite(top), top, 0.0)
    return safe_log(jnp.sum(jnp.exp(x - top), axis=-1)) + top[..., 0]


def _mixture_same(law) -> Ranks | None:
    if law.component_distribution.event_shape:
        return None
    return _mixture(law.mixing_distribution, [ranks_of(law.component_distribution)], law, axis=True)


def _mixture_general(law) -> Ranks | None:
    if any(each.event_shape for each in law.component_distributions):
        return None
    return _mixture(
        law.mixing_distribution, [ranks_of(each) for each in law.component_distributions], law, axis=False
    )


def _by_cdf(law) -> Ranks:
    ends = bounds_of(law.support)

    def logit(v):
        rank = law.cdf(v)
        return safe_log(rank) - safe_log(1 - rank)

    return Ranks(
        logit, lambda z: inverse_on(logit, law.log_prob, jnp.broadcast_to(z, _shape(z, law)), *ends), *ends
    )


def bounds_of(support) -> tuple[jax.Array | float | None, jax.Array | float | None]:
    """The ends of an interval of numbers, None for an infinite one."""
    return getattr(support, "lower_bound", None), getattr(support, "upper_bound", None)


def _shape(z: jax.Array, law) -> tuple[int, ...]:
    return np.broadcast_shapes(jnp.shape(z), law.batch_shape)


_RULES: dict[type[dist.Distribution], Callable[..., Ranks | None]] = {
    **dict.fromkeys(_STANDARD, _location_scale),
    dist.StudentT: _student,
    dist.Uniform: _uniform,
    dist.Exponential: _exponential,
    dist.Weibull: _weibull,
    dist.Gompertz: _gompertz,
    dist.Kumaraswamy: _kumaraswamy,
    dist.Dagum: _dagum,
    dist.HalfNormal: _half_normal,
    dist.HalfCauchy: _half_cauchy,
    dist.Gamma: _gamma,
    dist.Beta: _beta,
    dist.LeftTruncatedDistribution: lambda law: _truncated(law.base_dist, low=law.low),
    dist.RightTruncatedDistribution: lambda law: _truncated(law.base_dist, high=law.high),
    dist.TwoSidedTruncatedDistribution: lambda law: _truncated(law.base_dist, law.low, law.high),
    dist.FoldedDistribution: _folded,
    dist.TransformedDistribution: _transformed,
    dist.MixtureSameFamily: _mixture_same,
    dist.MixtureGeneral: _mixture_general,
}
