"""Maximal ancestral graphs and their classes: what hidden nodes leave of a graph over the measured ones."""

from __future__ import annotations

from aitia.graphs._adjacency import Adjacency
from aitia.graphs._ancestral import through_colliders
from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._graph import Graph
from aitia.graphs._kinds import representative
from aitia.graphs._marks import Marks
from aitia.graphs._orientation import orient_colliders
from aitia.graphs._pag_rules import orient_pag


def mag_of(graph: Graph) -> Graph:
    """The maximal ancestral graph over the measured nodes of a DAG or ADMG with latent and selected nodes.

    a and b are joined if no set of measured nodes, with the selection nodes, separates them. The mark at a is a
    tail if a is an ancestor of b or of a selection node, else an arrowhead (Richardson & Spirtes 2002, Section 4.2).
    It has the same separations among the measured nodes as `graph` has given the selection nodes.

    Args:
        graph: a DAG or ADMG. A graph of kind ``pag`` without circles stands for itself.

    Returns:
        A graph of kind ``pag`` without circles over ``graph.observed``. ``a -> b`` says that a causes b and b
        causes neither a nor the selection; ``a <-> b`` that neither causes the other or the selection;
        ``a -- b`` that each causes the other or the selection.

    Raises:
        GraphKindError: the graph is of another kind, or has circles.

    Example:
        >>> mag_of(Graph.parse("u -> x -> y; u -> z; z -> y; u [latent]"))
        Graph.parse('[pag]; x -> y; x <-> z; z -> y')
        >>> mag_of(Graph.parse("a -> s <- b; s [selected]"))
        Graph.parse('[pag]; a -- b')
    """
    if graph.kind is GraphKind.PAG:
        if (
            any(Mark.CIRCLE in (edge.mark_a, edge.mark_b) for edge in graph.edges)
            or graph.latent | graph.selected
        ):
            graph.require("A maximal ancestral graph", GraphKind.DAG, GraphKind.ADMG)
        return graph
    graph.require("A maximal ancestral graph", GraphKind.DAG, GraphKind.ADMG)
    # Without latent nodes an inducing path has only colliders inside, all ancestors of its ends or the selection.
    graph = graph.latent_projection()
    near = graph._adjacency
    count = range(len(graph.nodes))
    above = [near.closure([i], near.parents) for i in count]
    selecting = near.closure(graph.indices(graph.selected), near.parents)
    names = graph.nodes
    measured = [i for i in count if names[i] not in graph.selected]
    edges: list[Edge] = []
    for x in measured:
        beside = set(near.adjacent(x))
        # Looser first: through any colliders at all.
        ends = through_colliders(near, x, None) | beside
        for y in measured:
            if y > x and y in ends:
                inner = above[x] | above[y] | selecting
                if y in beside or y in through_colliders(near, x, inner):
                    at_x = Mark.TAIL if x in above[y] or x in selecting else Mark.ARROW
                    at_y = Mark.TAIL if y in above[x] or y in selecting else Mark.ARROW
                    edges.append(Edge(names[x], names[y], at_x, at_y))
    return Graph._trusted(
        tuple(names[i] for i in measured), tuple(edges), frozenset(), frozenset(), GraphKind.PAG
    )


def pag_of(graph: Graph) -> Graph:
    """The partial ancestral graph of a graph: what all maximal ancestral graphs with its separations share.

    A mark is an arrowhead or a tail where every such graph has it, else a circle. Found by the collider rule and
    the rules 1 to 10 of Zhang (2008), which are complete (his Theorem 4), in polynomial time: two nodes of a
    maximal ancestral graph that are not joined are separated by their ancestors (Richardson & Spirtes 2002).

    Args:
        graph: a DAG or ADMG, with latent and selected nodes or without; or a graph of a class (``cpdag``,
            ``mpdag``, ``pag``), whose `representative` is taken.

    Returns:
        The PAG over ``graph.observed``.

    Example:
        >>> pag_of(Graph.parse("a -> c <- b; c -> d; a <- u -> c; u [latent]"))
        Graph.parse('a o-> c; b o-> c; c -> d')
        >>> pag_of(Graph.parse("a -> b -> c"))
        Graph.parse('a o-o b; b o-o c')
    """
    mag = mag_of(representative(graph))
    marks = Marks.of(mag)
    for beside in marks.at:
        for b in beside:
            beside[b] = Mark.CIRCLE
    separator = Anterior(mag._adjacency)
    orient_colliders(marks, separator)
    orient_pag(marks, separator)
    return marks.graph(mag.nodes, GraphKind.PAG, trusted=True)


class Anterior:
    """The separator in a maximal ancestral graph of two nodes that are not joined: the nodes anterior to them.

    Args:
        graph: neighbour lists of the graph.
    """

    def __init__(self, graph: Adjacency) -> None:
        above = [[*lines, *parents] for lines, parents in zip(graph.undirected, graph.parents)]
        self.anterior = [graph.closure([i], above) for i in range(len(above))]

    def __call__(self, a: int, b: int) -> set[int]:
        return (self.anterior[a] | self.anterior[b]) - {a, b}


def is_pag(graph: Graph) -> bool:
    """Whether a graph of kind ``pag`` is exactly the PAG of a class: every mark that is shared, and no other.

    Making a graph of kind ``pag`` asks less, so that a maximal ancestral graph (all marks known) and a PAG with
    marks added by background knowledge are valid too.

    Example:
        >>> is_pag(Graph.parse("a o-> c; b o-> c"))
        True
        >>> is_pag(Graph.parse("a -> c; b o-> c"))  # the tail at a is knowledge: no separation shows it
        False
    """
    graph.require("A partial ancestral graph", GraphKind.PAG)
    return pag_of(graph) == graph
