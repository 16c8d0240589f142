"""Is a series fit for these algorithms: stationarity, autocorrelation, gaps, and how many lags it needs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

from aitia.core import AssumptionKey, Status, listing
from aitia.discovery._discovery import Discovery
from aitia.discovery._observations import Observations
from aitia.discovery.series._lagged import Series, series_of
from aitia.statistics import accumulate

_LEVEL = 0.05
_FEWEST = 50
_MOST_LAGS = 10


@dataclass(frozen=True)
class SeriesColumn:
    """What was found about one series.

    Args:
        name: the variable.
        autocorrelation: with itself one step before; NaN where it could not be computed.
        mean_p_value: of the test that its level is constant (KPSS); the smallest over units, times their number.
        variance_p_value: the same for the squared deviations from the mean.
        unit_root: the augmented Dickey-Fuller statistic; very negative where the series returns to a mean or
            trend. The largest over units.
        critical: the statistic's 5% point (MacKinnon 2010).
        level: below which a p-value counts.
        tested: whether there were rows enough (50 in a row).
    """

    name: str
    autocorrelation: float
    mean_p_value: float
    variance_p_value: float
    unit_root: float
    critical: float
    level: float
    tested: bool = True

    @property
    def is_stationary(self) -> bool:
        """Whether neither test speaks against it."""
        return min(self.mean_p_value, self.variance_p_value) >= self.level

    @property
    def wanders(self) -> bool:
        """Whether its level changes and it does not return to a mean or trend, like a random walk."""
        return self.mean_p_value < self.level and self.unit_root > self.critical

    @property
    def sentence(self) -> str:
        """What was found, and what to do about it."""
        if not self.tested:
            return f"{self.name}: no stretch of {_FEWEST} rows in a row, so stationarity was not tested."
        if self.is_stationary:
            return (
                f"{self.name}: no sign of a changing level (p = {self.mean_p_value:.2g}) or variance "
                f"(p = {self.variance_p_value:.2g})."
            )
        if self.wanders:
            return (
                f"{self.name} wanders like a random walk (KPSS p = {self.mean_p_value:.2g}, augmented Dickey-Fuller "
                f"{self.unit_root:.2f} above its 5% point {self.critical:.2f}): take differences."
            )
        if self.mean_p_value < self.level:
            return (
                f"The level of {self.name} changes over time (KPSS p = {self.mean_p_value:.2g}): take out the trend "
                "or the break, or give time as a context to CD-NOD."
            )
        return (
            f"The variance of {self.name} changes over time (p = {self.variance_p_value:.2g}): take logarithms, use "
            "a part of the series, or give time as a context to CD-NOD."
        )


@dataclass(frozen=True)
class SeriesReport:
    """Whether series are fit for lagged discovery.

    Args:
        columns: what was found about each.
        rows: how many rows there are.
        units: how many series (units) there are.
        stretches: how many stretches of time without a gap.
        longest: rows of the longest of them.
        gaps: steps of time that are not one step long.
        suggested_max_lag: the order of the vector autoregression with the least BIC; None where not asked or where
            there are too few rows.
        warnings: what to know before trusting a lagged graph, a sentence each.
    """

    columns: tuple[SeriesColumn, ...]
    rows: int
    units: int
    stretches: int
    longest: int
    gaps: int
    suggested_max_lag: int | None = None
    warnings: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> SeriesColumn:
        return next(column for column in self.columns if column.name == name)

    @property
    def is_stationary(self) -> bool:
        """Whether no series shows signs of change over time."""
        return all(column.is_stationary for column in self.columns)

    def __str__(self) -> str:
        lines = [
            f"{self.rows:,} rows, {self.units:,} series, {self.gaps:,} gaps; the longest stretch has "
            f"{self.longest:,} rows."
        ]
        lines.extend(f"{each.sentence} Autocorrelation {each.autocorrelation:.2f}." for each in self.columns)
        if self.suggested_max_lag is not None:
            lines.append(
                f"Suggested max_lag: {self.suggested_max_lag} (vector autoregression with the least BIC)."
            )
        return "\n".join(lines)


def series_report(data: Any, *, time: str | None = None, unit: str | None = None) -> SeriesReport:
    """Check whether series are stationary, how autocorrelated they are, whether time has gaps, and how far to lag.

    For each series of n rows: (1) the KPSS statistic
    ``eta = sum_t S_t^2 / (n^2 w)`` with partial sums S of the deviations from the mean and the
    long-run variance w, whose limit under stationarity is the Cramer-von Mises distribution; the
    long-run variance is prewhitened by an autoregression whose coefficient is bounded by ``1 - 1 / sqrt(n)``, with
    the quadratic spectral kernel and Andrews' bandwidth, so that strong autocorrelation alone does not reject. (2) the
    same for the squared deviations: is the variance constant? (3) where the level changes, the augmented Dickey-Fuller
    regression with a trend, lags by AIC, tells a random walk from a drift. Several units are tested one by one, the
    smallest p-value times their number. The level is 5% over all tests together (Bonferroni).

    Args:
        data: anything `Observations.of` takes; rows of a unit in time order, unless `time` says it.
        time: the column that holds the time.
        unit: the column that says which series a row belongs to.

    Raises:
        DiscoveryError: there are no rows, or two rows of one unit have the same time.

    Source: Kwiatkowski, Phillips, Schmidt & Shin (1992), J. Econometrics 54; Sul, Phillips & Choi (2005), Oxford
    Bulletin 67; Andrews (1991), Econometrica 59; Dickey & Fuller (1979); MacKinnon (2010), Queen's working paper
    1227, table 2.

    Example:
        >>> rng = np.random.default_rng(1)
        >>> noise = rng.normal(size=(400, 2))
        >>> report = series_report({"steady": noise[:, 0], "walk": noise[:, 1].cumsum()})
        >>> report["steady"].is_stationary, report["walk"].wanders
        (True, True)
    """
    return report_on(series_of(Observations.of(data), time, unit), suggest=True)


def report_on(series: Series, *, suggest: bool = False) -> SeriesReport:
    """The report on series whose stretches are known; `suggest` looks for the number of lags too."""
    tested = [(start, stop) for start, stop in series.runs if stop - start >= _FEWEST]
    level = _LEVEL / (2 * len(series.names))
    columns = tuple(_column(series, i, tested, level) for i in range(len(series.names)))
    warnings = [each.sentence for each in columns if each.tested and not each.is_stationary]
    longest = max((stop - start for start, stop in series.runs), default=0)
    if not tested:
        warnings.append(
            f"No stretch of time without a gap has {_FEWEST} rows (the longest has {longest:,}), so stationarity was "
            "not tested."
        )
    if series.gaps:
        warnings.append(
            f"{series.gaps:,} steps of time are not one step long; nothing is lagged across them. Where most steps "
            "are irregular, bring the series onto a regular grid first."
        )
    strong = [each.name for each in columns if each.autocorrelation > 0.97]
    if strong:
        warnings.append(
            f"{listing(strong)}: autocorrelation above 0.97, so that a row adds little to the one before: results "
            "rest on far fewer independent pieces of information than rows."
        )
    return SeriesReport(
        columns,
        len(series.values),
        series.units,
        len(series.runs),
        longest,
        series.gaps,
        suggested_lags(series) if suggest else None,
        tuple(warnings),
    )


def suggested_lags(series: Series) -> int | None:
    """The order, at least 1, of the vector autoregression with the least BIC, from moments of the lagged columns."""
    p = len(series.names)
    most = _MOST_LAGS
    while most and series.rows_at(most) < 4 * p * most + 20:
        most -= 1
    if not most:
        return None
    wide = series.lagged(most)
    correlation, n = wide.correlation, wide.rows
    best, order = math.inf, None
    for k in range(1, most + 1):
        past = slice(p, p * (k + 1))
        inside, across = correlation[past, past], correlation[past, :p]
        left = correlation[:p, :p] - across.T @ np.linalg.lstsq(inside, across, rcond=1e-11)[0]
        sign, log_determinant = np.linalg.slogdet(left)
        score = n * log_determinant + math.log(n) * k * p * p if sign > 0 else math.inf
        if score < best:
            best, order = score, k
    return order


def _column(series: Series, i: int, runs: list[tuple[int, int]], level: float) -> SeriesColumn:
    pieces = [series.values[start:stop, i] for start, stop in series.runs if stop - start > 1]
    rho = autocorrelation(pieces)
    stretches = [series.values[start:stop, i] for start, stop in runs]
    stretches = [each for each in stretches if each.std() > 1e-12 * (1 + abs(each.mean()))]
    if not stretches:
        return SeriesColumn(series.names[i], rho, math.nan, math.nan, math.nan, math.nan, level, False)
    centred = [each - each.mean() for each in stretches]
    mean = min(constancy(each)[1] for each in centred)
    variance = min(constancy(each**2 - (each**2).mean())[1] for each in centred)
    roots = [unit_root(each) for each in centred]
    worst = max(roots, key=lambda root: root[0] - root[1])
    m = len(stretches)
    return SeriesColumn(series.names[i], rho, min(1.0, m * mean), min(1.0, m * variance), *worst, level)


def autocorrelation(pieces: list[np.ndarray]) -> float:
    """The correlation of neighbouring values over stretches of time, about their common mean."""
    if not pieces:
        return math.nan
    mean = float(np.concatenate(pieces).mean())
    now = np.concatenate([each[1:] for each in pieces]) - mean
    before = np.concatenate([each[:-1] for each in pieces]) - mean
    scale = math.sqrt(float(now @ now) * float(before @ before))
    return float(now @ before) / scale if scale > 0 else math.nan


def constancy(centred: np.ndarray) -> tuple[float, float]:
    """The KPSS statistic of a centred series and its p-value."""
    n = len(centred)
    spread = long_run_variance(centred)
    if spread <= 0:
        return 0.0, 1.0
    statistic = float(np.square(np.cumsum(centred)).sum()) / (n * n * spread)
    return statistic, cramer_von_mises_tail(statistic)


def long_run_variance(centred: np.ndarray) -> float:
    """The variance of the mean times n: prewhitened, quadratic spectral kernel, Andrews' bandwidth."""
    n = len(centred)
    before, now = centred[:-1], centred[1:]
    scale = float(before @ before)
    if scale <= 0:
        return 0.0
    rho = float(before @ now) / scale
    rest = now - rho * before
    # Andrews (1991), equations 6.2 and 6.4: the bandwidth from an autoregression of what is left.
    left, right = rest[:-1], rest[1:]
    a = float(np.clip(left @ right / max(float(left @ left), 1e-300), -0.97, 0.97))
    bandwidth = 1.3221 * (4 * a * a / (1 - a) ** 4 * n) ** 0.2
    m = len(rest)
    most = min(m - 1, max(1, int(20 * bandwidth)))
    padded = np.fft.rfft(rest, 2 ** math.ceil(math.log2(2 * m)))
    covariances = np.fft.irfft(padded * padded.conj())[: most + 1] / m
    total = covariances[0]
    if bandwidth > 1e-8:
        x = 6 * math.pi / 5 * np.arange(1, most + 1) / bandwidth
        kernel = 3 / x**2 * (np.sin(x) / x - np.cos(x))
        total += 2 * float(kernel @ covariances[1:])
    # Sul, Phillips & Choi (2005): the bound keeps the test consistent against a random walk.
    bounded = min(rho, 1 - 1 / math.sqrt(n))
    return max(total, 1e-300) / (1 - bounded) ** 2


def cramer_von_mises_tail(x: float) -> float:
    """The chance that the integral of a squared Brownian bridge exceeds x.

    Source: Anderson & Darling (1952), Annals of Mathematical Statistics 23, equation 4.35.

    Example:
        >>> round(cramer_von_mises_tail(0.463), 3)  # the 5% point of Kwiatkowski et al. (1992), table 1
        0.05
    """
    if x <= 0:
        return 1.0
    j = np.arange(40)
    weight = np.exp(special.gammaln(j + 0.5) - special.gammaln(0.5) - special.gammaln(j + 1))
    y = (4 * j + 1) ** 2 / (16 * x)
    # kve is exp(y) K, which keeps small x from underflowing twice.
    below = (weight * np.sqrt(4 * j + 1) * np.exp(-2 * y) * special.kve(0.25, y)).sum()
    return float(min(max(1 - below / (math.pi * math.sqrt(x)), 0.0), 1.0))


def unit_root(values: np.ndarray) -> tuple[float, float]:
    """The augmented Dickey-Fuller statistic with a constant and a trend, lags by AIC, and its 5% point."""
    n = len(values)
    most = max(min(math.ceil(12 * (n / 100) ** 0.25), n // 2 - 4), 0)  # Schwert (1989)
    change = np.diff(values)

    def fits(lags: int) -> list[tuple[float, float]]:
        """The statistic and the Akaike criterion for each number of lags up to this, over the same rows."""
        t = np.arange(lags, n - 1)
        past = (change[t - k] for k in range(1, lags + 1))
        columns = np.column_stack([values[t], t / n, *past, change[t]])
        cross = accumulate([columns], [str(k) for k in range(lags + 3)]).total().cross
        made = []
        for k in range(lags + 1):
            inverse = np.linalg.pinv(cross[: k + 2, : k + 2], hermitian=True)
            slope = inverse @ cross[: k + 2, -1]
            left = max(float(cross[-1, -1] - cross[: k + 2, -1] @ slope), 1e-300)
            error = math.sqrt(left / (len(t) - k - 3) * max(float(inverse[0, 0]), 1e-300))
            made.append((float(slope[0]) / error, len(t) * math.log(left / len(t)) + 2 * (k + 3)))
        return made

    chosen = min(enumerate(fits(most)), key=lambda fit: fit[1][1])[0]
    rows = n - 1 - chosen
    # MacKinnon (2010), table 2, one variable with a constant and a trend, 5%.
    return fits(chosen)[-1][0], -3.41049 - 4.3904 / rows - 9.036 / rows**2 - 45.374 / rows**3


def with_report(found: Discovery, report: SeriesReport | None) -> Discovery:
    """A discovery with what was seen of its series: warnings, what became of stationarity, the report itself.

    Args:
        found: the discovery.
        report: the report; None where the columns came lagged already.
    """
    if report is None:
        return found
    ledger = found.assumptions
    for column in report.columns:
        if column.tested:
            status = Status.SURVIVED if column.is_stationary else Status.BROKEN
            ledger = ledger.record(AssumptionKey.STATIONARITY, status, column.sentence)
    return replace(
        found,
        warnings=(*report.warnings, *found.warnings),
        assumptions=ledger,
        details={**found.details, "series": report},
    )
