"""Are treated and control alike after weighting?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy import linalg, stats

from aitia.core import AssumptionKey
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._linear import logistic
from aitia.refutation._overlap import population_kind, target_weights, treated_mask
from aitia.refutation._verdicts import ALPHA, by_p_value


@dataclass(frozen=True)
class Balance(Refuter):
    """Are treated and control alike after weighting? (standardised differences, before and after)

    Attacks: the propensity model. A right model of the chance of treatment makes weighted arms alike in every function of
    the covariates, not only in those that it was fitted to. For each covariate and each square of a continuous one the standardised
    difference (difference of means over the pooled standard deviation before weighting) is given before and after. The weights are those of
    the estimator where it kept a match table, inverse propensities of a logistic regression otherwise.

    p-value: a Wald test that all weighted differences are zero at once, with the errors that come from estimating the
    propensity taken out by projecting on its score; chi-squared. (None for matched weights.)

    Verdict: broken where the p-value is below `alpha` and a difference is above `tolerance`; inconclusive where only the latter
    holds (few rows) or p is below `alpha` with all differences small; survived otherwise.

    Notices: a propensity that is curved where the logistic regression is straight. Cannot notice: imbalance in what
    was not measured. A regression estimator does not use the propensity: for it this is a warning about how far
    it extrapolates, not about its answer.

    Args:
        alpha: level of the verdict.
        tolerance: the largest standardised difference that counts as alike, 0.1.

    Details: ``names``, ``before``, ``after`` (standardised differences), ``worst``, ``weights`` (in words), for a love plot.
    """

    alpha: float = ALPHA
    tolerance: float = 0.1

    name: ClassVar[str] = "balance"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.PROPENSITY_MODEL
    reference: ClassVar[str] = (
        "Rosenbaum & Rubin 1985, American Statistician 39:33; Austin 2009, Statistics in Medicine 28:3083; "
        "Newey 1985 for the projection"
    )

    def applies(self, case: Case) -> str:
        """Two arms and covariates."""
        if case.estimand.rule.value != "adjustment":
            return "Balance is asked of effects identified by adjustment."
        if case.sample.treatment_kind.value == "continuous":
            return "Balance compares arms, and the treatment is continuous."
        return "" if case.sample.covariates.size else "There are no covariates to balance."

    def _refute(self, case: Case, seed: int) -> Refutation:
        sample = case.sample
        treated, either = treated_mask(case)
        x, t = sample.covariates[either], treated[either]
        survey = np.ones(len(x)) if sample.weights is None else sample.weights[either]
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
            p = np.clip(logistic(x, t.astype(float), survey), 0.005, 0.995)
            weights = survey * target_weights(p, t, population_kind(case), inside)
            words = "inverse propensity"
            p_value = _joint_p(features, t, weights, p, x, survey)
        pooled = np.sqrt((features[t].var(0) + features[~t].var(0)) / 2)
        keep = pooled > 1e-12
        features, pooled = features[:, keep], pooled[keep]
        labels = tuple(label for label, kept in zip(labels, keep, strict=True) if kept)

        def differences(w: np.ndarray) -> np.ndarray:
            return (
                np.average(features[t], axis=0, weights=w[t]) - np.average(features[~t], axis=0, weights=w[~t])
            ) / pooled

        before, after = differences(survey), differences(weights)
        worst = int(np.abs(after).argmax())
        large = abs(float(after[worst])) > self.tolerance
        if p_value is None:
            verdict = Verdict.INCONCLUSIVE if large else Verdict.SURVIVED
        else:
            verdict = by_p_value(p_value, self.alpha)
            if verdict is Verdict.BROKEN and not large:
                verdict = Verdict.INCONCLUSIVE
            elif verdict is Verdict.SURVIVED and large:
                verdict = Verdict.INCONCLUSIVE
        said = (
            f"Weighting brings the largest standardised difference from {np.abs(before).max():.2f} to "
            f"{abs(after[worst]):.2f} ({labels[worst]})"
        )
        said += (
            ": the arms are alike in what was measured."
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
            details={"names": labels, "before": before, "after": after, "worst": labels[worst], "weights": words},
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
    features: np.ndarray, t: np.ndarray, weights: np.ndarray, p: np.ndarray, x: np.ndarray, survey: np.ndarray
) -> float:
    """Wald test that all weighted differences are zero, the propensity's estimation projected out.

    A difference of Hajek means has the influence values w (t - or -(1 - t)) (f - mean of its arm) / share. With a
    propensity fitted by maximum likelihood, their residuals on its score are the influence values (Newey 1985).
    """
    on, off = weights * t, weights * ~t
    mean_on = np.average(features, axis=0, weights=on)
    mean_off = np.average(features, axis=0, weights=off)
    psi = (on / on.sum())[:, None] * (features - mean_on) - (off / off.sum())[:, None] * (features - mean_off)
    spread = x.std(0)
    z = (x[:, spread > 0] - x[:, spread > 0].mean(0)) / spread[spread > 0]
    score = (survey * (t - p))[:, None] * np.column_stack([np.ones(len(x)), z])
    psi = psi - score @ np.linalg.lstsq(score.T @ score, score.T @ psi, rcond=1e-10)[0]
    difference = mean_on - mean_off
    scale = features.std(0)
    scale[scale == 0] = 1.0
    psi, difference = psi / scale, difference / scale
    values, vectors = linalg.eigh(psi.T @ psi)
    # A direction that the fit balances exactly has no variance left and says nothing.
    good = values > 1e-8 * values[-1]
    statistic = float((((vectors[:, good].T @ difference) ** 2) / values[good]).sum())
    freedom, n = int(good.sum()), len(x)
    return float(stats.f.sf(statistic / freedom * (n - freedom) / n, freedom, max(n - freedom, 1)))
