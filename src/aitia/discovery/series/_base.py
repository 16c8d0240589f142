"""What every series algorithm shares: lagging the data, knowledge about links, and the answer they make."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeAlias

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._checks import DeterministicRelation
from aitia.discovery._discovery import Discovery, EdgeEvidence
from aitia.discovery._errors import DiscoveryError, KnowledgeError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.independence import FisherZ, IndependenceTest, default_test
from aitia.discovery.series._lagged import lag_depth, lag_name, lagged_names, series_of, split_lag
from aitia.discovery.series._links import LinkTest, LinkTester, Node
from aitia.discovery.series._report import SeriesReport, report_on, with_report
from aitia.graphs import Graph, GraphKind


@dataclass(frozen=True)
class SeriesAlgorithm(Algorithm):
    """An algorithm over lagged columns; its author writes `_search` over a lagged design.

    Args:
        test: the independence test; None takes the one that fits the kinds of columns: for numbers Fisher's z, which
            runs from the moments of the lagged columns alone.
        max_lag: the longest lag of a link, in steps of time.
        alpha: the level below which a link is kept.
        pc_alpha: the level of the first stage, which selects conditions.
        time: the column that holds the time; None: the rows are in order, a step apart.
        unit: the column that says which series a row belongs to; nothing is lagged from one unit into another.
    """

    test: IndependenceTest | None = None
    max_lag: int = 3
    alpha: float = 0.01
    pc_alpha: float | None = None
    time: str | None = None
    unit: str | None = None

    latest: ClassVar[bool]
    """Whether links within a step of time are part of the graph."""

    def __post_init__(self) -> None:
        if self.max_lag < 1:
            raise DiscoveryError(
                f"max_lag must be 1 or more, but came {self.max_lag}.", "Give max_lag=1 or more."
            )
        for name in ("alpha", "pc_alpha"):
            level = getattr(self, name)
            if level is not None and not 0 < level < 1:
                raise DiscoveryError(
                    f"{name} must lie between 0 and 1, but came {level:g}.", "0.01 is a usual level."
                )

    @property
    def past(self) -> int:
        """How many lags the columns need: twice `max_lag`, as the past of a cause is conditioned on."""
        return 2 * self.max_lag

    def run(
        self,
        data: Any,
        knowledge: Knowledge | None = None,
        *,
        seed: int = 0,
        show_progress: bool | None = None,
        allow_determined: bool = False,
    ) -> Discovery:
        """Find the lagged graph.

        Args:
            data: rows in time order (see `time` and `unit`), as anything `Observations.of` takes; or columns that are
                lagged already (`lagged`) by at least twice `max_lag`, of which also moments or names are enough.
            knowledge: what is known beforehand. Required and forbidden edges speak of one link each (``("x.lag1",
                "y")``; ``("x", "y")`` is the link within a step). Tiers and exogenous variables named without a lag
                speak of all lags: nothing in a later tier causes anything in an earlier one, however long it takes.
            seed: the seed of every random draw.
            show_progress: a bar on standard error; None shows it on a terminal only.
            allow_determined: search all the same where a column is a function of others, with a warning.

        Raises:
            DiscoveryError: the data do not fit; the error names the column.
            KnowledgeError: the knowledge contradicts itself, time, or names no variable.
        """
        started = time.perf_counter()
        observed = Observations.of(data)
        report: SeriesReport | None = None
        depth = lag_depth(observed.names)
        if depth:
            if depth < self.past:
                raise DiscoveryError(
                    f"Links of up to {self.max_lag} steps need columns of {self.past} lags (the past of a cause "
                    f"is conditioned on), but these columns have {depth}.",
                    f"Lag them further: lagged(data, {self.past}).",
                )
            wide = observed
        elif not observed.has_rows and not observed.rows:
            wide = Observations.of_names(lagged_names(observed.names, self.past))
        else:
            series = series_of(observed, self.time, self.unit)
            report = report_on(series)
            wide = series.lagged(self.past)
        try:
            found = super().run(
                wide, knowledge, seed=seed, show_progress=show_progress, allow_determined=allow_determined
            )
        except DeterministicRelation as error:
            series_name, _ = split_lag(error.name)
            if depth or {split_lag(each)[0] for each in error.others} != {series_name}:
                raise
            raise DiscoveryError(
                f"{series_name!r} is a function of its own past: it looks like the count of time itself.",
                f"Say that it is: time={series_name!r} (--time {series_name}), or leave the column out.",
            ) from error
        return replace(with_report(found, report), seconds=time.perf_counter() - started)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """The assumptions, for the ledger."""
        source = f"discovery by {self.name}"
        yield Assumption(
            AssumptionKey.CAUSAL_SUFFICIENCY,
            "Every common cause of two variables, at any lag, is among the columns.",
            False,
            source=source,
        )
        yield Assumption(
            AssumptionKey.FAITHFULNESS,
            "Variables that are independent given others are so because of the graph, not by cancelling numbers.",
            False,
            source=source,
        )
        yield Assumption(
            AssumptionKey.STATIONARITY,
            "The same links with the same strength hold at all times.",
            True,
            source=source,
        )
        yield Assumption(
            AssumptionKey.MARKOV,
            f"No cause acts after more than {self.max_lag} steps of time, and none acts faster than "
            + ("it is measured." if self.latest else "one step."),
            True,
            source=source,
        )
        if self.latest:
            yield Assumption(
                AssumptionKey.ACYCLICITY, "Links within one step of time make no cycle.", False, source=source
            )
        if isinstance(self._chosen(data), FisherZ):
            yield Assumption(
                AssumptionKey.LINEARITY,
                "Variables depend on each other linearly, so that no partial correlation means independence.",
                True,
                source=source,
            )

    def _chosen(self, data: Observations) -> IndependenceTest:
        return default_test(data) if self.test is None else self.test

    def _frame(self, data: Observations, knowledge: Knowledge) -> Frame:
        tester = self._chosen(data).on(data)
        depth = lag_depth(data.names)
        names = tuple(name for name in data.names if not split_lag(name)[1])
        rules = LinkRules(names, self.max_lag, knowledge, contemporaneous=self.latest)
        return Frame(names, LinkTester(tester, names, depth), rules)


@dataclass(frozen=True, eq=False)
class Frame:
    """What a search over links works with: the present variables, the tests, and what knowledge says of links."""

    names: tuple[str, ...]
    links: LinkTester
    rules: LinkRules


class LinkRules:
    """Knowledge turned into what it says about each link.

    Args:
        names: the present variables.
        max_lag: the longest lag of a link.
        knowledge: as given.
        contemporaneous: whether links within a step can be in the graph.
    """

    def __init__(
        self, names: tuple[str, ...], max_lag: int, knowledge: Knowledge, *, contemporaneous: bool
    ) -> None:
        self.names = names
        p = len(names)
        if knowledge.latent_pairs:
            a, b = knowledge.latent_pairs[0]
            raise KnowledgeError(
                f"The knowledge says that {a} and {b} share an unmeasured cause, which this algorithm excludes.",
                "Drop the latent pairs, measure the cause, or run FCI on the lagged columns.",
            )
        forbidden = np.zeros((max_lag + 1, p, p), bool)
        required = np.zeros_like(forbidden)
        # Pairs speak of one link each; tiers and exogenous variables, where named without a lag, of all lags.
        general = replace(knowledge, forbidden=(), required=())
        for i, cause in enumerate(names):
            for j, effect in enumerate(names):
                forbidden[:, i, j] = i != j and general.forbids(cause, effect)
                for lag in range(1, max_lag + 1):
                    forbidden[lag, i, j] |= i != j and general.forbids(lag_name(cause, lag), effect)
        forbidden[0] |= np.eye(p, dtype=bool)
        for cause, effect in knowledge.forbidden:
            link = self._link(cause, effect)
            if 0 <= link[1] <= max_lag:
                forbidden[link[1], link[0], link[2]] = True
        for cause, effect in knowledge.required:
            i, lag, j = self._link(cause, effect)
            if lag < 0:
                raise KnowledgeError(
                    f"The knowledge requires {cause} -> {effect}, which runs against time.",
                    "An effect does not come before its cause.",
                )
            if lag > max_lag:
                raise KnowledgeError(
                    f"The knowledge requires {cause} -> {effect}, which takes {lag} steps, but max_lag is {max_lag}.",
                    f"Give max_lag={lag} or more.",
                )
            if lag == 0 and not contemporaneous:
                raise KnowledgeError(
                    f"The knowledge requires {cause} -> {effect} within one step, but PCMCI finds lagged links only.",
                    "Use PCMCIPlus.",
                )
            required[lag, i, j] = True
        if (required & forbidden).any():
            lag, i, j = (int(each) for each in np.argwhere(required & forbidden)[0])
            raise KnowledgeError(
                f"The knowledge requires and forbids {lag_name(names[i], lag)} -> {names[j]} (links repeat at all "
                "times).",
                "Drop one of the two.",
            )
        # Refuses cycles within a step that only show once links are shifted onto each other.
        Knowledge(required=tuple((names[i], names[j]) for i, j in np.argwhere(required[0]).tolist()))
        forbidden[0] |= required[0].T
        self.forbidden, self.required = forbidden, required

    def _link(self, cause: str, effect: str) -> tuple[int, int, int]:
        (a, lag_a), (b, lag_b) = split_lag(cause), split_lag(effect)
        return self.names.index(a), lag_a - lag_b, self.names.index(b)


def false_discovery_adjusted(p_values: np.ndarray) -> np.ndarray:
    """Benjamini and Hochberg's adjusted p-values: the level of false discoveries at which each would be accepted.

    Source: Benjamini & Hochberg (1995), JRSS B 57.

    Example:
        >>> false_discovery_adjusted(np.array([0.01, 0.04, 0.03, 0.5])).round(4).tolist()
        [0.04, 0.0533, 0.0533, 0.5]
    """
    flat = np.asarray(p_values, float).ravel()
    order = np.argsort(flat, kind="stable")
    raised = flat[order] * len(flat) / np.arange(1, len(flat) + 1)
    adjusted = np.empty_like(flat)
    adjusted[order] = np.minimum(np.minimum.accumulate(raised[::-1])[::-1], 1.0)
    return adjusted.reshape(np.shape(p_values))


Links: TypeAlias = Mapping[tuple[int, int, int], bool]
"""(cause, lag, effect) by position -> whether the direction is settled; within a step, undirected pairs as i < j."""


def window(names: tuple[str, ...], links: Links, steps: int, kind: GraphKind | str) -> Graph:
    """The graph over the present and `steps` steps of the past, every link repeated wherever both its ends are."""
    nodes = lagged_names(names, steps)
    directed, undirected = [], []
    for shift in range(steps + 1):
        for (i, lag, j), settled in links.items():
            if lag + shift <= steps:
                pair = lag_name(names[i], lag + shift), lag_name(names[j], shift)
                (directed if settled else undirected).append(pair)
    return Graph.build(nodes, directed, (), undirected, kind=kind)


def evidence_of(
    names: tuple[str, ...],
    links: Links,
    decided: Mapping[tuple[int, int, int], LinkTest],
    reasons: Mapping[tuple[int, int, int], str],
    max_lag: int,
) -> tuple[EdgeEvidence, ...]:
    """What decided each link into the present; then the repeated links, which stand on the same tests."""

    def told(node: Node) -> str:
        return lag_name(names[node[0]], node[1])

    made = []
    for (i, lag, j), test in decided.items():
        adjacent = (i, lag, j) in links or (lag == 0 and (j, 0, i) in links)
        made.append(
            EdgeEvidence(
                lag_name(names[i], lag),
                names[j],
                adjacent,
                tuple(told(node) for node in test.given),
                test.value,
                test.p_value,
                reason=reasons.get((i, lag, j), reasons.get((j, lag, i), "") if lag == 0 else ""),
            )
        )
    for shift in range(1, max_lag + 1):
        for i, lag, j in links:
            if lag + shift <= max_lag:
                now = f"{lag_name(names[i], lag)} and {names[j]}"
                # Pairs within a step were tested once, in one of the two orders.
                test = decided.get((i, lag, j)) or decided.get((j, lag, i))
                made.append(
                    EdgeEvidence(
                        lag_name(names[i], lag + shift),
                        lag_name(names[j], shift),
                        True,
                        statistic=test.value if test else None,
                        p_value=test.p_value if test else None,
                        reason=f"repeats the link between {now}, as links do not change over time",
                    )
                )
    return tuple(made)
