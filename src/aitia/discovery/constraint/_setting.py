"""One search's variables in the order of their names, with the knowledge about them as arrays.

Every constraint-based search works on positions in alphabetic order, so that the order of the columns cannot matter,
not even where two tests tie.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.independence import IndependenceTest, Tester
from aitia.graphs import Edge, Graph, GraphKind, Marks


@dataclass(frozen=True, eq=False)
class Setting:
    """What a search knows before its first test. Positions are those of `names`.

    Args:
        names: the variables in alphabetic order.
        at: where each stands in the data.
        shown: the variables in the order of the data.
        tester: the test, bound to the data; it takes positions in the data.
        knowledge: the background knowledge.
        forbidden: booleans (p, p): [a, b] rules out a -> b.
        required: booleans (p, p): [a, b] asks for a -> b.
        tiers: the tier of each variable, -1 for a free one.
    """

    names: tuple[str, ...]
    at: np.ndarray
    shown: tuple[str, ...]
    tester: Tester
    knowledge: Knowledge
    forbidden: np.ndarray
    required: np.ndarray
    tiers: np.ndarray

    @classmethod
    def of(cls, data: Observations, test: IndependenceTest, knowledge: Knowledge) -> Setting:
        """Bind the test to the data and put everything into the order of the names."""
        at = np.array(sorted(range(len(data.names)), key=data.names.__getitem__), np.int64)
        names = tuple(data.names[i] for i in at)
        p = len(names)
        forbidden, required = np.zeros((p, p), bool), np.zeros((p, p), bool)
        tiers = np.full(p, -1, np.int32)
        if knowledge:
            forbidden = knowledge.forbidden_matrix(names)
            required = knowledge.required_matrix(names)
            tier = {name: i for i, group in enumerate(knowledge.tiers) for name in group}
            tiers = np.array([tier.get(name, -1) for name in names], np.int32)
        return cls(names, at, data.names, test.on(data), knowledge, forbidden, required, tiers)

    @property
    def count(self) -> int:
        """How many variables there are."""
        return len(self.names)

    def test(self, a: int, b: int, given: Iterable[int]) -> tuple[float, float]:
        """The p-value and the absolute statistic of one test."""
        at = self.at
        found = self.tester.result(int(at[a]), int(at[b]), [int(at[c]) for c in given])
        return found.p_value, abs(found.statistic)

    def words(self, positions: Iterable[int]) -> str:
        """Names joined by commas; "nothing" if there are none."""
        return ", ".join(self.names[i] for i in positions) or "nothing"

    def graph(self, marks: Marks, kind: GraphKind | str, *, trusted: bool = False) -> Graph:
        """The graph of these marks over the variables in the order of the data."""
        names, at = self.names, self.at
        placed = sorted(
            (at[a], at[b], a, b) if at[a] < at[b] else (at[b], at[a], b, a) for a, b in marks.pairs()
        )
        edges = tuple(Edge(names[a], names[b], marks.at[b][a], marks.at[a][b]) for _, _, a, b in placed)
        if trusted:
            return Graph._trusted(self.shown, edges, frozenset(), frozenset(), GraphKind(kind))
        return Graph(self.shown, edges, kind=GraphKind(kind))
