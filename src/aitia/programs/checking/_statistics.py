"""What predictive checks compare: numbers that a column of values shows."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

FEW = 10
"""Up to so many different whole numbers, the share of each is compared instead of quantiles."""


def statistics_of(
    values: np.ndarray, parents: Mapping[str, np.ndarray], like: np.ndarray, ordered: bool
) -> dict[str, np.ndarray]:
    """Statistics of columns of values, by name.

    Args:
        values: shape (draws, n, ...), or (n, ...) for one column.
        parents: the parents' rows, shape (n, ...): correlations with them are compared.
        like: the observed column, which decides what is worth comparing.
        ordered: whether the rows have an order, so that neighbours are compared.

    Returns:
        Arrays of shape (draws,).
    """
    like = np.asarray(like)
    values = np.asarray(values, dtype=float).reshape(-1, len(like), int(np.prod(like.shape[1:])))
    flat = values.reshape(len(values), -1)
    found = {"mean": flat.mean(axis=1)}
    different = np.unique(like)
    if like.dtype.kind in "biu" and len(different) <= FEW:
        if len(different) > 2:
            found |= {f"share of {value}": (flat == value).mean(axis=1) for value in different}
    else:
        found["standard deviation"] = flat.std(axis=1)
        places = {"minimum": 0.0, "5% quantile": 0.05, "median": 0.5, "95% quantile": 0.95, "maximum": 1.0}
        quantiles = np.quantile(flat, list(places.values()), axis=1)
        found |= dict(zip(places, quantiles, strict=True))
        if 0 < (like == 0).mean() < 1:
            found["share of zeros"] = (flat == 0).mean(axis=1)
    by_row = values.mean(axis=2)
    for name, column in parents.items():
        if column.ndim > 1 or len(np.unique(column)) < 2:
            continue
        found[f"correlation with {name}"] = _correlation(by_row, column)
        if len(np.unique(column)) > 2:
            away = np.abs(column - np.median(column))
            found[f"correlation with {name}'s distance from its median"] = _correlation(by_row, away)
    if ordered and len(like) > 2:
        found["autocorrelation"] = _autocorrelation(by_row)
    return found


def _correlation(rows: np.ndarray, column: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    other = column - column.mean()
    spread = np.sqrt((centred**2).sum(axis=1) * (other**2).sum())
    return np.divide(centred @ other, spread, out=np.zeros(len(rows)), where=spread > 0)


def _autocorrelation(rows: np.ndarray) -> np.ndarray:
    centred = rows - rows.mean(axis=1, keepdims=True)
    spread = (centred**2).sum(axis=1)
    return np.divide(
        (centred[:, 1:] * centred[:, :-1]).sum(axis=1), spread, out=np.zeros(len(rows)), where=spread > 0
    )
