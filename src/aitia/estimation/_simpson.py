"""Simpson's paradox: an association whose sign flips within the strata of a measured variable."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

from aitia.data import Kind, Table
from aitia.graphs import Graph
from aitia.identification import Contrast, is_adjustment_set


class Causal(StrEnum):
    """Which of the two answers of a reversal the graph calls causal."""

    WITHIN = "within strata"
    CRUDE = "over all rows"
    NEITHER = "neither"
    BOTH = "both"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Stratum:
    """One stratum of a reversal.

    Args:
        label: the stratum in words (``"small"``, ``"age 20 to 35"``).
        n: its rows.
        share_treated: the mean of the treatment in it (for a binary one the share of rows with the treated value).
        means: mean outcome under control and under treated, for a binary treatment; None otherwise.
        effect: the association within it: a difference of means, or a slope for a continuous treatment.
        std_error: of `effect`.
    """

    label: str
    n: int
    share_treated: float
    means: tuple[float, float] | None
    effect: float
    std_error: float


@dataclass(frozen=True)
class Reversal:
    """An association that has one sign over all rows and the other within the strata of a variable.

    Args:
        treatment: the treatment column.
        outcome: the outcome column.
        by: the column whose strata flip the sign.
        crude: the association over all rows.
        crude_error: its standard error.
        within: the association within strata, averaged over the strata by their rows (a pooled slope for a
            continuous treatment).
        within_error: its standard error.
        change_p_value: of no difference between `crude` and `within`, times the number of columns looked at.
        strata: the strata.
        everywhere: True where no stratum has the sign of the whole: the paradox in its sharp form.
        causal: which of the two the graph calls causal.
        sentence: the finding and the reason for `causal`, in words a newcomer understands.
    """

    treatment: str
    outcome: str
    by: str
    crude: float
    crude_error: float
    within: float
    within_error: float
    change_p_value: float
    strata: tuple[Stratum, ...]
    everywhere: bool
    causal: Causal
    sentence: str


def reversals(
    table: Table,
    graph: Graph,
    treatment: str,
    outcome: str,
    *,
    contrast: Contrast | None = None,
    candidates: Iterable[str] | None = None,
    significance: float = 0.05,
) -> tuple[Reversal, ...]:
    """Look for Simpson's paradox, and say from the graph which of the two answers is the causal one.

    For each candidate column the association over all rows, a difference of mean outcomes (a least-squares slope
    for a numeric treatment), is compared with the one within the column's strata, averaged over the strata by
    their rows: sum_s (n_s / n) (mean(y | t = 1, s) - mean(y | t = 0, s)). A reversal is reported where the signs
    differ, where their difference is larger than chance (a z-test of crude minus within by their joint influence
    values, Bonferroni over the candidates), and where each of them is at least 1.28 standard errors from zero.

    A number with more than 8 values is cut at its quintiles. Strata that lack one of the two treatments are left
    out; a column for which these hold more than a tenth of the rows is passed over. Above 200,000 rows every k-th
    row is looked at, and the sentence says so.

    Args:
        table: the data.
        graph: what is believed; a column that it does not name gets `Causal.UNKNOWN`.
        treatment: the treatment column.
        outcome: the outcome column.
        contrast: the two treatment values compared, as for `Effect`.
        candidates: the columns whose strata to look into; None takes every other column.
        significance: of the z-test, after Bonferroni.

    Returns:
        The reversals, those with the largest change first.

    Example:
        >>> from aitia import examples
        >>> from aitia.graphs import Graph
        >>> stones = examples.load("kidney_stones")
        >>> [found] = reversals(stones.table(), Graph.parse(stones.graph), "treatment", "success")
        >>> found.by, round(found.crude, 4), round(found.within, 4), str(found.causal)
        ('size', 0.0457, -0.0537, 'within strata')

    References:
        Simpson (1951), The interpretation of interaction in contingency tables; Pearl (2014), Understanding
        Simpson's paradox, section 2: the graph, not the numbers, says which to believe.
    """
    others = [name for name in table.names if name not in (treatment, outcome)]
    looked_at = others if candidates is None else [name for name in candidates if name in others]
    looked_at = sorted(looked_at, key=lambda name: name not in graph.nodes)[:_MOST_CANDIDATES]
    if not looked_at or treatment not in table.names or outcome not in table.names:
        return ()
    every = max(1, -(-table.n_rows // _MOST_ROWS))
    columns = _columns(table, [treatment, outcome, *looked_at], every)
    coded = _code_treatment(table, treatment, columns[treatment], contrast)
    y = _as_numbers(columns[outcome])
    if coded is None or y is None:
        return ()
    t, binary = coded
    found = []
    for name in looked_at:
        strata = _code_strata(name, columns[name])
        if strata is None:
            continue
        codes, labels = strata
        keep = (codes >= 0) & np.isfinite(t) & np.isfinite(y)
        comparison = _compare(t[keep], y[keep], codes[keep], labels, binary)
        if comparison is None:
            continue
        crude, crude_error, within, within_error, change_error, lines = comparison
        if (
            crude * within >= 0
            or min(abs(crude) - _CLEAR * crude_error, abs(within) - _CLEAR * within_error) < 0
        ):
            continue
        z = abs(crude - within) / max(change_error, 1e-300)
        p_value = min(1.0, 2 * NormalDist().cdf(-z) * len(looked_at))
        if p_value > significance:
            continue
        causal, why = _reading(graph, treatment, outcome, name)
        everywhere = all(each.effect * crude <= 0 for each in lines)
        found.append(
            Reversal(
                treatment=treatment,
                outcome=outcome,
                by=name,
                crude=crude,
                crude_error=crude_error,
                within=within,
                within_error=within_error,
                change_p_value=p_value,
                strata=lines,
                everywhere=everywhere,
                causal=causal,
                sentence=_sentence(treatment, outcome, name, crude, within, binary, everywhere, why, every),
            )
        )
    return tuple(sorted(found, key=lambda each: -abs(each.crude - each.within)))


# Limits, so that looking for the paradox never costs more than the answer itself.
_MOST_CANDIDATES = 50
_MOST_ROWS = 200_000
_MOST_LEVELS = 30
_FEW_VALUES = 8
# How many standard errors from zero both associations have to be for their signs to mean anything.
_CLEAR = NormalDist().inv_cdf(0.9)


def _columns(table: Table, names: list[str], every: int) -> dict[str, Any]:
    """Every k-th row of some columns, as Arrow arrays."""
    import pyarrow as pa

    batches = []
    start = 0
    for batch in table.batches(names):
        if every > 1:
            first = -start % every
            start += batch.num_rows
            batch = batch.take(pa.array(np.arange(first, batch.num_rows, every)))
        batches.append(batch)
    if not batches:
        return {name: pa.array([], pa.float64()) for name in names}
    whole = pa.Table.from_batches(batches)
    return {name: whole.column(position).combine_chunks() for position, name in enumerate(names)}


def _as_numbers(column: Any) -> np.ndarray | None:
    """A column as float64 with NaN for missing; two text values become 0 and 1 in sorted order; else None."""
    import pyarrow as pa

    if (
        pa.types.is_boolean(column.type)
        or pa.types.is_integer(column.type)
        or pa.types.is_floating(column.type)
    ):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    codes, levels = _codes(column)
    return np.where(codes < 0, np.nan, codes.astype(float)) if len(levels) == 2 else None


def _codes(column: Any) -> tuple[np.ndarray, list[Any]]:
    """Codes of a column's sorted values, -1 for missing, and the values."""
    import pyarrow as pa

    encoded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary.to_pylist()
    order = sorted(range(len(values)), key=lambda position: (str(type(values[position])), values[position]))
    place = np.empty(len(values) + 1, dtype=np.int64)
    place[order] = np.arange(len(values))
    place[-1] = -1
    return place[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)], [
        values[each] for each in order
    ]


def _code_treatment(
    table: Table, name: str, column: Any, contrast: Contrast | None
) -> tuple[np.ndarray, bool] | None:
    """The treatment as 0/1 (rows with a third value NaN) or as numbers, and whether it is binary."""
    numeric = table.column(name).kind in (Kind.COUNT, Kind.CONTINUOUS)
    if numeric:
        values = _as_numbers(column)
        return None if values is None else (values, False)
    codes, levels = _codes(column)
    if len(levels) < 2:
        return None
    treated, control = levels[-1], levels[0]
    if contrast is not None:
        by_text = {str(level): level for level in levels}
        treated = by_text.get(str(contrast.treated), contrast.treated)
        control = by_text.get(str(contrast.control), contrast.control)
        if treated not in levels or control not in levels:
            return None
    t = np.full(len(codes), np.nan)
    t[codes == levels.index(treated)] = 1.0
    t[codes == levels.index(control)] = 0.0
    return t, True


def _code_strata(name: str, column: Any) -> tuple[np.ndarray, list[str]] | None:
    """The stratum of each row (-1 for none) and the strata in words; None for a column that makes none."""
    import pyarrow as pa

    number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if number:
        values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        finite = values[np.isfinite(values)]
        if not len(finite):
            return None
        cuts = np.unique(np.quantile(finite, [0.2, 0.4, 0.6, 0.8]))
        few = np.unique(finite[:10_000])
        if len(few) > _FEW_VALUES or len(np.unique(finite)) > _FEW_VALUES:
            codes = np.where(np.isfinite(values), np.searchsorted(cuts, values, side="left"), -1)
            edges = [finite.min(), *cuts, finite.max()]
            return codes, [f"{low:.4g} to {high:.4g}" for low, high in pairwise(edges)]
    elif pa.types.is_temporal(column.type):
        return None
    codes, levels = _codes(column)
    if not 2 <= len(levels) <= _MOST_LEVELS:
        return None
    return codes, [f"{level:g}" if isinstance(level, float) else str(level) for level in levels]


_Comparison = tuple[float, float, float, float, float, tuple[Stratum, ...]]


def _compare(
    t: np.ndarray, y: np.ndarray, codes: np.ndarray, labels: list[str], binary: bool
) -> _Comparison | None:
    """Crude and within-strata association with standard errors, the error of their difference, and the strata."""
    if len(y) < 8:
        return None
    strata = len(labels)
    size = np.bincount(codes, minlength=strata)
    if binary:
        treated = np.bincount(codes, weights=t, minlength=strata)
        usable = (treated >= 2) & (size - treated >= 2)
    else:
        mean_t = np.bincount(codes, weights=t, minlength=strata) / np.maximum(size, 1)
        usable = (size >= 5) & (np.bincount(codes, weights=(t - mean_t[codes]) ** 2, minlength=strata) > 0)
    if usable.sum() < 2 or size[usable].sum() < 0.9 * len(y):
        return None
    keep = usable[codes]
    t, y, codes = t[keep], y[keep], (np.cumsum(usable) - 1)[codes[keep]]
    labels = [label for label, use in zip(labels, usable) if use]
    associate = _difference if binary else _slope
    n = len(y)
    crude, crude_psi = associate(t, y)
    size = np.bincount(codes, minlength=len(labels))
    lines = []
    effects = np.empty(len(labels))
    psi = np.empty(n)
    # How much of the average each stratum carries: its rows, or (for a pooled slope) its spread of the treatment.
    carried = size / n
    if not binary:
        centre = (np.bincount(codes, weights=t) / size)[codes]
        spread = np.bincount(codes, weights=(t - centre) ** 2)
        carried = spread / spread.sum()
    for code, label in enumerate(labels):
        rows = np.flatnonzero(codes == code)
        effects[code], inside = associate(t[rows], y[rows])
        psi[rows] = inside * (carried[code] * n / len(rows))
        arms = (float(y[rows][t[rows] == 0].mean()), float(y[rows][t[rows] == 1].mean())) if binary else None
        error = float(np.sqrt(inside @ inside)) / len(rows)
        lines.append(Stratum(label, len(rows), float(t[rows].mean()), arms, float(effects[code]), error))
    within = float(carried @ effects)
    if binary:  # the share of each stratum is estimated too
        psi += effects[codes] - within
    change = crude_psi - psi
    errors = (float(np.sqrt(each @ each)) / n for each in (crude_psi, psi, change))
    crude_error, within_error, change_error = errors
    return crude, crude_error, within, within_error, change_error, tuple(lines)


def _difference(t: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean outcome of the treated minus that of the untreated, with its influence values."""
    share = t.mean()
    treated, control = float(y[t == 1].mean()), float(y[t == 0].mean())
    psi = np.where(t == 1, (y - treated) / share, -(y - control) / (1 - share))
    return treated - control, psi


def _slope(t: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Least-squares slope of y on t, with its influence values."""
    t, y = t - t.mean(), y - y.mean()
    variance = float(t @ t) / len(t)
    slope = float(t @ y) / len(t) / variance
    return slope, t * (y - slope * t) / variance


def _reading(graph: Graph, treatment: str, outcome: str, by: str) -> tuple[Causal, str]:
    """Which association the graph calls causal, and why, in a clause."""
    missing = [name for name in (treatment, outcome, by) if name not in graph.nodes]
    if missing:
        return Causal.UNKNOWN, f"The graph does not say where {missing[0]} belongs, so it cannot rank the two"
    alone = bool(is_adjustment_set(graph, treatment, outcome, ()))
    within = bool(is_adjustment_set(graph, treatment, outcome, (by,)))
    role = _role(graph, treatment, outcome, by)
    if within and not alone:
        return Causal.WITHIN, f"In the graph {role}, so the association within its strata is the causal one"
    if alone and not within:
        return Causal.CRUDE, f"In the graph {role}, so the association over all rows is the causal one"
    if alone and within:
        return (
            Causal.BOTH,
            f"In the graph {role}, and both ought to agree: that they differ speaks against the graph",
        )
    return (
        Causal.NEITHER,
        f"In the graph {role}, but neither number is the effect: more has to be adjusted for",
    )


def _role(graph: Graph, treatment: str, outcome: str, by: str) -> str:
    """What a variable is to treatment and outcome, in a clause."""
    after_treatment = by in graph.descendants({treatment})
    before_outcome = by in graph.ancestors({outcome})
    before_treatment = by in graph.ancestors({treatment})
    if after_treatment and before_outcome:
        return f"{by} lies on the way from {treatment} to {outcome}"
    if after_treatment and by in graph.descendants({outcome}):
        return f"{by} is a consequence of {outcome}"
    if after_treatment:
        return f"{by} is a consequence of {treatment}"
    if before_treatment and before_outcome:
        return f"{by} comes before both {treatment} and {outcome}"
    if before_treatment:
        return f"{by} comes before {treatment}"
    if before_outcome:
        return f"{by} comes before {outcome} and not after {treatment}"
    return f"{by} is neither before nor after {treatment}"


def _sentence(
    treatment: str,
    outcome: str,
    by: str,
    crude: float,
    within: float,
    binary: bool,
    everywhere: bool,
    why: str,
    every: int,
) -> str:
    what = "difference in means" if binary else "slope"
    rows = "all rows" if every == 1 else f"one row in {every}"
    each = "within every stratum" if everywhere else "on average within the strata"
    return (
        f"Simpson's paradox: over {rows} the {what} of {outcome} by {treatment} is {crude:+.3g}, but {each} of "
        f"{by} it has the other sign ({within:+.3g}). {why}."
    )
