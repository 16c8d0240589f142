"""Which unshielded triples are colliders: three rules, each independent of any order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from aitia.discovery.constraint._probe import Probe, lists_of
from aitia.discovery.constraint._skeleton import Skeleton, sizes


class Colliders(StrEnum):
    """How PC decides whether ``a - c - b`` (a and b not joined) is a collider ``a -> c <- b``."""

    SEPARATING_SET = "separating set"
    """It is one if the set that separated a and b (that of the largest p-value) lacks c. Cheap. Ramsey (2016)."""
    CONSERVATIVE = "conservative"
    """It is one if c is in none of the sets of neighbours that separate a and b, none if c is in all of them;
    between these it is ambiguous. Ramsey, Zhang & Spirtes (2006)."""
    MAJORITY = "majority"
    """It is one if c is in fewer than half of those sets, none if in more than half. Colombo & Maathuis (2014)."""


@dataclass(frozen=True, order=True)
class Triple:
    """An unshielded triple ``a - c - b``, a < b; in sorted order the best supported come first.

    Args:
        weakness: minus the p-value of the set that separates a and b.
        middle: c.
        a: one end.
        b: the other.
    """

    weakness: float
    middle: int
    a: int
    b: int


@dataclass(frozen=True)
class Found:
    """The colliders, and the triples the rule cannot decide."""

    colliders: tuple[Triple, ...]
    ambiguous: tuple[Triple, ...]


def unshielded(adjacent: np.ndarray) -> list[tuple[int, int, int]]:
    """Triples (a, c, b) with a < b both joined to c and not to each other."""
    result = []
    for c in range(len(adjacent)):
        beside = np.flatnonzero(adjacent[c])
        apart = ~adjacent[np.ix_(beside, beside)]
        left, right = np.nonzero(np.triu(apart, 1))
        result += [(a, c, b) for a, b in zip(beside[left].tolist(), beside[right].tolist())]
    return result


def find_colliders(
    rule: Colliders, probe: Probe, skeleton: Skeleton, alpha: float, max_given: int | None
) -> Found:
    """Apply one rule to all unshielded triples of the skeleton."""
    triples = unshielded(skeleton.adjacent)
    colliders, ambiguous = [], []
    if rule is Colliders.SEPARATING_SET:
        members = [
            set(given) if (given := skeleton.separator(a, b)) is not None else None for a, _, b in triples
        ]
        for (a, c, b), inside in zip(triples, members):
            triple = Triple(-float(skeleton.p_values[skeleton.row(a, b)]), c, a, b)
            if inside is None:
                ambiguous.append(triple)
            elif c not in inside:
                colliders.append(triple)
        return Found(tuple(sorted(colliders)), tuple(sorted(ambiguous)))
    ends = sorted({(a, b) for a, _, b in triples})
    place = {pair: k for k, pair in enumerate(ends)}
    hits = np.zeros((len(ends), skeleton.setting.count + 1), np.int64)
    lists = lists_of(skeleton.adjacent)
    if ends:
        xs, ys = np.array(ends).T
        for size in sizes(probe, max_given):
            if np.diff(lists[0]).max() < size:
                break
            hits += probe.separating(xs, ys, lists, size, alpha)
    for a, c, b in triples:
        counts = hits[place[a, b]]
        triple = Triple(-float(skeleton.p_values[skeleton.row(a, b)]), c, a, b)
        share = counts[c] / counts[-1] if counts[-1] else 0.5
        if rule is Colliders.CONSERVATIVE:
            verdict = -1 if share == 0.0 else 1 if share == 1.0 else 0
        else:
            verdict = -1 if share < 0.5 else 1 if share > 0.5 else 0
        if verdict == 0:
            ambiguous.append(triple)
        elif verdict < 0:
            colliders.append(triple)
    return Found(tuple(sorted(colliders)), tuple(sorted(ambiguous)))
