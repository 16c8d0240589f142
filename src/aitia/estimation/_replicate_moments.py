"""Moments of R variations of a sample at once, as matrix products of the rows with R drawn columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from aitia.estimation._arm_moments import ArmMoments, Columns
from aitia.estimation._moment_estimator import product_center
from aitia.estimation._regression_adjustment import interacted_blocks
from aitia.estimation._sample import Chunk, Sample
from aitia.statistics._accumulate import in_order

BATCH = 2**28  # bytes of drawn columns held at once
_ROWS = 8192

Draw = Callable[[int], np.ndarray]
"""From a replicate's number to a column of n values, the same whenever it is asked."""


def batches(draw: Draw, count: int, n: int) -> Iterator[np.ndarray]:
    """The drawn columns as rows of a matrix, as many at a time as fit."""
    step = max(1, min(count, BATCH // (8 * n)))
    for start in range(0, count, step):
        stop = min(start + step, count)
        stack = np.empty((stop - start, n))

        def fill(r: int, stack: np.ndarray = stack, start: int = start) -> None:
            stack[r - start] = draw(r)

        for _ in in_order(range(start, stop), fill):
            pass
        yield stack


def base_moments(sample: Sample, products: bool) -> ArmMoments:
    """The moments of the sample itself, with the products of treatment and covariates where they are wanted."""
    if not products:
        return sample.arm_moments()
    return interacted_blocks(sample, *product_center(sample), 1).total()


def stack_of_one(moments: ArmMoments) -> ArmMoments:
    return ArmMoments(
        moments.columns,
        moments.names,
        moments.count[None],
        moments.weight[None],
        moments.mean[None],
        moments.cross[None],
        None if moments.subgroup is None else stack_of_one(moments.subgroup),
        moments.kish,
        moments.center,
    )


def _block(chunk: Chunk, columns: Columns) -> np.ndarray:
    block = np.empty((columns.width, len(chunk)))
    block[columns.x] = chunk.covariates.T
    block[columns.y] = chunk.outcome
    block[columns.m] = chunk.mediators.T
    block[columns.z] = chunk.instruments.T
    if columns.treated:
        block[columns.t] = chunk.treatment
    return block


class ProductFrame:
    """All squares and products of the columns, centred and scaled: sums under any weights are one matrix product.

    With f = (x - mean) / spread the products (1, f)(1, f)' of a row are K = (k + 1)(k + 2) / 2 numbers q_i. The
    moments of the rows under weights d are those of sum_i d_i q_i, so those of R weightings cost one product of a
    (R, n) with an (n, K) matrix. Centring keeps the raw sums from cancelling.
    """

    def __init__(self, sample: Sample, treated: bool) -> None:
        own = Columns.of(sample)
        self.sample = sample
        self.columns = replace(own, treated=own.treated and treated)
        whole = sample.moments()
        k = self.columns.width
        self.center = whole.mean[:k]
        spread = np.sqrt(np.diagonal(whole.cross)[:k] / whole.weight)
        self.scale = np.where(spread > 0, spread, 1.0)
        self.names = whole.names[:k]
        self.upper = np.triu_indices(k + 1)
        self.kish = sample.arm_moments().kish

    def sums(self, weightings: Sequence[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """For each stack of weightings (R, n): counts (R,) and sums of the products, shape (R, k + 1, k + 1)."""
        columns, k = self.columns, self.columns.width
        size = len(self.upper[0])
        raw = [np.zeros((len(each), size)) for each in weightings]
        counts = [np.zeros(len(each)) for each in weightings]
        for chunk in self.sample.chunks(_ROWS):
            f = np.ones((k + 1, len(chunk)))
            f[1:] = _block(chunk, columns)
            f[1:] -= self.center[:, None]
            f[1:] /= self.scale[:, None]
            q = np.empty((size, len(chunk)))
            at = 0
            left = f if chunk.weights is None else f * chunk.weights
            for i in range(k + 1):
                np.multiply(left[i], f[i:], out=q[at : at + k + 1 - i])
                at += k + 1 - i
            part = slice(chunk.start, chunk.start + len(chunk))
            for each, into, rows in zip(weightings, raw, counts):
                into += each[:, part] @ q.T
                if chunk.weights is not None:
                    rows += each[:, part] @ (chunk.weights > 0)
        full = []
        for each, rows in zip(raw, counts):
            matrix = np.zeros((len(each), k + 1, k + 1))
            matrix[:, self.upper[0], self.upper[1]] = each
            matrix[:, self.upper[1], self.upper[0]] = each
            full.append(matrix)
            if not self.sample.weighted:
                rows[:] = each[:, 0]
        return counts, full

    def counted(self, weightings: Sequence[np.ndarray]) -> ArmMoments:
        """Arm moments, one arm for each stack of weightings."""
        counts, sums = self.sums(weightings)
        return self._stacked(counts, sums)

    def split(self, later_arms: Sequence[np.ndarray]) -> ArmMoments:
        """Arm moments of R assignments of all rows to arms, given the indicators of arms 1, 2, ..., each (R, n)."""
        everyone = np.ones((1, self.sample.n))
        counts, sums = self.sums([everyone, *later_arms])
        first_count = counts[0] - sum(counts[1:])
        first_sum = sums[0] - sum(sums[1:])
        moments = self._stacked([first_count, *counts[1:]], [first_sum, *sums[1:]])
        subgroup = self.sample.arm_moments().subgroup
        # The described subgroup stays who it was: only its covariate mean is used, and that has not changed.
        return (
            moments if subgroup is None else replace(moments, subgroup=_repeated(subgroup, len(first_count)))
        )

    def _stacked(self, counts: Sequence[np.ndarray], sums: Sequence[np.ndarray]) -> ArmMoments:
        raw = np.stack(sums, 1)
        weight = raw[..., 0, 0]
        safe = np.where(weight > 0, weight, 1.0)
        away = raw[..., 0, 1:] / safe[..., None]
        cross = raw[..., 1:, 1:] - weight[..., None, None] * away[..., :, None] * away[..., None, :]
        mean = self.center + away * self.scale
        cross = cross * self.scale[:, None] * self.scale
        return ArmMoments(
            self.columns,
            self.names,
            np.rint(np.stack(counts, 1)).astype(np.int64),
            weight,
            mean,
            cross,
            kish=self.kish,
        )

    def with_dose(self, doses: np.ndarray, center: float, products: bool) -> ArmMoments:
        """Moments of R continuous treatments beside the other columns.

        Args:
            doses: measured from `center`, shape (R, n).
            center: added back to the treatment's mean.
            products: whether the products of treatment and covariates are wanted too.
        """
        replicates, k, p = len(doses), self.columns.width, self.columns.covariates
        everyone = np.ones((1, self.sample.n))
        counts, (none, once, twice) = self.sums([everyone, doses, doses**2])
        columns = Columns(p * (2 if products else 1), True, self.columns.mediators, self.columns.instruments)
        # Raw products of (1, x, t x, y, m, z, t), gathered from those of (1, f), t (1, f) and t^2 (1, f).
        f = np.arange(k + 1)
        power_zero = [(0, 0), *((int(j), 0) for j in f[1 : 1 + p])]
        power_one = [(int(j), 1) for j in f[1 : 1 + p]] if products else []
        others = [(int(j), 0) for j in f[1 + p :]]
        order = [*power_zero, *power_one, *others, (0, 1)]
        of = np.array([j for j, _ in order])
        power = np.array([t for _, t in order])
        tables = np.stack([np.broadcast_to(none, once.shape), once, twice], 0)
        raw = tables[power[:, None] + power, :, of[:, None], of].transpose(2, 0, 1)
        weight = raw[:, 0, 0]
        away = raw[:, 0, 1:] / weight[:, None]
        cross = raw[:, 1:, 1:] - weight[:, None, None] * away[:, :, None] * away[:, None, :]
        scale = np.array([1.0 if j == 0 else self.scale[j - 1] for j in of[1:]])
        shift = np.array([center if j == 0 else (0.0 if t else self.center[j - 1]) for j, t in order[1:]])
        names = tuple(
            f"{self.names[j - 1] if j else 'treatment'}{' x treatment' if t and j else ''}"
            for j, t in order[1:]
        )
        return ArmMoments(
            columns,
            names,
            np.full((replicates, 1), round(float(counts[0][0]))),
            weight[:, None],
            (shift + away * scale)[:, None],
            (cross * scale[:, None] * scale)[:, None],
            kish=self.kish,
            center=self.center[:p] if products else None,
        )


def _repeated(moments: ArmMoments, times: int) -> ArmMoments:
    return ArmMoments(
        moments.columns,
        moments.names,
        np.repeat(moments.count[None], times, 0),
        np.repeat(moments.weight[None], times, 0),
        np.repeat(moments.mean[None], times, 0),
        np.repeat(moments.cross[None], times, 0),
        kish=moments.kish,
        center=moments.center,
    )


class ArmFrame:
    """The rows within each arm, ready to be multiplied with R new columns."""

    def __init__(self, sample: Sample, products: bool) -> None:
        self.sample, self.products = sample, products
        self.base = base_moments(sample, products)
        self.arms = self.base.weight.shape[0]
        self.center = self.base.mean
        if products:
            self.x_center, self.t_mean = product_center(sample)

    def _columns(self, chunk: Chunk) -> np.ndarray:
        if not self.products:
            return _block(chunk, self.base.columns)
        c = self.base.columns
        p = c.covariates // 2
        block = np.empty((c.width, len(chunk)))
        block[:p] = chunk.covariates.T
        np.multiply((chunk.covariates - self.x_center).T, chunk.treatment - self.t_mean, out=block[p : 2 * p])
        block[c.y], block[c.t] = chunk.outcome, chunk.treatment
        return block

    def products_with(self, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each new column u, within each arm: its mean, products with the columns, and squares, all centred.

        Args:
            drawn: shape (R, n).

        Returns:
            Shapes (R, A), (R, A, k) and (R, A).
        """
        replicates, arms, k = len(drawn), self.arms, self.base.columns.width
        pilot = drawn[:, : min(4096, drawn.shape[1])].mean(1)
        first = np.zeros((replicates, arms, k + 1))
        squares = np.zeros((replicates, arms))
        for chunk in self.sample.chunks(_ROWS):
            block = self._columns(chunk)
            u = drawn[:, chunk.start : chunk.start + len(chunk)] - pilot[:, None]
            tall = np.empty((arms, k + 1, len(chunk)))
            for a in range(arms):
                tall[a, 0] = 1.0
                np.subtract(block, self.center[a][:, None], out=tall[a, 1:])
                if arms > 1:
                    tall[a] *= chunk.treatment == a
            if chunk.weights is not None:
                tall *= chunk.weights
            flat = tall.reshape(arms * (k + 1), -1)
            first += (u @ flat.T).reshape(replicates, arms, k + 1)
            squares += (u * u) @ tall[:, 0].T
        weight = np.where(self.base.weight > 0, self.base.weight, 1.0)
        away = first[..., 0] / weight
        # The columns are centred at their arm's mean, so that a product needs no correction for that of u.
        return pilot[:, None] + away, first[..., 1:], squares - weight * away**2

    def with_outcome(self, drawn: np.ndarray) -> ArmMoments:
        """The base moments with R other outcomes."""
        mean, products, squares = self.products_with(drawn)
        y = self.base.columns.y
        moments = _repeated(self.base, len(drawn))
        moments.mean[..., y] = mean
        moments.cross[..., y, :] = products
        moments.cross[..., :, y] = products
        moments.cross[..., y, y] = squares
        subgroup = self.base.subgroup
        return moments if subgroup is None else replace(moments, subgroup=_repeated(subgroup, len(drawn)))

    def with_covariate(self, drawn: np.ndarray) -> ArmMoments:
        """The base moments with one more covariate."""
        mean, products, squares = self.products_with(drawn)
        base, c = self.base, self.base.columns
        replicates, arms, k, p = len(drawn), self.arms, c.width, c.covariates
        old = np.delete(np.arange(k + 1), p)
        means = np.empty((replicates, arms, k + 1))
        means[..., old], means[..., p] = base.mean, mean
        cross = np.empty((replicates, arms, k + 1, k + 1))
        cross[..., old[:, None], old] = base.cross
        cross[..., p, old] = products
        cross[..., old, p] = products
        cross[..., p, p] = squares
        repeat = (replicates, arms)
        return ArmMoments(
            replace(c, covariates=p + 1),
            (*base.names[:p], "added", *base.names[p:]),
            np.broadcast_to(base.count, repeat),
            np.broadcast_to(base.weight, repeat),
            means,
            cross,
            kish=base.kish,
        )
