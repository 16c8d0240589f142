"""Causal identification in classes of DAGs: the truncated factorisation over buckets."""

from __future__ import annotations

from collections.abc import Iterable

from aitia.graphs import Graph
from aitia.identification._algebra import product, summed
from aitia.identification._expression import ONE, Expression, Probability, symbols


def bucket_formula(graph: Graph, outcomes: Iterable[str], treatments: Iterable[str]) -> Expression:
    """P(outcomes | do(treatments)) = sum_b prod_i P(b_i | parents of b_i), where the class identifies it.

    A bucket is what undirected edges join; b runs over the buckets' parts among the ancestors of the outcomes in the
    graph without the treatments.

    Args:
        graph: an amenable CPDAG or MPDAG, all of whose nodes are measured.
        outcomes: the variables asked for.
        treatments: the variables set.

    Source:
        Perkovic 2020, "Identifying causal effects in maximally oriented partially directed acyclic graphs", theorem
        3.6.

    Example:
        >>> bucket_formula(Graph.parse("a -- b; a -> y; b -> y; x -> y; a -> x; b -> x", "mpdag"), ["y"], ["x"]).text()
        'Σ_{a, b} P(a, b) P(y | a, b, x)'
    """
    y, x = tuple(outcomes), set(treatments)
    needed = graph.subgraph([node for node in graph.nodes if node not in x]).ancestors(y)
    factors = []
    for bucket in ordered_buckets(graph):
        part = [node for node in bucket if node in needed]
        if part:
            before = graph.parents(part) - set(part)
            factors.append(Probability(symbols(part), symbols(graph.in_order(before))))
    over = [node for node in graph.nodes if node in needed and node not in y]
    return summed(symbols(over), product(factors)) if factors else ONE


def ordered_buckets(graph: Graph) -> list[tuple[str, ...]]:
    """The components of the undirected edges, causes before effects (Perkovic 2020, algorithm 1: PCO).

    Example:
        >>> ordered_buckets(Graph.parse("y <- a -- b -> y; c -> y"))
        [('a', 'b'), ('c',), ('y',)]
    """
    adjacency = graph._adjacency
    left = set(range(len(graph.nodes)))
    buckets = []
    for start in range(len(graph.nodes)):
        if start in left:
            found = adjacency.closure([start], adjacency.undirected)
            left -= found
            buckets.append(found)
    ordered: list[tuple[str, ...]] = []
    placed: set[int] = set()
    while buckets:
        # A bucket is next if arrows from outside come from placed buckets only. In an MPDAG arrows may also run
        # within a bucket, and never make a cycle of buckets.
        ready = next(
            each for each in buckets if all(set(adjacency.parents[i]) <= placed | each for i in each)
        )
        buckets.remove(ready)
        placed |= ready
        ordered.append(tuple(graph.nodes[i] for i in sorted(ready)))
    return ordered
