"""Guides: families of densities that stochastic variational inference fits to a posterior."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aitia.programs._errors import FitError

_HALF_LOG_TAU = 0.5 * float(np.log(2 * np.pi))


class Guide(ABC):
    """A family of densities over vectors.

    It sees the posterior standardised: a vector that is roughly of mean zero and spread one.
    """

    @abstractmethod
    def begin(self, key: jax.Array, size: int) -> tuple[Any, Callable, Callable]:
        """A member of the family near the standard normal.

        Returns:
            Its settings, a tree of arrays to be learned; a function from settings, key and a number to so many draws,
            shape (number, size); and a function from settings and one vector to its log density.
        """

    @property
    @abstractmethod
    def description(self) -> str:
        """The family in words."""


@dataclass(frozen=True)
class MeanField(Guide):
    """Independent normals: cheap at any size; the spread is too small where unknowns are correlated."""

    @property
    def description(self) -> str:
        return "independent normals"

    def begin(self, key: jax.Array, size: int) -> tuple[Any, Callable, Callable]:
        def draw(settings, key, count):
            noise = jax.random.normal(key, (count, size))
            return settings["mean"] + jnp.exp(settings["log spread"]) * noise

        def log_density(settings, vector):
            noise = (vector - settings["mean"]) * jnp.exp(-settings["log spread"])
            return jnp.sum(-0.5 * noise**2 - settings["log spread"] - _HALF_LOG_TAU)

        return {"mean": jnp.zeros(size), "log spread": jnp.zeros(size)}, draw, log_density


@dataclass(frozen=True)
class FullRank(Guide):
    """One normal with all correlations: for up to a few hundred numbers.

    Args:
        most: numbers, at most; its settings grow with their square.
    """

    most: int = 1_000

    @property
    def description(self) -> str:
        return "one normal with all correlations"

    def begin(self, key: jax.Array, size: int) -> tuple[Any, Callable, Callable]:
        if size > self.most:
            raise FitError(
                f"A normal with all correlations of {size:,} numbers has {size * size:,} settings.",
                f"Use MeanField(), or FullRank(most={size}).",
            )

        def factor(settings):
            return jnp.tril(settings["below"], -1) + jnp.diag(jnp.exp(settings["log diagonal"]))

        def draw(settings, key, count):
            return settings["mean"] + jax.random.normal(key, (count, size)) @ factor(settings).T

        def log_density(settings, vector):
            centred = vector - settings["mean"]
            noise = jax.scipy.linalg.solve_triangular(factor(settings), centred, lower=True)
            return -0.5 * jnp.sum(noise**2) - jnp.sum(settings["log diagonal"]) - size * _HALF_LOG_TAU

        start = {"mean": jnp.zeros(size), "log diagonal": jnp.zeros(size), "below": jnp.zeros((size, size))}
        return start, draw, log_density


@dataclass(frozen=True)
class FlowGuide(Guide):
    """A normalising flow (FlowJAX): bends and skews as the posterior does, for up to some tens of numbers.

    A masked autoregressive flow, inverted so that drawing is cheap (Kingma et al. 2016, inverse autoregressive flow),
    with rational quadratic splines.

    Args:
        layers: layers of the flow.
        width: hidden units of each layer's network.
    """

    layers: int = 4
    width: int = 32

    @property
    def description(self) -> str:
        return f"a normalising flow of {self.layers} layers"

    def begin(self, key: jax.Array, size: int) -> tuple[Any, Callable, Callable]:
        import equinox as eqx
        import paramax
        from flowjax.bijections import RationalQuadraticSpline
        from flowjax.distributions import Normal
        from flowjax.flows import masked_autoregressive_flow

        flow = masked_autoregressive_flow(
            key,
            base_dist=Normal(jnp.zeros(size)),
            transformer=RationalQuadraticSpline(knots=8, interval=5),
            flow_layers=self.layers,
            nn_width=self.width,
            invert=False,
        )
        settings, fixed = eqx.partition(
            flow, eqx.is_inexact_array, is_leaf=lambda leaf: isinstance(leaf, paramax.NonTrainable)
        )

        def whole(settings):
            return paramax.unwrap(eqx.combine(settings, fixed))

        def draw(settings, key, count):
            return whole(settings).sample(key, (count,))

        def log_density(settings, vector):
            return whole(settings).log_prob(vector)

        return settings, draw, log_density
