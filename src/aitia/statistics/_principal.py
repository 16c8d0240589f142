"""Principal components from moments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.statistics._errors import TooFewRows
from aitia.statistics._moments import Moments


@dataclass(frozen=True, eq=False)
class PrincipalComponents:
    """The directions of largest variance.

    Args:
        names: the k variables.
        variances: along each component, largest first, shape (k,).
        directions: one component a row, of unit length over the scaled variables, shape (k, k). The
            largest entry of each is positive.
        mean: subtracted from the variables, shape (k,).
        scale: what the variables are divided by, shape (k,).
    """

    names: tuple[str, ...]
    variances: np.ndarray
    directions: np.ndarray = field(repr=False)
    mean: np.ndarray = field(repr=False)
    scale: np.ndarray = field(repr=False)

    @property
    def explained(self) -> np.ndarray:
        """The share of the total variance along each component, shape (k,)."""
        total = self.variances.sum()
        return self.variances / total if total > 0 else np.zeros_like(self.variances)

    def scores(self, block: np.ndarray, components: int | None = None) -> np.ndarray:
        """The rows' coordinates along the first components, shape (rows, components)."""
        return (block - self.mean) / self.scale @ self.directions[:components].T


def principal_components(
    moments: Moments, names: Sequence[str] | None = None, *, scaled: bool = True
) -> PrincipalComponents:
    """Principal components of some variables, from their moments.

    Args:
        moments: of the variables.
        names: which of them; None takes all.
        scaled: divide each variable by its standard deviation first, so that units do not matter.

    Raises:
        TooFewRows: fewer than two rows.

    Source: Jolliffe (2002), Principal Component Analysis, sections 2.1 to 2.3.

    Example:
        >>> x = np.arange(5.0)
        >>> components = principal_components(Moments.of(np.column_stack([x, 2 * x]), ["a", "b"]))
        >>> components.explained.round(12).tolist()
        [1.0, 0.0]
    """
    part = moments if names is None else moments.subset(names)
    if part.count < 2:
        raise TooFewRows(f"Principal components need two rows, not {part.count}.", "Read more rows.")
    deviation = np.sqrt(part.variance)
    scale = np.where(deviation > 0, deviation, 1.0) if scaled else np.ones(len(part.names))
    values, vectors = np.linalg.eigh(part.covariance / np.outer(scale, scale))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1].T
    largest = np.abs(vectors).argmax(axis=1)
    vectors = vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, None]
    return PrincipalComponents(part.names, values, vectors, part.mean, scale)
