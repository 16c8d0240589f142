"""Links: from the linear predictor to the mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr


@dataclass(frozen=True)
class Link(ABC):
    """A link g: g(mean) = linear predictor (McCullagh and Nelder 1989)."""

    @abstractmethod
    def mean(self, predictor: jax.Array) -> jax.Array:
        """The mean at a linear predictor: the inverse of the link."""

    @abstractmethod
    def predictor(self, mean: float) -> float:
        """The linear predictor at a mean: the link."""


@dataclass(frozen=True)
class Identity(Link):
    """mean = predictor."""

    def mean(self, predictor):
        return predictor

    def predictor(self, mean):
        return float(mean)


@dataclass(frozen=True)
class Log(Link):
    """mean = exp(predictor)."""

    def mean(self, predictor):
        return jnp.exp(predictor)

    def predictor(self, mean):
        return float(np.log(mean))


@dataclass(frozen=True)
class Logit(Link):
    """mean = 1 / (1 + exp(-predictor))."""

    def mean(self, predictor):
        return jax.nn.sigmoid(predictor)

    def predictor(self, mean):
        return float(np.log(mean) - np.log1p(-mean))


@dataclass(frozen=True)
class Probit(Link):
    """mean = Phi(predictor), the standard normal's distribution function."""

    def mean(self, predictor):
        return jnp.clip(ndtr(predictor), 1e-12, 1 - 1e-12)

    def predictor(self, mean):
        from aitia.core import stats

        return float(stats.norm.ppf(mean))


@dataclass(frozen=True)
class ComplementaryLogLog(Link):
    """mean = 1 - exp(-exp(predictor))."""

    def mean(self, predictor):
        return jnp.clip(-jnp.expm1(-jnp.exp(predictor)), 1e-12, 1 - 1e-12)

    def predictor(self, mean):
        return float(np.log(-np.log1p(-mean)))
