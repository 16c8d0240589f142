"""Nearest-neighbour matching with Abadie-Imbens standard errors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from aitia.core import Assumption, AssumptionKey, Decision, nearest
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Estimator, Fit, NotApplicable
from aitia.estimation._nearest import Points, local_covariance, neighbours, noise
from aitia.estimation._sample import Sample
from aitia.identification import Effect, Estimand, PopulationKind, Rule

_DISTANCES = ("mahalanobis", "euclidean", "propensity")


@dataclass(frozen=True)
class Matching(Estimator):
    """Effect by matching each row to its nearest neighbours under the other treatment.

    With J(i) the `neighbours` nearest rows of the other arm (with replacement, all ties kept) and
    mu_t(x) a least-squares fit on the matched rows of arm t,

        Yhat_i(1 - t_i) = mean over j in J(i) of [ y_j + mu(x_i) - mu(x_j) ],   Yhat_i(t_i) = y_i,

    and the effect is the mean of Yhat_i(1) - Yhat_i(0) over the population asked for. Its variance is Abadie
    and Imbens's, by matching within arms; with an estimated propensity score it is corrected for that estimation.

    Args:
        distance: ``"mahalanobis"`` (each covariate scaled and decorrelated by the sample covariance),
            ``"euclidean"`` (each divided by its standard deviation) or ``"propensity"`` (a logistic score).
        neighbours: M, how many rows each is matched to, at least 1.
        bias_correction: adjust matches for what remains of the difference in covariates, by regression.
        caliper: the largest distance allowed, in the distance's own units (for ``"propensity"``, standard
            deviations of the score's logit, and the logit is matched on); rows without a match that near are
            dropped and reported.
        exact: source columns that must agree exactly.

    Assumptions:
        No unmeasured confounding given the covariates, positivity; without bias correction also that matches
        are close (bias of order n^(-1/d) in d continuous covariates, too slow for an honest interval past d = 1).

    Source:
        Abadie & Imbens (2006), Econometrica 74, Theorems 6 and 7 (standard errors); (2011), JBES 29 (bias
        correction); (2016), Econometrica 84, Theorem 1 and section 3 (estimated propensity score).

    Example:
        >>> from aitia.estimation import Matching
        >>> Matching(neighbours=3).describe()
        'matching on Mahalanobis distance, 3 neighbours, bias corrected'
    """

    distance: Literal["mahalanobis", "euclidean", "propensity"] = "mahalanobis"
    neighbours: int = 1
    bias_correction: bool = True
    caliper: float | None = None
    exact: tuple[str, ...] = ()

    name: ClassVar[str] = "matching"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    reference: ClassVar[str] = "Abadie & Imbens 2006, 2011, 2016"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """As `Estimator.refusal`; matching also refuses survey weights and an empty adjustment set."""
        if sample.weights is not None:
            return "Matching does not take survey weights."
        if estimand.rule in self.rules and sample.covariates.shape[1] == 0:
            return "Matching needs at least one covariate to match on."
        if sample.clusters is not None and not self.bias_correction:
            return (
                "Matching with clusters needs bias_correction=True: its errors come from the corrected fit."
            )
        return super().refusal(estimand, sample)

    def describe(self) -> str:
        """The estimator with its distance, neighbours and corrections."""
        on = {"propensity": "the propensity score", "mahalanobis": "Mahalanobis distance"}
        parts = [
            f"matching on {on.get(self.distance, 'scaled Euclidean distance')}",
            f"{self.neighbours} neighbour{'s' * (self.neighbours != 1)}",
        ]
        if self.bias_correction:
            parts.append("bias corrected")
        if self.caliper is not None:
            parts.append(f"caliper {self.caliper:g}")
        return ", ".join(parts)

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        if self.neighbours < 1:
            raise NotApplicable(f"neighbours must be at least 1, got {self.neighbours}.")
        if self.distance not in _DISTANCES:
            raise NotApplicable(
                f"There is no distance {self.distance!r}.", nearest(str(self.distance), _DISTANCES)
            )
        treated = sample.treatment == 1
        wanted = _wanted(estimand, sample, treated)
        score = propensity_score(sample.covariates, treated) if self.distance == "propensity" else None
        coordinates = self._coordinates(sample, score)
        strata = self._strata(sample)
        matched = _match(coordinates, treated, wanted, strata, self.neighbours, self.caliper)
        if not matched.target.any():
            raise NotApplicable(
                "No row of the population asked for has a match.",
                "Widen the caliper, ask for fewer exact columns, or look at where the arms overlap.",
            )

        y, target = sample.outcome, matched.target
        residual, fitted = _corrected(sample, treated, matched, self.bias_correction)
        gap = np.where(treated, 1.0, -1.0)
        # y_i - Yhat_i(other) with the bias correction: mu(x_i) - mu(x_j) folded into residuals of the other arm.
        unit_effect = gap * (y - fitted - matched.imputed(residual, treated))
        total = float(target.sum())
        value = float(unit_effect[target].sum() / total)

        sigma = np.empty(sample.n)
        for arm in (treated, ~treated):
            sigma[arm] = noise(coordinates[arm], y[arm])
        # Coefficient of y_i in the estimator is (target_i + k_i); what the sample spread of unit effects already
        # counts of it is target_i^2 + q_i, q_i = sum over l matched to i of 1 / #J(l)^2 (their Theorem 7).
        received = matched.received
        extra = (target + received) ** 2 - target - matched.received_squares
        variance = float(((unit_effect[target] - value) ** 2).sum() + (extra * sigma).sum()) / total**2
        if score is not None:
            variance += _score_correction(estimand, sample, treated, score, unit_effect, target, value)

        influence = None
        if self.bias_correction:
            # The martingale representation (Abadie & Imbens 2012; Otsu & Rai 2017): what clusters and resampling use.
            own = np.where(target, gap * (_own(sample, treated, fitted) - fitted) - value, 0.0)
            noise_part = gap * (target + received) * (y - _own(sample, treated, fitted))
            influence = (own + noise_part) * sample.n / total
        return Fit(
            value=value,
            std_error=None if sample.clusters is not None else float(np.sqrt(variance)),
            influence=influence,
            diagnostics=(_quality(sample, treated, matched, self.neighbours),),
            assumptions=self._assumptions(sample),
            decisions=_dropped(wanted, target, self.caliper, self.exact),
            n=sample.n,
        )

    def _coordinates(self, sample: Sample, score: np.ndarray | None) -> np.ndarray:
        x = sample.covariates
        if score is not None:
            if self.caliper is None:
                return score[:, None]
            logit = np.log(score) - np.log1p(-score)
            return (logit / logit.std())[:, None]
        if self.distance == "euclidean":
            return x / _spread(x)
        # The distance is the same for covariates in any units; in standard deviations its eigenvalues are tame.
        standard = (x - x.mean(axis=0)) / _spread(x)
        values, vectors = np.linalg.eigh(standard.T @ standard / sample.n)
        kept = values > values.max() * 1e-12
        return standard @ (vectors[:, kept] / np.sqrt(values[kept]))

    def _strata(self, sample: Sample) -> np.ndarray:
        columns: list[int] = []
        for name in self.exact:
            if name not in sample.covariate_groups:
                raise NotApplicable(
                    f"exact names {name!r}, which is not among the covariates.",
                    f"Covariates: {', '.join(sample.covariate_groups)}.",
                )
            columns += sample.covariate_groups[name]
        if not columns:
            return np.zeros(sample.n, dtype=np.intp)
        return np.unique(sample.covariates[:, columns], axis=0, return_inverse=True)[1].reshape(-1)

    def _assumptions(self, sample: Sample) -> tuple[Assumption, ...]:
        if self.distance == "propensity":
            return (
                Assumption(
                    AssumptionKey.PROPENSITY_MODEL,
                    f"A logistic model in {', '.join(sample.covariate_groups) or 'the covariates'} describes "
                    "who was treated.",
                    testable=True,
                    source=self.name,
                ),
            )
        if self.bias_correction:
            return ()
        return (
            Assumption(
                AssumptionKey.SMOOTHNESS,
                "Matched rows are close enough that what remains of their difference does not matter.",
                testable=True,
                source=self.name,
            ),
        )


@dataclass(frozen=True, eq=False)
class _Matched:
    """Who was matched to whom, row by row.

    `neighbour_sets` holds for each (stratum, arm) the rows asking, the rows answering, their points and sets.
    """

    target: np.ndarray
    received: np.ndarray
    received_squares: np.ndarray
    distance: np.ndarray
    set_size: np.ndarray
    neighbour_sets: tuple

    def imputed(self, values: np.ndarray, treated: np.ndarray) -> np.ndarray:
        """For each target row, the mean of `values` over its matches; zero for other rows."""
        result = np.zeros(len(values))
        for asking, cell, answering, points, found in self.neighbour_sets:
            result[asking] = found.mean(points.sums(values[answering]))[cell]
        return result


def _wanted(estimand: Estimand, sample: Sample, treated: np.ndarray) -> np.ndarray:
    question = estimand.question
    kind = question.population.kind if isinstance(question, Effect) else PopulationKind.ALL
    if kind is PopulationKind.TREATED:
        return treated.copy()
    if kind is PopulationKind.UNTREATED:
        return ~treated
    if sample.population is not None:
        return sample.population.astype(bool)
    return np.ones(sample.n, dtype=bool)


def _match(
    coordinates: np.ndarray,
    treated: np.ndarray,
    wanted: np.ndarray,
    strata: np.ndarray,
    rows: int,
    caliper: float | None,
) -> _Matched:
    n = len(treated)
    target = wanted.copy()
    received, received_squares = np.zeros(n), np.zeros(n)
    distance, set_size = np.full(n, np.nan), np.zeros(n)
    sets = []
    for stratum in range(int(strata.max()) + 1):
        inside = strata == stratum
        for arm in (True, False):
            asking = np.flatnonzero(inside & wanted & (treated == arm))
            answering = np.flatnonzero(inside & (treated != arm))
            if not len(asking):
                continue
            if not len(answering):
                target[asking] = False
                continue
            points = Points.of(coordinates[answering])
            queries = Points.of(coordinates[asking])
            found = neighbours(queries.coordinates, points, rows)
            distance[asking] = found.nearest[queries.cell]
            if caliper is not None:
                near = found.nearest <= caliper
                target[asking[~near[queries.cell]]] = False
                asking = asking[near[queries.cell]]
                if not len(asking):
                    continue
                queries = Points.of(coordinates[asking])
                found = neighbours(queries.coordinates, points, rows)
            received[answering] = found.spread(queries.counts.astype(float))[points.cell]
            received_squares[answering] = found.spread_squares(queries.counts.astype(float))[points.cell]
            set_size[asking] = found.sizes[queries.cell]
            sets.append((asking, queries.cell, answering, points, found))
    return _Matched(target, received, received_squares, distance, set_size, tuple(sets))


def _corrected(
    sample: Sample, treated: np.ndarray, matched: _Matched, correct: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Residuals y_j - mu_own(x_j), and mu_other(x_i), both about zero where no correction is asked for.

    mu_t is the least-squares fit of arm t weighted by how often each row serves as a match (Abadie & Imbens 2011).
    """
    if not correct:
        return sample.outcome, np.zeros(sample.n)
    design = np.column_stack([np.ones(sample.n), sample.covariates])
    residual, fitted = np.empty(sample.n), np.empty(sample.n)
    for arm in (treated, ~treated):
        weight = np.where(arm, matched.received, 0.0)
        if not weight.any():
            weight = arm.astype(float)
        root = np.sqrt(weight[arm])
        slopes = np.linalg.lstsq(design[arm] * root[:, None], sample.outcome[arm] * root, rcond=None)[0]
        prediction = design @ slopes
        residual[arm] = sample.outcome[arm] - prediction[arm]
        fitted[~arm] = prediction[~arm]
    return residual, fitted


def _own(sample: Sample, treated: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    """mu_own(x_i): the fit of each row's own arm, by least squares on all of the arm."""
    design = np.column_stack([np.ones(sample.n), sample.covariates])
    own = np.empty_like(fitted)
    for arm in (treated, ~treated):
        own[arm] = design[arm] @ np.linalg.lstsq(design[arm], sample.outcome[arm], rcond=None)[0]
    return own


def _spread(x: np.ndarray) -> np.ndarray:
    """Standard deviations; one where a column is constant, as it may be in a part of the rows."""
    return np.where(np.ptp(x, axis=0) > 0, x.std(axis=0), 1.0)


def propensity_score(covariates: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """P(T = 1 | X) by a logistic regression fitted by maximum likelihood, shape (n,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # C = inf: the maximum-likelihood fit, which the correction of Abadie & Imbens (2016) presumes.
    covariates = covariates[:, np.ptp(covariates, axis=0) > 0]  # a constant says nothing and has no scale
    if not covariates.shape[1]:
        return np.full(len(treated), treated.mean())
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-8, max_iter=200)
    )
    score = model.fit(covariates, treated).predict_proba(covariates)[:, 1]
    return np.clip(score, 1e-12, 1 - 1e-12)


def _score_correction(
    estimand: Estimand,
    sample: Sample,
    treated: np.ndarray,
    score: np.ndarray,
    unit_effect: np.ndarray,
    target: np.ndarray,
    value: float,
) -> float:
    """What estimating the propensity score adds to the variance (Abadie & Imbens 2016).

    For the average effect -c' I^-1 c (never positive: estimating the score helps); for the treated
    -c_t' I^-1 c_t + d' I^-1 d, with d the derivative of the effect in the score's coefficients.
    """
    design = np.column_stack([np.ones(sample.n), sample.covariates])
    slope = score * (1 - score)  # f(x'theta) for the logit
    information = (design * slope[:, None]).T @ design / sample.n
    y, n = sample.outcome, sample.n
    covariance = [local_covariance(score, score[arm], design[arm], y[arm]) for arm in (treated, ~treated)]
    question = estimand.question
    kind = question.population.kind if isinstance(question, Effect) else PopulationKind.ALL
    inverse = np.linalg.pinv(information)
    if kind is PopulationKind.ALL and sample.population is None:
        pull = covariance[0] / score[:, None] + covariance[1] / (1 - score)[:, None]
        c = (pull * slope[:, None]).mean(axis=0)
        return -float(c @ inverse @ c) / n
    if kind not in (PopulationKind.TREATED, PopulationKind.UNTREATED):
        # Their theorem covers the average effect and the effect on the treated; leaving the term out for another
        # population keeps the average-effect variance, which is the larger one.
        return 0.0
    if kind is PopulationKind.UNTREATED:
        # The untreated are the treated of the problem with the arms' names exchanged.
        score, treated, covariance, value = 1 - score, ~treated, covariance[::-1], -value
    share = treated.mean()
    gap = np.where(treated, 1.0, -1.0)

    def effects(coordinates: np.ndarray) -> np.ndarray:
        """Each row's matched difference, for rows of both arms."""
        everyone = np.ones(n, dtype=bool)
        pairs = _match(coordinates, treated, everyone, np.zeros(n, dtype=np.intp), 1, None)
        return gap * (y - pairs.imputed(y, treated))

    scaled = sample.covariates / _spread(sample.covariates)
    on_score = ((effects(score[:, None]) - value) * slope) @ design / (n * share)
    on_covariates = ((effects(scaled) - value) * slope) @ design / (n * share)
    pull = covariance[0] + (score / (1 - score))[:, None] * covariance[1]
    c = on_score + (pull * slope[:, None]).mean(axis=0) / share
    return float(on_covariates @ inverse @ on_covariates - c @ inverse @ c) / n


def _quality(sample: Sample, treated: np.ndarray, matched: _Matched, rows: int) -> Diagnostic:
    distance = matched.distance[matched.target]
    most = float(matched.received.max())
    used = int((matched.received > 0).sum())
    worst = float(np.nanmax(distance))
    return Diagnostic(
        name="matches",
        value=worst,
        sentence=(
            f"{int(matched.target.sum()):,} rows were matched to {used:,} different rows; the farthest nearest "
            f"match lies {worst:.3g} away, and the busiest row served {most:.3g} times."
        ),
        details={
            "distance": distance,
            "received": matched.received,
            "set_size": matched.set_size,
            "neighbours": rows,
        },
    )


def _dropped(
    wanted: np.ndarray, target: np.ndarray, caliper: float | None, exact: tuple[str, ...]
) -> tuple[Decision, ...]:
    lost = int((wanted & ~target).sum())
    if not lost:
        return ()
    why = " and ".join(
        ([f"no match lies within the caliper of {caliper:g}"] if caliper is not None else [])
        + ([f"no row of the other arm agrees on {', '.join(exact)}"] if exact else [])
    )
    return (
        Decision(
            f"Left {lost:,} of {int(wanted.sum()):,} rows out of the average: {why}.",
            "The effect now speaks of the rows that have a match, not of the population asked for.",
        ),
    )
