"""General identification when only selected rows are seen."""

from __future__ import annotations

from collections.abc import Iterable

from aitia.graphs import Graph, m_separated
from aitia.identification._algebra import product, summed
from aitia.identification._expression import Expression, Symbol
from aitia.identification._general import (
    Distribution,
    conditional_interventional,
    identified,
)
from aitia.identification._masks import Masks


class NotRecovered(Exception):
    """Raised inside the room when the rules here do not recover an answer from selected rows. Never leaves it.

    Args:
        names: the variables that are confounded with what selection depends on, or that selection depends on.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(names)
        self.names = names


def without_irrelevant_selection(graph: Graph, names: Iterable[str]) -> Graph | None:
    """The graph over the ancestors of some variables, if selection says nothing about any of them; else None.

    Where the selection nodes are separated from all these ancestors A, P(a | S = 1) = P(a), and the question can be
    answered in the subgraph of A as if there were no selection.
    """
    relevant = graph.ancestors(tuple(names))
    free = graph.with_flags(selected=())
    if relevant & graph.selected or not m_separated(free, relevant, graph.selected):
        return None
    return graph.subgraph(relevant)


def recovered(
    graph: Graph, outcomes: Iterable[str], treatments: Iterable[str], given: Iterable[str] = ()
) -> Expression:
    """P(outcomes | do(treatments), given) in the whole population from P(v | S = 1).

    P(y | do(x)) is a sum of products of c-factors Q[D_j]. A c-factor Q[T] of the graph over the ancestors of
    D_j and S is got from the selected rows if no node of T is an ancestor of S: in an order that starts with
    the ancestors of S, its conditionals have S among their predecessors, so that conditioning on S = 1
    changes nothing. From Q[T], general identification goes on to Q[D_j].

    Sound, not complete: where this fails, another argument may still succeed.

    Raises:
        NotRecovered: a c-factor is not recovered by this rule.
        NoFormula: there would be no formula even without selection.

    Source:
        Bareinboim & Tian 2015, "Recovering causal effects from selection bias", theorem 2.
    """
    g = Masks.of(graph.latent_projection())
    s = g.mask(graph.selected)
    before_selection = g.ancestors(s, g.everything)

    def joint(y: int, x: int) -> Expression:
        targets = g.ancestors(y, g.everything & ~x)
        parts = []
        for d in reversed(g.districts(targets)):
            scope = g.ancestors(d | s, g.everything)
            t = g.district(d, scope)
            if t & before_selection:
                # Without selection there may be no formula either; then the hedge is the better answer.
                identified(d, g.everything & ~d, Distribution.observed(g, g.everything))
                raise NotRecovered(g.of_mask(t & before_selection & ~s) or g.of_mask(t))
            seen = Distribution.observed(g, scope, late=scope & ~before_selection, known=s)
            inside = Distribution(
                g,
                t,
                tuple(i for i in seen.order if t >> i & 1),
                {i: seen.conditional(i) for i in seen.order if t >> i & 1},
                s,
            )
            parts.append(identified(d, t & ~d, inside))
        return summed([Symbol(each) for each in g.of_mask(targets & ~y)], product(parts))

    y, x, z = (g.mask(each) for each in (outcomes, treatments, given))
    return conditional_interventional(g, y, x, z, joint)
