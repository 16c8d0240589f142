"""Latent projection and the moral graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.graphs._edge import Edge, GraphKind, bidirected, directed, undirected

if TYPE_CHECKING:
    from aitia.graphs._graph import Graph, Nodes


def latent_projection(graph: Graph, observed: Nodes | None = None) -> Graph:
    """See `Graph.latent_projection`."""
    graph.require("A latent projection", GraphKind.DAG, GraphKind.ADMG)
    if observed is None:
        keep = frozenset(graph.nodes) - graph.latent
    else:
        keep = graph._set(graph.indices(observed)) | graph.selected
    adjacency = graph._adjacency
    parents = [set(each) for each in adjacency.parents]
    children = [set(each) for each in adjacency.children]
    spouses = [set(each) for each in adjacency.spouses]
    # Nodes are taken out one at a time; what each carried is joined over it. The order does not matter.
    for i, node in enumerate(graph.nodes):
        if node in keep:
            continue
        above, below, beside = parents[i], children[i], spouses[i]
        for parent in above:
            children[parent].discard(i)
            children[parent] |= below
        for spouse in beside:
            spouses[spouse].discard(i)
            spouses[spouse] |= below - {spouse}
        for child in below:
            parents[child].discard(i)
            parents[child] |= above
            spouses[child] |= (below | beside) - {child}
        parents[i], children[i], spouses[i] = set(), set(), set()
    names = graph.nodes
    edges = [directed(names[a], names[b]) for a in range(len(names)) for b in sorted(children[a])]
    edges += [bidirected(names[a], names[b]) for a in range(len(names)) for b in sorted(spouses[a]) if a < b]
    return type(graph)._trusted(
        tuple(node for node in names if node in keep),
        tuple(edges),
        graph.latent & keep,
        graph.selected,
        GraphKind.ADMG,
    )


def moral_neighbours(graph: Graph, within: set[int] | None = None) -> list[set[int]]:
    """The moral graph's neighbours of each node, by position; `within` restricts to a subgraph first."""
    adjacency = graph._adjacency
    inside = range(len(graph.nodes)) if within is None else within
    near: list[set[int]] = [set() for _ in graph.nodes]
    for i in inside:
        near[i].update(j for j in adjacency.undirected[i] if within is None or j in within)
    left = set(inside)
    while left:
        # Within one district every two nodes, and every two parents of it, are joined by a path of colliders.
        start = left.pop()
        district, stack = [start], [start]
        while stack:
            for other in adjacency.spouses[stack.pop()]:
                if other in left:
                    left.discard(other)
                    district.append(other)
                    stack.append(other)
        clique = set(district)
        for i in district:
            clique.update(j for j in adjacency.parents[i] if within is None or j in within)
        if len(clique) > 1:
            for i in clique:
                near[i] |= clique
    for i in inside:
        near[i].discard(i)
    return near


def moral_graph(graph: Graph) -> Graph:
    """See `Graph.moralised`."""
    from aitia.graphs._kinds import representative

    solid = representative(graph)
    near = moral_neighbours(solid)
    names = solid.nodes
    edges: tuple[Edge, ...] = tuple(
        undirected(names[a], names[b]) for a in range(len(names)) for b in sorted(near[a]) if a < b
    )
    return type(graph)._trusted(names, edges, graph.latent, graph.selected, GraphKind.UNDIRECTED)
