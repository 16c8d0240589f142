"""Natural direct, natural indirect and controlled direct effects by linear regressions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.estimation._arm_moments import ArmMoments, solve
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Fit
from aitia.estimation._influence import influence_pass
from aitia.estimation._moment_estimator import MomentEstimator, rows_assumption
from aitia.estimation._sample import Chunk, Sample, TreatmentKind
from aitia.identification import ControlledDirect, Estimand, NaturalDirect, NaturalIndirect, Rule
from aitia.statistics import TooFewRows

_SOURCE = "linear mediation"


@dataclass(frozen=True)
class MediationLinear(MomentEstimator):
    """Natural direct and indirect, and controlled direct effects, by linear regressions with interactions.

    For a treatment with levels, outcome and mediators are regressed within each arm (so that the treatment interacts
    with mediators and covariates): y on m and x with slopes b_t and c_t, m on x. With x* the covariate mean and
    A_t(x*) the mediators' mean predicted at x* in arm t::

        E[Y(t, M(s))] = ybar_t + (A_s(x*) - mbar_t)' b_t + (x* - xbar_t)' c_t
        natural direct   = E[Y(t, M(s))] - E[Y(s, M(s))]
        natural indirect = E[Y(t, M(t))] - E[Y(t, M(s))]
        controlled direct at m = the same mean with m in place of A_s(x*), treated minus control

    in closed form from the moments of each arm; direct and indirect add up to `RegressionAdjustment` of the same
    sample exactly. For a continuous treatment slopes are shared by all doses (no interaction). Standard errors
    come from influence values of the whole expression, with the factor n_a / (n_a - coefficients) in each arm.

    Args:
        robust: False takes residual variances as constant within each arm.

    Assumptions: identification by mediation; linear means, without products of covariates and mediators in the mean of
    the outcome.

    Raises:
        TooFewRows: an arm has no more rows than coefficients.

    Source: VanderWeele & Vansteelandt (2009), Statistics and Its Interface 2, section 3; (2014), Epidemiologic
    Methods 2, for several mediators.

    Example:
        >>> from aitia.estimation import TreatmentKind
        >>> from aitia.identification import Estimand, NaturalIndirect, Rule
        >>> rng = np.random.default_rng(0)
        >>> t = rng.integers(0, 2, 4000).astype(float)
        >>> m = 2 * t + rng.normal(size=4000)
        >>> y = t + (1 + t) * m + rng.normal(size=4000)
        >>> sample = Sample(y, t, TreatmentKind.BINARY, mediators=m[:, None])
        >>> estimand = Estimand(NaturalIndirect("t", "y", ("m",)), Rule.MEDIATION, None, mediators=("m",))
        >>> estimate = MediationLinear().estimate(estimand, sample)  # the truth is 2 (1 + 1) = 4
        >>> abs(estimate.value - 4) < 3 * estimate.std_error
        True
    """

    robust: bool = True

    name: ClassVar[str] = "linear mediation"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.MEDIATION})
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical", "continuous"})
    reference: ClassVar[str] = "VanderWeele & Vansteelandt (2009), section 3"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        refusal = super().refusal(estimand, sample)
        if refusal:
            return refusal
        if not isinstance(estimand.question, NaturalDirect | NaturalIndirect | ControlledDirect):
            return f"{self.name} answers questions about direct and indirect effects only."
        if not sample.mediator_names:
            return "There is no mediator in the sample."
        if isinstance(estimand.question, ControlledDirect) and sample.mediator_levels is None:
            return (
                "The sample does not say at which values the mediators are held: draw it for this estimand."
            )
        return ""

    def _values(
        self, estimand: Estimand, sample: Sample, moments: ArmMoments
    ) -> tuple[np.ndarray, np.ndarray]:
        fit = _Nested(moments, sample)
        value, variance = fit.effect(*_terms(estimand, sample))
        return value, np.sqrt(moments.kish * variance)

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        moments = sample.arm_moments()
        p, m = moments.columns.covariates, moments.columns.mediators
        used = 1 + p + m + (sample.treatment_kind is TreatmentKind.CONTINUOUS)
        levels = sample.treatment_levels or tuple(range(sample.arms))
        for level, count in zip(levels, moments.count):
            if count <= used:
                raise TooFewRows(
                    f"There are {int(count)} rows with {sample.names[0]} = {level!r} for {used} coefficients.",
                    "Adjust for fewer terms or read more rows.",
                )
        fit = _Nested(moments, sample)
        terms, combine = _terms(estimand, sample)
        value, plain = fit.effect(terms, combine)
        rows = influence_pass(sample, fit.influence(sample, terms), combine)
        n = int(moments.count.sum())
        treatment, outcome = sample.names
        apart = (
            "with slopes of their own under each treatment"
            if sample.arms > 1
            else "with slopes shared by all doses"
        )
        return Fit(
            value=float(value),
            std_error=rows.std_error
            if self.robust or sample.clustered
            else float(np.sqrt(moments.kish * plain)),
            influence=rows.values,
            degrees_of_freedom=float(n - used * len(moments.count)),
            diagnostics=_parts(estimand, sample, fit),
            assumptions=(
                Assumption(
                    AssumptionKey.LINEARITY,
                    f"{outcome} is linear in the mediators and the adjusted-for terms, and the mediators are linear "
                    f"in the adjusted-for terms, {apart} of {treatment}.",
                    testable=True,
                    source=_SOURCE,
                ),
                rows_assumption(sample, _SOURCE),
            ),
            n=n,
        )


Term = tuple[float, float | None]
"""E[Y(t, M(s))] as (t, s); s is None where the mediators are held at given values."""


def _terms(estimand: Estimand, sample: Sample) -> tuple[list[Term], np.ndarray]:
    """The two mean outcomes whose difference is asked for."""
    treated, control = sample.contrast
    match estimand.question:
        case NaturalDirect():
            pair: list[Term] = [(treated, control), (control, control)]
        case NaturalIndirect():
            pair = [(treated, treated), (treated, control)]
        case _:
            pair = [(treated, None), (control, None)]
    return pair, np.array([1.0, -1.0])


@dataclass(frozen=True, eq=False)
class _Piece:
    """What one mean outcome E[Y(t, M(s))] is made of.

    Args:
        arm: the arm t whose regression of y is used.
        value: the mean outcome.
        lever: of that regression: how residuals of y move it, in the direction of (m, x).
        source: the arm s whose regression of m is used; None where the mediators are held.
        second: of that regression, in the direction of x.
        slope_m: the slopes of y in m, which turn residuals of m into y.
        in_x: the slope in x*.
    """

    arm: int
    value: np.ndarray
    lever: np.ndarray
    source: int | None
    second: np.ndarray
    slope_m: np.ndarray
    in_x: np.ndarray


class _Nested:
    """The regressions, for one data set or R of them; an arm a has y on (m, x) and m on x.

    A continuous treatment is one arm with the treatment as the first of the covariates.
    """

    def __init__(self, moments: ArmMoments, sample: Sample) -> None:
        self.held = sample.mediator_levels
        self.continuous = sample.treatment_kind is TreatmentKind.CONTINUOUS
        c = moments.columns
        self.moments, self.columns = moments, c
        order = np.arange(c.width)
        self.x = np.r_[c.t, order[c.x]] if self.continuous else order[c.x]
        self.m = order[c.m]
        self.z = np.r_[self.m, self.x]
        self.p, self.k = len(self.x), len(self.m)
        cross = moments.cross
        self.inverse_z = solve(
            cross[..., self.z[:, None], self.z],
            np.broadcast_to(np.eye(len(self.z)), (*cross.shape[:-2], len(self.z), len(self.z))),
        )
        self.inverse_x = solve(
            cross[..., self.x[:, None], self.x],
            np.broadcast_to(np.eye(self.p), (*cross.shape[:-2], self.p, self.p)),
        )
        self.slopes = (self.inverse_z @ cross[..., self.z, c.y][..., None])[..., 0]
        self.to_mediators = self.inverse_x @ cross[..., self.x[:, None], self.m]  # (..., A, p, k)
        n, weight = np.maximum(moments.count, 1), np.where(moments.weight > 0, moments.weight, 1.0)
        y_rest = cross[..., c.y, c.y] - (self.slopes * cross[..., self.z, c.y]).sum(-1)
        m_rest = (
            cross[..., self.m[:, None], self.m]
            - np.swapaxes(self.to_mediators, -1, -2) @ cross[..., self.x[:, None], self.m]
        )
        self.y_variance = np.maximum(y_rest, 0.0) / weight * n / np.maximum(n - len(self.z) - 1, 1)
        self.m_variance = m_rest / (weight / n * np.maximum(n - self.p - 1, 1))[..., None, None]
        count, total, mean, whole = moments.pool()
        self.total = total
        self.target = mean[..., order[c.x]]
        self.spread = whole[..., c.x, c.x] / total[..., None, None] / np.maximum(count, 1)[..., None, None]

    def _at(self, level: float) -> tuple[int, np.ndarray]:
        """The arm of a treatment value, and the point (t, x*) or x* at which it is predicted."""
        if not self.continuous:
            return int(level), self.target
        t = np.full((*self.target.shape[:-1], 1), level)
        return 0, np.concatenate([t, self.target], -1)

    def piece(self, term: Term) -> _Piece:
        """What E[Y(t, M(s))] is made of: arms, levers of both regressions and the slope in x*."""
        t, s = term
        arm, point = self._at(t)
        mean = self.moments.mean
        slope_m, slope_x = self.slopes[..., arm, : self.k], self.slopes[..., arm, self.k :]
        if s is None:
            mediators = np.broadcast_to(
                self.held if self.held is not None else np.zeros(self.k), slope_m.shape
            )
            source, away, in_x = None, np.zeros(0), slope_x
        else:
            source, from_point = self._at(s)
            away = from_point - mean[..., source, self.x]
            slopes = self.to_mediators[..., source, :, :]
            mediators = mean[..., source, self.m] + np.einsum("...p,...pk->...k", away, slopes)
            in_x = slope_x + np.einsum("...pk,...k->...p", slopes, slope_m)
        distance = np.concatenate([mediators, point], -1) - mean[..., arm, self.z]
        value = mean[..., arm, self.columns.y] + (distance * self.slopes[..., arm, :]).sum(-1)
        lever = (self.inverse_z[..., arm, :, :] @ distance[..., None])[..., 0]
        return _Piece(
            arm,
            value,
            lever,
            source,
            np.zeros(0) if source is None else (self.inverse_x[..., source, :, :] @ away[..., None])[..., 0],
            slope_m,
            in_x[..., 1:] if self.continuous else in_x,
        )

    def effect(self, terms: list[Term], combine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The combination of mean outcomes, and its variance with constant residual variances in each arm."""
        parts = [self.piece(term) for term in terms]
        value = sum(each.value * share for each, share in zip(parts, combine))
        moments = self.moments
        arms = moments.weight.shape[-1]
        lead = moments.weight.shape[:-1]
        # Per arm: the lever on y's residuals, and the lever on m's (a p + 1 vector times a direction in m).
        variance = np.zeros(lead)
        for a in range(arms):
            unit = moments.weight[..., a] / np.maximum(moments.count[..., a], 1)
            n = np.maximum(moments.count[..., a], 1)
            gram_z = moments.cross[..., a, self.z[:, None], self.z]
            gram_x = moments.cross[..., a, self.x[:, None], self.x]
            constant, lever = np.zeros(lead), np.zeros((*lead, len(self.z)))
            m_constant, m_lever = np.zeros((*lead, self.k)), np.zeros((*lead, self.p, self.k))
            for each, share in zip(parts, combine):
                if each.arm == a:
                    constant = constant + share
                    lever = lever + share * each.lever
                if each.source == a:
                    m_constant = m_constant + share * each.slope_m
                    m_lever = m_lever + share * each.second[..., None] * each.slope_m[..., None, :]
            y_part = constant**2 / n + unit * np.einsum("...i,...ij,...j->...", lever, gram_z, lever)
            variance = variance + self.y_variance[..., a] * y_part
            spread = self.m_variance[..., a, :, :]
            variance = variance + np.einsum("...i,...ij,...j->...", m_constant, spread, m_constant) / n
            variance = variance + unit * np.einsum(
                "...pi,...pq,...qj,...ij->...", m_lever, gram_x, m_lever, spread
            )
        in_x = sum(each.in_x * share for each, share in zip(parts, combine))
        variance = variance + np.einsum("...i,...ij,...j->...", in_x, self.spread, in_x)
        return np.asarray(value), variance

    def influence(self, sample: Sample, terms: list[Term]) -> Callable[[Chunk], np.ndarray]:
        """The function from a chunk to the influence values of each mean outcome, shape (terms, rows)."""
        moments, c = self.moments, self.columns
        parts = [self.piece(term) for term in terms]
        weight = float(self.total)
        arms = len(moments.weight)
        n = moments.count.astype(float)
        top = n - 1 if sample.clustered and arms == 1 else n
        y_factor = np.sqrt(top / (n - len(self.z) - 1)) * weight
        m_factor = np.sqrt(top / (n - self.p - 1)) * weight
        mean = moments.mean

        def compute(chunk: Chunk) -> np.ndarray:
            x = chunk.covariates.T
            if self.continuous:
                x = np.vstack([chunk.treatment[None], x])
            z = np.vstack([chunk.mediators.T, x])
            psi = np.zeros((len(parts), len(chunk)))
            for a in range(arms):
                member = 1.0 if self.continuous else (chunk.treatment == a).astype(float)
                z_away = z - mean[a, self.z][:, None]
                x_away = z_away[self.k :]
                y_rest = (chunk.outcome - mean[a, c.y] - self.slopes[a] @ z_away) * member * y_factor[a]
                m_rest = None
                for row, each in zip(psi, parts):
                    if each.arm == a:
                        row += y_rest * (1 / moments.weight[a] + each.lever @ z_away)
                    if each.source == a:
                        if m_rest is None:
                            m_rest = (
                                (z_away[: self.k] - self.to_mediators[a].T @ x_away) * member * m_factor[a]
                            )
                        row += (each.slope_m @ m_rest) * (1 / moments.weight[a] + each.second @ x_away)
            for row, each in zip(psi, parts):
                row += each.in_x @ (chunk.covariates - self.target).T
            return psi

        return compute


def _parts(estimand: Estimand, sample: Sample, fit: _Nested) -> tuple[Diagnostic, ...]:
    """Direct and indirect effects side by side, and the share that the mediators carry."""
    if isinstance(estimand.question, ControlledDirect):
        return ()
    treated, control = sample.contrast
    both = np.array([1.0, -1.0])
    direct = float(fit.effect([(treated, control), (control, control)], both)[0])
    indirect = float(fit.effect([(treated, treated), (treated, control)], both)[0])
    total = direct + indirect
    carried = f", {indirect / total:.0%} of the total" if direct * indirect > 0 else ""
    return (
        Diagnostic(
            "decomposition",
            indirect / total if total else None,
            f"Total effect {total:.4g}: {direct:.4g} direct and {indirect:.4g} through "
            f"{', '.join(sample.mediator_names)}{carried}.",
            details={"direct": direct, "indirect": indirect, "total": total},
        ),
    )
