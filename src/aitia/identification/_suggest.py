"""What would help where the graph does not identify an answer."""

from __future__ import annotations

from collections.abc import Callable

from aitia.graphs import Edge, Graph

_MOST_TRIED = 40


def suggestions(
    graph: Graph,
    treatment: str,
    outcome: str,
    answers: Callable[[Graph], bool],
) -> tuple[str, ...]:
    """What single measurement would identify the answer, and what else would.

    Args:
        graph: the graph as given.
        treatment: the treatment.
        outcome: the outcome.
        answers: whether a graph identifies the answer.

    Returns:
        Sentences, best first. At most 40 measurements are tried.
    """
    relevant = graph.ancestors((treatment, outcome))
    found = []
    tried = 0
    for latent in sorted(graph.latent & relevant):
        if tried < _MOST_TRIED:
            tried += 1
            if answers(graph.with_flags(latent=graph.latent - {latent})):
                found.append(f"measure {latent}")
    for edge in graph.edges:
        if edge.bidirected and {edge.a, edge.b} <= relevant and tried < _MOST_TRIED:
            tried += 1
            name = _new_name(graph)
            seen = graph.without_edges([edge]).with_edges([Edge(name, edge.a), Edge(name, edge.b)])
            if answers(seen):
                found.append(f"measure what {edge.a} and {edge.b} have in common (the cause behind {edge})")
    found.append(
        f"find an instrument: something that moves {treatment}, and {outcome} only through {treatment} "
        "(it needs a linear effect, or answers for compliers only)"
    )
    found.append(f"set {treatment} at random in an experiment")
    found.append("bounds: with a bounded outcome the data still limit the answer to an interval")
    return tuple(found)


def _new_name(graph: Graph) -> str:
    name = "measured"
    while name in graph:
        name += "'"
    return name
