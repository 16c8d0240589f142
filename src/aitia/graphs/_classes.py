"""The class of a DAG as a CPDAG, and what knowledge of single edges leaves of a class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aitia.graphs._edge import GraphKind, Mark
from aitia.graphs._errors import ContradictoryKnowledge, GraphError
from aitia.graphs._graph import Graph
from aitia.graphs._marks import Marks
from aitia.graphs._orientation import close_under_meek, collider_arrows


def completed(dag: Graph) -> Graph:
    """The CPDAG of a DAG: an arrow where every DAG with the same separations has it, else a line.

    Arrows of unshielded colliders are kept, and Meek's rules find the others (Meek 1995, Theorems 2 and 3).

    Args:
        dag: a DAG without latent and selected nodes.

    Returns:
        The CPDAG over the same nodes.

    Raises:
        GraphKindError: the graph is not a DAG.
        GraphError: it has latent or selected nodes; `pag_of` answers for those.

    Example:
        >>> completed(Graph.parse("a -> b -> c; d -> c; c -> e"))
        Graph.parse('a -- b; b -> c; d -> c; c -> e')
    """
    if dag.kind is GraphKind.CPDAG:
        return dag
    dag.require("A CPDAG", GraphKind.DAG)
    if hidden := dag.latent | dag.selected:
        raise GraphError(
            f"A CPDAG describes DAGs in which every node is measured, but {min(hidden)!r} is latent or selected.",
            "Take the class of what is measured: pag_of(graph).",
        )
    return completed_marks(dag._adjacency.parents).graph(dag.nodes, GraphKind.CPDAG, trusted=True)


def completed_marks(parents: Sequence[Iterable[int]]) -> Marks:
    """The marks of the CPDAG of a DAG that is given by the parents of each position."""
    above = [set(each) for each in parents]
    joined = [set(each) for each in above]
    for b, each in enumerate(above):
        for a in each:
            joined[a].add(b)
    marks = Marks(len(above))
    for a, beside in enumerate(joined):
        marks.at[a] = dict.fromkeys(sorted(beside), Mark.TAIL)
    for a, b in collider_arrows(above, joined):
        marks.at[a][b] = Mark.ARROW
    close_under_meek(marks)
    return marks


def restrict(
    graph: Graph,
    required: Iterable[tuple[str, str]] = (),
    forbidden: Iterable[tuple[str, str]] = (),
) -> Graph:
    """The members of a class that agree with knowledge of single edges, as an MPDAG.

    Each piece turns one line, and Meek's rules (1995) carry it on; what stays a line can still point either way.

    Args:
        graph: a CPDAG, an MPDAG, or a DAG (one member: the knowledge is only checked).
        required: pairs (cause, effect): ``cause -> effect`` is in the graph.
        forbidden: pairs (cause, effect): ``cause -> effect`` is not in it. Pairs that are not joined fit.

    Returns:
        The graph itself where the knowledge adds nothing; else an MPDAG.

    Raises:
        ContradictoryKnowledge: no member agrees; names a smallest set of pieces that clash.
        GraphKindError: the graph is of another kind.
        UnknownNode: a name is not in the graph.

    Example:
        >>> restrict(Graph.parse("a -- b -- c"), required=[("a", "b")])
        Graph.parse('[mpdag]; a -> b; b -> c')
    """
    graph.require("Knowledge of single edges", GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.DAG)
    pieces: list[tuple[str, int, int, bool]] = []
    for word, pairs in (("required", required), ("forbidden", forbidden)):
        for cause, effect in pairs:
            a, b = graph.indices((cause, effect), f"what is {word}")
            pieces.append((f"{cause} -> {effect} is {word}", a, b, word == "required"))
    pieces = list(dict.fromkeys(pieces))
    start = Marks.of(graph)
    made = _with_pieces(start, pieces)
    if made is None:
        # Drop what is not needed for the contradiction; each piece that stays is needed.
        needed = list(pieces)
        for piece in pieces:
            fewer = [each for each in needed if each is not piece]
            if _with_pieces(start, fewer) is None:
                needed = fewer
        words = [piece[0] for piece in needed]
        edges = [
            str(edge)
            for piece in needed
            for edge in graph.edges_between(*(graph.nodes[i] for i in piece[1:3]))
        ]
        between = (
            f"between these nodes it has {', '.join(dict.fromkeys(edges))}"
            if edges
            else "there is no such edge"
        )
        raise ContradictoryKnowledge(
            f"No graph of the class agrees with: {'; '.join(words)} ({between}).",
            "Drop one of these pieces, or ask whether the class is the right one.",
            words,
        )
    if made.at == start.at:
        return graph
    turned = made.graph(graph.nodes, GraphKind.MPDAG, trusted=True)
    return Graph._trusted(turned.nodes, turned.edges, graph.latent, graph.selected, GraphKind.MPDAG)


def _with_pieces(start: Marks, pieces: Iterable[tuple[str, int, int, bool]]) -> Marks | None:
    """The maximally oriented marks with all pieces, or None where they contradict each other or the marks."""
    marks = start.copy()
    at = marks.at
    for _, a, b, wanted in pieces:
        if not marks.joined(a, b):
            if wanted:
                return None
            continue
        cause, effect = (a, b) if wanted else (b, a)
        if at[cause][effect] is Mark.ARROW:
            continue
        if at[effect][cause] is Mark.ARROW:
            return None
        # In a maximally oriented graph every line points either way in some member, so one piece at a time is
        # exact: a contradiction shows as an arrow that is already turned.
        marks.orient(cause, effect)
        close_under_meek(marks)
    return marks
