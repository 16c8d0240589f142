"""RESIT: the causal order of a nonlinear model with additive noise, one sink after the other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, Ledger, listing, progress
from aitia.discovery._algorithm import Algorithm, confounding_warnings
from aitia.discovery._discovery import Discovery, EdgeEvidence
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._finding import (
    dag,
    discrete_warnings,
    linear_assumptions,
)
from aitia.discovery.functional._noise import NoiseReport, gaussian_p_value
from aitia.discovery.functional._nonlinear import check_regressor, independence, residual
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.independence import IndependenceTest, RandomFourier
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class RESIT(Algorithm):
    """Regression with subsequent independence test: ``x_i = f_i(parents) + e_i``.

    A variable whose noise, after regression on all others, is the most independent of them is a sink; it is taken
    away, and so on. Then a parent is dropped where the noise stays independent of all that come before without it.
    Noises come from rows that the regression has not seen.

    Args:
        regressor: a scikit-learn estimator; None takes cubic splines of each cause with ridge regression (no
            interactions; `HistGradientBoostingRegressor()` sees them, and takes longer).
        test: the independence test of two variables: `RandomFourier()`, the default, or `KernelTest()`.
        alpha: the level at which the noise counts as dependent, and a parent stays.
        folds: of the regressions.

    Raises:
        DiscoveryError: a categorical column, missing values, an object that is no regressor.

    Assumptions: additive noise, no hidden common causes, acyclic; not all relations linear with Gaussian noise, where
    directions cannot be told (which is checked, and said).

    Source: Peters, Mooij, Janzing and Schölkopf (2014), Journal of Machine Learning Research 15, algorithm 1.
    Independence of several variables is tested one by one, with Bonferroni's correction.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> dose = rng.uniform(-1, 1, size=400)
        >>> relief = np.exp(1.5 * dose) + 0.2 * rng.normal(size=400)
        >>> RESIT().run({"relief": relief, "dose": dose}).order
        ('dose', 'relief')
    """

    regressor: Any = None
    test: IndependenceTest = field(default_factory=RandomFourier)
    alpha: float = 0.01
    folds: int = 5
    name: ClassVar[str] = "resit"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Peters et al. (2014), Journal of Machine Learning Research 15, 2009-2053"
    cost: ClassVar[str] = "p^2 regressions, each with up to p independence tests"

    def __post_init__(self) -> None:
        check_regressor(self.regressor)
        if not 0 < self.alpha < 1:
            raise DiscoveryError(
                f"alpha lies between 0 and 1, but came {self.alpha:g}.", "0.01 is a usual level."
            )
        if self.folds < 2:
            raise DiscoveryError(
                f"RESIT needs two folds or more, but came {self.folds}.", "Write RESIT(folds=5)."
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers("RESIT")
        data.require_complete("RESIT")
        limits = OrderLimits.of(knowledge, data.names)
        spread = np.sqrt(np.diag(data.moments.cross) / data.moments.weight)
        values = (data.values - data.moments.mean) / spread
        p, tests = values.shape[1], 0
        parents: dict[int, list[int]] = {}
        order: list[int] = []
        with progress("sinks and parents", 2 * p, show_progress) as bar:
            # Lines 1 to 9 of algorithm 1: the order, sinks first.
            remaining = list(range(p))
            while remaining:
                found = []
                for k in remaining:
                    others = [i for i in remaining if i != k]
                    if limits.before[k, others].any():
                        continue
                    above = [i for i in others if limits.allowed[i, k]]
                    noise = residual(self.regressor, values[:, above], values[:, k], self.folds, seed)
                    found.append(
                        (independence(noise, values[:, others], self.test)[1], data.names[k], k, above)
                    )
                    tests += len(others)
                sink = max(found, key=lambda each: (each[0], each[1]))
                parents[sink[2]] = sink[3]
                order.insert(0, sink[2])
                remaining.remove(sink[2])
                bar.advance()
            # Lines 10 to 18: parents that are not needed.
            evidence: list[EdgeEvidence] = []
            noises = np.empty_like(values)
            for at, k in enumerate(order):
                before = order[:at]
                for i in sorted(parents[k], key=lambda i: data.names[i]):
                    kept = [j for j in parents[k] if j != i]
                    noise = residual(self.regressor, values[:, kept], values[:, k], self.folds, seed)
                    p_value = independence(noise, values[:, before], self.test)[0]
                    tests += len(before)
                    required = bool(limits.required[i, k])
                    joined = p_value <= self.alpha or required
                    if not joined:
                        parents[k] = kept
                    evidence.append(
                        EdgeEvidence(
                            data.names[i],
                            data.names[k],
                            joined,
                            tuple(data.names[j] for j in kept),
                            p_value=p_value,
                            reason="required by knowledge"
                            if required
                            else f"without it the noise of {data.names[k]} is "
                            + ("dependent on" if joined else "independent of")
                            + " what comes before",
                        )
                    )
                for i in before:
                    if not limits.allowed[i, k]:
                        why = (
                            knowledge.why_forbidden(data.names[i], data.names[k]) or "ruled out by knowledge"
                        )
                        evidence.append(EdgeEvidence(data.names[i], data.names[k], False, reason=why))
                noises[:, k] = residual(self.regressor, values[:, parents[k]], values[:, k], self.folds, seed)
                bar.advance()
        edges = [(data.names[i], data.names[k]) for k in order for i in parents[k]]
        report = NoiseReport.of([data.names[k] for k in order], noises[:, order])
        straight = self._straight(data, values, noises, parents, limits, seed)
        warnings = [*confounding_warnings(knowledge, self), *discrete_warnings(data)]
        if straight:
            warnings.append(
                f"A straight line with Gaussian noise fits {listing(straight)} as well: its direction cannot be told."
            )
        warnings.extend(report.warnings(edges, needs_shape=False))
        return Discovery(
            dag(data.names, edges),
            self,
            tuple(evidence),
            tests=tests,
            order=tuple(data.names[k] for k in order),
            assumptions=report.record(Ledger(tuple(self.assumes(data))), AssumptionKey.SMOOTHNESS),
            warnings=tuple(warnings),
            details={
                "gaussian_noise_p_values": report.gaussian,
                "dependent_noise_p_value": report.smallest,
            },
        )

    def _straight(
        self,
        data: Observations,
        values: np.ndarray,
        noises: np.ndarray,
        parents: dict[int, list[int]],
        limits: OrderLimits,
        seed: int,
    ) -> list[str]:
        """Edges that a straight line with Gaussian noise, from a Gaussian cause, explains as well."""
        from sklearn.linear_model import LinearRegression

        said = []
        for k, above in parents.items():
            open_ = [i for i in above if not limits.before[i, k] and gaussian_p_value(noises[:, i]) > 0.01]
            if not open_ or gaussian_p_value(noises[:, k]) <= 0.01:
                continue
            line = residual(LinearRegression(), values[:, above], values[:, k], self.folds, seed)
            # The mean gain of the curve in squared error, in its standard errors.
            gain = line**2 - noises[:, k] ** 2
            if gain.mean() <= 2 * gain.std() / np.sqrt(len(gain)):
                said.extend(f"{data.names[i]} -> {data.names[k]}" for i in open_)
        return said

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Additive noise in place of linear relations, sufficient, acyclic, independent rows."""
        for line in linear_assumptions("RESIT", noise=False):
            if line.key is not AssumptionKey.LINEARITY:
                yield line
        yield Assumption(
            AssumptionKey.SMOOTHNESS,
            "Each variable is a smooth function of its causes plus noise that is independent of them.",
            True,
            source="RESIT",
        )
