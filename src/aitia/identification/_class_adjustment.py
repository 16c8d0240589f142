"""The generalised adjustment criterion: covariate adjustment in CPDAGs, MPDAGs and PAGs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

from aitia.graphs import Graph, GraphKind, representative
from aitia.identification._adjustment import Adjustment, AdjustmentCheck
from aitia.identification._backdoor import forbidden_nodes, proper_backdoor_graph
from aitia.identification._possibly import MIXED, UnsettledPath, Walks, path_in, unsettled_path
from aitia.identification._sets import named


@dataclass(frozen=True, eq=False)
class ClassAdjustment(Adjustment):
    """Everything about adjusting for the effect of x on y in every graph of a class at once.

    Perkovic, Textor, Kalisch & Maathuis (2018, definition 4): a set is valid if the class is amenable (every proper
    possibly causal path starts with a directed, in a PAG visible, edge), if the set holds no forbidden node, and if it
    blocks the other proper paths of definite status. Where a class is amenable the rest can be read off one member:

    - a CPDAG or MPDAG that is amenable identifies the effect (Perkovic 2020, theorem 3.6), so that all members
      give one formula, and a set is valid in one member exactly if it is in all;
    - in a PAG a set without forbidden nodes blocks those paths exactly if it separates x and y in a maximal ancestral
      graph of the class without the first edges of the proper causal paths, all of them visible (their theorem 14
      and section 4.4).

    Args:
        graph: a CPDAG, MPDAG or PAG.
    """

    @cached_property
    def unsettled(self) -> UnsettledPath | None:
        """A possibly causal path by which members of the class disagree, or None."""
        return unsettled_path(self.graph, self.x, self.y)

    @cached_property
    def _first(self) -> dict[str, set[str]]:
        """For each treatment, the second nodes of its proper possibly causal paths. For an amenable PAG."""
        walks = Walks(self.graph)
        found = {}
        for each in self.x:
            found[each] = {
                other
                for other in walks.near[each]
                if other not in self.x
                and walks.forward(each, other)
                and set(self.y) & walks.reach([other], barred=self.x)
            }
        return found

    @cached_property
    def backdoor(self) -> Graph:
        """The proper back-door graph of one member."""
        solid = representative(self.graph)
        if self.graph.kind in MIXED:
            return proper_backdoor_graph(solid, self.x, self.y)
        kept = tuple(
            edge for edge in solid.edges if not (edge.directed and edge.b in self._first.get(edge.a, ()))
        )
        # Without circles and undirected edges a maximal ancestral graph has the form of an ADMG.
        return Graph(solid.nodes, kept, solid.latent, solid.selected, GraphKind.ADMG)

    @cached_property
    def forbidden(self) -> frozenset[str]:
        """Treatments, outcomes, what may lie on a causal path, and what that may cause."""
        if self.graph.kind in MIXED:
            return forbidden_nodes(representative(self.graph), self.x, self.y)
        starts = set().union(*self._first.values()) - set(self.x)
        return frozenset((*self.x, *self.y)) | frozenset(Walks(self.graph).reach(starts))

    @property
    def possible(self) -> bool:
        """Whether adjustment can work at all, before separation is looked at."""
        return self.unsettled is None and super().possible

    def check(self, z: Iterable[str]) -> AdjustmentCheck:
        """Whether z is valid in every member of the class, with the reason if it is not."""
        z = named(z)
        self.graph.indices(z, "the adjustment set")
        if self.unsettled is not None:
            return AdjustmentCheck(
                False,
                f"No set is valid in every graph of the class: the path {self.unsettled.path} may be causal, and "
                f"{loose_end(self.graph, self.unsettled)}.",
                (),
                self.unsettled.path,
            )
        found = super().check(z)
        if found.open_path is None or found.open_path is self.selection_path:
            return found
        path = path_in(self.graph, found.open_path.nodes)
        return replace(
            found,
            sentence=f"{{{', '.join(z)}}} is not valid: it leaves the non-causal path {path} open.",
            open_path=path,
        )


def loose_end(graph: Graph, unsettled: UnsettledPath) -> str:
    """What the class does not say about the first edge of a path, in words."""
    edge = unsettled.edge
    if graph.kind in MIXED:
        return f"the class does not say which way {edge} points"
    if edge.directed:
        return f"the class does not rule out an unmeasured common cause behind {edge}"
    return f"the class does not say what {edge} stands for"
