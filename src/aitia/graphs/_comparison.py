"""Two graphs side by side: whether they have the same separations, and how far apart their edges are."""

from __future__ import annotations

from dataclasses import dataclass

from aitia.graphs._edge import Edge, Mark
from aitia.graphs._errors import GraphError
from aitia.graphs._graph import Graph
from aitia.graphs._mag import pag_of


def same_class(a: Graph, b: Graph) -> bool:
    """Whether two graphs have the same separations among their measured nodes (Markov equivalence).

    Both are taken to their PAG (see `pag_of`), which is the same exactly then. Latent nodes may differ. Equality
    constraints other than independences (Verma constraints) are not compared.

    Args:
        a: a graph of any kind but ``undirected``; the graph of a class stands for its members.
        b: the same.

    Returns:
        True if they have. Graphs over different measured nodes do not.

    Example:
        >>> same_class(Graph.parse("a -> b -> c"), Graph.parse("a <- b -> c"))
        True
        >>> same_class(Graph.parse("a -> b"), Graph.parse("a <- u -> b; u [latent]"))
        True
    """
    return pag_of(a) == pag_of(b)


@dataclass(frozen=True)
class Comparison:
    """How an estimated graph differs from another one, usually the true one.

    A ratio whose denominator is 0 (nothing claimed, or nothing to find) is 1: nothing was claimed wrongly, nothing
    was missed.

    Args:
        shared: pairs joined in both.
        extra: pairs joined in the estimate only.
        missing: pairs joined in the truth only.
        marked: pairs joined in both, by edges with different marks.
        arrowheads_right: arrowheads in both.
        arrowheads_extra: arrowheads in the estimate only, on edges that the truth lacks too.
        arrowheads_missing: arrowheads in the truth only.
    """

    shared: tuple[tuple[str, str], ...]
    extra: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]
    marked: tuple[tuple[str, str], ...]
    arrowheads_right: int
    arrowheads_extra: int
    arrowheads_missing: int

    @property
    def shd(self) -> int:
        """The structural Hamming distance: pairs whose edges differ (Tsamardinos, Brown & Aliferis 2006)."""
        return len(self.extra) + len(self.missing) + len(self.marked)

    @property
    def adjacency_precision(self) -> float:
        """Of the pairs joined in the estimate, the share that the truth joins."""
        return _share(len(self.shared), len(self.extra))

    @property
    def adjacency_recall(self) -> float:
        """Of the pairs that the truth joins, the share joined in the estimate."""
        return _share(len(self.shared), len(self.missing))

    @property
    def arrowhead_precision(self) -> float:
        """Of the arrowheads in the estimate, the share that the truth has."""
        return _share(self.arrowheads_right, self.arrowheads_extra)

    @property
    def arrowhead_recall(self) -> float:
        """Of the arrowheads of the truth, the share that the estimate has."""
        return _share(self.arrowheads_right, self.arrowheads_missing)

    def __str__(self) -> str:
        return (
            f"structural Hamming distance {self.shd} ({len(self.extra)} extra, {len(self.missing)} missing, "
            f"{len(self.marked)} with other marks); adjacencies: precision {self.adjacency_precision:.3f}, "
            f"recall {self.adjacency_recall:.3f}; arrowheads: precision {self.arrowhead_precision:.3f}, "
            f"recall {self.arrowhead_recall:.3f}"
        )


def compare(estimated: Graph, truth: Graph) -> Comparison:
    """How an estimated graph differs from the true one, over the same nodes.

    Compare like with like: an estimated class with the true class (`completed`, `pag_of`), not with one of its
    members, whose arrows no data could show.

    Args:
        estimated: a graph of any kind.
        truth: a graph over the same nodes.

    Raises:
        GraphError: the nodes differ.

    Example:
        >>> compare(Graph.parse("a -- b; b -- c"), Graph.parse("a -> b <- c")).shd
        2
        >>> compare(Graph.parse("a -- b -- c"), Graph.parse("a -> b <- c")).arrowhead_recall
        0.0
    """
    if only := set(estimated.nodes) ^ set(truth.nodes):
        where = "estimated" if min(only) in estimated else "true"
        raise GraphError(
            f"The graphs have different nodes: {min(only)!r} is only in the {where} one.",
            "Compare graphs over the same nodes; pag_of leaves out latent and selected ones.",
        )
    ours, theirs = _at_pairs(estimated), _at_pairs(truth)
    place = {node: i for i, node in enumerate(truth.nodes)}
    pairs = sorted(
        (sorted(pair, key=place.__getitem__) for pair in ours.keys() | theirs.keys()),
        key=lambda pair: [place[node] for node in pair],
    )
    groups: dict[str, list[tuple[str, str]]] = {"shared": [], "extra": [], "missing": [], "marked": []}
    for a, b in pairs:
        our, their = ours.get(frozenset((a, b))), theirs.get(frozenset((a, b)))
        groups["missing" if our is None else "extra" if their is None else "shared"].append((a, b))
        if our is not None and their is not None and our != their:
            groups["marked"].append((a, b))
    heads, true_heads = _arrowheads(estimated), _arrowheads(truth)
    return Comparison(
        *(tuple(found) for found in groups.values()),
        arrowheads_right=len(heads & true_heads),
        arrowheads_extra=len(heads - true_heads),
        arrowheads_missing=len(true_heads - heads),
    )


def _at_pairs(graph: Graph) -> dict[frozenset[str], set[Edge]]:
    found: dict[frozenset[str], set[Edge]] = {}
    for edge in graph.edges:
        found.setdefault(frozenset((edge.a, edge.b)), set()).add(edge)
    return found


def _arrowheads(graph: Graph) -> set[tuple[str, str]]:
    """Pairs (from, to) with an arrowhead at the second on an edge of the two."""
    return {
        (edge.other(node), node)
        for edge in graph.edges
        for node in (edge.a, edge.b)
        if edge.mark_at(node) is Mark.ARROW
    }


def _share(right: int, wrong: int) -> float:
    return right / (right + wrong) if right + wrong else 1.0
