"""All small graphs in their classes, grouped by what they separate, to compare answers about classes with."""

from __future__ import annotations

import random
from collections import defaultdict
from functools import cache
from itertools import combinations, product

from aitia.graphs import CyclicGraph, Edge, Graph, GraphError, Mark, completed
from aitia.graphs._edge import directed
from aitia.graphs._separation import reached

TAIL, ARROW, CIRCLE = Mark.TAIL, Mark.ARROW, Mark.CIRCLE


def separations(graph):
    """For every condition, what each node reaches: equal exactly for graphs of one class."""
    adjacency, count = graph._adjacency, len(graph.nodes)
    found = []
    for mask in range(1 << count):
        given = {i for i in range(count) if mask >> i & 1}
        found += [frozenset(reached(adjacency, [x], given) - given) for x in range(count) if x not in given]
    return tuple(found)


@cache
def dag_classes(size):
    """All DAGs of a size, by their separations."""
    names = tuple("abcdef"[:size])
    pairs = list(combinations(names, 2))
    classes = defaultdict(list)
    for turns in product((None, False, True), repeat=len(pairs)):
        edges = [directed(*(p[::-1] if turn else p)) for p, turn in zip(pairs, turns) if turn is not None]
        try:
            dag = Graph(names, tuple(edges))
        except CyclicGraph:
            continue
        classes[separations(dag)].append(dag)
    return list(classes.values())


@cache
def mag_classes(size):
    """All maximal ancestral graphs of a size, by their separations."""
    names = tuple("abcdef"[:size])
    classes = defaultdict(list)
    for mag in every_mag(names, list(combinations(names, 2)), optional=True):
        classes[separations(mag)].append(mag)
    return list(classes.values())


def every_mag(names, pairs, optional):
    """All maximal ancestral graphs with an edge for each pair, or (optional) for some of them."""
    sorts = [(TAIL, ARROW), (ARROW, TAIL), (ARROW, ARROW), (TAIL, TAIL)] + [None] * optional
    for chosen in product(sorts, repeat=len(pairs)):
        edges = tuple(Edge(a, b, *sort) for (a, b), sort in zip(pairs, chosen) if sort)
        try:
            yield Graph(names, edges, kind="pag")
        except GraphError:
            continue


def agreed(mags):
    """The graph with each mark that all the given graphs have, circles elsewhere."""
    edges = []
    for edge in mags[0].edges:
        same = [mag.edges_between(edge.a, edge.b)[0] for mag in mags]
        ends = [
            edge.mark_at(node) if all(e.mark_at(node) is edge.mark_at(node) for e in same) else CIRCLE
            for node in (edge.a, edge.b)
        ]
        edges.append(Edge(edge.a, edge.b, *ends))
    return Graph(mags[0].nodes, tuple(edges), kind="pag")


def random_dag(size, degree, seed, latent=0.0, selected=0.0):
    """A random DAG with an expected number of neighbours, nodes in random causal order; flags with probabilities."""
    draw = random.Random(seed)
    names = [f"v{i}" for i in range(size)]
    order = draw.sample(names, size)
    chance = min(1.0, degree / max(size - 1, 1))
    edges = [pair for pair in combinations(order, 2) if draw.random() < chance]
    flags = {name: draw.random() for name in names}
    return Graph.build(
        names,
        edges,
        latent=[name for name in names if flags[name] < latent],
        selected=[name for name in names if flags[name] > 1 - selected],
    )


def shuffled(graph, seed):
    """The same graph with its nodes and edges listed in another order, and new names whose order differs too."""
    draw = random.Random(seed)
    names = draw.sample([f"w{i}" for i in range(len(graph.nodes))], len(graph.nodes))
    renamed = graph.relabel(dict(zip(graph.nodes, names)))
    nodes, edges = list(renamed.nodes), list(renamed.edges)
    draw.shuffle(nodes)
    draw.shuffle(edges)
    again = Graph(tuple(nodes), tuple(edges), renamed.latent, renamed.selected, renamed.kind)
    return again, dict(zip(graph.nodes, names))


def random_knowledge(graph, seed):
    """Some orientations of open edges, required or forbidden, true of no graph in particular."""
    draw = random.Random(seed)
    required, forbidden = [], []
    for edge in graph.edges:
        if draw.random() < 0.4:
            pair = (edge.a, edge.b) if draw.random() < 0.5 else (edge.b, edge.a)
            (required if draw.random() < 0.5 else forbidden).append(pair)
    return required, forbidden


def random_mpdag(seed, size=6, degree=3):
    """A CPDAG of a random DAG with some of its own directions as knowledge."""
    from aitia.graphs import restrict

    draw = random.Random(seed)
    dag = random_dag(size, degree, seed)
    return restrict(completed(dag), [(e.a, e.b) for e in dag.edges if draw.random() < 0.3]), dag
