"""DirectLiNGAM: the causal order of a linear model with noise that is not Gaussian, one root after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._finding import linear_assumptions, linear_discovery
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.functional._pruning import Pruning, Wald
from aitia.graphs import GraphKind


class RootMeasure(ABC):
    """A measure of how far a variable is from being the root of those left."""

    @abstractmethod
    def first(
        self,
        values: np.ndarray,
        correlation: np.ndarray,
        live: np.ndarray,
        candidate: np.ndarray,
        reaches: np.ndarray,
    ) -> tuple[int, int]:
        """The variable most like a root.

        Args:
            values: standardised, shape (p, n), C order.
            correlation: shape (p, p).
            live: positions of the variables left.
            candidate: booleans, shape (p,): which may be first.
            reaches: booleans [cause, effect]: who may act on whom.

        Returns:
            Its position, and how many comparisons were made.
        """


@dataclass(frozen=True)
class PairwiseLikelihoodRatio(RootMeasure):
    """The likelihood ratio of the two directions of each pair, the default.

    ``R(x, y) = H(y) + H(r_x|y) - H(x) - H(r_y|x)`` with the residuals of each on the other and the
    entropies of standardised variables by Hyvärinen's approximation (log cosh and Gaussian moments); the root has the
    least ``sum_y min(0, R(x, y))^2``.

    Source: Hyvärinen and Smith (2013), Journal of Machine Learning Research 14, equations 6 and 25.
    """

    def first(
        self,
        values: np.ndarray,
        correlation: np.ndarray,
        live: np.ndarray,
        candidate: np.ndarray,
        reaches: np.ndarray,
    ) -> tuple[int, int]:
        """The variable with the least penalty; pairs that cannot change the answer are not compared."""
        from aitia.discovery.functional._entropy import first

        p = len(values)
        root, pairs = first(values, correlation, live, candidate, reaches, np.zeros(p), np.zeros(p))
        return int(root), int(pairs)


@dataclass(frozen=True)
class KernelMutualInformation(RootMeasure):
    """The kernel generalised variance between a variable and the residuals of the others on it.

    The root has the least ``sum_y MI(x, r_y|x)``. It sees dependence of any form, at a hundred
    times the cost of the likelihood ratio.

    Args:
        width: of the Gaussian kernel, in standard deviations; None takes 0.5 above 1,000 rows, else 1.
        ridge: kappa; None takes 0.002 above 1,000 rows, else 0.02.

    Source: Bach and Jordan (2002), Journal of Machine Learning Research 3; Shimizu et al. (2011), section 3.2.
    """

    width: float | None = None
    ridge: float | None = None

    def first(
        self,
        values: np.ndarray,
        correlation: np.ndarray,
        live: np.ndarray,
        candidate: np.ndarray,
        reaches: np.ndarray,
    ) -> tuple[int, int]:
        """The variable with the least sum; sums above the least complete one are left unfinished."""
        from aitia.discovery.functional._kernel import kernel_information

        large = values.shape[1] > 1000
        width = (0.5 if large else 1.0) if self.width is None else self.width
        ridge = (0.002 if large else 0.02) if self.ridge is None else self.ridge
        features: dict[int, np.ndarray] = {}

        def compare(i: int, j: int) -> float:
            rho = correlation[i, j]
            residual = (values[j] - rho * values[i]) / np.sqrt(max(1 - rho * rho, 1e-12))
            return kernel_information(values[i], residual, width, ridge, features, i)

        return least_sum(
            [int(i) for i in live if candidate[i]],
            {int(i): _strongest(correlation, i, [j for j in live if j != i and reaches[j, i]]) for i in live},
            compare,
        )


def _strongest(correlation: np.ndarray, i: int, others: Iterable[int]) -> list[int]:
    return sorted((int(j) for j in others), key=lambda j: abs(correlation[i, j]))


def least_sum(
    candidates: list[int], terms: dict[int, list[int]], compare: Callable[[int, int], float]
) -> tuple[int, int]:
    """The candidate with the least sum of terms that are never negative, most of them never computed.

    Args:
        candidates: who may win.
        terms: for each candidate what it is compared with, the most telling last.
        compare: one term.

    Returns:
        The winner, and how many terms were computed.
    """
    total, count = dict.fromkeys(candidates, 0.0), 0
    while True:
        best = min(candidates, key=total.__getitem__)
        if not terms[best]:
            return best, count
        total[best] += max(compare(best, terms[best].pop()), 0.0)
        count += 1


def causal_order(
    values: np.ndarray,
    correlation: np.ndarray,
    limits: OrderLimits,
    measure: RootMeasure,
    step: Callable[[], None] = lambda: None,
) -> tuple[list[int], int]:
    """The causal order of standardised variables: algorithm 1 of Shimizu et al. (2011).

    Args:
        values: shape (p, n), C order; overwritten.
        correlation: shape (p, p).
        limits: what is known.
        measure: finds the root of those left.
        step: called after each root.

    Returns:
        All positions, causes first, and how many comparisons were made.
    """
    from aitia.discovery.functional._entropy import remove

    p = len(values)
    correlation = np.array(correlation, order="C")
    remaining = np.ones(p, bool)
    order, total = [], 0
    for _ in range(p):
        live = np.flatnonzero(remaining)
        root, made = measure.first(values, correlation, live, limits.candidates(remaining), limits.reaches)
        order.append(root)
        total += made
        remove(values, correlation, root, live, limits.reaches)
        remaining[root] = False
        step()
    return order, total


def standardised(data: Observations) -> np.ndarray:
    """The rows as a new array of standardised variables, shape (p, n), C order."""
    values = np.array(data.values.T, order="C")
    values -= values.mean(axis=1, keepdims=True)
    values /= np.sqrt(np.mean(values**2, axis=1, keepdims=True))
    return values


@dataclass(frozen=True)
class DirectLiNGAM(Algorithm):
    """The linear non-Gaussian acyclic model, root after root.

    ``x_i = sum_j b_ij x_j + e_i`` with independent noises, at most one of them Gaussian. The variable most
    independent of the residuals of all others on it is a root; what it explains is taken out of the others, and so
    on. Then each variable is regressed on those before it, and slopes are pruned. Weights are least squares on the
    edges kept, in the columns' units; the p-values of `evidence` come from the regressions before pruning and take
    the order as given.

    The answer does not change with the scale, the sign or the order of the columns.

    Args:
        measure: how independence is measured: `PairwiseLikelihoodRatio` or `KernelMutualInformation`.
        pruning: which slopes are edges: `Wald` (the default) or `AdaptiveLasso`.

    Raises:
        DiscoveryError: a categorical column, missing values, fewer rows than variables, a column that others determine.

    Assumptions: linear, acyclic, no hidden common causes, noise not Gaussian, independent rows. The noises that the
    model leaves are tested for all of this; `warnings` and the ledger say what came out.

    Source: Shimizu et al. (2011), Journal of Machine Learning Research 12, algorithm 1; the measure of Hyvärinen and
    Smith (2013); comparisons that cannot change the answer are left out as in Shahbazinia et al. (2023).

    Example:
        >>> rng = np.random.default_rng(0)
        >>> dose = rng.exponential(size=1000)
        >>> relief = 2 * dose + rng.exponential(size=1000)
        >>> found = DirectLiNGAM().run({"relief": relief, "dose": dose})
        >>> found.order, round(found.between("dose", "relief").weight, 1)
        (('dose', 'relief'), 2.0)
    """

    measure: RootMeasure = field(default_factory=PairwiseLikelihoodRatio)
    pruning: Pruning = field(default_factory=Wald)
    name: ClassVar[str] = "directlingam"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Shimizu et al. (2011), Journal of Machine Learning Research 12, 1225-1248"
    cost: ClassVar[str] = "between p^2 and p^3 / 6 passes over the rows of two columns"

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers("DirectLiNGAM")
        data.require_complete("DirectLiNGAM")
        limits = OrderLimits.of(knowledge, data.names)
        with progress("causal order", len(data.names), show_progress) as bar:
            order, made = causal_order(
                standardised(data), data.correlation, limits, self.measure, lambda: bar.advance()
            )
        return linear_discovery(self, data, knowledge, limits, order, self.pruning, tests=made)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Linear, sufficient, acyclic, not Gaussian, independent rows."""
        return linear_assumptions("LiNGAM", noise=True)
