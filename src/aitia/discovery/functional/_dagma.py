"""DAGMA: a directed acyclic graph by continuous optimisation, with the log-determinant as the price of cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

import numpy as np
from scipy import special
from scipy.linalg import lapack

from aitia.core import Assumption, Progress, listing, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._finding import linear_assumptions, linear_discovery
from aitia.discovery.functional._ica_lingam import triangular_order
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.functional._pruning import Wald
from aitia.discovery.functional._sortability import explained_shares, sortability
from aitia.graphs import GraphKind, completed

_CHECK = 100
"""Steps between looks at the objective."""


class Loss(StrEnum):
    """What DAGMA minimises."""

    LEAST_SQUARES = "least squares"
    LOGISTIC = "logistic"


@dataclass(frozen=True)
class DAGMA(Algorithm):
    r"""Continuous optimisation over weighted graphs along a central path.

    Minimises ``mu (Q(W) + lambda sum |W_ij|) - log det(s I - W * W) + p log s`` (* entry by entry) by Adam for
    ``mu = 1, 0.1, 0.01, ...``; the log-determinant is zero exactly for acyclic W. With least squares the
    weights are then the exact lasso along the order where Adam ended. Entries below the threshold are dropped.
    Least squares, ``Q = 1/2 tr((I - W)' S (I - W))`` with the covariance S, reads the covariance alone: one pass over
    the rows.

    On raw columns least squares takes what has more variance for an effect: simulated data often reward this, real
    units do not (Reisach et al. 2021). So columns are standardised by default, `details` holds the varsortability and
    R2-sortability of the answer, and directions that rest on nothing else are named in the warnings. Compare with
    `SortRegress`. Weights are least squares on the edges found, in the columns' units; there are no p-values, because
    the edges were chosen on the same rows.

    Args:
        sparsity: lambda 1, the price of weights.
        threshold: weights of this size or less are no edges, in the units of the optimisation.
        loss: `Loss.LEAST_SQUARES`, or `Loss.LOGISTIC` where all columns are binary.
        standardise: whether every column is given variance one (least squares).
        stages: how many values of mu, each a tenth of the one before.
        steps: most steps of Adam in a stage (the last stage takes twice as many).
        rate: the step length of Adam at first; it shrinks as progress ends.

    Raises:
        DiscoveryError: a categorical column, missing values, a column that others determine; the logistic loss with a
            column that is not binary.

    Assumptions: linear (in the log odds for the logistic loss), acyclic, no hidden common causes; directions inside an
    equivalence class further need noise of equal variance.

    Source: Bello, Aragam and Ravikumar (2022), NeurIPS, algorithms 1 and 2, section 4.2.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> a, b = rng.normal(size=(2, 2000))
        >>> c = a + b + rng.normal(size=2000)
        >>> DAGMA(standardise=False).run({"a": a, "b": b, "c": c}).graph.to_text()  # noise of equal variance
        'a -> c\nb -> c'
        >>> DAGMA().run({"a": a, "b": b, "c": c}).graph.to_text()  # the same rows in other units
        'c -> a\nc -> b\na -> b'
    """

    sparsity: float = 0.03
    threshold: float = 0.3
    loss: Loss = Loss.LEAST_SQUARES
    standardise: bool = True
    stages: int = 5
    steps: int = 20_000
    rate: float = 3e-3
    name: ClassVar[str] = "dagma"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Bello, Aragam and Ravikumar (2022), NeurIPS 35"
    cost: ClassVar[str] = "one pass for the moments, then some ten thousand inversions of a p by p matrix"

    def __post_init__(self) -> None:
        object.__setattr__(self, "loss", Loss(self.loss))
        for what in ("sparsity", "threshold"):
            if getattr(self, what) < 0:
                raise DiscoveryError(
                    f"{what} must not be negative, but came {getattr(self, what):g}.", f"Write {what}=0.1."
                )
        if self.stages < 1:
            raise DiscoveryError(
                f"DAGMA needs a stage or more, but came {self.stages}.", "Write DAGMA(stages=5)."
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers("DAGMA")
        data.require_complete("DAGMA")
        limits = OrderLimits.of(knowledge, data.names)
        logistic = self.loss is Loss.LOGISTIC
        if logistic:
            data.require_discrete("The logistic loss")
            objective: Objective = LogisticLoss.of(data)
        elif self.standardise:
            objective = SquaredLoss(data.correlation)
        else:
            objective = SquaredLoss(data.moments.cross / data.moments.weight)
        with progress("DAGMA", self.stages, show_progress) as bar:
            path = central_path(
                objective,
                limits.allowed,
                np.where(limits.required, 0.0, self.sparsity),
                stages=self.stages,
                steps=self.steps,
                rate=self.rate,
                bar=bar,
            )
        if isinstance(objective, SquaredLoss):
            path = replace(path, weights=settled(objective.covariance, path.weights, limits, self.sparsity))
        strong = np.where((np.abs(path.weights) > self.threshold) | limits.required, path.weights, 0.0)
        order, dropped = triangular_order(strong, limits)
        place = np.argsort(order)
        found = (strong != 0) & (place[:, None] < place[None, :]) & (np.abs(strong) > dropped)
        edges = found | limits.required
        said = [] if path.converged else ["Adam took all the steps it was given: raise steps, or lower rate."]
        if dropped > self.threshold:
            said.append(f"Weights up to {dropped:.2g} were dropped to leave no cycle.")
        discovery = linear_discovery(
            self,
            data,
            knowledge,
            replace(limits, allowed=edges),
            order,
            Wald(1.0, correct=False),
            needs_shape=False,
            test_noise=not logistic,
            details={"steps": path.steps},
            warnings=said,
        )
        return self._said(discovery, data, edges, path.weights, limits)

    def _said(
        self, found: Discovery, data: Observations, edges: np.ndarray, raw: np.ndarray, limits: OrderLimits
    ) -> Discovery:
        """The evidence without p-values, sortability, and the warnings about scale and direction."""
        names, logistic_loss = data.names, self.loss is Loss.LOGISTIC
        evidence = []
        for each in found.evidence:
            i, j = names.index(each.a), names.index(each.b)
            weight = raw[i, j] if each.adjacent else max(raw[i, j], raw[j, i], key=abs)
            reason = each.reason
            if not each.adjacent and not limits.allowed[i, j] and not limits.allowed[j, i]:
                reason = each.reason or "ruled out by knowledge"
            elif not limits.required[i, j]:
                relation = "above" if each.adjacent else "not above"
                reason = f"optimised weight {weight:.2g}, {relation} the threshold {self.threshold:g}"
            slope = (float(raw[i, j]) if logistic_loss else each.weight) if each.adjacent else None
            evidence.append(
                replace(each, given=(), statistic=None, p_value=None, weight=slope, reason=reason)
            )
        variance = np.diag(data.moments.cross)
        by_variance = sortability(variance, edges)
        by_r2 = sortability(explained_shares(data.correlation), edges)
        details = {k: v for k, v in found.details.items() if k not in ("cutoff", "standard_errors")}
        details |= {"varsortability": by_variance, "r2_sortability": by_r2}
        details["weights"] = {f"{e.a} -> {e.b}": e.weight for e in evidence if e.adjacent}
        # Two values fit the logistic loss well.
        warnings = [each for each in found.warnings if not (logistic_loss and "hold two values" in each)]
        if self.loss is Loss.LEAST_SQUARES and not self.standardise:
            share = f" Here {by_variance:.0%} of the paths found go to more variance." if edges.any() else ""
            warnings.append(
                "The columns were not standardised: least squares takes a column with more variance for an effect, so "
                f"a change of units can turn edges.{share} Compare with standardise=True and with SortRegress()."
            )
        if edges.any():
            free = [
                f"{edge.a} - {edge.b}" for edge in completed(found.graph).edges if edge.mark_a == edge.mark_b
            ]
            settled = {
                frozenset((names[i], names[j])) for i, j in zip(*np.nonzero(limits.before | limits.before.T))
            }
            free = [each for each in free if frozenset(each.split(" - ")) not in settled]
            if free:
                warnings.append(
                    f"The direction of {listing(free, 6)} rests on the sizes of noise alone: a graph that turns it "
                    "implies the same independences."
                )
        return replace(found, evidence=tuple(evidence), details=details, warnings=tuple(warnings))

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Linear, sufficient, acyclic, independent rows."""
        return linear_assumptions("DAGMA", noise=False)


Objective = Callable[[np.ndarray], tuple[float, np.ndarray]]
"""From weights [cause, effect] to the loss and its gradient."""


@dataclass(frozen=True, eq=False)
class SquaredLoss:
    """Half the mean squared error of all regressions, from the covariance."""

    covariance: np.ndarray

    def __call__(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient."""
        gradient = self.covariance @ weights - self.covariance
        loss = 0.5 * (
            np.trace(self.covariance) + np.vdot(weights, gradient) - np.vdot(weights, self.covariance)
        )
        return float(loss), gradient


@dataclass(eq=False)
class LogisticLoss:
    """The mean negative log likelihood of all logistic regressions, over distinct rows with their counts.

    The intercepts are kept at their optimum by one Newton step a call.
    """

    rows: np.ndarray
    share: np.ndarray
    intercept: np.ndarray

    @classmethod
    def of(cls, data: Observations) -> LogisticLoss:
        """The loss of binary columns."""
        distinct = data.distinct
        rows = distinct.codes.T.astype(float)
        share = distinct.weights / distinct.weights.sum()
        return cls(rows, share, special.logit(np.clip(share @ rows, 1e-6, 1 - 1e-6)))

    def __call__(self, weights: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss and its gradient."""
        linear = self.rows @ weights
        chance = special.expit(linear + self.intercept)
        slope = self.share @ (chance - self.rows)
        curve = self.share @ (chance * (1 - chance))
        self.intercept = self.intercept - np.clip(slope / np.maximum(curve, 1e-6), -1.0, 1.0)
        linear += self.intercept
        loss = float(self.share @ (np.logaddexp(0, linear) - self.rows * linear).sum(axis=1))
        return loss, (self.rows * self.share[:, None]).T @ (special.expit(linear) - self.rows)


@dataclass(frozen=True, eq=False)
class CentralPath:
    """Where the optimisation ended.

    Args:
        weights: shape (p, p), [cause, effect].
        steps: how many steps Adam took in all.
        converged: whether every stage ended by itself.
    """

    weights: np.ndarray
    steps: int
    converged: bool


def central_path(
    objective: Objective,
    allowed: np.ndarray,
    price: np.ndarray,
    *,
    stages: int = 5,
    steps: int = 20_000,
    rate: float = 3e-3,
    tolerance: float = 1e-6,
    domain: Sequence[float] = (1.0, 0.9, 0.8, 0.7, 0.6),
    bar: Progress | None = None,
) -> CentralPath:
    """Algorithm 1 of Bello et al. (2022): minimise for smaller and smaller mu, each from where the last one ended.

    Args:
        objective: the loss.
        allowed: booleans [cause, effect].
        price: lambda 1 for every entry.
        stages: values of mu.
        steps: of Adam in each.
        rate: of Adam.
        tolerance: relative change of the objective over a hundred steps at which the rate shrinks, and at last it ends.
        domain: s in each stage.
        bar: told of each stage.
    """
    weights, taken, converged = np.zeros(allowed.shape), 0, True
    for stage in range(stages):
        s = domain[min(stage, len(domain) - 1)]
        while _inverse(weights, s) is None:
            s += 0.1
        limit = steps * (2 if stage == stages - 1 else 1)
        weights, made, done = _adam(objective, weights, allowed, price, 0.1**stage, s, limit, rate, tolerance)
        taken += made
        converged &= done
        if bar is not None:
            bar.advance()
    return CentralPath(weights, taken, converged)


def settled(covariance: np.ndarray, weights: np.ndarray, limits: OrderLimits, sparsity: float) -> np.ndarray:
    """The lasso of each variable on those before it in the order where Adam ended, by coordinate descent.

    Adam comes near it, but trembles by its step length and is slow along flat directions.

    Args:
        covariance: shape (p, p).
        weights: where Adam ended.
        limits: what is known; required weights are not penalised.
        sparsity: lambda 1.

    Returns:
        Weights with exact zeros, shape (p, p).
    """
    order, _ = triangular_order(weights, limits)
    result = np.zeros_like(weights)
    for place, target in enumerate(order):
        above = [i for i in order[:place] if limits.allowed[i, target]]
        inside, across = covariance[np.ix_(above, above)], covariance[above, target]
        price = np.where(limits.required[above, target], 0.0, sparsity)
        slope = weights[above, target].copy()
        for _ in range(1000):
            before = slope.copy()
            for k in range(len(above)):
                pull = across[k] - inside[k] @ slope + inside[k, k] * slope[k]
                slope[k] = np.sign(pull) * max(abs(pull) - price[k], 0.0) / inside[k, k]
            if np.abs(slope - before).max(initial=0.0) < 1e-8:
                break
        result[above, target] = slope
    return result


def _adam(
    objective: Objective,
    weights: np.ndarray,
    allowed: np.ndarray,
    price: np.ndarray,
    mu: float,
    s: float,
    steps: int,
    rate: float,
    tolerance: float,
    decay: tuple[float, float] = (0.99, 0.999),
) -> tuple[np.ndarray, int, bool]:
    """Minimise for one mu inside the M-matrices (algorithm 2): a step that leaves them is taken back and halved."""
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    inverse = _inverse(weights, s)
    assert inverse is not None
    least = rate / 100
    previous, moved = np.inf, np.zeros_like(weights)
    for k in range(1, steps + 1):
        loss, gradient = objective(weights)
        if k % _CHECK == 1:
            # log det of the inverse is minus that of the matrix
            value = mu * (loss + float((price * np.abs(weights)).sum())) + np.linalg.slogdet(inverse)[1]
            if abs(previous - value) <= tolerance * max(abs(previous), 1e-12):
                if rate <= least:
                    return weights, k, True
                rate = max(rate * 0.3, least)
            previous = value
        gradient = mu * (gradient + price * np.sign(weights)) + 2 * weights * inverse.T
        gradient[~allowed] = 0.0
        first += (1 - decay[0]) * (gradient - first)
        second += (1 - decay[1]) * (gradient**2 - second)
        moved = (first / (1 - decay[0] ** k)) / (np.sqrt(second / (1 - decay[1] ** k)) + 1e-8)
        while True:
            ahead = weights - rate * moved
            inverse = _inverse(ahead, s)
            if inverse is not None:
                break
            rate *= 0.5
            if rate < 1e-12:
                inverse = _inverse(weights, s)
                return weights, k, False
        weights = ahead
    return weights, steps, False


def _inverse(weights: np.ndarray, s: float) -> np.ndarray | None:
    """The inverse of sI - W o W, or None where it is no M-matrix (its inverse has a negative entry)."""
    matrix = -(weights * weights)
    matrix.flat[:: len(matrix) + 1] += s
    factor, pivots, failed = lapack.dgetrf(matrix, overwrite_a=True)  # pyright: ignore[reportAttributeAccessIssue]
    if failed:
        return None
    inverse, failed = lapack.dgetri(factor, pivots, overwrite_lu=True)  # pyright: ignore[reportAttributeAccessIssue]
    return None if failed or inverse.min() < -1e-12 else inverse
