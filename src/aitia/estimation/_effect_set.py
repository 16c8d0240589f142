"""An effect that is honest about a graph only partly known: one value for each possibility the class leaves open."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import AitiaError, Assumption, Decision
from aitia.estimation._choose import choose
from aitia.estimation._estimate import Estimate
from aitia.estimation._estimator import Estimator, NotApplicable
from aitia.estimation._sample import Sample
from aitia.graphs import Edge
from aitia.identification import Estimand, Interventional, PossibleEstimand, PossibleEstimands, Question, Rule

if TYPE_CHECKING:
    from aitia.data import Missing
    from aitia.estimation._linear_effects import LinearEffect
    from aitia.identification import Contrast


class NothingEstimated(AitiaError):
    """None of the possible effects could be estimated."""


@dataclass(frozen=True)
class PossibleEffect:
    """One value that the class leaves open, and for which of its graphs it is the right one.

    Args:
        possible: the orientations, graphs and estimand.
        value: the effect; 0 exactly where the graphs say that there is none; None where there is no answer.
        interval: its confidence interval; (0, 0) where there is no effect, the whole line where there is no answer.
        weight: the share of the class, or how often a bootstrap found it.
        std_error: the standard error of the value; 0 where there is no effect.
        estimate: the estimate; None where there is none to make.
        reason: why there is no answer; empty where there is one.
    """

    possible: PossibleEstimand
    value: float | None
    interval: tuple[float, float]
    weight: float
    std_error: float | None = None
    estimate: Estimate | LinearEffect | None = None
    reason: str = ""

    @property
    def orientations(self) -> tuple[Edge, ...]:
        """The edges that had to be given a direction."""
        return self.possible.orientations

    @property
    def graph(self) -> Any:
        """The graphs it stands for, as an MPDAG (for a PAG one maximal ancestral graph); None for the local method."""
        return self.possible.graph

    @property
    def words(self) -> str:
        """The value in words."""
        if self.possible.zero:
            return "no effect"
        return f"{self.value:.4g}" if self.value is not None else "not identified"


@dataclass(frozen=True)
class DecidingEdge:
    """The edge whose settling would shrink the set of effects most.

    Args:
        edge: the edge as the class has it.
        shares: for each way it may turn out, its share of the class.
        widths: for each way, the width of the set that would be left (largest minus smallest value).
        width: the width of the set now.
        unanswered: for each way, the share of the graphs left that have no answer; those widths do not hold them.
    """

    edge: Edge
    shares: Mapping[str, float]
    widths: Mapping[str, float]
    width: float
    unanswered: Mapping[str, float] = field(default_factory=dict)

    @property
    def expected(self) -> float:
        """The width to expect after the answer, by the shares."""
        return sum(self.shares[each] * self.widths[each] for each in self.shares)

    @property
    def worst(self) -> float:
        """The width after the less helpful answer."""
        return max(self.widths.values())

    def caveat(self, reading: str) -> str:
        """What the width after one way of turning out leaves unsaid, in words; empty where nothing."""
        share = self.unanswered.get(reading, 0.0)
        return f" (where {share:.0%} of the graphs have no answer)" if share > 0 else ""

    @property
    def sentence(self) -> str:
        """What settling it would bring, in words."""
        left = " and ".join(
            f"{width:.3g} if it is {text}{self.caveat(text)}" for text, width in self.widths.items()
        )
        return f"Settling {self.edge} would shrink the set most: its width of {self.width:.3g} would become {left}."


@dataclass(frozen=True, eq=False)
class EffectSet:
    """The effects that data and a class of graphs leave open.

    Args:
        question: what was asked.
        members: one value for each possibility, with its share of the class.
        level: nominal coverage of each member's interval.
        possible: the estimands behind the members.
        decisions: what was decided on the way.
        assumptions: what the class and the estimates assume.
        seed: the seed of every random draw.
    """

    question: Question
    members: tuple[PossibleEffect, ...]
    level: float
    possible: PossibleEstimands
    decisions: tuple[Decision, ...] = ()
    assumptions: tuple[Assumption, ...] = ()
    seed: int = 0

    def __len__(self) -> int:
        return len(self.members)

    @property
    def answered(self) -> tuple[PossibleEffect, ...]:
        """The members with a value."""
        return tuple(each for each in self.members if each.value is not None)

    @property
    def values(self) -> np.ndarray:
        """The answered members' values, shape (k,)."""
        return np.array([each.value for each in self.answered], float)

    @property
    def weights(self) -> np.ndarray:
        """The answered members' shares, shape (k,)."""
        return np.array([each.weight for each in self.answered], float)

    @property
    def minimum(self) -> float:
        """The smallest value (NaN-free: there is at least one)."""
        return float(self.values.min())

    @property
    def maximum(self) -> float:
        """The largest value."""
        return float(self.values.max())

    @property
    def width(self) -> float:
        """The largest value minus the smallest."""
        return self.maximum - self.minimum

    @property
    def mean(self) -> float:
        """The mean of the values by their shares. It is the effect in none of the graphs, but summarises them."""
        return float(np.average(self.values, weights=self.weights))

    @property
    def without_effect(self) -> float:
        """The share of the graphs in which there is no effect."""
        return sum(each.weight for each in self.members if each.possible.zero)

    @property
    def without_answer(self) -> float:
        """The share of the graphs in which the data give no answer."""
        return sum(each.weight for each in self.members if each.value is None)

    @property
    def complete(self) -> bool:
        """Whether every graph of the class has its value in the set."""
        return self.possible.complete and len(self.answered) == len(self.members)

    @property
    def interval(self) -> tuple[float, float]:
        """From the lowest to the highest end of the members' intervals.

        Whichever graph of the class is true, it covers the effect with at least the probability that this
        graph's own interval does. The whole line where some graphs have no answer.
        """
        if not self.complete:
            return -math.inf, math.inf
        return min(each.interval[0] for each in self.members), max(each.interval[1] for each in self.members)

    @property
    def intervals(self) -> tuple[tuple[float, float], ...]:
        """The union of the members' intervals, as disjoint pieces in order; the same guarantee as `interval`."""
        pieces: list[tuple[float, float]] = []
        for low, high in sorted(each.interval for each in self.members):
            if pieces and low <= pieces[-1][1]:
                pieces[-1] = (pieces[-1][0], max(high, pieces[-1][1]))
            else:
                pieces.append((low, high))
        return tuple(pieces) if self.possible.complete else ((-math.inf, math.inf),)

    @property
    def distinct(self) -> tuple[tuple[float, float], ...]:
        """The distinct values in rising order, each with its share of the class."""
        shares: dict[float, float] = {}
        for each in self.answered:
            assert each.value is not None
            shares[each.value] = shares.get(each.value, 0.0) + each.weight
        return tuple(sorted(shares.items()))

    @cached_property
    def deciding_edge(self) -> DecidingEdge | None:
        """The open edge that shrinks the set most once settled, by expected, then by worst width; None if none."""
        if len(self.answered) < 2 or not self.width:
            return None
        weights = np.array([each.weight for each in self.members])
        best: DecidingEdge | None = None
        for edge in self.possible.open_edges:
            shares, widths, unanswered = {}, {}, {}
            for text, parts in self.possible.readings(edge).items():
                left = [
                    each.value for each, part in zip(self.members, parts) if part and each.value is not None
                ]
                shares[text] = float(weights @ np.array(parts))
                failed = sum(
                    each.weight * part for each, part in zip(self.members, parts) if each.value is None
                )
                unanswered[text] = failed / shares[text] if shares[text] else 0.0
                widths[text] = max(left) - min(left) if left else 0.0
            made = DecidingEdge(edge, shares, widths, self.width, unanswered)
            if made.expected < self.width * (1 - 1e-9) and (
                best is None or (made.expected, made.worst) < (best.expected, best.worst)
            ):
                best = made
        return best

    @property
    def sentence(self) -> str:
        """The answer in one or two plain sentences."""
        asked = str(self.question)
        low, high = self.interval
        if len(self.members) == 1 and self.answered:
            only = self.members[0]
            if only.possible.zero:
                return f"The {asked} is zero in every graph of the class."
            return (
                f"The {asked} is {only.value:.4g} in every graph of the class ({self.level:.0%} interval {low:.4g} to "
                f"{high:.4g})."
            )
        none, failed = self.without_effect, self.without_answer
        words = (
            f"The {asked} lies between {self.minimum:.4g} and {self.maximum:.4g}, depending on which graph of "
            "the class is true"
            if self.width
            else f"The {asked} is {self.minimum:.4g} in each graph of the class that answers"
        )
        if self.complete:
            words += f" (from {low:.4g} to {high:.4g} with the {self.level:.0%} intervals)"
        words += "."
        if none:
            words += f" In {none:.0%} of the graphs there is no effect."
        if failed:
            words += f" In {failed:.0%} of the graphs the data do not answer, so the effect may lie outside."
        if not self.possible.complete:
            words += " The list of graphs was cut at the limit, so the effect may lie outside."
        deciding = self.deciding_edge
        return f"{words} {deciding.sentence}" if deciding else words

    def reweighted(self, weights: Sequence[float]) -> EffectSet:
        """The same set with other shares (how often a bootstrap found each member), scaled to sum to one.

        Args:
            weights: one for each member, not negative, not all zero.

        Raises:
            NotApplicable: they are not such.
        """
        fit = len(weights) == len(self.members) and all(0 <= each < math.inf for each in weights)
        if not (fit and sum(weights)):
            raise NotApplicable(
                f"{len(self.members)} shares were expected, none negative and not all zero, but came {list(weights)}.",
                "Give one for each member, in their order.",
            )
        total = float(sum(weights))
        members = tuple(
            replace(each, weight=w / total) for each, w in zip(self.members, weights, strict=True)
        )
        return replace(self, members=members)

    def __repr__(self) -> str:
        lines = [self.sentence]
        for each in self.members:
            low, high = each.interval
            extra = "" if each.value is None or each.possible.zero else f" ({low:.4g} to {high:.4g})"
            lines.append(f"  {each.weight:>4.0%}  {each.words}{extra}  if {each.possible.words}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(each.possible.words)}</td><td>{each.weight:.0%}</td><td>{escape(each.words)}</td>"
            f"<td>{'' if each.value is None else f'{each.interval[0]:.4g} to {each.interval[1]:.4g}'}</td></tr>"
            for each in self.members
        )
        head = f"<tr><th>if</th><th>share</th><th>effect</th><th>{self.level:.0%} interval</th></tr>"
        return f"<p>{escape(self.sentence)}</p><table>{head}{rows}</table>"

    def to_dict(self) -> dict[str, Any]:
        """The set as plain data that JSON can hold; ends of the whole line are None."""

        def ends(interval: tuple[float, float]) -> list[float | None]:
            return [each if math.isfinite(each) else None for each in interval]

        deciding = self.deciding_edge
        return {
            "question": str(self.question),
            "kind": self.possible.graph.kind.value,
            "complete": self.complete,
            "level": self.level,
            "minimum": self.minimum,
            "maximum": self.maximum,
            "interval": ends(self.interval),
            "intervals": [ends(each) for each in self.intervals],
            "members": [
                {
                    "orientations": [str(edge) for edge in each.orientations],
                    "graphs": each.possible.count,
                    "weight": each.weight,
                    "no_effect": each.possible.zero,
                    "value": each.value,
                    "std_error": each.std_error,
                    "interval": ends(each.interval),
                    "formula": each.possible.answer.text()
                    if isinstance(each.possible.answer, Estimand)
                    else None,
                    "method": getattr(each.estimate, "method", None),
                    "reason": each.reason,
                }
                for each in self.members
            ],
            "deciding_edge": None
            if deciding is None
            else {
                "edge": str(deciding.edge),
                "shares": dict(deciding.shares),
                "widths": dict(deciding.widths),
                "expected_width": deciding.expected,
                "worst_width": deciding.worst,
            },
            "sentence": self.sentence,
        }


def estimate_set(
    possible: PossibleEstimands,
    data: Any,
    estimator: Estimator | None = None,
    *,
    level: float = 0.95,
    missing: Missing | str = "stop",
    weights: str | None = None,
    clusters: str | None = None,
    contrast: Contrast | None = None,
    seed: int = 0,
) -> EffectSet:
    """Estimate every effect that a class of graphs leaves open.

    Equal formulas are estimated once, and effects that the graphs put at zero are zero exactly. Formulas that
    adjust share one sample, drawn with all columns that any of them adjusts for, so that missing values are dealt
    with once and all answers rest on the same rows.

    Args:
        possible: what `aitia.identification.possible_estimands` listed.
        data: anything `aitia.read` takes.
        estimator: answers every formula it can; None (and for the others) takes the default for each.
        level: nominal coverage of each member's interval, strictly between 0 and 1.
        missing: the policy for missing values, as `Sample.draw` takes it.
        weights: the column of survey weights.
        clusters: the column of clusters.
        contrast: the treatment values compared, where the question does not say.
        seed: the seed of every random draw.

    Returns:
        The set; a formula that could not be estimated is a member with its reason.

    Raises:
        NothingEstimated: none could be.

    Example:
        >>> import numpy as np
        >>> from aitia import Effect
        >>> from aitia.estimation import RegressionAdjustment
        >>> from aitia.graphs import Graph
        >>> from aitia.identification import possible_estimands
        >>> noise = np.random.default_rng(0).normal(size=(3, 500))
        >>> z = noise[0]
        >>> x = z + noise[1]
        >>> y = 2 * x - z + noise[2]
        >>> possible = possible_estimands(Graph.parse("z -- x; x -- y; z -- y"), Effect("x", "y"))
        >>> effects = estimate_set(possible, {"x": x, "y": y, "z": z}, RegressionAdjustment())
        >>> [each.words for each in effects.members]
        ['1.463', '1.972', 'no effect']
        >>> str(effects.deciding_edge.edge)
        'x -- y'
    """
    from aitia.data import read

    table = read(data)
    options: dict[str, Any] = {
        "missing": missing, "weights": weights, "clusters": clusters, "contrast": contrast, "seed": seed,
    }  # fmt: skip
    distinct = possible.estimands
    adjusting = [each for each in distinct if each.rule is Rule.ADJUSTMENT]
    shared: Sample | None = None
    union: tuple[str, ...] = ()
    if len(adjusting) > 1:
        union = possible.graph.in_order({name for each in adjusting for name in each.adjustment})
        shared = Sample.draw(table, replace(adjusting[0], adjustment=union), **options)
        if not shared.loaded:
            shared = None
    made: dict[str, Estimate | str] = {}
    for estimand in distinct:
        try:
            _refuse_joint(estimand)
            if shared is not None and estimand.rule is Rule.ADJUSTMENT:
                sample = _narrowed(shared, estimand.adjustment)
            else:
                sample = Sample.draw(table, estimand, **options)
            chosen, reason = estimator, "It was asked for."
            if chosen is None or chosen.refusal(estimand, sample):
                chosen, reason = choose(estimand, sample)
            made[estimand.text()] = chosen.estimate(estimand, sample, level=level, seed=seed, reason=reason)
        except NotApplicable as refusal:
            made[estimand.text()] = refusal.problem
    members = tuple(_member(each, made) for each in possible)
    if not any(each.value is not None for each in members):
        reasons = {each.reason for each in members}
        raise NothingEstimated(
            f"None of the {len(members)} possible effects could be estimated: {'; '.join(sorted(reasons))}",
            "Ask about one treatment, or take `linear_effects` for several numeric ones.",
        )
    estimates = [each for each in made.values() if isinstance(each, Estimate)]
    return EffectSet(
        possible.question,
        members,
        level,
        possible,
        decisions=_distinct(line for each in estimates for line in each.decisions),
        assumptions=_distinct(
            [line for each in distinct for line in each.assumptions]
            + [line for each in estimates for line in each.assumptions]
        ),
        seed=seed,
    )


def _distinct(lines: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(lines))


def _refuse_joint(estimand: Estimand) -> None:
    question = estimand.question
    if isinstance(question, Interventional) and (len(question.treatments) > 1 or len(question.outcomes) > 1):
        raise NotApplicable(
            "The estimators here take one treatment and one outcome, but this question has several.",
            "Take `linear_effects` for several numeric treatments.",
        )


def _narrowed(sample: Sample, adjustment: Sequence[str]) -> Sample:
    """The sample with some of its covariates only."""
    groups: dict[str, tuple[int, ...]] = {}
    kept: list[int] = []
    for name, at in sample.covariate_groups.items():
        if name in adjustment:
            groups[name] = tuple(range(len(kept), len(kept) + len(at)))
            kept += at
    return sample.replace(
        covariates=np.asfortranarray(sample.covariates[:, kept]),
        covariate_names=tuple(sample.covariate_names[j] for j in kept),
        covariate_groups=groups,
    )


def _member(possible: PossibleEstimand, made: Mapping[str, Estimate | str]) -> PossibleEffect:
    line = (-math.inf, math.inf)
    if possible.zero:
        return PossibleEffect(possible, 0.0, (0.0, 0.0), possible.weight, 0.0)
    if not isinstance(possible.answer, Estimand):
        return PossibleEffect(possible, None, line, possible.weight, reason=possible.answer.sentence)
    found = made[possible.answer.text()]
    if isinstance(found, str):
        return PossibleEffect(possible, None, line, possible.weight, reason=found)
    return PossibleEffect(possible, found.value, found.interval, possible.weight, found.std_error, found)
