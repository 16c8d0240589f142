"""Cross-fitting: folds, rows arranged by fold and arm, and predictions by models that never saw the row.

Chernozhukov et al. 2018 (Double/debiased machine learning, Definition 3.1): with K folds, the nuisance
functions used for a row are fitted on the other K - 1 folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from os import cpu_count
from typing import TypeVar

import numpy as np

from aitia.core import AitiaError, stream
from aitia.estimation._sample import Sample, TreatmentKind

Item = TypeVar("Item")
Result = TypeVar("Result")

BLOCK_ROWS = 8192
"""Rows handled at once: a block of a hundred features stays in the second-level cache."""


class TooFewRows(AitiaError):
    """There are too few rows (or clusters) for the folds asked for."""


class BadFolds(AitiaError):
    """The folds given do not fit the rows, or leave an arm without rows to learn from."""


@cache
def _controller():
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_thread_each():
    """Within it, linear algebra uses one thread per calling thread: the threads are ours."""
    import scipy.linalg  # noqa: F401  (its BLAS must be loaded to be limited)

    with _controller().limit(limits=1, user_api="blas"):
        yield


def in_threads(
    work: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> list[Result]:
    """`work` done to every item on all cores, results in the order of the items.

    The order in which threads finish never shows, so sums over the results are the same on any machine.
    """
    todo = list(items)
    workers = min(workers or cpu_count() or 1, len(todo))
    if workers <= 1:
        return [work(item) for item in todo]
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(work, todo))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def each_on_one_core(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Fits side by side, each with one thread of its own: many small fits leave no core waiting at a barrier."""
    from threadpoolctl import threadpool_limits

    def limited(item: Item) -> Result:
        with threadpool_limits(limits=1, user_api="openmp"):
            return work(item)

    return in_threads(limited, items)


def assign_folds(
    n: int,
    folds: int,
    seed: int,
    *,
    strata: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    repeat: int = 0,
) -> np.ndarray:
    """A fold for every row: balanced within strata, and clusters kept whole.

    Args:
        n: number of rows.
        folds: number of folds K, at least 2.
        seed: the study's seed.
        strata: integer codes, shape (n,); every stratum is spread evenly over the folds. Not used with clusters.
        clusters: integer codes, shape (n,); all rows of a cluster share a fold.
        repeat: which repetition of cross-fitting this is; each has its own folds.

    Returns:
        Fold codes 0..K-1, shape (n,).

    Raises:
        TooFewRows: fewer than K rows, or fewer than K clusters.

    Example:
        >>> np.bincount(assign_folds(10, 5, seed=1, strata=np.repeat([0, 1], 5)))
        array([2, 2, 2, 2, 2])
    """
    generator = stream(seed, "folds", repeat)
    if clusters is not None:
        _, codes, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
        if len(sizes) < folds:
            raise TooFewRows(
                f"Cross-fitting in {folds} folds keeps clusters whole and needs at least {folds} of them; "
                f"there are {len(sizes)}.",
                f"Ask for {max(len(sizes), 2)} folds or fewer.",
            )
        shuffled = generator.permutation(len(sizes))
        # Largest first into the emptiest fold; the shuffle decides between equals.
        fold_of, filled = np.empty(len(sizes), dtype=np.int64), np.zeros(folds)
        for cluster in shuffled[np.argsort(-sizes[shuffled], kind="stable")]:
            fold_of[cluster] = int(np.argmin(filled))
            filled[fold_of[cluster]] += sizes[cluster]
        return fold_of[codes]
    if n < folds:
        raise TooFewRows(f"Cross-fitting in {folds} folds needs at least {folds} rows; there are {n}.", "")
    shuffled = generator.permutation(n)
    if strata is not None:
        shuffled = shuffled[np.argsort(strata[shuffled], kind="stable")]
    result = np.empty(n, dtype=np.int64)
    result[shuffled] = np.arange(n) % folds
    return result


@dataclass(frozen=True, eq=False)
class Arranged:
    """The rows sorted by fold and, within a fold, by arm, so that every cell is a slice.

    Args:
        x: covariates, shape (n, p), C order.
        y: outcome, shape (n,).
        treatment: treatment as the sample codes it, shape (n,).
        arm: arm codes 0..A-1, shape (n,); all zero for a continuous treatment.
        weights: survey weights, shape (n,), or None.
        order: the original position of each arranged row.
        bounds: where the cells begin, shape (K * A + 1,); cell (k, a) is number k * A + a.
        folds: number of folds K.
        arms: number of arms A.
        groups: for every covariate the number of the source column it encodes, shape (p,).
    """

    x: np.ndarray
    y: np.ndarray
    treatment: np.ndarray
    arm: np.ndarray
    weights: np.ndarray | None
    order: np.ndarray
    bounds: np.ndarray
    folds: int
    arms: int
    groups: np.ndarray

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.y)

    def cell(self, fold: int, arm: int) -> slice:
        """The rows of one fold and arm."""
        at = fold * self.arms + arm
        return slice(int(self.bounds[at]), int(self.bounds[at + 1]))

    def fold(self, fold: int) -> slice:
        """The rows of one fold."""
        return slice(int(self.bounds[fold * self.arms]), int(self.bounds[(fold + 1) * self.arms]))

    def training(self, fold: int, arm: int | None = None) -> np.ndarray:
        """Positions of the rows outside a fold, of one arm or of all."""
        cells = [
            self.cell(other, arm) if arm is not None else self.fold(other)
            for other in range(self.folds)
            if other != fold
        ]
        return np.concatenate([np.arange(cell.start, cell.stop) for cell in cells])

    def restore(self, values: np.ndarray) -> np.ndarray:
        """Values of arranged rows (first axis), in the original order."""
        result = np.empty_like(values)
        result[self.order] = values
        return result

    def blocks(self) -> list[tuple[int, int, slice]]:
        """(fold, arm, rows) for consecutive blocks of rows, none crossing a cell."""
        return [
            (fold, arm, slice(start, min(start + BLOCK_ROWS, cell.stop)))
            for fold in range(self.folds)
            for arm in range(self.arms)
            for cell in [self.cell(fold, arm)]
            for start in range(cell.start, cell.stop, BLOCK_ROWS)
        ]


def arm_count(sample: Sample) -> int:
    """Number of arms: 2 for a binary treatment, all levels for a categorical one, 1 for a continuous one."""
    if sample.treatment_kind is TreatmentKind.CONTINUOUS:
        return 1
    if sample.treatment_kind is TreatmentKind.BINARY:
        return 2
    return max(len(sample.treatment_levels), int(sample.treatment.max()) + 1)


def arrange(
    sample: Sample,
    folds: int | np.ndarray,
    seed: int,
    repeat: int = 0,
    by_arm: bool = True,
    extra: np.ndarray | None = None,
) -> Arranged:
    """Assign folds and sort the rows by fold and arm.

    Args:
        sample: the rows.
        folds: number of folds, or a fold code for every row.
        seed: the seed of the assignment.
        repeat: which repetition of cross-fitting this is.
        by_arm: False keeps one arm whatever the treatment (partially linear models).
        extra: other integer codes to balance the folds on, shape (n,).

    Raises:
        BadFolds: fold codes of another length than the sample, or an arm that some training set lacks.
        TooFewRows: an arm with fewer rows than folds.
    """
    n = sample.n
    arms = arm_count(sample) if by_arm else 1
    arm = sample.treatment.astype(np.int64) if arms > 1 else np.zeros(n, dtype=np.int64)
    if isinstance(folds, (int, np.integer)):
        if folds < 2:
            raise BadFolds(f"Cross-fitting needs at least 2 folds; {folds} came.", "Five is a good number.")
        counts = np.bincount(arm, minlength=arms)
        if sample.clusters is None and counts.min() < folds:
            raise TooFewRows(
                f"Cross-fitting in {folds} folds needs at least {folds} rows in every arm; arm "
                f"{_level(sample, int(counts.argmin()))!r} of {sample.names[0]} has {counts.min()}.",
                "Ask for fewer folds, or leave that arm out of the question.",
            )
        strata = arm if extra is None else arm * (int(extra.max()) + 1) + extra
        codes = assign_folds(n, int(folds), seed, strata=strata, clusters=sample.clusters, repeat=repeat)
        count = int(folds)
    else:
        codes = np.asarray(folds)
        if codes.shape != (n,):
            raise BadFolds(
                f"Folds given as codes need one for each of the {n:,} rows; shape {codes.shape} came.", ""
            )
        labels, codes = np.unique(codes, return_inverse=True)
        count = len(labels)
        if count < 2:
            raise BadFolds("Folds given as codes need at least 2 different ones; 1 came.", "")
    cells = codes * arms + arm
    order = np.argsort(cells.astype(np.int16) if count * arms < 2**15 else cells, kind="stable")
    sizes = np.bincount(cells, minlength=count * arms)
    table = sizes.reshape(count, arms)
    short = np.argwhere(table.sum(axis=0) - table == 0)
    if len(short):
        fold, bad = short[0]
        raise BadFolds(
            f"Outside fold {fold} there is no row with {sample.names[0]} = {_level(sample, int(bad))!r}, so nothing "
            "can be learned about it there.",
            "Give folds that spread every arm; with clusters, use fewer folds.",
        )
    groups = np.arange(sample.covariates.shape[1])
    for number, columns in enumerate(sample.covariate_groups.values()):
        groups[list(columns)] = -1 - number
    width = sample.covariates.shape[1]
    x = np.empty((n, width))
    for column in range(width):  # column by column: the source is in Fortran order
        x[:, column] = sample.covariates[:, column][order]
    return Arranged(
        x=x,
        y=sample.outcome[order].astype(np.float64),
        treatment=sample.treatment[order],
        arm=arm[order],
        weights=None if sample.weights is None else sample.weights[order].astype(np.float64),
        order=order,
        bounds=np.concatenate([[0], np.cumsum(sizes)]),
        folds=count,
        arms=arms,
        groups=groups,
    )


def _level(sample: Sample, arm: int) -> object:
    return sample.treatment_levels[arm] if arm < len(sample.treatment_levels) else arm
