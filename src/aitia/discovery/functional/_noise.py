"""Whether the noise that a model leaves is what the model says: independent, and not Gaussian."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from aitia.core import AssumptionKey, Ledger, Status, listing, stats

_SHAPES = 4


def gaussian_p_value(sample: np.ndarray) -> float:
    """The p-value of the Anderson-Darling test that a sample is Gaussian with unknown mean and variance.

    ``A^2 (1 + 0.75 / n + 2.25 / n^2)`` and the p-values of its null distribution.

    Source: Stephens, in D'Agostino and Stephens (1986), Goodness-of-Fit Techniques, table 4.9.
    """
    n = len(sample)
    ordered = np.sort((sample - sample.mean()) / sample.std(ddof=1))
    log_below, log_above = stats.norm.logcdf(ordered), stats.norm.logsf(ordered[::-1])
    a = -n - np.mean((2 * np.arange(1, n + 1) - 1) * (log_below + log_above))
    a *= 1 + 0.75 / n + 2.25 / n**2
    if a >= 0.6:
        # The parabola turns at 153; long before that the answer is zero.
        p = math.exp(1.2937 - 5.709 * a + 0.0186 * a * a) if a < 13 else 0.0
    elif a >= 0.34:
        p = math.exp(0.9177 - 4.279 * a - 1.38 * a * a)
    elif a > 0.2:
        p = 1 - math.exp(-8.318 + 42.796 * a - 59.938 * a * a)
    else:
        p = 1 - math.exp(-13.436 + 101.14 * a - 223.73 * a * a)
    return min(max(p, 0.0), 1.0)


def dependence_p_values(noise: np.ndarray, fitted: np.ndarray | None = None) -> np.ndarray:
    """P-values of independence for every pair of noises, columns in causal order, from one matrix product.

    Each noise becomes its ranks u in (0, 1) and four shapes ``sqrt(2) cos(k pi u)``. Under independence n times the
    sum of squared correlations of the shapes of two noises is chi-squared. Estimated slopes disturb this: a later noise
    holds a little of an earlier one. So the shapes of the earlier one are first made uncorrelated with the noise
    itself, which takes this disturbance out; straight dependence is added for pairs that no regression
    made uncorrelated.

    Args:
        noise: shape (n, p), columns in causal order.
        fitted: booleans of shape (p, p): [i, j] says that i was a regressor of j; None: every i before j.

    Returns:
        Shape (p, p), symmetric, ones on the diagonal.

    Source: the score tests of independence by ranks of Kallenberg and Ledwina (1999), Journal of the American
    Statistical Association 94, with cosines in place of Legendre's polynomials, and scores made orthogonal to the
    estimated parameters (Neyman 1959).
    """
    n, p = noise.shape
    ranks = (stats.rankdata(noise, axis=0) - 0.5) / n
    steps = math.pi * np.arange(1, _SHAPES + 1)
    early, late = np.zeros((n, p, _SHAPES)), np.zeros((n, p, _SHAPES))
    rank = np.zeros((2, p))
    straight = noise - noise.mean(axis=0)
    straight = straight / np.maximum(np.linalg.norm(straight, axis=0), 1e-300)
    for i in range(p):
        shapes = np.cos(steps * ranks[:, i, None])
        shapes -= shapes.mean(axis=0)
        for which, (out, basis) in enumerate(
            ((late, shapes), (early, shapes - np.outer(straight[:, i], straight[:, i] @ shapes)))
        ):
            values, vectors = np.linalg.eigh(basis.T @ basis)
            kept = values > 1e-6 * n
            rank[which, i] = kept.sum()
            out[:, i, kept] = basis @ (vectors[:, kept] / np.sqrt(values[kept]))
    cross = (early.reshape(n, -1).T @ late.reshape(n, -1)).reshape(p, _SHAPES, p, _SHAPES)
    statistic = n * (cross**2).sum(axis=(1, 3))
    freedom = np.outer(rank[1], rank[0])
    if fitted is not None:
        statistic += np.where(fitted, 0.0, n * (straight.T @ straight) ** 2)
        freedom += ~fitted
    with np.errstate(invalid="ignore"):
        result = np.where(freedom > 0, stats.chi2.sf(statistic, freedom), 1.0)
    result = np.triu(result, 1)
    return result + result.T + np.eye(p)


@dataclass(frozen=True)
class NoiseReport:
    """What the tests of the noise found.

    Args:
        gaussian: the p-value of each variable's noise being Gaussian.
        dependent: pairs whose noises are dependent, with p-values corrected for all pairs (Holm), smallest first.
        smallest: the smallest corrected p-value of any pair.
        level: the level of both tests.
    """

    gaussian: dict[str, float]
    dependent: tuple[tuple[str, str, float], ...]
    smallest: float
    level: float = 0.01

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        noise: np.ndarray,
        fitted: np.ndarray | None = None,
        level: float = 0.01,
    ) -> NoiseReport:
        """Test noises of shape (n, p), columns in causal order; `fitted` as in `dependence_p_values`."""
        looks = {name: gaussian_p_value(column) for name, column in zip(names, noise.T)}
        raw = dependence_p_values(noise, fitted)
        pairs = sorted(combinations(range(len(names)), 2), key=lambda pair: raw[pair])
        holm, worst = [], 0.0
        for k, pair in enumerate(pairs):
            worst = max(worst, min(1.0, float(raw[pair]) * (len(pairs) - k)))
            holm.append((names[pair[0]], names[pair[1]], worst))
        return cls(looks, tuple(each for each in holm if each[2] < level), holm[0][2] if holm else 1.0, level)

    @property
    def looks_gaussian(self) -> tuple[str, ...]:
        """The variables whose noise cannot be told from Gaussian."""
        return tuple(name for name, p in self.gaussian.items() if p > self.level)

    def warnings(self, edges: Sequence[tuple[str, str]], *, needs_shape: bool = True) -> list[str]:
        """What to say about a graph with these edges.

        Args:
            edges: pairs (cause, effect).
            needs_shape: whether the directions rest on noise that is not Gaussian.
        """
        said = []
        plain = set(self.looks_gaussian)
        unclear = [f"{a} -> {b}" for a, b in edges if a in plain and b in plain]
        if needs_shape and len(plain) > 1:
            what = f"The noise of {listing(sorted(plain))} looks Gaussian"
            said.append(
                f"{what}: the direction of {listing(unclear)} cannot be told from these data."
                if unclear
                else f"{what}: were any two of them joined, their direction could not be told."
            )
        if self.dependent:
            told = [f"{a} and {b} (p = {p:.2g})" for a, b, p in self.dependent]
            said.append(
                f"After the fit the noises are still dependent: {listing(told, 4)}. They may share a cause that is not "
                "in the data, the relation may not have the assumed form, or a direction is wrong."
            )
        return said

    def record(self, ledger: Ledger, form: AssumptionKey = AssumptionKey.LINEARITY) -> Ledger:
        """The ledger with what these tests say of its lines.

        Args:
            ledger: the assumptions.
            form: the assumption about the form of the relations.
        """
        plain = self.looks_gaussian
        ledger = ledger.record(
            AssumptionKey.NON_GAUSSIAN_NOISE,
            Status.SURVIVED if len(plain) < 2 else Status.INCONCLUSIVE,
            "All noises differ from Gaussian (Anderson-Darling)."
            if not plain
            else f"The noise of {listing(plain)} cannot be told from Gaussian (Anderson-Darling, p > {self.level:g}).",
        )
        found = f"smallest corrected p-value of any two noises being independent: {self.smallest:.2g}"
        status = Status.BROKEN if self.dependent else Status.SURVIVED
        for key in (AssumptionKey.CAUSAL_SUFFICIENCY, form):
            ledger = ledger.record(
                key,
                status,
                f"Noises are dependent, so this or another assumption fails ({found})."
                if self.dependent
                else f"No dependence between noises was found ({found}).",
            )
        return ledger
