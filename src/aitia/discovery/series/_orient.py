"""Orientation of links within a step: colliders, knowledge, Meek's rules, and a way out of contradictions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from aitia.core import listing
from aitia.discovery.series._base import LinkRules, window
from aitia.discovery.series._links import Node
from aitia.graphs import GraphError, GraphKind, Mark, Marks, close_under_meek

Pair = tuple[int, int]


@dataclass(frozen=True)
class Collider:
    """An unshielded triple whose middle is a collider.

    Args:
        a: one end: a variable and its lag.
        middle: a variable at the present.
        c: the other end, at the present.
        p_value: the largest of a test that separates the ends without the middle.
        majority: how clear the vote was, from 0 to 1.
    """

    a: Node
    middle: int
    c: int
    p_value: float
    majority: float

    @property
    def arrows(self) -> tuple[Pair, ...]:
        """The edges within the step that it turns towards its middle, as (from, middle)."""
        return ((self.c, self.middle),) if self.a[1] else ((self.c, self.middle), (self.a[0], self.middle))


@dataclass(frozen=True)
class Oriented:
    """Edges within the step: (i, j) -> True where i causes j for sure, False where either may; and what was odd."""

    within: dict[Pair, bool]
    reasons: dict[Pair, str]
    conflicts: tuple[Pair, ...]
    warnings: list[str]


def oriented(
    names: tuple[str, ...],
    lagged: Sequence[tuple[int, int, int]],
    within: Sequence[Pair],
    colliders: Sequence[Collider],
    ambiguous: Collection[tuple[Node, int, int]],
    rules: LinkRules,
) -> Oriented:
    """Orient the edges within a step.

    Knowledge comes first, then the colliders that do not contradict it or each other, then Meek's rules. Where the
    result is the graph of no DAG, which happens where tests contradict each other, the graph of a nearest DAG is
    given in its place, with a warning.

    Args:
        names: the variables.
        lagged: links (cause, lag, effect) with a lag.
        within: pairs joined within the step.
        colliders: from the vote.
        ambiguous: triples that stay open.
        rules: what knowledge says.
    """
    told = _Told(names, rules)
    known = {
        (a, b)
        for i, j in within
        for a, b in ((i, j), (j, i))
        if rules.required[0, a, b] or rules.forbidden[0, b, a]
    }
    arrows: dict[Pair, str] = dict.fromkeys(known, "oriented by knowledge")
    against = sorted({pair for each in colliders for pair in each.arrows if pair[::-1] in known})
    wanted: dict[Pair, float] = {}
    for each in colliders:
        if not any(pair[::-1] in known for pair in each.arrows):
            for pair in each.arrows:
                wanted[pair] = max(wanted.get(pair, 0.0), each.p_value)
    conflicts = {(min(pair), max(pair)) for pair in wanted if pair[::-1] in wanted}
    for pair in wanted:
        if (min(pair), max(pair)) not in conflicts:
            arrows.setdefault(pair, "oriented as part of a collider")
    warnings = []
    if against:
        warnings.append(
            f"Tests speak for {listing([told.arrow(pair) for pair in against], 6)}, against knowledge; knowledge was "
            "followed."
        )
    if conflicts:
        warnings.append(
            f"Colliders contradict each other about {listing(sorted(told.pair(pair) for pair in conflicts), 6)}: "
            "tests err there (too few rows, or an assumption fails)."
        )
    marks = told.marks(lagged, within, arrows)
    clashes = close_under_meek(marks, ambiguous=told.triples(ambiguous, marks))
    if clashes:
        conflicts |= {(min(each.a, each.b), max(each.a, each.b)) for each in clashes}
    settled = told.read(marks, within)
    if not told.holds(lagged, settled):
        if ambiguous:
            # The rules passed over these triples; a graph that is closed under them has to take a side.
            close_under_meek(marks)
            settled = told.read(marks, within)
            warnings.append(
                f"Tests do not tell whether {len(ambiguous):,} triples of variables are colliders; where a direction "
                "depends on it, they are taken as none."
            )
        if not told.holds(lagged, settled):
            settled = told.nearest(lagged, within, settled, known)
            warnings.append(
                "The directions that tests ask for within a step fit no acyclic graph together; the class of a "
                "nearest graph that keeps all links is shown, so read its arrows within a step with care."
            )
    reasons = {}
    for (i, j), sure in settled.items():
        key = (min(i, j), max(i, j))
        if sure:
            reasons[i, j] = arrows.get((i, j), "oriented by Meek's rules")
        if key in conflicts:
            reasons[i, j] = "conflict: tests orient it both ways"
    return Oriented(settled, reasons, tuple(sorted(conflicts)), warnings)


class _Told:
    """The lagged graph by position: present variables first, then each lagged cause."""

    def __init__(self, names: tuple[str, ...], rules: LinkRules) -> None:
        self.names, self.rules, self.p = names, rules, len(names)

    def arrow(self, pair: Pair) -> str:
        return f"{self.names[pair[0]]} -> {self.names[pair[1]]}"

    def pair(self, pair: Pair) -> str:
        return " and ".join(sorted((self.names[pair[0]], self.names[pair[1]])))

    def position(self, node: Node) -> int:
        return node[1] * self.p + node[0]

    def marks(
        self, lagged: Sequence[tuple[int, int, int]], within: Sequence[Pair], arrows: Collection[Pair]
    ) -> Marks:
        deepest = max((lag for _, lag, _ in lagged), default=0)
        made = Marks(self.p * (deepest + 1))
        for i, lag, j in lagged:
            made.join(self.position((i, lag)), j, Mark.TAIL, Mark.ARROW)
        for i, j in within:
            made.join(i, j, Mark.TAIL, Mark.TAIL)
        for i, j in arrows:
            made.orient(i, j)
        return made

    def triples(
        self, ambiguous: Collection[tuple[Node, int, int]], marks: Marks
    ) -> set[tuple[int, int, int]]:
        made = set()
        for a, b, c in ambiguous:
            ends = self.position(a), c
            made.add((min(ends), b, max(ends)))
        return made

    def read(self, marks: Marks, within: Sequence[Pair]) -> dict[Pair, bool]:
        found = {}
        for i, j in within:
            if marks.is_arrow(j, i):
                found[j, i] = True
            else:
                found[i, j] = marks.is_arrow(i, j)
        return found

    def holds(self, lagged: Sequence[tuple[int, int, int]], settled: dict[Pair, bool]) -> bool:
        """Whether this is the graph of a class of DAGs."""
        links = dict.fromkeys(lagged, True) | {(i, 0, j): sure for (i, j), sure in settled.items()}
        deepest = max((lag for _, lag, _ in lagged), default=1)
        try:
            window(self.names, links, deepest, GraphKind.MPDAG)
        except GraphError:
            return False
        return True

    def nearest(
        self,
        lagged: Sequence[tuple[int, int, int]],
        within: Sequence[Pair],
        settled: dict[Pair, bool],
        known: Collection[Pair],
    ) -> dict[Pair, bool]:
        """The class of a DAG that keeps all links and as many arrows as a greedy order of the variables allows.

        Last is a variable without arrows out of it whose links make no new collider, as in the algorithm of Dor &
        Tarsi (1992); where there is none, the one that breaks the fewest of these demands. Ties go by name.
        """
        joined = {pair for i, j in within for pair in ((i, j), (j, i))}
        past = {(i, lag, j) for i, lag, j in lagged}
        sure = {pair for pair, each in settled.items() if each}
        left, order = set(range(self.p)), []
        while left:

            def broken(j: int, left: set[int] = left) -> tuple[int, int, int, str]:
                near = [i for i in left if (i, j) in joined]
                above = [(i, 0) for i in near] + [(i, lag) for i, lag, k in past if k == j]
                new = sum(
                    1
                    for i in near
                    if (i, j) not in sure
                    for a, lag in above
                    if (a, lag) != (i, 0) and ((a, i) not in joined if lag == 0 else (a, lag, i) not in past)
                )
                against = sum((j, i) in known for i in near)
                return against, sum((j, i) in sure for i in near), new, self.names[j]

            last = min(left, key=broken)
            order.append(last)
            left.discard(last)
        rank = {j: -at for at, j in enumerate(order)}
        dag = [(i, j) if rank[i] < rank[j] else (j, i) for i, j in within]
        arrows = set(known)
        for i, j in dag:
            others = [(a, 0) for a, k in dag if k == j and a != i] + [
                (a, lag) for a, lag, k in past if k == j
            ]
            if any(((a, i) not in joined) if lag == 0 else ((a, lag, i) not in past) for a, lag in others):
                arrows.add((i, j))
        marks = self.marks(lagged, within, arrows)
        close_under_meek(marks)
        return self.read(marks, within)
