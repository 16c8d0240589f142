"""The maximal ancestral graphs that a PAG, also one with marks from knowledge, leaves open: found by trying."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from aitia.graphs._ancestral import mag_fault
from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._graph import Graph
from aitia.graphs._mag import pag_of
from aitia.graphs._marks import Marks
from aitia.graphs._pag_rules import orient_pag

# R4 asks for separators, which are known only once a member is; what it would rule out fails at the end instead.
_RULES = (1, 2, 3, 5, 6, 7, 8, 9, 10)


def ancestral_members(
    nodes: Sequence[str],
    edges: Sequence[Edge],
    *,
    selection: bool = True,
    closed: bool = False,
    work: int | None = None,
) -> Iterator[tuple[Edge, ...]]:
    """The edges of each maximal ancestral graph M that has all marks and whose own PAG has no mark beyond them.

    For the PAG of a class these are the members of the class. If marks were added by knowledge, they are the
    members that agree with it: all such M have the same unshielded colliders and the same colliders on
    discriminating paths, so they are one class (Spirtes & Richardson 1997).

    Args:
        nodes: the names.
        edges: the edges, circles among the marks.
        selection: whether undirected edges may be made of circles.
        closed: find none where a rule would turn a circle.
        work: the most graphs to look at; None is no limit. The search ends silently there.
    """
    graph = Graph._trusted(tuple(nodes), tuple(edges), frozenset(), frozenset(), GraphKind.PAG)
    start = Marks.of(graph)
    first = start.copy()
    if not _propagate(first, nodes) or (closed and first.at != start.at):
        return
    stack = [first]
    seen = 0
    while stack:
        marks = stack.pop()
        at = marks.at
        seen += 1
        if work is not None and seen > work:
            return
        circle = next(
            ((a, b) for a, beside in enumerate(at) for b in beside if at[b][a] is Mark.CIRCLE), None
        )
        if circle is None:
            solid = marks.graph(nodes, GraphKind.PAG, trusted=True)
            if not mag_fault(nodes, solid.edges) and _within(Marks.of(pag_of(solid)), start):
                yield solid.edges
            continue
        a, b = circle
        for mark in (Mark.ARROW, Mark.TAIL):
            tried = marks.copy()
            tried.at[b][a] = mark
            if not selection and mark is Mark.TAIL:
                if at[a][b] is Mark.TAIL:
                    continue
                tried.at[a][b] = Mark.ARROW
            if _propagate(tried, nodes):
                stack.append(tried)


def _propagate(marks: Marks, nodes: Sequence[str]) -> bool:
    """Carry marks on by the rules; whether nothing speaks against them."""
    if orient_pag(marks, lambda a, b: (), rules=_RULES):
        return False
    solid = [
        edge
        for edge in marks.graph(nodes, GraphKind.PAG, trusted=True).edges
        if Mark.CIRCLE not in (edge.mark_a, edge.mark_b)
    ]
    return not mag_fault(nodes, solid, maximal=False)


def _within(marks: Marks, others: Marks) -> bool:
    """Whether each mark that is no circle stands in the other marks too."""
    return all(
        mark is Mark.CIRCLE or others.at[a][b] is mark
        for a, beside in enumerate(marks.at)
        for b, mark in beside.items()
    )
