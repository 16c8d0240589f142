"""Marks that can still be changed: what orientation rules and searches work on, by position."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._graph import Graph


class Marks:
    """A graph in the making: at most one edge a pair, a mark at each end, nodes by position.

    ``at[a][b]`` is the mark at b of the edge between a and b; ``at[b][a]`` the mark at a. A `Graph` is frozen and
    checked; this is neither, so that rules can turn marks one by one.

    Args:
        count: how many nodes.

    Example:
        >>> marks = Marks(3)
        >>> marks.join(0, 1)
        >>> marks.join(1, 2)
        >>> marks.at[0][1] = marks.at[2][1] = Mark.ARROW
        >>> marks.graph(["a", "b", "c"], "pag")
        Graph.parse('a o-> b; c o-> b')
    """

    __slots__ = ("at",)

    def __init__(self, count: int) -> None:
        self.at: list[dict[int, Mark]] = [{} for _ in range(count)]

    @classmethod
    def of(cls, graph: Graph) -> Marks:
        """The marks of a graph with at most one edge a pair."""
        made = cls(len(graph.nodes))
        index = {node: i for i, node in enumerate(graph.nodes)}
        for edge in graph.edges:
            made.join(index[edge.a], index[edge.b], edge.mark_a, edge.mark_b)
        return made

    @classmethod
    def complete(cls, count: int, mark: Mark = Mark.CIRCLE) -> Marks:
        """Every pair joined, the same mark at every end."""
        made = cls(count)
        for a in range(count):
            made.at[a] = {b: mark for b in range(count) if b != a}
        return made

    def __len__(self) -> int:
        return len(self.at)

    def copy(self) -> Marks:
        """The same marks, to be changed apart."""
        made = Marks(0)
        made.at = [dict(each) for each in self.at]
        return made

    def join(self, a: int, b: int, mark_a: Mark = Mark.CIRCLE, mark_b: Mark = Mark.CIRCLE) -> None:
        """Put an edge between a and b, in place of any that is there."""
        self.at[a][b] = mark_b
        self.at[b][a] = mark_a

    def cut(self, a: int, b: int) -> None:
        """Take the edge between a and b away."""
        del self.at[a][b], self.at[b][a]

    def joined(self, a: int, b: int) -> bool:
        """Whether there is an edge between a and b."""
        return b in self.at[a]

    def orient(self, a: int, b: int) -> None:
        """Make the edge between a and b ``a -> b``."""
        self.at[a][b] = Mark.ARROW
        self.at[b][a] = Mark.TAIL

    def is_arrow(self, a: int, b: int) -> bool:
        """Whether the edge is ``a -> b``."""
        return self.at[a].get(b) is Mark.ARROW and self.at[b][a] is Mark.TAIL

    def pairs(self) -> Iterable[tuple[int, int]]:
        """The joined pairs (a, b), a < b, in order."""
        for a, beside in enumerate(self.at):
            for b in sorted(beside):
                if a < b:
                    yield a, b

    def graph(
        self,
        names: Sequence[str],
        kind: GraphKind | str,
        *,
        trusted: bool = False,
    ) -> Graph:
        """The graph with these marks.

        Args:
            names: the nodes' names.
            kind: the kind of graph.
            trusted: skip the check of the kind, where it follows from how the marks were made.
        """
        edges = tuple(Edge(names[a], names[b], self.at[b][a], self.at[a][b]) for a, b in self.pairs())
        if trusted:
            return Graph._trusted(tuple(names), edges, frozenset(), frozenset(), GraphKind(kind))
        return Graph(tuple(names), edges, kind=GraphKind(kind))
