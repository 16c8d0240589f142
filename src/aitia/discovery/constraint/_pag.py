"""From a skeleton to a PAG: knowledge as marks, colliders, and a repair where tests contradict each other."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.core import Decision, listing
from aitia.discovery._errors import KnowledgeError
from aitia.discovery.constraint._colliders import unshielded
from aitia.discovery.constraint._orient import arrows_of, extension, find_cycle, undirected
from aitia.discovery.constraint._probe import Probe
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import Skeleton
from aitia.graphs import Clash, Graph, GraphError, Mark, Marks, orient_colliders, orient_pag, pag_of

WITHOUT_SELECTION = (1, 2, 3, 4, 8, 9, 10)


@dataclass(frozen=True, eq=False)
class OrientedPag:
    """A PAG and how it came about.

    Args:
        graph: the PAG.
        reasons: why the mark at b of the edge (a, b) stands, where knowledge or a collider says so.
        warnings: contradictions, and how they were settled.
        repaired: pairs (a, b), a < b, that the repair joined or parted against the tests.
    """

    graph: Graph
    reasons: dict[tuple[int, int], str]
    warnings: tuple[str, ...]
    repaired: dict[tuple[int, int], str] = field(default_factory=dict)


def apart_by_knowledge(setting: Setting) -> np.ndarray:
    """Pairs of one tier within which no edges are allowed: booleans (p, p).

    Pairs whose edge is forbidden both ways may still share an unmeasured cause, so they are tested like others.
    """
    tiers = setting.tiers
    if not setting.knowledge.apart_within:
        return np.zeros((setting.count, setting.count), bool)
    apart = (tiers[:, None] == tiers[None, :]) & (tiers[:, None] >= 0)
    return apart & ~_latent_pairs(setting) & ~np.eye(setting.count, dtype=bool)


def kept_by_knowledge(setting: Setting) -> np.ndarray:
    """Pairs with a required edge or a known unmeasured common cause: booleans (p, p)."""
    return setting.required | setting.required.T | _latent_pairs(setting)


def _latent_pairs(setting: Setting) -> np.ndarray:
    result = np.zeros((setting.count, setting.count), bool)
    place = {name: i for i, name in enumerate(setting.names)}
    for a, b in setting.knowledge.latent_pairs:
        result[place[a], place[b]] = result[place[b], place[a]] = True
    return result


def knowledge_marks(skeleton: Skeleton) -> tuple[Marks, dict[tuple[int, int], str]]:
    """Circles everywhere but where knowledge says more, and why each such mark stands.

    A required edge is ``a -> b``. Where ``a -> b`` is forbidden, a does not cause b, so the edge has an arrowhead
    at a. This reads the marks as those of a graph without selection.

    Raises:
        KnowledgeError: the required edges and forbidden ones leave no graph.
    """
    setting = skeleton.setting
    marks = undirected(skeleton, Mark.CIRCLE)
    reasons: dict[tuple[int, int], str] = {}
    if not setting.knowledge:
        return marks, reasons
    names, knowledge = setting.names, setting.knowledge
    for a, b in zip(*(setting.forbidden & skeleton.adjacent).nonzero()):
        marks.at[int(b)][int(a)] = Mark.ARROW
        reasons[int(b), int(a)] = f"knowledge: {knowledge.why_forbidden(names[a], names[b])}"
    for a, b in zip(*setting.required.nonzero()):
        marks.orient(int(a), int(b))
        reasons[int(a), int(b)] = "required by knowledge"
    cycle = find_cycle(arrows_of(marks), setting.count)
    if cycle:
        raise KnowledgeError(
            f"The required edges make a cycle: {' -> '.join(names[i] for i in cycle)}.", "Drop one of them."
        )
    return marks, reasons


def with_colliders(skeleton: Skeleton) -> tuple[Marks, dict[tuple[int, int], str], list[Clash]]:
    """The marks of knowledge and rule R0."""
    marks, reasons = knowledge_marks(skeleton)
    before = marks.copy()
    clashes = orient_colliders(marks, skeleton.separator)
    for a, beside in enumerate(marks.at):
        for b, mark in beside.items():
            if mark is not before.at[a][b]:
                reasons[a, b] = "collider"
    return marks, reasons, clashes


def with_sure_colliders(skeleton: Skeleton, probe: Probe, alpha: float) -> Marks:
    """The marks of knowledge and those colliders that stay right if edges are later cut.

    For a - c - b with separating set S of a and b without c: if a, c and b, c are both dependent given S, then c is
    no ancestor of a, b or S, whether or not all edges are there (Colombo et al. 2012, Lemma 3.1).
    """
    marks, _ = knowledge_marks(skeleton)
    adjacent = skeleton.adjacent
    for a, c, b in unshielded(adjacent):
        given = skeleton.separator(a, b)
        if given is None or c in given:
            continue
        # Sets of neighbours were tested when the skeleton was found.
        if all(adjacent[end, list(given)].all() or probe.test(end, c, given)[0] <= alpha for end in (a, b)):
            for end in (a, b):
                if marks.at[end][c] is Mark.CIRCLE:
                    marks.at[end][c] = Mark.ARROW
    return marks


def rules_for(setting: Setting) -> Collection[int]:
    """All ten rules; with knowledge those that no selection needs, because knowledge is read without it."""
    return WITHOUT_SELECTION if setting.knowledge else range(1, 11)


def selection_decisions(setting: Setting) -> tuple[Decision, ...]:
    """That selection was ruled out, where knowledge did so."""
    if not setting.knowledge:
        return ()
    return (
        Decision(
            "rows are taken to be unselected",
            "knowledge about causes says where arrowheads are only if no effect of the variables selects rows",
        ),
    )


def finish(
    skeleton: Skeleton, marks: Marks, reasons: dict[tuple[int, int], str], clashes: Sequence[Clash]
) -> OrientedPag:
    """The PAG of closed marks; a repaired one where they are no PAG.

    Where tests contradict each other the marks may fit no ancestral graph. Then arrows ``o->`` become ``->``, lines
    and circles are directed so that few new colliders come about, arrows along a directed cycle become ``<->``, and
    the answer is the PAG of the graph so made. Ties are broken by name. `warnings` says so.
    """
    setting = skeleton.setting
    warnings = []
    if clashes:
        ends = sorted({(min(each.a, each.b), max(each.a, each.b)) for each in clashes})
        pairs = [f"{setting.names[a]} and {setting.names[b]}" for a, b in ends]
        warnings.append(
            f"The tests contradict each other about the marks of {len(ends)} edges; the mark that was found first "
            f"stands, or a circle: between {listing(pairs)}."
        )
    try:
        return OrientedPag(setting.graph(marks, "pag"), reasons, tuple(warnings))
    except GraphError as error:
        fault = error.problem
    graph = pag_of(_nearby(setting, marks))
    warnings.append(
        f"The marks that the tests ask for fit no graph ({fault.rstrip('.')}); the answer is the PAG of a graph near "
        "them, and single marks may rest on no test. More rows, or another level, may settle it."
    )
    if setting.knowledge:
        graph = _with_knowledge(skeleton, graph)
    return OrientedPag(graph, reasons, tuple(warnings), _follow(skeleton, graph))


def _follow(skeleton: Skeleton, graph: Graph) -> dict[tuple[int, int], str]:
    """Make the skeleton that of a repaired graph; which pairs changed."""
    setting = skeleton.setting
    place = {name: i for i, name in enumerate(setting.names)}
    joined = np.zeros_like(skeleton.adjacent)
    for edge in graph.edges:
        a, b = place[edge.a], place[edge.b]
        joined[a, b] = joined[b, a] = True
    changed = {}
    for a, b in zip(*np.triu(joined != skeleton.adjacent).nonzero()):
        changed[int(a), int(b)] = "joined by the repair" if joined[a, b] else "parted by the repair"
    skeleton.adjacent[:] = joined
    return changed


def _nearby(setting: Setting, marks: Marks) -> Graph:
    """A graph of directed and bidirected edges, without directed cycles, close to these marks."""
    plain = Marks(len(marks))
    directed = Marks(len(marks))
    for a, b in marks.pairs():
        at_b, at_a = marks.at[a][b], marks.at[b][a]
        if at_a is Mark.ARROW and at_b is Mark.ARROW:
            directed.join(a, b, Mark.ARROW, Mark.ARROW)
        elif at_b is Mark.ARROW:
            directed.orient(a, b)
        elif at_a is Mark.ARROW:
            directed.orient(b, a)
        else:
            plain.join(a, b, Mark.TAIL, Mark.TAIL)
    for a, b in arrows_of(extension(plain)[0]):
        directed.orient(a, b)
    while cycle := find_cycle(arrows_of(directed), len(marks)):
        for a, b in itertools.pairwise(cycle):
            directed.join(a, b, Mark.ARROW, Mark.ARROW)
    return setting.graph(directed, "admg")


def _with_knowledge(skeleton: Skeleton, graph: Graph) -> Graph:
    """A repaired graph with the marks of knowledge put back; the rules run on, and the form is not checked."""
    setting = skeleton.setting
    place = {name: i for i, name in enumerate(setting.names)}
    marks = Marks(setting.count)
    for edge in graph.edges:
        marks.join(place[edge.a], place[edge.b], edge.mark_a, edge.mark_b)
    for a, b in zip(*setting.forbidden.nonzero()):
        if marks.joined(int(a), int(b)):
            marks.at[int(b)][int(a)] = Mark.ARROW
    for a, b in zip(*setting.required.nonzero()):
        marks.join(int(a), int(b), Mark.TAIL, Mark.ARROW)
    orient_pag(marks, skeleton.separator, rules=rules_for(setting))
    return setting.graph(marks, "pag", trusted=True)
