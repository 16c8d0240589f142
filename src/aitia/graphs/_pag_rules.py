"""The orientation rules R1 to R10 of Zhang (2008), which turn circles into arrowheads and tails."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import combinations

from aitia.graphs._edge import Mark
from aitia.graphs._marks import Marks
from aitia.graphs._orientation import Clash, Separator, Triple, orient_colliders

TAIL, ARROW, CIRCLE = Mark.TAIL, Mark.ARROW, Mark.CIRCLE


def orient_pag(
    marks: Marks,
    separator: Separator,
    *,
    rules: Collection[int] = range(1, 11),
    ambiguous: Collection[Triple] = (),
) -> list[Clash]:
    """Turn circles into arrowheads and tails by the rules of Zhang (2008) until none applies.

    Call `orient_colliders` first, or name 0 among the rules. Rules 1 to 4 find the arrowheads that all graphs of
    the class share (Ali et al. 2005); 5 to 7 are for selection, 8 to 10 find the shared tails (Zhang 2008,
    Theorems 1 to 4). Without selection 5 to 7 never apply.

    Marks that are already there, from colliders or from knowledge, are never changed: a rule that calls for
    another mark is reported. With true knowledge every mark found is right; that all are found is proved only
    without knowledge. The rules run in rounds, each on the marks that the last one left, so the order of the nodes
    does not matter: a circle for which one round has an arrowhead and a tail stays, and is reported.

    Args:
        marks: changed in place.
        separator: the separating set of a pair that is not joined; asked by R4 for the ends of discriminating
            paths. None (no set is known) leaves what depends on it open.
        rules: the numbers of the rules to use.
        ambiguous: triples (a, b, c), a < c, that may or may not be colliders although a and c are apart
            (conservative orientation): rules that need to know that b is no collider pass over them.

    Returns:
        The clashes; empty where everything fits.

    Example:
        >>> marks = Marks.complete(3)
        >>> marks.cut(0, 2)
        >>> marks.at[0][1] = Mark.ARROW
        >>> orient_pag(marks, lambda a, b: {1})
        []
        >>> str(marks.graph("abc", "pag").edges[1])
        'b -> c'
    """
    clashes = orient_colliders(marks, separator, ambiguous=ambiguous) if 0 in rules else []
    work = _Rules(marks, separator, frozenset(rules), _all_ambiguous(marks, separator, ambiguous))
    work.run()
    return clashes + list(work.clashes)


def _all_ambiguous(marks: Marks, separator: Separator, given: Collection[Triple]) -> Collection[Triple]:
    """The given triples and those whose ends have no known separator."""
    at = marks.at
    known: dict[tuple[int, int], bool] = {}
    found = set(given)
    for b, beside in enumerate(at):
        for a, c in combinations(sorted(beside), 2):
            if c not in at[a]:
                if (a, c) not in known:
                    known[a, c] = separator(a, c) is not None
                if not known[a, c]:
                    found.add((a, b, c))
    return found


class _Rules:
    """The rules at work: the marks, what this round calls for, and how far each phase has looked."""

    def __init__(
        self, marks: Marks, separator: Separator, rules: frozenset[int], ambiguous: Collection[Triple]
    ) -> None:
        self.at = marks.at
        self.separator = separator
        self.rules = rules
        self.ambiguous = ambiguous
        self.clashes: dict[Clash, None] = {}
        # (a, b): the mark at b that this round calls for, and the rule that did so first.
        self.pending: dict[tuple[int, int], tuple[Mark, int]] = {}
        self.contested: set[tuple[int, int]] = set()
        # Every mark that is not a circle, as (a, b) for the mark at b, in the order it was put.
        self.log = [
            (a, b) for a, beside in enumerate(self.at) for b, mark in beside.items() if mark is not CIRCLE
        ]
        # How much of the log each of the three phases has looked at.
        self.seen = [0, 0, 0]

    def run(self) -> None:
        """All rules until none applies. A later phase runs only while the earlier ones have nothing left to do.

        That is the order in which Zhang (2008) proves the rules complete.
        """
        while self._step():
            pass

    def _step(self) -> bool:
        phases = (
            (self._arrowheads, ((self._r4, {4}), (self._r5, {5}))),
            (self._lines, ()),
            (self._tails, ((self._r9_and_r10, {9, 10}),)),
        )
        for phase, (around, sweeps) in enumerate(phases):
            fresh, self.seen[phase] = self.log[self.seen[phase] :], len(self.log)
            around(fresh)
            if self._commit():
                return True
            for sweep, numbers in sweeps:
                if numbers & self.rules:
                    sweep()
                    if self._commit():
                        return True
        return False

    def _call(self, a: int, b: int, mark: Mark, rule: int) -> None:
        """Call for a mark at b on the edge a - b."""
        standing = self.at[a][b]
        if standing is mark:
            return
        if standing is not CIRCLE or (a, b) in self.contested:
            self.clashes[Clash(a, b, standing, mark, rule)] = None
        elif (before := self.pending.setdefault((a, b), (mark, rule)))[0] is not mark:
            self.contested.add((a, b))
            for wanted, number in (before, (mark, rule)):
                self.clashes[Clash(a, b, CIRCLE, wanted, number)] = None

    def _commit(self) -> bool:
        """Put the marks that were called for; whether there were any."""
        before = len(self.log)
        for (a, b), (mark, _) in self.pending.items():
            if (a, b) not in self.contested:
                self.at[a][b] = mark
                self.log.append((a, b))
        self.pending.clear()
        return len(self.log) > before

    def _no_collider(self, a: int, b: int, c: int) -> bool:
        """Whether a and c are apart, so that b, where no rule put arrowheads, is known to be no collider."""
        if a == c or c in self.at[a]:
            return False
        return not self.ambiguous or ((a, b, c) if a < c else (c, b, a)) not in self.ambiguous

    def _arrowheads(self, fresh: list[tuple[int, int]]) -> None:
        """Rules 1 to 3 around new marks."""
        at, rules = self.at, self.rules
        for a, b in fresh:
            into = at[a][b] is ARROW
            if into and 1 in rules:
                # R1: a *-> b o-* c, a and c apart: b -> c
                for c in at[b]:
                    if at[c][b] is CIRCLE and self._no_collider(a, b, c):
                        self._call(c, b, TAIL, 1)
                        self._call(b, c, ARROW, 1)
            if 2 in rules:
                for x, y in ((a, b), (b, a)):
                    if at[x][y] is ARROW:
                        self._r2(x, y)
            if into and 3 in rules:
                # R3: a *-> b <-* c, a *-o d o-* c, a and c apart, d *-o b: d *-> b
                for d in at[b].keys() & at[a].keys():
                    if at[d][b] is CIRCLE and at[a][d] is CIRCLE:
                        for c in at[b].keys() & at[d].keys():
                            if at[c][b] is ARROW and at[c][d] is CIRCLE and self._no_collider(a, d, c):
                                self._call(d, b, ARROW, 3)
                                break

    def _r2(self, x: int, y: int) -> None:
        """R2: x -> y *-> z or x *-> y -> z, and x *-o z: x *-> z. The edge x *-> y is one of the two arrows."""
        at = self.at
        from_x, from_y = at[x], at[y]
        out_of_x = from_y[x] is TAIL
        for z in from_x.keys() & from_y.keys():
            if from_x[z] is CIRCLE and from_y[z] is ARROW and (out_of_x or at[z][y] is TAIL):
                self._call(x, z, ARROW, 2)
        # The same edge as the second one of w *-> x *-> y
        for w in from_x.keys() & from_y.keys():
            if at[w][y] is CIRCLE and at[w][x] is ARROW and (out_of_x or from_x[w] is TAIL):
                self._call(w, y, ARROW, 2)

    def _lines(self, fresh: list[tuple[int, int]]) -> None:
        """Rules 6 and 7 around new tails."""
        at, rules = self.at, self.rules
        for a, b in fresh:
            if at[a][b] is not TAIL:
                continue
            if 6 in rules and at[b][a] is TAIL:
                # R6: x -- y o-* z: y --* z
                for y in (a, b):
                    for z in at[y]:
                        if at[z][y] is CIRCLE:
                            self._call(z, y, TAIL, 6)
            if 7 in rules and at[b][a] is CIRCLE:
                # R7: b --o a o-* z, b and z apart: a --* z
                for z in at[a]:
                    if at[z][a] is CIRCLE and self._no_collider(b, a, z):
                        self._call(z, a, TAIL, 7)

    def _tails(self, fresh: list[tuple[int, int]]) -> None:
        """R8: x -> y -> z or x --o y -> z, and x o-> z: x -> z. The new mark may be on any of the three edges."""
        if 8 not in self.rules:
            return
        at = self.at
        for a, b in fresh:
            for x, y in ((a, b), (b, a)):
                beside_x, beside_y = at[x], at[y]
                common = beside_x.keys() & beside_y.keys()
                if beside_y[x] is TAIL and beside_x[y] is not TAIL:
                    for z in common:
                        if self._is_arrow(y, z) and beside_x[z] is ARROW and at[z][x] is CIRCLE:
                            self._call(z, x, TAIL, 8)
                if self._is_arrow(x, y):
                    for w in common:
                        if at[w][y] is ARROW and beside_y[w] is CIRCLE and self._out_of(w, x):
                            self._call(y, w, TAIL, 8)
                open_out = beside_x[y] is ARROW and beside_y[x] is CIRCLE
                if open_out and any(self._out_of(x, m) and self._is_arrow(m, y) for m in common):
                    self._call(y, x, TAIL, 8)

    def _is_arrow(self, a: int, b: int) -> bool:
        return self.at[a][b] is ARROW and self.at[b][a] is TAIL

    def _out_of(self, a: int, b: int) -> bool:
        """Whether the edge is a -> b or a --o b."""
        return self.at[b][a] is TAIL and self.at[a][b] is not TAIL

    # Rules that look along paths

    def _r4(self) -> None:
        """R4: a discriminating path <t, ..., a, b, c> for b with b o-* c.

        b in the separator of t and c: b -> c; else a <-> b <-> c.
        """
        at = self.at
        for c in range(len(at)):
            above = {a for a in at[c] if self._is_arrow(a, c)}
            if not above:
                continue
            for b in at[c]:
                if at[c][b] is CIRCLE:
                    self._discriminate(b, c, above)

    def _discriminate(self, b: int, c: int, above: set[int]) -> None:
        """Follow the shortest discriminating paths back from b, through parents of c that are colliders."""
        at = self.at
        for a in above:
            if b not in at[a] or at[b][a] is not ARROW:
                continue
            seen, layer = {a, b, c}, [a]
            while layer:
                ends: list[int] = []
                further: list[int] = []
                for q in layer:
                    for t in at[q]:
                        if t in seen or at[t][q] is not ARROW:
                            continue
                        if t not in at[c]:
                            ends.append(t)
                        elif t in above and at[q][t] is ARROW:
                            seen.add(t)
                            further.append(t)
                # All ends at the shortest distance are asked: they agree wherever the marks fit any graph.
                for t in dict.fromkeys(ends):
                    if (found := self.separator(t, c)) is None:
                        continue
                    if b in found:
                        self._call(c, b, TAIL, 4)
                    else:
                        self._call(a, b, ARROW, 4)
                        self._call(c, b, ARROW, 4)
                        self._call(b, a, ARROW, 4)
                    self._call(b, c, ARROW, 4)
                if ends:
                    break
                layer = further

    def _r5(self) -> None:
        """R5: a o-o b and an uncovered path of o-o edges <a, c, ..., d, b>, a and d apart, c and b apart: all --."""
        from aitia.graphs._kinds import chordal_order

        at = self.at
        lines = [
            {b for b, mark in beside.items() if mark is CIRCLE and at[b][a] is CIRCLE}
            for a, beside in enumerate(at)
        ]
        # Every cycle of four or more nodes in a chordal graph has a chord over one of its corners, so that no
        # cycle in it is uncovered: nothing to look for, as always without selection.
        if chordal_order(lines) is not None:
            return
        for a, beside in enumerate(lines):
            for b in sorted(beside):
                for c in sorted(beside):
                    if not self._no_collider(c, a, b):
                        continue
                    path = self._uncovered(
                        a, c, lines, lambda d, last, a=a, b=b: last == b and self._no_collider(a, b, d)
                    )
                    if path:
                        for x, y in zip(path, [*path[1:], path[0]]):
                            self._call(x, y, TAIL, 5)
                            self._call(y, x, TAIL, 5)

    def _uncovered(
        self, a: int, c: int, steps: list[set[int]], wanted: Callable[[int, int], bool]
    ) -> list[int]:
        """The shortest uncovered path a, c, ... whose last two nodes are `wanted`; empty if there is none."""
        came: dict[tuple[int, int], tuple[int, int] | None] = {(a, c): None}
        layer = [(a, c)]
        while layer:
            further: list[tuple[int, int]] = []
            for state in layer:
                before, at = state
                for after in sorted(steps[at]):
                    step = (at, after)
                    if step in came or not self._no_collider(before, at, after):
                        continue
                    path = [after]
                    back: tuple[int, int] | None = state
                    while back is not None:
                        path.append(back[1])
                        back = came[back]
                    path.append(a)
                    if after in path[1:]:
                        continue
                    if wanted(at, after):
                        return path[::-1]
                    came[step] = state
                    further.append(step)
            layer = further
        return []

    def _r9_and_r10(self) -> None:
        """R9 and R10: a tail at a on a o-> c, for uncovered potentially directed paths from a to c or its parents.

        R9: the path <a, b, ..., c> with b and c apart. R10: two paths from a to parents of c, whose second nodes
        are apart.
        """
        at = self.at
        open_steps: list[list[int]] = [
            [b for b, mark in beside.items() if mark is not TAIL and at[b][a] is not ARROW]
            for a, beside in enumerate(at)
        ]
        for a, beside in enumerate(at):
            targets = [c for c, mark in beside.items() if mark is ARROW and at[c][a] is CIRCLE]
            if not targets:
                continue
            starts = open_steps[a]
            reach = {b: self._reach(a, b, open_steps) for b in starts}
            for c in targets:
                if 9 in self.rules and any(
                    c in reach[b] and b != c and self._no_collider(b, a, c) for b in starts
                ):
                    self._call(c, a, TAIL, 9)
                elif 10 in self.rules:
                    above = {p for p in at[c] if self._is_arrow(p, c)}
                    ways = [b for b in starts if b != c and not above.isdisjoint(reach[b])]
                    if any(self._no_collider(b, a, d) for b, d in combinations(ways, 2)):
                        self._call(c, a, TAIL, 10)

    def _reach(self, a: int, b: int, steps: list[list[int]]) -> set[int]:
        """The nodes to which uncovered potentially directed paths lead that begin a, b.

        Walks are followed edge by edge. Where the marks fit a graph, an uncovered walk of this sort never returns
        to a node: it is one of o-o and --o edges, whose graph has no uncovered cycle, and then a directed one.
        """
        reached = {b}
        seen = {(a, b)}
        stack = [(a, b)]
        while stack:
            before, at = stack.pop()
            for after in steps[at]:
                step = (at, after)
                if step not in seen and after != a and self._no_collider(before, at, after):
                    seen.add(step)
                    reached.add(after)
                    stack.append(step)
        return reached
