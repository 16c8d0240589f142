"""Omitted-variable sensitivity: how strong an unmeasured confounder would have to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aitia.core import AssumptionKey
from aitia.estimation import Sample
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._linear import Projection, logistic
from aitia.refutation._long_story import GeneralSensitivity
from aitia.refutation._sensitivity import (
    LinearSensitivity,
    benchmark_bounds,
    partial_r2,
    robustness_value,
)


@dataclass(frozen=True)
class OmittedVariable(Refuter):
    """How strong an unmeasured confounder would have to be to change the answer (robustness value).

    Attacks: no unmeasured confounding. No data can test it; this only bounds it. Survivors have a robustness
    value larger than the strength of any measured covariate: a confounder would have to explain more of what
    is left of treatment and outcome than the strongest covariate does.

    For a continuous treatment, and where `linear` is set, it is exact for the coefficient of the linear
    regression of outcome on treatment and covariates with its classical standard error (Cinelli & Hazlett
    2020). For a binary treatment it uses the generalisation to any average effect through its Riesz
    representer (Chernozhukov et al. 2022), with a logistic propensity and one linear regression in each arm
    for sigma and nu, and the estimate's own influence values where they are the average effect's. The linear
    numbers stand in the details in either case. It cannot notice a confounder; it says what one would have to
    be.

    Margin: the robustness value at level `alpha`.

    Verdict: inconclusive where the interval already includes zero, or where a confounder `times_as_strong` as
    one of the benchmark covariates would make the interval include zero; survived otherwise. Never broken.

    Args:
        benchmarks: source columns to compare with; None takes all covariates, the strongest ten are kept.
        times_as_strong: how many times as strong as each benchmark, for the bounds.
        alpha: the level of significance, two-sided for the linear form, one-sided for the general one.
        linear: True forces the linear form, False the general one, None chooses.
        resolution: points on each axis of the contour grid.
        largest: rows on which the strength of benchmarks (and the nuisances of the general form) is measured,
            drawn at random where there are more; the estimate and its error are those of all rows.

    Details: ``form``, ``estimate``, ``std_error``, ``degrees_of_freedom``, ``partial_r2``,
    ``robustness_value``, ``robustness_value_alpha``, ``benchmarks`` (name, times, r2_treatment, r2_outcome,
    adjusted_estimate, adjusted_limit), ``contour`` (``r2_treatment`` and ``r2_outcome`` axes,
    ``adjusted_estimate`` and ``adjusted_limit`` grids, rows = r2_outcome), ``linear`` (the same numbers for
    the linear form).
    """

    benchmarks: tuple[str, ...] | None = None
    times_as_strong: tuple[float, ...] = (1.0, 2.0, 3.0)
    alpha: float = 0.05
    linear: bool | None = None
    resolution: int = 41
    largest: int = 20_000

    name: ClassVar[str] = "omitted-variable sensitivity"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    reference: ClassVar[str] = (
        "Cinelli & Hazlett 2020, J. R. Stat. Soc. B 82:39; Chernozhukov et al. 2022, NBER 30302"
    )

    def applies(self, case: Case) -> str:
        """It speaks of effects identified by adjustment, with one treatment column."""
        if case.estimand.rule.value != "adjustment":
            return "Omitted-variable sensitivity speaks of effects identified by adjustment."
        if case.sample.treatment_kind.value == "categorical":
            return "Omitted-variable sensitivity needs a binary or continuous treatment."
        return ""

    def _refute(self, case: Case, seed: int) -> Refutation:
        sample = case.sample
        names = self._benchmark_names(case)
        fit, strengths = linear_sensitivity(case, names, self.largest)
        use_linear = self.linear if self.linear is not None else sample.treatment_kind.value != "binary"
        linear = self._linear_numbers(fit, strengths)
        if use_linear:
            numbers, form = linear, "linear regression"
        else:
            numbers, form = self._general_numbers(case, names), "general (Riesz representer)"
        value, limit = numbers["robustness_value"], numbers["robustness_value_alpha"]
        crossing = [
            each for each in numbers["benchmarks"] if each["times"] == 1 and not each["adjusted_limit"] > 0
        ]
        strongest = max(
            (each for each in numbers["benchmarks"] if each["times"] == 1),
            key=lambda each: min(each["r2_treatment"], each["r2_outcome"]),
            default=None,
        )
        if limit <= 0:
            said = (
                "The interval already includes zero, so an unmeasured confounder is not needed to "
                "explain it away."
            )
        else:
            said = (
                f"An unmeasured confounder would have to explain {limit:.1%} of what is left of "
                "both treatment and outcome "
                f"to make the interval reach zero, and {value:.1%} to explain the whole estimate away"
            )
            if crossing:
                said += f"; one as strong as {crossing[0]['name']} would be enough."
            elif strongest is not None:
                said += (
                    f"; one as strong as {strongest['name']}, the strongest of the measured, would not do."
                )
            else:
                said += "."
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried="Computed how strong an unmeasured confounder would have to be, beside the measured covariates.",
            expected="a confounder as strong as any measured covariate leaves the interval away from zero",
            observed=f"robustness value {value:.4g}, at alpha {self.alpha:.2g}: {limit:.4g}",
            verdict=Verdict.SURVIVED if limit > 0 and not crossing else Verdict.INCONCLUSIVE,
            sentence=said,
            margin=limit,
            cost="closed form",
            bounds=True,
            details={"form": form, **numbers, "linear": linear},
        )

    def _benchmark_names(self, case: Case) -> tuple[str, ...]:
        groups = case.sample.covariate_groups
        if self.benchmarks is not None:
            from aitia.core import AitiaError, nearest

            for name in self.benchmarks:
                if name not in groups:
                    raise AitiaError(
                        f"The benchmark {name!r} is not a covariate of this estimate.", nearest(name, groups)
                    )
            return self.benchmarks
        return tuple(groups)

    def _linear_numbers(
        self, fit: LinearSensitivity, strengths: dict[str, tuple[float, float]]
    ) -> dict[str, Any]:
        rows = []
        for name, (treatment, outcome) in strengths.items():
            for k in self.times_as_strong:
                d, y = benchmark_bounds(treatment, outcome, k)
                if np.isfinite(d):
                    rows.append(
                        {
                            "name": name,
                            "times": k,
                            "r2_treatment": d,
                            "r2_outcome": y,
                            "adjusted_estimate": float(fit.adjusted(d, y)),
                            "adjusted_std_error": float(fit.adjusted_error(d, y)),
                            "adjusted_limit": float(fit.adjusted_limit(d, y, self.alpha)),
                        }
                    )
        rows = self._strongest(rows)
        d_axis, y_axis = self._axes(rows, robustness_value(fit.t_statistic, fit.freedom))
        return {
            "estimate": fit.estimate,
            "std_error": fit.std_error,
            "degrees_of_freedom": fit.freedom,
            "t_statistic": fit.t_statistic,
            "partial_r2": partial_r2(fit.t_statistic, fit.freedom),
            "robustness_value": robustness_value(fit.t_statistic, fit.freedom),
            "robustness_value_alpha": robustness_value(fit.t_statistic, fit.freedom, alpha=self.alpha),
            "benchmarks": rows,
            "contour": {
                "r2_treatment": d_axis,
                "r2_outcome": y_axis,
                "adjusted_estimate": fit.adjusted(d_axis[None, :], y_axis[:, None]),
                "adjusted_limit": fit.adjusted_limit(d_axis[None, :], y_axis[:, None], self.alpha),
            },
        }

    def _general_numbers(self, case: Case, names: tuple[str, ...]) -> dict[str, Any]:
        rows = case.sample.n
        case = case.thinned(self.largest)
        full = _general(case, total=rows)
        table = []
        for name in names:
            kept = np.setdiff1d(
                np.arange(case.sample.covariates.shape[1]), case.sample.covariate_groups[name]
            )
            short = _general(case, kept)
            # Gains of the covariate, as the paper benchmarks an omitted variable (section 5).
            y = float(np.clip(1 - full.sigma2 / short.sigma2, 0.0, 1.0))
            d = float(np.clip(1 - short.nu2 / full.nu2, 0.0, 1 - 1e-9))
            for k in self.times_as_strong:
                # k times the explained share over what is left after the covariate itself.
                y_k, d_k = min(k * y / max(1 - y, 1e-12), 1.0), k * d / (1 - d)
                if d_k < 1:
                    table.append(
                        {
                            "name": name,
                            "times": k,
                            "r2_treatment": d_k,
                            "r2_outcome": y_k,
                            "adjusted_estimate": float(full.adjusted(d_k, y_k)),
                            "adjusted_limit": full.adjusted_limit(d_k, y_k, self.alpha),
                        }
                    )
        table = self._strongest(table)
        value = full.robustness_value()
        d_axis, y_axis = self._axes(table, value)
        limits = np.array([[full.adjusted_limit(d, y, self.alpha) for d in d_axis[::4]] for y in y_axis[::4]])
        return {
            "estimate": full.estimate,
            "std_error": case.estimate.std_error,
            "degrees_of_freedom": case.estimate.degrees_of_freedom,
            "sigma2": full.sigma2,
            "nu2": full.nu2,
            "robustness_value": value,
            "robustness_value_alpha": full.robustness_value(self.alpha),
            "benchmarks": table,
            "contour": {
                "r2_treatment": d_axis,
                "r2_outcome": y_axis,
                "adjusted_estimate": full.adjusted(d_axis[None, :], y_axis[:, None]),
                "adjusted_limit": limits,
                "limit_r2_treatment": d_axis[::4],
                "limit_r2_outcome": y_axis[::4],
            },
        }

    def _strongest(self, rows: list[dict[str, Any]], most: int = 10) -> list[dict[str, Any]]:
        """All benchmarks named by the person; of all covariates, the ones nearest to overturning the answer."""
        if self.benchmarks is not None:
            return rows
        order = sorted(
            {row["name"] for row in rows if row["times"] == self.times_as_strong[0]},
            key=lambda name: min(r["adjusted_limit"] for r in rows if r["name"] == name),
        )
        return [row for name in order[:most] for row in rows if row["name"] == name]

    def _axes(self, rows: list[dict[str, Any]], value: float) -> tuple[np.ndarray, np.ndarray]:
        d = max([1.5 * value, 0.05, *(1.2 * row["r2_treatment"] for row in rows)])
        y = max([1.5 * value, 0.05, *(1.2 * row["r2_outcome"] for row in rows)])
        return np.linspace(0, min(d, 0.95), self.resolution), np.linspace(0, min(y, 1.0), self.resolution)


def linear_sensitivity(
    case: Case, names: tuple[str, ...] = (), largest: int = 20_000
) -> tuple[LinearSensitivity, dict[str, tuple[float, float]]]:
    """The regression of outcome on treatment and covariates, and the partial R2 of covariates in it.

    Args:
        case: the study; treatment and covariates as its sample has them.
        names: source columns of the covariates whose strength is wanted (groups of encoded columns count as
            one).
        largest: rows on which those strengths are measured; the coefficient takes all of them.

    Returns:
        The coefficient of the treatment with its classical standard error, and for each name its partial R2
        with the treatment given the other covariates and with the outcome given treatment and the other
        covariates.
    """
    sample = case.sample
    every = np.arange(sample.covariates.shape[1])
    if sample.n > largest:
        slope, t_left, y_left, rank = _partialled_by_moments(sample)
    else:
        slope, t_left, y_left, rank = _partialled(sample, every)
    freedom = sample.n - rank - 1
    fit = LinearSensitivity(slope, float(np.sqrt(y_left / freedom / t_left)), freedom)
    strengths = {}
    if names:
        small = case.thinned(largest).sample
        _, t_long, y_long, _ = _partialled(small, every)
        for name in names:
            _, t_short, y_short, _ = _partialled(small, np.setdiff1d(every, sample.covariate_groups[name]))
            strengths[name] = (max(1 - t_long / t_short, 0.0), max(1 - y_long / y_short, 0.0))
    return fit, strengths


def _partialled(sample: Sample, columns: np.ndarray) -> tuple[float, float, float, int]:
    """Least squares of outcome on treatment and some covariates.

    Returns:
        The slope of the treatment, the squares left of the treatment given the covariates and of the outcome
        given both, and the rank of the covariates with the intercept.
    """
    t = sample.treatment.astype(float)
    if sample.treatment_kind.value == "continuous":
        t = t / (sample.contrast[0] - sample.contrast[1])  # in units of the contrast, as the estimate is
    projection = Projection.onto(sample.covariates[:, columns], sample.weights, n=sample.n)
    t_rest, y_rest = projection.residuals(t), projection.residuals(sample.outcome)
    slope = float(t_rest @ y_rest / (t_rest @ t_rest))
    remainder = y_rest - slope * t_rest
    return slope, float(t_rest @ t_rest), float(remainder @ remainder), projection.rank


def _partialled_by_moments(sample: Sample) -> tuple[float, float, float, int]:
    """The same for all covariates, from the moments that the estimate was made of: no pass over the rows."""
    cross = sample.moments().cross  # [covariates, outcome, treatment, ...]
    p = len(sample.covariate_names)
    x, joint = cross[:p, :p], cross[: p + 2, p : p + 2]
    scale = np.sqrt(np.diag(x))
    scale[scale == 0] = 1.0
    values, vectors = np.linalg.eigh(x / np.outer(scale, scale))
    good = values > 1e-10 * values[-1] if p else np.zeros(0, dtype=bool)
    loadings = (vectors[:, good] / np.sqrt(values[good])).T @ (joint[:p] / scale[:, None])
    (y_left, ty), (_, t_left) = joint[p:] - loadings.T @ loadings
    unit = sample.contrast[0] - sample.contrast[1] if sample.treatment_kind.value == "continuous" else 1.0
    slope = ty / t_left
    return float(slope * unit), float(t_left / unit**2), float(y_left - slope * ty), int(good.sum()) + 1


def _general(case: Case, columns: np.ndarray | None = None, total: int | None = None) -> GeneralSensitivity:
    """Nuisances of the general form: logistic propensity, one linear regression in each arm.

    Args:
        case: the study, on the rows that are looked at.
        columns: the covariates used; None takes all.
        total: how many rows the estimate has, where they are more.
    """
    sample, estimate = case.sample, case.estimate
    x = sample.covariates if columns is None else sample.covariates[:, columns]
    treated = sample.treatment == sample.contrast[0]
    t = treated.astype(float)
    w = sample.weights
    p = np.clip(logistic(x, t, w), 0.005, 0.995)
    mu = np.empty((2, sample.n))
    for arm in (0, 1):
        rows = treated == bool(arm)
        mu[arm] = _predict(x[rows], sample.outcome[rows], x, None if w is None else w[rows])
    population = getattr(case.estimand.question, "population", None)
    kind = population.kind.value if population is not None else "all"
    if kind == "treated":
        share = float(np.average(t, weights=w))
        alpha = t / share - (1 - t) * p / ((1 - p) * share)
        moment = t / (share**2 * (1 - p))  # t / share times alpha(1, x) - alpha(0, x)
        effect = t * (mu[1] - mu[0]) / share
    elif kind == "untreated":
        share = float(np.average(1 - t, weights=w))
        alpha = t * (1 - p) / (p * share) - (1 - t) / share
        moment = (1 - t) / (share**2 * p)
        effect = (1 - t) * (mu[1] - mu[0]) / share
    else:
        inside = np.ones(sample.n) if sample.population is None else sample.population.astype(float)
        inside = inside / np.average(inside, weights=w)
        alpha = inside * (t / p - (1 - t) / (1 - p))
        moment = inside**2 * (1 / p + 1 / (1 - p))
        effect = inside * (mu[1] - mu[0])
    residual = sample.outcome - np.where(treated, mu[1], mu[0])
    influence = estimate.influence
    if influence is None:
        influence = effect + alpha * residual
        influence = influence - np.average(influence, weights=w)
    return GeneralSensitivity(
        estimate.value, np.asarray(influence), residual**2, alpha, moment, w, total or sample.n
    )


def _predict(x: np.ndarray, y: np.ndarray, at: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Least-squares predictions with an intercept; the smallest coefficients where columns are collinear."""
    design, target = np.column_stack([np.ones(len(x)), x]), np.column_stack([np.ones(len(at)), at])
    root = np.ones(len(x)) if weights is None else np.sqrt(weights)
    scale = np.sqrt((design**2).mean(axis=0))
    scale[scale == 0] = 1.0
    coefficients = np.linalg.lstsq(design / scale * root[:, None], y * root, rcond=1e-10)[0]
    return (target / scale) @ coefficients
