"""Mutual information of two samples by kernels of low rank."""

from __future__ import annotations

from collections.abc import MutableMapping

import numpy as np


def gaussian_factor(sample: np.ndarray, width: float, tolerance: float) -> np.ndarray:
    """A matrix G of few columns with G G' close to the Gaussian kernel matrix of a sample: incomplete Cholesky.

    Args:
        sample: shape (n,).
        width: the kernel is exp(-d^2 / (2 width^2)).
        tolerance: the trace of what is left out, in all.

    Returns:
        Shape (n, r).
    """
    left = np.ones(len(sample))
    columns: list[np.ndarray] = []
    while left.sum() > tolerance and len(columns) < len(sample):
        pivot = int(np.argmax(left))
        column = np.exp(-((sample - sample[pivot]) ** 2) / (2 * width**2))
        if columns:
            factor = np.array(columns)
            column -= factor[:, pivot] @ factor
        column /= np.sqrt(left[pivot])
        columns.append(column)
        left = np.maximum(left - column**2, 0.0)
        left[pivot] = 0.0
    return np.array(columns).T


def kernel_information(
    x: np.ndarray,
    y: np.ndarray,
    width: float,
    ridge: float,
    memory: MutableMapping[int, np.ndarray] | None = None,
    key: int = 0,
) -> float:
    """The kernel generalised variance ``-1/2 log det(I - M M')`` of two standardised samples.

    ``M = R_x U_x' U_y R_y`` with the eigenvectors U of the centred kernel matrices and
    ``R = L / (L + n kappa / 2)`` of their eigenvalues L.

    Args:
        x: shape (n,).
        y: shape (n,).
        width: of the kernel.
        ridge: kappa.
        memory: where the half that belongs to x is kept, under `key`.
        key: see above.

    Source: Bach and Jordan (2002), section 4.2; Shimizu et al. (2011), section 3.2.
    """
    if memory is None:
        one = _half(x, width, ridge)
    else:
        if key not in memory:
            memory[key] = _half(x, width, ridge)
        one = memory[key]
    singular = np.linalg.svd(one.T @ _half(y, width, ridge), compute_uv=False)
    return float(-0.5 * np.log1p(-(np.minimum(singular, 1 - 1e-15) ** 2)).sum())


def _half(sample: np.ndarray, width: float, ridge: float) -> np.ndarray:
    n = len(sample)
    factor = gaussian_factor(sample, width, 0.01 * n * ridge)
    factor = factor - factor.mean(axis=0)
    values, vectors = np.linalg.eigh(factor.T @ factor)
    large = values > n * ridge * 1e-3
    values, vectors = values[large], vectors[:, large]
    return factor @ vectors / np.sqrt(values) * (values / (values + n * ridge / 2))
