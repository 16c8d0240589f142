"""What the doubly robust estimators share: the target population, the efficient score, and the answer made of it.

For potential mean a over a population with indicator D (all rows, the treated, the untreated, a subgroup), with
h(X) = E[D | X], outcome model g_a(X) and propensity e_a(X), the efficient score is
    phi_a = { D g_a(X) + 1(T = a) h(X) / e_a(X) (Y - g_a(X)) } / E[D]
(Hahn 1998, Theorems 1 and 2; Robins, Rotnitzky & Zhao 1994), and its influence value phi_a - theta_a D / E[D].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aitia.core import AitiaError, Decision
from aitia.estimation._estimate import Diagnostic, Profile
from aitia.estimation._estimator import influence_covariance, influence_error
from aitia.estimation._sample import Sample, TreatmentKind
from aitia.identification import Effect, Estimand, PopulationKind


class EmptyPopulation(AitiaError):
    """No row is in the population averaged over."""


@dataclass(frozen=True, eq=False)
class Target:
    """The population averaged over.

    Args:
        member: D, shape (n,), float.
        mask: the subgroup, shape (n,), float; ones where all rows are in.
        arm: the arm that defines the population (treated, untreated), or None.
        kind: of the population.
    """

    member: np.ndarray
    mask: np.ndarray
    arm: int | None
    kind: PopulationKind

    def chance(self, propensities: np.ndarray) -> np.ndarray:
        """h(X) = E[D | X], shape (n,)."""
        return self.mask if self.arm is None else self.mask * propensities[:, self.arm]


def contrast_arms(sample: Sample) -> tuple[int, int]:
    """The (treated, control) arm codes that are compared."""
    return int(sample.contrast[0]), int(sample.contrast[1])


def target_of(estimand: Estimand, sample: Sample) -> Target:
    """The population of the question, as numbers.

    Raises:
        EmptyPopulation: it has no row (of positive weight).
    """
    question = estimand.question
    population = question.population if isinstance(question, Effect) else None
    kind = population.kind if population is not None else PopulationKind.ALL
    mask = np.ones(sample.n) if sample.population is None else sample.population.astype(np.float64)
    arm = None
    if kind in (PopulationKind.TREATED, PopulationKind.UNTREATED):
        arm = contrast_arms(sample)[0 if kind is PopulationKind.TREATED else 1]
    member = mask if arm is None else mask * (sample.treatment == arm)
    weight = member.sum() if sample.weights is None else member @ sample.weights
    if weight <= 0:
        raise EmptyPopulation(
            f"No row is in the population averaged over ({population}).",
            "Check the condition, and the values it compares with, against the columns of the data.",
        )
    return Target(member, mask, arm, kind)


def arm_labels(sample: Sample) -> tuple[object, ...]:
    """The treatment levels in the order of their codes."""
    count = max(len(sample.treatment_levels), int(sample.treatment.max()) + 1, 2)
    known = tuple(sample.treatment_levels)
    return (*known, *range(len(known), count))


@dataclass(frozen=True, eq=False)
class Means:
    """Potential means with their joint influence values.

    Args:
        values: theta_a for every arm, shape (arms,).
        influence: shape (n, arms).
    """

    values: np.ndarray
    influence: np.ndarray


def efficient_means(
    target: Target,
    outcome: np.ndarray,
    arm: np.ndarray,
    weights: np.ndarray | None,
    predicted: np.ndarray,
    propensities: np.ndarray,
    floor: float,
) -> Means:
    """Potential means by the efficient score, with propensities held above `floor` where they divide."""
    n, arms = predicted.shape
    member, chance = target.member, target.chance(propensities)
    share = float(np.average(member, weights=weights))
    values, influence = np.empty(arms), np.empty((n, arms))
    for a in range(arms):
        here = arm == a
        if a == target.arm:
            score = member * outcome / share  # 1(T = a) h / e_a = D: the mean outcome itself
        else:
            score = member * predicted[:, a]
            ratio = chance[here] / np.maximum(propensities[here, a], floor)
            score[here] += ratio * (outcome[here] - predicted[here, a])
            score /= share
        values[a] = np.average(score, weights=weights)
        influence[:, a] = score - values[a] * member / share
    return Means(values, influence)


def profile_of(sample: Sample, means: Means) -> Profile:
    """The potential means as a profile with joint covariance (clusters and weights respected)."""
    covariance = influence_covariance(means.influence, sample.weights, sample.clusters)
    points = tuple(sample.treatment_levels) or tuple(range(len(means.values)))
    return Profile(points, means.values, np.sqrt(np.diagonal(covariance)), covariance)


def tail_freedom(sample: Sample, influence: np.ndarray) -> float:
    """Degrees of freedom of the estimated variance: few when few rows carry most of it.

    Satterthwaite's rule for a variance estimated by sum v_i, v_i = (w_i psi_i)^2:
    2 (sum v)^2 / sum (v - mean v)^2, which is n for normal influence values and small under weak overlap, where the
    normal quantile would make the interval too short.
    """
    v = influence if sample.weights is None else influence * sample.weights
    if sample.clusters is not None:
        _, codes = np.unique(sample.clusters, return_inverse=True)
        v = np.bincount(codes, weights=v)
    most = float(max(len(v) - 1, 1))
    v = v**2
    spread = float(((v - v.mean()) ** 2).sum())
    return most if spread <= 0 else float(np.clip(2 * v.sum() ** 2 / spread, 2.0, most))


def default_floor(n: int) -> float:
    """5 / (sqrt(n) log n), at most 0.1: where propensities stop growing weights (Gruber et al. 2022)."""
    return min(5.0 / (np.sqrt(n) * max(np.log(n), 1.0)), 0.1)


def floor_decision(
    sample: Sample, arm: np.ndarray, propensities: np.ndarray, floor: float
) -> tuple[Decision, ...]:
    """What the floor under the propensities changed, where it changed something."""
    own = propensities[np.arange(sample.n), arm]
    raised = int((own < floor).sum())
    if not raised:
        return ()
    return (
        Decision(
            f"held the propensity of {raised:,} of {sample.n:,} rows at {floor:.3g}, which was smaller",
            "weights without bound would let a handful of rows decide; the population averaged over stays the same",
        ),
    )


def trimmed(
    sample: Sample, propensities: np.ndarray, trim: float, arms: tuple[int, int]
) -> tuple[np.ndarray, tuple[Decision, ...]]:
    """Mask of the rows kept by a trimming rule, and the decision that says what population remains."""
    keep = np.asarray((propensities[:, list(arms)] >= trim).all(axis=1))
    if keep.all():
        return keep, ()
    gone = sample.n - int(keep.sum())
    parts = ", ".join(
        f"{int((~keep & (sample.treatment == a)).sum()):,} with {sample.names[0]} = "
        f"{sample.treatment_levels[a] if a < len(sample.treatment_levels) else a}"
        for a in arms
    )
    return keep, (
        Decision(
            f"left out {gone:,} of {sample.n:,} rows whose propensity of one of the two treatments is below {trim:g} "
            f"({parts}); the effect is that of the {sample.n - gone:,} rows that remain, not of everyone",
            "trimming was asked for (Crump et al. 2009)",
        ),
    )


def fit_diagnostic(words: str, loss: tuple[float, ...], what: str) -> Diagnostic:
    """How well a nuisance model predicts rows it has not seen."""
    value = float(min(loss)) if loss else None
    sentence = f"The model of the {what} is {words}"
    if value is not None:
        shown = " and ".join(f"{each:.0%}" for each in loss[:4])
        sentence += f"; on rows it has not seen it explains {shown} of the variation"
    return Diagnostic(f"{what} model", value, sentence + ".", False, {"explained": list(loss)})


def combine_repeats(values: list[float], errors: list[float]) -> tuple[float, float, int]:
    """The median answer over repetitions of cross-fitting, its error, and the repetition nearest to it.

    Chernozhukov et al. 2018, Definition 3.3: the error is the root of the median of error^2 + (value - median)^2.
    """
    middle = float(np.median(values))
    error = float(np.sqrt(np.median(np.asarray(errors) ** 2 + (np.asarray(values) - middle) ** 2)))
    return middle, error, int(np.argmin(np.abs(np.asarray(values) - middle)))


def error_of(sample: Sample, influence: np.ndarray) -> float:
    """Standard error from influence values, the sample's weights and clusters respected."""
    return influence_error(influence, sample.weights, sample.clusters)


def is_discrete(sample: Sample) -> bool:
    """Whether the treatment has levels."""
    return sample.treatment_kind is not TreatmentKind.CONTINUOUS
