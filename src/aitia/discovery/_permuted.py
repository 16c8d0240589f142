"""A self-check: how many edges an algorithm finds where there are none."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from aitia.core import Status, many, progress, stats, stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.discovery._observations import Observations
from aitia.graphs import Graph


@dataclass(frozen=True, eq=False, repr=False)
class SelfCheck:
    """What an algorithm finds in data whose columns have nothing to do with each other.

    Args:
        found: the answer on the data as they are.
        false_edges: how many edges were found in each shuffled copy.
        pairs: in how many pairs a copy could have had an edge.
        edges: how many edges the answer has among such pairs.
        rate: the share of pairs joined where nothing depends on anything.
        interval: its 95% interval: Clopper and Pearson's, with the number of pairs cut by the overdispersion between
            copies where there is any.
        level: the level of the algorithm's tests, which the rate should not exceed; None where it tests nothing.
        status: ``broken`` if the rate is above the level for sure, or chance alone explains half of the edges;
            ``survived`` if it explains at most a tenth of them; else ``inconclusive``.
        failures: in how many copies the algorithm failed; they are left out.
    """

    found: Discovery
    false_edges: tuple[int, ...] = field(repr=False)
    pairs: int
    edges: int
    rate: float
    interval: tuple[float, float]
    level: float | None
    status: Status
    failures: int = 0

    @property
    def expected(self) -> float:
        """How many edges of the answer chance alone would bring."""
        return self.rate * self.pairs

    @property
    def sentence(self) -> str:
        """The verdict in a few words."""
        low, high = self.interval
        name = type(self.found.algorithm).__name__
        said = (
            f"In {many(len(self.false_edges), 'copy', 'copies')} of the data whose columns were shuffled apart, so "
            f"that nothing depends on anything, {name} joins {self.rate:.2%} of the pairs (95% interval {low:.2%} to "
            f"{high:.2%}): by chance alone it would find about {self.expected:.1f} edges, and it found {self.edges}."
        )
        if self.level is not None and low > self.level:
            said += f" That is more than its level of {self.level:g} promises."
        if self.failures:
            said += f" It failed in {self.failures} further copies."
        return said

    def __repr__(self) -> str:
        return f"{self.status.value}: {self.sentence}"

    def _repr_html_(self) -> str:
        return f"<p><strong>{self.status.value}</strong>: {escape(self.sentence)}</p>"

    def to_dict(self) -> dict[str, Any]:
        """Everything but the answer itself, as plain data for JSON."""
        return {
            "status": self.status.value,
            "sentence": self.sentence,
            "rate": self.rate,
            "interval": list(self.interval),
            "expected": self.expected,
            "edges": self.edges,
            "pairs": self.pairs,
            "false_edges": list(self.false_edges),
            "level": self.level,
            "failures": self.failures,
        }


def permuted(
    algorithm: Algorithm,
    data: Any,
    replicates: int = 20,
    *,
    knowledge: Knowledge | None = None,
    seed: int = 0,
    found: Discovery | None = None,
    show_progress: bool | None = None,
) -> SelfCheck:
    """Check an algorithm against copies of the data in which nothing depends on anything.

    In each copy every column is permuted on its own, so that its distribution stays and every dependence goes; in time
    series every column is turned round by an offset of its own, so that it still depends on its own past, and such
    edges do not count. What the algorithm finds there is false. Required edges are there in any case and do not
    count either.

    It notices tests whose level does not hold (few rows, the wrong kind of test) and penalties too low. It cannot
    notice edges that are wrong because something unmeasured moves both ends.

    Args:
        algorithm: the algorithm with its options.
        data: `Observations`, or anything `Observations.of` takes.
        replicates: how many copies.
        knowledge: what is known beforehand.
        seed: of the permutations.
        found: the answer on the data where it is known already.
        show_progress: a bar on standard error; None shows it on a terminal only.

    Raises:
        DiscoveryError: there are no rows, or the algorithm fails on every copy.

    Example:
        >>> from aitia.discovery.constraint import PC
        >>> from aitia.discovery.independence import FisherZ
        >>> rng = np.random.default_rng(0)
        >>> cause = rng.normal(size=400)
        >>> data = {"cause": cause, "effect": cause + rng.normal(size=400), "other": rng.normal(size=400)}
        >>> check = permuted(PC(FisherZ()), data, show_progress=False)
        >>> check.status, check.rate < 0.05
        (<Status.SURVIVED: 'survived'>, True)
    """
    observed = Observations.of(data)
    known = NOTHING if knowledge is None else knowledge
    if not observed.has_rows:
        raise DiscoveryError(
            "Shuffling columns needs the rows, but only moments or names are known.",
            "Give the data themselves.",
        )
    if replicates < 1:
        raise DiscoveryError(f"At least one copy is needed, but came {replicates}.", "Ask for 20 or more.")
    whole = found or algorithm.run(observed, known, seed=seed, show_progress=show_progress)
    kept = {getattr(algorithm, "time", None), getattr(algorithm, "unit", None)}
    counts, failures, first = [], 0, ""
    with progress("shuffled copies", replicates, show_progress) as bar:
        for copy in _copies(observed, replicates, seed, algorithm.past > 0, kept):
            try:
                each = algorithm.run(copy, known, seed=seed, show_progress=False, allow_determined=True)
                counts.append(_countable(each.graph, known))
            except DiscoveryError as error:
                failures += 1
                first = first or error.problem
            bar.advance()
    if not counts:
        raise DiscoveryError(
            f"{algorithm.name} failed on every shuffled copy; the first said: {first}",
            "Fewer columns, more rows, or another test.",
        )
    pairs = _pairs(whole.graph, known)
    edges = _countable(whole.graph, known)
    rate, interval = _rate(np.array(counts, float), pairs)
    level = getattr(algorithm, "alpha", None)
    level = float(level) if isinstance(level, int | float) else None
    status = _status(rate * pairs, edges, interval[0], level)
    return SelfCheck(whole, tuple(counts), pairs, edges, rate, interval, level, status, failures)


def _copies(
    data: Observations, replicates: int, seed: int, ordered: bool, kept: set[str | None]
) -> Iterator[Observations]:
    n = data.rows
    for replicate in range(replicates):
        random = stream(seed, "permuted columns", replicate)
        values = np.empty((n, len(data.names)), order="F")
        for j, name in enumerate(data.names):
            column = data.values[:, j]
            if name in kept:
                values[:, j] = column
            elif ordered:
                # Far enough that no lag brings two columns together again.
                values[:, j] = np.roll(column, int(random.integers(n // 10, max(n - n // 10, n // 10 + 1))))
            else:
                values[:, j] = random.permutation(column)
        yield Observations.of_values(data.names, values, data.discrete, data.levels)


def _base(name: str) -> tuple[str, int]:
    from aitia.discovery.series._lagged import split_lag

    return split_lag(name)


def _countable(graph: Graph, known: Knowledge) -> int:
    """The edges that would be false in a shuffled copy."""
    required = {frozenset(pair) for pair in known.required}
    lagged = any(_base(node)[1] for node in graph.nodes)
    return sum(
        frozenset((edge.a, edge.b)) not in required and not (lagged and _base(edge.a)[0] == _base(edge.b)[0])
        for edge in graph.edges
    )


def _pairs(graph: Graph, known: Knowledge) -> int:
    """In how many pairs there could be such an edge: in a lagged graph one end is in the present."""
    nodes = [node for node in graph.nodes if node not in graph.latent]
    split = [_base(node) for node in nodes]
    if any(lag for _, lag in split):
        present = [name for name, lag in split if lag == 0]
        past = [name for name, lag in split if lag]
        p = len(present)
        return p * (p - 1) // 2 + sum(one != other for one in present for other in past)
    required = {frozenset(pair) for pair in known.required}
    apart = known.forbidden_matrix(nodes)
    return len(nodes) * (len(nodes) - 1) // 2 - int(np.triu(apart & apart.T, 1).sum()) - len(required)


def _rate(counts: np.ndarray, pairs: int) -> tuple[float, tuple[float, float]]:
    """The share of pairs joined and its 95% interval."""
    if pairs <= 0:
        return 0.0, (0.0, 0.0)
    trials = pairs * len(counts)
    rate = float(counts.sum() / trials)
    spread = pairs * rate * (1 - rate)
    excess = max(1.0, float(counts.var(ddof=1)) / spread) if len(counts) > 1 and spread > 0 else 1.0
    hits, trials = float(counts.sum()) / excess, trials / excess
    low = float(stats.beta.ppf(0.025, hits, trials - hits + 1)) if hits > 0 else 0.0
    high = float(stats.beta.ppf(0.975, hits + 1, trials - hits)) if hits < trials else 1.0
    return rate, (low, high)


def _status(expected: float, edges: int, low: float, level: float | None) -> Status:
    if level is not None and low > level:
        return Status.BROKEN
    share = expected / edges if edges else math.inf if expected >= 0.5 else 0.0
    return Status.SURVIVED if share <= 0.1 else Status.INCONCLUSIVE if share < 0.5 else Status.BROKEN
