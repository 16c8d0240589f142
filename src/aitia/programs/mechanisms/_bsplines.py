"""B-spline bases in JAX, and penalised splines as random effects."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from scipy.interpolate import BSpline


def basis(x: jax.Array, knots: np.ndarray, degree: int) -> jax.Array:
    """All B-splines of a degree at one point, by the recursion of de Boor (1978, ch. IX) and Cox.

    Args:
        x: the point, a scalar in [knots[degree], knots[-degree - 1]].
        knots: the full knot vector, increasing.
        degree: the degree.

    Returns:
        The values of the len(knots) - degree - 1 splines; they sum to one.
    """
    knots = np.asarray(knots)
    last = len(knots) - degree - 2
    # The interval that holds x; the right end belongs to the last one.
    inside = jnp.clip(jnp.searchsorted(knots, x, side="right") - 1, degree, last)
    values = (jnp.arange(len(knots) - 1) == inside).astype(jnp.result_type(float))
    for d in range(1, degree + 1):
        span_left = knots[d:-1] - knots[: -d - 1]
        span_right = knots[d + 1 :] - knots[1:-d]
        left = (x - knots[: -d - 1]) / np.where(span_left > 0, span_left, 1.0)
        right = (knots[d + 1 :] - x) / np.where(span_right > 0, span_right, 1.0)
        values = left * values[:-1] + right * values[1:]
    return values


def _design(values: np.ndarray, knots: np.ndarray, degree: int) -> np.ndarray:
    """All B-splines at points between the outermost knots, by SciPy."""
    inside = np.clip(values, knots[degree], knots[-degree - 1])  # the ends, up to rounding
    return BSpline.design_matrix(inside, knots, degree).toarray()


@dataclass(frozen=True, eq=False)
class PenalisedSpline:
    """The bent part of a P-spline of one number, as columns whose weights are independent standard normals.

    A P-spline (Eilers and Marx 1996) has equally spaced knots and penalises the second differences of neighbouring
    weights. As a prior that penalty is a second-order random walk (Lang and Brezger 2004); the eigenvectors of the
    penalty turn it into independent weights, and its null space (constant and straight line) is left to the linear
    part of the mechanism. Columns are scaled so that over the rows they were made from, the function with unit
    weights' spread has mean square 1.

    Args:
        knots: the full knot vector.
        degree: the degree of the pieces.
        turn: from the B-splines to the columns, shape (splines, columns).
        centre: the columns' means over the rows, taken off.
    """

    knots: np.ndarray
    degree: int
    turn: np.ndarray
    centre: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray, intervals: int, degree: int) -> PenalisedSpline:
        """The columns for these values, the knots equally spaced between the smallest and the largest."""
        low, high = float(values.min()), float(values.max())
        step = (high - low) / intervals
        knots = low + step * np.arange(-degree, intervals + degree + 1)
        size = intervals + degree
        differences = np.diff(np.eye(size), n=2, axis=0)
        sizes, vectors = np.linalg.eigh(differences.T @ differences)
        turn = vectors[:, 2:] / np.sqrt(sizes[2:])
        rows = _design(values, knots, degree) @ turn
        centre = rows.mean(axis=0)
        unit = float(np.sqrt(np.mean(np.sum((rows - centre) ** 2, axis=1))))
        return cls(knots, degree, turn / unit, centre / unit)

    @property
    def n_columns(self) -> int:
        """How many columns there are: two fewer than splines."""
        return self.turn.shape[1]

    def rows(self, values: np.ndarray) -> np.ndarray:
        """The columns at points between the outermost knots, shape (points, columns), without compiling."""
        return _design(np.asarray(values, float), self.knots, self.degree) @ self.turn - self.centre

    def row(self, x: jax.Array) -> jax.Array:
        """The columns at one point; beyond the outermost knots they go on in straight lines."""
        low, high = self.knots[self.degree], self.knots[-self.degree - 1]
        inside = jnp.clip(x, low, high)
        value, slope = jax.jvp(
            lambda each: basis(each, self.knots, self.degree) @ self.turn, (inside,), (jnp.ones_like(inside),)
        )
        return value - self.centre + slope * (x - inside)
