"""How a parameter whose prior depends on others is written for a sampler: as it is, or as its standardised self.

Where the data say little about each group, the value and the spread of its prior depend on each other like a
funnel, and the standardised value does not (non-centred); where the data say much, it is the other way round
(Papaspiliopoulos, Roberts and Sköld 2007, A general framework for the parametrization of hierarchical models,
Statistical Science 22:59-73; Betancourt and Girolami 2015).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpyro.distributions as dist


class Centring(ABC):
    """Which parameters with a location-scale prior are sampled as they are."""

    @abstractmethod
    def centred(self, node: str, name: str, rows_per_group: float) -> bool:
        """Whether a parameter is sampled as it is, given how many rows tell of one of its values (the median)."""


@dataclass(frozen=True)
class Centred(Centring):
    """Every value is sampled as it is."""

    def centred(self, node: str, name: str, rows_per_group: float) -> bool:
        return True


@dataclass(frozen=True)
class NonCentred(Centring):
    """Every value with a location-scale prior that depends on other parameters is sampled as its standardised self."""

    def centred(self, node: str, name: str, rows_per_group: float) -> bool:
        return False


@dataclass(frozen=True)
class ByGroupSize(Centring):
    """Values are sampled as they are where groups are large, as their standardised selves where they are small.

    Args:
        rows: from so many rows per group on (the median over groups) the value is sampled as it is.
    """

    rows: float = 100

    def centred(self, node: str, name: str, rows_per_group: float) -> bool:
        return rows_per_group >= self.rows


@dataclass(frozen=True)
class Only(Centring):
    """The named parameters are sampled as they are, the others as their standardised selves.

    Args:
        names: parameters as (node, name).
    """

    names: frozenset[tuple[str, str]]

    def centred(self, node: str, name: str, rows_per_group: float) -> bool:
        return (node, name) in self.names


_STANDARD: dict[type, Any] = {
    each: each(0.0, 1.0) for each in (dist.Normal, dist.Laplace, dist.Cauchy, dist.Logistic, dist.Gumbel)
}


def is_location_scale(prior: dist.Distribution) -> bool:
    """Whether a value of this distribution is location + scale * a standard value."""
    return type(_base(prior)) in (*_STANDARD, dist.StudentT, dist.MultivariateNormal)


def from_standard(prior: dist.Distribution, raw: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The value whose standardised self is `raw`, and its log density (not summed over groups).

    Args:
        prior: a prior for which `is_location_scale` holds.
        raw: standardised values, of the value's shape.
    """
    base: Any = _base(prior)
    if type(base) is dist.MultivariateNormal:
        value = jnp.asarray(base.loc) + jnp.einsum("...ij,...j->...i", base.scale_tril, raw)
        return value, dist.Normal(0.0, 1.0).log_prob(raw)
    kind = type(base)
    standard: Any = dist.StudentT(base.df, 0.0, 1.0) if kind is dist.StudentT else _STANDARD[kind]
    return base.loc + base.scale * raw, standard.log_prob(raw)


def standard_draw(prior: dist.Distribution, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Draws of the standardised self of a value with this prior, shape (*shape, *the prior's)."""
    base = _base(prior)
    shape = (*shape, *prior.batch_shape, *prior.event_shape)
    if type(base) is dist.MultivariateNormal:
        return dist.Normal(0.0, 1.0).sample(key, shape)
    kind = type(base)
    standard: Any = dist.StudentT(base.df, 0.0, 1.0) if kind is dist.StudentT else _STANDARD[kind]
    return standard.sample(key, shape)


def _base(prior: Any) -> Any:
    while isinstance(prior, dist.ExpandedDistribution | dist.Independent):
        prior = prior.base_dist
    return prior
