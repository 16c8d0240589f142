"""Total effects in linear models of a class of DAGs, from moments alone: G-regression, and IDA with it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aitia.core import AitiaError, stats
from aitia.estimation._effect_set import EffectSet, PossibleEffect
from aitia.graphs import Graph, GraphKind
from aitia.identification import Contrast, Effect, Interventional, PopulationKind, PossibleEstimands
from aitia.statistics import CollinearColumns, TooFewRows

if TYPE_CHECKING:
    from aitia.statistics import Moments


class NotLinear(AitiaError):
    """The linear fast path was asked for something that total effects in a linear model do not answer."""


@dataclass(frozen=True, eq=False)
class LinearEffect:
    """The total effects of one or several treatments on an outcome in a linear model of one class of DAGs.

    The values are the change of the outcome per unit of each treatment, the others held (joint effects).

    Args:
        treatments: the k treatments.
        outcome: the outcome.
        values: the effects, shape (k,), in units of the outcome per unit of the treatment.
        covariance: their covariance, shape (k, k).
        degrees_of_freedom: of the reference t distribution: the least of any regression behind them.
        n: rows used.
    """

    treatments: tuple[str, ...]
    outcome: str
    values: np.ndarray
    covariance: np.ndarray
    degrees_of_freedom: float
    n: int
    method: str = "G-regression"

    @property
    def std_errors(self) -> np.ndarray:
        """The standard errors, shape (k,)."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance), 0.0))

    def intervals(self, level: float = 0.95) -> np.ndarray:
        """Confidence intervals, each on its own, shape (k, 2)."""
        half = float(stats.t.ppf(0.5 + level / 2, self.degrees_of_freedom)) * self.std_errors
        return np.stack([self.values - half, self.values + half], axis=1)


def total_effects(moments: Moments, graph: Graph, treatments: Sequence[str], outcome: str) -> LinearEffect:
    """The joint total effects in a linear model without hidden causes, by G-regression.

    With D the ancestors of the outcome in the graph without the treatments A, every bucket of D is regressed on its
    parents, which gives the matrix L of coefficients, and::

        effects = L[A, D] (I - L[D, D])^-1 [:, outcome]

    Asymptotically no estimator built on the graph and the covariance has a smaller variance (their theorem 4.1).

    Args:
        moments: of all columns of the graph; nothing else is read.
        graph: a DAG, CPDAG or MPDAG that identifies the effect (Guo & Perkovic 2021 cut a class into such).
        treatments: the variables set.
        outcome: the variable that answers.

    Raises:
        NotLinear: the graph has hidden causes or does not identify the effect.
        CollinearColumns: the parents of a bucket are collinear.
        TooFewRows: fewer rows than coefficients.

    Assumptions:
        Every variable is a linear function of its causes and an independent error; the standard errors take these
        errors as homoskedastic.

    Source:
        Guo & Perkovic 2022, "Efficient least squares for estimating total effects under linearity and causal
        sufficiency", JMLR 23(104), definition 3.3 and theorem 4.1.

    Example:
        >>> from aitia.graphs import Graph
        >>> from aitia.statistics import Moments
        >>> noise = np.random.default_rng(0).normal(size=(3, 1000))
        >>> z, x = noise[0], noise[0] + noise[1]
        >>> rows = np.column_stack([z, x, 2 * x - z + noise[2]])
        >>> found = total_effects(Moments.of(rows, ["z", "x", "y"]), Graph.parse("z -> x; x -> y; z -> y"), ["x"], "y")
        >>> found.values.round(2).tolist(), found.std_errors.round(3).tolist()
        ([2.01], [0.03])
    """
    return _GRegression(moments).effects(graph, tuple(treatments), outcome)


class _GRegression:
    """Regressions on parents, each done once for all members of a class."""

    def __init__(self, moments: Moments) -> None:
        self.moments = moments
        scale = moments.count / moments.weight if moments.weight else 1.0
        self.cross = moments.cross * scale
        self.known: dict[
            tuple[tuple[int, ...], tuple[int, ...]], tuple[np.ndarray, np.ndarray, np.ndarray]
        ] = {}

    def regress(
        self, block: tuple[int, ...], on: tuple[int, ...]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients (p, b), the inverse Gram matrix (p, p) and the residual covariance (b, b)."""
        key = (block, on)
        if key not in self.known:
            cross, names = self.cross, self.moments.names
            gram = cross[np.ix_(on, on)]
            # A pivot of the correlation matrix is the share of a column that is its own (statistics._solve.factor).
            from aitia.statistics._solve import factor

            decided = factor(gram)
            if len(decided.kept) < len(on):
                raise CollinearColumns(
                    {
                        names[on[j]]: [names[on[k]] for k in others]
                        for j, others in decided.combinations.items()
                    }
                )
            freedom = self.moments.count - 1 - len(on)
            if freedom < 1:
                raise TooFewRows(
                    f"{self.moments.count} rows are too few to regress {names[block[0]]} on {len(on)} parents.",
                    "Read more rows.",
                )
            right = cross[np.ix_(on, block)]
            coefficients = decided.solve(right) if on else np.zeros((0, len(block)))
            residual = (cross[np.ix_(block, block)] - right.T @ coefficients) / freedom
            inverse = decided.inverse() if on else np.zeros((0, 0))
            self.known[key] = (coefficients, inverse, residual)
        return self.known[key]

    def effects(self, graph: Graph, x: tuple[str, ...], y: str) -> LinearEffect:
        from aitia.identification import ordered_buckets, unsettled_path

        graph.require("A linear total effect", GraphKind.DAG, GraphKind.CPDAG, GraphKind.MPDAG)
        if graph.latent or graph.selected:
            raise NotLinear(
                "Linear total effects from parents need a graph without latent and selection nodes.",
                "Take `estimate_set`, which adjusts for measured variables.",
            )
        if unsettled := (None if graph.kind is GraphKind.DAG else unsettled_path(graph, x, (y,))):
            raise NotLinear(
                f"The class does not identify this effect: the path {unsettled.path} may be causal or not.",
                "Cut it into parts with `possible_estimands` first.",
            )
        place = {name: self.moments.position(name) for name in graph.nodes}
        needed = graph.without(x).ancestors(y)
        inside = [node for node in graph.nodes if node in needed]
        row = {name: i for i, name in enumerate((*x, *inside))}
        k, d = len(x), len(inside)
        coefficients = np.zeros((k + d, d))
        blocks = []
        for bucket in ordered_buckets(graph):
            part = tuple(node for node in bucket if node in needed)
            before = graph.in_order(graph.parents(part) - set(part)) if part else ()
            if not before:
                continue
            found, inverse, residual = self.regress(
                tuple(place[each] for each in part), tuple(place[each] for each in before)
            )
            rows, columns = [row[each] for each in before], [row[each] - k for each in part]
            coefficients[np.ix_(rows, columns)] = found
            blocks.append((rows, columns, inverse, residual, self.moments.count - 1 - len(before)))
        through = np.linalg.solve(np.eye(d) - coefficients[k:], np.eye(d))
        onward = through[:, row[y] - k]
        values = coefficients[:k] @ onward
        # Delta method: the coefficients of different buckets are uncorrelated, those of one have residual (x) inverse.
        into = np.hstack([np.eye(k), coefficients[:k] @ through])
        covariance, freedom = np.zeros((k, k)), float(self.moments.count - 1)
        for rows, columns, inverse, residual, left in blocks:
            spread = float(onward[columns] @ residual @ onward[columns])
            if spread > 0:
                covariance += spread * (into[:, rows] @ inverse @ into[:, rows].T)
                freedom = min(freedom, left)
        return LinearEffect(x, y, values, covariance, freedom, self.moments.count)


def linear_effects(
    moments: Moments, possible: PossibleEstimands, treatment: str | None = None, *, level: float = 0.95
) -> EffectSet:
    """Every effect that a class leaves open in a linear model, from moments alone: no pass over the rows.

    With one treatment this is IDA, with several joint IDA: the effect of `treatment` while the others are held.

    Args:
        moments: of all columns of the graph.
        possible: what `aitia.identification.possible_estimands` listed for a CPDAG or MPDAG (not by `Local`, which
            gives no graphs).
        treatment: with several treatments, the one whose effect is wanted; None takes the first.
        level: nominal coverage of each member's interval.

    Raises:
        NotLinear: the question is not about total effects over everybody, or the class has hidden causes.
        CollinearColumns, TooFewRows: as `total_effects` raises them.

    Source:
        Nandy, Maathuis & Richardson 2017, "Estimating the effect of joint interventions from observational data in
        sparse high-dimensional settings" (joint IDA); Guo & Perkovic 2022 (the estimator).

    Example:
        >>> from aitia import Effect
        >>> from aitia.graphs import Graph
        >>> from aitia.identification import possible_estimands
        >>> from aitia.statistics import Moments
        >>> covariance = np.array([[1.0, 0.5, 0.4], [0.5, 1.0, 0.7], [0.4, 0.7, 1.0]])
        >>> moments = Moments(("z", "x", "y"), 500, 500.0, np.zeros(3), 500 * covariance)
        >>> possible = possible_estimands(Graph.parse("z -- x; x -- y; z -- y"), Effect("x", "y"))
        >>> [each.words for each in linear_effects(moments, possible).members]
        ['0.7', '0.6667', 'no effect']
    """
    question = possible.question
    x, y = _linear_question(question)
    wanted = treatment or x[0]
    if wanted not in x:
        raise NotLinear(f"{wanted!r} is no treatment of {question}.", f"Ask for one of {', '.join(x)}.")
    at = x.index(wanted)
    units = _units(question.contrast)
    solver = _GRegression(moments)
    members = []
    for each in possible:
        if each.zero:
            members.append(PossibleEffect(each, 0.0, (0.0, 0.0), each.weight, 0.0))
            continue
        if each.graph is None or each.graph.kind is GraphKind.PAG:
            raise NotLinear(
                "Linear total effects need the graphs of each part.",
                "List them with Minimal(), SemiLocal() or Optimal(), for a CPDAG or MPDAG.",
            )
        found = solver.effects(each.graph, x, y)
        low, high = np.sort(found.intervals(level)[at] * units).tolist()
        error = float(found.std_errors[at]) * abs(units)
        if not math.isfinite(error):
            raise NotLinear("The standard error is not finite.", "Look for constant columns.")
        members.append(
            PossibleEffect(each, float(found.values[at]) * units, (low, high), each.weight, error, found)
        )
    return EffectSet(question, tuple(members), level, possible)


def _linear_question(question: object) -> tuple[tuple[str, ...], str]:
    if isinstance(question, Effect) and question.population.kind is not PopulationKind.SUBGROUP:
        return (question.treatment,), question.outcome
    if isinstance(question, Interventional) and len(question.outcomes) == 1 and not question.given:
        return question.treatments, question.outcomes[0]
    raise NotLinear(
        f"Linear total effects answer an Effect or an Interventional with one outcome, not: {question}.",
        "Take `estimate_set`.",
    )


def _units(contrast: Contrast | None) -> float:
    if contrast is None:
        return 1.0
    treated, control = contrast.treated, contrast.control
    if not isinstance(treated, int | float) or not isinstance(control, int | float):
        raise NotLinear(
            f"A linear effect is per unit of a number, but the question compares {treated!r} and {control!r}.",
            "Code the treatment as a number.",
        )
    return float(treated) - float(control)
