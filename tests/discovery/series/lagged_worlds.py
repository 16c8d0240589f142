"""Random stationary worlds: their lagged graphs, unrolled for an oracle, and series drawn from them."""

from __future__ import annotations

from itertools import product

import numpy as np

from aitia.discovery.series import lag_name
from aitia.graphs import Graph

Links = frozenset  # of (cause, lag, effect) by position


def random_links(rng, p, max_lag, *, now: bool, density=0.25) -> frozenset[tuple[int, int, int]]:
    """Links of a random stationary graph: every variable follows itself, others at random."""
    order = rng.permutation(p)
    links = {(i, 1, i) for i in range(p)}
    for lag in range(1, max_lag + 1):
        links |= {
            (i, lag, j) for i, j in product(range(p), repeat=2) if i != j and rng.random() < density / max_lag
        }
    if now:
        links |= {(order[a], 0, order[b]) for b in range(p) for a in range(b) if rng.random() < 0.5}
    return frozenset((int(i), int(k), int(j)) for i, k, j in links)


def unrolled(names, links, steps) -> Graph:
    """The graph over so many steps of the past: long enough, it separates as an endless one would."""
    nodes = [lag_name(name, lag) for lag in range(steps + 1) for name in names]
    edges = [
        (lag_name(names[i], lag + shift), lag_name(names[j], shift))
        for shift in range(steps + 1)
        for i, lag, j in links
        if lag + shift <= steps
    ]
    return Graph.build(nodes, edges)


def simulate(rng, links, p, n, strength=0.4, own=0.6) -> np.ndarray:
    """Gaussian series from the links; strengths are cut until the process is stationary."""
    deep = max(lag for _, lag, _ in links)
    weights = np.zeros((deep + 1, p, p))
    for i, lag, j in sorted(links):
        weights[lag, j, i] = own if i == j else strength * rng.choice([-1, 1])
    mix = np.linalg.inv(np.eye(p) - weights[0])
    while True:
        companion = np.zeros((p * deep, p * deep))
        companion[:p] = np.hstack([mix @ weights[k] for k in range(1, deep + 1)])
        companion[p:, :-p] = np.eye(p * (deep - 1))
        if np.abs(np.linalg.eigvals(companion)).max() < 0.95:
            break
        weights[1:] *= 0.9
    x = np.zeros((n + 200, p))
    for t in range(deep, len(x)):
        past = sum(weights[k] @ x[t - k] for k in range(1, deep + 1))
        x[t] = mix @ (past + rng.normal(size=p))
    return x[200:]


def class_within(links, p) -> dict[frozenset[int], tuple[int, int] | None]:
    """For each pair joined within a step its direction in the class, None where open: by brute force.

    Two graphs that agree in lagged links have the same independences if they have the same links and the same
    unshielded colliders (Verma & Pearl 1990, applied to the unrolled graphs).
    """
    lagged = [link for link in links if link[1]]
    pairs = [(i, j) for i, lag, j in links if lag == 0]
    joined = {frozenset(pair) for pair in pairs}

    def colliders(now):
        found = set()
        for k in range(p):
            above = [(i, lag) for i, lag, j in lagged if j == k] + [(i, 0) for i, j in now if j == k]
            for a in above:
                for c in above:
                    if c[1] == 0 and a != c:
                        together = (
                            frozenset((a[0], c[0])) in joined if a[1] == 0 else (a[0], a[1], c[0]) in lagged
                        )
                        if not together:
                            found.add((frozenset((a, c)), k))
        return found

    def acyclic(now):
        left = set(range(p))
        while left:
            sinks = [i for i in left if not any(a == i and b in left for a, b in now)]
            if not sinks:
                return False
            left -= set(sinks)
        return True

    truth = colliders(pairs)
    seen: dict[frozenset[int], set[tuple[int, int]]] = {frozenset(pair): set() for pair in pairs}
    for turned in product([False, True], repeat=len(pairs)):
        now = [(j, i) if turn else (i, j) for turn, (i, j) in zip(turned, pairs)]
        if acyclic(now) and colliders(now) == truth:
            for pair in now:
                seen[frozenset(pair)].add(pair)
    return {pair: next(iter(ways)) if len(ways) == 1 else None for pair, ways in seen.items()}
