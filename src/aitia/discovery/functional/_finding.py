"""The last steps of every algorithm that finds an order: regress, prune, fit again, test the noise, say it all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aitia.core import Assumption, AssumptionKey, Decision, Ledger, listing
from aitia.discovery._algorithm import Algorithm, confounding_warnings
from aitia.discovery._discovery import Discovery, EdgeEvidence
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._noise import NoiseReport
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.functional._pruning import Pruning, regress
from aitia.graphs import Edge, Graph, GraphKind, Mark


def linear_discovery(
    algorithm: Algorithm,
    data: Observations,
    knowledge: Knowledge,
    limits: OrderLimits,
    order: Sequence[int],
    pruning: Pruning,
    *,
    needs_shape: bool = True,
    test_noise: bool = True,
    targets: Sequence[int] | None = None,
    tests: int = 0,
    details: Mapping[str, Any] | None = None,
    warnings: Sequence[str] = (),
    decisions: Sequence[Decision] = (),
) -> Discovery:
    """The linear model along a causal order.

    Args:
        algorithm: who found the order.
        data: the variables; rows where there are any, so that the noise can be tested.
        knowledge: what was known.
        limits: the same as matrices.
        order: all positions, causes first.
        pruning: which slopes are edges.
        needs_shape: whether the directions rest on noise that is not Gaussian.
        test_noise: whether the noise of the linear model is tested.
        targets: the positions to regress; None regresses all.
        tests: how many comparisons the search made.
        details: numbers of the algorithm's own.
        warnings: what it has to say already.
        decisions: what it decided.
    """
    names, correlation, n = data.names, data.correlation, data.rows
    spread = np.sqrt(np.diag(data.moments.cross) / data.moments.weight)
    wanted = set(order if targets is None else targets)
    regressions = []
    for k, target in enumerate(order):
        if target in wanted:
            above = np.array([i for i in order[:k] if limits.allowed[i, target]], np.int64)
            regressions.append(regress(correlation, n, target, above, names))
    kept, level = pruning.keep(regressions, correlation, n, limits.required)
    weights = np.zeros((len(names), len(names)))
    errors: dict[str, float] = {}
    decided: dict[tuple[int, int], EdgeEvidence] = {}
    edges: list[tuple[str, str]] = []
    for full, stays in zip(regressions, kept):
        t = full.target
        fit = regress(correlation, n, t, full.on[stays], names)
        weights[fit.on, t] = fit.slope * spread[t] / spread[fit.on]
        for i, error in zip(fit.on, fit.standard_error):
            edges.append((names[i], names[t]))
            errors[f"{names[i]} -> {names[t]}"] = float(error * spread[t] / spread[i])
        for i, z, p, is_edge in zip(full.on.tolist(), full.statistic, full.p_value, stays):
            reason = "" if is_edge else pruning.words
            if limits.required[i, t]:
                reason = "required by knowledge"
            decided[min(i, t), max(i, t)] = EdgeEvidence(
                names[i],
                names[t],
                bool(is_edge),
                tuple(names[j] for j in full.on if j != i),
                statistic=float(z),
                p_value=float(p),
                weight=float(weights[i, t]) if is_edge else None,
                reason=reason,
            )
    for k, target in enumerate(order):
        for i in order[:k]:
            pair = (min(i, target), max(i, target))
            if target in wanted and pair not in decided:
                why = knowledge.why_forbidden(names[i], names[target]) or "ruled out by knowledge"
                decided[pair] = EdgeEvidence(names[i], names[target], False, reason=why)
    ledger = Ledger(tuple(algorithm.assumes(data)))
    said = [*warnings, *confounding_warnings(knowledge, algorithm), *discrete_warnings(data)]
    more: dict[str, Any] = {} if details is None else dict(details)
    more["weights"] = {f"{a} -> {b}": float(weights[names.index(a), names.index(b)]) for a, b in edges}
    more["standard_errors"] = errors
    if level is not None:
        more["cutoff"] = level
    if data.has_rows and test_noise:
        at = [each.target for each in regressions]
        values = data.values - data.moments.mean
        report = NoiseReport.of(
            [names[t] for t in at], values[:, at] - values @ weights[:, at], limits.allowed[np.ix_(at, at)]
        )
        open_edges = [(a, b) for a, b in edges if not limits.before[names.index(a), names.index(b)]]
        ledger = report.record(ledger)
        said.extend(report.warnings(open_edges, needs_shape=needs_shape))
        more["gaussian_noise_p_values"] = report.gaussian
        more["dependent_noise_p_value"] = report.smallest
    return Discovery(
        dag(names, edges),
        algorithm,
        tuple(decided[pair] for pair in sorted(decided)),
        tests=tests,
        order=tuple(names[i] for i in order),
        assumptions=ledger,
        decisions=tuple(decisions),
        warnings=tuple(said),
        details=more,
    )


def dag(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> Graph:
    """The directed graph with these edges (cause, effect)."""
    return Graph(tuple(names), tuple(Edge(a, b, Mark.TAIL, Mark.ARROW) for a, b in edges), kind=GraphKind.DAG)


def discrete_warnings(data: Observations) -> list[str]:
    """What to say of binary columns in a model of numbers with continuous noise."""
    binary = [name for name, discrete in zip(data.names, data.discrete) if discrete]
    if not binary:
        return []
    return [f"{listing(binary)} hold two values: as effects they cannot be a line plus independent noise."]


def linear_assumptions(source: str, *, noise: bool) -> list[Assumption]:
    """The ledger of a linear model without hidden causes.

    Args:
        source: who states it.
        noise: whether it rests on noise that is not Gaussian.
    """
    lines = [
        Assumption(
            AssumptionKey.CAUSAL_SUFFICIENCY,
            "No two variables share a cause that is not in the data: their noises are independent.",
            True,
            source=source,
        ),
        Assumption(
            AssumptionKey.ACYCLICITY, "No variable causes itself through others.", False, source=source
        ),
        Assumption(
            AssumptionKey.LINEARITY,
            "Each variable is a weighted sum of its causes plus noise.",
            True,
            source=source,
        ),
        Assumption(
            AssumptionKey.INDEPENDENT_ROWS, "The rows are independent of each other.", False, source=source
        ),
    ]
    if noise:
        lines.append(
            Assumption(
                AssumptionKey.NON_GAUSSIAN_NOISE,
                "At most one of the noises is Gaussian.",
                True,
                source=source,
            )
        )
    return lines
