"""The conditional independences that a graph implies, which data can contradict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice

from aitia.graphs._edge import GraphKind
from aitia.graphs._errors import GraphKindError
from aitia.graphs._graph import Graph
from aitia.graphs._kinds import representative
from aitia.graphs._separators import minimal_separator


@dataclass(frozen=True)
class Independence:
    """The statement that x and y are independent given a set.

    Args:
        x: one variable.
        y: the other.
        given: what is conditioned on, in the order of the graph's nodes.
    """

    x: str
    y: str
    given: tuple[str, ...] = ()

    def __str__(self) -> str:
        condition = f" | {', '.join(self.given)}" if self.given else ""
        return f"{self.x} _||_ {self.y}{condition}"


def implied_independences(graph: Graph, limit: int | None = None) -> tuple[Independence, ...]:
    """One independence for each pair of observed nodes that some observed set separates.

    Each has a minimal conditioning set, which holds as few variables as the removal of any would allow, and
    so is the most powerful form to test. Pairs that are adjacent, or joined by an inducing path through latent
    or selected nodes, give none. For a DAG without latent and selected nodes the list holds every pair that is
    not adjacent; with all distributions for which pairwise independences combine (multivariate normal ones, for
    instance) it then implies every other independence of the graph.

    Args:
        graph: the graph; a CPDAG, MPDAG or PAG is answered for the class.
        limit: stop after so many; None gives all. Each costs time linear in the graph.

    Returns:
        The statements, pairs in the order of `Graph.nodes`. They hold among the rows that were selected.

    Example:
        >>> for each in implied_independences(Graph.parse("a -> b -> c; a -> d; c <- d")):
        ...     print(each)
        a _||_ c | b, d
        b _||_ d | a
    """
    return tuple(islice(_pairwise(representative(graph)), limit))


def _pairwise(graph: Graph) -> Iterator[Independence]:
    adjacency = graph._adjacency
    joined = [set(adjacency.adjacent(i)) for i in range(len(graph.nodes))]
    observed = graph.indices(graph.observed)
    for i, j in combinations(observed, 2):
        if j in joined[i]:
            continue
        x, y = graph.nodes[i], graph.nodes[j]
        given = minimal_separator(graph, x, y)
        if given is not None:
            yield Independence(x, y, graph.in_order(given))


def local_markov(graph: Graph) -> tuple[Independence, ...]:
    """The local Markov basis of a DAG: each node and each earlier node that is no parent, given its parents.

    The statements "x is independent of all that precedes it, given its parents" imply every independence of
    the graph (Lauritzen et al. 1990); here each is split into pairs. Earlier means earlier in
    `Graph.topological_order`.

    Args:
        graph: a DAG without latent and selected nodes.

    Raises:
        GraphKindError: the graph is another.

    Example:
        >>> print(*local_markov(Graph.parse("a -> b -> c")))
        c _||_ a | b
    """
    graph.require("The local Markov basis", GraphKind.DAG)
    if graph.latent or graph.selected:
        raise GraphKindError(
            "The local Markov basis needs a graph without latent and selected nodes.",
            "Use implied_independences, which handles them.",
        )
    order = graph.topological_order()
    found = []
    for position, node in enumerate(order):
        parents = graph.parents(node)
        given = graph.in_order(parents)
        found += [Independence(node, before, given) for before in order[:position] if before not in parents]
    return tuple(found)
