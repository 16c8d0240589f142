"""Least squares on prepared columns, and the curved terms of covariates: arrays in, arrays out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

# Relative size of a pivot below which a column counts as a combination of the others.
_TOLERANCE = 1e-10


@dataclass(frozen=True, eq=False)
class Projection:
    """Least squares on an intercept and the columns of a design, prepared once for many targets (`onto`)."""

    basis: np.ndarray
    """An orthonormal basis of the weighted column space, shape (n, rank)."""
    root: np.ndarray | None
    """Square roots of the weights, or None."""

    @staticmethod
    def onto(design: np.ndarray, weights: np.ndarray | None = None, n: int | None = None) -> Projection:
        """Prepare the projection; columns that are combinations of others add nothing and are passed over.

        Args:
            design: the columns, shape (n, k); the intercept is added.
            weights: row weights, shape (n,), or None.
            n: how many rows, where the design has no column.
        """
        rows = len(design) if design.size else int(n or len(design))
        root = None if weights is None else np.sqrt(weights)
        full = np.empty((rows, (design.shape[1] if design.size else 0) + 1), order="F")
        full[:, 0] = 1.0
        if design.size:
            full[:, 1:] = design - (np.average(design, axis=0, weights=weights))
        if root is not None:
            full *= root[:, None]
        scale = np.sqrt(np.einsum("ij,ij->j", full, full))
        keep = scale > 0
        full = full[:, keep] / scale[keep]
        # An orthonormal basis from the Gram matrix costs one pass; it is exact enough because the columns
        # were centred and scaled, and directions too weak to be resolved are dropped rather than amplified.
        values, vectors = linalg.eigh(full.T @ full)
        good = values > _TOLERANCE * values[-1]
        return Projection(full @ (vectors[:, good] / np.sqrt(values[good])), root)

    @property
    def rank(self) -> int:
        """Number of independent columns, intercept included."""
        return self.basis.shape[1]

    def residuals(self, targets: np.ndarray) -> np.ndarray:
        """The targets (n,) or (n, m) less their projection, times the root of the weights (where there are any)."""
        scaled = targets if self.root is None else (targets.T * self.root).T
        return scaled - self.basis @ (self.basis.T @ scaled)

    def fitted(self, target: np.ndarray) -> np.ndarray:
        """The projection of a target in its own units."""
        scaled = target if self.root is None else (target.T * self.root).T
        fit = self.basis @ (self.basis.T @ scaled)
        return fit if self.root is None else (fit.T / self.root).T


Term = tuple[int, ...]
"""Columns multiplied with each other: (0, 0) is the square of the first, (0, 2) the product of first and third."""


def curved_terms(covariates: np.ndarray, products: bool = True, most: int = 200) -> list[Term]:
    """Curvature beside the covariates: squares and cubes of continuous columns, products of pairs.

    Columns with two values have no powers of their own; terms that are constant are left out.

    Args:
        covariates: X, shape (n, p).
        products: add the products of pairs.
        most: the largest number of products added (the first ones, in column order).
    """
    if covariates.size == 0:
        return []
    varies = np.flatnonzero(covariates.std(axis=0) > 0).tolist()
    terms: list[Term] = []
    for j in varies:
        if len(np.unique(covariates[:1000, j])) > 2 or len(np.unique(covariates[:, j])) > 2:
            terms += [(j, j), (j, j, j)]
    if products:
        terms += [(i, j) for at, i in enumerate(varies) for j in varies[:at]][:most]
    z = _standard(covariates)
    return [term for term in terms if _product(z, term).std() > 1e-12]


def curved_columns(covariates: np.ndarray, terms: list[Term] | None = None) -> np.ndarray:
    """Curved terms of the covariates as standardised columns.

    The covariates are standardised first, winsorised at four standard deviations so that a few far rows do not
    decide the fit.

    Args:
        covariates: X, shape (n, p).
        terms: which; None takes `curved_terms`.

    Returns:
        Shape (n, q).
    """
    terms = curved_terms(covariates) if terms is None else terms
    if not terms:
        return np.empty((len(covariates), 0))
    z = _standard(covariates)
    added = np.column_stack([_product(z, term) for term in terms])
    spread = added.std(axis=0)
    return (added - added.mean(axis=0)) / np.where(spread > 0, spread, 1.0)


def _standard(covariates: np.ndarray) -> np.ndarray:
    spread = covariates.std(axis=0)
    return np.clip((covariates - covariates.mean(axis=0)) / np.where(spread > 0, spread, 1.0), -4, 4)


def _product(z: np.ndarray, term: Term) -> np.ndarray:
    result = z[:, term[0]]
    for j in term[1:]:
        result = result * z[:, j]
    return result
