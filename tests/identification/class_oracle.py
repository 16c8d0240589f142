"""Classes of graphs on few nodes with everything about them known by enumeration.

Nothing here uses the code under test: classes of DAGs are grouped by skeleton and unshielded colliders, and the effect
in a member is its truncated factorisation, computed from a table of probabilities.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from itertools import combinations, product

import numpy as np

from aitia.graphs import Edge, Graph, GraphKind, members, pag_of
from aitia.identification import Joint


@cache
def dags(names: str) -> tuple[Graph, ...]:
    """Every DAG over one-letter names."""
    pairs = list(combinations(names, 2))
    found = []
    for choice in product((None, 1, -1), repeat=len(pairs)):
        arrows = [(a, b) if way == 1 else (b, a) for (a, b), way in zip(pairs, choice) if way]
        if not _cyclic(names, arrows):
            found.append(Graph.build(nodes=list(names), directed=arrows))
    return tuple(found)


def _cyclic(names: str, arrows: list[tuple[str, str]]) -> bool:
    left = set(names)
    while left:
        free = {node for node in left if not any(b == node and a in left for a, b in arrows)}
        if not free:
            return True
        left -= free
    return False


def pattern(dag: Graph) -> tuple[frozenset, frozenset]:
    """Skeleton and unshielded colliders: what the members of one class share (Verma & Pearl 1990)."""
    skeleton = frozenset(frozenset((e.a, e.b)) for e in dag.edges)
    colliders = frozenset(
        (frozenset((a, b)), c)
        for c in dag.nodes
        for a, b in combinations(sorted(dag.parents(c)), 2)
        if frozenset((a, b)) not in skeleton
    )
    return skeleton, colliders


@cache
def classes(names: str) -> tuple[tuple[Graph, ...], ...]:
    """The Markov equivalence classes of DAGs, as lists of their members."""
    found = defaultdict(list)
    for dag in dags(names):
        found[pattern(dag)].append(dag)
    return tuple(tuple(each) for each in found.values())


def shared(group: list[Graph] | tuple[Graph, ...], kind: GraphKind = GraphKind.MPDAG) -> Graph:
    """The graph with the arrows that all DAGs of a group share, and lines elsewhere."""
    arrows = set(group[0].edges).intersection(*(each.edges for each in group))
    lines = {frozenset((e.a, e.b)) for e in group[0].edges} - {frozenset((e.a, e.b)) for e in arrows}
    return Graph.build(
        nodes=group[0].nodes,
        directed=[(e.a, e.b) for e in sorted(arrows, key=str)],
        undirected=[tuple(sorted(each)) for each in sorted(lines, key=sorted)],
        kind=kind if lines else GraphKind.MPDAG,
    )


def narrowed(rng: np.random.Generator, group: tuple[Graph, ...]) -> tuple[Graph, tuple[Graph, ...]]:
    """A class cut down by knowledge of up to two edges that one of its members has."""
    truth = group[rng.integers(len(group))]
    known = [e for e in truth.edges if rng.random() < 0.3][:2]
    kept = tuple(each for each in group if set(known) <= set(each.edges))
    return shared(kept), kept


def random_table(rng: np.random.Generator, dag: Graph) -> np.ndarray:
    """A random distribution of binary variables that is Markov to a DAG, positive; axes in order of nodes."""
    names = dag.nodes
    table = np.ones((2,) * len(names))
    for node in names:
        inside = sorted({names.index(each) for each in dag.parents(node)} | {names.index(node)})
        chance = rng.uniform(0.1, 0.9, size=(2,) * (len(inside) - 1))
        at = inside.index(names.index(node))
        both = np.stack([1 - chance, chance], axis=at)
        table = table * both.reshape([2 if i in inside else 1 for i in range(len(names))])
    return table


def joint(names: tuple[str, ...], table: np.ndarray) -> Joint:
    return Joint(tuple(names), table)


def truncated(table: np.ndarray, dag: Graph, x: dict[str, int], y: str) -> np.ndarray:
    """P(y | do(x)) if this DAG is the true one: prod over v outside x of P(v | parents)."""
    names = dag.nodes
    everything = range(len(names))
    total = np.ones_like(table)
    for node in names:
        if node in x:
            continue
        keep = {names.index(each) for each in dag.parents(node)} | {names.index(node)}
        above = table.sum(axis=tuple(i for i in everything if i not in keep), keepdims=True)
        total = total * above / above.sum(axis=names.index(node), keepdims=True)
    for node, value in x.items():
        total = total.take([value], axis=names.index(node))
    return total.sum(axis=tuple(i for i in everything if names[i] != y))


def contrast(table: np.ndarray, dag: Graph, x: str, y: str) -> float:
    """E[y | do(x=1)] - E[y | do(x=0)] in one member."""
    return float(truncated(table, dag, {x: 1}, y)[1] - truncated(table, dag, {x: 0}, y)[1])


def confounded_members(pag: Graph) -> Iterator[Graph]:
    """Acyclic mixed graphs of the class of a PAG: its MAGs, and each with hidden causes behind some arrows.

    Those with the most hidden causes come first: they are the ones that tell most often.
    """
    for mag in members(pag, selection=False):
        plain = Graph(mag.nodes, mag.edges, kind=GraphKind.ADMG)
        arrows = [e for e in mag.edges if e.directed]
        for size in range(len(arrows), -1, -1):
            for chosen in combinations(arrows, size):
                more = [Edge(e.a, e.b, e.mark_b, e.mark_b) for e in chosen]
                admg = plain.with_edges(more) if more else plain
                if not more or pag_of(admg) == pag:
                    yield admg
