"""The oracle: independences read off a graph, in place of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from aitia.discovery._errors import DiscoveryError
from aitia.discovery._observations import Observations
from aitia.discovery.independence._base import Independence, IndependenceTest, Tester
from aitia.graphs import Graph, m_separated


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
        """The oracle over the variables of `data`, of which only the names are used."""
        absent = [name for name in data.names if name not in self.graph]
        if absent:
            raise DiscoveryError(
                f"The oracle's graph has no node {absent[0]!r}.", "Name the variables as the graph does."
            )
        return _OracleTester(self.graph, data.names)


class _OracleTester(Tester):
    def __init__(self, graph: Graph, names: tuple[str, ...]) -> None:
        super().__init__(names, 0)
        self._graph = graph

    def _compute(self, x: int, y: int, given: tuple[int, ...]) -> Independence:
        apart = m_separated(self._graph, self.names[x], self.names[y], [self.names[z] for z in given])
        return Independence(x, y, given, 0.0 if apart else float("inf"), 1.0 if apart else 0.0)
