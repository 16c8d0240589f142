"""The nodes and the graph that the adjustment criterion speaks of."""

from __future__ import annotations

from aitia.graphs import Graph, Nodes
from aitia.identification._sets import named


def causal_nodes(graph: Graph, treatment: Nodes, outcome: Nodes) -> frozenset[str]:
    """The nodes on proper causal paths from treatment to outcome, without the treatments.

    A path is proper if only its first node is a treatment (van der Zander et al. 2019, definition 5: PCP).

    Example:
        >>> sorted(causal_nodes(Graph.parse("x -> m -> y; z -> x; z -> y; m -> w"), "x", "y"))
        ['m', 'y']
    """
    x, y = named(treatment), named(outcome)
    after = graph.without_incoming(x).descendants(x) - frozenset(x)
    before = graph.without_outgoing(x).ancestors(y)
    return after & before


def forbidden_nodes(graph: Graph, treatment: Nodes, outcome: Nodes) -> frozenset[str]:
    """What no adjustment set may hold: treatments, outcomes, causal nodes, and what those cause.

    The descendants of causal nodes are those in the graph without edges into the treatments (Shpitser, VanderWeele &
    Robins 2010, definition 4).

    Example:
        >>> sorted(forbidden_nodes(Graph.parse("x -> m -> y; z -> x; z -> y; m -> w"), "x", "y"))
        ['m', 'w', 'x', 'y']
    """
    x, y = named(treatment), named(outcome)
    causal = causal_nodes(graph, x, y)
    return frozenset((*x, *y)) | graph.without_incoming(x).descendants(causal)


def proper_backdoor_graph(graph: Graph, treatment: Nodes, outcome: Nodes) -> Graph:
    """The graph without the first edge of every proper causal path (van der Zander et al. 2019, definition 6)."""
    x = frozenset(named(treatment))
    causal = causal_nodes(graph, treatment, outcome)
    first = [edge for edge in graph.edges if edge.directed and edge.a in x and edge.b in causal]
    return graph.without_edges(first) if first else graph
