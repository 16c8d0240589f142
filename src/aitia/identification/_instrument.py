"""Conditional instruments, found among the ancestral ones in polynomial time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aitia.graphs import Graph
from aitia.identification._backdoor import proper_backdoor_graph
from aitia.identification._masks import Masks, bits, spread


@dataclass(frozen=True)
class Instruments:
    """Instruments that share one conditioning set.

    Args:
        instruments: the variables Z; each moves the treatment, given the conditioning set.
        given: the conditioning set W; given it no instrument is connected with the outcome but through the treatment.
    """

    instruments: tuple[str, ...]
    given: tuple[str, ...] = ()


def conditional_instruments(
    graph: Graph, treatment: str, outcome: str, *, forbidden: Iterable[str] = ()
) -> tuple[Instruments, ...]:
    """The conditional instruments of an effect, unconditional ones first, then by size of the conditioning set.

    Z is an instrument given W if (1) W separates Z from the outcome in the graph without the first edges of the causal
    paths from the treatment, (2) Z and the treatment are connected given W, (3) neither Z nor W is caused by
    the treatment. For each Z the separator of ancestors of Z and outcome that lies nearest to the outcome is
    tried: if it cuts Z off from the treatment, so does every other ancestral one. If any conditional
    instrument exists, so does an ancestral one, though perhaps with another Z.

    Args:
        graph: a DAG or ADMG without selection nodes.
        treatment: the treatment.
        outcome: the outcome.
        forbidden: variables that must not be used.

    Returns:
        Groups of instruments that share a conditioning set; empty if there are none. Sets for several treatments at
        once (generalised instrumental sets, Brito & Pearl 2002) are not searched: deciding them is NP-hard.

    Source:
        van der Zander, Textor & Liskiewicz 2015, "Efficiently finding conditional instruments for causal inference",
        theorems 1 to 3.

    Example:
        >>> conditional_instruments(Graph.parse("w -> z -> x -> y; w -> y; x <-> y"), "x", "y")
        (Instruments(instruments=('z',), given=('w',)),)
    """
    if graph.selected:
        return ()
    projected = graph.latent_projection()
    g = Masks.of(proper_backdoor_graph(projected, (treatment,), (outcome,)))
    whole = Masks.of(projected)
    x, y = g.mask([treatment]), g.mask([outcome])
    after = g.mask(whole.of_mask(whole.descendants(whole.mask([treatment]), whole.everything)))
    allowed = g.everything & ~(after | y | g.mask(forbidden))
    found: dict[int, int] = {}
    for i in bits(allowed):
        z = 1 << i
        w = _nearest_separator(g, z, y, allowed & ~z)
        if w is not None and g.connected(z, w, g.everything) & x:
            found[z] = w
    groups: dict[int, int] = {}
    for w in set(found.values()):
        # Every other candidate that is an instrument given this same set joins in.
        apart = allowed & ~w & ~g.connected(y, w, g.everything)
        groups[w] = apart & g.connected(x, w, g.everything)
    ordered = sorted(groups, key=lambda w: (w.bit_count(), -groups[w].bit_count(), w))
    return tuple(Instruments(g.of_mask(groups[w]), g.of_mask(w)) for w in ordered)


def _nearest_separator(g: Masks, z: int, y: int, allowed: int) -> int | None:
    """The separator of z and y among the allowed ancestors of both that is nearest to y, or None."""
    cliques = g.moral_cliques(g.ancestors(z | y, g.everything))
    inside, border = spread(cliques, y, allowed)
    if inside & z:
        return None
    return spread(cliques, z, border)[1]
