"""Regression adjustment: predict each row's outcome under each treatment by least squares, and average."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, listing
from aitia.estimation._arm_moments import (
    ArmMoments,
    BlockMoments,
    Columns,
    accumulate_blocks,
    dependent_columns,
    solve,
    unique_names,
)
from aitia.estimation._estimate import Diagnostic, Profile
from aitia.estimation._estimator import Fit
from aitia.estimation._influence import influence_pass
from aitia.estimation._moment_estimator import (
    MomentEstimator,
    population_of,
    rows_assumption,
)
from aitia.estimation._sample import Chunk, Sample, TreatmentKind
from aitia.identification import Estimand, Population, PopulationKind, Rule
from aitia.statistics import Moments, TooFewRows

_SOURCE = "regression adjustment"
_FAR_APART = 0.25  # Imbens & Rubin (2015), section 14.2: beyond it, linear adjustment leans on its form


@dataclass(frozen=True)
class RegressionAdjustment(MomentEstimator):
    """Regression adjustment by least squares, with treatment interactions.

    For a treatment with levels a the outcome is regressed on the covariates within each arm, and each arm's fit is
    averaged over the covariates of the population asked for (mean x*)::

        m_a = ybar_a + (x* - xbar_a)' b_a          effect = m_treated - m_control

    which equals the regression with all interactions of treatment and centred covariates of Lin (2013), so that an
    effect that varies with the covariates does not bias the average. For a continuous treatment the outcome is
    regressed on t, x and t (x - x*): the answer is the coefficient of t (the average partial effect) times the
    contrast. Only moments of the rows are needed for the value; one further pass gives the influence values

        psi_i = 1[T_i = a] e_i W (1 / W_a + (x* - xbar_a)' S_a^-1 (x_i - xbar_a)) + (x_i - x*)' b_a

    whose last term is the chance in the covariate mean itself.

    Args:
        interactions: True fits each arm apart. False shares one slope (the plain regression of outcome on
            treatment and covariates), which weights rows by how uncertain their treatment is where effects vary.
        robust: True makes standard errors robust to heteroskedasticity, with the small-sample factor
            n_a / (n_a - p - 1) in each arm (HC1; n / (n - p - arms) without interactions). False takes the
            residual variance as constant within each arm (overall without interactions). Clusters in the sample
            always make errors cluster-robust.

    Assumptions: identification by adjustment; the mean outcome is linear in the covariates in each arm (formulas with
    splines or products widen that).

    Raises:
        TooFewRows: an arm has no more rows than coefficients.

    Source: Lin (2013), "Agnostic notes on regression adjustments to experimental data", Annals of Applied
    Statistics 7, theorem 1; the covariate-mean term as in Negi & Wooldridge (2021), Econometric Reviews 40.

    Example:
        >>> from aitia.identification import Effect, Estimand, Rule
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=(2000, 1))
        >>> t = (rng.random(2000) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
        >>> y = x[:, 0] + (2 + x[:, 0]) * t + rng.normal(size=2000)
        >>> sample = Sample(y, t, TreatmentKind.BINARY, covariates=x)
        >>> estimand = Estimand(Effect("t", "y"), Rule.ADJUSTMENT, None, ("x",))
        >>> estimate = RegressionAdjustment().estimate(estimand, sample)
        >>> abs(estimate.value - 2) < 3 * estimate.std_error
        True
    """

    interactions: bool = True
    robust: bool = True

    name: ClassVar[str] = "regression adjustment"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical", "continuous"})
    reference: ClassVar[str] = "Lin (2013), theorem 1; Negi & Wooldridge (2021)"

    def describe(self) -> str:
        """The estimator with the options that matter."""
        return "regression adjustment" if self.interactions else "regression adjustment without interactions"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """Why this estimator cannot answer here; empty where it can."""
        refusal = super().refusal(estimand, sample)
        kind = population_of(estimand).kind
        continuous = sample.treatment_kind is TreatmentKind.CONTINUOUS
        if not refusal and continuous and kind in (PopulationKind.TREATED, PopulationKind.UNTREATED):
            return "A continuous treatment has no treated and untreated rows to average over."
        return refusal

    def products(self, sample: Sample) -> bool:
        """True for a continuous treatment with interactions."""
        continuous = sample.treatment_kind is TreatmentKind.CONTINUOUS
        return self.interactions and continuous and bool(sample.covariate_names)

    # -- from moments alone ------------------------------------------------------------------------------------

    def _values(
        self, estimand: Estimand, sample: Sample, moments: ArmMoments
    ) -> tuple[np.ndarray, np.ndarray]:
        population = population_of(estimand)
        if sample.treatment_kind is TreatmentKind.CONTINUOUS:
            fit = _Slope(moments, sample.contrast, population)
            return fit.value, fit.error
        fit = _Arms(moments, population, sample.contrast, self.interactions)
        return fit.value, fit.error

    # -- one answer --------------------------------------------------------------------------------------------

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        if sample.treatment_kind is TreatmentKind.CONTINUOUS:
            fit = self._fit_slope(estimand, sample)
        else:
            fit = self._fit_arms(estimand, sample)
        arms = "in each arm" if self.interactions and sample.arms > 1 else "with one slope for all rows"
        linear = Assumption(
            AssumptionKey.OUTCOME_MODEL,
            f"The mean of {sample.names[1]} is a linear function of the adjusted-for terms, {arms}.",
            testable=True,
            source=_SOURCE,
        )
        return replace(fit, assumptions=(linear, rows_assumption(sample, _SOURCE)))

    def _fit_arms(self, estimand: Estimand, sample: Sample) -> Fit:
        moments = sample.arm_moments()
        population = population_of(estimand)
        p = moments.columns.covariates
        self._check_rows(sample, moments)
        fit = _Arms(moments, population, sample.contrast, self.interactions)
        n = int(moments.count.sum())
        freedom = float(n - (sample.arms * (p + 1) if self.interactions else p + sample.arms))
        combine = np.zeros(sample.arms)
        combine[int(sample.contrast[0])] += 1.0
        combine[int(sample.contrast[1])] -= 1.0
        rows = influence_pass(sample, fit.influence(sample, freedom), combine)
        if self.robust or sample.clustered:
            error, covariance = rows.std_error, rows.covariance
        else:
            error, covariance = float(fit.error), fit.covariance()
        levels = sample.treatment_levels or tuple(range(sample.arms))
        return Fit(
            value=float(fit.value),
            std_error=error,
            influence=rows.values,
            profile=Profile(levels, fit.means, np.sqrt(np.diagonal(covariance)), covariance),
            degrees_of_freedom=freedom,
            diagnostics=(*_rank(moments, sample), *_balance(moments, sample)),
            n=n,
        )

    def _fit_slope(self, estimand: Estimand, sample: Sample) -> Fit:
        moments = sample.arm_moments()
        t_mean = float(moments.mean[0, moments.columns.t])
        population = population_of(estimand)
        _, target_weight, target, _ = moments.target(population, sample.contrast)
        center = target[moments.columns.x]
        share = float(moments.weight[0] / target_weight)
        if self.interactions and len(center):
            moments = interacted_blocks(sample, center, t_mean).total()
        n, width = int(moments.count[0]), moments.columns.covariates + 2
        if n <= width:
            raise TooFewRows(
                f"There are {n} rows for {width} coefficients.", "Adjust for fewer terms or read more rows."
            )
        fit = _Slope(moments, sample.contrast, population)
        freedom = float(n - width)
        doses = np.array(sample.contrast) - t_mean
        means, influence = fit.profile(sample, center, share, doses, freedom)
        rows = influence_pass(sample, influence, np.array([1.0, -1.0]))
        robust = self.robust or sample.clustered
        errors = np.sqrt(np.diagonal(rows.covariance))
        return Fit(
            value=float(fit.value),
            std_error=rows.std_error if robust else float(fit.error),
            influence=rows.values,
            profile=Profile(sample.contrast, means, errors, rows.covariance, continuous=True),
            degrees_of_freedom=freedom,
            diagnostics=_rank(moments, sample),
            n=n,
        )

    def _check_rows(self, sample: Sample, moments: ArmMoments) -> None:
        p = moments.columns.covariates
        levels = sample.treatment_levels or tuple(range(sample.arms))
        for level, count in zip(levels, moments.count):
            if count <= (p + 1 if self.interactions else 1):
                raise TooFewRows(
                    f"There are {int(count)} rows with {sample.names[0]} = {level!r} for "
                    f"{p + 1 if self.interactions else 1} coefficients.",
                    "Adjust for fewer terms, leave this level out, or use RegressionAdjustment(interactions=False).",
                )


class _Arms:
    """The fit within arms, for one data set or R of them."""

    def __init__(
        self, moments: ArmMoments, population: Population, contrast: tuple[float, float], interactions: bool
    ) -> None:
        x, y = moments.columns.x, moments.columns.y
        p = moments.columns.covariates
        one, zero = int(contrast[0]), int(contrast[1])
        self.moments, self.contrast, self.interactions = moments, (one, zero), interactions
        self.population = population
        count = np.maximum(moments.count, 1)
        self.center = moments.mean[..., x]
        gram, right = moments.cross[..., x, x], moments.cross[..., x, y]
        total = moments.cross[..., y, y]
        self.pooled = gram.sum(-3)
        if not interactions:
            arms = moments.weight.shape[-1]
            joint = right.sum(-2)
            slope = solve(self.pooled, joint[..., None])[..., 0]
            self.slopes = np.repeat(slope[..., None, :], arms, -2)
            n = moments.count.sum(-1)
            rss = np.maximum(total.sum(-1) - (slope * joint).sum(-1), 0.0)
            variance = rss / moments.weight.sum(-1) * n / np.maximum(n - p - arms, 1)
            variance = np.repeat(variance[..., None], arms, -1)
        else:
            self.slopes = solve(gram, right[..., None])[..., 0]
            rss = np.maximum(total - (self.slopes * right).sum(-1), 0.0)
            variance = rss / np.where(moments.weight > 0, moments.weight, 1.0)
            variance = variance * count / np.maximum(count - p - 1, 1)
        self.target_count, self.target_weight, mean, cross = moments.target(population, contrast)
        self.target = mean[..., x]
        self.distance = self.target[..., None, :] - self.center
        self.means = moments.mean[..., y] + (self.distance * self.slopes).sum(-1)
        self.value = self.means[..., one] - self.means[..., zero]
        spread = cross[..., x, x] / self.target_weight[..., None, None]
        kish, self.spread = moments.kish, spread / np.maximum(self.target_count, 1)[..., None, None]
        per_row = variance / count
        self.per_row = per_row
        if interactions:
            self.lever = solve(gram, self.distance[..., None])[..., 0]
            leverage = 1 + moments.weight * (self.distance * self.lever).sum(-1)
            difference = self.slopes[..., one, :] - self.slopes[..., zero, :]
            chance = np.einsum("...i,...ij,...j->...", difference, self.spread, difference)
            self.own = per_row * leverage
            squared = self.own[..., one] + self.own[..., zero] + chance
        else:
            # In the shared fit each arm's mean is ybar_a + (x* - xbar_a)' b with the same b.
            gap = self.center[..., one, :] - self.center[..., zero, :]
            lever = solve(self.pooled, gap[..., None])[..., 0]
            weight = moments.weight.sum(-1)
            n = np.maximum(moments.count.sum(-1), 1)
            squared = (
                per_row[..., one] + per_row[..., zero] + variance[..., 0] * weight / n * (gap * lever).sum(-1)
            )
        self.error = np.sqrt(kish * squared)

    def covariance(self) -> np.ndarray:
        """Of the arms' means, from moments alone: residual variance constant in each arm."""
        kish = self.moments.kish
        shared = self.slopes @ self.spread @ self.slopes.T
        if self.interactions:
            return kish * (np.diag(self.own) + shared)
        weight, n = self.moments.weight.sum(), self.moments.count.sum()
        variance = self.per_row[0] * self.moments.count[0] * weight / n
        lever = self.distance @ solve(self.pooled, self.distance.T)
        return kish * (np.diag(self.per_row) + variance * lever + shared)

    def _member(self, chunk: Chunk) -> np.ndarray | None:
        """Which rows the effect is averaged over; None for all."""
        kind = self.population.kind
        if kind is PopulationKind.TREATED:
            return chunk.treatment == self.contrast[0]
        if kind is PopulationKind.UNTREATED:
            return chunk.treatment == self.contrast[1]
        return chunk.population

    def influence(self, sample: Sample, freedom: float) -> Callable[[Chunk], np.ndarray]:
        """The function from a chunk to the influence values of the arms' means, shape (arms, rows)."""
        moments = self.moments
        arms = len(moments.weight)
        p = moments.columns.covariates
        n, weight = float(moments.count.sum()), float(moments.weight.sum())
        y_mean = moments.mean[:, moments.columns.y]
        if self.interactions:
            factor = np.sqrt(moments.count / (moments.count - p - 1.0))
            lever = self.lever
        else:
            top = n - 1 if sample.clustered else n
            factor = np.full(arms, np.sqrt(top / freedom))
            lever = solve(self.pooled, self.distance.T).T
        share = weight / float(self.target_weight)
        slopes, levers = self.slopes * 1.0, lever * (factor * weight)[:, None]
        # Constants: an arm's fit at x = 0, and the lever's.
        fit_at = y_mean - (self.center * self.slopes).sum(1)
        one_at = weight / moments.weight * factor
        stacked = np.vstack([slopes, levers])

        def compute(chunk: Chunk) -> np.ndarray:
            x = chunk.covariates
            linear = stacked @ x.T
            psi = np.empty((arms, len(chunk)))
            member = self._member(chunk)
            if self.interactions:
                for a in range(arms):
                    predicted = linear[a]
                    residual = chunk.outcome - predicted
                    residual -= fit_at[a]
                    lift = linear[arms + a]
                    lift += one_at[a] - levers[a] @ self.center[a]
                    residual *= lift
                    residual *= chunk.treatment == a
                    predicted -= self.target @ slopes[a]
                    if member is not None:
                        predicted *= member
                    if share != 1.0:
                        predicted *= share
                    np.add(residual, predicted, out=psi[a])
                return psi
            codes = chunk.treatment.astype(np.intp)
            residual = chunk.outcome - linear[0] - fit_at[codes]
            predicted = (linear[0] - self.target @ slopes[0]) * share
            if member is not None:
                predicted *= member
            for a in range(arms):
                # Every row moves the shared slope; the rows of arm a also move its own mean.
                lift = linear[arms + a] - (levers[a] @ self.center.T)[codes] + one_at[a] * (codes == a)
                psi[a] = residual * lift + predicted
            return psi

        return compute


class _Slope:
    """The regression on a continuous treatment, for one data set or R of them."""

    def __init__(self, moments: ArmMoments, contrast: tuple[float, float], population: Population) -> None:
        c = moments.columns
        self.at = at = np.r_[c.t, c.x]
        cross = moments.cross[..., 0, :, :]
        self.moments, self.step = moments, contrast[0] - contrast[1]
        self.gram, right = cross[..., at[:, None], at], cross[..., at, c.y]
        # The slope is that at the population's covariate mean x*: the coefficient of t, plus those of the products
        # times the way from their centre to x*.
        self.direction = np.zeros((*right.shape,))
        self.direction[..., 0] = 1.0
        chance = np.zeros(right.shape[:-1])
        count, total, mean, whole = moments.target(population, contrast)
        p = 0 if moments.center is None else len(moments.center)
        if moments.center is not None:
            self.direction[..., 1 + p :] = mean[..., :p] - moments.center
        both = solve(self.gram, np.stack([right, self.direction], -1))
        self.coefficients, self.lever = both[..., 0], both[..., 1]
        self.slope = (self.coefficients * self.direction).sum(-1)
        if p:
            gamma = self.coefficients[..., 1 + p :]
            spread = whole[..., :p, :p] / (total * np.maximum(count, 1))[..., None, None]
            chance = np.einsum("...i,...ij,...j->...", gamma, spread, gamma)
        n, weight = moments.count[..., 0], moments.weight[..., 0]
        rss = np.maximum(cross[..., c.y, c.y] - (self.coefficients * right).sum(-1), 0.0)
        variance = rss / weight * n / np.maximum(n - len(at) - 1, 1)
        squared = variance * (self.lever * self.direction).sum(-1) * weight / np.maximum(n, 1) + chance
        self.value = self.slope * self.step
        self.error = np.abs(self.step) * np.sqrt(np.maximum(moments.kish * squared, 0.0))

    def profile(
        self, sample: Sample, center: np.ndarray, share: float, doses: np.ndarray, freedom: float
    ) -> tuple[np.ndarray, Callable[[Chunk], np.ndarray]]:
        """Mean outcomes at some doses, and the function from a chunk to their influence values, shape (k, rows).

        Args:
            sample: the rows.
            center: x*, the covariate mean of the population and where the products t (x - x*) are centred, shape (p,).
            share: the weight of all rows over that of the population.
            doses: treatment values measured from the treatment's mean, shape (k,).
            freedom: n less the number of coefficients.
        """
        moments, c = self.moments, self.moments.columns
        mean, p = moments.mean[0], len(center)
        n, weight = float(moments.count[0]), float(moments.weight[0])
        factor = np.sqrt((n - 1 if sample.clustered else n) / freedom)
        t_mean = float(mean[c.t])
        # At the population's mean x = x* the products are zero; measured from the columns' means that is:
        away = np.zeros(c.covariates + 1)
        away[1 : 1 + p] = center - mean[c.x][:p]
        away[1 + p :] = -mean[c.x][p:]
        base_lever = solve(self.gram, away[:, None])[:, 0]
        base = float(mean[c.y] + away @ self.coefficients)
        # Three linear functions of (t, x, t x): the fit, the lever of the base and the lever of the slope.
        functions = np.vstack([self.coefficients, base_lever * weight, self.lever * weight])
        constants = -functions @ mean[self.at]
        constants += np.array([float(mean[c.y]), 1.0, 0.0])
        constants += functions[:, 0] * t_mean
        own, products = functions[:, 1 : 1 + p], functions[:, 1 + p :]
        constants += own @ center
        on_t = functions[:, 0]

        def compute(chunk: Chunk) -> np.ndarray:
            x = (chunk.covariates - center).T
            t = chunk.treatment - t_mean
            linear = own @ x
            of_mean = linear[0].copy()
            varying = None
            if products.shape[1]:
                varying = products @ x
                linear += varying * t
            linear += on_t[:, None] * t
            linear += constants[:, None]
            residual = (chunk.outcome - linear[0]) * factor
            psi = residual * (linear[1] + doses[:, None] * linear[2])
            moved = of_mean + (doses[:, None] * varying[0] if varying is not None else 0.0)
            if chunk.population is not None:
                moved = moved * chunk.population
            return psi + moved * share

        return base + self.slope * doses, compute


def interacted_blocks(sample: Sample, center: np.ndarray, t_mean: float, n_blocks: int = 1) -> BlockMoments:
    """Moments with the products (t - mean t)(x - x*) beside the covariates, by block; one pass.

    Args:
        sample: with a continuous treatment.
        center: x*, shape (p,).
        t_mean: near the mean of the treatment; where it lies changes no effect.
        n_blocks: B.
    """
    p = len(center)
    columns = Columns(2 * p, True, 0, 0)
    named = unique_names(sample)
    treatment = sample.names[0]
    names = (*named[:p], *(f"{treatment} x {name}" for name in named[:p]), named[p], named[-1])

    def wider(chunk: Chunk) -> np.ndarray:
        block = np.empty((len(chunk), columns.width), order="F")
        block[:, :p] = chunk.covariates
        np.multiply(chunk.covariates - center, (chunk.treatment - t_mean)[:, None], out=block[:, p : 2 * p])
        block[:, columns.y] = chunk.outcome
        block[:, columns.t] = chunk.treatment
        return block

    return replace(accumulate_blocks(sample, n_blocks, (columns, names, wider)), center=center)


def _rank(moments: ArmMoments, sample: Sample) -> tuple[Diagnostic, ...]:
    """Columns that are redundant within an arm although they are not over all rows: the fit extrapolates there."""
    x = moments.columns.x
    names = moments.names[x]
    found: dict[str, tuple[str, ...]] = {}
    levels = sample.treatment_levels or tuple(range(len(moments.weight)))
    for a, level in enumerate(levels[: len(moments.weight)] or ("all rows",)):
        arm = Moments(
            names, int(moments.count[a]), float(moments.weight[a]), moments.mean[a, x], moments.cross[a, x, x]
        )
        dependent = dependent_columns(arm)
        if dependent:
            found[str(level)] = tuple(dependent)
    if not found:
        return (Diagnostic("rank", None, "No column is a combination of others within an arm."),)
    told = "; ".join(f"{sample.names[0]} = {level}: {listing(columns)}" for level, columns in found.items())
    return (
        Diagnostic(
            "rank",
            float(sum(map(len, found.values()))),
            f"Within an arm these columns do not vary on their own, so that the fit there says nothing about them "
            f"and their effect is taken as zero: {told}.",
            warning=True,
            details={"columns": found},
        ),
    )


def _saturated(moments: ArmMoments, sample: Sample) -> bool:
    """Whether the covariates are one column's 0/1 indicators: each level then has a mean of its own, and no line."""
    mean = moments.mean[:, moments.columns.x]
    variance = (
        np.einsum("aii->ai", moments.cross[:, moments.columns.x, moments.columns.x]) / moments.weight[:, None]
    )
    return len(sample.covariate_groups) == 1 and np.allclose(
        variance, mean * (1 - mean), rtol=1e-6, atol=1e-12
    )


def _balance(moments: ArmMoments, sample: Sample) -> tuple[Diagnostic, ...]:
    """How far apart the two arms' covariate means lie: how much the linear fit has to extrapolate."""
    x, p = moments.columns.x, moments.columns.covariates
    if not p or _saturated(moments, sample):
        return ()
    one, zero = (int(each) for each in sample.contrast)
    variance = np.einsum("aii->ai", moments.cross[:, x, x]) / moments.weight[:, None]
    scale = np.sqrt((variance[one] + variance[zero]) / 2)
    gap = moments.mean[one, x] - moments.mean[zero, x]
    normalised = np.where(scale > 0, gap / np.where(scale > 0, scale, 1.0), 0.0)
    worst = int(np.argmax(np.abs(normalised)))
    value = float(abs(normalised[worst]))
    far = value > _FAR_APART
    name = moments.names[worst]
    sentence = (
        f"The arms' means of {name} lie {value:.2f} standard deviations apart, the most of any column: "
        + ("the answer leans on the linear form of the fit." if far else "the fit hardly extrapolates.")
    )
    details = {name: float(value) for name, value in zip(moments.names[x], normalised)}
    return (Diagnostic("distance between arms", value, sentence, warning=far, details=details),)
