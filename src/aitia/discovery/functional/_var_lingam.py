"""VAR-LiNGAM: lagged and instantaneous effects in time series with noise that is not Gaussian."""

from __future__ import annotations

import time as clock
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from scipy import linalg

from aitia.core import Assumption, AssumptionKey, Status, listing, progress, stats
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError, KnowledgeError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.functional._direct_lingam import (
    PairwiseLikelihoodRatio,
    RootMeasure,
    causal_order,
    standardised,
)
from aitia.discovery.functional._finding import linear_assumptions, linear_discovery
from aitia.discovery.functional._order import OrderLimits
from aitia.discovery.functional._pruning import Pruning, Wald, determined
from aitia.discovery.series._lagged import lag_depth, series_of, split_lag
from aitia.discovery.series._report import SeriesReport, report_on, with_report
from aitia.graphs import GraphKind


@dataclass(frozen=True)
class VARLiNGAM(Algorithm):
    """A vector autoregression whose instantaneous effects are a linear non-Gaussian acyclic model.

    ``x(t) = sum_k B_k x(t - k) + e(t)``, k from 0 to K. The order of the present variables is DirectLiNGAM's on the
    residuals of the autoregression; each present variable is then regressed on those before it and on the whole past,
    which gives all B_k at once with honest standard errors, and slopes are pruned. The graph holds the present
    variables by their names and the past ones as ``x.lag1``, ``x.lag2``; edges within the past repeat those of the
    present and are not drawn.

    Args:
        lags: how far back, in steps; at least 1.
        measure: see `DirectLiNGAM`.
        pruning: see `DirectLiNGAM`.
        time: the column that holds the time, as in `lagged`; None takes the rows as they stand.
        unit: the column that says which series a row belongs to, as in `lagged`.

    Raises:
        DiscoveryError: as `DirectLiNGAM`; too few rows for the lags.

    Assumptions: those of `DirectLiNGAM` for the present, the same effects at all times (stationarity), all lags that
    matter included. Noise that is still correlated over time is tested and reported.

    Source: Hyvärinen, Zhang, Shimizu and Hoyer (2010), Journal of Machine Learning Research 11.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> noise = rng.exponential(size=(2000, 2))
        >>> rain, river = np.zeros(2000), np.zeros(2000)
        >>> for t in range(1, 2000):
        ...     rain[t] = 0.5 * rain[t - 1] + noise[t, 0]
        ...     river[t] = 0.6 * river[t - 1] + rain[t] + noise[t, 1]
        >>> found = VARLiNGAM().run({"rain": rain, "river": river})
        >>> sorted(map(str, found.graph.edges))
        ['rain -> river', 'rain.lag1 -> rain', 'river.lag1 -> river']
    """

    lags: int = 1
    measure: RootMeasure = field(default_factory=PairwiseLikelihoodRatio)
    pruning: Pruning = field(default_factory=Wald)
    time: str | None = None
    unit: str | None = None
    name: ClassVar[str] = "varlingam"
    output: ClassVar[GraphKind] = GraphKind.DAG
    reference: ClassVar[str] = "Hyvärinen et al. (2010), Journal of Machine Learning Research 11, 1709-1731"
    cost: ClassVar[str] = "one pass for the autoregression, then as DirectLiNGAM"

    def __post_init__(self) -> None:
        if self.lags < 1:
            raise DiscoveryError(
                f"VARLiNGAM needs one lag or more, but came {self.lags}.", "Write VARLiNGAM(lags=1)."
            )

    @property
    def past(self) -> int:
        """The lags of the vector autoregression."""
        return self.lags

    def run(
        self,
        data: Any,
        knowledge: Knowledge | None = None,
        *,
        seed: int = 0,
        show_progress: bool | None = None,
        allow_determined: bool = False,
    ) -> Discovery:
        """Find the graph over present and past.

        Args:
            data: rows in time order (see `time` and `unit`), as anything `Observations.of` takes; or columns that are
                lagged already, by `lagged`.
            knowledge: what is known beforehand. Required and forbidden edges speak of one edge each (``("x.lag1",
                "y")``; ``("x", "y")`` is the one within a step). Tiers and exogenous variables named without a lag
                speak of all lags.
            seed: no random draws are made.
            show_progress: a bar on standard error; None shows it on a terminal only.
            allow_determined: search all the same where a discrete column is a relabelling of another.

        Raises:
            DiscoveryError: the data do not fit; the error names the column.
            KnowledgeError: the knowledge contradicts itself or time, or names no variable.
        """
        started = clock.perf_counter()
        observed = Observations.of(data)
        report: SeriesReport | None = None
        if lag_depth(observed.names):
            wide = observed
        else:
            series = series_of(observed, self.time, self.unit)
            report = report_on(series)
            wide = series.lagged(self.lags)
        found = super().run(
            wide, knowledge, seed=seed, show_progress=show_progress, allow_determined=allow_determined
        )
        return replace(with_report(found, report), seconds=clock.perf_counter() - started)

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        data.require_numbers("VAR-LiNGAM")
        data.require_complete("VAR-LiNGAM")
        wide = data
        names = wide.names
        present = [i for i, name in enumerate(names) if split_lag(name)[1] == 0]
        past = [i for i in range(len(names)) if i not in present]
        limits = self._limits(knowledge, wide, present, past)

        noise = self._innovations(wide, present, past)
        inner = Observations.of_values([names[i] for i in present], noise)
        with progress("causal order", len(present), show_progress) as bar:
            order, made = causal_order(
                standardised(inner),
                inner.correlation,
                limits.rows(present),
                self.measure,
                lambda: bar.advance(),
            )
        found = linear_discovery(
            self,
            wide,
            knowledge,
            limits,
            [*past, *(present[i] for i in order)],
            self.pruning,
            targets=present,
            tests=made,
        )
        return self._with_time(found, wide, inner, noise)

    def _limits(
        self, knowledge: Knowledge, wide: Observations, present: list[int], past: list[int]
    ) -> OrderLimits:
        """Knowledge, and that the present never acts on the past."""
        names = wide.names
        for cause, effect in knowledge.required:
            if split_lag(effect)[1]:
                raise KnowledgeError(
                    f"The knowledge requires {cause} -> {effect}, but only the present is explained here.",
                    f"Write the same edge with the present as its effect: {split_lag(effect)[0]!r}.",
                )
        within = replace(
            knowledge,
            required=tuple(pair for pair in knowledge.required if not split_lag(pair[0])[1]),
        )
        limits = OrderLimits.of(within, names)
        ahead = np.ix_(present, past)
        for matrix in (limits.allowed, limits.required, limits.reaches, limits.before):
            matrix[ahead] = False
        limits.before[np.ix_(past, present)] = True
        # Tiers and exogenous variables hold however long an effect takes.
        lasting = Knowledge(tiers=knowledge.tiers, exogenous=knowledge.exogenous)
        for i in past:
            base = split_lag(names[i])[0]
            for j in present:
                limits.required[i, j] = knowledge.requires(names[i], names[j])
                limits.allowed[i, j] = not knowledge.forbids(names[i], names[j]) and not (
                    base != names[j] and lasting.forbids(base, names[j])
                )
        return limits

    def _innovations(self, wide: Observations, present: list[int], past: list[int]) -> np.ndarray:
        """What the past leaves of the present, shape (n, p)."""
        moments = wide.moments
        inside, across = moments.cross[np.ix_(past, past)], moments.cross[np.ix_(past, present)]
        scale = np.sqrt(np.diag(inside))
        try:
            factor = linalg.cho_factor(inside / np.outer(scale, scale))
            if np.diag(factor[0]).min() ** 2 < 1e-10:
                raise linalg.LinAlgError
        except linalg.LinAlgError:
            raise determined(wide.correlation, np.array(past), wide.names) from None
        slopes = linalg.cho_solve(factor, across / scale[:, None]) / scale[:, None]
        values = wide.values - moments.mean
        return values[:, present] - values[:, past] @ slopes

    def _with_time(
        self, found: Discovery, wide: Observations, inner: Observations, noise: np.ndarray
    ) -> Discovery:
        """What the series have to say about lags and stationarity."""
        names = inner.names
        warnings, details = list(found.warnings), dict(found.details)
        root = self._largest_root(details["weights"], names, lag_depth(wide.names))
        details["largest_root"] = root
        ledger = found.assumptions
        if root >= 0.98:
            warnings.append(
                f"The autoregression hardly forgets (largest root {root:.3f}): the series may not be stationary, and "
                "p-values of lagged effects are too small. Differences may be better."
            )
        ledger = ledger.record(
            AssumptionKey.STATIONARITY,
            Status.SURVIVED if root < 0.98 else Status.INCONCLUSIVE,
            f"The largest root of the fitted autoregression is {root:.3f}.",
        )
        p_values = {name: left_over_time(column) for name, column in zip(names, noise.T)}
        details["autocorrelation_p_values"] = p_values
        linked = [name for name, p in p_values.items() if p * len(p_values) < 0.01]
        if linked:
            warnings.append(
                f"What is left of {listing(linked)} is still correlated over time: {lag_depth(wide.names)} lag(s) may "
                "be too few."
            )
        return replace(found, warnings=tuple(warnings), details=details, assumptions=ledger)

    def _largest_root(self, weights: dict[str, float], names: tuple[str, ...], depth: int) -> float:
        p = len(names)
        effects = np.zeros((depth + 1, p, p))  # [lag, effect, cause]
        for edge, weight in weights.items():
            cause, effect = edge.split(" -> ")
            base, lag = split_lag(cause)
            effects[lag, names.index(effect), names.index(base)] = weight
        now = np.linalg.inv(np.eye(p) - effects[0])
        companion = np.zeros((p * depth, p * depth))
        companion[:p] = np.hstack([now @ effects[lag] for lag in range(1, depth + 1)])
        companion[p:, :-p] = np.eye(p * (depth - 1))
        return float(np.abs(np.linalg.eigvals(companion)).max())

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Those of LiNGAM with stationarity in place of independent rows."""
        lines: list[Any] = [
            line
            for line in linear_assumptions("VAR-LiNGAM", noise=True)
            if line.key is not AssumptionKey.INDEPENDENT_ROWS
        ]
        bases = [name for name in data.names if split_lag(name)[1] == 0]
        return [
            *lines,
            Assumption(
                AssumptionKey.STATIONARITY,
                f"The effects among {listing(bases)} and their noise are the same at all times.",
                True,
                source="VAR-LiNGAM",
            ),
        ]


def left_over_time(noise: np.ndarray, steps: int = 10) -> float:
    """The p-value of no correlation over time in what an autoregression leaves (Ljung and Box 1978)."""
    n = len(noise)
    steps = min(steps, n // 5)
    centred = noise - noise.mean()
    total = centred @ centred
    squares = np.array([(centred[k:] @ centred[:-k] / total) ** 2 / (n - k) for k in range(1, steps + 1)])
    return float(stats.chi2.sf(n * (n + 2) * squares.sum(), steps))
