"""What may be a cause in a class of graphs: possibly causal paths, and those that spoil identification."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from aitia.graphs import Edge, Graph, GraphKind, Mark, Path

MIXED = (GraphKind.CPDAG, GraphKind.MPDAG)
"""Classes of DAGs."""
CLASSES = (*MIXED, GraphKind.PAG)
"""Graphs that stand for more than one causal graph."""


@dataclass(frozen=True)
class UnsettledPath:
    """A path that may be causal and whose first edge the class leaves open: members answer differently.

    In a CPDAG or MPDAG the first edge is undirected, in a PAG it is not both directed and visible.

    Args:
        path: the path from treatment to outcome, with the marks of the class.
    """

    path: Path

    @property
    def edge(self) -> Edge:
        """The first edge: the one to settle."""
        return self.path.edges[0]

    def __str__(self) -> str:
        return f"possibly causal path {self.path}"


def path_in(graph: Graph, nodes: Iterable[str]) -> Path:
    """The path along some nodes with the marks that the graph has.

    Example:
        >>> print(path_in(Graph.parse("a o-> b; b <-> c"), ["c", "b", "a"]))
        c <-> b <-o a
    """
    nodes = tuple(nodes)
    return Path(nodes, tuple(graph.edges_between(a, b)[0] for a, b in pairwise(nodes)))


class Walks:
    """Marks by name for walks along edges that may point forward.

    Args:
        graph: a graph with at most one edge a pair.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.mixed = graph.kind in MIXED
        # near[a][b]: the marks at a and at b of the edge between them.
        self.near: dict[str, dict[str, tuple[Mark, Mark]]] = {node: {} for node in graph.nodes}
        for edge in graph.edges:
            self.near[edge.a][edge.b] = (edge.mark_a, edge.mark_b)
            self.near[edge.b][edge.a] = (edge.mark_b, edge.mark_a)

    def forward(self, a: str, b: str) -> bool:
        """Whether the edge may point from a to b: no arrowhead at a, and in a PAG no tail at b."""
        at_a, at_b = self.near[a][b]
        return at_a is not Mark.ARROW and (self.mixed or at_b is not Mark.TAIL)

    def from_any(
        self, starts: Iterable[tuple[str, str]], ends: set[str], barred: set[str]
    ) -> list[str] | None:
        """A shortest possibly causal path to one of `ends`.

        Args:
            starts: pairs (name to be put first, node where the walk begins).
            ends: where it may end.
            barred: nodes that it does not enter.

        In a CPDAG or MPDAG the path behind its start is unshielded, which loses nothing: of every possibly causal path
        a subsequence is an unshielded one (Perkovic, Kalisch & Maathuis 2017, lemma 3.6), and on an unshielded one
        no edge between nodes that are not neighbours on it points back.
        """
        origin: dict[tuple[str, str], tuple[str, str] | None] = {}
        queue: deque[tuple[str, str]] = deque()
        for start in starts:
            if start[1] not in barred and start not in origin:
                origin[start] = None
                queue.append(start)
        first = set(origin)
        while queue:
            state = queue.popleft()
            before, at = state
            if at in ends:
                nodes = [at]
                while state in origin:
                    nodes.append(state[0])
                    parent = origin[state]
                    if parent is None:
                        break
                    state = parent
                return nodes[::-1]
            for after in self.near[at]:
                onward = (at, after)
                if onward in origin or after in barred or not self.forward(at, after):
                    continue
                if self.mixed and state not in first and (after == before or after in self.near[before]):
                    continue
                origin[onward] = state
                queue.append(onward)
        return None

    def reach(self, starts: Iterable[str], barred: Iterable[str] = ()) -> set[str]:
        """The starts and all that a possibly causal path from one of them leads to."""
        closed = set(barred)
        starts = [each for each in starts if each not in closed]
        seen = set(starts)
        states = [("", each) for each in starts]
        done = set(states)
        while states:
            before, at = states.pop()
            for after in self.near[at]:
                onward = (at, after)
                if onward in done or after in closed or not self.forward(at, after):
                    continue
                if self.mixed and before and (after == before or after in self.near[before]):
                    continue
                done.add(onward)
                seen.add(after)
                states.append(onward)
        return seen

    def visible(self, a: str, b: str) -> bool:
        """Whether ``a -> b`` is visible: no unmeasured cause of both is possible (Zhang 2008, definition 8)."""
        if self.near[a].get(b) != (Mark.TAIL, Mark.ARROW):
            return False
        seen = {a}
        stack = [a]
        while stack:
            at = stack.pop()
            for other, (mark, here) in ((o, (m[1], m[0])) for o, m in self.near[at].items()):
                # `here` is the mark at `at`, `mark` the one at `other`.
                if here is not Mark.ARROW or other in seen or other == b:
                    continue
                if other not in self.near[b]:
                    return True
                seen.add(other)
                if mark is Mark.ARROW and self.near[other][b] == (Mark.TAIL, Mark.ARROW):
                    stack.append(other)
        return False


def unsettled_path(graph: Graph, x: Iterable[str], y: Iterable[str]) -> UnsettledPath | None:
    """A shortest proper possibly causal path from x to y whose first edge is open, or None: the class is amenable.

    For a CPDAG or MPDAG, P(y | do(x)) is identified exactly if there is none (Perkovic 2020, proposition 3.2 and
    theorem 3.6). For a PAG its absence is what adjustment needs (Perkovic et al. 2018, definition 7: amenability).

    Args:
        graph: a CPDAG, MPDAG or PAG.
        x: the treatments.
        y: the outcomes.
    """
    walks = Walks(graph)
    treatments, outcomes = tuple(x), set(y)
    best: list[str] | None = None
    for each in treatments:
        barred = set(treatments)
        starts = []
        for other, (here, there) in walks.near[each].items():
            if walks.mixed:
                open_edge = here is Mark.TAIL and there is Mark.TAIL
                if here is Mark.ARROW and there is Mark.TAIL:
                    # An arrow from a later node of the path back to the treatment.
                    barred.add(other)
            else:
                open_edge = walks.forward(each, other) and not walks.visible(each, other)
            if open_edge:
                starts.append((each, other))
        found = walks.from_any(starts, outcomes, barred)
        if found is not None and (best is None or len(found) < len(best)):
            best = found
    return None if best is None else UnsettledPath(path_in(graph, best))


def may_be_caused(graph: Graph, x: Iterable[str]) -> frozenset[str]:
    """The given nodes and what they cause: in a class, what they may cause."""
    if graph.kind in CLASSES:
        return frozenset(Walks(graph).reach(x))
    return graph.descendants(tuple(x))
