"""From a causal order to edges: the regression of each variable on those before it, and which slopes to keep."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import linalg

from aitia.core import listing, stats
from aitia.discovery._errors import DiscoveryError

_EXACT = 1e-10


@dataclass(frozen=True, eq=False)
class Regression:
    """Least squares of one standardised variable on others, from the correlation matrix.

    Args:
        target: its position.
        on: the positions of the others, shape (k,).
        slope: shape (k,), in standard deviations.
        standard_error: shape (k,); valid where the noise is independent of `on`, as in every model here.
        p_value: of each slope being zero (Student's t with n - k - 1 degrees of freedom), shape (k,).
        noise: the share of the target's variance that is left.
    """

    target: int
    on: np.ndarray
    slope: np.ndarray
    standard_error: np.ndarray
    p_value: np.ndarray
    noise: float

    @property
    def statistic(self) -> np.ndarray:
        """The t statistics."""
        return self.slope / self.standard_error


def regress(
    correlation: np.ndarray, rows: int, target: int, on: np.ndarray, names: Sequence[str]
) -> Regression:
    """The regression of one variable on others.

    Raises:
        DiscoveryError: there are not more rows than variables, or a column is a linear function of
            others; the error names them.
    """
    k = len(on)
    free = rows - k - 1
    if free <= 0:
        raise DiscoveryError(
            f"{rows:,} rows cannot tell how {k:,} variables act on {names[target]!r}.",
            f"Give more than {k + 1:,} rows, or fewer columns.",
        )
    if k == 0:
        empty = np.zeros(0)
        return Regression(target, on, empty, empty, empty, 1.0)
    inside, across = correlation[np.ix_(on, on)], correlation[on, target]
    try:
        factor = linalg.cho_factor(inside, lower=True)
        if np.diag(factor[0]).min() ** 2 < _EXACT:
            raise linalg.LinAlgError
    except linalg.LinAlgError:
        raise determined(correlation, on, names) from None
    inverse = linalg.cho_solve(factor, np.eye(k))
    slope = inverse @ across
    noise = float(1 - across @ slope)
    if noise < _EXACT:
        raise determined(correlation, np.append(on, target), names)
    error = np.sqrt(noise / free * np.diag(inverse))
    return Regression(target, on, slope, error, 2 * stats.t.sf(np.abs(slope / error), free), noise)


def determined(correlation: np.ndarray, positions: np.ndarray, names: Sequence[str]) -> DiscoveryError:
    """The error that names the first column that those before it determine, and them."""
    at: list[int] = positions.tolist()
    for k in range(1, len(at)):
        before = at[:k]
        slope = np.linalg.lstsq(correlation[np.ix_(before, before)], correlation[before, at[k]], rcond=1e-11)[
            0
        ]
        if 1 - correlation[before, at[k]] @ slope < 10 * _EXACT:
            most = 1e-4 * np.abs(slope).max()
            return _function_of(names[at[k]], [names[i] for i, b in zip(before, slope) if abs(b) > most])
    return _function_of(names[at[-1]], [names[i] for i in at[:-1]])


def _function_of(name: str, others: Sequence[str]) -> DiscoveryError:
    return DiscoveryError(
        f"{name!r} is a linear function of {listing(list(others))}, but every variable of this model has noise of its "
        "own.",
        f"Leave out {name!r}, or one of the others.",
    )


class Pruning(ABC):
    """A rule that says which slopes of the regressions along a causal order are edges."""

    words: str = ""
    """What a dropped edge failed, in words."""

    @abstractmethod
    def keep(
        self, regressions: Sequence[Regression], correlation: np.ndarray, rows: int, required: np.ndarray
    ) -> tuple[list[np.ndarray], float | None]:
        """Which slopes stay.

        Args:
            regressions: of each variable on all that may cause it.
            correlation: shape (p, p).
            rows: n.
            required: booleans [cause, effect]: edges that stay whatever the data say.

        Returns:
            For each regression booleans of shape (k,); and the p-value below which edges stayed, where one decided.
        """


@dataclass(frozen=True)
class Wald(Pruning):
    """Keeps the slopes whose Wald test says that they are not zero, the default.

    Given the order, the p-values are exact for Gaussian noise and asymptotically right for any noise that is
    independent of the causes. They do not know that the order was estimated too.

    Args:
        level: without correction the chance of keeping an edge that is not there; with it the expected share of
            such edges among those kept.
        correct: True controls the false discovery rate over all pairs (Benjamini and Hochberg 1995); False tests
            each slope at `level`.

    Source: Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57.
    """

    level: float = 0.01
    correct: bool = True
    words: str = field(default="its slope may be zero", init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 < self.level <= 1:
            raise DiscoveryError(
                f"A level lies between 0 and 1, but came {self.level:g}.", "Write Wald(level=0.01)."
            )

    def keep(
        self, regressions: Sequence[Regression], correlation: np.ndarray, rows: int, required: np.ndarray
    ) -> tuple[list[np.ndarray], float | None]:
        """The slopes with p-values up to the cutoff, which is returned."""
        forced = [required[each.on, each.target] for each in regressions]
        cutoff = self.level
        if self.correct:
            tested = np.sort(
                np.concatenate(
                    [each.p_value[~known] for each, known in zip(regressions, forced)] or [np.zeros(0)]
                )
            )
            line = self.level * np.arange(1, len(tested) + 1) / max(len(tested), 1)
            under = np.flatnonzero(tested <= line)
            cutoff = float(line[under[-1]]) if len(under) else self.level / max(len(tested), 1)
        return [(each.p_value <= cutoff) | known for each, known in zip(regressions, forced)], cutoff


@dataclass(frozen=True)
class AdaptiveLasso(Pruning):
    """Keeps the slopes that the adaptive lasso does not shrink to zero.

    Each slope is penalised by ``lambda / |b|^gamma`` with b that of least squares; lambda minimises BIC along the
    path. Computed from the correlation matrix.

    Args:
        power: the exponent gamma.

    Source: Zou (2006), Journal of the American Statistical Association 101; as in Shimizu et al. (2011).
    """

    power: float = 1.0
    words: str = field(default="the adaptive lasso shrank its slope to zero", init=False, repr=False)

    def keep(
        self, regressions: Sequence[Regression], correlation: np.ndarray, rows: int, required: np.ndarray
    ) -> tuple[list[np.ndarray], float | None]:
        """The slopes that are not zero where BIC is least."""
        return [
            self._keep(each, correlation, rows, required[each.on, each.target]) for each in regressions
        ], None

    def _keep(self, fit: Regression, correlation: np.ndarray, rows: int, forced: np.ndarray) -> np.ndarray:
        from sklearn.linear_model import lars_path_gram

        free = np.flatnonzero(~forced)
        if not len(free):
            return forced
        at = fit.on[free]
        inside, across, total = correlation[np.ix_(at, at)], correlation[at, fit.target], 1.0
        if forced.any():
            # Required causes are not penalised: take out what they explain of everything.
            fixed = fit.on[forced]
            cross = correlation[np.ix_(fixed, np.append(at, fit.target))]
            taken = cross.T @ linalg.solve(correlation[np.ix_(fixed, fixed)], cross, assume_a="pos")
            inside, across = inside - taken[:-1, :-1], across - taken[:-1, -1]
            total -= float(taken[-1, -1])
        scale = np.abs(fit.slope[free]) ** self.power
        _, _, path = lars_path_gram(
            across * scale * rows,
            inside * np.outer(scale, scale) * rows,
            n_samples=rows,
            method="lasso",
            return_path=True,
        )
        slopes = path * scale[:, None]
        left = total - 2 * across @ slopes + np.einsum("is,ij,js->s", slopes, inside, slopes)
        size = (path != 0).sum(axis=0)
        bic = rows * np.log(np.maximum(left, 1e-300)) + math.log(rows) * size
        kept = forced.copy()
        kept[free] = path[:, int(np.argmin(bic))] != 0
        return kept
