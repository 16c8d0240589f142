"""Moments of the rows within each arm of a treatment: what the linear estimators are functions of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from aitia.identification import Population, PopulationKind
from aitia.statistics import GroupedMoments, Moments, accumulate, assign_blocks
from aitia.statistics._solve import factor

if TYPE_CHECKING:
    from aitia.estimation._sample import Chunk, Sample

_ROWS = 65_536  # rows handed to the hub at a time
_RANK = (
    1e-10  # a column whose variance given the others is below this share of its own is a combination of them
)


@dataclass(frozen=True)
class Columns:
    """Where the variables of a sample stand in its moments: [covariates, outcome, mediators, instruments, (treatment)].

    Args:
        covariates: p, how many there are.
        treated: whether the treatment is a column (it is where it is continuous, or where arms were pooled).
        mediators: m.
        instruments: q.
    """

    covariates: int
    treated: bool
    mediators: int
    instruments: int

    @property
    def x(self) -> slice:
        """The covariates."""
        return slice(0, self.covariates)

    @property
    def y(self) -> int:
        """The outcome."""
        return self.covariates

    @property
    def t(self) -> int:
        """The treatment, where it is a column."""
        return self.covariates + 1 + self.mediators + self.instruments

    @property
    def m(self) -> slice:
        """The mediators."""
        start = self.covariates + 1
        return slice(start, start + self.mediators)

    @property
    def z(self) -> slice:
        """The instruments."""
        start = self.covariates + 1 + self.mediators
        return slice(start, start + self.instruments)

    @property
    def width(self) -> int:
        """How many columns there are."""
        return self.covariates + 1 + self.treated + self.mediators + self.instruments

    @classmethod
    def of(cls, sample: Sample) -> Columns:
        """The columns of a sample."""
        return cls(
            len(sample.covariate_names),
            sample.treatment_kind.value == "continuous",
            len(sample.mediator_names),
            len(sample.instrument_names),
        )


@dataclass(frozen=True, eq=False)
class ArmMoments:
    """Moments within each of A arms, of one data set or of R of them at once (leading axis R).

    Estimators that are functions of these are computed for R replicates by the same lines as for one sample:
    the arrays have shapes (..., A), (..., A, k) and (..., A, k, k).

    Args:
        columns: what the k columns are.
        names: the k names.
        count: rows of positive weight.
        weight: total weight.
        mean: means.
        cross: centred cross-products.
        subgroup: the same for the rows of a described subgroup alone, where there is one.
        kish: n sum w^2 / (sum w)^2, by which survey weights inflate a variance; 1 without weights.
        center: where the products of a continuous treatment with the covariates are centred, shape (p,), if the columns
            hold those products after the covariates; None otherwise.
    """

    columns: Columns
    names: tuple[str, ...]
    count: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    cross: np.ndarray
    subgroup: ArmMoments | None = None
    kish: float = 1.0
    center: np.ndarray | None = None

    @property
    def replicates(self) -> int | None:
        """R, or None for one data set."""
        return len(self.weight) if self.weight.ndim > 1 else None

    def pool(self, arms: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Count, weight, mean and cross-products of several arms together, shapes (...), (...), (..., k), (..., k, k).

        Args:
            arms: positions of the arms; None takes all.
        """
        at = slice(None) if arms is None else arms
        count, weight = self.count[..., at], self.weight[..., at]
        mean, cross = self.mean[..., at, :], self.cross[..., at, :, :]
        total = weight.sum(-1)
        share = weight / np.where(total > 0, total, 1.0)[..., None]
        whole = np.einsum("...a,...ak->...k", share, mean)
        away = mean - whole[..., None, :]
        between = np.einsum("...a,...aj,...ak->...jk", weight, away, away)
        return count.sum(-1), total, whole, cross.sum(-3) + between

    def pooled(self, codes: Sequence[float] | None = None) -> ArmMoments:
        """All arms as one, with the treatment as a column.

        Args:
            codes: the treatment's value in each arm, 0..A-1 where None; unused where it is a column already.
        """
        if self.columns.treated:
            return self
        c = self.columns
        k, t = c.width, c.t
        values = np.arange(self.weight.shape[-1], dtype=float) if codes is None else np.asarray(codes, float)
        keep = np.arange(k)
        mean = np.empty((*self.mean.shape[:-1], k + 1))
        mean[..., keep] = self.mean
        mean[..., t] = values
        cross = np.zeros((*self.cross.shape[:-2], k + 1, k + 1))
        cross[..., keep[:, None], keep] = self.cross
        names = (*self.names, "treatment")
        whole = ArmMoments(
            Columns(c.covariates, True, c.mediators, c.instruments),
            names,
            self.count,
            self.weight,
            mean,
            cross,
        )
        count, weight, mean, cross = whole.pool()
        return ArmMoments(
            whole.columns,
            names,
            count[..., None],
            weight[..., None],
            mean[..., None, :],
            cross[..., None, :, :],
            None if self.subgroup is None else self.subgroup.pooled(codes),
            self.kish,
        )

    def pooled_moments(self) -> Moments:
        """All arms as `Moments`, with the treatment as a column."""
        whole = self.pooled()
        return Moments(
            whole.names, int(whole.count[0]), float(whole.weight[0]), whole.mean[0], whole.cross[0]
        )

    def target(
        self, population: Population, contrast: tuple[float, float]
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Count, weight, mean and cross-products of the rows that an effect is averaged over.

        Args:
            population: all rows, the treated, the untreated, or a subgroup.
            contrast: the codes of the treated and the control arm.
        """
        if population.kind is PopulationKind.SUBGROUP and self.subgroup is not None:
            return self.subgroup.pool()
        if population.kind is PopulationKind.TREATED:
            return self.pool(np.array([int(contrast[0])]))
        if population.kind is PopulationKind.UNTREATED:
            return self.pool(np.array([int(contrast[1])]))
        return self.pool()

    def at(self, replicate: int) -> ArmMoments:
        """One of the R data sets."""
        return ArmMoments(
            self.columns,
            self.names,
            self.count[replicate],
            self.weight[replicate],
            self.mean[replicate],
            self.cross[replicate],
            None if self.subgroup is None else self.subgroup.at(replicate),
            self.kish,
            self.center,
        )

    def without(self, covariates: Sequence[int]) -> ArmMoments:
        """Without some of the covariates (positions), nor their products with the treatment."""
        c, center = self.columns, self.center
        if center is not None:
            kept = np.setdiff1d(np.arange(len(center)), covariates)
            covariates = [*covariates, *(len(center) + j for j in covariates)]
            center = center[kept]
        keep = np.setdiff1d(np.arange(c.width), covariates)
        return ArmMoments(
            Columns(c.covariates - len(set(covariates)), c.treated, c.mediators, c.instruments),
            tuple(self.names[j] for j in keep),
            self.count,
            self.weight,
            self.mean[..., keep],
            self.cross[..., keep[:, None], keep],
            None if self.subgroup is None else self.subgroup.without(covariates),
            self.kish,
            center,
        )


@dataclass(frozen=True, eq=False)
class BlockMoments:
    """Moments within each arm of each of B random blocks of rows: replicates are sums over blocks.

    Args:
        grouped: the moments of (part, arm, block), block fastest; part 1 is the described subgroup, if there is one.
        columns: what the columns are.
        parts: 1, or 2 with a described subgroup.
        arms: A.
        n_blocks: B.
        kish: as `ArmMoments` has it.
        center: as `ArmMoments` has it.
    """

    grouped: GroupedMoments
    columns: Columns
    parts: int
    arms: int
    n_blocks: int
    kish: float = 1.0
    center: np.ndarray | None = None

    def sums(self, multiplicities: np.ndarray) -> ArmMoments:
        """R data sets, each of the blocks taken so many times.

        Args:
            multiplicities: masks or non-negative numbers, shape (R, B).

        Returns:
            Arm moments with leading axis R.
        """
        multiplicities = np.asarray(multiplicities)
        stacks = []
        for part in range(self.parts):
            arms = []
            for arm in range(self.arms):
                start = (part * self.arms + arm) * self.n_blocks
                arms.append(self.grouped.select(np.arange(start, start + self.n_blocks)).sums(multiplicities))
            stacks.append(_stacked(arms, self.columns, self.kish, self.center))
        return stacks[0] if self.parts == 1 else _with_subgroup(stacks[0], stacks[1])

    def total(self) -> ArmMoments:
        """All rows."""
        return self.sums(np.ones((1, self.n_blocks))).at(0)

    def subset(self, keep: Sequence[int], columns: Columns) -> BlockMoments:
        """Some of the columns.

        Args:
            keep: their positions.
            columns: what they are.
        """
        names = [self.grouped.names[j] for j in keep]
        return replace(self, grouped=self.grouped.subset(names), columns=columns)


def _stacked(
    arms: list[GroupedMoments], columns: Columns, kish: float, center: np.ndarray | None
) -> ArmMoments:
    return ArmMoments(
        columns,
        arms[0].names,
        np.stack([each.counts for each in arms], -1),
        np.stack([each.weights for each in arms], -1),
        np.stack([each.means for each in arms], -2),
        np.stack([each.crosses for each in arms], -3),
        kish=kish,
        center=center,
    )


def _with_subgroup(outside: ArmMoments, inside: ArmMoments) -> ArmMoments:
    """All rows, from those outside and inside a subgroup, which is kept beside them."""
    weight = outside.weight + inside.weight
    share = inside.weight / np.where(weight > 0, weight, 1.0)
    delta = inside.mean - outside.mean
    # An empty side has a placeholder mean of zero, and a share of 0 or 1 that leaves it out.
    mean = outside.mean * (1 - share)[..., None] + inside.mean * share[..., None]
    between = (weight * share * (1 - share))[..., None, None] * delta[..., :, None] * delta[..., None, :]
    return ArmMoments(
        outside.columns,
        outside.names,
        outside.count + inside.count,
        weight,
        mean,
        outside.cross + inside.cross + between,
        inside,
        outside.kish,
        outside.center,
    )


def accumulate_blocks(
    sample: Sample,
    n_blocks: int,
    other: tuple[Columns, tuple[str, ...], Callable[[Chunk], np.ndarray]] | None = None,
) -> BlockMoments:
    """One pass over the rows of a sample: the moments of every (arm, block).

    Args:
        sample: loaded or streaming.
        n_blocks: B; 1 costs no hashing of rows.
        other: columns made from a chunk, with what they are and their names, in place of the sample's own.
    """
    arms = sample.arms
    columns, names, made = other or (Columns.of(sample), unique_names(sample), None)
    current: list[Chunk] = []
    parts = 2 if sample.masked else 1
    squared = 0.0

    def blocks() -> Iterator[np.ndarray]:
        nonlocal squared
        for chunk in sample.chunks(_ROWS):
            current[:] = [chunk]
            if chunk.weights is not None:
                squared += float(chunk.weights @ chunk.weights)
            if made is not None:
                yield made(chunk)
            else:
                yield block_of(chunk, columns) if chunk.block is None else chunk.block[:, : columns.width]

    def groups(block: np.ndarray, start: int) -> np.ndarray:
        chunk = current[0]
        code = chunk.treatment.astype(np.int16) if arms > 1 else np.zeros(len(chunk), np.int16)
        if parts == 2:
            assert chunk.population is not None
            code += np.int16(arms) * chunk.population.astype(np.int16)
        if n_blocks > 1:
            code = code.astype(np.int64) * n_blocks + block_codes(chunk, n_blocks, sample.seed)
        return code

    def weights(block: np.ndarray, start: int) -> np.ndarray:
        given = current[0].weights
        assert given is not None
        return given

    single = arms * n_blocks * parts == 1
    grouped = accumulate(
        blocks(),
        names,
        groups=None if single else groups,
        n_groups=arms * n_blocks * parts,
        weights=weights if sample.weighted else None,
    )
    weight = float(grouped.weights.sum())
    kish = sample.n * squared / weight**2 if sample.weighted else 1.0
    return BlockMoments(grouped, columns, parts, arms, n_blocks, kish)


def block_codes(chunk: Chunk, n_blocks: int, seed: int) -> np.ndarray:
    """The block of each row of a chunk: a hash of its position, or of its cluster, and the seed."""
    if chunk.clusters is None:
        return assign_blocks(chunk.start, len(chunk), n_blocks, seed)
    return assign_blocks(np.asarray(chunk.clusters, np.int64), None, n_blocks, seed)


def block_of(chunk: Chunk, columns: Columns) -> np.ndarray:
    """The columns of a chunk as one block, Fortran order."""
    block = np.empty((len(chunk), columns.width), order="F")
    block[:, columns.x] = chunk.covariates
    block[:, columns.y] = chunk.outcome
    block[:, columns.m] = chunk.mediators
    block[:, columns.z] = chunk.instruments
    if columns.treated:
        block[:, columns.t] = chunk.treatment
    return block


def unique_names(sample: Sample) -> tuple[str, ...]:
    """A name for each column of a sample's moments; a column that stands in two roles gets the role added."""
    treatment, outcome = sample.names
    roles = [(name, "covariate") for name in sample.covariate_names]
    roles.append((outcome, "outcome"))
    roles += [(name, "mediator") for name in sample.mediator_names]
    roles += [(name, "instrument") for name in sample.instrument_names]
    if Columns.of(sample).treated:
        roles.append((treatment, "treatment"))
    seen: set[str] = set()
    names = []
    for name, role in roles:
        while name in seen:
            name = f"{name} ({role})"
        seen.add(name)
        names.append(name)
    return tuple(names)


# -- linear algebra over the last axes --------------------------------------------------------------------------


def solve(gram: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions of ``gram @ b = right`` for stacks of positive semi-definite matrices.

    The matrices are brought to unit diagonal first, so that the units of columns do not matter. Where one is
    singular to within 1e-10 of that scale the solution of smallest norm is taken, in which a constant column has
    coefficient zero; `dependent_columns` tells which columns are concerned.

    Args:
        gram: shape (..., p, p).
        right: shape (..., p, r).
    """
    p = gram.shape[-1]
    if not p:
        return np.zeros(right.shape)
    diagonal = np.einsum("...ii->...i", gram)
    scale = np.where(diagonal > 0, 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0)), 0.0)
    unit = gram * scale[..., :, None] * scale[..., None, :]
    scaled = right * scale[..., None]
    try:
        factor = np.linalg.cholesky(unit)
        lowest = np.einsum("...ii->...i", factor).min()
    except np.linalg.LinAlgError:
        lowest = 0.0
    if lowest**2 > _RANK:
        return np.linalg.solve(unit, scaled) * scale[..., None]
    values, vectors = np.linalg.eigh(unit)
    inverse = np.where(values > _RANK * p, 1 / np.where(values > 0, values, 1.0), 0.0)
    return (vectors @ (inverse[..., None] * (np.swapaxes(vectors, -1, -2) @ scaled))) * scale[..., None]


def dependent_columns(moments: Moments) -> dict[str, tuple[str, ...]]:
    """The columns that are linear combinations of the columns before them, each with those columns.

    A constant column is a combination of none. Of two equal columns the first is kept.
    """
    combinations = factor(moments.cross, moments.is_constant(), _RANK).combinations
    return {moments.names[j]: tuple(moments.names[k] for k in of) for j, of in combinations.items()}
