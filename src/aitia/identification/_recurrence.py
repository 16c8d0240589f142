"""How often each answer of a class comes back in other graphs: those of bootstrap replicates."""

from __future__ import annotations

from collections.abc import Sequence

from aitia.graphs import ClassTooLarge, ContradictoryKnowledge, Graph, GraphKind, count_members, restrict
from aitia.identification._possible import PossibleEstimand, PossibleEstimands

_COUNTED = (GraphKind.DAG, GraphKind.CPDAG, GraphKind.MPDAG)


def recurrence(possible: PossibleEstimands, graphs: Sequence[Graph]) -> tuple[float, ...]:
    """For each answer, the average share of other classes that has its orientations.

    In graph b the share of answer m is ``|{D in [G_b] : D contains O_m}| / |[G_b]|``, where O_m are the
    answer's orientations: 1 or 0 where b directs these edges, in between where it leaves them open, 0 where one
    of them is missing in b. What the shares lack to 1 belongs to graphs that have none of the answers.

    Args:
        possible: the answers of a CPDAG or MPDAG.
        graphs: DAGs, CPDAGs or MPDAGs over the same nodes, such as those of bootstrap replicates.

    Returns:
        One share for each member of `possible`, their sum at most 1.

    Example:
        >>> from aitia.identification import Effect, possible_estimands
        >>> possible = possible_estimands(Graph.parse("z -- x; x -- y; z -- y"), Effect("x", "y"))
        >>> [each.words for each in possible]
        ['x -> y, x -> z', 'x -> y, z -> x', 'y -> x']
        >>> recurrence(possible, [Graph.parse("z -> x; x -> y; z -> y")])
        (0.0, 1.0, 0.0)
    """
    # Replicates repeat few graphs many times.
    counts: dict[Graph, int] = {}
    for graph in graphs:
        counts[graph] = counts.get(graph, 0) + 1
    total = [0.0] * len(possible)
    for graph, times in counts.items():
        for i, share in enumerate(_shares(possible, graph)):
            total[i] += times * share
    return tuple(each / max(len(graphs), 1) for each in total)


def _shares(possible: PossibleEstimands, graph: Graph) -> list[float]:
    if graph.kind not in _COUNTED:
        return [0.0] * len(possible)
    parts = [_part(graph, member) for member in possible]
    try:
        whole = count_members(graph)
        return [0.0 if part is None else count_members(part) / whole for part in parts]
    except ClassTooLarge:
        there = sum(part is not None for part in parts)
        return [0.0 if part is None else 1 / there for part in parts]


def _part(graph: Graph, member: PossibleEstimand) -> Graph | None:
    arrows = [(edge.a, edge.b) for edge in member.orientations]
    if not all(graph.edges_between(a, b) for a, b in arrows):
        return None
    try:
        return restrict(graph, required=arrows)
    except ContradictoryKnowledge:
        return None
