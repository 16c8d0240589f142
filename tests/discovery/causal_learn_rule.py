"""How causal-learn orients, written anew from its documentation and behaviour: what explains where its answers differ.

Its stable search finds the skeleton of PC-stable. But it takes the union of all sets that separate a pair at the level
that cuts it for *the* separating set, which need not separate; and where colliders contradict each other, the first in
the order of the columns stands.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import combinations

from aitia.discovery import Observations
from aitia.discovery.independence import IndependenceTest, Tester
from aitia.graphs import Edge, Graph, Mark, Marks, close_under_meek, orient_colliders, orient_pag

LEFT = {Mark.TAIL: "-", Mark.ARROW: "<", Mark.CIRCLE: "o"}
RIGHT = {Mark.TAIL: "-", Mark.ARROW: ">", Mark.CIRCLE: "o"}


def as_words(graph: Graph, names: Sequence[str]) -> set[str]:
    """Each edge as a word: ``3->5``, ``2<o7``, by the positions of the names, the smaller first."""
    at = {name: i for i, name in enumerate(names)}
    found = set()
    for edge in graph.edges:
        a, b = sorted((edge.a, edge.b), key=at.__getitem__)
        found.add(f"{at[a]}{LEFT[edge.mark_at(a)]}{RIGHT[edge.mark_at(b)]}{at[b]}")
    return found


def of_words(words: Iterable[str], names: Sequence[str], shown: Sequence[str]) -> Graph:
    """The graph over `shown` of such words, of whatever kind it is; an error where it is of none."""
    left = {mark: each for each, mark in LEFT.items()}
    right = {mark: each for each, mark in RIGHT.items()}
    edges = []
    for word in words:
        at = next(i for i, each in enumerate(word) if not each.isdigit())
        edges.append(
            Edge(names[int(word[:at])], names[int(word[at + 2 :])], left[word[at]], right[word[at + 1]])
        )
    return Graph(tuple(shown), tuple(edges))


def pairs_of(words: Iterable[str]) -> set[tuple[str, ...]]:
    """The joined pairs."""
    return {tuple(word.translate(str.maketrans("<>o-", "    ")).split()) for word in words}


def plain_skeleton(
    tester: Tester, alpha: float
) -> tuple[list[set[int]], dict[tuple[int, int], list[tuple[int, ...]]]]:
    """PC-stable without haste: the neighbours of each variable, and all sets that separate a pair where it was cut."""
    count = len(tester.names)
    beside = [set(range(count)) - {i} for i in range(count)]
    separating: dict[tuple[int, int], list[tuple[int, ...]]] = {}
    size = 0
    while any(len(each) > size for each in beside):
        frozen = [sorted(each) for each in beside]
        for x, y in [(a, b) for a in range(count) for b in frozen[a] if a < b]:
            given = {
                each
                for a, b in ((x, y), (y, x))
                for each in combinations([v for v in frozen[a] if v != b], size)
            }
            found = [each for each in sorted(given) if tester.p_value(x, y, each) > alpha]
            if found:
                separating[x, y] = found
                beside[x].discard(y)
                beside[y].discard(x)
        size += 1
    return beside, separating


def first_come(data: Observations, test: IndependenceTest, alpha: float) -> Marks:
    """PC with causal-learn's rule for colliders (its ``uc_rule=0, uc_priority=2``) and Meek's rules."""
    beside, separating = plain_skeleton(test.on(data), alpha)
    marks = Marks(len(beside))
    for a, others in enumerate(beside):
        for b in others:
            if a < b:
                marks.join(a, b, Mark.TAIL, Mark.TAIL)
    for c, around in enumerate(beside):
        for a, b in combinations(sorted(around), 2):
            if b in beside[a] or c in union(separating, a, b):
                continue
            if not marks.is_arrow(c, a) and not marks.is_arrow(c, b):
                marks.orient(a, c)
                marks.orient(b, c)
    close_under_meek(marks)
    return marks


def union(separating: dict[tuple[int, int], list[tuple[int, ...]]], a: int, b: int) -> Collection[int]:
    """All members of the sets that separate a pair."""
    return {v for each in separating[min(a, b), max(a, b)] for v in each}


def with_unions(data: Observations, test: IndependenceTest, alpha: float) -> Marks:
    """FCI's marks on the skeleton of PC, by our rules with causal-learn's separating sets."""
    beside, separating = plain_skeleton(test.on(data), alpha)
    marks = Marks(len(beside))
    for a, others in enumerate(beside):
        for b in others:
            if a < b:
                marks.join(a, b)
    separator = lambda a, b: union(separating, a, b)  # noqa: E731
    orient_colliders(marks, separator)
    orient_pag(marks, separator)
    return marks


def words_of(marks: Marks, at: Sequence[int] | None = None) -> set[str]:
    """The edges of marks as words, by these positions."""
    at = range(len(marks)) if at is None else at
    return {
        f"{at[a]}{LEFT[marks.at[b][a]]}{RIGHT[marks.at[a][b]]}{at[b]}"
        if at[a] < at[b]
        else f"{at[b]}{LEFT[marks.at[a][b]]}{RIGHT[marks.at[b][a]]}{at[a]}"
        for a, b in marks.pairs()
    }
