"""Columns as kernels and random features, and the ridge regressions on them that tests and scores share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from aitia.core import stream
from aitia.discovery._observations import Observations

_LOOKED_AT = 500


@dataclass(frozen=True, eq=False)
class Columns:
    """Variables as standardised columns: numbers as they are, each level of a category as 0/1.

    Args:
        names: the p variables.
        blocks: for each variable its columns, shape (n, k).
    """

    names: tuple[str, ...]
    blocks: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, data: Observations, rows: np.ndarray | None = None) -> Columns:
        """The columns of data, or of some of its rows."""
        blocks = []
        for i, discrete in enumerate(data.discrete):
            column = data.values[:, i] if rows is None else data.values[rows, i]
            block = column[:, None]
            if discrete:
                block = (block == np.arange(data.sizes[i])).astype(float)
                # Rarer levels first, so that the names of levels change nothing; of two, one column says it all.
                block = block[:, np.argsort(block.sum(axis=0), kind="stable")]
                block = block[:, :1] if data.sizes[i] == 2 else block
            spread = block.std(axis=0)
            blocks.append((block - block.mean(axis=0)) / np.where(spread > 0, spread, 1.0))
        return cls(data.names, tuple(blocks))

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(self.blocks[0])

    def joined(self, variables: Sequence[int]) -> np.ndarray:
        """The columns of several variables side by side, in the order of their names."""
        return np.column_stack([self.blocks[i] for i in self.ordered(variables)])

    def ordered(self, variables: Sequence[int]) -> list[int]:
        """Positions in the order of the variables' names, so that the columns' order in the data changes nothing."""
        return sorted(variables, key=lambda i: self.names[i])

    def fourier(self, variables: Sequence[int], count: int, seed: int) -> np.ndarray:
        """Random Fourier features ``sqrt(2) cos(w' x + b)`` of a Gaussian kernel, centred.

        Args:
            variables: positions.
            count: how many features.
            seed: with the variables' names it decides the draws.

        Returns:
            Shape (n, count).

        Source: Rahimi & Recht (2007), algorithm 1.
        """
        x = self.joined(variables)
        random = stream(seed, "random Fourier", *(self.names[i] for i in self.ordered(variables)))
        frequencies = random.normal(size=(x.shape[1], count)) / median_distance(x)
        features = np.cos(x @ frequencies + random.uniform(0, 2 * np.pi, count)) * np.sqrt(2)
        return features - features.mean(axis=0)


def median_distance(x: np.ndarray) -> float:
    """The median distance between two rows, over 500 rows evenly spread: the width of a Gaussian kernel."""
    part = x[:: max(len(x) // _LOOKED_AT, 1)][:_LOOKED_AT]
    squares = (part**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * part @ part.T
    apart = distances[np.triu_indices(len(part), 1)]
    apart = apart[apart > 1e-12]
    return float(np.sqrt(np.median(apart))) if len(apart) else 1.0


def gaussian_kernel(x: np.ndarray) -> np.ndarray:
    """The centred Gaussian kernel matrix, shape (n, n), with the median distance as its width."""
    squares = (x**2).sum(axis=1)
    distances = np.maximum(squares[:, None] + squares - 2 * x @ x.T, 0.0)
    kernel = np.exp(distances / (-2 * median_distance(x) ** 2))
    means = kernel.mean(axis=0)
    return kernel - means - means[:, None] + means.mean()


@dataclass(frozen=True, eq=False)
class Ridge:
    """Ridge regression in the basis that diagonalises it, prepared once for many targets.

    Args:
        basis: orthonormal columns, shape (n, m).
        spectrum: the eigenvalue behind each, shape (m,).
        rows: n.
    """

    basis: np.ndarray
    spectrum: np.ndarray
    rows: int

    @classmethod
    def on(cls, features: np.ndarray) -> Ridge:
        """Regression on centred features, shape (n, m)."""
        values, vectors = linalg.eigh(features.T @ features)
        good = values > 1e-9 * max(values[-1], 1e-300)
        return cls(features @ (vectors[:, good] / np.sqrt(values[good])), values[good], len(features))

    @classmethod
    def of_kernel(cls, kernel: np.ndarray) -> Ridge:
        """Regression with a centred kernel matrix, shape (n, n)."""
        values, vectors = linalg.eigh(kernel)
        good = values > 1e-9 * max(values[-1], 1e-300)
        return cls(vectors[:, good], values[good], len(kernel))

    def grid(self) -> np.ndarray:
        """Penalties to choose among."""
        return float(self.spectrum[-1]) * np.logspace(-8, 1, 28)

    def degrees(self, penalties: np.ndarray) -> np.ndarray:
        """The trace of the smoother at each penalty."""
        return (self.spectrum / (self.spectrum + penalties[:, None])).sum(axis=1)

    def left_over(self, explained: np.ndarray, total: float, penalties: np.ndarray) -> np.ndarray:
        """Sums of squared residuals at each penalty.

        Args:
            explained: the targets' squared length along each basis vector, shape (m,).
            total: their squared length.
            penalties: shape (g,).
        """
        shrink = 1 - (penalties[:, None] / (self.spectrum + penalties[:, None])) ** 2
        return np.maximum(total - shrink @ explained, 1e-12 * total)

    def chosen(self, explained: np.ndarray, total: float) -> float:
        """The penalty with the least generalised cross-validation error (Golub, Heath & Wahba 1979)."""
        penalties = self.grid()
        degrees = self.degrees(penalties)
        error = self.left_over(explained, total, penalties) / np.maximum(self.rows - degrees - 1, 1e-3) ** 2
        error[degrees > 0.5 * self.rows] = np.inf
        return float(penalties[int(np.argmin(error))])

    def weights(self, penalty: float) -> np.ndarray:
        """How much of each basis vector the fit takes, shape (m,)."""
        return self.spectrum / (self.spectrum + penalty)


def inflation(rows: int, first: np.ndarray | None, second: np.ndarray | None) -> float:
    """By how much products of two regressions' residuals vary more than their own squares say.

    With residual makers R and Q, ``n tr(R^2 Q^2) / (tr R^2 tr Q^2)``; n / (n - k) for two projections of
    rank k.

    Args:
        rows: n.
        first: the weights of the first fit, None without a regression.
        second: those of the second, in the same basis.
    """
    if first is None or second is None:
        return rows / (rows - 1)
    a, b = (1 - first) ** 2, (1 - second) ** 2
    rest = rows - 1 - len(a)  # the intercept is out too
    return rows * (rest + float(a @ b)) / ((rest + a.sum()) * (rest + b.sum()))
