"""Separators: one, a minimal one, all minimal ones, the cheapest one.

All of them work in the moral graph of the ancestors of the two sets: there a set separates as it m-separates in
the graph (van der Zander, Liskiewicz & Textor 2019, "Separators and adjustment sets in causal graphs: complete
criteria and an algorithmic framework", Artificial Intelligence 270).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aitia.graphs._errors import GraphError
from aitia.graphs._graph import Graph, Nodes
from aitia.graphs._projection import moral_neighbours
from aitia.graphs._separation import Query, query, reached


@dataclass(frozen=True)
class _Search:
    """Where separators are looked for, by position."""

    asked: Query
    inside: set[int]
    """The ancestors of x, y and what has to be included."""
    allowed: set[int]
    """What a separator may use besides what it has to include."""

    @property
    def graph(self) -> Graph:
        return self.asked.graph

    def names(self, found: set[int]) -> frozenset[str]:
        """What was found with what has to be included, without the selection nodes."""
        return self.graph._set(found | self.asked.given) - self.graph.selected

    def touched(self, start: frozenset[int], wall: set[int]) -> set[int]:
        """All that a path in the moral graph reaches from `start` before or at the wall.

        Every collider inside is open, because in the moral graph its neighbours are joined.
        """
        return reached(
            self.graph._adjacency, start, wall | self.asked.given, within=self.inside, colliders=self.inside
        )

    def separates(self, wall: set[int]) -> bool:
        return not self.touched(self.asked.x, wall) & self.asked.y


def _search(graph: Graph, x: Nodes, y: Nodes, include: Nodes, restrict: Nodes | None) -> _Search:
    asked = query(graph, x, y, include, "the set to include")
    solid = asked.graph
    if restrict is None:
        allowed: set[int] | frozenset[int] = solid._observed_indices
    else:
        allowed = set(solid.indices(restrict, "the set to choose from"))
        if outside := set(solid.indices(include)) - allowed:
            raise GraphError(
                f"The node {min(solid._set(outside))!r} has to be included but may not be chosen.",
                "Add it to `restrict`, or take it out of `include`.",
            )
    adjacency = solid._adjacency
    inside = adjacency.closure(asked.x | asked.y | asked.given, adjacency.parents)
    # An undirected edge counts as leading both ways for the ancestors that matter to a separator.
    while any(adjacency.undirected[i] for i in inside):
        more = adjacency.closure(adjacency.closure(inside, adjacency.undirected), adjacency.parents)
        if more == inside:
            break
        inside = more
    return _Search(asked, inside, (inside & allowed) - asked.x - asked.y - asked.given)


def separator(
    graph: Graph, x: Nodes, y: Nodes, *, include: Nodes = (), restrict: Nodes | None = None
) -> frozenset[str] | None:
    """A set that m-separates `x` and `y`, or None if there is none: all allowed ancestors (FINDSEP).

    Args:
        graph: the graph.
        x: one node or several.
        y: one node or several.
        include: nodes that the set has to hold.
        restrict: the nodes it may hold; None allows all that are neither latent nor selected.

    Returns:
        The set, without the selection nodes (which are conditioned on anyway). It is large;
        `minimal_separator` thins it.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: `x`, `y` and `include` share a node.
        GraphError: `include` is not within `restrict`.

    Example:
        >>> sorted(separator(Graph.parse("a -> x -> m -> y; a -> y"), "x", "y"))
        ['a', 'm']
    """
    search = _search(graph, x, y, include, restrict)
    return search.names(search.allowed) if search.separates(search.allowed) else None


def minimal_separator(
    graph: Graph, x: Nodes, y: Nodes, *, include: Nodes = (), restrict: Nodes | None = None
) -> frozenset[str] | None:
    """A separator of which no part besides `include` can be left out, or None (FINDMINSEP, linear time).

    From all allowed ancestors it keeps those that paths from `x` reach first, and of these those that paths
    from `y` reach first (van der Zander & Liskiewicz 2019, "Finding minimal d-separators in linear time").

    Args:
        graph: the graph.
        x: one node or several.
        y: one node or several.
        include: nodes that the set has to hold.
        restrict: the nodes it may hold; None allows all that are neither latent nor selected.

    Returns:
        The set that lies nearest to `x`; no proper subset of it that holds `include` separates.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: `x`, `y` and `include` share a node.
        GraphError: `include` is not within `restrict`.

    Example:
        >>> sorted(minimal_separator(Graph.parse("x -> a -> b -> y; c -> y"), "x", "y"))
        ['a']
    """
    search = _search(graph, x, y, include, restrict)
    found = _thinned(search, search.allowed)
    return None if found is None else search.names(found)


def _thinned(search: _Search, wall: set[int]) -> set[int] | None:
    touched = search.touched(search.asked.x, wall)
    if touched & search.asked.y:
        return None
    near_x = wall & touched
    return near_x & search.touched(search.asked.y, near_x)


def _allowed_moral(search: _Search) -> list[set[int]]:
    """The moral graph on x, y and the allowed nodes: what lies between is contracted into direct edges.

    A path there stands for one in the moral graph without a conditioned node; so sets of allowed nodes separate
    in both alike.
    """
    near = moral_neighbours(search.graph, search.inside)
    kept = search.allowed | search.asked.x | search.asked.y
    for i in search.asked.given:
        for j in near[i]:
            near[j].discard(i)
        near[i] = set()
    left = search.inside - kept - search.asked.given
    while left:
        start = left.pop()
        stack, border = [start], set()
        while stack:
            for j in near[stack.pop()]:
                if j in left:
                    left.discard(j)
                    stack.append(j)
                elif j in kept:
                    border.add(j)
        for i in border:
            near[i] |= border - {i}
    for i, beside in enumerate(near):
        near[i] = beside & kept if i in kept else set()
    return near


def minimal_separators(
    graph: Graph, x: Nodes, y: Nodes, *, include: Nodes = (), restrict: Nodes | None = None
) -> Iterator[frozenset[str]]:
    """All minimal separators of `x` and `y`, one after the other with polynomial delay (LISTMINSEP).

    The backtracking of Takata (2010, "Space-optimal, backtracking algorithms to list the minimal vertex
    separators of a graph"): a separator is told by the part of the graph that it leaves joined to `x`; each
    branch grows that part or forbids a node to it, and no branch is empty. There may be exponentially many: take
    what is needed with `itertools.islice`.

    Args:
        graph: the graph.
        x: one node or several.
        y: one node or several.
        include: nodes that every set has to hold.
        restrict: the nodes that sets may hold; None allows all that are neither latent nor selected.

    Yields:
        Each set once; the first is `minimal_separator`'s. Minimal means that no node besides `include` can be
        left out.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: `x`, `y` and `include` share a node.
        GraphError: `include` is not within `restrict`.

    Example:
        >>> [sorted(each) for each in minimal_separators(Graph.parse("x -> a -> b -> y"), "x", "y")]
        [['a'], ['b']]
    """
    search = _search(graph, x, y, include, restrict)
    return (search.names(found) for found in _takata(search))


def _takata(search: _Search) -> Iterator[set[int]]:
    near = _allowed_moral(search)
    x, y = search.asked.x, search.asked.y

    def flood(start: frozenset[int] | set[int], wall: set[int]) -> set[int]:
        seen, stack = set(start), list(start)
        while stack:
            for j in near[stack.pop()]:
                if j not in seen and j not in wall:
                    seen.add(j)
                    stack.append(j)
        return seen

    def border(part: set[int] | frozenset[int]) -> set[int]:
        return {j for i in part for j in near[i]} - part

    def closest(part: set[int] | frozenset[int]) -> tuple[set[int], set[int]] | None:
        """The separator nearest to `part`, and all that it leaves joined to x; None if y touches `part`."""
        wall = border(part)
        if wall & y:
            return None
        wall &= border(flood(y, wall))
        return wall, flood(x, wall)

    begin = closest(x)
    if begin is None:
        return
    # A branch: the separator nearest to x that it holds, the part on x's side of it, and what may not be there.
    stack: list[tuple[set[int], set[int], frozenset[int]]] = [(*begin, frozenset())]
    while stack:
        wall, part, barred = stack.pop()
        choice = min(wall - barred, default=None)
        if choice is None:
            yield wall
            continue
        further = closest(part | {choice})
        if further is not None and not further[1] & barred:
            stack.append((*further, barred))
        stack.append((wall, part, barred | {choice}))


def minimum_separator(
    graph: Graph,
    x: Nodes,
    y: Nodes,
    *,
    include: Nodes = (),
    restrict: Nodes | None = None,
    cost: Mapping[str, float] | None = None,
) -> frozenset[str] | None:
    """A separator of least cost, or None if there is none (FINDMINCOSTSEP).

    The minimum cut between `x` and `y` in the moral graph with a capacity on each node, by Dinic's maximum flow.
    Among the sets of least cost it is one of which nothing besides `include` can be left out.

    Args:
        graph: the graph.
        x: one node or several.
        y: one node or several.
        include: nodes that the set has to hold; their cost is not saved by any choice.
        restrict: the nodes it may hold; None allows all that are neither latent nor selected.
        cost: what each node costs, at least 0, in any unit; a node that is not named costs 1, and infinity
            forbids it.

    Raises:
        UnknownNode: a name is not in the graph.
        OverlappingSets: `x`, `y` and `include` share a node.
        GraphError: a cost is negative or not a number, or `include` is not within `restrict`.

    Example:
        >>> graph = Graph.parse("x -> a -> b -> y")
        >>> sorted(minimum_separator(graph, "x", "y", cost={"a": 30.0, "b": 2.0}))
        ['b']
    """
    search = _search(graph, x, y, include, restrict)
    prices = dict(cost or {})
    search.graph.indices(prices, "the costs")
    for node, price in prices.items():
        if not price >= 0:
            raise GraphError(f"The cost of {node!r} is {price}.", "Give a number that is at least 0.")
    nodes = search.graph.nodes
    dear = {i for i in search.allowed if math.isinf(prices.get(nodes[i], 1.0))}
    search = _Search(search.asked, search.inside, search.allowed - dear)
    near = _allowed_moral(search)
    if any(near[i] & search.asked.y for i in search.asked.x):
        return None
    capacity = {i: float(prices.get(nodes[i], 1.0)) for i in search.allowed}
    cut = _minimum_cut(near, search.asked.x, search.asked.y, capacity)
    thin = _thinned(search, cut)
    assert thin is not None
    return search.names(thin)


def _minimum_cut(
    near: list[set[int]], x: frozenset[int], y: frozenset[int], capacity: dict[int, float]
) -> set[int]:
    """The nodes of a minimum cut. Node i is split into 2i (in) and 2i + 1 (out) with its capacity between."""
    source, sink = 2 * len(near), 2 * len(near) + 1
    heads: list[int] = []
    room: list[float] = []
    out: list[list[int]] = [[] for _ in range(sink + 1)]

    def arc(a: int, b: int, width: float) -> None:
        for start, end, size in ((a, b, width), (b, a, 0.0)):
            out[start].append(len(heads))
            heads.append(end)
            room.append(size)

    for i, width in sorted(capacity.items()):
        arc(2 * i, 2 * i + 1, width)
        for j in sorted(near[i]):
            if j in y:
                arc(2 * i + 1, sink, math.inf)
            elif j in x:
                arc(source, 2 * i, math.inf)
            else:
                arc(2 * i + 1, 2 * j, math.inf)

    def levels() -> dict[int, int]:
        found, queue = {source: 0}, deque([source])
        while queue:
            a = queue.popleft()
            for e in out[a]:
                if room[e] > 0 and heads[e] not in found:
                    found[heads[e]] = found[a] + 1
                    queue.append(heads[e])
        return found

    while sink in (level := levels()):
        following = [0] * len(out)
        trail: list[int] = []
        at = source
        while True:
            if at == sink:
                width = min(room[e] for e in trail)
                for e in trail:
                    room[e] -= width
                    room[e ^ 1] += width
                # Go back to before the first arc that is now full.
                full = next(k for k, e in enumerate(trail) if not room[e] > 0)
                at = heads[trail[full] ^ 1]
                del trail[full:]
            elif following[at] < len(out[at]):
                e = out[at][following[at]]
                if room[e] > 0 and level.get(heads[e]) == level[at] + 1:
                    trail.append(e)
                    at = heads[e]
                else:
                    following[at] += 1
            elif trail:
                at = heads[trail.pop() ^ 1]
                following[at] += 1
            else:
                break
    return {i for i in capacity if 2 * i in level and 2 * i + 1 not in level}
