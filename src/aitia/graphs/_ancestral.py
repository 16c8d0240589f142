"""Ancestral graphs: a maximal ancestral graph for a PAG, and the checks of its form."""

from __future__ import annotations

from collections.abc import Sequence

from aitia.graphs._adjacency import Adjacency
from aitia.graphs._edge import Edge, Mark, directed
from aitia.graphs._kinds import chordal_order


def oriented(nodes: Sequence[str], edges: Sequence[Edge]) -> list[Edge] | None:
    """The edges of one maximal ancestral graph in the class of a PAG (Zhang 2008, Theorem 2).

    ``o->`` and ``--o`` become ``->`` (out of the circle, out of the tail), and the edges ``o-o`` are directed
    without unshielded colliders among them.

    Returns:
        The edges, or None where the circle component is not chordal and so has no such orientation.
    """
    found: list[Edge] = []
    index = {node: i for i, node in enumerate(nodes)}
    lines: list[set[int]] = [set() for _ in nodes]
    for edge in edges:
        if edge.mark_a is Mark.CIRCLE and edge.mark_b is Mark.CIRCLE:
            lines[index[edge.a]].add(index[edge.b])
            lines[index[edge.b]].add(index[edge.a])
        elif Mark.CIRCLE in (edge.mark_a, edge.mark_b):
            # The end that an edge puts last is the arrow of o->, the circle of --o.
            found.append(directed(edge.a, edge.b))
        else:
            found.append(edge)
    order = chordal_order(lines)
    if order is None:
        return None
    place = {i: position for position, i in enumerate(order)}
    found += [
        directed(nodes[i], nodes[j])
        for i, beside in enumerate(lines)
        for j in sorted(beside)
        if place[i] < place[j]
    ]
    return found


def pag_fault(nodes: Sequence[str], edges: Sequence[Edge]) -> str:
    """Why a graph is not a PAG as far as `validate` checks it; empty if nothing speaks against it."""
    solid = oriented(nodes, edges)
    fault = (
        "its edges o-o have a cycle of four or more nodes without a chord"
        if solid is None
        else mag_fault(nodes, solid)
    )
    if fault and (found := _searched(nodes, edges, closed=True)):
        fault, solid = "", found
    return fault or _rule_fault(nodes, edges, solid or [])


def _rule_fault(nodes: Sequence[str], edges: Sequence[Edge], member: Sequence[Edge]) -> str:
    """A circle that one of the rules of Zhang (2008) turns; empty if there is none."""
    if not any(Mark.CIRCLE in (edge.mark_a, edge.mark_b) for edge in edges):
        return ""
    from aitia.graphs._mag import Anterior
    from aitia.graphs._marks import Marks
    from aitia.graphs._pag_rules import orient_pag

    index = {node: i for i, node in enumerate(nodes)}
    marks = Marks(len(nodes))
    for edge in edges:
        marks.join(index[edge.a], index[edge.b], edge.mark_a, edge.mark_b)
    clashes = orient_pag(marks, Anterior(Adjacency.of(nodes, member)))
    for edge in edges:
        a, b = index[edge.a], index[edge.b]
        turned = Edge(edge.a, edge.b, marks.at[b][a], marks.at[a][b])
        if turned != edge:
            return f"the rules turn {edge} into {turned}"
    for clash in clashes:
        a, b = nodes[clash.a], nodes[clash.b]
        return f"rule {clash.rule} puts {_WORD[clash.wanted]} at {b} on its edge with {a}"
    return ""


_WORD = {Mark.ARROW: "an arrowhead", Mark.TAIL: "a tail"}


def pag_member(nodes: Sequence[str], edges: Sequence[Edge]) -> list[Edge] | None:
    """The edges of one maximal ancestral graph that a PAG leaves open; None where nothing could be oriented.

    Where the marks fit no class (a PAG found in data) the answer has the form of Zhang's Theorem 2 all the same.
    """
    solid = oriented(nodes, edges)
    if solid is not None and not mag_fault(nodes, solid):
        return solid
    return _searched(nodes, edges, closed=False) or solid


def _searched(nodes: Sequence[str], edges: Sequence[Edge], *, closed: bool) -> list[Edge]:
    """The edges of a member found by trying; empty if there is none, or none soon.

    Zhang's Theorem 2 holds for a PAG without knowledge. Marks from knowledge can make the graph it gives cyclic
    although others fit: in ``a o-> b; a o-o c; b o-o c`` with c put after b and before a.
    """
    if not any(Mark.CIRCLE in (edge.mark_a, edge.mark_b) for edge in edges):
        return []
    from aitia.graphs._ancestral_members import ancestral_members

    for selection in (False, True):
        tried = ancestral_members(nodes, edges, selection=selection, closed=closed, work=200)
        if found := next(tried, ()):
            return list(found)
    return []


def mag_fault(nodes: Sequence[str], edges: Sequence[Edge], *, maximal: bool = True) -> str:
    """Why a graph without circles is not ancestral and (unless told otherwise) maximal; empty if it is."""
    graph = Adjacency.of(nodes, edges)
    if len(graph.topological_order) < len(nodes):
        return "its directed and o-> edges make a cycle"
    for i, name in enumerate(nodes):
        if graph.undirected[i] and (graph.parents[i] or graph.spouses[i]):
            return f"the node {name} has an undirected edge and an arrowhead"
        if graph.spouses[i]:
            above = graph.closure([i], graph.parents)
            if ancestors := above.intersection(graph.spouses[i]):
                return f"{nodes[min(ancestors)]} is an ancestor of {name}, and yet they are joined by <->"
    return _maximality_fault(nodes, graph) if maximal else ""


def _maximality_fault(nodes: Sequence[str], graph: Adjacency) -> str:
    """Two nodes without an edge that no set separates (Richardson & Spirtes 2002, Section 4); empty if none."""
    joined = [set(graph.adjacent(i)) for i in range(len(nodes))]
    above = [graph.closure([i], graph.parents) for i in range(len(nodes))]
    for x in range(len(nodes)):
        # An inducing path from x: inner nodes are colliders and ancestors of x or of its other end y. Those
        # that are ancestors of neither cannot be told before y is known, so y is tried one by one.
        reach = through_colliders(graph, x, None)
        for y in reach:
            if y > x and y not in joined[x] and y in through_colliders(graph, x, above[x] | above[y]):
                return f"no set separates {nodes[x]} and {nodes[y]}, and yet no edge joins them"
    return ""


def through_colliders(graph: Adjacency, x: int, allowed: set[int] | None) -> set[int]:
    """The ends of paths from x whose inner nodes are colliders (in `allowed`, where that is given)."""
    inner = {j for j in (*graph.children[x], *graph.spouses[x]) if allowed is None or j in allowed}
    stack = list(inner)
    ends: set[int] = set()
    while stack:
        i = stack.pop()
        ends.update(graph.parents[i])
        ends.update(graph.spouses[i])
        for j in graph.spouses[i]:
            if j != x and j not in inner and (allowed is None or j in allowed):
                inner.add(j)
                stack.append(j)
    ends.discard(x)
    return ends
