"""Other graphs of the same links: one node a series, or a longer window of time."""

from __future__ import annotations

from dataclasses import dataclass

from aitia.core import listing
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery.series._base import window
from aitia.discovery.series._lagged import lag_depth, split_lag
from aitia.graphs import Graph, GraphKind


def links_of(discovery: Discovery) -> tuple[tuple[str, ...], dict[tuple[int, int, int], bool]]:
    """The present variables, and each link into the present with whether its direction is settled.

    Raises:
        DiscoveryError: this is no answer of a series algorithm.
    """
    graph = discovery.graph
    depth = lag_depth(graph.nodes)
    if not depth:
        raise DiscoveryError(
            f"A lagged graph was expected, but the nodes are {', '.join(graph.nodes[:4])}, ...",
            "Give what PCMCI or PCMCIPlus found.",
        )
    names = tuple(name for name in graph.nodes if not split_lag(name)[1])
    at = {name: i for i, name in enumerate(names)}
    links = {}
    for edge in graph.edges:
        (a, lag_a), (b, lag_b) = split_lag(edge.a), split_lag(edge.b)
        if edge.directed and lag_b == 0:
            links[at[a], lag_a, at[b]] = True
        elif edge.undirected and lag_a == lag_b == 0:
            links[at[a], 0, at[b]] = False
    return names, links


def window_graph(discovery: Discovery, steps: int) -> Graph:
    """The same links over the present and `steps` steps of the past.

    A longer window shows more common causes of the past: to choose what to adjust for, take one as long as the lag
    of the cause asked about plus twice the algorithm's `max_lag`.

    Args:
        discovery: what PCMCI or PCMCIPlus found.
        steps: how many steps back; at least 1.

    Raises:
        DiscoveryError: this is no answer of a series algorithm, or there are no steps.

    Example:
        >>> from aitia.discovery import PCMCI, Observations
        >>> from aitia.discovery.independence import Oracle
        >>> truth = Graph.parse("x; x.lag1 -> y; x.lag2 -> y.lag1; y.lag2")
        >>> found = PCMCI(Oracle(truth), max_lag=1).run(Observations.of_names(["x", "y"]))
        >>> sorted(map(str, window_graph(found, 2).edges))
        ['x.lag1 -> y', 'x.lag2 -> y.lag1']
    """
    if steps < 1:
        raise DiscoveryError(f"A window needs a step or more of the past, but came {steps}.", "Give steps=1.")
    names, links = links_of(discovery)
    return window(names, links, steps, discovery.graph.kind if all(links.values()) else GraphKind.MPDAG)


@dataclass(frozen=True)
class SummaryEdge:
    """All links from one series to another.

    Args:
        cause: the series it comes from.
        effect: the series it goes to; the same for links of a series to its own past.
        lags: the lags of its links, rising; 0 is within a step.
        settled: False where its only link is within a step and may point either way.
    """

    cause: str
    effect: str
    lags: tuple[int, ...]
    settled: bool = True

    def __str__(self) -> str:
        return f"{self.cause} {'->' if self.settled else '--'} {self.effect} (lag {listing(self.lags)})"


@dataclass(frozen=True)
class SummaryGraph:
    """Series and which cause which, at whatever lag. Unlike a `Graph` it may hold feedback.

    Args:
        nodes: the series.
        edges: an edge for each ordered pair with a link, in alphabetical order.
    """

    nodes: tuple[str, ...]
    edges: tuple[SummaryEdge, ...]

    @property
    def feedback(self) -> tuple[tuple[str, ...], ...]:
        """The groups of series that cause each other, directly or through others of the group."""
        below = {node: {e.effect for e in self.edges if e.cause == node and e.settled} for node in self.nodes}
        reach: dict[str, set[str]] = {}
        for node in self.nodes:
            seen, stack = set(), list(below[node])
            while stack:
                at = stack.pop()
                if at not in seen:
                    seen.add(at)
                    stack.extend(below[at])
            reach[node] = seen
        groups = {
            tuple(b for b in self.nodes if b == a or (b in reach[a] and a in reach[b])) for a in self.nodes
        }
        return tuple(sorted(group for group in groups if len(group) > 1))

    def graph(self) -> Graph:
        """The same as a `Graph`, without lags and links of a series to itself.

        Raises:
            DiscoveryError: series cause each other; only the lagged graph is acyclic.
        """
        if self.feedback:
            raise DiscoveryError(
                f"{listing(self.feedback[0])} cause each other over time, so the summary has a cycle.",
                "Work with the lagged graph, which has none, or read `edges`.",
            )
        between = [each for each in self.edges if each.cause != each.effect]
        return Graph.build(
            self.nodes,
            [(each.cause, each.effect) for each in between if each.settled],
            (),
            [(each.cause, each.effect) for each in between if not each.settled],
        )

    def __str__(self) -> str:
        return "\n".join(map(str, self.edges)) or "no links"


def summary_graph(discovery: Discovery) -> SummaryGraph:
    """Which series cause which, at whatever lag.

    Args:
        discovery: what PCMCI or PCMCIPlus found.

    Raises:
        DiscoveryError: this is no answer of a series algorithm.

    Example:
        >>> import numpy as np
        >>> from aitia.discovery import PCMCI
        >>> rng = np.random.default_rng(0)
        >>> x, y = np.zeros(500), np.zeros(500)
        >>> for t in range(1, 500):
        ...     x[t] = 0.7 * x[t - 1] + rng.normal()
        ...     y[t] = 0.6 * y[t - 1] + 0.5 * x[t - 1] + rng.normal()
        >>> print(summary_graph(PCMCI(max_lag=1).run({"x": x, "y": y})))
        x -> x (lag 1)
        x -> y (lag 1)
        y -> y (lag 1)
    """
    names, links = links_of(discovery)
    lags: dict[tuple[str, str], list[int]] = {}
    settled: dict[tuple[str, str], bool] = {}
    for (i, lag, j), sure in links.items():
        pair = names[i], names[j]
        if not sure:  # which end comes first means nothing then
            pair = min(pair), max(pair)
        lags.setdefault(pair, []).append(lag)
        settled[pair] = settled.get(pair, False) or sure
    # A link within a step that may point either way joins the lagged link of its pair, if there is one.
    for a, b in [(a, b) for (a, b), sure in settled.items() if not sure and settled.get((b, a))]:
        del lags[a, b], settled[a, b]
    edges = (SummaryEdge(*pair, tuple(sorted(each)), settled[pair]) for pair, each in sorted(lags.items()))
    return SummaryGraph(names, tuple(edges))
