"""Modes of regressions with the default priors, in NumPy: many small fits, and nothing to compile.

`mode` finds the same place for any mechanism by differentiating its law, and compiles anew for each. Where mechanisms
are compared by cross-validation that is nearly all of the cost, so the families ready to use have their derivatives
written down here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import minimize
from scipy.special import digamma, expit, gammaln, logsumexp

from aitia.programs._errors import FitError
from aitia.programs.mechanisms._families import (
    Bernoulli,
    Categorical,
    Family,
    Gamma,
    NegativeBinomial,
    Normal,
    Poisson,
)
from aitia.programs.mechanisms._generalised_linear import GeneralisedLinear
from aitia.programs.mechanisms._links import Identity, Log, Logit
from aitia.programs.mechanisms._regression import Regression
from aitia.programs.mechanisms._spline import Spline

Scored: TypeAlias = "tuple[np.ndarray, np.ndarray, np.ndarray | float]"
"""Log density by row, and its derivatives in the predictor and in the logarithm of the family's own parameter."""

WIDTH = 2.5
"""The standard deviation of the default prior of intercepts and slopes."""


def _normal(predictor, values, log_own) -> Scored:
    z = (values - predictor) * np.exp(-log_own)
    return -0.5 * z**2 - log_own - 0.5 * np.log(2 * np.pi), z * np.exp(-log_own), z**2 - 1


def _bernoulli(predictor, values, _) -> Scored:
    return values * predictor - np.logaddexp(0, predictor), values - expit(predictor), 0.0


def _poisson(predictor, values, _) -> Scored:
    mean = np.exp(predictor)
    return values * predictor - mean - gammaln(values + 1), values - mean, 0.0


def _negative_binomial(predictor, values, log_own) -> Scored:
    mean, r = np.exp(predictor), np.exp(-log_own)
    log_r, log_total = -log_own, np.logaddexp(-log_own, predictor)
    density = gammaln(values + r) - gammaln(r) - gammaln(values + 1)
    density += r * (log_r - log_total) + values * (predictor - log_total)
    in_r = digamma(values + r) - digamma(r) + log_r - log_total + 1 - (r + values) / (r + mean)
    return density, r * (values - mean) / (r + mean), -r * in_r


def _gamma(predictor, values, log_own) -> Scored:
    k, ratio = np.exp(-log_own), values * np.exp(-predictor)
    density = k * (-log_own - predictor) + (k - 1) * np.log(values) - gammaln(k) - k * ratio
    in_k = -log_own + 1 - predictor + np.log(values) - digamma(k) - ratio
    return density, k * (ratio - 1), -k * in_k


def _categorical(predictor, values, _) -> Scored:
    padded = np.column_stack([np.zeros(len(values)), predictor])
    logs: np.ndarray = padded - np.asarray(logsumexp(padded, axis=1, keepdims=True))
    seen = values.astype(int)[:, None] == np.arange(padded.shape[1])
    slope = (seen - np.exp(logs))[:, 1:]
    return (logs * seen).sum(axis=1), slope if predictor.ndim == 2 else slope[:, 0], 0.0


_LAWS: dict[type[Family], tuple[Callable[..., Scored], type, bool]] = {
    Normal: (_normal, Identity, True),
    Bernoulli: (_bernoulli, Logit, False),
    Poisson: (_poisson, Log, False),
    NegativeBinomial: (_negative_binomial, Log, True),
    Gamma: (_gamma, Log, True),
    Categorical: (_categorical, Logit, False),
}
"""The law, the link it is written for, and whether the family has a parameter of its own (prior Exponential(1))."""


def is_penalised(mechanism: Any) -> bool:
    """Whether a mechanism's mode is found here: a family above, with its usual link and default priors, no groups."""
    if not isinstance(mechanism, Regression) or mechanism.priors:
        return False
    if isinstance(mechanism, GeneralisedLinear):
        if mechanism.per is not None or mechanism.exposure is not None:
            return False
    elif type(mechanism) is not Spline:
        return False
    law = _LAWS.get(type(mechanism.family))
    return law is not None and type(mechanism.family.link) is law[1]


@dataclass(frozen=True, eq=False)
class Penalised:
    """One regression with its rows laid out.

    Args:
        mechanism: the regression, after it learned its inputs' scales.
        straight: the rows of the linear part, a column of ones first; shape (rows, columns).
        bent: the rows of each curve, shape (curves, rows, columns); none for a linear mechanism.
        values: the node's column, standardised where the family is.
        offset: what the predictor is about.
        unit: the logarithm of the node's unit, subtracted from every density.
    """

    mechanism: Regression
    straight: np.ndarray
    bent: np.ndarray
    values: np.ndarray
    offset: Any
    unit: float

    @classmethod
    def of(cls, mechanism: Regression, parents: Mapping[str, Any], values: Any) -> Penalised:
        """The regression laid out over these rows."""
        values = np.asarray(values, float)
        rows = mechanism.inputs.rows(parents, len(values))
        straight = np.column_stack([np.ones(len(values)), rows])
        bent = np.zeros((0, len(values), 0))
        if isinstance(mechanism, Spline):
            assert mechanism.splines is not None
            bent = np.stack([each.rows(parents[name]) for name, each in mechanism.splines.items()])
        if isinstance(mechanism.family, Normal):
            standard = (values - mechanism.centre) / mechanism.scale
            return cls(mechanism, straight, bent, standard, 0.0, float(np.log(mechanism.scale)))
        return cls(mechanism, straight, bent, values, mechanism.centre, 0.0)

    @property
    def _shapes(self) -> list[tuple[int, ...]]:
        outputs = self.mechanism.family.outputs
        last = () if outputs == 1 else (outputs,)
        curves, _, columns = self.bent.shape
        return [
            (self.straight.shape[1], *last),
            (curves,),
            (curves, columns, *last),
            (1 if _LAWS[type(self.mechanism.family)][2] else 0,),
        ]

    def _apart(self, point: np.ndarray) -> list[np.ndarray]:
        sizes = [int(np.prod(each)) for each in self._shapes]
        ends = np.cumsum(sizes)[:-1]
        return [part.reshape(shape) for part, shape in zip(np.split(point, ends), self._shapes)]

    def _score(self, point: np.ndarray) -> tuple[Scored, list[np.ndarray]]:
        slopes, log_bend, weights, log_own = self._apart(point)
        predictor = self.offset + self.straight @ slopes
        curves = [rows @ own for rows, own in zip(self.bent, weights)]
        for bend, curve in zip(np.exp(log_bend), curves):
            predictor = predictor + bend * curve
        law = _LAWS[type(self.mechanism.family)][0]
        return law(predictor, self.values, float(log_own.sum())), curves

    def log_density(self, point: np.ndarray) -> np.ndarray:
        """log p(value | parents) of every row."""
        return self._score(point)[0][0] - self.unit

    def loss(self, point: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the log posterior of the unconstrained parameters (Jacobians included), and its gradient."""
        slopes, log_bend, bent, log_own = self._apart(point)
        with np.errstate(over="ignore", invalid="ignore"):
            (density, in_predictor, in_own), curves = self._score(point)
            bend = np.exp(log_bend)
            log_prior = -0.5 * (slopes**2).sum() / WIDTH**2 - 0.5 * (bent**2).sum()
            log_prior += (log_bend - 0.5 * bend**2).sum() + (log_own - np.exp(log_own)).sum()
            value = float(weights @ (density - self.unit) + log_prior)
            slope = in_predictor * (weights if in_predictor.ndim == 1 else weights[:, None])
            gradient = [
                self.straight.T @ slope - slopes / WIDTH**2,
                np.array([b * (slope * curve).sum() for b, curve in zip(bend, curves)]) + 1 - bend**2,
                np.array([b * (rows.T @ slope) for b, rows in zip(bend, self.bent)]).reshape(bent.shape)
                - bent,
                np.full(log_own.shape, np.sum(weights * in_own)) + 1 - np.exp(log_own),
            ]
        flat = np.concatenate([each.ravel() for each in gradient])
        if not (np.isfinite(value) and np.isfinite(flat).all()):
            return 1e300, np.zeros_like(point)
        return -value, -flat

    def mode(self, weights: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
        """The unconstrained parameters at the mode, under a weight for each row.

        Raises:
            FitError: the search did not end.
        """
        if start is None:
            slopes, bends, bent, own = self._shapes
            # The weights start off zero, where the size of a curve would have no gradient.
            wave = 0.1 * np.sin(1.0 + np.arange(np.prod(bent)))
            start = np.concatenate([np.zeros(int(np.prod(slopes) + bends[0])), wave, np.zeros(own)])
        found = minimize(
            self.loss, start, (weights,), jac=True, method="L-BFGS-B",
            options={"maxiter": 2_000, "maxcor": 30, "ftol": 1e-11, "gtol": 1e-5},
        )  # fmt: skip
        if not (found.success and found.fun < 1e299):
            raise FitError("The search for the mode of its posterior did not end.", "Scale its inputs.")
        return found.x

    def held_out(self, fold: np.ndarray) -> np.ndarray:
        """log p(value | parents) of every row at the mode without the row's fold."""
        scores, point = np.empty(len(fold)), None
        for at in range(int(fold.max()) + 1):
            point = self.mode((fold != at).astype(float), point)
            scores[fold == at] = self.log_density(point)[fold == at]
        return scores

    def parameters(self, point: np.ndarray) -> dict[str, np.ndarray]:
        """The mechanism's parameters at an unconstrained point, by name."""
        slopes, log_bend, weights, log_own = self._apart(point)
        found = {"intercept": slopes[0]}
        if len(slopes) > 1:
            found["slopes"] = slopes[1:]
        if len(log_bend):
            found |= {"bend": np.exp(log_bend), "weights": weights}
        return found | {name: np.exp(log_own[0]) for name in self.mechanism.family.parameters}
