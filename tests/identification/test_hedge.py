"""Where identification says no: two models that agree on every observation and differ in the answer.

The parity models of Shpitser & Pearl (2006, theorem 4), built on the hedge that `identify` returns and
carried down to the outcome (theorem 5). All probabilities are computed, none is taken from the theorem.
"""

from __future__ import annotations

import os
from collections import Counter
from itertools import product

import pytest
from causal_oracle import random_graph

from aitia.core import stream
from aitia.graphs import Graph
from aitia.identification import Effect, Hedge, Rule, identify

CASES = 1500 if os.environ.get("AITIA_SLOW") else 300
NONPARAMETRIC = [rule for rule in Rule if rule is not Rule.INSTRUMENT]


def bidirected_tree(graph: Graph, start: frozenset[str], nodes: frozenset[str]) -> list[tuple[str, str]]:
    """Bidirected edges that join `nodes` to `start` (or to each other, from one node) without a cycle."""
    inside = set(start) or {min(nodes)}
    tree = []
    while inside < nodes:
        a, b = next((a, b) for a in sorted(inside) for b in sorted(graph.spouses(a) & nodes - inside))
        tree.append((a, b))
        inside.add(b)
    return tree


def next_hops(graph: Graph, nodes: frozenset[str], ends: set[str]) -> dict[str, str]:
    """For each node one child in `nodes`, so that following them leads into `ends`."""
    hops: dict[str, str] = {}
    reached = set(ends)
    while True:
        more = {
            a: b
            for b in sorted(reached)
            for a in graph.parents(b) & nodes
            if a not in reached and a not in hops
        }
        if not more:
            return hops
        hops |= more
        reached |= set(more)


class ParityModel:
    """Every node holds a bit of the hedge and a bit carried towards the outcome.

    With `deaf` the nodes of the smaller set do not hear the larger one.
    """

    def __init__(self, graph: Graph, hedge: Hedge, treatment: str, outcome: str, *, deaf: bool) -> None:
        self.order, self.hedge, self.deaf = graph.topological_order(), hedge, deaf
        f, inner, roots = frozenset(hedge.f), frozenset(hedge.f_prime), set(hedge.roots)
        self.coins = bidirected_tree(graph, frozenset(), inner)
        self.outer = bidirected_tree(graph, inner, f)
        self.hops = next_hops(graph, inner, roots)
        self.hops |= next_hops(graph, f - inner, set(inner))
        assert set(self.hops) | roots == f
        self.carry = next_hops(graph, frozenset(graph.nodes) - {treatment}, {outcome})
        on_route = set()
        for root in roots:
            while root != outcome:
                on_route.add(root)
                root = self.carry[root]
        self.carry = {a: b for a, b in self.carry.items() if a in on_route}

    def run(self, outcome: tuple[str, ...], do: dict[str, int]) -> Counter:
        """The distribution of some variables, as counts over all coin flips."""
        counts: Counter = Counter()
        edges = [*self.coins, *self.outer]
        for flips in product((0, 1), repeat=len(edges)):
            own: dict[str, int] = {}
            carried: dict[str, int] = {}
            for v in self.order:
                if v in do:
                    own[v], carried[v] = do[v], 0
                    continue
                inner = v in self.hedge.f_prime
                own[v] = 0
                if v in self.hedge.f:
                    hears = [*self.coins, *([] if inner and self.deaf else self.outer)]
                    own[v] ^= sum(flip for edge, flip in zip(edges, flips) if v in edge and edge in hears) % 2
                    for parent, child in self.hops.items():
                        if child == v and (parent in self.hedge.f_prime or not (inner and self.deaf)):
                            own[v] ^= own[parent]
                carried[v] = 0
                for parent, child in self.carry.items():
                    if child == v:
                        carried[v] ^= carried[parent] ^ (own[parent] if parent in self.hedge.roots else 0)
            counts[tuple((own[v], carried[v]) for v in outcome)] += 1
        return counts


def check_hedge(graph: Graph, treatment: str, outcome: str, hedge: Hedge) -> None:
    one = ParityModel(graph, hedge, treatment, outcome, deaf=False)
    two = ParityModel(graph, hedge, treatment, outcome, deaf=True)
    assert one.run(graph.nodes, {}) == two.run(graph.nodes, {})
    assert one.run((outcome,), {treatment: 0}) != two.run((outcome,), {treatment: 0})


def test_not_identified_means_two_models_differ():
    hedges = 0
    for case in range(CASES):
        rng = stream(case, "hedge")
        graph = random_graph(rng, "abcde", directed=0.5, bidirected=0.4)
        t, y = rng.permutation(graph.nodes)[:2].tolist()
        found = identify(graph, Effect(t, y), rules=NONPARAMETRIC)
        if not found.identified:
            check_hedge(graph, t, y, found.witness)
            hedges += 1
    assert hedges > CASES / 20


@pytest.mark.parametrize(
    "text", ["x -> y; x <-> y", "x -> z -> y; x <-> y; x <-> z", "x -> y; x <-> w; w <-> y; w -> x"]
)
def test_known_hedges(text: str):
    graph = Graph.parse(text)
    found = identify(graph, Effect("x", "y"), rules=NONPARAMETRIC)
    assert isinstance(found.witness, Hedge)
    check_hedge(graph, "x", "y", found.witness)
