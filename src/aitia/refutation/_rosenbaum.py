"""Rosenbaum bounds: how far matched pairs could be from a coin toss before the conclusion changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import special

from aitia.core import AssumptionKey, optimize, stats
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._linear import logistic


def signed_rank_bounds(differences: np.ndarray, gamma: float) -> tuple[float, float]:
    """Bounds on the one-sided p-value of Wilcoxon's signed rank test under hidden bias of at most Gamma.

    Within a pair, the odds of treatment of the two units differ by at most a factor Gamma because of what was
    not measured. The chance that a difference is positive then lies between 1 / (1 + Gamma) and Gamma / (1 +
    Gamma); the p-value follows from the normal approximation with tied ranks averaged; pairs without a
    difference take a rank but say nothing (c_s1 = c_s2 = 0).

    Args:
        differences: treated minus control outcome of each pair, shape (pairs,).
        gamma: the bias allowed, at least 1.

    Returns:
        The smallest and the largest one-sided p-value against a positive effect.

    Source: Rosenbaum 2002, Observational Studies (2nd edition), section 4.3.3.

    Example:
        >>> low, high = signed_rank_bounds(np.arange(1.0, 21.0), gamma=2.0)
        >>> bool(low < high < 0.01)
        True
    """
    if not differences.any():
        return 1.0, 1.0
    ranks = stats.rankdata(np.abs(differences))
    statistic = float(ranks[differences > 0].sum())
    ranks = ranks[differences != 0]

    def upper_tail(chance: float) -> float:
        mean = chance * ranks.sum()
        variance = chance * (1 - chance) * (ranks @ ranks)
        return float(stats.norm.sf((statistic - mean) / np.sqrt(variance)))

    high = gamma / (1 + gamma)
    return upper_tail(1 - high), upper_tail(high)


def mcnemar_bounds(treated_only: int, control_only: int, gamma: float) -> tuple[float, float]:
    """Bounds on the one-sided p-value of McNemar's exact test under hidden bias of at most Gamma.

    Args:
        treated_only: discordant pairs in which only the treated unit had the event.
        control_only: discordant pairs in which only the control had it.
        gamma: the bias allowed, at least 1.

    Returns:
        The smallest and the largest one-sided p-value against a positive effect.

    Source: Rosenbaum 2002, Observational Studies (2nd edition), section 4.3.2.

    Example:
        Smoking and lung cancer (Hammond 1964): 122 discordant pairs, in 110 the smoker died.

        >>> round(mcnemar_bounds(110, 12, gamma=5.0)[1], 4)
        0.0232
    """
    pairs = treated_only + control_only
    high = gamma / (1 + gamma)
    low_p, high_p = (
        float(special.bdtrc(treated_only - 1, pairs, chance)) if treated_only > 0 else 1.0
        for chance in (1 - high, high)
    )
    return low_p, high_p


@dataclass(frozen=True)
class RosenbaumBounds(Refuter):
    """How far matched pairs could be from a coin toss before the conclusion changes (Rosenbaum bounds).

    Attacks: no unmeasured confounding. No data can test it; this only bounds it. Within matched pairs, hidden
    bias of Gamma means that one of two units that look alike could be Gamma times as likely (in odds) to be
    treated. Survivors keep a small p-value for Gamma well above 1. Wilcoxon's signed rank test for numbers,
    McNemar's for binary outcomes. The match table of the estimator is used where it kept one (diagnostic
    ``"matches"``: details ``treated`` and ``control``, row positions); otherwise pairs are made here, one to
    one without replacement, on the logit of the propensity score with a caliper of 0.2 standard deviations.
    It cannot notice bias that is there, and answers for pairs: with matching with replacement each treated
    row keeps its first match.

    Margin: the Gamma at which the upper bound of the p-value (one-sided, in the direction of the estimate)
    reaches `alpha`.

    Verdict: inconclusive where even Gamma = 1 is not significant or the margin is below `weak`; survived
    otherwise.

    Args:
        alpha: the one-sided level, 0.05.
        weak: margins below this count as weak, 1.2.
        most: the largest Gamma looked at.
        largest: pairs are made on at most this many treated rows, drawn at random (said in the cost).

    Details: ``gamma``, ``p_lower``, ``p_upper`` (arrays for a figure), ``pairs``, ``test``.
    """

    alpha: float = 0.05
    weak: float = 1.2
    most: float = 20.0
    largest: int = 20_000

    name: ClassVar[str] = "Rosenbaum bounds"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.NO_UNMEASURED_CONFOUNDING
    reference: ClassVar[str] = "Rosenbaum 2002, Observational Studies (2nd ed.), section 4.3"

    def applies(self, case: Case) -> str:
        """Matched pairs need a binary treatment."""
        if case.sample.treatment_kind.value != "binary":
            return "Rosenbaum bounds speak of matched pairs, and the treatment here is not binary."
        if case.estimand.rule.value != "adjustment":
            return "Rosenbaum bounds speak of designs matched on an adjustment set."
        return ""

    def _refute(self, case: Case, seed: int) -> Refutation:
        sample = case.sample
        kept = case.estimate.diagnostic("matches")
        if kept is not None and {"treated", "control"} <= kept.details.keys():
            treated, control = np.asarray(kept.details["treated"]), np.asarray(kept.details["control"])
            made = "closed form on the pairs that the estimator matched"
        else:
            case = case.thinned(5 * self.largest, seed)
            sample = case.sample
            treated, control = _pairs(case, seed, self.largest)
            made = f"closed form on {len(treated):,} pairs matched here on the propensity score"
        if len(treated) < 5:
            return self._nothing("Fewer than five matched pairs could be made.")
        sign = 1.0 if case.estimate.value >= 0 else -1.0
        differences = sign * (sample.outcome[treated] - sample.outcome[control])
        binary = bool(np.isin(sample.outcome, (0.0, 1.0)).all())

        def bounds(gamma: float) -> tuple[float, float]:
            if binary:
                return mcnemar_bounds(int((differences > 0).sum()), int((differences < 0).sum()), gamma)
            return signed_rank_bounds(differences, gamma)

        start = bounds(1.0)[1]
        if start >= self.alpha:
            margin = 1.0
        elif bounds(self.most)[1] < self.alpha:
            margin = self.most
        else:
            root: Any = optimize.brentq(lambda g: bounds(g)[1] - self.alpha, 1.0, self.most, xtol=1e-4)
            margin = float(root)
        grid = np.linspace(1.0, max(2.0, min(self.most, 1.5 * margin)), 25)
        curve = np.array([bounds(float(g)) for g in grid])
        if margin < 1.005:  # what would print as "1 times"
            said = "Even without hidden bias the matched pairs alone do not show an effect."
        else:
            said = (
                "The pairs still show an effect if, of two people who look alike, one was up to "
                f"{margin:.3g} times "
                "as likely (in odds) to be treated for reasons nobody measured."
            )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=(
                f"Let treatment within {len(treated):,} matched pairs depend on something "
                "unmeasured, ever more strongly."
            ),
            expected=f"an effect that survives hidden bias of Gamma = {self.weak:.3g} at least",
            observed=f"the p-value bound reaches {self.alpha:.2g} at Gamma = {margin:.3g}",
            verdict=Verdict.SURVIVED if margin >= self.weak else Verdict.INCONCLUSIVE,
            sentence=said,
            margin=margin,
            cost=made,
            bounds=True,
            details={
                "gamma": grid,
                "p_lower": curve[:, 0],
                "p_upper": curve[:, 1],
                "pairs": len(treated),
                "test": "McNemar" if binary else "Wilcoxon signed rank",
            },
        )


def _pairs(case: Case, seed: int, largest: int) -> tuple[np.ndarray, np.ndarray]:
    """Greedy one-to-one pairs without replacement on the logit of the propensity score, within a caliper."""
    from aitia.core import stream

    sample = case.sample
    is_treated = sample.treatment == sample.contrast[0]
    propensity = np.clip(logistic(sample.covariates, is_treated.astype(float)), 1e-9, 1 - 1e-9)
    score = np.log(propensity / (1 - propensity))
    caliper = 0.2 * float(score.std()) + 1e-12
    treated, control = np.flatnonzero(is_treated), np.flatnonzero(~is_treated)
    if len(treated) > len(control):
        small, large, swapped = control, treated, True
    else:
        small, large, swapped = treated, control, False
    generator = stream(seed, "rosenbaum pairs")
    small = generator.permutation(small)[:largest]
    large = generator.permutation(large)
    large = large[np.argsort(score[large], kind="stable")]
    values = score[large]
    # Next free position to the right and to the left of each, by path halving: greedy matching in near-linear
    # time.
    n = len(large)
    right, left = np.arange(n + 2), np.arange(n + 2)

    def find(parent: np.ndarray, at: int) -> int:
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = int(parent[at])
        return at

    first, second = [], []
    for row, at in zip(small, np.searchsorted(values, score[small]), strict=True):
        after = find(right, int(at) + 1)  # positions are shifted by one: 0 and n + 1 are walls
        before = find(left, int(at))
        ahead = values[after - 1] - score[row] if after <= n else np.inf
        behind = score[row] - values[before - 1] if before >= 1 else np.inf
        if min(ahead, behind) > caliper:
            continue
        taken = after if ahead <= behind else before
        first.append(row)
        second.append(large[taken - 1])
        right[taken], left[taken] = taken + 1, taken - 1
    a, b = np.array(first, dtype=int), np.array(second, dtype=int)
    return (b, a) if swapped else (a, b)
