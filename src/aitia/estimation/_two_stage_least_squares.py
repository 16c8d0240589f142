"""Two-stage least squares, and what every linear instrumental variables estimator shares."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, stats
from aitia.estimation._arm_moments import ArmMoments, solve
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Fit
from aitia.estimation._influence import influence_pass
from aitia.estimation._moment_estimator import MomentEstimator, population_of, rows_assumption
from aitia.estimation._sample import Chunk, Sample
from aitia.identification import Estimand, PopulationKind, Rule
from aitia.statistics import TooFewRows

STRONG = 104.7
"""First-stage F above which the usual t interval covers at its nominal rate (Lee et al. 2022, one instrument)."""
WEAK = 23.1
"""Effective F below which the bias may exceed a tenth of the worst case (Montiel Olea & Pflueger 2013, one
instrument)."""


class PartialledOut:
    """Outcome y, treatment t and instruments z with the covariates partialled out, for one data set or R of them.

    Args:
        moments: arm moments; arms are pooled and their codes become the treatment's values.
    """

    def __init__(self, moments: ArmMoments) -> None:
        self.moments = pooled = moments.pooled()
        c = pooled.columns
        at = np.r_[c.y, c.t, np.arange(c.width)[c.z]]
        cross = pooled.cross[..., 0, :, :]
        self.at, self.mean = at, pooled.mean[..., 0, :]
        self.weight, self.count = pooled.weight[..., 0], pooled.count[..., 0]
        self.coefficients = solve(cross[..., c.x, c.x], cross[..., c.x, at])  # (..., p, 2 + q)
        rest = cross[..., at[:, None], at] - np.swapaxes(cross[..., c.x, at], -1, -2) @ self.coefficients
        self.yy, self.yt, self.tt = rest[..., 0, 0], rest[..., 0, 1], rest[..., 1, 1]
        self.zy, self.zt, self.zz = rest[..., 2:, 0], rest[..., 2:, 1], rest[..., 2:, 2:]
        both = solve(self.zz, np.stack([self.zy, self.zt], -1))
        self.reduced, self.first = both[..., 0], both[..., 1]  # of y on z, of t on z
        self.covariates, self.instruments = c.covariates, len(at) - 2
        # The parts of (y, t) that the instruments explain: inner products.
        self.explained_ty = (self.first * self.zy).sum(-1)
        self.explained_tt = (self.first * self.zt).sum(-1)
        self.explained_yy = (self.reduced * self.zy).sum(-1)

    def residual_sum(self, slope: np.ndarray) -> np.ndarray:
        """The sum of squared residuals of y - slope t."""
        return np.maximum(self.yy - 2 * slope * self.yt + slope**2 * self.tt, 0.0)

    @property
    def first_stage_f(self) -> float:
        """The classical F statistic of the instruments in the regression of t on x and z."""
        freedom = self.count - self.covariates - 1 - self.instruments
        rest = self.tt - self.explained_tt
        if rest <= 0:
            return float("inf")
        return float(self.explained_tt / self.instruments / (rest / freedom))

    def rows(self, chunk: Chunk) -> np.ndarray:
        """y, t and z of a chunk's rows with the covariates partialled out, shape (2 + q, rows)."""
        out = np.empty((len(self.at), len(chunk)))
        out[0], out[1] = chunk.outcome, chunk.treatment
        out[2:] = chunk.instruments.T
        c = self.moments.columns
        offset = self.mean[self.at] - self.mean[c.x] @ self.coefficients
        out -= self.coefficients.T @ chunk.covariates.T
        out -= offset[:, None]
        return out


@dataclass(frozen=True, eq=False)
class InstrumentRows:
    """What one pass over the rows adds to the moments of an instrumental variables fit.

    Args:
        influence: of the slope, shape (n,).
        error: the robust standard error of the slope.
        reduced: robust covariance of (z'u, z'v) / W, residuals of y and t on z, shape (2q, 2q).
        score: robust covariance of z'e / W, shape (q, q).
    """

    influence: np.ndarray
    error: float
    reduced: np.ndarray
    score: np.ndarray


class InstrumentalVariables(MomentEstimator):
    """The linear model y = tau t + x' b + e with instruments z: what 2SLS, LIML and Anderson-Rubin share."""

    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.INSTRUMENT})
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "continuous"})

    robust: bool

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        refusal = super().refusal(estimand, sample)
        if not refusal and population_of(estimand).kind is PopulationKind.SUBGROUP:
            return f"{self.name} estimates one effect for all rows, not that of a subgroup."
        if not refusal and not sample.instrument_names:
            return "There is no instrument in the sample."
        return refusal

    @abstractmethod
    def _kappa(self, fit: PartialledOut) -> np.ndarray | float:
        """The k of the k-class: 1 for two-stage least squares."""

    def _slope(self, fit: PartialledOut) -> tuple[np.ndarray, np.ndarray, np.ndarray | float]:
        """Slope, the denominator of its influence, and kappa."""
        kappa = self._kappa(fit)
        # t - kappa v is the k-class instrument (Davidson & MacKinnon 1993, equation 18.46).
        bottom = fit.tt - kappa * (fit.tt - fit.explained_tt)
        top = fit.yt - kappa * (fit.yt - fit.explained_ty)
        safe = np.where(np.abs(bottom) > 1e-14 * fit.tt, bottom, np.nan)
        return top / safe, bottom, kappa

    def _values(
        self, estimand: Estimand, sample: Sample, moments: ArmMoments
    ) -> tuple[np.ndarray, np.ndarray]:
        fit = PartialledOut(moments)
        slope, bottom, _ = self._slope(fit)
        n = fit.count
        variance = fit.residual_sum(slope) / fit.weight * n / np.maximum(n - fit.covariates - 2, 1)
        step = sample.contrast[0] - sample.contrast[1]
        # For LIML the k-class denominator equals the 2SLS one to first order (Anderson & Rubin 1949).
        squared = moments.kish * variance * fit.weight / n / np.abs(bottom)
        return step * slope, np.abs(step) * np.sqrt(squared)

    def _rows(
        self, sample: Sample, fit: PartialledOut, slope: float, kappa: float, bottom: float
    ) -> InstrumentRows:
        q, step = fit.instruments, sample.contrast[0] - sample.contrast[1]
        n = float(fit.count)
        top = n - 1 if sample.clustered else n
        factor = float(np.sqrt(top / (n - fit.covariates - 2)))
        scale = float(fit.weight) / bottom * step * factor

        def compute(chunk: Chunk) -> np.ndarray:
            y, t, *z = fit.rows(chunk)
            z = np.asarray(z)
            v = t - fit.first @ z
            u = y - fit.reduced @ z
            e = y - slope * t
            psi = np.empty((3 * q + 1, len(chunk)))
            np.multiply(z, u, out=psi[:q])
            np.multiply(z, v, out=psi[q : 2 * q])
            np.multiply(z, e, out=psi[2 * q : 3 * q])
            psi[-1] = (t - kappa * v) * e * scale
            return psi

        combine = np.zeros(3 * q + 1)
        combine[-1] = 1.0
        rows = influence_pass(sample, compute, combine)
        covariance = rows.covariance
        wide = top / (n - fit.covariates - 1 - q)
        return InstrumentRows(
            rows.values,
            rows.std_error,
            covariance[: 2 * q, : 2 * q] * wide,
            covariance[2 * q : 3 * q, 2 * q : 3 * q],
        )

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        moments = sample.arm_moments()
        fit = PartialledOut(moments)
        used = fit.covariates + 1 + fit.instruments
        if fit.count <= used + 1:
            raise TooFewRows(
                f"There are {int(fit.count)} rows for {used} coefficients of the first stage.",
                "Use fewer instruments, adjust for fewer terms, or read more rows.",
            )
        slope, bottom, kappa = self._slope(fit)
        rows = self._rows(sample, fit, float(slope), float(kappa), float(bottom))
        value, plain = self._values(estimand, sample, moments)
        error = rows.error if self.robust or sample.clustered else float(plain)
        return self._answer(sample, fit, rows, float(value), error)

    def _answer(
        self, sample: Sample, fit: PartialledOut, rows: InstrumentRows, value: float, error: float
    ) -> Fit:
        return Fit(
            value=value,
            std_error=error,
            influence=rows.influence,
            degrees_of_freedom=float(fit.count - fit.covariates - 2),
            diagnostics=(
                _first_stage(sample, fit, rows),
                *_over_identification(sample, fit, rows, self.robust),
            ),
            assumptions=_assumptions(sample, self.name.lower()),
            n=int(fit.count),
        )


@dataclass(frozen=True)
class TwoStageLeastSquares(InstrumentalVariables):
    """Two-stage least squares.

    With covariates partialled out of outcome, treatment and instruments, and that = z pi the fit of the first
    stage::

        slope = that' y / that' t          effect = slope (treated - control)

    Errors are robust to heteroskedasticity with the factor n / (n - p - 2) (cluster-robust where the sample has
    clusters), as Stata's ``ivregress 2sls, robust small``. Diagnostics: the first-stage F (classical, robust, and
    the effective F of Montiel Olea & Pflueger 2013), and with more instruments than one the test of
    over-identification (Sargan, Hansen's J).

    The interval is short of its coverage where the instruments are weak: `AndersonRubin` is not.

    Args:
        robust: False takes the residual variance as constant.

    Assumptions: relevance, exclusion and independence of the instruments, which are not weak; an effect that is the
    same for all rows or (with a binary instrument and treatment, monotone) is averaged over those whose treatment
    the instrument moves.

    Source: Theil (1953); Wooldridge (2010), Econometric analysis of cross section and panel data, chapter 5.

    Example:
        >>> from aitia.identification import Effect, Estimand, Rule
        >>> from aitia.estimation import TreatmentKind
        >>> rng = np.random.default_rng(0)
        >>> z, u = rng.normal(size=(2, 5000))
        >>> t = z + u + rng.normal(size=5000)
        >>> y = 2 * t + 3 * u + rng.normal(size=5000)
        >>> sample = Sample(y, t, TreatmentKind.CONTINUOUS, instruments=z[:, None])
        >>> estimand = Estimand(Effect("t", "y"), Rule.INSTRUMENT, None, instruments=("z",))
        >>> estimate = TwoStageLeastSquares().estimate(estimand, sample)
        >>> abs(estimate.value - 2) < 3 * estimate.std_error
        True
    """

    robust: bool = True

    name: ClassVar[str] = "two-stage least squares"
    reference: ClassVar[str] = "Theil (1953); Wooldridge (2010), chapter 5"

    def _kappa(self, fit: PartialledOut) -> float:
        return 1.0


def instrument_rows(sample: Sample, fit: PartialledOut) -> InstrumentRows:
    """The pass over the rows for two-stage least squares of unit contrast: what the strength of instruments needs."""
    estimator = TwoStageLeastSquares()
    slope, bottom, kappa = estimator._slope(fit)
    return estimator._rows(sample, fit, float(slope), float(kappa), float(bottom))


# -- diagnostics -------------------------------------------------------------------------------------------------


def effective_f(fit: PartialledOut, rows: InstrumentRows) -> float:
    """The effective F statistic of Montiel Olea & Pflueger (2013), equation 6; for one instrument the robust F.

    F = t' P_z t / tr(W_vv (z'z)^-1), with W_vv the robust covariance of the first stage's score.
    """
    q = fit.instruments
    meat = rows.reduced[q:, q:] * float(fit.weight) ** 2
    bottom = float(np.trace(solve(fit.zz, meat)))
    return float(fit.explained_tt / bottom) if bottom > 0 else float("inf")


def _first_stage(sample: Sample, fit: PartialledOut, rows: InstrumentRows) -> Diagnostic:
    plain, effective = fit.first_stage_f, effective_f(fit, rows)
    weak = effective < WEAK
    q = fit.instruments
    inverse = solve(fit.zz, np.eye(q)) * float(fit.weight)
    errors = np.sqrt(np.diagonal(inverse @ rows.reduced[q:, q:] @ inverse))
    if weak:
        told = "the instruments are weak: trust an Anderson-Rubin interval only"
    elif effective < STRONG:
        told = "strong enough against bias; below 104.7 an Anderson-Rubin interval covers better"
    else:
        told = "the instruments are strong"
    return Diagnostic(
        "first-stage F",
        effective,
        f"The effective first-stage F is {effective:.4g} (classical F {plain:.4g}): {told}.",
        warning=weak,
        details={
            "classical": plain,
            "effective": effective,
            "coefficients": dict(zip(sample.instrument_names, fit.first.tolist())),
            "std_errors": dict(zip(sample.instrument_names, errors.tolist())),
        },
    )


def _over_identification(
    sample: Sample, fit: PartialledOut, rows: InstrumentRows, robust: bool
) -> tuple[Diagnostic, ...]:
    """Sargan's test and Hansen's J of two-step GMM: whether all instruments tell the same effect."""
    q = fit.instruments
    if q < 2:
        return ()
    n = float(fit.count)
    slope = fit.explained_ty / fit.explained_tt
    moment = fit.zy - slope * fit.zt
    sargan = n * float(moment @ solve(fit.zz, moment[:, None])[:, 0] / fit.residual_sum(slope))
    score = rows.score * float(fit.weight) ** 2
    at = solve(score, np.stack([fit.zy, fit.zt], -1))
    gmm = float(fit.zt @ at[:, 0] / (fit.zt @ at[:, 1]))
    moment = fit.zy - gmm * fit.zt
    hansen = float(moment @ solve(score, moment[:, None])[:, 0])
    p_sargan, p_hansen = (float(stats.chi2.sf(each, q - 1)) for each in (sargan, hansen))
    robust = robust or sample.clustered
    value, p = (hansen, p_hansen) if robust else (sargan, p_sargan)
    rejects = p < 0.05
    told = (
        "the instruments do not agree on one effect: at least one is invalid, or the effect varies"
        if rejects
        else "the instruments agree, as far as this can tell"
    )
    return (
        Diagnostic(
            "over-identification",
            value,
            f"{'Hansen J' if robust else 'Sargan'} = {value:.4g} on {q - 1} degrees of freedom (p = {p:.3g}): {told}.",
            warning=rejects,
            details={"sargan": sargan, "sargan_p": p_sargan, "hansen": hansen, "hansen_p": p_hansen},
        ),
    )


def _assumptions(sample: Sample, source: str) -> tuple[Assumption, ...]:
    treatment, outcome = sample.names
    return (
        Assumption(
            AssumptionKey.LINEARITY,
            f"{outcome} and {treatment} are linear in the adjusted-for terms, and {outcome} is linear in {treatment}.",
            testable=True,
            source=source,
        ),
        Assumption(
            AssumptionKey.HOMOGENEITY,
            f"The effect of {treatment} is the same for all rows; otherwise the answer is its average over the rows "
            "whose treatment the instruments move, provided they move none the other way.",
            testable=False,
            source=source,
        ),
        rows_assumption(sample, source),
    )
