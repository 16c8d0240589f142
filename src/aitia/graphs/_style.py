"""How roles and edges look, in one place for both renderers. Colours are Okabe & Ito's, safe for all eyes."""

from __future__ import annotations

from dataclasses import dataclass

from aitia.graphs._edge import Edge
from aitia.graphs._graph import Graph, Nodes

INK = "#333333"
BIDIRECTED = "#A04580"


@dataclass(frozen=True)
class Role:
    """What a node is in this picture, and how that looks.

    Args:
        label: the word in the legend.
        fill: colour inside.
        stroke: colour of the outline.
        width: of the outline, pixels.
        boxed: sharp corners, the sign of what is conditioned on; else rounded ends.
        dashed: a broken outline, the sign of what is not measured.
        double: a second outline inside, the sign of the sampling.
    """

    label: str
    fill: str = "#FFFFFF"
    stroke: str = INK
    width: float = 1.2
    boxed: bool = False
    dashed: bool = False
    double: bool = False


PLAIN = Role("measured")
ROLES = (
    Role("treatment", "#CDE4F3", "#0072B2", 2.4),
    Role("outcome", "#FBDFCB", "#D55E00", 2.4),
    Role("adjusted for", "#C9EBDF", "#007A59", 2.0, boxed=True),
    Role("latent", "#F4F4F4", "#777777", 1.4, dashed=True),
    Role("selected", "#FFF6C9", INK, 1.2, boxed=True, double=True),
)


def roles(graph: Graph, treatment: Nodes, outcome: Nodes, adjusted: Nodes) -> dict[str, Role]:
    """The role of each node; the first that applies, in the order of `ROLES`.

    Raises:
        UnknownNode: a set names a node that is not in the graph.
    """
    found = dict.fromkeys(graph.nodes, PLAIN)
    sets = (
        (treatment, "the treatment"),
        (outcome, "the outcome"),
        (adjusted, "the adjustment set"),
        (graph.latent, "the latent nodes"),
        (graph.selected, "the selected nodes"),
    )
    for role, (members, where) in reversed(list(zip(ROLES, sets))):
        for i in graph.indices(members, where):
            found[graph.nodes[i]] = role
    return found


def edge_colour(edge: Edge) -> str:
    """The colour of an edge's line."""
    return BIDIRECTED if edge.bidirected else INK


def legend_entries(graph: Graph, found: dict[str, Role]) -> list[Role | str]:
    """What the legend explains: roles that occur, and the dashed arc where there is one."""
    entries: list[Role | str] = [role for role in ROLES if role in found.values()]
    if any(edge.bidirected for edge in graph.edges):
        entries.append("unmeasured common cause")
    return entries
