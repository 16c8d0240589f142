"""Sets of names as people write them, and which graphs identification takes."""

from __future__ import annotations

from collections.abc import Iterable

from aitia.core import AitiaError
from aitia.graphs import Graph, GraphKind, GraphKindError, Nodes


class InvalidQuestion(AitiaError):
    """A question makes no sense for the graph: overlapping sets, an unmeasured treatment, an empty set."""


def named(nodes: Nodes | Iterable[str]) -> tuple[str, ...]:
    """One name or several, as a tuple without repeats.

    Example:
        >>> named("age"), named(["a", "b", "a"])
        (('age',), ('a', 'b'))
    """
    return (nodes,) if isinstance(nodes, str) else tuple(dict.fromkeys(nodes))


def require_directed(graph: Graph) -> None:
    """Insist on a DAG or ADMG.

    Raises:
        GraphKindError: the graph is an equivalence class; says what will handle it.
    """
    if graph.kind not in (GraphKind.DAG, GraphKind.ADMG):
        raise GraphKindError(
            f"Identification takes a DAG or ADMG for now; this graph is a {graph.kind.value}, which stands for a class "
            "of causal graphs.",
            "The generalised adjustment criterion for classes (Perkovic et al. 2018) comes with discovery; until then "
            "orient the open edges, or ask of each graph of the class.",
        )


def prose(names: Iterable[str]) -> str:
    """Names as a sentence lists them: ``a``, ``a and b``, ``a, b and c``.

    Example:
        >>> prose(["a", "b", "c"])
        'a, b and c'
    """
    *most, last = [*names] or ["nothing"]
    return f"{', '.join(most)} and {last}" if most else last
