"""The front door in linear form: the effect carried by mediators that nothing hidden touches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.estimation._arm_moments import ArmMoments, solve
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Fit
from aitia.estimation._influence import influence_pass
from aitia.estimation._moment_estimator import MomentEstimator, population_of, rows_assumption
from aitia.estimation._sample import Chunk, Sample
from aitia.identification import Estimand, PopulationKind, Rule
from aitia.statistics import TooFewRows

_SOURCE = "linear front door"


@dataclass(frozen=True)
class FrontDoorLinear(MomentEstimator):
    """The front-door adjustment of linear models.

    With m mediators, alpha the coefficients of t in the regressions of each mediator on t and x, and beta those of the
    mediators in the regression of y on m, t and x::

        effect = alpha' beta (treated - control)

    which is the front-door formula sum_m P(m | t) sum_t' P(t') E[y | m, t'] where the means are linear and mediators
    and treatment do not interact. The influence values are those of the product, so no delta method on top is needed.

    Args:
        robust: errors robust to heteroskedasticity (the factor n / (n - coefficients) in each regression); False
            takes both residual variances as constant.

    Assumptions: identification by the front door; linear means, in which mediators and treatment do not interact.

    Source: Pearl (2009), Causality, section 3.3.2; Gupta, Lipton & Childers (2021), UAI, section 3, for the
    variance.

    Example:
        >>> from aitia.estimation import TreatmentKind
        >>> from aitia.identification import Effect, Estimand, Rule
        >>> rng = np.random.default_rng(0)
        >>> u = rng.normal(size=5000)
        >>> t = (u + rng.normal(size=5000) > 0).astype(float)
        >>> m = 2 * t + rng.normal(size=5000)
        >>> y = 1.5 * m + 3 * u + rng.normal(size=5000)
        >>> sample = Sample(y, t, TreatmentKind.BINARY, mediators=m[:, None])
        >>> estimand = Estimand(Effect("t", "y"), Rule.FRONT_DOOR, None, mediators=("m",))
        >>> estimate = FrontDoorLinear().estimate(estimand, sample)
        >>> abs(estimate.value - 3) < 3 * estimate.std_error
        True
    """

    robust: bool = True

    name: ClassVar[str] = "linear front door"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.FRONT_DOOR})
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "continuous"})
    reference: ClassVar[str] = "Pearl (2009), section 3.3.2; Gupta, Lipton & Childers (2021), section 3"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        refusal = super().refusal(estimand, sample)
        if not refusal and population_of(estimand).kind is PopulationKind.SUBGROUP:
            return "The linear front-door estimates one effect for all rows, not that of a subgroup."
        if not refusal and not sample.mediator_names:
            return "There is no mediator in the sample."
        return refusal

    def _values(
        self, estimand: Estimand, sample: Sample, moments: ArmMoments
    ) -> tuple[np.ndarray, np.ndarray]:
        fit = _Paths(moments)
        step = sample.contrast[0] - sample.contrast[1]
        return step * fit.value, np.abs(step) * np.sqrt(moments.kish * fit.variance)

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        moments = sample.arm_moments()
        fit = _Paths(moments)
        used = fit.covariates + 2 + fit.mediators
        if fit.count <= used + 1:
            raise TooFewRows(
                f"There are {int(fit.count)} rows for {used} coefficients.",
                "Adjust for fewer terms or read more rows.",
            )
        step = sample.contrast[0] - sample.contrast[1]
        rows = influence_pass(sample, fit.influence(sample, step), np.ones(1))
        value, plain = self._values(estimand, sample, moments)
        treatment, outcome = sample.names
        paths = {name: (float(a), float(b)) for name, a, b in zip(sample.mediator_names, fit.alpha, fit.beta)}
        told = "; ".join(f"{name}: {a:.4g} times {b:.4g}" for name, (a, b) in paths.items())
        return Fit(
            value=float(value),
            std_error=rows.std_error if self.robust or sample.clustered else float(plain),
            influence=rows.values,
            degrees_of_freedom=float(fit.count - used),
            diagnostics=(
                Diagnostic(
                    "paths",
                    None,
                    f"Effect of {treatment} on each mediator times the mediator's on {outcome}: {told}.",
                    details=paths,
                ),
            ),
            assumptions=(
                Assumption(
                    AssumptionKey.LINEARITY,
                    f"The mediators are linear in {treatment}, and {outcome} is linear in the mediators, with "
                    f"slopes that do not depend on {treatment} or on the adjusted-for terms.",
                    testable=True,
                    source=_SOURCE,
                ),
                rows_assumption(sample, _SOURCE),
            ),
            n=int(fit.count),
        )


class _Paths:
    """Both regressions, for one data set or R of them."""

    def __init__(self, moments: ArmMoments) -> None:
        self.moments = pooled = moments.pooled()
        c = pooled.columns
        self.columns, self.covariates, self.mediators = c, c.covariates, c.mediators
        cross = pooled.cross[..., 0, :, :]
        self.mean, self.count, self.weight = (
            pooled.mean[..., 0, :],
            pooled.count[..., 0],
            pooled.weight[..., 0],
        )
        first = self.first_columns = np.r_[c.t, np.arange(c.covariates)]
        second = self.second_columns = np.r_[np.arange(c.width)[c.m], first]
        n = np.maximum(self.count, 1)

        def regress(at: np.ndarray, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            gram = cross[..., at[:, None], at]
            eye = np.broadcast_to(np.eye(len(at)), gram.shape)
            return solve(gram, cross[..., at[:, None], of]), solve(gram, eye)

        self.to_mediators, first_inverse = regress(first, np.arange(c.width)[c.m])
        to_outcome, second_inverse = regress(second, np.array([c.y]))
        self.to_outcome = to_outcome[..., 0]
        self.first_lever = first_inverse[..., 0]  # G^-1 e_t: the influence of a row on alpha
        self.second_inverse = second_inverse
        self.alpha = self.to_mediators[..., 0, :]
        self.beta = self.to_outcome[..., : c.mediators]
        self.value = (self.alpha * self.beta).sum(-1)
        # Constant residual variances: both regressions have uncorrelated errors, m's given t and y's given m and t.
        y_rest = cross[..., c.y, c.y] - (self.to_outcome * cross[..., second, c.y]).sum(-1)
        m_rest = (
            cross[..., c.m, c.m]
            - np.swapaxes(self.to_mediators, -1, -2) @ cross[..., first[:, None], np.arange(c.width)[c.m]]
        )
        y_variance = np.maximum(y_rest, 0.0) / self.weight * n / np.maximum(n - len(second) - 1, 1)
        m_variance = m_rest / (self.weight / n * np.maximum(n - len(first) - 1, 1))[..., None, None]
        unit = self.weight / n
        block = second_inverse[..., : c.mediators, : c.mediators] * (y_variance * unit)[..., None, None]
        self.variance = np.einsum(
            "...i,...ij,...j->...", self.beta, m_variance, self.beta
        ) * self.first_lever[..., 0] * unit + np.einsum("...i,...ij,...j->...", self.alpha, block, self.alpha)

    def influence(self, sample: Sample, step: float):
        """The function from a chunk to the influence values of the effect, shape (1, rows)."""
        c = self.columns
        n, weight = float(self.count), float(self.weight)
        top = n - 1 if sample.clustered else n
        first_factor = np.sqrt(top / (n - c.covariates - 2)) * weight * step
        second_factor = np.sqrt(top / (n - c.covariates - 2 - c.mediators)) * weight * step
        second_lever = self.second_inverse[:, : c.mediators] @ self.alpha
        m_mean = self.mean[c.m]
        # The regressions as functions of (m, t, x), in the order of the second: mediators in the direction beta.
        order = self.second_columns
        functions = np.zeros((4, len(order)))
        functions[0, c.mediators :] = self.to_mediators @ self.beta  # beta' m given t, x
        functions[1, c.mediators :] = self.first_lever
        functions[2] = self.to_outcome
        functions[3] = second_lever
        offset = functions @ self.mean[order]
        y_mean = self.mean[c.y]

        def compute(chunk: Chunk) -> np.ndarray:
            regressors = np.vstack([chunk.mediators.T, chunk.treatment[None], chunk.covariates.T])
            fitted = functions @ regressors
            fitted -= offset[:, None]
            of_mediators = self.beta @ (chunk.mediators - m_mean).T - fitted[0]
            of_outcome = chunk.outcome - y_mean - fitted[2]
            psi = of_mediators * fitted[1] * first_factor + of_outcome * fitted[3] * second_factor
            return psi[None]

        return compute
