"""From a table and an estimand to the coded rows: `Sample.draw`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from aitia.core import AitiaError, Decision, listing, nearest
from aitia.data import Codes, Column, Design, Kind, Missing, Numeric, Predicate, Storage, Table
from aitia.data._terms import Term
from aitia.estimation import _sample
from aitia.estimation._arm_moments import Columns, accumulate_blocks, dependent_columns
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._sample import Chunk, Sample, TreatmentKind
from aitia.identification import Contrast, ControlledDirect, Estimand, PopulationKind, Rule
from aitia.statistics import Moments, TooFewRows

_BLOCKS = 20  # of a streaming sample: refuters then need no second pass


class TreatmentConstant(AitiaError):
    """The treatment has one value in the rows used: there is nothing to compare."""


class TreatmentDetermined(AitiaError):
    """The treatment is an exact linear combination of the covariates: no two comparable rows differ in it."""


class OutcomeNotNumeric(AitiaError):
    """The outcome is text of more than two values, or a date."""


class LevelNotFound(AitiaError):
    """A level of the contrast or of a mediator is not in the data."""


class BadWeights(AitiaError):
    """A survey weight is negative or not finite, or all of them are zero."""


class NoInstrument(AitiaError):
    """No instrument varies beyond what the covariates explain."""


def draw(
    table: Table,
    estimand: Estimand,
    *,
    missing: Missing | str,
    weights: str | None,
    clusters: str | None,
    contrast: Contrast | None,
    formula: str | None,
    seed: int,
) -> Sample:
    """See `Sample.draw`."""
    question = estimand.question
    wanted = contrast or question.contrast
    treatment = _treatment(table.column(question.treatment), wanted)
    outcome_term, decisions = _outcome(table.column(question.outcome))
    decisions = [*treatment.decisions, *decisions]
    population = getattr(question, "population", None)
    condition = population.condition if population and population.kind is PopulationKind.SUBGROUP else ""
    if weights is not None:
        _check_weights(table.column(weights))

    roles: dict[str, list[str | Term]] = {
        "covariates": [formula] if formula else list(_covariates(estimand)),
        "outcome": [outcome_term],
        "mediators": list(estimand.mediators),
        "instruments": list(estimand.instruments),
        "treatment": [treatment.term],
        "weights": [Numeric(weights, required=True)] if weights is not None else [],
        "clusters": [Codes(clusters)] if clusters is not None else [],
        "population": [Predicate(condition)] if condition else [],
    }
    terms = [term for each in roles.values() for term in each]
    design = Design.build(table, terms, missing=missing)
    at: dict[str, list[int]] = {}
    position = 0
    for role, each in roles.items():
        places = [j for term in design.terms[position : position + len(each)] for j in term]
        at[role] = places
        position += len(each)
    levels = design.levels.get(question.treatment, treatment.levels)
    if treatment.kind is not TreatmentKind.CONTINUOUS and len(levels) < 2:
        raise _constant(question.treatment, levels[0] if levels else None)

    encoded = {
        role: [design.names[j] for j in at[role]] for role in ("covariates", "mediators", "instruments")
    }
    source = _DesignRows(design, at, np.arange(len(at["covariates"])), np.arange(len(at["instruments"])))
    fields: dict[str, Any] = {
        "treatment_kind": treatment.kind,
        "treatment_levels": tuple(levels),
        "contrast": treatment.codes(levels),
        "covariate_names": tuple(encoded["covariates"]),
        "mediator_names": tuple(encoded["mediators"]),
        "instrument_names": tuple(encoded["instruments"]),
        "names": (question.treatment, question.outcome),
        "fingerprint": table.fingerprint,
        "seed": seed,
        "levels": {name: tuple(table.column(name).levels) for name in _read(estimand)},
        "mediator_levels": _mediator_levels(estimand, table, design, at["mediators"]),
    }
    large = 8 * design.n_rows * len(design.names) > _sample.LARGEST_IN_MEMORY and not table.in_memory
    matrix = np.empty((0, 0)) if large else design.matrix()
    sample = Sample.streaming(source, **fields) if large else _loaded(source, fields, matrix)
    blocks = accumulate_blocks(sample, _BLOCKS if large else 1)
    arms = blocks.total()
    if weights is not None and not arms.weight.sum() > 0:
        raise BadWeights(
            f"All weights in {weights!r} are zero in the rows used.", "Choose another column of weights."
        )
    if np.any(arms.count == 0):
        raise _empty_arm(question.treatment, levels, arms.count)
    if condition and (arms.subgroup is None or not arms.subgroup.weight.sum() > 0):
        raise TooFewRows(
            f"No row satisfies the condition {condition!r} of the population.",
            "Change the condition, or ask for another population.",
        )

    # -- columns that say nothing new --------------------------------------------------------------------------
    whole = arms.pooled_moments()
    columns = arms.columns
    kept_x = np.arange(columns.covariates)
    kept_z = np.arange(columns.instruments)
    dropped: list[Decision] = []
    if estimand.rule is not Rule.GENERAL:
        kept_x, kept_z, dropped = _independent(whole, columns, sample)
        decisions += dropped
        if estimand.instruments and not len(kept_z):
            raise NoInstrument(
                f"No instrument among {listing(estimand.instruments)} varies beyond what the covariates explain.",
                "Choose another instrument, or adjust for fewer columns.",
            )
    _check_varies(whole, columns, sample, kept_x, estimand)
    if whole.is_constant()[columns.y]:
        decisions.append(
            Decision(
                f"kept the outcome {question.outcome}, which has the same value in all rows used",
                "no effect on it can be seen: every estimate is zero",
            )
        )
    if len(kept_x) < columns.covariates or len(kept_z) < columns.instruments:
        source = replace(source, kept_x=kept_x, kept_z=kept_z)
        fields["covariate_names"] = tuple(fields["covariate_names"][j] for j in kept_x)
        fields["instrument_names"] = tuple(fields["instrument_names"][j] for j in kept_z)
        others = np.arange(columns.covariates, columns.width)
        others = others[
            ~np.isin(others, np.setdiff1d(np.arange(columns.width)[columns.z], columns.z.start + kept_z))
        ]
        fewer = replace(columns, covariates=len(kept_x), instruments=len(kept_z))
        blocks = blocks.subset([*kept_x.tolist(), *others.tolist()], fewer)
        sample = Sample.streaming(source, **fields) if large else _loaded(source, fields, matrix)
    groups = _groups(design.groups, [at["covariates"][j] for j in kept_x])
    decided = (*design.decisions, *decisions)
    object.__setattr__(sample, "covariate_groups", groups)
    object.__setattr__(sample, "decisions", decided)
    object.__setattr__(sample, "diagnostics", _noticed(dropped))
    sample._cache["blocks", _BLOCKS if large else 1] = blocks
    return sample


# -- the treatment and its contrast ------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Treatment:
    """How a treatment column is coded and which values are compared."""

    name: str
    kind: TreatmentKind
    term: Term
    levels: tuple[Any, ...]
    treated: Any
    control: Any
    decisions: tuple[Decision, ...]

    def codes(self, levels: Sequence[Any]) -> tuple[float, float]:
        if self.kind is TreatmentKind.CONTINUOUS:
            return float(self.treated), float(self.control)
        return (
            float(levels.index(_level(self.name, levels, self.treated))),
            float(levels.index(_level(self.name, levels, self.control))),
        )


def _treatment(column: Column, contrast: Contrast | None) -> _Treatment:
    if column.is_constant:
        raise _constant(column.name, column.levels[0] if column.levels else column.minimum)
    name = column.name
    if contrast is not None and contrast.treated == contrast.control:
        raise LevelNotFound(
            f"The contrast compares {contrast.treated!r} with itself.", "Give two different values."
        )
    if column.kind in (Kind.BINARY, Kind.CATEGORICAL):
        levels = column.levels
        if not levels:
            raise LevelNotFound(
                f"The treatment {name!r} has {column.distinct_text} levels, too many to compare.",
                "Group its levels, or set its kind to continuous where it is a number.",
            )
        if contrast is None:
            treated, control = levels[-1], levels[0]
        else:
            treated = _level(name, levels, contrast.treated)
            control = _level(name, levels, contrast.control)
        decision = Decision(
            f"compared {name} = {treated} (treated) with {name} = {control} (control)",
            "as the question asks" if contrast else "the last and the first value in sorted order",
        )
        if len(levels) == 2:
            order = (control, treated)
            return _Treatment(
                name, TreatmentKind.BINARY, Codes(name, order), order, treated, control, (decision,)
            )
        return _Treatment(
            name, TreatmentKind.CATEGORICAL, Codes(name, levels), levels, treated, control, (decision,)
        )
    treated, control = (
        (1.0, 0.0)
        if contrast is None
        else (_number(name, each) for each in (contrast.treated, contrast.control))
    )
    why = "as the question asks" if contrast else "one unit up, where the question names no values"
    decision = Decision(f"took {name} as a number and compared {treated:g} with {control:g}", why)
    return _Treatment(
        name, TreatmentKind.CONTINUOUS, Numeric(name, required=True), (), treated, control, (decision,)
    )


def _level(name: str, levels: Sequence[Any], wanted: Any) -> Any:
    """The level of the data that a person means: equal to it, or written the same."""
    for level in levels:
        if level == wanted and isinstance(level, bool) == isinstance(wanted, bool):
            return level
    for level in levels:
        if str(level) == str(wanted) or _same_number(level, wanted):
            return level
    raise LevelNotFound(
        f"The column {name!r} has no value {wanted!r}.", nearest(str(wanted), [str(each) for each in levels])
    )


def _same_number(level: Any, wanted: Any) -> bool:
    try:
        return float(level) == float(wanted)
    except (TypeError, ValueError):
        return False


def _number(name: str, value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise LevelNotFound(
            f"The treatment {name!r} is a number, but the contrast compares it with {value!r}.",
            "Give two numbers, such as 1 and 0.",
        )
    return number


def _constant(name: str, value: Any) -> TreatmentConstant:
    return TreatmentConstant(
        f"The treatment {name!r} has the same value, {value!r}, in all rows used.",
        "An effect needs rows with at least two values of it: choose another column or read more rows.",
    )


def _empty_arm(name: str, levels: Sequence[Any], count: np.ndarray) -> TreatmentConstant:
    gone = [level for level, rows in zip(levels, count) if not rows]
    left = [level for level, rows in zip(levels, count) if rows]
    if len(left) == 1:
        return _constant(name, left[0])
    return TreatmentConstant(
        f"No row used has {name} = {listing(gone)} with a positive weight.",
        "Leave these levels out of the table, or use another policy for missing values.",
    )


# -- the other columns -------------------------------------------------------------------------------------------


def _outcome(column: Column) -> tuple[Term, list[Decision]]:
    if column.storage is not Storage.TEXT and column.kind is not Kind.DATE:
        return Numeric(column.name, required=True), []
    if column.kind is Kind.BINARY or len(column.levels) == 2:
        low, high = column.levels
        decision = Decision(
            f"coded the outcome {column.name} as 1 for {high} and 0 for {low}",
            "text of two values, in sorted order",
        )
        return Codes(column.name, (low, high)), [decision]
    if column.is_constant and column.levels:
        return Codes(column.name, tuple(column.levels)), []
    what = "dates" if column.kind is Kind.DATE else f"text of {column.distinct_text} values"
    raise OutcomeNotNumeric(
        f"The outcome {column.name!r} must be a number or have two values, but it holds {what}.",
        "Make a number of it first, or a column that says whether one of its values occurred.",
    )


def _read(estimand: Estimand) -> tuple[str, ...]:
    """The columns an estimand reads."""
    question = estimand.question
    read = (
        question.treatment,
        question.outcome,
        *_covariates(estimand),
        *estimand.mediators,
        *estimand.instruments,
    )
    return tuple(dict.fromkeys(read))


def _covariates(estimand: Estimand) -> tuple[str, ...]:
    if estimand.rule is not Rule.GENERAL:
        return estimand.adjustment
    question = estimand.question
    roles = {question.treatment, question.outcome, *estimand.mediators, *estimand.instruments}
    return tuple(name for name in estimand.variables if name not in roles)


def _check_weights(column: Column) -> None:
    lowest = column.minimum
    if column.storage is not Storage.NUMBER or not isinstance(lowest, int | float):
        raise BadWeights(
            f"The weights {column.name!r} must be numbers, but the column holds {column.kind.value} values.",
            "Choose a column of numbers.",
        )
    if lowest < 0:
        raise BadWeights(
            f"Weights must not be negative, but {column.name!r} goes down to {lowest:g}.",
            "Correct the weights, or leave those rows out.",
        )
    if column.maximum == 0:
        raise BadWeights(f"All weights in {column.name!r} are zero.", "Choose another column of weights.")


def _mediator_levels(
    estimand: Estimand, table: Table, design: Design, at: Sequence[int]
) -> np.ndarray | None:
    """The values at which a controlled direct effect holds the mediators, coded like their columns."""
    question = estimand.question
    if not isinstance(question, ControlledDirect):
        return None
    held = np.zeros(len(at))
    for name, value in zip(question.mediators, question.levels):
        if name not in design.groups:
            continue
        column = table.column(name)
        wanted = _level(name, column.levels, value) if column.levels else _number(name, value)
        for j in design.groups[name]:
            if j not in at:
                continue
            numeric = design.names[j] == name
            held[at.index(j)] = float(wanted) if numeric else float(design.names[j] == f"{name}[{wanted}]")
    return held


def _independent(
    whole: Moments, columns: Columns, sample: Sample
) -> tuple[np.ndarray, np.ndarray, list[Decision]]:
    """The covariates and instruments that are no combination of those before them, and what was left out."""
    names = whole.names
    ordered = [*names[columns.x], *names[columns.z]]
    dependent = dependent_columns(whole.subset(ordered))
    decisions = []
    for name, of in dependent.items():
        shown = f"it is a linear combination of {listing(of)}" if len(of) > 1 else ""
        if len(of) == 1:
            shown = f"it is {of[0]} over again, rescaled"
        elif not of:
            shown = "it has the same value in all rows used"
        decisions.append(Decision(f"left out {name}", shown))
    kept_x = np.array([j for j in range(columns.covariates) if names[j] not in dependent], int)
    start = columns.z.start
    kept_z = np.array([j for j in range(columns.instruments) if names[start + j] not in dependent], int)
    return kept_x, kept_z, decisions


def _check_varies(
    whole: Moments, columns: Columns, sample: Sample, kept: np.ndarray, estimand: Estimand
) -> None:
    """Raise where the treatment is an exact combination of the covariates, or there are too few rows."""
    if estimand.rule is Rule.GENERAL:
        return
    names = [whole.names[j] for j in kept]
    treatment = whole.names[columns.width if not columns.treated else columns.t]
    dependent = dependent_columns(whole.subset([*names, treatment]))
    if treatment in dependent and sample.arms <= 2:
        if not dependent[treatment]:
            raise _constant(sample.names[0], float(whole.mean[-1]))
        raise TreatmentDetermined(
            f"The treatment {sample.names[0]!r} is an exact linear combination of {listing(dependent[treatment])}.",
            "Rows that are alike in these columns never differ in treatment: do not adjust for all of them.",
        )
    if whole.count < len(kept) + 3:
        raise TooFewRows(
            f"There are {whole.count} rows for {len(kept) + 2} coefficients.",
            "Adjust for fewer columns or read more rows.",
        )


def _noticed(dropped: Sequence[Decision]) -> tuple[Diagnostic, ...]:
    return tuple(
        Diagnostic("collinear columns", None, f"{each.what[0].upper()}{each.what[1:]}: {each.why}.")
        for each in dropped
    )


def _groups(groups: Mapping[str, tuple[int, ...]], at: Sequence[int]) -> dict[str, tuple[int, ...]]:
    """Source columns to positions among the covariates that were kept."""
    position = {j: i for i, j in enumerate(at)}
    found = {name: tuple(position[j] for j in places if j in position) for name, places in groups.items()}
    return {name: places for name, places in found.items() if places}


# -- rows on disk ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _DesignRows:
    """The rows of a design as a stream of chunks.

    Args:
        design: the encoded columns.
        at: for each role, the positions of its columns.
        kept_x: the covariates kept, among ``at["covariates"]``.
        kept_z: the instruments kept, among ``at["instruments"]``.
    """

    design: Design
    at: Mapping[str, Sequence[int]]
    kept_x: np.ndarray
    kept_z: np.ndarray

    @property
    def n(self) -> int:
        return self.design.n_rows

    @property
    def weighted(self) -> bool:
        return bool(self.at["weights"])

    @property
    def clustered(self) -> bool:
        return bool(self.at["clusters"])

    @property
    def masked(self) -> bool:
        return bool(self.at["population"])

    @property
    def _whole(self) -> bool:
        # All columns kept: the design's own order is the order of the moments.
        at = self.at
        return len(self.kept_x) == len(at["covariates"]) and len(self.kept_z) == len(at["instruments"])

    def chunks(self) -> Iterator[Chunk]:
        start = 0
        for block in self.design.blocks():
            parts = self._split(block)
            yield Chunk(start=start, block=block if self._whole else None, **parts)
            start += len(block)

    def load(self) -> dict[str, np.ndarray | None]:
        return self._split(self.design.matrix())

    def _split(self, block: np.ndarray) -> dict[str, Any]:
        def columns(role: str, kept: np.ndarray | None = None) -> np.ndarray:
            places = np.asarray(self.at[role], int)
            if kept is not None:
                places = places[kept]
            if len(places) and places[-1] - places[0] + 1 == len(places):
                return block[:, places[0] : places[-1] + 1]  # a view
            return np.asfortranarray(block[:, places])

        def column(role: str) -> np.ndarray | None:
            return block[:, self.at[role][0]] if self.at[role] else None

        clusters, mask = column("clusters"), column("population")
        return {
            "outcome": column("outcome"),
            "treatment": column("treatment"),
            "covariates": columns("covariates", self.kept_x),
            "mediators": columns("mediators"),
            "instruments": columns("instruments", self.kept_z),
            "weights": column("weights"),
            "clusters": None if clusters is None else clusters.astype(np.int64),
            "population": None if mask is None else mask != 0,
        }


def _loaded(source: _DesignRows, fields: Mapping[str, Any], matrix: np.ndarray) -> Sample:
    """All rows in memory, as columns of one matrix where nothing was left out."""
    sample = Sample(**source._split(matrix), **fields)
    if source._whole:
        object.__setattr__(sample, "_block", matrix)
    return sample
