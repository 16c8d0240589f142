"""What a graph implies, and whether data agree: the answer of ``aitia check-graph``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aitia.data import Table
from aitia.graphs import Graph, implied_independences
from aitia.refutation import Variables, Verdict, holm
from aitia.report._json import plain

# As `aitia.refutation.ImpliedIndependences` has them: 5% would cry wolf, and with many rows even trifles show.
ALPHA = 0.01
TRIFLE = 0.05


@dataclass(frozen=True)
class TestedIndependence:
    """One implied independence, with its test where there were data.

    Args:
        x: one variable.
        y: the other.
        given: what is held fixed.
        p_value: of the test; None without data.
        adjusted_p_value: after Holm's correction over all that were tested.
        effect: the size of the dependence found, in the test's own unit (a partial correlation, for instance).
        test: which test.
    """

    x: str
    y: str
    given: tuple[str, ...]
    p_value: float | None = None
    adjusted_p_value: float | None = None
    effect: float | None = None
    test: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """As the refuter of implied independences judges: broken where clear and not a trifle; None without data."""
        if self.adjusted_p_value is None or self.effect is None:
            return None
        if self.adjusted_p_value >= ALPHA:
            return Verdict.SURVIVED
        return Verdict.BROKEN if self.effect >= TRIFLE else Verdict.INCONCLUSIVE


@dataclass(frozen=True, eq=False)
class GraphCheck:
    """What is known about a graph by itself and beside data.

    Args:
        graph: the graph.
        independences: a basis of the independences it implies among observed variables.
        without_column: nodes that have no column in the data and are not marked latent.
        without_node: columns that the graph does not name.
        tested: whether data were there.
    """

    graph: Graph
    independences: tuple[TestedIndependence, ...]
    without_column: tuple[str, ...] = ()
    without_node: tuple[str, ...] = ()
    tested: bool = False

    @property
    def broken(self) -> bool:
        """Whether the data clearly contradict an implied independence."""
        return any(each.verdict is Verdict.BROKEN for each in self.independences)

    def to_dict(self) -> dict[str, Any]:
        """The check as plain data for JSON."""
        graph = self.graph
        return {
            "graph": {
                "kind": plain(graph.kind),
                "nodes": list(graph.nodes),
                "edges": len(graph.edges),
                "latent": sorted(graph.latent),
                "selected": sorted(graph.selected),
                "text": graph.to_text(),
            },
            "independences": [{**plain(each), "verdict": plain(each.verdict)} for each in self.independences],
            "without_column": list(self.without_column),
            "without_node": list(self.without_node),
            "tested": self.tested,
            "broken": self.broken,
        }


def graph_check(graph: Graph, table: Table | None = None, most: int = 500) -> GraphCheck:
    """Say what a graph implies and, where there are data, test it.

    Args:
        graph: the graph. Beside data, a node without a column counts as latent: it then implies less, nothing wrong.
        table: the data, or None. Rows with a missing value in any of the graph's columns are left out.
        most: at most so many independences are listed and tested.

    Returns:
        The graph's kind and a basis of the independences it implies, each with its test and with Holm's correction
        over all of them where there were data.

    Example:
        >>> graph_check(Graph.parse("a -> b -> c")).independences[0]
        TestedIndependence(x='a', y='c', given=('b',), p_value=None, adjusted_p_value=None, effect=None, test='')
    """
    if table is None:
        implied = implied_independences(graph, most)
        return GraphCheck(graph, tuple(TestedIndependence(each.x, each.y, each.given) for each in implied))
    held = set(table.names)
    absent = tuple(node for node in graph.observed if node not in held)
    implied = implied_independences(graph.with_flags(latent=graph.latent | set(absent)), most)
    columns = dict.fromkeys(name for each in implied for name in (each.x, each.y, *each.given))
    tests = []
    if implied:
        variables, _ = Variables.of_table(table, list(columns))
        tests = [variables.test(each.x, each.y, each.given) for each in implied]
    adjusted = holm([each.p_value for each in tests])
    return GraphCheck(
        graph,
        tuple(
            TestedIndependence(
                each.x, each.y, each.given, test.p_value, float(corrected), test.effect, test.test
            )
            for each, test, corrected in zip(implied, tests, adjusted)
        ),
        without_column=absent,
        without_node=tuple(name for name in table.names if name not in graph.nodes),
        tested=True,
    )
