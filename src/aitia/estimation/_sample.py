"""The rows a question needs, coded as numbers, and the sums over them that most estimators need."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from aitia.core import Decision

if TYPE_CHECKING:
    from aitia.data import Missing, Table
    from aitia.estimation._arm_moments import ArmMoments, BlockMoments
    from aitia.estimation._estimate import Diagnostic
    from aitia.identification import Contrast, Estimand
    from aitia.statistics import Moments

CHUNK = 16_384
"""Rows worked on at a time: a chunk of a dozen columns stays in the processor's cache."""

LARGEST_IN_MEMORY = 2**30
"""Bytes above which the rows of a table on disk are not loaded until an estimator asks for them, and arrays of
per-row results are memory-mapped."""


class TreatmentKind(StrEnum):
    """How a treatment is coded."""

    BINARY = "binary"
    CATEGORICAL = "categorical"
    CONTINUOUS = "continuous"


@dataclass(frozen=True, eq=False)
class Chunk:
    """Some consecutive rows of a sample; the fields are those of `Sample`.

    Args:
        start: the position of the first row.
        outcome: shape (rows,).
        treatment: shape (rows,).
        covariates: shape (rows, p).
        mediators: shape (rows, m).
        instruments: shape (rows, q).
        weights: shape (rows,), or None.
        clusters: shape (rows,), or None.
        population: shape (rows,) of bool, or None.
        block: the same rows as one block that begins with [covariates, outcome, mediators, instruments, treatment],
            where they lie in memory like that; None otherwise.
    """

    start: int
    outcome: np.ndarray
    treatment: np.ndarray
    covariates: np.ndarray
    mediators: np.ndarray
    instruments: np.ndarray
    weights: np.ndarray | None = None
    clusters: np.ndarray | None = None
    population: np.ndarray | None = None
    block: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.outcome)


class RowSource(Protocol):
    """Where the rows of a sample come from when they are not in memory."""

    @property
    def n(self) -> int:
        """How many rows there are."""
        ...

    @property
    def weighted(self) -> bool:
        """Whether rows carry survey weights."""
        ...

    @property
    def clustered(self) -> bool:
        """Whether rows belong to clusters."""
        ...

    @property
    def masked(self) -> bool:
        """Whether the effect is averaged over a subgroup."""
        ...

    def chunks(self) -> Iterator[Chunk]:
        """The rows from first to last; a chunk stays valid when the next one is asked for."""
        ...

    def load(self) -> Mapping[str, np.ndarray | None]:
        """All rows, by field name; memory-mapped past `LARGEST_IN_MEMORY`."""
        ...


# What a sample that streams leaves unset until somebody asks for it.
_ROW_FIELDS = (
    "outcome",
    "treatment",
    "covariates",
    "mediators",
    "instruments",
    "weights",
    "clusters",
    "population",
)


def _empty() -> np.ndarray:
    return np.empty((0, 0))


def _none() -> Any:
    # A factory leaves no class attribute behind, which would hide that a streaming sample has not loaded its rows.
    return None


@dataclass(frozen=True, eq=False)
class Sample:
    """The rows a question needs, coded as numbers.

    A sample drawn from a large file holds no rows at first: estimators that need sums alone read them from
    `arm_moments` and `chunks` as a stream, and the arrays below are loaded (memory-mapped where large) when
    something first asks for one of them. `replace` and `rows` always give a sample of arrays.

    Args:
        outcome: y, shape (n,), float64.
        treatment: t, shape (n,), float64: 0/1 (control/treated of the contrast) for binary; codes 0..k-1 into
            `treatment_levels` for categorical; the values for continuous.
        treatment_kind: how `treatment` is coded.
        treatment_levels: the values behind the codes, as the data has them; (control, treated) for binary; empty
            for continuous.
        contrast: the (treated, control) values compared, in the coding of `treatment`.
        covariates: X, shape (n, p), Fortran order: the adjustment set, categorical columns one-hot without their
            baseline.
        covariate_names: the p encoded names (``"region[west]"``).
        covariate_groups: for each source column, its encoded columns' positions in `covariates`.
        mediators: shape (n, m), encoded like the covariates.
        mediator_names: the m encoded names.
        instruments: shape (n, q).
        instrument_names: the q encoded names.
        weights: survey weights, shape (n,), or None.
        clusters: integer cluster codes, shape (n,), or None.
        population: mask of the rows averaged over, shape (n,), for a subgroup; None averages over all rows.
        names: (treatment, outcome) as the data names them.
        decisions: what was done about missing values, baselines and the like.
        diagnostics: what was noticed while coding (a dropped constant column, say).
        fingerprint: of the data.
        seed: of the assignment of rows to blocks and folds.
        levels: the values of each binary or categorical column read, sorted; empty for a number.
        mediator_levels: for a controlled direct effect, the values at which the mediators are held, in the coding
            of `mediators`, shape (m,); None otherwise.

    Example:
        >>> sample = Sample(
        ...     outcome=np.array([1.0, 2.0, 4.0, 5.0]),
        ...     treatment=np.array([0.0, 0.0, 1.0, 1.0]),
        ...     treatment_kind=TreatmentKind.BINARY,
        ...     treatment_levels=("no", "yes"),
        ... )
        >>> sample.n, sample.rows(np.array([0, 2, 2])).outcome.tolist()
        (4, [1.0, 4.0, 4.0])
    """

    outcome: np.ndarray
    treatment: np.ndarray
    treatment_kind: TreatmentKind
    treatment_levels: tuple[Any, ...] = ()
    contrast: tuple[float, float] = (1.0, 0.0)
    covariates: np.ndarray = field(default_factory=_empty)
    covariate_names: tuple[str, ...] = ()
    covariate_groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    mediators: np.ndarray = field(default_factory=_empty)
    mediator_names: tuple[str, ...] = ()
    instruments: np.ndarray = field(default_factory=_empty)
    instrument_names: tuple[str, ...] = ()
    weights: np.ndarray | None = field(default_factory=_none)
    clusters: np.ndarray | None = field(default_factory=_none)
    population: np.ndarray | None = field(default_factory=_none)
    names: tuple[str, str] = ("treatment", "outcome")
    decisions: tuple[Decision, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    fingerprint: str = ""
    seed: int = 0
    levels: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    mediator_levels: np.ndarray | None = None

    def __post_init__(self) -> None:
        n = len(self.outcome)
        for name in ("covariates", "mediators", "instruments"):
            block = getattr(self, name)
            if not block.size and len(block) != n:
                object.__setattr__(self, name, np.empty((n, 0)))
            names = f"{name[:-1]}_names"
            if len(getattr(self, names)) != getattr(self, name).shape[1]:
                made = tuple(f"{name[:-1]}{j}" for j in range(getattr(self, name).shape[1]))
                object.__setattr__(self, names, made)

    @staticmethod
    def draw(
        table: Table,
        estimand: Estimand,
        *,
        missing: Missing | str = "stop",
        weights: str | None = None,
        clusters: str | None = None,
        contrast: Contrast | None = None,
        formula: str | None = None,
        seed: int = 0,
    ) -> Sample:
        """Read what an estimand needs from a table and code it as numbers.

        Args:
            table: the data (`aitia.read`).
            estimand: what is to be estimated; its columns are read, no others.
            missing: what to do about missing values (`aitia.data.Missing`); the default stops and names them.
            weights: the column of survey weights (non-negative, finite, not all zero).
            clusters: the column of clusters, within which rows depend on each other.
            contrast: the treatment values compared, where the question does not say.
            formula: the terms by which covariates enter, such as ``"~ age + bs(income, 4)"``; every variable in
                it must be in the adjustment set. None takes each as it is, categorical ones one-hot.
            seed: of the assignment of rows to blocks and folds.

        Returns:
            The sample; not loaded where the table is on disk and its rows would take more than
            `LARGEST_IN_MEMORY` bytes.

        Raises:
            ColumnNotFound: treatment, outcome or another column is not in the data.
            TreatmentConstant: the treatment has one value.
            LevelNotFound: a level of the contrast is not in the data.
            OutcomeNotNumeric: the outcome is text of more than two values.
            BadWeights: a weight is negative or not finite, or all are zero.
            TooFewRows: fewer rows than coefficients.
            MissingValues: there are missing values and the policy is to stop.
        """
        from aitia.estimation._draw import draw

        return draw(
            table,
            estimand,
            missing=missing,
            weights=weights,
            clusters=clusters,
            contrast=contrast,
            formula=formula,
            seed=seed,
        )

    @staticmethod
    def of_block(block: np.ndarray, **fields: Any) -> Sample:
        """A sample whose arrays are columns of one block, so that sums over them copy nothing.

        Args:
            block: [covariates, outcome, mediators, instruments, treatment], shape (n, k), Fortran order; the
                widths follow from the names given.
            fields: the other fields of `Sample`.
        """
        p, m, q = (len(fields.get(f"{role}_names", ())) for role in ("covariate", "mediator", "instrument"))
        sample = Sample(
            outcome=block[:, p],
            treatment=block[:, p + 1 + m + q],
            covariates=block[:, :p],
            mediators=block[:, p + 1 : p + 1 + m],
            instruments=block[:, p + 1 + m : p + 1 + m + q],
            **fields,
        )
        object.__setattr__(sample, "_block", block)
        return sample

    @staticmethod
    def streaming(source: RowSource, **fields: Any) -> Sample:
        """A sample whose rows stay where they are until something asks for one of the arrays.

        Args:
            source: where the rows come from.
            fields: the fields of `Sample` that are not arrays of rows.
        """
        sample = object.__new__(Sample)
        for name, each in Sample.__dataclass_fields__.items():
            if name in _ROW_FIELDS:
                continue
            value = fields.pop(name) if name in fields else _default(each)
            object.__setattr__(sample, name, value)
        if fields:
            raise TypeError(f"Sample has no fields {sorted(fields)} to set while streaming")
        object.__setattr__(sample, "_source", source)
        return sample

    def __getattr__(self, name: str) -> Any:
        # Reached only for what is not set: the row arrays of a sample that streams.
        if name in _ROW_FIELDS and "_source" in self.__dict__:
            for key, value in self._source.load().items():
                object.__setattr__(self, key, value)
            return self.__dict__[name]
        if name == "_cache":
            object.__setattr__(self, "_cache", {})
            return self.__dict__["_cache"]
        if name == "_block":
            return None
        raise AttributeError(f"Sample has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        # Cached sums and open files stay behind when a sample goes to another process.
        if not self.loaded:
            _ = self.outcome
        return {
            name: value
            for name, value in self.__dict__.items()
            if name not in ("_cache", "_source", "_block")
        }

    @property
    def loaded(self) -> bool:
        """Whether the arrays of rows are in memory (or memory-mapped) already."""
        return "outcome" in self.__dict__

    @property
    def n(self) -> int:
        """Number of rows."""
        return len(self.outcome) if self.loaded else self._source.n

    @property
    def weighted(self) -> bool:
        """Whether rows carry survey weights; loads nothing."""
        return self.weights is not None if self.loaded else self._source.weighted

    @property
    def clustered(self) -> bool:
        """Whether rows belong to clusters; loads nothing."""
        return self.clusters is not None if self.loaded else self._source.clustered

    @property
    def n_clusters(self) -> int:
        """How many clusters the rows belong to; counted once, in the pass that first needs them."""
        if "clusters" not in self._cache:
            seen: set[int] = set()
            for chunk in self.chunks(2**18):
                if chunk.clusters is not None:
                    seen.update(np.unique(chunk.clusters).tolist())
            self._cache["clusters"] = len(seen)
        return self._cache["clusters"]

    @property
    def masked(self) -> bool:
        """Whether the effect is averaged over a subgroup of the rows; loads nothing."""
        return self.population is not None if self.loaded else self._source.masked

    @property
    def arms(self) -> int:
        """How many values the treatment takes; 1 stands for a continuous treatment."""
        return 1 if self.treatment_kind is TreatmentKind.CONTINUOUS else max(len(self.treatment_levels), 2)

    @property
    def contrast_levels(self) -> tuple[Any, Any]:
        """The (treated, control) values compared, as the data has them."""
        if self.treatment_kind is TreatmentKind.CONTINUOUS or not self.treatment_levels:
            return self.contrast
        treated, control = self.contrast
        return self.treatment_levels[int(treated)], self.treatment_levels[int(control)]

    # -- other samples -----------------------------------------------------------------------------------------

    def rows(self, keep: np.ndarray) -> Sample:
        """The sample of the rows selected by a mask or by positions (positions may repeat)."""
        keep = np.asarray(keep)

        def cut(each: np.ndarray | None) -> np.ndarray | None:
            return None if each is None else each[keep]

        return replace(self, **{name: cut(getattr(self, name)) for name in _ROW_FIELDS})

    def replace(self, **changes: Any) -> Sample:
        """This sample with some fields replaced; what a refuter refits on.

        Example:
            >>> sample = Sample(np.zeros(3), np.array([0.0, 1.0, 1.0]), TreatmentKind.BINARY)
            >>> sample.replace(outcome=np.ones(3)).outcome.tolist()
            [1.0, 1.0, 1.0]
        """
        return replace(self, **changes)

    # -- the rows as a stream ----------------------------------------------------------------------------------

    def chunks(self, rows: int = CHUNK) -> Iterator[Chunk]:
        """The rows from first to last, a few at a time; loads nothing.

        Args:
            rows: rows in a chunk (a sample that is not loaded yields the chunks its file has).
        """
        if not self.loaded:
            yield from self._source.chunks()
            return
        for start in range(0, self.n, rows):
            part = slice(start, start + rows)
            yield Chunk(
                start,
                self.outcome[part],
                self.treatment[part],
                self.covariates[part],
                self.mediators[part],
                self.instruments[part],
                None if self.weights is None else self.weights[part],
                None if self.clusters is None else self.clusters[part],
                None if self.population is None else self.population[part],
                None if self._block is None else self._block[part],
            )

    def each_row(self, compute: Callable[[Chunk], np.ndarray]) -> np.ndarray:
        """One number for each row, computed chunk by chunk; memory-mapped past `LARGEST_IN_MEMORY`.

        Args:
            compute: from a chunk to its rows' numbers, shape (rows,).
        """
        result = row_array(self.n)
        for chunk in self.chunks():
            result[chunk.start : chunk.start + len(chunk)] = compute(chunk)
        return result

    # -- sums over the rows ------------------------------------------------------------------------------------

    def moments(self) -> Moments:
        """Moments over all rows of [covariates, outcome, treatment, mediators, instruments]; cached."""
        return self.arm_moments().pooled_moments()

    def arm_moments(self) -> ArmMoments:
        """Moments within each arm (one arm for a continuous treatment); one pass over the rows, cached.

        The columns are [covariates, outcome, mediators, instruments], and the treatment after the outcome where it
        is continuous.
        """
        if "arms" not in self._cache:
            blocks = next((value for key, value in self._cache.items() if key[0] == "blocks"), None)
            self._cache["arms"] = (blocks or self._accumulate(1)).total()
        return self._cache["arms"]

    def grouped_moments(self, n_blocks: int = 20) -> BlockMoments:
        """Moments within each arm of each of `n_blocks` random blocks of rows (whole clusters); cached.

        The block of a row is a hash of its position (or its cluster's code) and the sample's seed: it does not
        depend on how the rows are streamed.
        """
        key = ("blocks", n_blocks)
        if key not in self._cache:
            self._cache[key] = self._accumulate(n_blocks)
        return self._cache[key]

    def block_codes(self, n_blocks: int = 20) -> np.ndarray:
        """The block of each row, 0..n_blocks-1, as `grouped_moments` has them."""
        from aitia.estimation._arm_moments import block_codes

        return np.concatenate([block_codes(chunk, n_blocks, self.seed) for chunk in self.chunks(2**18)])

    def _accumulate(self, n_blocks: int) -> BlockMoments:
        from aitia.estimation._arm_moments import accumulate_blocks

        return accumulate_blocks(self, n_blocks)

    def __repr__(self) -> str:
        treatment, outcome = self.names
        extras = "".join(
            f", {count} {word}{'s' if count > 1 else ''}"
            for word, count in (
                ("covariate", len(self.covariate_names)),
                ("mediator", len(self.mediator_names)),
                ("instrument", len(self.instrument_names)),
            )
            if count
        )
        where = "" if self.loaded else ", not loaded"
        return (
            f"Sample({self.n:,} rows of {outcome} by {self.treatment_kind.value} {treatment}{extras}{where})"
        )


def _default(each: Any) -> Any:
    """The default of a dataclass field."""
    import dataclasses

    if each.default is not dataclasses.MISSING:
        return each.default
    return each.default_factory()


def row_array(*shape: int) -> np.ndarray:
    """An uninitialised float64 array for per-row results; in a temporary file past `LARGEST_IN_MEMORY` bytes."""
    if 8 * int(np.prod(shape)) <= LARGEST_IN_MEMORY:
        return np.empty(shape)
    # An unnamed file: it goes when the last array that maps it does, even after a crash.
    with tempfile.TemporaryFile(prefix="aitia-rows-") as file:
        return np.memmap(file, dtype=np.float64, mode="w+", shape=shape)
