"""The effects that a PAG leaves open: its maximal ancestral graphs, put together where they give one answer."""

from __future__ import annotations

from itertools import islice

from aitia.graphs import Edge, Graph, members
from aitia.identification._class_adjustment import ClassAdjustment
from aitia.identification._estimand import Estimand, NotIdentified, Rule
from aitia.identification._identify import identify
from aitia.identification._identify_class import roles
from aitia.identification._possible import AncestralGraphs, PossibleEstimand, PossibleEstimands, weighed
from aitia.identification._possibly import may_be_caused
from aitia.identification._question import Interventional, Question


def possible_in_pag(graph: Graph, question: Question, limit: int) -> PossibleEstimands:
    """See `possible_estimands`.

    A maximal ancestral graph still stands for many graphs with hidden causes: where an edge out of the treatment may
    hide one, its part of the class has no estimand, and says so.
    """
    x, y = roles(question)
    asked = set(question.outcomes if isinstance(question, Interventional) else y)
    found = list(islice(members(graph, selection=False), limit + 1))
    groups: list[tuple[Estimand | NotIdentified, bool, list[Graph]]] = []
    for member in found[:limit]:
        zero = not may_be_caused(member, x) & asked
        home = next((group for group in groups if _answers(group[0], group[1], member, zero)), None)
        if home is None:
            answer = identify(member, question)
            home = next((group for group in groups if _same(group[0], answer) and group[1] == zero), None)
            if home is None:
                groups.append((answer, zero, [member]))
                continue
        home[2].append(member)
    members_ = [
        PossibleEstimand(_common(graph, graphs), tuple(graphs), answer, zero, len(graphs))
        for answer, zero, graphs in groups
    ]
    warnings = [
        f"Shares count the {len(found[:limit]):,} maximal ancestral graphs of the pag; each stands for any number of "
        "graphs with hidden causes."
    ]
    if any(not each.answer.identified for each in members_):
        warnings.append(
            "Where hidden causes may stand behind an arrow out of the treatment, no formula gives the effect, and the "
            "set says nothing about it."
        )
    return PossibleEstimands(
        graph, question, weighed(members_), AncestralGraphs(), len(found) <= limit, tuple(warnings)
    )


def _answers(answer: Estimand | NotIdentified, answer_zero: bool, member: Graph, zero: bool) -> bool:
    """Whether a group's answer is known to be right in another member without identifying anew."""
    if zero or answer_zero:
        return zero and answer_zero
    if not isinstance(answer, Estimand) or answer.rule is not Rule.ADJUSTMENT:
        return False
    return bool(ClassAdjustment(member, *roles(answer.question)).check(answer.adjustment))


def _same(first: Estimand | NotIdentified, second: Estimand | NotIdentified) -> bool:
    if isinstance(first, Estimand) and isinstance(second, Estimand):
        return first.expression == second.expression
    return isinstance(first, NotIdentified) and isinstance(second, NotIdentified)


def _common(graph: Graph, graphs: list[Graph]) -> tuple[Edge, ...]:
    """The edges that the class leaves open and all of these graphs agree on."""
    shared = set(graphs[0].edges).intersection(*(each.edges for each in graphs[1:]))
    return tuple(sorted(shared - set(graph.edges), key=str))
