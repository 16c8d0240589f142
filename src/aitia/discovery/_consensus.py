"""One graph that many replicates agree on, with the form of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from aitia.graphs import Edge, Graph, GraphError, GraphKind, Mark, Marks, close_under_meek, completed

MARKS = (Mark.TAIL, Mark.ARROW, Mark.CIRCLE)
"""The order of end marks in arrays of frequencies."""
PLACE = {mark: place for place, mark in enumerate(MARKS)}
_TAIL, _ARROW, _CIRCLE = range(3)


def tally(graphs: Sequence[Graph], nodes: Sequence[str]) -> np.ndarray:
    """In what share of the graphs each pair has each edge.

    Args:
        graphs: graphs over `nodes`.
        nodes: the p names.

    Returns:
        Shape (p, p, 3, 3): ``[i, j, k, l]`` is the share with an edge that has mark k at i and mark l at j, marks in
        the order of `MARKS`. Of two edges between a pair the directed one counts.
    """
    index = {node: i for i, node in enumerate(nodes)}
    p = len(nodes)
    counts = np.zeros((p, p, 3, 3), np.float32 if p > 300 else np.float64)
    for graph in graphs:
        seen: set[tuple[int, int]] = set()
        for edge in sorted(graph.edges, key=lambda each: each.bidirected):
            i, j = index[edge.a], index[edge.b]
            if (min(i, j), max(i, j)) in seen:
                continue
            seen.add((min(i, j), max(i, j)))
            k, m = PLACE[edge.mark_a], PLACE[edge.mark_b]
            counts[i, j, k, m] += 1
            counts[j, i, m, k] += 1
    return counts / max(len(graphs), 1)


@dataclass(frozen=True, eq=False)
class Consensus:
    """The graph, and what had to give way for it to have the form of its kind, in words."""

    graph: Graph
    notes: tuple[str, ...] = ()


def consensus(
    states: np.ndarray, nodes: Sequence[str], like: Graph, graphs: Sequence[Graph], threshold: float
) -> Consensus:
    """The pairs joined in more than `threshold` of the graphs, each with the direction most of them agree on.

    Args:
        states: as `tally` answers them.
        nodes: the p names.
        like: a graph with the kind, latent and selected nodes wanted.
        graphs: the graphs behind `states`; the one nearest to them stands in where their frequent edges make no
            graph of the kind.
        threshold: a share between 0 and 1.
    """
    adjacent = states.sum(axis=(2, 3))
    pairs = [(int(i), int(j)) for i, j in np.argwhere(np.triu(adjacent > threshold, 1))]
    if like.kind is GraphKind.DAG:
        made, notes = _dag(states, pairs, nodes)
    elif like.kind in (GraphKind.CPDAG, GraphKind.MPDAG):
        made, notes = _mpdag(states, pairs, nodes, threshold)
    elif like.kind is GraphKind.UNDIRECTED:
        made = Graph(tuple(nodes), tuple(Edge(nodes[i], nodes[j], Mark.TAIL, Mark.TAIL) for i, j in pairs),
                     kind=GraphKind.UNDIRECTED)  # fmt: skip
        notes = []
    else:
        made, notes = _frequent_marks(states, pairs, nodes, like.kind, graphs)
    if like.latent or like.selected:
        made = made.with_flags(latent=like.latent, selected=like.selected)
    return Consensus(made, tuple(notes))


def _arrows(states: np.ndarray, pairs: Sequence[tuple[int, int]], least: float) -> list[tuple[int, int]]:
    """Of each pair the direction that leads, where its share is above `least`; the most frequent first."""
    found = []
    for i, j in pairs:
        forward, backward = states[i, j, _TAIL, _ARROW], states[j, i, _TAIL, _ARROW]
        share, a, b = max((forward, i, j), (backward, j, i), key=lambda each: each[0])
        if share > least:
            found.append((float(share), a, b))
    return [(a, b) for _, a, b in sorted(found, key=lambda each: (-each[0], each[1], each[2]))]


def _without_cycles(
    arrows: Sequence[tuple[int, int]], p: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The arrows that fit when taken one by one, and those that would have closed a cycle."""
    children: list[set[int]] = [set() for _ in range(p)]
    kept, gone = [], []
    for a, b in arrows:
        stack, seen = [b], {b}
        while stack and a not in seen:
            for child in children[stack.pop()]:
                if child not in seen:
                    seen.add(child)
                    stack.append(child)
        if a in seen:
            gone.append((a, b))
        else:
            children[a].add(b)
            kept.append((a, b))
    return kept, gone


def _dag(
    states: np.ndarray, pairs: Sequence[tuple[int, int]], nodes: Sequence[str]
) -> tuple[Graph, list[str]]:
    kept, gone = _without_cycles(_arrows(states, pairs, -1.0), len(nodes))
    edges = tuple(Edge(nodes[a], nodes[b]) for a, b in sorted(kept))
    notes = [
        f"left out {nodes[a]} -> {nodes[b]}, which closes a cycle with more frequent edges" for a, b in gone
    ]
    return Graph(tuple(nodes), edges, kind=GraphKind.DAG), notes


def _mpdag(
    states: np.ndarray, pairs: Sequence[tuple[int, int]], nodes: Sequence[str], threshold: float
) -> tuple[Graph, list[str]]:
    kept, gone = _without_cycles(_arrows(states, pairs, threshold), len(nodes))
    notes = [f"left {nodes[a]} -- {nodes[b]} open: {nodes[a]} -> {nodes[b]} closes a cycle" for a, b in gone]
    marks = _lines(pairs, len(nodes))
    for a, b in kept:
        marks.orient(a, b)
    close_under_meek(marks)
    try:
        return marks.graph(nodes, GraphKind.MPDAG), notes
    except GraphError:
        pass
    # The frequent arrows alone leave the lines no way to point: take the member of some class that needs the
    # fewest colliders nobody voted for, then keep of its directions what the class and the votes settle.
    order, invented = _member(pairs, kept, len(nodes))
    place = {node: k for k, node in enumerate(order)}
    member = Graph(
        tuple(nodes),
        tuple(
            Edge(nodes[a], nodes[b]) if place[a] < place[b] else Edge(nodes[b], nodes[a]) for a, b in pairs
        ),
    )
    marks = Marks.of(completed(member))
    for a, b in kept:
        marks.orient(a, b)
    close_under_meek(marks)
    notes.append(
        f"{invented} unshielded {'collider is' if invented == 1 else 'colliders are'} in no majority of the "
        "replicates: without them the frequent edges fit no class"
    )
    return marks.graph(nodes, GraphKind.MPDAG), notes


def _lines(pairs: Sequence[tuple[int, int]], p: int) -> Marks:
    marks = Marks(p)
    for a, b in pairs:
        marks.join(a, b, Mark.TAIL, Mark.TAIL)
    return marks


def _member(
    pairs: Sequence[tuple[int, int]], arrows: Sequence[tuple[int, int]], p: int
) -> tuple[list[int], int]:
    """A causal order that keeps every arrow, with few new unshielded colliders, and how many these are.

    Dor & Tarsi's (1992) extension, which takes sinks out one by one; where no node is a sink in their sense, the
    one with the fewest unshielded pairs goes.
    """
    beside: list[set[int]] = [set() for _ in range(p)]
    children: list[set[int]] = [set() for _ in range(p)]
    for a, b in pairs:
        beside[a].add(b)
        beside[b].add(a)
    for a, b in arrows:
        children[a].add(b)
    joined = [set(each) for each in beside]
    parents: list[set[int]] = [set() for _ in range(p)]
    for a, b in arrows:
        parents[b].add(a)

    def price(i: int) -> int:
        lines = beside[i] - parents[i] - children[i]
        return sum(
            k not in joined[j] for j in lines for k in beside[i] if k != j and (k not in lines or k > j)
        )

    left, order, invented = set(range(p)), [], 0
    prices = {i: price(i) for i in left}
    while left:
        i = min((i for i in left if not children[i]), key=lambda each: (prices[each], each))
        invented += prices[i]
        order.append(i)
        left.discard(i)
        for j in beside[i]:
            beside[j].discard(i)
            children[j].discard(i)
        for j in beside[i]:
            prices[j] = price(j)
    return order[::-1], invented


def _frequent_marks(
    states: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    nodes: Sequence[str],
    kind: GraphKind,
    graphs: Sequence[Graph],
) -> tuple[Graph, list[str]]:
    """Each pair with its most frequent marks; the nearest replicate where they make no graph of the kind."""
    edges = []
    for i, j in pairs:
        k, m = np.unravel_index(int(states[i, j].argmax()), (3, 3))
        edges.append(Edge(nodes[i], nodes[j], MARKS[int(k)], MARKS[int(m)]))
    try:
        return Graph(tuple(nodes), tuple(edges), kind=kind), []
    except GraphError:
        return nearest_graph(states, nodes, graphs), [
            f"the most frequent marks together make no {kind.value}, so the replicate nearest to the frequencies "
            "stands in"
        ]


def nearest_graph(states: np.ndarray, nodes: Sequence[str], graphs: Sequence[Graph]) -> Graph:
    """The one of the graphs whose edges agree with the frequencies best, summed over pairs."""
    index = {node: i for i, node in enumerate(nodes)}
    absent = 1 - states.sum(axis=(2, 3))

    def agreement(graph: Graph) -> float:
        total = 0.0
        for edge in graph.edges:
            i, j = index[edge.a], index[edge.b]
            total += states[i, j, PLACE[edge.mark_a], PLACE[edge.mark_b]] - absent[i, j]
        return total

    return max(graphs, key=agreement)
