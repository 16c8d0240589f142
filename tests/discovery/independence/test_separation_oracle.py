"""The oracle answers as m-separation does, in graphs of every kind."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from aitia.discovery import DiscoveryError, Observations, Oracle
from aitia.graphs import Graph, completed, m_separated, pag_of


def random_graph(random: np.random.Generator) -> Graph:
    """A random ADMG with latent and selected nodes, its PAG, or the class of a DAG."""
    count = int(random.integers(4, 8))
    names = [f"v{i}" for i in random.permutation(count)]
    pairs = [(names[i], names[j]) for j in range(count) for i in range(j)]
    directed = [pair for pair in pairs if random.random() < 0.35]
    kind = random.integers(4)
    if kind == 0:
        return completed(Graph.build(names, directed))
    both = [pair for pair in pairs if random.random() < 0.2]
    if kind == 1:
        return pag_of(Graph.build(names, directed, both))
    hidden = [names[i] for i in random.permutation(count)[:2]]
    if kind == 2:
        return pag_of(Graph.build(names, directed, latent=hidden[:1], selected=hidden[1:]))
    return Graph.build(names, directed, both, latent=hidden[:1], selected=hidden[1:])


def test_the_oracle_says_what_m_separation_says():
    random = np.random.default_rng(0)
    apart = joined = 0
    for _ in range(150):
        graph = random_graph(random)
        tester = Oracle(graph).on(Observations.of_names(graph.observed))
        for x, y in combinations(range(len(tester.names)), 2):
            others = [z for z in range(len(tester.names)) if z not in (x, y)]
            for size in range(len(others) + 1):
                for given in combinations(others, size):
                    expected = m_separated(
                        graph, tester.names[x], tester.names[y], [tester.names[z] for z in given]
                    )
                    assert tester.p_value(x, y, given) == float(expected), (str(graph), x, y, given)
                    apart, joined = apart + expected, joined + (not expected)
    assert apart > 1000 and joined > 1000


def test_what_the_oracle_cannot_answer():
    graph = Graph.parse("a -> s <- b; s [selected]")
    with pytest.raises(DiscoveryError, match="The oracle's graph has no node 'c'"):
        Oracle(graph).on(Observations.of_names("abc"))
    with pytest.raises(DiscoveryError, match="The rows are selected by 's', so that it does not vary"):
        Oracle(graph).on(Observations.of_names("abs"))
    assert Oracle(graph).on(Observations.of_names("ab")).p_value(0, 1) == 0.0
