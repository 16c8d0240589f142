"""Mediation: controlled direct, natural direct and natural indirect effects."""

from __future__ import annotations

from collections.abc import Iterable

from aitia.graphs import Graph, m_separated
from aitia.identification._algebra import mean
from aitia.identification._expression import (
    Difference,
    Expectation,
    Expression,
    Probability,
    Product,
    Sum,
    Symbol,
    symbols,
)
from aitia.identification._nested import edge_formula, mediated_labels


def mediation_covariates(
    graph: Graph,
    treatment: str,
    outcome: str,
    mediators: tuple[str, ...],
    *,
    forbidden: Iterable[str] = (),
    required: Iterable[str] = (),
) -> tuple[str, ...] | None:
    """Baseline covariates with which the mediation formula holds, or None if there are none.

    C, not affected by the treatment, has to block (1) every back-door path from the treatment to mediators
    and outcome, and (2) together with the treatment every back-door path from the mediators to the outcome.

    Returns:
        A set of which nothing but `required` can be left out, as near to the outcome as it goes.

    Source:
        Pearl 2001, "Direct and indirect effects"; Shpitser & VanderWeele 2011, "A complete graphical criterion for the
        adjustment formula in mediation analysis".

    Example:
        >>> graph = Graph.parse("t -> m -> y; t -> y; c -> m; c -> y; b -> t")
        >>> mediation_covariates(graph, "t", "y", ("m",))
        ('c',)
    """
    first = graph.without_outgoing(treatment)
    second = graph.without_outgoing(mediators)
    after = graph.descendants(treatment)

    def works(c: frozenset[str]) -> bool:
        return m_separated(first, treatment, (*mediators, outcome), c) and m_separated(
            second, mediators, outcome, c | {treatment}
        )

    barred = after | {outcome, *mediators, *forbidden}
    fixed = frozenset(required)
    if graph.selected or fixed & barred:
        return None
    # If any set works, so do all allowed ancestors together: each separation has its ancestral separator, and the
    # ancestors of {treatment, mediators, outcome} are the same for both.
    found = graph.ancestors((treatment, *mediators, outcome, *fixed)) & frozenset(graph.observed) - barred
    if not works(found):
        return None
    for each in graph.topological_order():
        if each in found and each not in fixed and works(found - {each}):
            found -= {each}
    return graph.in_order(found)


def natural_formula(
    outcome: str, treatment: str, mediators: tuple[str, ...], covariates: tuple[str, ...], direct: bool
) -> Expression:
    """The mediation formula (Pearl 2001).

    Direct: sum_{m, c} (E[y | t, m, c] - E[y | t', m, c]) P(m | t', c) P(c).
    Indirect: sum_{m, c} E[y | t, m, c] (P(m | t, c) - P(m | t', c)) P(c).
    """
    t, control = Symbol(treatment), Symbol(treatment, 1)
    m, c = symbols(mediators), symbols(covariates)
    under_t = Expectation(outcome, (t, *m, *c))
    if direct:
        changed: Expression = Difference(under_t, Expectation(outcome, (control, *m, *c)))
        factors = [changed, Probability(m, (control, *c))]
    else:
        changed = Difference(Probability(m, (t, *c)), Probability(m, (control, *c)))
        factors = [under_t, changed]
    return Sum((*m, *c), Product((*factors, *([Probability(c)] if c else []))))


def natural_general(
    graph: Graph, treatment: str, outcome: str, mediators: tuple[str, ...], direct: bool
) -> Expression:
    """A natural effect by the edge g-formula, where no set of baseline covariates will do.

    Raises:
        Recanted: a variable or a district is needed under both treatments at once.
        NoFormula: there is no formula.
    """
    t, control, y = Symbol(treatment), Symbol(treatment, 1), Symbol(outcome)
    mediated = mediated_labels(graph, treatment, outcome, mediators)

    def at(through: Symbol, past: Symbol) -> Expression:
        return mean(y, edge_formula(graph, treatment, outcome, lambda c: through if mediated[c] else past))

    crossed = at(control, t)
    return Difference(crossed, at(control, control)) if direct else Difference(at(t, t), crossed)
