"""PCMCI: lagged links by condition selection and momentary conditional independence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aitia.core import listing, progress
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.series._base import (
    Frame,
    LinkRules,
    SeriesAlgorithm,
    evidence_of,
    false_discovery_adjusted,
    window,
)
from aitia.discovery.series._lagged import lag_name
from aitia.discovery.series._links import LinkTest, LinkTester, Node
from aitia.graphs import GraphKind


def selected_conditions(
    links: LinkTester, rules: LinkRules, effect: int, max_lag: int, level: float
) -> list[Node]:
    """A superset of the lagged parents of one variable, strongest first: the PC1 stage.

    Round d tests every candidate that is left given the d strongest others only, and drops those found independent
    once the round is over.

    Source: Runge et al. (2019), Science Advances 5, Algorithm S1 (with one condition set a round).
    """
    names = rules.names
    candidates: list[Node] = [
        (i, lag)
        for lag in range(1, max_lag + 1)
        for i in range(len(names))
        if not rules.forbidden[lag, i, effect]
    ]
    candidates.sort(key=lambda node: (node[1], names[node[0]]))
    weakest = dict.fromkeys(candidates, float("inf"))
    size = 0
    while len(candidates) > size:
        for node, test in zip(candidates, links.strongest_first(candidates, effect, size)):
            needed = rules.required[node[1], node[0], effect]
            weakest[node] = min(weakest[node], float("inf") if needed else test.strength)
            if test.p_value > level and not needed:
                del weakest[node]
        # Ties are broken by lag and name, so that the order of the columns does not matter.
        candidates = sorted(weakest, key=lambda node: (-weakest[node], node[1], names[node[0]]))
        size += 1
    return candidates


def momentary(
    links: LinkTester,
    conditions: Mapping[int, list[Node]],
    cause: Node,
    effect: int,
    also: tuple[Node, ...] = (),
) -> LinkTest:
    """The test of momentary conditional independence: given the parents of the effect, and those of the cause.

    Source: Runge et al. (2019), equation 3; with `also`, Runge (2020), Algorithm 2, line 6.
    """
    i, lag = cause
    given = {*also, *conditions[effect], *((k, lag + back) for k, back in conditions[i])}
    given -= {cause, (effect, 0)}
    return links.test(cause, effect, given)


@dataclass(frozen=True)
class PCMCI(SeriesAlgorithm):
    """PCMCI: lagged links of many, autocorrelated series.

    Stage one selects for each variable a superset of its lagged parents (PC1). Stage two tests every lagged link
    given both the parents of the effect and those of the cause (momentary conditional independence),

        x_i(t - k) independent of x_j(t), given parents of x_j(t) but x_i(t - k), and parents of x_i(t - k)

    which keeps the share of false links at `alpha` however strong the autocorrelation is.

    The graph holds the present variables (``x``) and their past (``x.lag1``, ...), and every link at all places of
    this window where both its ends are, since links repeat over time. Causes of the oldest nodes lie before the
    window; `window_graph` gives longer ones. Links within one step are not oriented and not in the graph: `details`
    has their test, and the answer warns where there are any.

    Args:
        test: the independence test; None takes the one that fits the kinds of columns: for numbers Fisher's z, which
            runs from the moments of the lagged columns alone.
        max_lag: the longest lag of a link, in steps of time.
        alpha: the level below which a link is kept.
        pc_alpha: the level of the first stage; liberal on purpose, as conditions too many cost less than one too few.
            None: 0.2.
        time: the column that holds the time; None: the rows are in order, a step apart.
        unit: the column that says which series a row belongs to; nothing is lagged from one unit into another.
        adjusted: True compares false-discovery-adjusted p-values with `alpha` in place of the plain ones.

    The answer's ``details``: ``values`` and ``p_values``, arrays of shape (max_lag + 1, p, p) whose entry [k, i, j] is
    the momentary conditional independence test of variable i, k steps ago, and j now (partial correlations, or the
    test's statistic); ``adjusted_p_values`` over all lagged links (Benjamini-Hochberg; NaN within a step);
    ``links``, the links found; ``conditions``, what stage one selected; ``series``, the checks of `series_report`.

    Assumptions: no unmeasured common causes; no causes within one step; stationarity; faithfulness. The order of the
    columns does not change the answer.

    Source: Runge, Nowack, Kretschmer, Flaxman & Sejdinovic (2019), Science Advances 5, eaau4996.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x, y = np.zeros(500), np.zeros(500)
        >>> for t in range(2, 500):
        ...     x[t] = 0.7 * x[t - 1] + rng.normal()
        ...     y[t] = 0.6 * y[t - 1] + 0.5 * x[t - 2] + rng.normal()
        >>> found = PCMCI(max_lag=2).run({"x": x, "y": y})
        >>> found.details["links"]
        (('x.lag1', 'x'), ('x.lag2', 'y'), ('y.lag1', 'y'))
    """

    adjusted: bool = False
    name: ClassVar[str] = "pcmci"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Runge et al. (2019), Science Advances 5, eaau4996"
    cost: ClassVar[str] = (
        "one pass over the rows; then about p^2 x max_lag small solves, more where many lags matter"
    )
    latest: ClassVar[bool] = False

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        frame = self._frame(data, knowledge)
        names, links, rules = frame.names, frame.links, frame.rules
        p = len(names)
        level = 0.2 if self.pc_alpha is None else self.pc_alpha
        with progress("PCMCI", 2 * p, show_progress) as bar:
            conditions = {}
            for j in range(p):
                conditions[j] = selected_conditions(links, rules, j, self.max_lag, level)
                bar.advance()
            decided: dict[tuple[int, int, int], LinkTest] = {}
            for j in range(p):
                for lag in range(self.max_lag + 1):
                    for i in range(p):
                        if lag or i != j:
                            decided[i, lag, j] = momentary(links, conditions, (i, lag), j)
                bar.advance()
        matrices = link_matrices(decided, p, self.max_lag)
        judged = matrices["adjusted_p_values" if self.adjusted else "p_values"]
        kept = (judged <= self.alpha) & ~rules.forbidden | rules.required
        kept[0] = False
        found = {(i, lag, j): True for lag, i, j in np.argwhere(kept).tolist()}
        reasons, warnings = _against_data(frame, decided, judged, self.alpha)
        within = [
            f"{names[i]} and {names[j]}"
            for i in range(p)
            for j in range(i + 1, p)
            if matrices["p_values"][0, i, j] < self.alpha / max(p * (p - 1) / 2, 1)
        ]
        if within:
            warnings.append(
                f"Within one step of time these depend on each other beyond what lags explain: {listing(within, 6)}. "
                "PCMCI has no place for such links and may report wrong lagged ones: use PCMCIPlus."
            )
        lagged_only = {key: test for key, test in decided.items() if key[1]}
        return Discovery(
            window(names, found, self.max_lag, GraphKind.DAG),
            self,
            evidence=evidence_of(names, found, lagged_only, reasons, self.max_lag),
            tests=links.tests,
            warnings=tuple(warnings),
            details=details_of(frame, found, matrices, conditions),
        )


def link_matrices(
    decided: Mapping[tuple[int, int, int], LinkTest], p: int, max_lag: int, *, within: bool = False
) -> dict[str, np.ndarray]:
    """Values, p-values and false-discovery-adjusted p-values of all links, each of shape (max_lag + 1, p, p).

    Args:
        decided: the deciding test of each link.
        p: how many variables.
        max_lag: the longest lag.
        within: whether links within a step, each once, are among the discoveries that the adjustment counts.
    """
    values = np.full((max_lag + 1, p, p), np.nan)
    p_values = np.full_like(values, np.nan)
    for (i, lag, j), test in decided.items():
        values[lag, i, j], p_values[lag, i, j] = test.value, test.p_value
        if lag == 0:
            values[lag, j, i], p_values[lag, j, i] = test.value, test.p_value
    counted = np.isfinite(p_values)
    counted[0] &= within & np.triu(np.ones((p, p), bool), 1)
    adjusted = np.full_like(values, np.nan)
    adjusted[counted] = false_discovery_adjusted(p_values[counted])
    adjusted[0] = np.where(np.isnan(adjusted[0]), adjusted[0].T, adjusted[0])
    return {"values": values, "p_values": p_values, "adjusted_p_values": adjusted}


def details_of(
    frame: Frame,
    found: Mapping[tuple[int, int, int], bool],
    matrices: Mapping[str, np.ndarray],
    conditions: Mapping[int, list[Node]],
) -> dict[str, Any]:
    """The numbers of a series algorithm's own."""
    names = frame.names
    pairs = sorted(
        (lag_name(names[i], lag), names[j]) if sure else (min(names[i], names[j]), max(names[i], names[j]))
        for (i, lag, j), sure in found.items()
    )
    return {
        "names": names,
        **matrices,
        "links": tuple(pairs),
        "conditions": {
            names[j]: tuple(lag_name(names[i], lag) for i, lag in each) for j, each in conditions.items()
        },
    }


def _against_data(
    frame: Frame, decided: Mapping[tuple[int, int, int], LinkTest], judged: np.ndarray, alpha: float
) -> tuple[dict[tuple[int, int, int], str], list[str]]:
    """Why links stand or fall where knowledge decided, and warnings where the data speak against it."""
    reasons, warnings = {}, []
    for key in decided:
        i, lag, j = key
        if not lag:
            continue
        link = f"{lag_name(frame.names[i], lag)} -> {frame.names[j]}"
        if frame.rules.required[lag, i, j]:
            reasons[key] = "required by knowledge"
            if judged[lag, i, j] > alpha:
                warnings.append(
                    f"{link} is required by knowledge, but no test shows it (p = {judged[lag, i, j]:.2g})."
                )
        elif frame.rules.forbidden[lag, i, j]:
            reasons[key] = "forbidden by knowledge"
            if judged[lag, i, j] <= alpha:
                warnings.append(
                    f"{link} is forbidden by knowledge, but a test shows it (p = {judged[lag, i, j]:.2g})."
                )
    return reasons, warnings
