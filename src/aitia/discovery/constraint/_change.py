"""Which way an edge points, told by mechanisms that change independently of each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aitia.core import stream

_PERMUTATIONS = 999
_FEWEST_DOMAINS = 8
_ROWS_A_PARAMETER = 5


@dataclass(frozen=True)
class Change:
    """How dependent the changes of two mechanisms are, in either direction of an edge.

    Args:
        forward: p-value of independence between the changes of P(x | z) and P(y | x, z).
        backward: the same for P(y | z) and P(x | y, z).
    """

    forward: float
    backward: float

    def direction(self, alpha: float) -> int:
        """1 for x -> y, -1 for y -> x, 0 where both or neither is rejected."""
        if self.forward > alpha >= self.backward:
            return 1
        if self.backward > alpha >= self.forward:
            return -1
        return 0


def independent_change(
    x: np.ndarray, y: np.ndarray, given: np.ndarray, domain: np.ndarray, seed: int, *purpose: str
) -> Change | None:
    """Compare the two factorisations of x and y given z over domains.

    In every domain each factor is a linear model, its parameters the coefficients and the logarithm of the residual
    variance. If x causes y, the parameters of ``P(x | z)`` and of ``P(y | x, z)`` change independently;
    those of the other factorisation in general do not. Dependence across domains is measured by HSIC with Gaussian
    kernels of median width, its p-value by permuting domains.

    Args:
        x: shape (n,).
        y: shape (n,).
        given: z, shape (n, m): parents of x or y.
        domain: int codes, shape (n,).
        seed: the seed of the permutations.
        purpose: names that keep this pair's permutations apart from others'.

    Returns:
        None where fewer than 8 domains have rows enough.

    Source: Huang, Zhang, Zhang, Ramsey, Sanchez-Romero, Glymour & Schoelkopf (2020), JMLR 21(89), section 4.2, with
    parametric in place of kernel embeddings of the factors.
    """
    width = given.shape[1] + 2
    domains = [
        rows
        for each in np.unique(domain)
        if len(rows := np.flatnonzero(domain == each)) >= _ROWS_A_PARAMETER * (width + 1)
    ]
    if len(domains) < _FEWEST_DOMAINS:
        return None
    x, y = (x - x.mean()) / x.std(), (y - y.mean()) / y.std()
    parameters: list[list[np.ndarray]] = [[], [], [], []]
    for rows in domains:
        z = np.column_stack([np.ones(len(rows)), given[rows]])
        for at, (target, more) in enumerate(((x, None), (y, x), (y, None), (x, y))):
            features = z if more is None else np.column_stack([z, more[rows]])
            parameters[at].append(_linear(features, target[rows]))
    tables = [np.array(each) for each in parameters]
    random = stream(seed, "independent change", *purpose)
    return Change(_hsic(tables[0], tables[1], random), _hsic(tables[2], tables[3], random))


def _linear(features: np.ndarray, target: np.ndarray) -> np.ndarray:
    coefficients = np.linalg.lstsq(features, target, rcond=None)[0]
    left = target - features @ coefficients
    return np.append(coefficients, np.log(max(left @ left / len(left), 1e-12)))


def _hsic(a: np.ndarray, b: np.ndarray, random: np.random.Generator) -> float:
    """The permutation p-value of HSIC (Gretton et al. 2008) between the rows of two tables."""
    left, right = _centred_kernel(a), _centred_kernel(b)
    observed = float((left * right).sum())
    count = len(left)
    as_large = 0
    for _ in range(_PERMUTATIONS):
        order = random.permutation(count)
        as_large += float((left * right[np.ix_(order, order)]).sum()) >= observed
    return (1 + as_large) / (1 + _PERMUTATIONS)


def _centred_kernel(table: np.ndarray) -> np.ndarray:
    spread = table.std(axis=0)
    scaled = (table - table.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    square = ((scaled[:, None, :] - scaled[None, :, :]) ** 2).sum(axis=2)
    median = np.median(square[np.triu_indices(len(square), 1)])
    kernel = np.exp(-square / max(median, 1e-12))
    return kernel - kernel.mean(axis=0) - kernel.mean(axis=1)[:, None] + kernel.mean()
