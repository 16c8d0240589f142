"""The front-door criterion: mediators that carry the whole effect and are not themselves confounded."""

from __future__ import annotations

from collections.abc import Iterable

from aitia.graphs import Graph, Nodes
from aitia.identification._algebra import mean, product
from aitia.identification._expression import Expression, Probability, Sum, Symbol, symbols
from aitia.identification._masks import Masks, bits
from aitia.identification._sets import named


def is_front_door(graph: Graph, treatment: Nodes, outcome: Nodes, mediators: Iterable[str]) -> bool:
    """Whether the mediators satisfy the front-door criterion (Pearl 2009, definition 3.3.3).

    (1) They meet every directed path from treatment to outcome, (2) no open back-door path leads from the treatment to
    them, (3) the treatment blocks every back-door path from them to the outcome.

    Example:
        >>> is_front_door(Graph.parse("x -> m -> y; x <-> y"), "x", "y", ["m"])
        True
    """
    g, x, y = _posed(graph, treatment, outcome)
    z = g.mask(named(mediators))
    return (
        not z & (x | y)
        and not g.connected(x, 0, g.everything, cut_out=x) & z
        and not g.connected(y, x, g.everything, cut_out=z) & z
        and _meets(g, x, y, z)
    )


def front_door_set(
    graph: Graph,
    treatment: Nodes,
    outcome: Nodes,
    *,
    forbidden: Iterable[str] = (),
    required: Iterable[str] = (),
    minimal: bool = True,
) -> tuple[str, ...] | None:
    """A set of mediators that satisfies the front-door criterion, or None if there is none.

    Args:
        graph: a DAG or ADMG.
        treatment: one variable or several.
        outcome: one variable or several.
        forbidden: variables that must not be used.
        required: variables that must be among them.
        minimal: return a set of which no proper subset (holding `required`) works; else the largest set.

    Returns:
        The mediators in causal order.

    Source:
        Jeong, Tian & Bareinboim 2022, "Finding and listing front-door adjustment sets" (the conditions are closed under
        union, so that the largest set answers); Wienöbst, van der Zander & Liskiewicz 2024 (minimal sets).

    Example:
        >>> front_door_set(Graph.parse("x -> a -> b -> y; x <-> y"), "x", "y")
        ('b',)
    """
    g, x, y = _posed(graph, treatment, outcome)
    fixed = g.mask(named(required))
    hidden = g.mask(graph.selected) | g.mask(named(forbidden))
    allowed = g.everything & ~(x | y | hidden)
    # Condition 2 speaks of each node alone, so the nodes that meet it can be told once.
    allowed &= ~g.connected(x, 0, g.everything, cut_out=x)
    found = _largest(g, x, y, allowed, fixed)
    if found is None:
        return None
    if minimal:
        # Mostly the mediators on directed paths do, and the search among them is short.
        path = g.descendants(x, g.everything) & g.ancestors(y, g.everything)
        found = _largest(g, x, y, (found & path) | fixed, fixed) or found
        for i in bits(found & ~fixed):
            smaller = _largest(g, x, y, found & ~(1 << i), fixed) if found >> i & 1 else None
            found = found if smaller is None else smaller
    return g.of_mask(found)


def front_door_formula(outcome: str, treatment: str, mediators: Iterable[str]) -> Expression:
    """E[Y | do(t)] = sum_m P(m | t) sum_t' E[Y | t', m] P(t') (Pearl 1995)."""
    t, m, y = Symbol(treatment), symbols(mediators), Symbol(outcome)
    inner = Sum((t,), product([Probability((y,), (t, *m)), Probability((t,))]))
    return mean(y, Sum(m, product([Probability(m, (t,)), inner]))).distinct()


def _posed(graph: Graph, treatment: Nodes, outcome: Nodes) -> tuple[Masks, int, int]:
    g = Masks.of(graph.latent_projection())
    return g, g.mask(named(treatment)), g.mask(named(outcome))


def _meets(g: Masks, x: int, y: int, z: int) -> bool:
    return not g.descendants(x, g.everything & ~z) & y


def _largest(g: Masks, x: int, y: int, z: int, fixed: int) -> int | None:
    """The largest subset of z that meets condition 3, if it also holds `fixed` and meets condition 1.

    Taking a node out opens its outgoing edges, which only makes more back-door paths: what fails once fails for every
    smaller set, so dropping all failing nodes until none is left ends in the largest set.
    """
    while bad := g.connected(y, x, g.everything, cut_out=z) & z:
        z &= ~bad
    return z if not fixed & ~z and _meets(g, x, y, z) else None
