"""Could every kind of row have had either treatment?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aitia.core import AssumptionKey
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._linear import Projection, logistic


def treated_mask(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are in the treated arm, and which are in either arm of the contrast."""
    sample = case.sample
    treated = sample.treatment == sample.contrast[0]
    return treated, treated | (sample.treatment == sample.contrast[1])


def population_kind(case: Case) -> str:
    """``"all"``, ``"treated"``, ``"untreated"`` or ``"subgroup"``."""
    population = getattr(case.estimand.question, "population", None)
    return "all" if population is None else population.kind.value


def target_weights(
    propensity: np.ndarray, treated: np.ndarray, kind: str, inside: np.ndarray | None
) -> np.ndarray:
    """Inverse-propensity weights that make both arms look like the population asked for."""
    if kind == "treated":
        weights = np.where(treated, 1.0, propensity / (1 - propensity))
    elif kind == "untreated":
        weights = np.where(treated, (1 - propensity) / propensity, 1.0)
    else:
        weights = np.where(treated, 1 / propensity, 1 / (1 - propensity))
    return weights if inside is None else weights * inside


@dataclass(frozen=True)
class Overlap(Refuter):
    """Could every kind of row have had either treatment? (overlap, positivity)

    Attacks: positivity. A logistic regression of treatment on the covariates gives each row's chance of
    treatment. Survivors have hardly any row of the population asked for whose chance of the arm it is
    compared with is below `limit`, and weighted arms that are still worth many rows (effective sample size
    (sum w)^2 / sum w^2). For a continuous treatment: the share of its variance that the covariates leave
    free.

    Margin: the share of the population without a counterpart (for a continuous treatment: the share of
    variance left).

    Verdict: broken where more than `much` of the population lies outside the limits, inconclusive above
    `some` or where an arm keeps less than a tenth of its rows in effect, survived otherwise. (For a
    continuous treatment: broken below 1% of variance left, inconclusive below 5%.)

    Notices: covariates that (nearly) decide the treatment. Cannot notice: empty corners that a logistic
    regression in the covariates smooths over, or lack of overlap in what was not measured.

    Args:
        limit: the smallest chance of either arm that counts as overlap, 0.01.
        much: the share of rows without a counterpart that breaks positivity, 0.05.
        some: the share above which it is in doubt, 0.005.
        largest: rows looked at, drawn at random where there are more.

    Details: ``edges``, ``treated``, ``control`` (histogram counts of the propensity by arm), ``outside``,
    ``effective_sample_size``, ``arm_sizes``, ``where`` (covariate, mean outside, mean inside), ``range``.
    """

    limit: float = 0.01
    much: float = 0.05
    some: float = 0.005
    largest: int = 100_000

    name: ClassVar[str] = "overlap"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.POSITIVITY
    reference: ClassVar[str] = (
        "Crump, Hotz, Imbens & Mitnik 2009, Biometrika 96:187; Kish 1965 (effective sample size)"
    )

    def applies(self, case: Case) -> str:
        """There have to be covariates."""
        if case.estimand.rule.value != "adjustment":
            return "Overlap is asked of effects identified by adjustment."
        return (
            ""
            if case.sample.covariates.size
            else "There are no covariates, so every row could have had either."
        )

    def _refute(self, case: Case, seed: int) -> Refutation:
        case = case.thinned(self.largest, seed)
        sample = case.sample
        if sample.treatment_kind.value == "continuous":
            return self._continuous(case)
        treated, either = treated_mask(case)
        x, t = sample.covariates[either], treated[either]
        w = None if sample.weights is None else sample.weights[either]
        inside = None if sample.population is None else sample.population[either].astype(float)
        p = case.remembered("propensity", lambda: logistic(x, t.astype(float), w))
        kind = population_kind(case)
        if kind == "treated":
            target, lonely = t, p > 1 - self.limit
        elif kind == "untreated":
            target, lonely = ~t, p < self.limit
        else:
            target = np.ones(len(p), dtype=bool) if inside is None else inside > 0
            lonely = (p < self.limit) | (p > 1 - self.limit)
        base = np.ones(len(p)) if w is None else w
        outside = float(base[target & lonely].sum() / base[target].sum())
        weights = base * target_weights(np.clip(p, 1e-6, 1 - 1e-6), t, kind, inside)
        sizes = {
            arm: float(_effective(weights[t == flag]))
            for arm, flag in (("treated", True), ("control", False))
        }
        counts = {"treated": int(t.sum()), "control": int((~t).sum())}
        kept = min(sizes[arm] / max(counts[arm], 1) for arm in sizes)
        if outside > self.much:
            verdict = Verdict.BROKEN
        elif outside > self.some or kept < 0.1:
            verdict = Verdict.INCONCLUSIVE
        else:
            verdict = Verdict.SURVIVED
        where = _where(x, lonely & target, target, sample.covariate_names)
        if verdict is Verdict.SURVIVED:
            said = (
                f"Chances of treatment run from {p[target].min():.3g} to {p[target].max():.3g}: "
                "nearly every row has "
                "comparable rows that were treated otherwise."
            )
        else:
            said = f"{outside:.1%} of the rows hardly could have had the other treatment"
            if where:
                said += (
                    f"; they differ most in {where['covariate']} (mean {where['outside']:.3g} "
                    f"against {where['inside']:.3g})"
                )
            said += (
                f". After weighting, the {min(sizes, key=lambda a: sizes[a] / max(counts[a], 1))} "
                f"rows count as {min(sizes.values()):.0f}."
            )
        edges = np.linspace(0, 1, 41)
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried="Predicted each row's chance of treatment from the covariates.",
            expected=(
                f"at most {self.some:.1%} of rows with a chance below {self.limit:.2g} of the "
                "treatment compared with"
            ),
            observed=(
                f"{outside:.2%} of rows; effective sample sizes {sizes['treated']:.0f} of "
                f"{counts['treated']:,} treated "
                f"and {sizes['control']:.0f} of {counts['control']:,} control"
            ),
            verdict=verdict,
            sentence=said,
            margin=outside,
            cost="one logistic regression",
            details={
                "edges": edges,
                "treated": np.histogram(p[t], edges)[0],
                "control": np.histogram(p[~t], edges)[0],
                "outside": outside,
                "effective_sample_size": sizes,
                "arm_sizes": counts,
                "where": where,
                "range": (float(p[target].min()), float(p[target].max())),
            },
        )

    def _continuous(self, case: Case) -> Refutation:
        sample = case.sample
        projection = Projection.onto(sample.covariates, sample.weights, n=sample.n)
        empty = Projection.onto(np.empty((sample.n, 0)), sample.weights, n=sample.n)
        left = float(
            (projection.residuals(sample.treatment) ** 2).sum()
            / (empty.residuals(sample.treatment) ** 2).sum()
        )
        verdict = Verdict.BROKEN if left < 0.01 else Verdict.INCONCLUSIVE if left < 0.05 else Verdict.SURVIVED
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried="Predicted the treatment from the covariates.",
            expected="at least 5% of the treatment's variance left free by the covariates",
            observed=f"{left:.1%} left",
            verdict=verdict,
            sentence=f"The covariates leave {left:.1%} of the treatment's variance to learn from.",
            margin=left,
            cost="one regression",
            details={"variance_left": left},
        )


def _effective(weights: np.ndarray) -> float:
    total = weights.sum()
    return float(total**2 / (weights @ weights)) if total > 0 else 0.0


def _where(x: np.ndarray, lonely: np.ndarray, target: np.ndarray, names: tuple[str, ...]) -> dict[str, Any]:
    """The covariate in which rows without a counterpart differ most from the others."""
    rest = target & ~lonely
    if not lonely.any() or not rest.any():
        return {}
    outside, within, spread = x[lonely].mean(0), x[rest].mean(0), x[target].std(0)
    gap = np.abs(outside - within) / np.where(spread > 0, spread, np.inf)
    j = int(gap.argmax())
    name = names[j] if j < len(names) else f"covariate {j + 1}"
    return {"covariate": name, "outside": float(outside[j]), "inside": float(within[j])}
