"""Graphs of networkx, read and written. networkx itself is imported only to write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aitia.core import MissingExtra
from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._errors import GraphError

if TYPE_CHECKING:
    from aitia.graphs._graph import Graph


def is_networkx(source: object) -> bool:
    """Whether an object looks like a networkx graph."""
    return all(hasattr(source, name) for name in ("is_directed", "is_multigraph", "nodes", "edges", "adj"))


def from_networkx(source: Any) -> tuple[list[str], list[Edge], set[str], set[str], GraphKind | None]:
    """Nodes, edges, latent nodes, selected nodes and the stated kind of a networkx graph.

    Node attributes ``latent`` and ``selected`` and edge attribute ``marks`` are as `Graph.to_networkx` writes
    them; ``observed="no"`` (DoWhy's word) means latent. Names that are not text are turned into text.

    Raises:
        GraphError: two nodes have the same text, or the marks of an edge are not marks.
    """
    names: dict[Any, str] = {node: str(node) for node in source.nodes}
    if len(set(names.values())) < len(names):
        text = next(text for text in names.values() if list(names.values()).count(text) > 1)
        raise GraphError(f"Two nodes of the networkx graph are written {text!r}.", "Rename one of them.")
    latent, selected = set(), set()
    for node, values in source.nodes(data=True):
        if values.get("latent") or str(values.get("observed", "")).lower() in ("no", "false"):
            latent.add(names[node])
        if values.get("selected"):
            selected.add(names[node])
    plain = (Mark.TAIL, Mark.ARROW if source.is_directed() else Mark.TAIL)
    edges = []
    for a, b, values in source.edges(data=True):
        marks = values.get("marks", plain)
        try:
            mark_a, mark_b = (Mark(mark) for mark in marks)
        except (TypeError, ValueError):
            raise GraphError(
                f"The marks of the edge from {a!r} to {b!r} are {marks!r}.",
                "Give a pair of 'tail', 'arrow' or 'circle'.",
            ) from None
        edges.append(Edge(names[a], names[b], mark_a, mark_b))
    kind = source.graph.get("kind")
    return list(names.values()), edges, latent, selected, GraphKind(kind) if kind in set(GraphKind) else None


def to_networkx(graph: Graph) -> Any:
    """See `Graph.to_networkx`."""
    try:
        import networkx
    except ImportError:
        raise MissingExtra("networkx", "test") from None
    all_directed = all(edge.directed for edge in graph.edges)
    made = networkx.DiGraph() if all_directed else networkx.MultiDiGraph()
    made.graph["kind"] = graph.kind.value
    for node in graph.nodes:
        flags = {"latent": node in graph.latent, "selected": node in graph.selected}
        made.add_node(node, **{flag: True for flag, on in flags.items() if on})
    for edge in graph.edges:
        made.add_edge(edge.a, edge.b, marks=(edge.mark_a.value, edge.mark_b.value))
    return made
