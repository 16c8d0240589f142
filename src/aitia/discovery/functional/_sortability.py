"""How far sorting by variance, or by the share of variance explained, gives a graph away."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.discovery._observations import Observations
from aitia.graphs import Graph, Mark


def varsortability(data: Any, graph: Graph | str) -> float:
    """The share of directed paths along which the variance grows.

    ``sum_k sum_(i -> j in E_k) inc(Var x_i, Var x_j) / sum_k |E_k|``, where
    E_k joins the nodes that a path of k edges joins and inc is 1 where the second is larger, 1/2 in a tie, else
    0. At 1 sorting the columns by variance is a causal order; 1/2 is a coin. Methods that minimise squared error on raw
    columns do well on data with high varsortability and no better than chance on the same data in other units.

    Args:
        data: `Observations`, or anything `Observations.of` takes; from the moments alone.
        graph: a directed acyclic graph over columns of the data, the true one or one that was found.

    Returns:
        Between 0 and 1; NaN where the graph has no directed edge.

    Source: Reisach, Seiler and Weichwald (2021), NeurIPS, section 3.1.

    Example:
        >>> columns = {"a": [0.0, 1.0, 2.0, 3.0], "b": [0.0, 2.0, 4.0, 7.0], "c": [0.0, 1.0, 1.0, 1.0]}
        >>> varsortability(columns, "a -> b; b -> c")
        0.3333333333333333
    """
    observed = Observations.of(data)
    edges = _edges(observed, graph)
    return sortability(np.diag(observed.moments.cross), edges)


def r2_sortability(data: Any, graph: Graph | str) -> float:
    """The share of directed paths along which the share of variance explained by all other columns grows.

    As `varsortability`, with ``R2_i = 1 - 1 / (C^-1)_ii`` of the correlation matrix C in place of the variance;
    it does not change with the scale of the columns. At 1 sorting by R2 is a causal order.

    Args:
        data: `Observations`, or anything `Observations.of` takes; from the moments alone.
        graph: a directed acyclic graph over columns of the data, the true one or one that was found.

    Returns:
        Between 0 and 1; NaN where the graph has no directed edge.

    Source: Reisach, Tami, Seiler, Chambaz and Weichwald (2023), NeurIPS, definition 1.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> a = rng.normal(size=1000)
        >>> b = a + rng.normal(size=1000)
        >>> c = 2 * a + 2 * b + rng.normal(size=1000)
        >>> r2_sortability({"a": a, "b": b, "c": c}, "a -> c; b -> c")
        1.0
    """
    observed = Observations.of(data)
    edges = _edges(observed, graph)
    return sortability(explained_shares(observed.correlation), edges)


def explained_shares(correlation: np.ndarray) -> np.ndarray:
    """The share of each variable's variance that all others explain, shape (p,)."""
    return np.clip(1 - 1 / np.diag(np.linalg.pinv(correlation, rcond=1e-12, hermitian=True)), 0.0, 1.0)


def sortability(criterion: np.ndarray, edges: np.ndarray, tolerance: float = 1e-9) -> float:
    """The share of directed paths along which a criterion grows, ties counting half.

    Args:
        criterion: shape (p,).
        edges: booleans [cause, effect] of an acyclic graph.
        tolerance: relative differences up to this are ties.
    """
    difference = criterion[None, :] - criterion[:, None]
    near = np.abs(difference) <= tolerance * np.maximum(
        np.abs(criterion)[None, :], np.abs(criterion)[:, None]
    )
    grows = np.where(near, 0.5, difference > 0)
    count = right = 0.0
    walks = edges.astype(float)
    for _ in range(len(edges)):
        joined = walks > 0
        if not joined.any():
            break
        count += joined.sum()
        right += grows[joined].sum()
        walks = joined @ edges.astype(float)
    return float(right / count) if count else float("nan")


def _edges(data: Observations, graph: Graph | str) -> np.ndarray:
    read = Graph.read(graph)
    edges = np.zeros((len(data.names), len(data.names)), bool)
    for edge in read.edges:
        ends = {(Mark.TAIL, Mark.ARROW): (edge.a, edge.b), (Mark.ARROW, Mark.TAIL): (edge.b, edge.a)}
        found = ends.get((edge.mark_a, edge.mark_b))
        a, b = data.position(edge.a), data.position(edge.b)
        if found:
            a, b = data.position(found[0]), data.position(found[1])
            edges[a, b] = True
    return edges
