"""Orientation by rules, on marks that can still change: colliders (R0) and Meek's rules for classes of DAGs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import TypeAlias

from aitia.graphs._edge import Mark
from aitia.graphs._marks import Marks

Separator: TypeAlias = Callable[[int, int], "Collection[int] | None"]
"""The set that separates two nodes without an edge, by position; None where none is known."""

Triple: TypeAlias = tuple[int, int, int]
"""Three positions (a, b, c) with b in the middle and a < c."""


@dataclass(frozen=True)
class Clash:
    """A rule called for a mark where another one stands, or two rules called for different marks at once.

    Where marks come from a graph and true knowledge this never happens. Where they come from data it says that
    tests, or tests and knowledge, contradict each other. The standing mark is kept in every case.

    Args:
        a: position of one end of the edge.
        b: position of the end whose mark is disputed.
        standing: the mark at b that was kept.
        wanted: the mark that the rule called for.
        rule: 0 for colliders, 1 to 4 for Meek's rules, 1 to 10 for those of a PAG.
    """

    a: int
    b: int
    standing: Mark
    wanted: Mark
    rule: int


def orient_colliders(
    marks: Marks,
    separator: Separator,
    *,
    ambiguous: Collection[Triple] = (),
) -> list[Clash]:
    """Rule R0: arrowheads into the middle of each unshielded triple that its separator leaves out.

    For each a - b - c with a and c not joined: if b is not in ``separator(a, c)`` then ``a *-> b <-* c``. It works
    on the circles of a PAG and on the lines of a CPDAG (tails at both ends, which count as open). All colliders
    are found before any mark is put, so the order of the nodes does not matter; on lines two colliders that want
    an edge both ways leave it ``<->``, and each such end is reported.

    A triple one of whose edges is already turned away from its middle (by knowledge) is left as it is and reported.

    Args:
        marks: changed in place.
        separator: the separating set of a pair that is not joined; asked once a pair. None leaves the pair's
            triples open.
        ambiguous: triples (a, b, c), a < c, to be left open.

    Returns:
        The clashes; empty where everything fits.

    Example:
        >>> marks = Marks(3)
        >>> marks.join(0, 1)
        >>> marks.join(1, 2)
        >>> orient_colliders(marks, lambda a, b: ())
        []
        >>> marks.at[0][1], marks.at[2][1]
        (<Mark.ARROW: 'arrow'>, <Mark.ARROW: 'arrow'>)
    """
    at = marks.at
    tail, arrow = Mark.TAIL, Mark.ARROW
    between: dict[tuple[int, int], list[int]] = {}
    for b, beside in enumerate(at):
        for a, c in combinations(sorted(beside), 2):
            if c not in at[a]:
                between.setdefault((a, c), []).append(b)
    wanted: dict[tuple[int, int], None] = {}
    clashes: dict[Clash, None] = {}
    for (a, c), middle in between.items():
        found = separator(a, c)
        if found is None:
            continue
        for b in middle:
            if b in found or (ambiguous and (a, b, c) in ambiguous):
                continue
            # A tail at b opposite another tail is a line, which is open; opposite anything else it was put there.
            fixed = [end for end in (a, c) if at[end][b] is tail and at[b][end] is not tail]
            if fixed:
                clashes.update({Clash(end, b, tail, arrow, 0): None for end in fixed})
            else:
                wanted[a, b] = wanted[c, b] = None
    for a, b in wanted:
        if (b, a) in wanted and at[a][b] is tail:
            clashes[Clash(a, b, tail, arrow, 0)] = None
    for a, b in wanted:
        at[a][b] = arrow
    return list(clashes)


def close_under_meek(marks: Marks, *, ambiguous: Collection[Triple] = ()) -> list[Clash]:
    """Turn lines into arrows by the rules 1 to 4 of Meek (1995) until none applies.

    1. ``a -> b -- c``, a and c apart: ``b -> c``.
    2. ``a -> b -> c``, ``a -- c``: ``a -> c``.
    3. ``a -- b``, ``a -- c -> b``, ``a -- d -> b``, c and d apart: ``a -> b``.
    4. ``a -- b``, ``a -- c -> d -> b``, a and d joined, c and b apart: ``a -> b``.

    For the skeleton and unshielded colliders of a DAG with true background knowledge the result is the maximally
    oriented graph (Meek 1995, Theorem 4). The rules run in rounds, each on the marks that the last one left, so
    the order of the nodes never matters: an edge that one round turns both ways stays a line and is reported.

    Args:
        marks: lines have tails at both ends, arrows a tail and an arrow; changed in place. Edges ``<->`` and edges
            with circles are left alone.
        ambiguous: triples (a, b, c), a < c, that may or may not be colliders although a and c are apart
            (conservative orientation): rules that need to know that b is no collider pass over them.

    Returns:
        The clashes; empty where everything fits.

    Example:
        >>> from aitia.graphs import Mark
        >>> marks = Marks(3)
        >>> marks.orient(0, 1)
        >>> marks.join(1, 2, Mark.TAIL, Mark.TAIL)
        >>> close_under_meek(marks)
        []
        >>> marks.is_arrow(1, 2)
        True
    """
    at = marks.at
    tail, arrow = Mark.TAIL, Mark.ARROW
    count = len(at)
    parents: list[set[int]] = [set() for _ in range(count)]
    children: list[set[int]] = [set() for _ in range(count)]
    lines: list[set[int]] = [set() for _ in range(count)]
    fresh: list[tuple[int, int]] = []
    for a, beside in enumerate(at):
        for b, mark in beside.items():
            back = at[b][a]
            if mark is arrow and back is tail:
                parents[b].add(a)
                children[a].add(b)
                fresh.append((a, b))
            elif mark is tail and back is tail:
                lines[a].add(b)
    clashes: list[Clash] = []
    turned: dict[tuple[int, int], int] = {}

    def apart(a: int, middle: int, c: int) -> bool:
        if c in at[a] or a == c:
            return False
        return not ambiguous or ((a, middle, c) if a < c else (c, middle, a)) not in ambiguous

    while fresh:
        # Adjacencies never change and lines only vanish, so whatever a rule needs, the last piece of it to come
        # is an arrow: looking around each new arrow once is enough.
        for a, b in fresh:
            if lines[b]:
                for c in lines[b]:
                    if c not in at[a] and apart(a, b, c):
                        turned.setdefault((b, c), 1)
                for x in parents[a] & lines[b]:
                    turned.setdefault((x, b), 2)
                both = lines[a] & lines[b]
                for x in both:
                    if any(apart(a, x, d) for d in lines[x] & parents[b]):
                        turned.setdefault((x, b), 3)
                # a -> b as the last arrow of rule 4: c -> a -> b
                for c in parents[a]:
                    if c not in at[b]:
                        for x in lines[b] & lines[c]:
                            if a in at[x] and apart(c, x, b):
                                turned.setdefault((x, b), 4)
            if lines[a]:
                for c in children[b] & lines[a]:
                    turned.setdefault((a, c), 2)
                # a -> b as the first arrow of rule 4: a -> b -> e
                for e in children[b]:
                    if e not in at[a]:
                        for x in lines[a] & lines[e]:
                            if b in at[x] and apart(a, x, e):
                                turned.setdefault((x, e), 4)
        fresh = []
        for (a, b), rule in turned.items():
            if (b, a) in turned:
                clashes.append(Clash(a, b, tail, arrow, rule))
                # Taken off the lines below, so that it stays as it is.
            else:
                fresh.append((a, b))
                at[a][b] = arrow
                parents[b].add(a)
                children[a].add(b)
        for a, b in turned:
            lines[a].discard(b)
            lines[b].discard(a)
        turned.clear()
    return clashes


def collider_arrows(parents: Iterable[set[int]], joined: list[set[int]]) -> Iterable[tuple[int, int]]:
    """The arrows (a, b) of a DAG that are part of an unshielded collider a -> b <- c."""
    for b, above in enumerate(parents):
        for a in above:
            if len(above - joined[a]) > 1:
                yield a, b
