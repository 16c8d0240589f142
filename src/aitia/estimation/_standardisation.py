"""Standardisation, the g-formula: predict every row under each treatment and average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import linalg

from aitia.core import Assumption, AssumptionKey, progress, stream
from aitia.estimation._crossfit import arrange, each_on_one_core, in_threads, one_thread_each
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Estimator, Fit
from aitia.estimation._gram import fold_moments
from aitia.estimation._learners import Series, fit_learner, is_plain_linear, predicted_mean
from aitia.estimation._sample import Sample
from aitia.estimation._scores import (
    Means,
    Target,
    arm_labels,
    contrast_arms,
    profile_of,
    tail_freedom,
    target_of,
)
from aitia.estimation._series import LinearFeatures, SeriesFeatures, series_size
from aitia.identification import Estimand, Rule


@dataclass(frozen=True)
class Standardisation(Estimator):
    """Standardisation (the g-formula), for treatments with two or more levels.

    The potential mean of level a is the average over the population of the predicted outcome g_a(X).

    The default g_a is a least squares series in each arm. Its potential mean is linear in the outcomes, so the standard
    error is exact to first order with no refit: the influence of row i is
        D_i (g_a(X_i) - theta_a) / E[D] + 1(T_i = a) rho_a' b(X_i) (y_i - g_a(X_i)) / sqrt(1 - leverage_i),
    with rho_a = E[1(T = a) b b']^-1 E[b | D = 1] (Newey 1994; leverage as in HC2, MacKinnon & White 1985). With a
    learner of your own the standard error is the bootstrap's, from full refits; it is honest for regular parametric
    models, and not for learners that shrink or select.

    Args:
        outcome: None or a `Series`; scikit-learn's `LinearRegression` likewise without refits; any other regressor (or
            a classifier for a 0/1 outcome) is fitted to each arm and bootstrapped.
        replicates: bootstrap refits for a learner of your own.
        show_progress: of the bootstrap; None shows it on a terminal.

    Assumptions: identification by adjustment; the outcome model is right.

    Source: Robins 1986; Newey 1994, Propositions 4 and 5, for the series.

    Example:
        >>> from aitia.estimation import Standardisation
        >>> Standardisation().describe()
        'standardisation (outcome by series)'
    """

    name: ClassVar[str] = "standardisation"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    learns: ClassVar[bool] = True
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical"})
    reference: ClassVar[str] = "Robins 1986; Newey 1994"

    outcome: Any = None
    replicates: int = 200
    show_progress: bool | None = None

    def describe(self) -> str:
        """The estimator with its outcome model."""
        learner = (
            "series"
            if self.outcome is None or isinstance(self.outcome, Series)
            else type(self.outcome).__name__
        )
        return f"{self.name} (outcome by {learner})"

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        target = target_of(estimand, sample)
        learner = Series() if self.outcome is None else self.outcome
        treated, control = contrast_arms(sample)
        by_moments = isinstance(learner, Series) or (
            is_plain_linear(learner) and type(learner).__name__ == "LinearRegression"
        )
        with one_thread_each():
            if by_moments:
                means, diagnostic = _series_means(sample, target, learner, seed)
                error = None
            else:
                means, error = _refitted(
                    sample, target, learner, seed, self.replicates, (treated, control), self.show_progress
                )
                diagnostic = Diagnostic(
                    "bootstrap",
                    float(self.replicates),
                    f"The standard error is that of {self.replicates} bootstrap refits of {learner!r}.",
                )
        influence = means.influence[:, treated] - means.influence[:, control] if by_moments else None
        return Fit(
            value=float(means.values[treated] - means.values[control]),
            std_error=error,
            influence=influence,
            profile=profile_of(sample, means) if by_moments else None,
            degrees_of_freedom=tail_freedom(sample, influence) if influence is not None else np.inf,
            diagnostics=(diagnostic,),
            assumptions=(
                Assumption(
                    AssumptionKey.OUTCOME_MODEL,
                    f"The model of {sample.names[1]} given {sample.names[0]} and the covariates is right, also where a "
                    "treatment is rare.",
                    testable=True,
                    source="standardisation",
                ),
            ),
        )


def _series_means(sample: Sample, target: Target, learner: Any, seed: int) -> tuple[Means, Diagnostic]:
    rows = arrange(sample, 2, seed)
    if isinstance(learner, Series):
        smallest = int(np.bincount(rows.arm, minlength=rows.arms).min())
        curves, pairs, words = series_size(rows, allowed=max(smallest // 5, 4))
        features: Any = SeriesFeatures(
            rows,
            curves if learner.curves is None else learner.curves,
            pairs if learner.pairs is None else learner.pairs,
        )
    else:
        features = LinearFeatures(rows)
        words = f"{rows.x.shape[1]} linear terms"
    d, n = features.width, rows.n
    w = np.ones(n) if rows.weights is None else rows.weights
    member = target.member[rows.order]
    middle, unit = float(rows.y.mean()), float(rows.y.std()) or 1.0
    y = (rows.y - middle) / unit
    moments = fold_moments(rows, features, y[:, None], rows.weights).sum(axis=0)
    blocks = rows.blocks()
    total = float(w @ member)
    mean = (
        np.sum(
            in_threads(lambda item: features.block(item[2]).T @ (w * member)[item[2]].astype(float), blocks),
            axis=0,
        )
        / total
    )
    betas, rhos, inverses = [], [], []
    for arm in range(rows.arms):
        gram = moments[arm, :d, :d]
        # A whisper of ridge against collinear features; the constant is free.
        ridge = np.concatenate([[0.0], np.full(d - 1, 1e-7 * gram[0, 0])])
        inverse = linalg.pinvh(gram + np.diag(ridge))
        inverses.append(inverse)
        betas.append(inverse @ moments[arm, :d, d])
        rhos.append(inverse @ mean)
    b, r = np.column_stack(betas), np.column_stack(rhos)
    influence = np.empty((n, rows.arms))
    values = mean @ b
    scale = float(w.sum())

    def fill(item: tuple[int, int, slice]) -> None:
        _, arm, part = item
        z = features.block(part).astype(np.float64)
        predicted = z @ b
        psi = member[part, None] * (predicted - values) * scale / total
        leverage = np.einsum("ij,ij->i", z @ inverses[arm], z) * w[part]
        residual = (y[part] - predicted[:, arm]) / np.sqrt(np.clip(1 - leverage, 0.1, 1.0))
        psi[:, arm] += (z @ r[:, arm]) * residual * scale
        influence[part] = psi * unit

    in_threads(fill, blocks)
    return Means(values * unit + middle, rows.restore(influence)), Diagnostic(
        "outcome model",
        float(d),
        f"The model of {sample.names[1]} has {words} in every arm.",
        False,
        {"terms": d},
    )


def _refitted(
    sample: Sample,
    target: Target,
    learner: Any,
    seed: int,
    replicates: int,
    arms: tuple[int, int],
    show_progress: bool | None,
) -> tuple[Means, float]:
    x = np.ascontiguousarray(sample.covariates)
    arm = sample.treatment.astype(np.int64)
    count = len(arm_labels(sample))
    weights = np.ones(sample.n) if sample.weights is None else sample.weights
    groups = (
        np.arange(sample.n) if sample.clusters is None else np.unique(sample.clusters, return_inverse=True)[1]
    )

    def means(rows: np.ndarray, wanted: tuple[int, ...]) -> np.ndarray:
        result = np.full(count, np.nan)
        w = weights[rows] * target.member[rows]
        for a in wanted:
            own = rows[arm[rows] == a]
            fitted = fit_learner(
                learner, x[own], sample.outcome[own], None if sample.weights is None else weights[own]
            )
            result[a] = np.average(predicted_mean(fitted, x[rows]), weights=w)
        return result

    everyone = np.arange(sample.n)
    values = means(everyone, tuple(range(count)))
    members = (
        [np.flatnonzero(groups == g) for g in range(groups.max() + 1)]
        if sample.clusters is not None
        else None
    )
    with progress("bootstrap", replicates, show_progress) as bar:

        def replicate(number: int) -> float:
            generator = stream(seed, "standardisation", number)
            drawn = generator.integers(0, groups.max() + 1, groups.max() + 1)
            rows = drawn if members is None else np.concatenate([members[g] for g in drawn])
            bar.advance()
            if any((arm[rows] == a).sum() < 2 for a in arms):
                return np.nan
            found = means(rows, arms)
            return float(found[arms[0]] - found[arms[1]])

        draws = np.array(each_on_one_core(replicate, range(replicates)))
    return Means(values, np.zeros((sample.n, count))), float(np.nanstd(draws, ddof=1))
