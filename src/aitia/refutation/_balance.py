"""Are treated and control alike after weighting?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg

from aitia.core import AssumptionKey, stats
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._linear import Projection, expand, logistic
from aitia.refutation._overlap import population_kind, target_weights, treated_mask
from aitia.refutation._verdicts import ALPHA, by_p_value


@dataclass(frozen=True)
class Balance(Refuter):
    """Are treated and control alike after weighting? (standardised differences, before and after)

    Attacks: the propensity model. A right model of the chance of treatment makes weighted arms alike in every
    function of the covariates, not only in those that it was fitted to. Survivors have no difference left
    beyond chance. For each covariate and each square of a continuous one the standardised difference
    (difference of means over the pooled standard deviation before weighting) is given before and after. The
    weights are those of the estimator where it kept a match table, inverse propensities of a logistic
    regression otherwise.

    p-value: a score test that squares, cubes and products of the covariates are balanced under overlap
    weights, which is the test of adding them to the logistic regression; chi-squared. (None for matched
    weights.)

    Verdict: broken where the p-value is below `alpha` and a difference is above `tolerance`; inconclusive
    where p is below `alpha` with all differences small, or chance explains the differences but one is above
    2.5 times `tolerance` (few rows); survived otherwise.

    Notices: a propensity that is curved where the logistic regression is straight. Cannot notice: imbalance
    in what was not measured. A regression estimator does not use the propensity: for it this is a warning
    about how far it extrapolates, not about its answer.

    Args:
        alpha: level of the verdict.
        tolerance: the largest standardised difference that counts as alike, 0.1.
        largest: rows looked at, drawn at random where there are more.

    Details: ``names``, ``before``, ``after`` (standardised differences), ``worst``, ``weights`` (in words),
    for a love plot.
    """

    alpha: float = ALPHA
    tolerance: float = 0.1
    largest: int = 50_000

    name: ClassVar[str] = "balance"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.PROPENSITY_MODEL
    reference: ClassVar[str] = (
        "Rosenbaum & Rubin 1985, American Statistician 39:33; Austin 2009, Statistics in Medicine 28:3083; "
        "Li, Morgan & Zaslavsky 2018, JASA 113:390"
    )

    def applies(self, case: Case) -> str:
        """Two arms and covariates."""
        if case.estimand.rule.value != "adjustment":
            return "Balance is asked of effects identified by adjustment."
        if case.sample.treatment_kind.value == "continuous":
            return "Balance compares arms, and the treatment is continuous."
        return "" if case.sample.covariates.size else "There are no covariates to balance."

    def _refute(self, case: Case, seed: int) -> Refutation:
        case = case.thinned(self.largest, seed)
        sample = case.sample
        treated, either = treated_mask(case)
        x, t = sample.covariates[either], treated[either]
        w = None if sample.weights is None else sample.weights[either]
        survey = np.ones(len(x)) if w is None else w
        inside = None if sample.population is None else sample.population[either].astype(float)
        names = sample.covariate_names or tuple(f"covariate {j + 1}" for j in range(x.shape[1]))
        features, labels = _features(x, names)
        matches = case.estimate.diagnostic("matches")
        received = None if matches is None else matches.details.get("received")
        p_value: float | None
        if received is not None and len(received) == sample.n:
            # How often a row served as a match, plus once where the row itself was matched.
            population = np.ones(len(x)) if inside is None else inside
            own = np.where(t, population_kind(case) != "untreated", population_kind(case) != "treated")
            weights, words = survey * (np.asarray(received)[either] + own * population), "number of matches"
            p_value = None
        else:
            fitted = case.remembered("propensity", lambda: logistic(x, t.astype(float), w))
            p = np.clip(fitted, 0.005, 0.995)
            weights = survey * target_weights(p, t, population_kind(case), inside)
            words = "inverse propensity"
            clusters = None if sample.clusters is None else sample.clusters[either]
            p_value = _joint_p(x, t.astype(float), p, survey, clusters)
        pooled = np.sqrt((features[t].var(0) + features[~t].var(0)) / 2)
        keep = pooled > 1e-12
        features, pooled = features[:, keep], pooled[keep]
        labels = tuple(label for label, kept in zip(labels, keep, strict=True) if kept)

        def differences(w: np.ndarray) -> np.ndarray:
            return (
                np.average(features[t], axis=0, weights=w[t])
                - np.average(features[~t], axis=0, weights=w[~t])
            ) / pooled

        before, after = differences(survey), differences(weights)
        worst = int(np.abs(after).argmax())
        large = abs(float(after[worst])) > self.tolerance
        if p_value is None:
            verdict = Verdict.INCONCLUSIVE if large else Verdict.SURVIVED
        else:
            verdict = by_p_value(p_value, self.alpha)
            if (verdict is Verdict.BROKEN and not large) or (
                verdict is Verdict.SURVIVED and abs(float(after[worst])) > 2.5 * self.tolerance
            ):
                verdict = Verdict.INCONCLUSIVE
        said = (
            f"Weighting brings the largest standardised difference from {np.abs(before).max():.2f} to "
            f"{abs(after[worst]):.2f} ({labels[worst]})"
        )
        said += (
            f": {'' if not large else 'within chance, '}the arms are alike in what was measured."
            if verdict is Verdict.SURVIVED
            else f", {'more' if large else 'less'} than {self.tolerance:.2g}"
            + ("." if p_value is None else f"; chance alone would do that with p = {p_value:.2g}.")
        )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=f"Compared treated and control in {len(labels)} covariates and squares, weighted by {words}.",
            expected=f"no standardised difference above {self.tolerance:.2g} beyond chance",
            observed=f"largest {np.abs(before).max():.3f} before, {abs(after[worst]):.3f} after ({labels[worst]})",
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            margin=abs(float(after[worst])),
            cost="one logistic regression" if p_value is not None else "closed form",
            details={
                "names": labels,
                "before": before,
                "after": after,
                "worst": labels[worst],
                "weights": words,
            },
        )


def _features(x: np.ndarray, names: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, ...]]:
    centre, spread = x.mean(0), x.std(0)
    columns, labels = [x], list(names)
    for j in range(x.shape[1]):
        if spread[j] > 0 and len(np.unique(x[:, j])) > 2:
            z = np.clip((x[:, j] - centre[j]) / spread[j], -4, 4)
            columns.append((z**2)[:, None])
            labels.append(f"{names[j]} squared")
    return np.column_stack(columns), tuple(labels)


def _joint_p(
    x: np.ndarray, t: np.ndarray, p: np.ndarray, survey: np.ndarray, clusters: np.ndarray | None
) -> float:
    """Are squares, cubes and products balanced too, beyond chance? The score test of adding them to the
    logistic regression.

    The score sum (t - p) f is the difference of the arms in f under overlap weights (1 - p for treated, p for
    control: Li, Morgan & Zaslavsky 2018), which hardly depends on a few rows with large weights as inverse
    propensities do. With the part of f that the fitted covariates predict taken out (weights p (1 - p)) its
    variance is sum p (1 - p) f^2; with clusters or survey weights the sum of squared (cluster) scores.
    """
    extra = expand(x)
    room = max(len(x) // 20 - x.shape[1], 0)
    extra = extra[:, :room]
    if not extra.shape[1]:
        return 1.0
    projection = Projection.onto(x, survey * p * (1 - p))
    root = np.sqrt(survey * p * (1 - p))
    rest = projection.residuals(extra)
    keep = (rest**2).sum(0) > 1e-8 * (root**2).sum()
    rest = rest[:, keep] / np.where(root > 0, root, 1.0)[:, None]
    terms = (survey * (t - p))[:, None] * rest
    if clusters is not None:
        codes = np.unique(clusters, return_inverse=True)[1]
        sums = np.zeros((int(codes.max()) + 1, terms.shape[1]))
        np.add.at(sums, codes, terms)
        cov, units = sums.T @ sums, len(sums)
    elif (survey != survey[0]).any():
        cov, units = terms.T @ terms, len(terms)
    else:
        scaled = survey[0] * root[:, None] * rest / np.sqrt(survey[0])
        cov, units = scaled.T @ scaled, len(terms)
    values, vectors = linalg.eigh(cov)
    good = values > 1e-8 * values[-1]
    freedom = int(good.sum())
    if units <= freedom:
        return 1.0
    statistic = float((((vectors[:, good].T @ terms.sum(0)) ** 2) / values[good]).sum())
    return float(stats.chi2.sf(statistic, freedom))
