"""For whom: effects by subgroup, with intervals that hold jointly and a test of heterogeneity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import AitiaError, stats, stream
from aitia.estimation._estimate import Estimate
from aitia.estimation._moment_estimator import population_of
from aitia.identification import PopulationKind

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWS = 200_000


class NoSubgroups(AitiaError):
    """The estimate has no row scores to average within groups, or a group is too small to speak of."""


@dataclass(frozen=True, eq=False)
class Subgroups:
    """Effects within disjoint groups of rows.

    Args:
        by: what the groups are made of.
        labels: the groups, length k.
        counts: rows in each, shape (k,).
        values: the effect in each, shape (k,), in units of the outcome.
        std_errors: their standard errors, shape (k,).
        covariance: their joint covariance, shape (k, k); not diagonal where clusters span groups.
        intervals: confidence intervals at `level`, each on its own, shape (k, 2).
        joint_intervals: intervals that all hold at once at `level`, shape (k, 2).
        level: nominal coverage.
        statistic: the Wald statistic of equal effects, chi-square with k - 1 degrees of freedom.
        p_value: of equal effects.
        overall: the average effect, for the figure.
    """

    by: str
    labels: tuple[str, ...]
    counts: np.ndarray
    values: np.ndarray
    std_errors: np.ndarray
    covariance: np.ndarray = field(repr=False)
    intervals: np.ndarray
    joint_intervals: np.ndarray
    level: float
    statistic: float
    p_value: float
    overall: float

    @property
    def sentence(self) -> str:
        """What the test of heterogeneity says, in words."""
        found = "differs" if self.p_value < 1 - self.level else "is not shown to differ"
        return f"The effect {found} by {self.by} (Wald test of equal effects: p = {self.p_value:.3g})."

    def __repr__(self) -> str:
        width = max(len(label) for label in self.labels)
        lines = [
            f"{'':{width}}  {'rows':>9}  {'effect':>10}  {'std. err.':>10}  {self.level:.0%} joint interval"
        ]
        for i, label in enumerate(self.labels):
            low, high = self.joint_intervals[i]
            lines.append(
                f"{label:{width}}  {self.counts[i]:>9,}  {self.values[i]:>10.4g}  {self.std_errors[i]:>10.3g}  "
                f"{low:.4g} to {high:.4g}"
            )
        return "\n".join([*lines, self.sentence])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(label)}</td><td>{self.counts[i]:,}</td><td>{self.values[i]:.4g}</td>"
            f"<td>{self.std_errors[i]:.3g}</td><td>{self.joint_intervals[i][0]:.4g} to "
            f"{self.joint_intervals[i][1]:.4g}</td></tr>"
            for i, label in enumerate(self.labels)
        )
        head = f"<tr><th>{escape(self.by)}</th><th>rows</th><th>effect</th><th>std. err.</th>"
        return (
            f"<table>{head}<th>{self.level:.0%} joint interval</th></tr>{rows}</table>"
            f"<p>{escape(self.sentence)}</p>"
        )

    def figure(self) -> Figure:
        """A forest plot: each group's effect with its own (thick) and its joint (thin) interval."""
        from matplotlib.figure import Figure

        k = len(self.labels)
        figure = Figure(figsize=(6.4, 1.2 + 0.38 * k), layout="constrained")
        axes = figure.subplots()
        at = np.arange(k)[::-1]
        for y, own, joint in zip(at, self.intervals, self.joint_intervals):
            first = y == k - 1
            axes.plot(
                own, [y, y], color="#0072B2", lw=3.5, solid_capstyle="butt", label="alone" if first else None
            )
            axes.plot(joint, [y, y], color="#0072B2", lw=1, label="all at once" if first else None)
        axes.plot(self.values, at, "o", color="black", markersize=5)
        axes.axvline(self.overall, color="#D55E00", linestyle="--", linewidth=1.2, label="average effect")
        axes.axvline(0, color="grey", linewidth=0.8)
        axes.set_yticks(at, [f"{_short(label)} ({n:,})" for label, n in zip(self.labels, self.counts)])
        axes.set_ylim(-0.7, k - 0.3)
        axes.set_xlabel("effect, in units of the outcome")
        axes.set_title(f"Effect by {_short(self.by)}, {self.level:.0%} intervals", loc="left", fontsize=11)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9)
        axes.spines[["top", "right"]].set_visible(False)
        return figure


def _short(label: str, most: int = 32) -> str:
    # A dollar sign would start a formula in a figure.
    label = label.replace("$", r"\$")
    return label if len(label) <= most else label[: most - 1] + "…"


def subgroups(
    estimate: Estimate,
    by: Sequence[Any] | np.ndarray,
    name: str = "group",
    *,
    quantiles: int | None = None,
    weights: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    seed: int = 0,
) -> Subgroups:
    """Effects within groups of rows, from the row scores of one estimate: no model is fitted again.

    A doubly robust score phi_i has mean tau(x_i) given x_i, so the effect within a group is the (weighted) mean
    of the scores of its rows, and the scores' spread gives its error. Joint intervals take the quantile of the
    largest |t| of the k groups in place of the normal one.

    Args:
        estimate: an average effect over all rows by an estimator whose influence values are row scores
            (`Estimator.row_scores`: AIPW, exact stratification).
        by: the group of each row, shape (n,), in the order of the estimate's rows; a variable from before treatment.
        name: what the groups are made of, for the table and the figure.
        quantiles: cut a numeric `by` into that many equal groups.
        weights: the survey weights behind the estimate, if any.
        clusters: the clusters behind the estimate, if any.
        seed: of the simulation of the largest |t|, needed where clusters correlate the groups.

    Raises:
        NoSubgroups: the estimate has no row scores, `by` does not have one entry a row, or a group has fewer than
            ten rows.

    Assumptions:
        Those of the estimate; the groups are defined by variables that treatment does not change.

    Source:
        Semenova & Chernozhukov (2021), Econometrics Journal 24, Theorem 3.1 with group indicators as regressors.

    Example:
        >>> from aitia.estimation import subgroups
        >>> callable(subgroups)
        True
    """
    psi = estimate.influence
    if psi is None or not estimate.estimator.row_scores:
        raise NoSubgroups(
            f"{estimate.method} gives no row scores, so its effect cannot be split by group afterwards.",
            "Estimate with AIPW, or ask for the subgroup as the population of the question.",
        )
    if population_of(estimate.estimand).kind is not PopulationKind.ALL:
        raise NoSubgroups(
            "Effects by group need an estimate of the average effect over all rows.",
            "Ask for the effect over all rows first.",
        )
    labels, codes = _groups(np.asarray(by), quantiles, len(psi))
    k = len(labels)
    counts = np.bincount(codes, minlength=k)
    if counts.min() < 10:
        small = int(counts.argmin())
        raise NoSubgroups(
            f"Group {labels[small]!r} of {name!r} has {counts[small]} rows, too few for an interval.",
            "Merge rare levels, or cut a number into fewer groups (quantiles=4).",
        )
    weight = np.ones(len(psi)) if weights is None else weights
    mass = np.bincount(codes, weights=weight, minlength=k)
    if mass.min() <= 0:
        raise NoSubgroups(
            f"No row of group {labels[int(mass.argmin())]!r} of {name!r} has a positive weight.",
            "Leave that group out, or merge it with another.",
        )
    score = estimate.value + psi
    values = np.bincount(codes, weights=weight * score, minlength=k) / mass
    errors = weight * (score - values[codes])
    covariance = _covariance(errors, codes, k, clusters) / np.outer(mass, mass)
    std_errors = np.sqrt(np.diag(covariance))
    own = float(stats.norm.ppf(0.5 + estimate.level / 2))
    joint = _largest(covariance, estimate.level, seed)
    contrast = np.eye(k)[1:] - np.eye(k)[:1]
    gap = contrast @ values
    statistic = float(gap @ np.linalg.pinv(contrast @ covariance @ contrast.T) @ gap)
    sides = np.array([-1.0, 1.0])
    return Subgroups(
        by=name,
        labels=labels,
        counts=counts,
        values=values,
        std_errors=std_errors,
        covariance=covariance,
        intervals=values[:, None] + own * sides * std_errors[:, None],
        joint_intervals=values[:, None] + joint * sides * std_errors[:, None],
        level=estimate.level,
        statistic=statistic,
        p_value=float(stats.chi2.sf(statistic, k - 1)) if k > 1 else 1.0,
        overall=estimate.value,
    )


def _groups(by: np.ndarray, quantiles: int | None, n: int) -> tuple[tuple[str, ...], np.ndarray]:
    if by.shape != (n,):
        raise NoSubgroups(
            f"Expected one group for each of {n:,} rows, got an array of shape {by.shape}.",
            "Give the rows the estimate was made from, in their order.",
        )
    missing = int(np.sum(by != by))  # only a missing value differs from itself
    missing += int(np.sum([each is None for each in by])) if by.dtype == object else 0
    if missing:
        raise NoSubgroups(
            f"{missing:,} of {n:,} rows have no group (a missing value).",
            'Give them a group of their own, such as "unknown".',
        )
    if quantiles is None:
        levels, codes = np.unique(by, return_inverse=True)
        return tuple(str(level) for level in levels), codes.reshape(-1)
    if quantiles < 2 or by.dtype.kind not in "biuf":
        raise NoSubgroups(
            f"quantiles cuts numbers into 2 or more groups; it is {quantiles}, and the groups have type {by.dtype}.",
            "Leave quantiles out where the groups are names.",
        )
    edges = np.unique(np.quantile(by.astype(float), np.arange(quantiles + 1) / quantiles))
    codes = np.clip(np.searchsorted(edges, by, side="right") - 1, 0, max(len(edges) - 2, 0))
    used, codes = np.unique(codes, return_inverse=True)
    ends = [(edges[i], edges[min(i + 1, len(edges) - 1)]) for i in used]
    return tuple(f"{low:.4g} to {high:.4g}" for low, high in ends), codes.reshape(-1)


def _covariance(errors: np.ndarray, codes: np.ndarray, k: int, clusters: np.ndarray | None) -> np.ndarray:
    if clusters is None:
        return np.diag(np.bincount(codes, weights=errors**2, minlength=k))
    cluster = np.unique(clusters, return_inverse=True)[1].reshape(-1)
    groups = int(cluster.max()) + 1
    sums = np.bincount(cluster * k + codes, weights=errors, minlength=groups * k).reshape(groups, k)
    return groups / max(groups - 1, 1) * (sums.T @ sums)


def _largest(covariance: np.ndarray, level: float, seed: int) -> float:
    """The `level` quantile of the largest of k |t| statistics."""
    k = len(covariance)
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    if np.allclose(correlation, np.eye(k), atol=1e-12):
        return float(stats.norm.ppf(0.5 + 0.5 * level ** (1 / k)))
    values, vectors = np.linalg.eigh(correlation)
    root = vectors * np.sqrt(np.clip(values, 0, None))
    draws = np.abs(stream(seed, "largest t").standard_normal((_DRAWS, k)) @ root.T).max(axis=1)
    return float(np.quantile(draws, level))
