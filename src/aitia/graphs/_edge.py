"""Edges with a mark at each end, and the kinds of graph they make."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Mark(StrEnum):
    """The mark at one end of an edge."""

    TAIL = "tail"
    ARROW = "arrow"
    CIRCLE = "circle"


class GraphKind(StrEnum):
    """What a graph stands for, and so what is checked when it is made.

    - ``dag``: directed acyclic graph.
    - ``admg``: acyclic directed mixed graph: directed and bidirected edges.
    - ``cpdag``: completed partially directed acyclic graph, a Markov equivalence class of DAGs.
    - ``mpdag``: maximally oriented partially directed acyclic graph, a class cut down by background knowledge.
    - ``pag``: partial ancestral graph; a maximal ancestral graph is one without circles.
    - ``undirected``: only undirected edges, as `Graph.moralised` gives.
    """

    DAG = "dag"
    ADMG = "admg"
    CPDAG = "cpdag"
    MPDAG = "mpdag"
    PAG = "pag"
    UNDIRECTED = "undirected"


_RANK = {Mark.TAIL: 0, Mark.CIRCLE: 1, Mark.ARROW: 2}
_SYMBOL = {
    (Mark.TAIL, Mark.ARROW): "->",
    (Mark.ARROW, Mark.ARROW): "<->",
    (Mark.TAIL, Mark.TAIL): "--",
    (Mark.CIRCLE, Mark.ARROW): "o->",
    (Mark.CIRCLE, Mark.CIRCLE): "o-o",
    (Mark.TAIL, Mark.CIRCLE): "--o",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge between two nodes with a mark at each end.

    An edge has no reading direction: the two ends are put in a fixed order when it is made (tail, then circle,
    then arrow; names in alphabetical order where the marks are equal), so ``b <- a`` is the same object as
    ``a -> b``.

    Args:
        a: one node.
        b: the other node.
        mark_a: the mark at `a`.
        mark_b: the mark at `b`.

    Example:
        >>> Edge("b", "a", Mark.ARROW, Mark.TAIL) == Edge("a", "b")
        True
        >>> print(Edge("b", "a", Mark.ARROW, Mark.ARROW))
        a <-> b
    """

    a: str
    b: str
    mark_a: Mark = Mark.TAIL
    mark_b: Mark = Mark.ARROW

    def __post_init__(self) -> None:
        rank_a, rank_b = _RANK[self.mark_a], _RANK[self.mark_b]
        if rank_a > rank_b or (rank_a == rank_b and self.a > self.b):
            a, b, mark_a, mark_b = self.b, self.a, self.mark_b, self.mark_a
            object.__setattr__(self, "a", a)
            object.__setattr__(self, "b", b)
            object.__setattr__(self, "mark_a", mark_a)
            object.__setattr__(self, "mark_b", mark_b)

    @property
    def directed(self) -> bool:
        """True for ``a -> b``; `a` is then the cause."""
        return self.mark_a is Mark.TAIL and self.mark_b is Mark.ARROW

    @property
    def bidirected(self) -> bool:
        """True for ``a <-> b``: an unmeasured common cause."""
        return self.mark_a is Mark.ARROW and self.mark_b is Mark.ARROW

    @property
    def undirected(self) -> bool:
        """True for ``a -- b``."""
        return self.mark_a is Mark.TAIL and self.mark_b is Mark.TAIL

    @property
    def symbol(self) -> str:
        """The edge in text, read from `a` to `b`: one of ``-> <-> -- o-> o-o --o``."""
        return _SYMBOL[self.mark_a, self.mark_b]

    def mark_at(self, node: str) -> Mark:
        """The mark at `node`, which is one of the two ends."""
        return self.mark_a if node == self.a else self.mark_b

    def other(self, node: str) -> str:
        """The end that is not `node`."""
        return self.b if node == self.a else self.a

    def __str__(self) -> str:
        return f"{self.a} {self.symbol} {self.b}"


def directed(a: str, b: str) -> Edge:
    """The edge ``a -> b``."""
    return Edge(a, b, Mark.TAIL, Mark.ARROW)


def bidirected(a: str, b: str) -> Edge:
    """The edge ``a <-> b``."""
    return Edge(a, b, Mark.ARROW, Mark.ARROW)


def undirected(a: str, b: str) -> Edge:
    """The edge ``a -- b``."""
    return Edge(a, b, Mark.TAIL, Mark.TAIL)
