"""ICA-LiNGAM: the linear non-Gaussian model by independent component analysis."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, optimize, stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._direct_lingam import standardised
from aitia.discovery.functional._finding import linear_assumptions, linear_discovery
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.functional._pruning import Pruning, Wald
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class ICALiNGAM(Algorithm):
    """The linear non-Gaussian acyclic model by independent component analysis.

    The unmixing matrix W of FastICA is put into the order of rows that leaves no zero on its diagonal (an assignment
    problem: least ``sum_i 1 / |W_ii|``) and scaled to ``W = I - B``; the smallest entries of B are set to zero
    until an order makes the rest strictly lower triangular. Pruning, weights and p-values are those of `DirectLiNGAM`.

    FastICA starts from a random matrix (seed) and finds a local optimum: `DirectLiNGAM` needs neither and is the better
    first choice. Columns are taken in the order of their names, so their order in the data does not matter.

    Args:
        pruning: which slopes are edges: `Wald` (the default) or `AdaptiveLasso`.
        iterations: most iterations of FastICA.
        tolerance: when FastICA has converged.
        starts: random starts; the one whose components are the furthest from Gaussian counts.

    Raises:
        DiscoveryError: a categorical column, missing values, fewer rows than variables, a column that others determine.

    Assumptions: linear, acyclic, no hidden common causes, noise not Gaussian, independent rows.

    Source: Shimizu, Hoyer, Hyvärinen and Kerminen (2006), Journal of Machine Learning Research 7, algorithms A to C.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> dose = rng.exponential(size=1000)
        >>> relief = 2 * dose + rng.exponential(size=1000)
        >>> ICALiNGAM().run({"relief": relief, "dose": dose}).order
        ('dose', 'relief')
    """

    pruning: Pruning = field(default_factory=Wald)
    iterations: int = 2000
    tolerance: float = 1e-6
    starts: int = 3
    name: ClassVar[str] = "icalingam"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Shimizu et al. (2006), Journal of Machine Learning Research 7, 2003-2030"
    cost: ClassVar[str] = "FastICA: iterations times p^2 n"

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers("ICA-LiNGAM")
        data.require_complete("ICA-LiNGAM")
        limits = OrderLimits.of(knowledge, data.names)
        by_name = np.argsort(data.names)
        unmixing, converged = self._unmixing(standardised(data)[by_name], seed)
        at = np.argsort(by_name)
        unmixing = unmixing[:, at]
        rows, columns = optimize.linear_sum_assignment(1 / np.maximum(np.abs(unmixing), 1e-12))
        turned = np.empty_like(unmixing)
        turned[columns] = unmixing[rows]
        effects = np.eye(len(turned)) - turned / np.diag(turned)[:, None]
        order, left_out = triangular_order(effects.T, limits)
        warnings = []
        if not converged:
            warnings.append(
                f"FastICA did not converge in {self.iterations:,} iterations from any of {self.starts} starts: compare "
                "with DirectLiNGAM."
            )
        return linear_discovery(
            self,
            data,
            knowledge,
            limits,
            order,
            self.pruning,
            details={"largest_effect_against_order": left_out},
            warnings=warnings,
        )

    def _unmixing(self, values: np.ndarray, seed: int) -> tuple[np.ndarray, bool]:
        """The unmixing matrix of the best start, and whether any start converged."""
        import warnings

        from sklearn.decomposition import FastICA
        from sklearn.exceptions import ConvergenceWarning

        best, far = None, (False, -1.0)
        for start in range(self.starts):
            ica = FastICA(
                whiten="unit-variance",
                max_iter=self.iterations,
                tol=self.tolerance,
                random_state=int(stream(seed, "ica", start).integers(2**31)),
            )
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                try:
                    parts: np.ndarray = ica.fit_transform(values.T)  # type: ignore[assignment]
                except (ValueError, np.linalg.LinAlgError) as problem:
                    raise DiscoveryError(
                        f"Independent component analysis failed: {problem}.", "Use DirectLiNGAM."
                    ) from problem
            stopped = any(issubclass(each.category, ConvergenceWarning) for each in caught)
            # E log cosh of a standard Gaussian is 0.37457: the contrast that FastICA maximises.
            contrast = float(((np.logaddexp(parts, -parts).mean(axis=0) - np.log(2) - 0.37457) ** 2).sum())
            if (not stopped, contrast) > far:
                best, far = ica.components_, (not stopped, contrast)
        assert best is not None
        return best, far[0]

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Linear, sufficient, acyclic, not Gaussian, independent rows."""
        return linear_assumptions("LiNGAM", noise=True)


def triangular_order(effects: np.ndarray, limits: OrderLimits) -> tuple[list[int], float]:
    """The order that leaves only small effects against it.

    Algorithm C of Shimizu et al. (2006): the smallest entries are dropped until the rest is acyclic. Entries that
    knowledge forbids are dropped first, those it settles never.

    Args:
        effects: shape (p, p), [cause, effect].
        limits: what is known.

    Returns:
        All positions, causes first, and the largest entry that was dropped.
    """
    size = np.where(limits.allowed, np.abs(effects), 0.0)
    size[limits.before] = np.inf
    steps = np.unique(np.concatenate([[0.0], size[np.isfinite(size)]]))
    low, high = (
        0,
        len(steps) - 1,
    )  # dropping more never brings a cycle back, so halving finds the first that works
    while low < high:
        middle = (low + high) // 2
        if _sorted(size > steps[middle]) is None:
            low = middle + 1
        else:
            high = middle
    order = _sorted(size > steps[low])
    assert order is not None, "knowledge is acyclic"
    return order, float(steps[low])


def _sorted(edges: np.ndarray) -> list[int] | None:
    """A causal order of a directed graph, or None if it has a cycle."""
    left = np.ones(len(edges), bool)
    order = []
    while left.any():
        free = np.flatnonzero(left & ~edges[left].any(axis=0))
        if not len(free):
            return None
        order.extend(free.tolist())
        left[free] = False
    return order
