"""From a skeleton and its colliders to a CPDAG (an MPDAG with knowledge), whatever the tests contradict."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aitia.core import listing
from aitia.discovery._errors import KnowledgeError
from aitia.discovery.constraint._colliders import Found, Triple
from aitia.discovery.constraint._setting import Setting
from aitia.discovery.constraint._skeleton import Skeleton
from aitia.graphs import Mark, Marks, close_under_meek

Arrow = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Oriented:
    """A closed graph and how it came about.

    Args:
        marks: the graph.
        reasons: why each arrow points as it does, where knowledge or a collider says so.
        warnings: contradictions, and how each was settled.
    """

    marks: Marks
    reasons: dict[Arrow, str]
    warnings: tuple[str, ...]


def orient(skeleton: Skeleton, found: Found, *, extra: Iterable[Arrow] = ()) -> Oriented:
    """Arrows of knowledge, then the colliders, then Meek's rules (Meek 1995).

    Two colliders may want one edge to point both ways, and all of them together may fit no DAG: tests err. Then the
    best supported (largest p-value of the separating set) come first, and one that turns an arrow already there or
    closes a cycle is left out. If after that no DAG has these colliders and no others, a DAG is taken that has them
    and as few more as a greedy search finds; its class is the answer. Ties are broken by name. Each is reported.

    Raises:
        KnowledgeError: the knowledge leaves no DAG on this skeleton.
    """
    setting = skeleton.setting
    reasons: dict[Arrow, str] = {}
    arrows: set[Arrow] = set()
    for arrow, why in knowledge_arrows(setting, skeleton).items():
        arrows.add(arrow)
        reasons[arrow] = why
    for arrow in extra:
        if arrow[::-1] not in arrows:
            arrows.add(arrow)
    known = frozenset(arrows)
    kept, left_out = _accept(found.colliders, known, setting.count)
    for triple in kept:
        for end in (triple.a, triple.b):
            arrows.add((end, triple.middle))
            reasons.setdefault((end, triple.middle), "collider")
    warnings = []
    if left_out:
        warnings.append(
            f"{len(left_out)} of {len(found.colliders)} colliders contradict better supported ones"
            f"{' or the knowledge' if known else ''} and were left out: "
            f"{listing([_words(setting, each) for each in left_out])}."
        )
    if found.ambiguous:
        warnings.append(
            f"{len(found.ambiguous)} unshielded triples are ambiguous and were taken for non-colliders: "
            f"{listing([_words(setting, each) for each in found.ambiguous])}."
        )
    start = _with_arrows(skeleton, arrows)
    wanted = colliders_of(start)
    undecided = {(each.a, each.middle, each.b) for each in found.ambiguous}
    forced = sorted(wanted - {(each.a, each.middle, each.b) for each in found.colliders} - undecided)
    if forced:
        maker = "The knowledge makes" if known else "The arrows of several colliders together make"
        warnings.append(
            f"{maker} colliders that the tests deny: "
            f"{listing([_words(setting, Triple(0.0, c, a, b)) for a, c, b in forced])}."
        )
    closed = start.copy()
    clashes = close_under_meek(closed)
    fits = not clashes and colliders_of(closed) == wanted and not find_cycle(arrows_of(closed), setting.count)
    if fits and not extension(closed)[1]:
        return Oriented(closed, reasons, tuple(warnings))
    dag, _ = extension(start)
    added = sorted(colliders_of(dag) - wanted, key=lambda each: (each[1], each[0], each[2]))
    kept_arrows = set(known)
    for a, c, b in colliders_of(dag):
        kept_arrows |= {(a, c), (b, c)}
    repaired = _with_arrows(skeleton, kept_arrows)
    close_under_meek(repaired)
    names = [_words(setting, Triple(0.0, c, a, b)) for a, c, b in added]
    warnings.append(
        "No directed acyclic graph has exactly the colliders that the tests suggest: the graph has also "
        + (listing(names) if names else "other arrows")
        + ". More rows, or another level, may settle it."
    )
    return Oriented(repaired, reasons, tuple(warnings))


def knowledge_arrows(setting: Setting, skeleton: Skeleton) -> dict[Arrow, str]:
    """The arrows that knowledge gives the joined pairs, with the piece that does.

    Raises:
        KnowledgeError: they make a cycle; its pieces are named.
    """
    result: dict[Arrow, str] = {}
    if not setting.knowledge:
        return result
    one_way = setting.required | (setting.forbidden.T & ~setting.forbidden)
    for a, b in zip(*(one_way & skeleton.adjacent).nonzero()):
        cause, effect = setting.names[a], setting.names[b]
        why = (
            "required by knowledge"
            if setting.required[a, b]
            else f"knowledge: {setting.knowledge.why_forbidden(effect, cause)}"
        )
        result[int(a), int(b)] = why
    cycle = find_cycle(result, setting.count)
    if cycle:
        pieces = [
            f"{setting.names[a]} -> {setting.names[b]} ({result[a, b]})" for a, b in itertools.pairwise(cycle)
        ]
        raise KnowledgeError(
            f"On the edges that the tests leave, the knowledge makes a cycle: {'; '.join(pieces)}.",
            "Drop one of these pieces.",
        )
    return result


def _words(setting: Setting, triple: Triple) -> str:
    names = setting.names
    return f"{names[triple.a]} -> {names[triple.middle]} <- {names[triple.b]}"


def _with_arrows(skeleton: Skeleton, arrows: Iterable[Arrow]) -> Marks:
    marks = undirected(skeleton)
    for a, b in arrows:
        marks.orient(a, b)
    return marks


def undirected(skeleton: Skeleton, mark: Mark = Mark.TAIL) -> Marks:
    """The skeleton with one mark at every end."""
    marks = Marks(0)
    marks.at = [dict.fromkeys(row.nonzero()[0].tolist(), mark) for row in skeleton.adjacent]
    return marks


def _accept(
    colliders: Sequence[Triple], known: frozenset[Arrow], count: int
) -> tuple[list[Triple], list[Triple]]:
    """The colliders that fit together, best supported first, and the others."""
    arrows = set(known)
    below: list[set[int]] = [set() for _ in range(count)]
    for a, b in known:
        below[a].add(b)
    kept: list[Triple] = []
    left_out: list[Triple] = []
    for each in colliders:
        c, ends = each.middle, (each.a, each.b)
        fits = (c, each.a) not in arrows and (c, each.b) not in arrows
        if fits and all((end, c) in arrows for end in ends):
            kept.append(each)
        elif fits and not _reaches(below, c, ends):
            kept.append(each)
            for end in ends:
                arrows.add((end, c))
                below[end].add(c)
        else:
            left_out.append(each)
    return kept, left_out


def _reaches(below: Sequence[set[int]], start: int, ends: Sequence[int]) -> bool:
    """Whether a directed path leads from the start to one of the ends."""
    seen, stack = {start}, [start]
    while stack:
        for child in below[stack.pop()]:
            if child in ends:
                return True
            if child not in seen:
                seen.add(child)
                stack.append(child)
    return False


def find_cycle(arrows: Iterable[Arrow], count: int) -> list[int]:
    """Positions along a directed cycle, first and last the same; empty if there is none."""
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    for a, b in arrows:
        above[b].append(a)
        below[a].append(b)
    waiting = [len(each) for each in above]
    free = [node for node in range(count) if not waiting[node]]
    while free:
        for child in below[free.pop()]:
            waiting[child] -= 1
            if not waiting[child]:
                free.append(child)
    left = {node for node in range(count) if waiting[node]}
    if not left:
        return []
    # Every node left has a parent that is left: walking up must come round.
    path = [min(left)]
    while True:
        parent = min(node for node in above[path[-1]] if node in left)
        if parent in path:
            return [parent, *reversed(path[path.index(parent) :])]
        path.append(parent)


def arrows_of(marks: Marks) -> list[Arrow]:
    """The pairs (a, b) with a -> b."""
    return [(a, b) for a, beside in enumerate(marks.at) for b in beside if marks.is_arrow(a, b)]


def colliders_of(marks: Marks) -> set[tuple[int, int, int]]:
    """The unshielded colliders (a, c, b), a < b."""
    result = set()
    for c, beside in enumerate(marks.at):
        above = sorted(a for a in beside if marks.is_arrow(a, c))
        for i, a in enumerate(above):
            for b in above[i + 1 :]:
                if b not in marks.at[a]:
                    result.add((a, c, b))
    return result


def extension(marks: Marks) -> tuple[Marks, int]:
    """A DAG with these arrows (Dor & Tarsi 1992), and how many unshielded colliders it has that the graph lacks.

    The arrows make no cycle. Sinks are taken away one by one: a node without arrows out of it whose undirected
    neighbours are joined to all its others. Where there is none, the one that makes the fewest new colliders is taken,
    the first by name.
    """
    dag = marks.copy()
    count = len(marks)
    beside = [set(each) for each in marks.at]
    out = [sum(marks.is_arrow(a, b) for b in marks.at[a]) for a in range(count)]
    plain = [
        {b for b in marks.at[a] if marks.at[a][b] is Mark.TAIL and marks.at[b][a] is Mark.TAIL}
        for a in range(count)
    ]

    def price(node: int) -> int:
        """How many new colliders it makes as a sink."""
        return sum(len(beside[node] - beside[other]) - 1 for other in plain[node])

    left = set(range(count))
    made = 0
    queue = sorted(left, reverse=True)
    while left:
        node = -1
        while queue:
            node = queue.pop()
            if node in left and not out[node] and not price(node):
                break
            node = -1
        if node < 0:
            cost, node = min((price(each), each) for each in left if not out[each])
            made += cost
        around = beside[node]
        for other in around:
            if other in plain[node]:
                dag.orient(other, node)
                plain[other].discard(node)
            else:
                out[other] -= 1
            beside[other].discard(node)
        left.discard(node)
        queue.extend(sorted(around & left, reverse=True))
    return dag, made
