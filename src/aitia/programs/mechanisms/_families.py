"""Families: the law of a node around a predictor, with what of it is learned besides the mean."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
from jax.scipy.special import gammaln

from aitia.programs._errors import FitError, MechanismError
from aitia.programs._terms import Parameter
from aitia.programs.mechanisms._links import Identity, Link, Log, Logit

Own = Mapping[str, jax.Array]

_IDENTITY, _LOG, _LOGIT = Identity(), Log(), Logit()


class Family(ABC):
    """A law of one unit's value around its predictor.

    Attributes:
        name: its name in words.
        link: from the predictor to the mean.
        outputs: how many predictors it needs; 1 for most.
        takes: the values it gives, in words.
    """

    name: str
    link: Link
    outputs: int = 1
    takes: str

    @property
    def parameters(self) -> dict[str, Parameter]:
        """What is learned besides the mean, with priors."""
        return {}

    @abstractmethod
    def distribution(self, predictor: jax.Array, own: Own, scale: float) -> dist.Distribution:
        """The law of one unit.

        Args:
            predictor: the linear predictor, a scalar (shape (outputs,) where there are more).
            own: the family's own parameters.
            scale: the unit of the node's values (its standard deviation; 1 where it is not standardised).
        """

    @abstractmethod
    def wrong(self, values: np.ndarray) -> np.ndarray:
        """Which values this family cannot give, by row."""

    def standard(self, values: np.ndarray) -> tuple[Any, float]:
        """The predictor of the mean of all values, and the unit of the predictor."""
        return self.link.predictor(float(values.mean())), 1.0

    def check(self, values: np.ndarray) -> None:
        """Check that the family can give these values.

        Raises:
            FitError: it cannot; the error names the first row.
        """
        if values.ndim != 1:
            raise FitError(
                f"A node of the family {self.name} is a number; the data have values of shape {values.shape[1:]}.",
                "Use Linear(..., size=...) or ConditionalFlow(..., size=...) for arrays.",
            )
        wrong = self.wrong(values)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise FitError(
                f"The family {self.name} gives {self.takes}; row {row} has {values[row]:.6g}.",
                "Choose a family that gives such values, or correct the row.",
            )
        if values.min() == values.max():
            raise FitError(
                f"The node has the same value in all {len(values):,} rows ({values[0]:.6g}).",
                "Write it as a constant, or collect rows in which it varies.",
            )


@dataclass(frozen=True)
class Normal(Family):
    """v = mean + spread * noise. Prior of the spread, in standard deviations of the node: Exponential(1)."""

    link: Link = _IDENTITY
    name = "normal"

    @property
    def parameters(self):
        return {"spread": Parameter(dist.Exponential(1.0))}

    def distribution(self, predictor, own, scale):
        return dist.Normal(self.link.mean(predictor), scale * own["spread"])

    def wrong(self, values):
        return ~np.isfinite(values)

    takes = "any number"

    def standard(self, values):
        # Only on the identity's scale do a mean and a unit of the values mean the same for the predictor.
        if isinstance(self.link, Identity):
            return float(values.mean()), float(values.std())
        return super().standard(values)


@dataclass(frozen=True)
class Bernoulli(Family):
    """P(v = 1) = mean."""

    link: Link = _LOGIT
    name = "Bernoulli"

    def distribution(self, predictor, own, scale):
        if isinstance(self.link, Logit):
            return dist.Bernoulli(logits=predictor)
        return dist.Bernoulli(probs=self.link.mean(predictor))

    def wrong(self, values):
        return (values != 0) & (values != 1)

    takes = "0 or 1"


@dataclass(frozen=True)
class Binomial(Family):
    """The number of successes of `total` trials, each with probability mean.

    Args:
        total: the number of trials, the same for every unit.
    """

    total: int
    link: Link = _LOGIT
    name = "binomial"

    def distribution(self, predictor, own, scale):
        if isinstance(self.link, Logit):
            return dist.Binomial(self.total, logits=predictor)
        return dist.Binomial(self.total, probs=self.link.mean(predictor))

    def wrong(self, values):
        return (values < 0) | (values > self.total) | (values != np.round(values))

    @property
    def takes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"whole numbers from 0 to {self.total}"

    def standard(self, values):
        return self.link.predictor(float(values.mean()) / self.total), 1.0


@dataclass(frozen=True)
class Poisson(Family):
    """A count whose variance is its mean."""

    link: Link = _LOG
    name = "Poisson"

    def distribution(self, predictor, own, scale):
        return dist.Poisson(self.link.mean(predictor))

    def wrong(self, values):
        return (values < 0) | (values != np.round(values))

    takes = "whole numbers from 0"


class _NegativeBinomial(dist.NegativeBinomial2):
    """NumPyro's law with its log probability by log gammas.

    NumPyro's own goes through `betaln`, which is off by up to 1.3e-6 (against scipy.stats.nbinom.logpmf at mean 2,
    overdispersion 0.3; mean 30, overdispersion 0.5); this one by less than 1e-12 there.
    """

    def log_prob(self, value: Any, intermediates: Any = None) -> jax.Array:
        r, rate = jnp.asarray(self.concentration, float), jnp.asarray(self.rate, float)
        value = jnp.asarray(value, float)
        ways = gammaln(value + r) - gammaln(r) - gammaln(value + 1)
        return ways - r * jnp.log1p(1 / rate) - value * jnp.log1p(rate)


@dataclass(frozen=True)
class NegativeBinomial(Family):
    """A count with variance mean + overdispersion * mean². Prior of the overdispersion: Exponential(1)."""

    link: Link = _LOG
    name = "negative binomial"

    @property
    def parameters(self):
        return {"overdispersion": Parameter(dist.Exponential(1.0))}

    def distribution(self, predictor, own, scale):
        return _NegativeBinomial(self.link.mean(predictor), 1.0 / own["overdispersion"])

    def wrong(self, values):
        return (values < 0) | (values != np.round(values))

    takes = "whole numbers from 0"


@dataclass(frozen=True)
class Gamma(Family):
    """A positive number with variance dispersion * mean². Prior of the dispersion: Exponential(1)."""

    link: Link = _LOG
    name = "gamma"

    @property
    def parameters(self):
        return {"dispersion": Parameter(dist.Exponential(1.0))}

    def distribution(self, predictor, own, scale):
        shape = 1.0 / own["dispersion"]
        return dist.Gamma(shape, shape / self.link.mean(predictor))

    def wrong(self, values):
        return values <= 0

    takes = "positive numbers"


@dataclass(frozen=True)
class Categorical(Family):
    """P(v = k) proportional to exp(predictor_k), the predictor of level 0 being 0 (multinomial logit).

    Args:
        levels: the number of levels.
    """

    levels: int
    link: Link = _LOGIT
    name = "categorical"

    def __post_init__(self) -> None:
        if self.levels < 2:
            raise MechanismError(
                f"A categorical family needs two levels; came {self.levels}.", "Say how many."
            )

    @property
    def outputs(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.levels - 1

    def distribution(self, predictor: jax.Array, own: Own, scale: float) -> Any:
        padded = jnp.concatenate([jnp.zeros(1, predictor.dtype), jnp.reshape(predictor, (self.levels - 1,))])
        return dist.Categorical(logits=padded)

    def wrong(self, values):
        return (values < 0) | (values >= self.levels) | (values != np.round(values))

    @property
    def takes(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return f"the levels 0 to {self.levels - 1}"

    def standard(self, values):
        # Half a row more for each level: one that was not seen keeps a finite logit.
        shares = np.bincount(values.astype(int), minlength=self.levels) + 0.5
        return np.log(shares[1:] / shares[0]) if self.levels > 2 else float(
            np.log(shares[1] / shares[0])
        ), 1.0
