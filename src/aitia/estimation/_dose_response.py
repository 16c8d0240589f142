"""Dose response: the mean outcome as a curve of a continuous treatment, doubly robust."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from scipy import linalg

from aitia.core import Assumption, AssumptionKey, Decision, interpolate
from aitia.estimation._crossfit import Arranged, arrange
from aitia.estimation._estimate import Diagnostic, Profile
from aitia.estimation._estimator import Estimator, Fit, NotApplicable, influence_covariance
from aitia.estimation._gram import fold_moments
from aitia.estimation._learners import Series, Workshop, choose_series, cross_fit_means
from aitia.estimation._moment_estimator import population_of, rows_assumption
from aitia.estimation._overlap import NoOverlap
from aitia.estimation._sample import Sample
from aitia.estimation._scores import tail_freedom
from aitia.identification import Estimand, PopulationKind, Rule

# The generalised propensity is averaged over this many rows, and looked up on a grid of this many values.
_AVERAGED_ROWS = 4_000
_GRID = 256
_FEWEST_DOSES = 15
# Knots added between the outermost even quantile and the extreme dose, on either side.
_TAIL = 2
# Share of the dose's variance that the covariates must leave for doses to be compared at all.
_LEAST_LEFT = 1e-4


@dataclass(frozen=True)
class DoseResponse(Estimator):
    """The curve E[Y | do(A = a)] of a continuous treatment, and a contrast or slope read off it.

    With mu(x, a) = E[Y | x, a], the generalised propensity pi(a | x), its average pibar(a) and mbar(a) = mean over
    x of mu(x, a), each row's pseudo-outcome

        xi_i = (y_i - mu(x_i, a_i)) pibar(a_i) / pi(a_i | x_i) + mbar(a_i)

    has mean E[Y | do(A = a)] given a_i = a if mu or pi is right. It is regressed on a cubic spline b(a) of the dose.
    Nuisances are cross-fitted: mu by a penalised series in covariates, dose and their products; pi by a model of
    location and scale, with a kernel density of what they leave. Errors come from influence values that count the
    spline and the averaging over x.

    The value is the contrast of the question (two doses), or, where it names none, the average slope: the mean
    over rows of the curve's derivative at their dose, the effect of one unit more.

    Args:
        knots: interior knots of the spline, at quantiles of the dose; None takes 0.7 n^(1/3), at least 2 and at most
            20, and two more on either side: more than the best fit needs, so that the bias is small beside the
            error (undersmoothing).
        points: how many doses the profile holds, between the 5th and the 95th percentile.
        folds: folds of cross-fitting.
        largest_weight: weights pibar / pi are cut here, and how many were is reported.

    Assumptions:
        No unmeasured confounding, positivity at every dose, a curve that a cubic spline with these knots follows,
        and a dose whose distribution given covariates changes in location and scale alone.

    Source:
        Kennedy, Ma, McHugh & Small (2017), JRSS-B 79, section 3 (pseudo-outcome); Semenova & Chernozhukov (2021),
        Econometrics Journal 24, Theorem 3.1 (series second stage).

    Example:
        >>> DoseResponse(knots=3).describe()
        'doubly robust dose response'
    """

    knots: int | None = None
    points: int = 41
    folds: int = 5
    largest_weight: float = 50.0

    name: ClassVar[str] = "dose response"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    learns: ClassVar[bool] = True
    treatments: ClassVar[frozenset[str]] = frozenset({"continuous"})
    reference: ClassVar[str] = "Kennedy et al. 2017; Semenova & Chernozhukov 2021"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """As `Estimator.refusal`; also refuses a dose of few values and populations other than all rows."""
        refusal = super().refusal(estimand, sample)
        if refusal:
            return refusal
        if population_of(estimand).kind is not PopulationKind.ALL:
            return "A dose response averages over all rows."
        distinct = len(np.unique(sample.treatment))
        if distinct < _FEWEST_DOSES:
            return (
                f"A curve needs a treatment of many values; there are {distinct}. Read the column as categorical "
                '(kinds={"dose": "categorical"}) and compare its levels.'
            )
        return ""

    def describe(self) -> str:
        """The estimator's name, as reports show it."""
        return "doubly robust dose response"

    def _check_options(self) -> None:
        for name, least in (("knots", 0), ("points", 2), ("largest_weight", 1)):
            value = getattr(self, name)
            if value is not None and not value >= least:
                raise NotApplicable(
                    f"{name} of a dose response is {value}; it must be at least {least}.",
                    f"Leave {name} out for its default.",
                )

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        self._check_options()
        rows = arrange(sample, self.folds, seed)
        a, y, n = rows.treatment, rows.y, rows.n
        weight = np.ones(n) if rows.weights is None else rows.weights
        weight = weight / weight.mean()
        spline = _Spline.of(a, self.knots)
        curve = spline(a)

        outcome = _OutcomeModel.cross_fitted(rows, spline)
        ratio, cut = _stabilised(rows, weight, self.largest_weight)
        ratio /= np.mean(weight * ratio)
        fitted, average = outcome.at_rows(weight)
        pseudo = ratio * (y - fitted) + average

        inverse = linalg.pinvh((curve * weight[:, None]).T @ curve / n)
        beta = inverse @ ((curve * weight[:, None]).T @ pseudo) / n
        # Each row also stands behind the average over x: E_a[b(a) (mu(x_i, a) - mbar(a))].
        averaging = outcome.leverage(curve, weight)
        # A row pulls the spline towards itself, most where doses are few: its residual is taken as if it had been left
        # out (HC3; MacKinnon & White 1985), which keeps the ends of the curve honest in hundreds of rows.
        leverage = weight * np.einsum("ij,jk,ik->i", curve, inverse, curve, optimize=True) / n
        residual = (pseudo - curve @ beta) / (1 - np.minimum(leverage, 0.5))
        residual -= np.average(residual, weights=weight)
        rows_beta = (residual[:, None] * curve + averaging) @ inverse

        grid = np.quantile(a, [0.05, 0.95])
        grid = np.linspace(grid[0], grid[-1], self.points)
        at = spline(grid)
        covariance = influence_covariance(rows_beta, weight, _clusters(sample, rows))
        means_covariance = at @ covariance @ at.T
        if estimand.question.contrast is None and sample.contrast == (1.0, 0.0):
            # Nobody named two doses: not the question, and not Sample.draw, whose default is (1, 0).
            slope = spline.derivative(a)
            value = float(np.mean(weight * (slope @ beta)))
            pick = (slope * weight[:, None]).mean(axis=0)
            influence = rows_beta @ pick + slope @ beta - value
            said = "the average slope of the curve: the effect of one unit more of the dose"
        else:
            self._check_contrast(sample, a)
            pick = (spline(np.array([sample.contrast[0]])) - spline(np.array([sample.contrast[1]])))[0]
            value, influence = float(pick @ beta), rows_beta @ pick
            said = f"the curve at {sample.contrast[0]:g} minus the curve at {sample.contrast[1]:g}"
        effective = float((weight * ratio).sum() ** 2 / ((weight * ratio) ** 2).sum())
        low, high = grid[0], grid[-1]
        return Fit(
            value=value,
            influence=rows.restore(influence),
            degrees_of_freedom=tail_freedom(sample, rows.restore(influence)),
            profile=Profile(
                points=tuple(grid.tolist()),
                means=at @ beta,
                std_errors=np.sqrt(np.maximum(np.diag(means_covariance), 0.0)),
                covariance=means_covariance,
                continuous=True,
                degrees_of_freedom=np.array(
                    [tail_freedom(sample, rows.restore(rows_beta @ each)) for each in at]
                ),
            ),
            diagnostics=(
                Diagnostic(
                    name="overlap",
                    value=effective / n,
                    sentence=(
                        f"Weighted by how likely each row's dose was, {n:,} rows count as {effective:,.0f}; the "
                        f"largest weight is {ratio.max():.3g}. The curve is drawn from {low:.4g} to {high:.4g}."
                    ),
                    warning=effective < n / 4,
                    details={"dose": rows.restore(a), "weight": rows.restore(ratio)},
                ),
                Diagnostic("outcome model", outcome.explained, f"Outcome: {outcome.words}."),
            ),
            assumptions=(
                Assumption(
                    AssumptionKey.SMOOTHNESS,
                    f"The dose-response curve is smooth enough for a cubic spline with {spline.interior} interior "
                    "knots.",
                    testable=True,
                    source=self.name,
                ),
                Assumption(
                    AssumptionKey.PROPENSITY_MODEL,
                    f"Given the covariates, {sample.names[0]} changes in location and scale alone, or the outcome "
                    "model is right.",
                    testable=True,
                    source=self.name,
                ),
                rows_assumption(sample, self.name),
            ),
            decisions=(
                Decision(f"read the value as {said}", "the question's contrast, or its absence, says so"),
                *(
                    (
                        Decision(
                            f"cut the weights of {cut:,} of {n:,} rows at {self.largest_weight:g}",
                            "their dose is nearly impossible given their covariates",
                        ),
                    )
                    if cut
                    else ()
                ),
            ),
        )

    def _check_contrast(self, sample: Sample, doses: np.ndarray) -> None:
        low, high = float(doses.min()), float(doses.max())
        for dose in sample.contrast:
            if not low <= dose <= high:
                raise NotApplicable(
                    f"The contrast asks about a dose of {dose:g}, but {sample.names[0]} lies between {low:g} and "
                    f"{high:g}.",
                    "Compare two doses that occur.",
                )


@dataclass(frozen=True, eq=False)
class _Spline:
    """Cubic B-splines of the dose with interior knots at its quantiles; they add up to one."""

    knots: np.ndarray
    interior: int

    @classmethod
    def of(cls, doses: np.ndarray, interior: int | None) -> _Spline:
        if interior is None:
            interior = int(np.clip(0.7 * len(doses) ** (1 / 3), 2, 20)) + 2 * _TAIL
        # A spline of more columns than half the distinct doses would follow single doses.
        count = max(min(interior, len(np.unique(doses)) // 2 - 4), 0)
        inner = np.unique(np.quantile(doses, _knot_levels(count)))
        low, high = doses.min(), doses.max()
        inner = inner[(inner > low) & (inner < high)]
        return cls(np.concatenate([np.repeat(low, 4), inner, np.repeat(high, 4)]), len(inner))

    def __call__(self, doses: np.ndarray) -> np.ndarray:
        return interpolate.BSpline.design_matrix(
            np.clip(doses, self.knots[0], self.knots[-1]), self.knots, 3
        ).toarray()

    def derivative(self, doses: np.ndarray) -> np.ndarray:
        width = len(self.knots) - 4
        inside = np.clip(doses, self.knots[0], self.knots[-1])
        columns = [interpolate.BSpline(self.knots, unit, 3).derivative()(inside) for unit in np.eye(width)]
        return np.stack(columns, axis=1)


def _knot_levels(count: int) -> np.ndarray:
    """Ranks of the interior knots: even, and halving towards both ends.

    Between even quantiles and the extreme doses would lie one long piece, and what a single cubic cannot follow
    there would bend the curve inside the data too.
    """
    middle = count - 2 * _TAIL if count >= 2 * _TAIL + 2 else count
    even = np.arange(1, middle + 1) / (middle + 1)
    if middle == count:
        return even
    halving = 0.5 ** np.arange(1, _TAIL + 1) / (middle + 1)
    return np.sort(np.concatenate([halving, even, 1 - halving]))


@dataclass(eq=False)
class _DoseFeatures:
    """Series features of the covariates, the dose spline, and products of dose with each covariate."""

    base: Any
    spline: _Spline
    arranged: Arranged
    width: int = field(init=False)
    orders: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        p = self.arranged.x.shape[1]
        self.center, self.unit = self.arranged.x.mean(axis=0), self.arranged.x.std(axis=0)
        self.unit = np.where(self.unit > 0, self.unit, 1.0)
        a = self.arranged.treatment
        self.dose_center, self.dose_unit = float(a.mean()), float(a.std())
        self.curves = (
            self.spline.interior + 3
        )  # a spline that adds up to one holds the constant: leave one out
        self.width = self.base.width + 1 + self.curves + 2 * p
        self.orders = np.concatenate(
            [self.base.orders, np.ones(1), np.full(self.curves + p, 1.0), np.full(p, 2.0)]
        )

    def covariates(self, rows: slice) -> np.ndarray:
        """Their features alone, shape (rows, base width)."""
        return np.asarray(self.base.block(rows), dtype=np.float64)

    def dose(self, doses: np.ndarray) -> np.ndarray:
        """What depends on the dose alone: itself and the spline, shape (rows, 1 + curves)."""
        return np.column_stack([(doses - self.dose_center) / self.dose_unit, self.spline(doses)[:, 1:]])

    def mixing(self, doses: np.ndarray) -> np.ndarray:
        """The two functions of the dose that multiply each standardised covariate, shape (rows, 2)."""
        z = (doses - self.dose_center) / self.dose_unit
        return np.column_stack([z, z**2 - 1])

    def block(self, rows: slice) -> np.ndarray:
        """The features of consecutive arranged rows, shape (rows, width)."""
        doses = self.arranged.treatment[rows]
        x = (self.arranged.x[rows] - self.center) / self.unit
        mix = self.mixing(doses)
        return np.hstack([self.covariates(rows), self.dose(doses), mix[:, :1] * x, mix[:, 1:] * x])


@dataclass(frozen=True, eq=False)
class _OutcomeModel:
    """mu(x, a), linear in features, with coefficients for each fold: averages over x are dot products."""

    rows: Arranged
    features: _DoseFeatures
    coefficients: np.ndarray
    words: str
    explained: float

    @classmethod
    def cross_fitted(cls, rows: Arranged, spline: _Spline) -> _OutcomeModel:
        features = _DoseFeatures(Series().features(rows), spline, rows)
        unit = float(rows.y.std()) or 1.0
        middle = float(rows.y.mean())
        scaled = ((rows.y - middle) / unit)[:, None]
        moments = fold_moments(rows, features, scaled, rows.weights)
        fits, words, explained = choose_series(moments[:, 0], features.width, 0, features.orders)
        fits = fits * unit
        fits[:, 0] += middle
        return cls(rows, features, fits, words, explained)

    def _split(self, fold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        d, k = self.features.base.width, 1 + self.features.curves
        beta = self.coefficients[fold]
        p = self.rows.x.shape[1]
        return beta[:d], beta[d : d + k], beta[d + k :].reshape(2, p)

    def _of_covariates(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For each row g(x_i) and the two slopes h(x_i) of its own fold, and their weighted means by fold."""
        g = np.empty(self.rows.n)
        h = np.empty((self.rows.n, 2))
        for _, fold, rows in ((None, f, r) for f, _, r in self.rows.blocks()):
            alone, _, mixed = self._split(fold)
            x = (self.rows.x[rows] - self.features.center) / self.features.unit
            g[rows] = self.features.covariates(rows) @ alone
            h[rows] = x @ mixed.T
        folds = range(self.rows.folds)
        mean_g = np.array(
            [np.average(g[self.rows.fold(f)], weights=weight[self.rows.fold(f)]) for f in folds]
        )
        mean_h = np.array(
            [np.average(h[self.rows.fold(f)], axis=0, weights=weight[self.rows.fold(f)]) for f in folds]
        )
        return g, h, mean_g, mean_h

    def at_rows(self, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """mu(x_i, a_i), and mbar(a_i): the average of mu(x, a_i) over the x of the row's own fold, by its model."""
        g, h, mean_g, mean_h = self._of_covariates(weight)
        doses = self.rows.treatment
        dose, mix = self.features.dose(doses), self.features.mixing(doses)
        fitted, average = np.empty(self.rows.n), np.empty(self.rows.n)
        for fold in range(self.rows.folds):
            part = self.rows.fold(fold)
            curve = dose[part] @ self._split(fold)[1]
            fitted[part] = g[part] + curve + (mix[part] * h[part]).sum(axis=1)
            average[part] = mean_g[fold] + curve + mix[part] @ mean_h[fold]
        return fitted, average

    def leverage(self, curve: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """E_a[b(a) (mu(x_i, a) - mbar(a))] for each row, shape (n, width of the curve)."""
        g, h, mean_g, mean_h = self._of_covariates(weight)
        mix = self.features.mixing(self.rows.treatment)
        result = np.empty((self.rows.n, curve.shape[1]))
        for fold in range(self.rows.folds):
            part = self.rows.fold(fold)
            w = weight[part] / weight[part].sum()
            by_one = w @ curve[part]
            by_mix = (curve[part] * w[:, None]).T @ mix[part]
            result[part] = (g[part] - mean_g[fold])[:, None] * by_one + (h[part] - mean_h[fold]) @ by_mix.T
        return result


def _stabilised(rows: Arranged, weight: np.ndarray, largest: float) -> tuple[np.ndarray, int]:
    """pibar(a_i) / pi(a_i | x_i), cut at `largest`, and how many were cut.

    a = location(x) + scale(x) e; location and scale are cross-fitted, and the density of e is a Gaussian kernel
    estimate. The average density is the mean of pi(a | x_j) over rows j.
    """
    shop = Workshop(rows)
    a = rows.treatment
    location = cross_fit_means(shop, Series(), a[:, None], by_arm=False).values[:, 0]
    residual = a - location
    left = float(np.average(residual**2, weights=weight)) / float(a.var())
    if left < _LEAST_LEFT:
        raise NoOverlap(
            f"The covariates explain {1 - left:.4%} of the variance of the dose: there are no two rows alike that got "
            "different doses.",
            "Leave out the covariate that is the dose under another name.",
        )
    floor = 1e-4 * float(np.mean(residual**2))
    spread = cross_fit_means(
        shop, Series(trees=False), np.log(residual**2 + floor)[:, None], by_arm=False
    ).values[:, 0]
    scale = np.exp(0.5 * np.clip(spread, *np.quantile(spread, [0.005, 0.995])))
    scale *= np.sqrt(np.average((residual / scale) ** 2, weights=weight))
    standard = residual / scale
    density = _KernelDensity(standard, weight)
    own = density(standard) / scale

    step = max(1, rows.n // _AVERAGED_ROWS)
    grid = np.linspace(a.min(), a.max(), _GRID)
    z = (grid[:, None] - location[None, ::step]) / scale[None, ::step]
    some = weight[::step]
    mean = (density(z.reshape(-1)).reshape(z.shape) / scale[None, ::step]) @ some / some.sum()
    ratio = np.interp(a, grid, mean) / np.maximum(own, 1e-300)
    cut = ratio > largest
    return np.where(cut, largest, ratio), int(cut.sum())


class _KernelDensity:
    """A Gaussian kernel density, binned on a fine grid and interpolated."""

    def __init__(self, values: np.ndarray, weight: np.ndarray) -> None:
        n = len(values)
        spread = min(values.std(), np.subtract(*np.quantile(values, [0.75, 0.25])) / 1.349) or 1.0
        width = 1.06 * spread * n**-0.2  # Silverman (1986), eq. 3.28
        reach = 6 * width
        self._grid = np.linspace(values.min() - reach, values.max() + reach, 4096)
        step = self._grid[1] - self._grid[0]
        counts = np.histogram(
            values,
            bins=len(self._grid),
            range=(self._grid[0] - step / 2, self._grid[-1] + step / 2),
            weights=weight,
        )[0]
        half = max(int(np.ceil(5 * width / step)), 1)
        offsets = np.arange(-half, half + 1) * step
        kernel = np.exp(-0.5 * (offsets / width) ** 2)
        from scipy.signal import fftconvolve

        smooth = fftconvolve(counts / counts.sum(), kernel / kernel.sum(), mode="same") / step
        self._density = np.maximum(smooth, 0.0)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return np.interp(values, self._grid, self._density, left=0.0, right=0.0)


def _clusters(sample: Sample, rows: Arranged) -> np.ndarray | None:
    return None if sample.clusters is None else sample.clusters[rows.order]
