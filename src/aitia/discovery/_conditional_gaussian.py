"""The likelihood of conditional Gaussian models over sets of mixed columns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aitia.discovery._observations import Observations

_SPARE = 5
"""A cell estimates its own mean and covariance from this many rows more than it has columns."""
_LOG_2_PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class SetLikelihood:
    """The maximised likelihood of the joint distribution of a set of variables.

    Args:
        value: the log-likelihood.
        cells: combinations of the discrete variables' levels, seen or not.
        gaussian: free parameters of the means and covariances.
    """

    value: float
    cells: float
    gaussian: int


class ConditionalGaussianModel:
    """Likelihoods of sets of variables: the discrete ones multinomial, the numbers Gaussian in each of their cells.

    Every conditional likelihood is a difference of two of these, so that scores made of them are equal for Markov
    equivalent DAGs. Cells with too few rows for a covariance are pooled into one; a pool still too small takes the
    mean and covariance of all rows, at no cost in parameters.

    Args:
        data: the columns.

    Source: Andrews, Ramsey & Cooper (2018), International Journal of Data Science and Analytics 6:3, section 3.
    """

    def __init__(self, data: Observations) -> None:
        self.data = data
        values = np.array(data.values, order="F")
        numbers = [i for i, discrete in enumerate(data.discrete) if not discrete]
        spread = values[:, numbers].std(axis=0)
        values[:, numbers] = (values[:, numbers] - values[:, numbers].mean(axis=0)) / np.where(
            spread > 0, spread, 1.0
        )
        self._values = values
        self._codes = data.codes
        self._memory: dict[frozenset[int], SetLikelihood] = {}

    def of(self, variables: Iterable[int]) -> SetLikelihood:
        """The likelihood of a set of variables (standardised numbers; a constant of the data aside)."""
        key = frozenset(variables)
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = self._compute(sorted(key))
        return found

    def _compute(self, variables: list[int]) -> SetLikelihood:
        discrete = [i for i in variables if self.data.discrete[i]]
        numbers = [i for i in variables if not self.data.discrete[i]]
        n = self.data.rows
        cell = np.zeros(n, np.int64)
        seen = 1
        for i in discrete:
            cell = cell * self.data.sizes[i] + self._codes[:, i]
            labels, cell = np.unique(cell, return_inverse=True)
            seen = len(labels)
        counts = np.bincount(cell, minlength=seen).astype(float)
        value = float(counts @ np.log(counts / n))
        cells = math.prod((self.data.sizes[i] for i in discrete), start=1.0)
        if not numbers:
            return SetLikelihood(value, cells, 0)
        x, c = self._values[:, numbers], len(numbers)
        enough = counts >= c + 1 + _SPARE
        groups, spare = cell, -1
        if not enough.all():
            new = np.where(enough, np.cumsum(enough) - 1, int(enough.sum()))
            groups = new[cell]
            if counts[~enough].sum() < c + 1 + _SPARE:
                spare = int(enough.sum())
            counts = np.bincount(groups, minlength=int(enough.sum()) + 1).astype(float)
        means = np.column_stack([np.bincount(groups, x[:, j], len(counts)) for j in range(c)])
        means /= counts[:, None]
        if spare >= 0:
            means[spare] = x.mean(axis=0)
        rest = x - means[groups]
        cross = np.empty((len(counts), c, c))
        for a in range(c):
            for b in range(a + 1):
                cross[:, a, b] = cross[:, b, a] = np.bincount(groups, rest[:, a] * rest[:, b], len(counts))
        own = np.arange(len(counts)) != spare
        covariances = cross[own] / counts[own][:, None, None] + 1e-10 * np.eye(c)
        value -= 0.5 * float(counts[own] @ (np.linalg.slogdet(covariances)[1] + c * (_LOG_2_PI + 1.0)))
        if spare >= 0:
            whole = np.cov(x, rowvar=False, bias=True).reshape(c, c) + 1e-10 * np.eye(c)
            value -= 0.5 * float(
                counts[spare] * (np.linalg.slogdet(whole)[1] + c * _LOG_2_PI)
                + np.trace(np.linalg.solve(whole, cross[spare]))
            )
        return SetLikelihood(value, cells, int(own.sum()) * c * (c + 3) // 2)
