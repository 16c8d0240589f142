"""The oracle: independences read off a graph, in place of data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester
from aitia.graphs import Graph
from aitia.graphs._kinds import representative


@dataclass(frozen=True)
class Oracle(IndependenceTest):
    """Independent exactly where the graph m-separates: what a test would say with endless data.

    Latent nodes are not tested; selected nodes are always conditioned on.

    Args:
        graph: the truth.

    Assumptions: the Markov property and faithfulness to the graph.

    Example:
        >>> from aitia.discovery import Observations
        >>> truth = Graph.parse("a -> b -> c")
        >>> tester = Oracle(truth).on(Observations.of_names(truth.observed))
        >>> tester.p_value(0, 2), tester.p_value(0, 2, [1])
        (0.0, 1.0)
    """

    graph: Graph
    name: ClassVar[str] = "oracle"

    def on(self, data: Observations) -> Tester:
        """The oracle over the variables of `data`, of which only the names are used.

        Raises:
            DiscoveryError: the graph has no such node, or rows are selected by it.
        """
        absent = [name for name in data.names if name not in self.graph]
        if absent:
            raise DiscoveryError(
                f"The oracle's graph has no node {absent[0]!r}.", "Name the variables as the graph does."
            )
        selected = [name for name in data.names if name in self.graph.selected]
        if selected:
            raise DiscoveryError(
                f"The rows are selected by {selected[0]!r}, so that it does not vary.",
                "Leave it out: `graph.observed` names the variables.",
            )
        return _OracleTester(self.graph, data.names)


class _OracleTester(Tester):
    """Answers by m-connecting walks, in which sets of nodes are the bits of a number.

    A walk's state is a node and whether it was entered at an arrowhead: bit i, or bit i + count. A search asks for
    many pairs given the same set, so what can be reached from a node given a set is remembered.
    """

    def __init__(self, graph: Graph, names: tuple[str, ...]) -> None:
        super().__init__(names, 0)
        solid = representative(graph)
        beside = solid._adjacency
        self._at = [beside.index[name] for name in names]
        self._selected = _bits(beside.index[name] for name in graph.selected)
        count = self._count = len(beside.parents)
        down = [_bits(beside.undirected[i]) | _bits(beside.children[i]) << count for i in range(count)]
        up = [_bits(beside.parents[i]) | _bits(beside.spouses[i]) << count for i in range(count)]
        self._chain, self._turn = down, up
        self._onward = [a | b for a, b in zip(down, up)]
        self._neighbours = [_bits(beside.adjacent(i)) for i in range(count)]
        self._ancestors = [_bits(beside.closure([i], beside.parents)) for i in range(count)]
        self._found: dict[tuple[int, int], int] = {}

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        a, b = self._at[x], self._at[y]
        known = self._selected
        for z in given:
            known |= 1 << self._at[z]
        # Most sets are neighbours of one of the two, and the same for all pairs of that one: walk from there.
        if (self._neighbours[a] & known).bit_count() < (self._neighbours[b] & known).bit_count():
            a, b = b, a
        reached = self._found.get((a, known))
        if reached is None:
            reached = self._found[a, known] = self._reached(a, known)
        apart = not reached >> b & 1
        return Independence(x, y, given, 0.0 if apart else float("inf"), 1.0 if apart else 0.0)

    def _reached(self, start: int, known: int) -> int:
        """The nodes to which an m-connecting walk leads from `start`, as `graphs.reachable` finds them."""
        count, everything = self._count, (1 << self._count) - 1
        opened, rest = 0, known
        while rest:
            lowest = rest & -rest
            opened |= self._ancestors[lowest.bit_length() - 1]
            rest ^= lowest
        seen = new = 1 << start
        while new:
            by_tail, by_arrow = new & everything & ~known, new >> count
            passed = by_arrow & ~known
            further = 0
            for nodes, steps in (
                (by_tail, self._onward),
                (passed & opened, self._onward),
                (passed & ~opened, self._chain),
                (by_arrow & known, self._turn),
            ):
                while nodes:
                    lowest = nodes & -nodes
                    further |= steps[lowest.bit_length() - 1]
                    nodes ^= lowest
            new = further & ~seen
            seen |= new
        return (seen | seen >> count) & everything


def _bits(positions: Iterable[int]) -> int:
    """The number whose bits at these positions are set."""
    number = 0
    for i in positions:
        number |= 1 << i
    return number
