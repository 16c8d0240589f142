"""Nested counterfactuals in which each arrow out of the treatment carries a value of its own.

Natural direct and indirect effects, and effects among the treated, ask for Y when some children of the
treatment see one of its values and others another. One formula answers them all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from aitia.graphs import Graph
from aitia.identification._algebra import mean, product, ratio, summed
from aitia.identification._expression import Expression, Probability, Symbol
from aitia.identification._general import Distribution, identified
from aitia.identification._masks import Masks, bits


@dataclass(frozen=True)
class RecantingWitness:
    """A variable that the treatment affects and that leads to the outcome both through the mediators and past them.

    It would have to take its value under both treatments at once (Avin, Shpitser & Pearl 2005).
    """

    node: str


@dataclass(frozen=True)
class RecantingDistrict:
    """Variables tied together by unmeasured common causes that need two values of the treatment at once.

    Args:
        nodes: the district.
        conflicting: the members that see the treatment, or are it, with different values.

    Source:
        Shpitser 2013, "Counterfactual graphical models for longitudinal mediation analysis with unobserved
        confounding".
    """

    nodes: tuple[str, ...]
    conflicting: tuple[str, ...]


class Recanted(Exception):
    """Raised inside the room when two values of the treatment are needed at once; never leaves it."""

    def __init__(self, witness: RecantingWitness | RecantingDistrict) -> None:
        super().__init__(witness)
        self.witness = witness


def edge_formula(
    graph: Graph,
    treatment: str,
    outcome: str,
    label: Callable[[str], Symbol],
    *,
    natural: bool = False,
) -> Expression:
    """P(Y(...) = y) where each child c of the treatment sees the value ``label(c)``: the edge g-formula.

    With D the ancestors of the outcome once the treatment is set, it is the sum over D without the outcome
    of the product of Q[D_j] over the districts of D, each at the value that its members see. It is identified if every
    district sees one value and every Q[D_j] is identified.

    Args:
        graph: a DAG or ADMG.
        treatment: the treatment.
        outcome: the outcome.
        label: the value that a child of the treatment sees.
        natural: ask for P(Y(...) = y, T = t) instead, with T at the value it takes by itself (its plain symbol).

    Raises:
        Recanted: a district needs two values.
        NoFormula: a Q[D_j] is not identified.

    Source:
        Shpitser 2013, theorem 3; Shpitser & Tchetgen Tchetgen 2016, "Causal inference with a graphical hierarchy of
        interventions"; for the treated Shpitser & Pearl 2009, "Effects of treatment on the treated".
    """
    g = Masks.of(graph.latent_projection())
    t, y = g.mask([treatment]), g.mask([outcome])
    targets = g.ancestors(y, g.everything & ~t)
    if natural:
        targets |= g.ancestors(t, g.everything)
    children = g.children[t.bit_length() - 1]
    start = Distribution.observed(g, g.everything)
    parts = []
    for d in reversed(g.districts(targets)):
        seeing = g.of_mask(children & d)
        values = {label(each) for each in seeing}
        if len(values) > 1 or (seeing and d & t):
            both = seeing if not d & t else (treatment, *seeing)
            raise Recanted(RecantingDistrict(g.of_mask(d), both))
        part = identified(d, g.everything & ~d, start).distinct()
        parts.append(part.rename({Symbol(treatment): values.pop()} if values else {}))
    over = targets & ~(y | t)
    return summed(start.symbols(over), product(parts)).distinct()


def mean_among(graph: Graph, treatment: str, outcome: str) -> Expression:
    """E[Y(t') | T = t]: the mean outcome under t' of those who by themselves have t.

    Raises:
        Recanted: the treatment shares a district with one of its children.
        NoFormula: there is no formula.
    """
    t, other = Symbol(treatment), Symbol(treatment, 1)
    joint = edge_formula(graph, treatment, outcome, lambda _: other, natural=True)
    return mean(Symbol(outcome), ratio(joint, Probability((t,))))


def mediated_labels(
    graph: Graph, treatment: str, outcome: str, mediators: tuple[str, ...]
) -> dict[str, bool]:
    """For each child of the treatment that leads to the outcome, whether it does so through the mediators.

    Raises:
        Recanted: a child leads there both through the mediators and past them.
    """
    g = Masks.of(graph.latent_projection())
    t, y, m = g.mask([treatment]), g.mask([outcome]), g.mask(mediators)
    targets = g.ancestors(y, g.everything & ~t)
    past = g.ancestors(y, targets & ~m)
    through = g.ancestors(m & targets, targets)
    labels = {}
    for i in bits(g.children[t.bit_length() - 1] & targets):
        if past >> i & 1 and through >> i & 1:
            raise Recanted(RecantingWitness(g.names[i]))
        labels[g.names[i]] = bool(through >> i & 1)
    return labels
