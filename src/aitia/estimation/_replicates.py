"""Replicates of an estimate on R variations of its sample, without refits where the estimator permits.

A refuter asks one question R times: what does the method answer if the treatment is a placebo, if a noise column is
added, on a part of the rows, for another outcome? It says how the sample varies (a `Variation`) and calls `replicate`:

>>> from aitia.estimation import RegressionAdjustment, TreatmentKind
>>> from aitia.identification import Effect, Estimand, Rule
>>> from aitia.core import stream
>>> rng = np.random.default_rng(0)
>>> x, t = rng.normal(size=(500, 3)), rng.integers(0, 2, 500).astype(float)
>>> sample = Sample(x.sum(1) + t, t, TreatmentKind.BINARY, covariates=x)
>>> estimand = Estimand(Effect("t", "y"), Rule.ADJUSTMENT, None, ("x",))
>>> estimate = RegressionAdjustment().estimate(estimand, sample)
>>> placebos = ReplacedTreatment(50, lambda r: stream(1, "placebo", r).permutation(t))
>>> found = replicate(estimate, sample, placebos)
>>> len(found.values), found.refits
(50, 0)

Three ways, tried in this order unless ``full=True`` asks for the last:

1. *moments*: for an estimator that is a function of moments (`MomentEstimator`: regression adjustment, instruments,
   front door, mediation) the moments of all R variations come from matrix products over the rows (R columns at
   once), and R small solves give values and errors. The values are those of R full fits to rounding; the standard
   errors are the estimator's moment-based ones (residual variance constant within an arm).
2. *influence values*: where rows are only counted more or less often (bootstrap, subsets), value + mean of the
   influence values under the new counts: exact to first order, whatever the estimator.
3. *full refits*: `Estimator.estimate` on each varied sample; the answer says how many and how long they took.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aitia.estimation._arm_moments import ArmMoments, Columns
from aitia.estimation._estimate import Estimate
from aitia.estimation._moment_estimator import MomentEstimator, product_center
from aitia.estimation._regression_adjustment import interacted_blocks
from aitia.estimation._sample import Chunk, Sample
from aitia.statistics._accumulate import in_order

_BATCH = 2**28  # bytes of drawn columns held at once
_ROWS = 8192

Draw = Callable[[int], np.ndarray]
"""From a replicate's number to a column of n values, the same whenever it is asked."""


@dataclass(frozen=True, eq=False)
class Replicates:
    """What R variations gave.

    Args:
        values: the effects, shape (R,).
        std_errors: their standard errors, shape (R,).
        cost: what they cost, in words.
        refits: how many full refits were made; 0 where none was needed.
    """

    values: np.ndarray
    std_errors: np.ndarray
    cost: str
    refits: int = 0


class Variation(ABC):
    """R variations of one sample.

    A new variation writes `varied`, from which a full refit follows; `moments` where matrix products give the
    moments of all R at once; `multiplicities` where rows are only counted more or less often.
    """

    count: int

    @abstractmethod
    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample of replicate r, for a full refit."""

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Arm moments of the replicates, in order, in stacks with a leading axis; None where there is no such way.

        Args:
            sample: the base sample.
            products: whether the moments need the products of a continuous treatment with the covariates.
        """
        return None

    def multiplicities(self, sample: Sample) -> Iterator[np.ndarray] | None:
        """How often each row is counted, in stacks of shape (replicates, n); None where rows change otherwise."""
        return None


@dataclass(frozen=True, eq=False)
class ReplacedTreatment(Variation):
    """The treatment column replaced, coded as in the sample: placebos.

    Args:
        count: R.
        draw: the treatment of replicate r, shape (n,).
    """

    count: int
    draw: Draw

    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample with the treatment of replicate r."""
        return sample.replace(treatment=self.draw(r))

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Products of the drawn columns with all squares and products of the others."""
        if products and sample.masked:
            return None
        return self._moments(sample, products)

    def _moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments]:
        frame = _Frame(sample, treated=False)
        if sample.arms == 1:
            center = float(sample.arm_moments().mean[0, Columns.of(sample).t])
            for drawn in _batches(self.draw, self.count, sample.n):
                yield frame.with_dose(drawn - center, center, products)
            return
        for drawn in _batches(self.draw, self.count, sample.n):
            # With two arms the codes 0 and 1 are the indicator already.
            later = [drawn] if sample.arms == 2 else [(drawn == a) * 1.0 for a in range(1, sample.arms)]
            yield frame.split(later)


@dataclass(frozen=True, eq=False)
class ReplacedOutcome(Variation):
    """The outcome column replaced: dummy outcomes with a known effect.

    Args:
        count: R.
        draw: the outcome of replicate r, shape (n,).
    """

    count: int
    draw: Draw

    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample with the outcome of replicate r."""
        return sample.replace(outcome=self.draw(r))

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Products of the drawn columns with the others within each arm."""
        return self._moments(sample, products)

    def _moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments]:
        frame = _ArmFrame(sample, products)
        for drawn in _batches(self.draw, self.count, sample.n):
            yield frame.with_outcome(drawn)


@dataclass(frozen=True, eq=False)
class AddedCovariate(Variation):
    """One more covariate: random common causes.

    Args:
        count: R.
        draw: the added column of replicate r, shape (n,).
        name: what the column is called in full refits.
    """

    count: int
    draw: Draw
    name: str = "random common cause"

    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample with the added column of replicate r."""
        p = len(sample.covariate_names)
        wider = np.empty((sample.n, p + 1), order="F")
        wider[:, :p], wider[:, p] = sample.covariates, self.draw(r)
        return sample.replace(
            covariates=wider,
            covariate_names=(*sample.covariate_names, self.name),
            covariate_groups={**sample.covariate_groups, self.name: (p,)},
        )

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Products of the drawn columns with the others within each arm."""
        if products or sample.masked:
            return None
        return self._moments(sample)

    def _moments(self, sample: Sample) -> Iterator[ArmMoments]:
        frame = _ArmFrame(sample, False)
        for drawn in _batches(self.draw, self.count, sample.n):
            yield frame.with_covariate(drawn)


@dataclass(frozen=True, eq=False)
class DroppedCovariates(Variation):
    """Some covariates left out.

    Args:
        groups: for each replicate the positions left out, as `Sample.covariate_groups` has them.
    """

    groups: Sequence[Sequence[int]]

    @property
    def count(self) -> int:  # type: ignore[override]
        """R."""
        return len(self.groups)

    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample without the covariates of replicate r."""
        gone = set(self.groups[r])
        keep = [j for j in range(len(sample.covariate_names)) if j not in gone]
        position = {j: i for i, j in enumerate(keep)}
        groups = {
            name: tuple(position[j] for j in places if j in position)
            for name, places in sample.covariate_groups.items()
        }
        return sample.replace(
            covariates=np.asfortranarray(sample.covariates[:, keep]),
            covariate_names=tuple(sample.covariate_names[j] for j in keep),
            covariate_groups={name: places for name, places in groups.items() if places},
        )

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Parts of the moments of the whole."""
        return self._moments(sample, products)

    def _moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments]:
        moments = _base(sample, products)
        for group in self.groups:
            yield _stack_of_one(moments.without(list(group)))


@dataclass(frozen=True, eq=False)
class ReweightedBlocks(Variation):
    """Random blocks of rows (whole clusters) counted so many times: block bootstrap, jackknife, subsets of blocks.

    Costs no pass over the rows beyond the one that makes the blocks.

    Args:
        block_counts: how often each block is counted, shape (R, B), whole numbers.
    """

    block_counts: np.ndarray

    @property
    def count(self) -> int:  # type: ignore[override]
        """R."""
        return len(self.block_counts)

    @property
    def n_blocks(self) -> int:
        """B."""
        return self.block_counts.shape[1]

    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample with the rows of each block repeated."""
        counts = np.rint(self.block_counts[r]).astype(int)[self._codes(sample)]
        return sample.rows(np.repeat(np.arange(sample.n), counts))

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Sums of the moments of blocks."""
        if products:
            blocks = interacted_blocks(sample, *product_center(sample), self.n_blocks)
        else:
            blocks = sample.grouped_moments(self.n_blocks)
        return iter([blocks.sums(self.block_counts)])

    def multiplicities(self, sample: Sample) -> Iterator[np.ndarray] | None:
        """The counts of the blocks, row by row."""
        codes = self._codes(sample)
        step = max(1, _BATCH // (8 * sample.n))
        return (
            np.asarray(self.block_counts[start : start + step], float)[:, codes]
            for start in range(0, self.count, step)
        )

    def _codes(self, sample: Sample) -> np.ndarray:
        return sample.block_codes(self.n_blocks)


@dataclass(frozen=True, eq=False)
class ReweightedRows(Variation):
    """Rows counted so many times: random subsets (0 and 1) and the bootstrap (whole numbers).

    Args:
        count: R.
        draw: the counts of replicate r, shape (n,).
    """

    count: int
    draw: Draw

    def varied(self, sample: Sample, r: int) -> Sample:
        """The sample with rows left out and repeated."""
        return sample.rows(np.repeat(np.arange(sample.n), np.rint(self.draw(r)).astype(int)))

    def moments(self, sample: Sample, products: bool) -> Iterator[ArmMoments] | None:
        """Products of the counts with all squares and products of the columns, within each arm."""
        if products or sample.masked:
            return None
        return self._moments(sample)

    def _moments(self, sample: Sample) -> Iterator[ArmMoments]:
        frame = _Frame(sample, treated=True)
        codes = sample.treatment if sample.arms > 1 else None
        for drawn in _batches(self.draw, self.count, sample.n):
            masks = [drawn] if codes is None else [drawn * (codes == a) for a in range(sample.arms)]
            yield frame.counted(masks)

    def multiplicities(self, sample: Sample) -> Iterator[np.ndarray] | None:
        """The counts."""
        return _batches(self.draw, self.count, sample.n)


def replicate(
    estimate: Estimate,
    sample: Sample,
    variation: Variation,
    *,
    full: bool = False,
    seconds: float | None = None,
    at_least: int = 5,
) -> Replicates:
    """The answers of an estimate's own estimator on R variations of its sample.

    Args:
        estimate: what is replicated.
        sample: what it was computed from.
        variation: how the sample varies.
        full: True refits even where moments or influence values would do.
        seconds: full refits stop after this long, but not before `at_least` of them; None makes all.
        at_least: the smallest number of full refits.
    """
    estimator, estimand = estimate.estimator, estimate.estimand
    if not full and isinstance(estimator, MomentEstimator):
        stacks = variation.moments(sample, estimator.products(sample))
        if stacks is not None:
            found = [estimator.from_moments(estimand, sample, stack) for stack in stacks]
            values, errors = (np.concatenate([np.atleast_1d(each[i]) for each in found]) for i in (0, 1))
            return Replicates(values, errors, f"no refit: {len(values)} replicates exactly from moments")
    if not full and estimate.influence is not None:
        counts = variation.multiplicities(sample)
        if counts is not None:
            return _by_influence(estimate, sample, counts)
    started = time.perf_counter()
    values, errors = [], []
    for r in range(variation.count):
        if seconds is not None and r >= at_least and time.perf_counter() - started > seconds:
            break
        again = estimator.estimate(
            estimand, variation.varied(sample, r), level=estimate.level, seed=estimate.seed + r
        )
        values.append(again.value)
        errors.append(again.std_error)
    fewer = (
        f" of {variation.count} wanted, as many as fit into {seconds:g} s"
        if len(values) < variation.count
        else ""
    )
    cost = f"{len(values)} full refits{fewer} ({time.perf_counter() - started:.2g} s)"
    return Replicates(np.array(values), np.array(errors), cost, len(values))


def _by_influence(estimate: Estimate, sample: Sample, counts: Iterator[np.ndarray]) -> Replicates:
    """value + sum m w psi / sum m w, with the error of that mean over the counted rows."""
    psi = estimate.influence
    assert psi is not None
    weights = np.ones(sample.n) if sample.weights is None else sample.weights
    values, errors = [], []
    for stack in counts:
        weighted = stack * weights
        total = weighted.sum(1)
        shift = weighted @ psi / total
        # Rows of an influence value measured from the replicate's own mean.
        squares = (stack * weights**2) @ np.stack([psi**2, psi, np.ones_like(psi)], 1)
        meat = squares[:, 0] - 2 * shift * squares[:, 1] + shift**2 * squares[:, 2]
        values.append(estimate.value + shift)
        errors.append(np.sqrt(np.maximum(meat, 0.0)) / total)
    found = np.concatenate(values)
    if sample.clustered:
        # Rows of a cluster move together: the independent-row error is brought to the scale of the estimate's own.
        plain = float(np.sqrt(np.sum((weights * psi) ** 2)) / weights.sum())
        errors = [each * (estimate.std_error / plain) for each in errors]
    return Replicates(
        found,
        np.concatenate(errors),
        f"no refit: {len(found)} replicates from influence values (first order)",
    )


# -- moments of many variations at once --------------------------------------------------------------------------


def _batches(draw: Draw, count: int, n: int) -> Iterator[np.ndarray]:
    """The drawn columns as rows of a matrix, as many at a time as fit."""
    step = max(1, min(count, _BATCH // (8 * n)))
    for start in range(0, count, step):
        stop = min(start + step, count)
        stack = np.empty((stop - start, n))

        def fill(r: int, stack: np.ndarray = stack, start: int = start) -> None:
            stack[r - start] = draw(r)

        for _ in in_order(range(start, stop), fill):
            pass
        yield stack


def _base(sample: Sample, products: bool) -> ArmMoments:
    """The moments of the sample itself, with the products of treatment and covariates where they are wanted."""
    if not products:
        return sample.arm_moments()
    return interacted_blocks(sample, *product_center(sample), 1).total()


def _stack_of_one(moments: ArmMoments) -> ArmMoments:
    return ArmMoments(
        moments.columns,
        moments.names,
        moments.count[None],
        moments.weight[None],
        moments.mean[None],
        moments.cross[None],
        None if moments.subgroup is None else _stack_of_one(moments.subgroup),
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


class _Frame:
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


class _ArmFrame:
    """The rows within each arm, ready to be multiplied with R new columns."""

    def __init__(self, sample: Sample, products: bool) -> None:
        self.sample, self.products = sample, products
        self.base = _base(sample, products)
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
