"""Definite status on paths, and edges that are visible: what a graph only partly known says for sure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import pairwise

from aitia.graphs._edge import GraphKind, Mark
from aitia.graphs._errors import GraphError
from aitia.graphs._graph import Graph
from aitia.graphs._marks import Marks
from aitia.graphs._possible import path_along
from aitia.graphs._separation import Path


class Status(StrEnum):
    """What an inner node of a path is in all members of the class."""

    COLLIDER = "collider"
    NON_COLLIDER = "non-collider"
    OPEN = "open"


def definite_status(graph: Graph, path: Sequence[str]) -> tuple[Status, ...]:
    """What each inner node of a path is: a collider, a non-collider, or open.

    A node is a collider where both edges have an arrowhead at it. It is a definite non-collider where an edge
    has a tail at it, or its two neighbours on the path are not joined (Zhang 2008, Section 3.4; Maathuis & Colombo
    2015, Definition 3.4; lines of a CPDAG or MPDAG have no tails in this sense).

    Args:
        graph: a graph with at most one edge a pair.
        path: its nodes in order.

    Raises:
        GraphError: two nodes that follow each other are not joined.

    Example:
        >>> graph = Graph.parse("a -> b <- c; b -> d")
        >>> definite_status(graph, ["a", "b", "c"]) + definite_status(graph, ["a", "b", "d"])
        (<Status.COLLIDER: 'collider'>, <Status.NON_COLLIDER: 'non-collider'>)
    """
    _one_edge(graph)
    at = [graph.indices(node)[0] for node in path]
    marks = Marks.of(graph)
    for a, b in pairwise(at):
        if not marks.joined(a, b):
            raise GraphError(f"{graph.nodes[a]!r} and {graph.nodes[b]!r} are not joined.", "Give a path.")
    lined = graph.kind in (GraphKind.CPDAG, GraphKind.MPDAG)
    return tuple(_status(marks, lined, *three) for three in zip(at, at[1:], at[2:]))


def _one_edge(graph: Graph) -> None:
    graph.require("Definite status", GraphKind.DAG, GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.PAG)


def _status(marks: Marks, lined: bool, a: int, b: int, c: int) -> Status:
    at = marks.at
    before, after = at[a][b], at[c][b]
    if before is Mark.ARROW and after is Mark.ARROW:
        return Status.COLLIDER
    if c not in at[a]:
        return Status.NON_COLLIDER
    for end, mark in ((a, before), (c, after)):
        if mark is Mark.TAIL and not (lined and at[b][end] is Mark.TAIL):
            return Status.NON_COLLIDER
    return Status.OPEN


def definite_status_paths(graph: Graph, x: str, y: str) -> Iterator[Path]:
    """The paths from `x` to `y` all of whose inner nodes are of definite status; there can be very many.

    They decide separation: `given` separates x and y in the class if and only if none of these paths is open, that
    is, each has a non-collider in `given` or a collider without a descendant in it (Zhang 2008, Lemma 5.1 for
    PAGs; Henckel, Perkovic & Maathuis 2022 for MPDAGs). `m_separated` answers the same through one member,
    in linear time.

    Args:
        graph: a graph with at most one edge a pair.
        x: one end.
        y: the other end.

    Example:
        >>> for path in definite_status_paths(Graph.parse("a o-o b; b o-o c; a o-o c; c o-o d"), "a", "d"):
        ...     print(path)
        a o-o c o-o d
    """
    _one_edge(graph)
    marks = Marks.of(graph)
    lined = graph.kind in (GraphKind.CPDAG, GraphKind.MPDAG)
    (start,), (end,) = graph.indices(x), graph.indices(y)
    stack = [(start,)] if start != end else []
    while stack:
        walk = stack.pop()
        if walk[-1] == end:
            yield path_along(graph, [graph.nodes[i] for i in walk])
            continue
        stack += [
            (*walk, after)
            for after in sorted(marks.at[walk[-1]], reverse=True)
            if after not in walk
            and (len(walk) == 1 or _status(marks, lined, *walk[-2:], after) is not Status.OPEN)
        ]


def is_visible(graph: Graph, a: str, b: str) -> bool:
    """Whether there is an edge ``a -> b`` of which the graph shows that no unmeasured cause lies behind it.

    In a maximal ancestral graph or PAG: a node c not joined to b has an edge into a, or a path of colliders leads
    from c into a whose inner nodes are all parents of b (Zhang 2008, Causal reasoning with ancestral graphs,
    Definition 8 and Lemma 9). Then no member of the class stands for a graph with a common cause of a and b that is
    not measured; for an invisible edge some does. In a DAG, CPDAG or MPDAG all is measured, and so every arrow
    is visible.

    Args:
        graph: a DAG, CPDAG, MPDAG or PAG.
        a: the cause.
        b: the effect.

    Example:
        >>> graph = Graph.parse("c o-> a -> b; d o-> a")
        >>> is_visible(graph, "a", "b"), is_visible(graph, "c", "a")
        (True, False)
    """
    graph.require("Visibility", GraphKind.DAG, GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.PAG)
    (tail,), (head,) = graph.indices(a), graph.indices(b)
    if head not in graph._adjacency.children[tail]:
        return False
    return graph.kind is not GraphKind.PAG or _visible(Marks.of(graph), tail, head)


def visible_edges(graph: Graph) -> frozenset[tuple[str, str]]:
    """All visible edges as pairs (cause, effect); see `is_visible`.

    Example:
        >>> visible_edges(Graph.parse("c o-> a -> b; d o-> a"))
        frozenset({('a', 'b')})
    """
    graph.require("Visibility", GraphKind.DAG, GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.PAG)
    marks = Marks.of(graph)
    names = graph.nodes
    return frozenset(
        (names[a], names[b])
        for a, below in enumerate(graph._adjacency.children)
        for b in below
        if graph.kind is not GraphKind.PAG or _visible(marks, a, b)
    )


def _visible(marks: Marks, a: int, b: int) -> bool:
    """Walk back from a along arrowheads, through parents of b that are colliders, to a node apart from b."""
    at = marks.at
    seen, stack = {a, b}, [a]
    while stack:
        q = stack.pop()
        for c, mark in at[q].items():
            if c in seen or at[c][q] is not Mark.ARROW:
                continue
            if c not in at[b]:
                return True
            # c has to be a collider (an arrowhead from q as well) and a parent of b to be passed.
            if mark is Mark.ARROW and marks.is_arrow(c, b):
                seen.add(c)
                stack.append(c)
    return False
