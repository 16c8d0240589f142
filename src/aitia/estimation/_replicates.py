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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from aitia.estimation._arm_moments import ArmMoments, Columns
from aitia.estimation._estimate import Estimate
from aitia.estimation._moment_estimator import MomentEstimator, product_center
from aitia.estimation._regression_adjustment import interacted_blocks
from aitia.estimation._replicate_moments import (
    BATCH,
    ArmFrame,
    Draw,
    ProductFrame,
    base_moments,
    batches,
    stack_of_one,
)
from aitia.estimation._sample import Sample


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
        frame = ProductFrame(sample, treated=False)
        if sample.arms == 1:
            center = float(sample.arm_moments().mean[0, Columns.of(sample).t])
            for drawn in batches(self.draw, self.count, sample.n):
                yield frame.with_dose(drawn - center, center, products)
            return
        for drawn in batches(self.draw, self.count, sample.n):
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
        frame = ArmFrame(sample, products)
        for drawn in batches(self.draw, self.count, sample.n):
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
        frame = ArmFrame(sample, False)
        for drawn in batches(self.draw, self.count, sample.n):
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
        moments = base_moments(sample, products)
        for group in self.groups:
            yield stack_of_one(moments.without(list(group)))


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
        step = max(1, BATCH // (8 * sample.n))
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
        frame = ProductFrame(sample, treated=True)
        codes = sample.treatment if sample.arms > 1 else None
        for drawn in batches(self.draw, self.count, sample.n):
            masks = [drawn] if codes is None else [drawn * (codes == a) for a in range(sample.arms)]
            yield frame.counted(masks)

    def multiplicities(self, sample: Sample) -> Iterator[np.ndarray] | None:
        """The counts."""
        return batches(self.draw, self.count, sample.n)


def replicate(
    estimate: Estimate,
    sample: Sample,
    variation: Variation,
    *,
    full: bool = False,
    most: int | None = None,
) -> Replicates:
    """The answers of an estimate's own estimator on R variations of its sample.

    Args:
        estimate: what is replicated.
        sample: what it was computed from.
        variation: how the sample varies.
        full: True refits even where moments or influence values would do.
        most: how many full refits are made where refits are needed; None makes one for every replicate. Refits use
            the estimator's `light` form and the estimate's own seed, so that what differs is the sample alone.
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
    light = estimator.light()
    count = variation.count if most is None else min(variation.count, most)
    for r in range(count):
        again = light.estimate(
            estimand, variation.varied(sample, r), level=estimate.level, seed=estimate.seed
        )
        values.append(again.value)
        errors.append(again.std_error)
    fewer = f" (of {variation.count} wanted)" if count < variation.count else ""
    cost = f"{count} full refits{fewer} in {time.perf_counter() - started:.2g} s"
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
