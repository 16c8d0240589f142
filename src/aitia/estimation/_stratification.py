"""Stratification: compare within strata, average over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import AitiaError, Assumption, AssumptionKey, Decision, listing
from aitia.estimation._estimate import Diagnostic, Profile
from aitia.estimation._estimator import Estimator, Fit, influence_covariance
from aitia.estimation._moment_estimator import rows_assumption
from aitia.estimation._sample import Sample, TreatmentKind
from aitia.estimation._scores import target_of
from aitia.identification import Estimand, Rule


class EmptyStratum(AitiaError):
    """A stratum lacks one of the treatments compared, so the data say nothing about the effect in it."""


# More distinct covariate rows than this share of all rows is no stratification: most strata hold one row.
_TOO_FINE = 0.2


@dataclass(frozen=True)
class Stratification(Estimator):
    """Direct standardisation: the difference within each stratum, averaged over the population's strata.

    With strata s, weights pi_s (the share of the population in s) and the mean outcome ybar_as of arm a in s,

        E[Y | do(a)] = sum over s of pi_s ybar_as,    effect = sum over s of pi_s (ybar_1s - ybar_0s).

    It is the nonparametric maximum-likelihood estimate where the strata are the distinct covariate rows, and its
    influence values give robust, clustered and weighted errors.

    Args:
        scores: None takes the distinct rows of the covariates as strata; a number k takes k equal groups of a
            logistic propensity score (Rosenbaum & Rubin 1984; five groups remove about 90% of a linear bias).
        drop_empty: leave strata that lack an arm out of the average, and say so; otherwise they are an error.

    Raises:
        EmptyStratum: a stratum of the population asked for lacks one of the treatments compared.

    Assumptions:
        No unmeasured confounding given the covariates, positivity in every stratum; with score groups, that
        confounding left within a group does not matter.

    Source:
        Cochran (1968), Biometrics 24; Rosenbaum & Rubin (1984), JASA 79, section 2.

    Example:
        >>> Stratification(scores=5).describe()
        'stratification on 5 propensity groups'
    """

    scores: int | None = None
    drop_empty: bool = False

    name: ClassVar[str] = "stratification"
    rules: ClassVar[frozenset[Rule]] = frozenset({Rule.ADJUSTMENT})
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical"})
    row_scores: ClassVar[bool] = True
    reference: ClassVar[str] = "Cochran 1968; Rosenbaum & Rubin 1984"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """As `Estimator.refusal`; also refuses covariates whose rows are nearly all different."""
        refusal = super().refusal(estimand, sample)
        if refusal:
            return refusal
        if self.scores is not None and self.scores < 2:
            return f"Propensity groups must be at least 2; scores is {self.scores}."
        if self.scores is not None and sample.treatment_kind is not TreatmentKind.BINARY:
            return "Propensity groups need a binary treatment."
        if self.scores is None and sample.covariates.shape[1]:
            distinct = len(np.unique(sample.covariates, axis=0))
            if distinct > max(_TOO_FINE * sample.n, 2):
                return (
                    f"Stratification on distinct covariate rows needs few of them; there are {distinct:,} in "
                    f"{sample.n:,} rows. Use propensity groups (scores=5) or a model."
                )
        return ""

    def describe(self) -> str:
        """The estimator with its kind of strata."""
        return f"stratification on {self.scores} propensity groups" if self.scores else "exact stratification"

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        stratum = self._strata(sample)
        arm = sample.treatment.astype(np.intp)
        arms, strata = sample.arms, int(stratum.max()) + 1
        weight = np.ones(sample.n) if sample.weights is None else sample.weights
        over = target_of(estimand, sample).member > 0

        cell = stratum * arms + arm
        rows = np.bincount(cell, minlength=strata * arms).reshape(strata, arms)
        mass = np.bincount(cell, weights=weight, minlength=strata * arms).reshape(strata, arms)
        total = np.bincount(cell, weights=weight * sample.outcome, minlength=strata * arms)
        target = np.bincount(stratum, weights=weight * over, minlength=strata)

        compared = sorted({int(level) for level in sample.contrast})
        empty = (target > 0) & (mass[:, compared] == 0).any(axis=1)
        decisions = ()
        if empty.any():
            decisions = (self._lost(sample, stratum, rows, empty),)
            over = over & ~empty[stratum]
            target[empty] = 0
            if not target.any():
                raise EmptyStratum(
                    "No stratum holds both treatments.", "The arms do not overlap on these covariates at all."
                )
        means = total.reshape(strata, arms) / np.where(mass > 0, mass, 1.0)

        # psi_a(i) = over_i (m_a(s_i) - mu_a) + 1{a_i = a} (pi_s / p_as) (y_i - m_a(s_i)), about the population's share.
        known = [a for a in range(arms) if not ((target > 0) & (mass[:, a] == 0)).any()]
        share = target.sum()
        averages = target @ means / share
        scale = weight.sum() / share
        lift = np.divide(target[:, None], mass, out=np.zeros_like(mass), where=mass > 0)
        residual = (sample.outcome - means[stratum, arm]) * lift[stratum, arm]
        if sample.clusters is None:
            # A mean of m rows takes up 1/m of their variance (HC2; MacKinnon & White 1985; m by Kish where rows have
            # weights): without this, strata of five rows an arm would give 95% intervals that cover 93%. A row
            # alone in its cell has no residual.
            squares = np.bincount(cell, weights=weight**2, minlength=strata * arms).reshape(strata, arms)
            own = np.divide(squares, mass**2, out=np.zeros_like(mass), where=mass > 0)
            residual /= np.sqrt(np.where(own < 1 - 1e-9, 1 - own, 1.0))[stratum, arm]
        influence = {
            a: scale * (over * (means[stratum, a] - averages[a]) + np.where(arm == a, residual, 0.0))
            for a in known
        }
        treated, control = (int(level) for level in sample.contrast)
        stacked = np.stack([influence[a] for a in known])
        covariance = influence_covariance(stacked.T, weight, sample.clusters)
        thin = int(((rows == 1) & (target > 0)[:, None])[:, compared].sum())
        return Fit(
            value=float(averages[treated] - averages[control]),
            influence=influence[treated] - influence[control],
            profile=Profile(
                points=tuple(sample.treatment_levels[a] if sample.treatment_levels else a for a in known),
                means=averages[known],
                std_errors=np.sqrt(np.diag(covariance)),
                covariance=covariance,
            ),
            diagnostics=(
                Diagnostic(
                    name="strata",
                    value=float((target > 0).sum()),
                    sentence=f"{int((target > 0).sum()):,} strata, the smallest arm in one of them "
                    f"{int(rows[target > 0][:, compared].min()):,} row(s).",
                    warning=thin > 0,
                    details={"rows": rows, "means": means, "population": target / share},
                ),
            ),
            assumptions=(*self._assumptions(sample), rows_assumption(sample, self.name)),
            decisions=decisions,
        )

    def _strata(self, sample: Sample) -> np.ndarray:
        if self.scores is None:
            if not sample.covariates.shape[1]:
                return np.zeros(sample.n, dtype=np.intp)
            return np.unique(sample.covariates, axis=0, return_inverse=True)[1].reshape(-1)
        from aitia.estimation._matching import propensity_score

        score = propensity_score(sample.covariates, sample.treatment == 1)
        edges = np.quantile(score, np.arange(1, self.scores) / self.scores)
        return np.unique(np.searchsorted(edges, score), return_inverse=True)[1]

    def _lost(self, sample: Sample, stratum: np.ndarray, rows: np.ndarray, empty: np.ndarray) -> Decision:
        first = np.flatnonzero(empty)[:3]
        described = []
        for s in first:
            row = int(np.flatnonzero(stratum == s)[0])
            values = [
                f"{name} = {value:g}" for name, value in zip(sample.covariate_names, sample.covariates[row])
            ]
            described.append(f"{listing(values, 6)} ({', '.join(map(str, rows[s]))} rows by arm)")
        lost = int(rows[empty].sum())
        what = f"{int(empty.sum()):,} strata with {lost:,} of {sample.n:,} rows lack a treatment"
        if not self.drop_empty:
            raise EmptyStratum(
                f"{what}: {'; '.join(described)}.",
                "Drop them and say so (drop_empty=True), adjust for fewer variables, or use a model-based estimator.",
            )
        return Decision(
            f"Left out: {what} ({'; '.join(described)}).",
            "drop_empty was asked for; the effect now speaks of the remaining strata.",
        )

    def _assumptions(self, sample: Sample) -> tuple[Assumption, ...]:
        if self.scores is None:
            return ()
        return (
            Assumption(
                AssumptionKey.SMOOTHNESS,
                f"Within each of {self.scores} propensity groups, what is left of confounding does not matter.",
                testable=True,
                source=self.name,
            ),
        )
