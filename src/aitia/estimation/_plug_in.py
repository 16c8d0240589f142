"""Plug-in: any identified formula, evaluated on the empirical distribution of discrete columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np

from aitia.core import AitiaError, Decision, listing, nearest, stream
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._estimator import Estimator, Fit, NotApplicable
from aitia.estimation._moment_estimator import rows_assumption
from aitia.estimation._sample import Sample, TreatmentKind
from aitia.identification import (
    ControlledDirect,
    Difference,
    Estimand,
    Expression,
    Interventional,
    Joint,
    Mean,
    NoSupport,
    Rule,
    Symbol,
    evaluate,
)

_MOST_LEVELS = 50
_MOST_CELLS = 2_000_000
# Numbers that one stack of perturbed distributions may hold.
_STACK = 4_000_000


class EmptyCell(AitiaError):
    """The formula conditions on a combination of values that no row has."""


@dataclass(frozen=True)
class PlugIn(Estimator):
    """The identified formula with every probability replaced by its relative frequency.

    For a formula psi(P) over discrete columns the estimate is psi(P_n), the nonparametric maximum-likelihood
    estimate. Its influence value for a row in cell c is the derivative of psi in the direction of that cell,

        phi(c) = d/de psi((1 - e) P_n + e delta_c) at e = 0,

    which gives the delta-method error, robust to everything and ready for clusters and survey weights.

    Args:
        interval: ``"delta"`` from the influence values; ``"bootstrap"`` the percentile interval of
            `replicates` multinomial (or whole-cluster) resamples, better where cells are thin.
        replicates: how many resamples a bootstrap draws.

    Raises:
        EmptyCell: the formula conditions on a combination of values that no row has.

    Assumptions:
        Those of the formula, and that every cell it conditions on has positive probability. Nothing is modelled.

    Source:
        van der Vaart (1998), Asymptotic Statistics, theorem 20.8 (delta method); the formula's own paper.

    Example:
        >>> PlugIn().describe()
        'plug-in of the formula'
    """

    interval: Literal["delta", "bootstrap"] = "delta"
    replicates: int = 1000

    name: ClassVar[str] = "plug-in"
    rules: ClassVar[frozenset[Rule]] = frozenset(
        {Rule.GENERAL, Rule.FRONT_DOOR, Rule.ADJUSTMENT, Rule.MEDIATION}
    )
    treatments: ClassVar[frozenset[str]] = frozenset({"binary", "categorical"})
    reference: ClassVar[str] = "van der Vaart 1998, theorem 20.8"

    def refusal(self, estimand: Estimand, sample: Sample) -> str:
        """As `Estimator.refusal`; also refuses columns with too many values to count."""
        refusal = super().refusal(estimand, sample)
        if refusal:
            return refusal
        for name in estimand.expression.variables:
            if name == sample.names[1]:
                continue
            distinct = len(_coded(sample, name).levels)
            if distinct > _MOST_LEVELS:
                return (
                    f"The plug-in counts combinations of values, and {name!r} has {distinct:,} of them (at most "
                    f"{_MOST_LEVELS}). Group its values into a few levels first."
                )
        return ""

    def describe(self) -> str:
        """The estimator with its interval."""
        return "plug-in of the formula" + (", bootstrap interval" if self.interval == "bootstrap" else "")

    def _fit(self, estimand: Estimand, sample: Sample, seed: int) -> Fit:
        names = estimand.expression.variables
        coded = _as_asked(estimand, sample, {name: _coded(sample, name) for name in names})
        if sample.names[1] in coded and len(coded[sample.names[1]].levels) > _MOST_LEVELS:
            raise NotApplicable(
                f"The plug-in counts combinations of values, and the outcome {sample.names[1]!r} has "
                f"{len(coded[sample.names[1]].levels):,} of them.",
                f"Group it into at most {_MOST_LEVELS} values, or use an estimator for this rule that takes numbers.",
            )
        shape = tuple(len(coded[name].levels) for name in names)
        size = int(np.prod(shape, dtype=float))
        if size > _MOST_CELLS:
            raise NotApplicable(
                f"The formula reads {listing(names)}: {size:,} combinations of values, more than {_MOST_CELLS:,}.",
                "Group values into fewer levels.",
            )
        cell = np.ravel_multi_index(tuple(coded[name].codes for name in names), shape)
        weight = np.ones(sample.n) if sample.weights is None else sample.weights
        mass = np.bincount(cell, weights=weight, minlength=size)
        levels = {name: coded[name].levels for name in names}
        functional = _Functional(_bound(estimand, sample, coded), names, shape, levels)

        try:
            value = float(functional(mass[None])[0])
        except NoSupport as error:
            raise EmptyCell(error.problem, error.next_step) from error
        if not np.isfinite(value):
            raise EmptyCell(
                f"The formula {estimand.text()} conditions on a combination of {listing(names)} that no row has.",
                "Merge rare levels, or use a model-based estimator.",
            )
        occupied = np.flatnonzero(mass)
        by_cell = np.zeros(size)
        by_cell[occupied] = functional.derivative(mass, occupied)
        thin = int((np.bincount(cell, minlength=size)[occupied] < 5).sum())
        interval, decisions = None, ()
        if self.interval == "bootstrap":
            interval, decisions = self._bootstrap(functional, cell, weight, sample, seed)
        return Fit(
            value=value,
            influence=by_cell[cell],
            interval=interval,
            diagnostics=(
                Diagnostic(
                    name="cells",
                    value=float(len(occupied)),
                    sentence=f"{len(occupied):,} of {size:,} combinations of {listing(names)} occur, {thin:,} of them "
                    "in fewer than five rows.",
                    warning=thin > len(occupied) / 4,
                ),
            ),
            assumptions=(rows_assumption(sample, self.name),),
            decisions=decisions,
        )

    def _bootstrap(
        self, functional: _Functional, cell: np.ndarray, weight: np.ndarray, sample: Sample, seed: int
    ) -> tuple[Callable[[float], tuple[float, float]], tuple[Decision, ...]]:
        random = stream(seed, "plug-in bootstrap")
        size = functional.size
        if sample.clusters is None:
            unit = np.arange(sample.n)
        else:
            unit = np.unique(sample.clusters, return_inverse=True)[1].reshape(-1)
        units = int(unit.max()) + 1
        draws = []
        for _ in range(self.replicates):
            times = np.bincount(random.integers(0, units, units), minlength=units)
            draws.append(np.bincount(cell, weights=weight * times[unit], minlength=size))
        values = np.concatenate([functional(np.array(part)) for part in _parts(draws, size)])
        undefined = int(np.isnan(values).sum())
        decisions = (
            (
                Decision(
                    f"left {undefined} of {self.replicates} resamples out, in which the formula is undefined",
                    "a combination of values it conditions on did not occur in them",
                ),
            )
            if undefined
            else ()
        )

        def interval(level: float) -> tuple[float, float]:
            low, high = np.nanquantile(values, [0.5 - level / 2, 0.5 + level / 2])
            return float(low), float(high)

        return interval, decisions


@dataclass(frozen=True, eq=False)
class _Coded:
    """A discrete column: codes, shape (n,), into levels."""

    codes: np.ndarray
    levels: tuple[Any, ...]


class _Functional:
    """A formula without free symbols as a function of (stacks of) cell masses."""

    def __init__(
        self,
        expression: Expression,
        names: tuple[str, ...],
        shape: tuple[int, ...],
        levels: Mapping[str, tuple[Any, ...]],
    ) -> None:
        self._expression, self._names, self._shape, self._levels = expression, names, shape, levels
        self.size = int(np.prod(shape, dtype=int))

    def __call__(self, masses: np.ndarray) -> np.ndarray:
        joint = Joint(self._names, masses.reshape(-1, *self._shape), self._levels)
        found = evaluate(self._expression, joint, allow_undefined=True)
        return np.broadcast_to(found.table.reshape(-1), (len(masses),)).astype(float)

    def derivative(self, mass: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """phi(c) for each of the cells, by central differences with one step of Richardson's extrapolation.

        The formula is a ratio of polynomials in the masses and each step is relative to the cell's own mass, so
        the error is of order 1e-9 of the value.
        """
        total = mass.sum()
        step = 2e-3 * mass[cells]
        found = []
        for part in _parts(np.arange(len(cells)), self.size * 4):
            chosen, h = cells[part], step[part]
            stack = np.repeat(mass[None], 4 * len(chosen), axis=0)
            at = np.arange(len(chosen))
            for k, scale in enumerate((1.0, -1.0, 0.5, -0.5)):
                stack[at + k * len(chosen), chosen] += scale * h
            values = self(stack).reshape(4, len(chosen))
            wide = (values[0] - values[1]) / (2 * h)
            narrow = (values[2] - values[3]) / h
            # Masses are normalised by the evaluation, so d/dm_c = phi(c) / total.
            found.append((4 * narrow - wide) / 3 * total)
        return np.concatenate(found)


def _parts(items: Any, size: int) -> list[Any]:
    step = max(1, _STACK // max(size, 1))
    return [items[i : i + step] for i in range(0, len(items), step)]


def _coded(sample: Sample, name: str) -> _Coded:
    """A column of the sample as codes into its levels, whatever role it plays."""
    treatment, outcome = sample.names
    if name == treatment:
        if sample.treatment_kind is TreatmentKind.CONTINUOUS:
            levels, codes = np.unique(sample.treatment, return_inverse=True)
            return _Coded(codes.reshape(-1), tuple(levels.tolist()))
        return _Coded(sample.treatment.astype(np.intp), tuple(range(sample.arms)))
    if name == outcome:
        levels, codes = np.unique(sample.outcome, return_inverse=True)
        return _Coded(codes.reshape(-1), tuple(levels.tolist()))
    block, encoded = _columns(sample, name)
    if encoded == [name]:
        levels, codes = np.unique(block[:, 0], return_inverse=True)
        return _Coded(codes.reshape(-1), tuple(levels.tolist()))
    # One-hot without the baseline: the level whose column is missing is where all others are zero.
    labels = {f"{name}[{level}]": level for level in sample.levels.get(name, ())}
    shown = [labels.get(each, each) for each in encoded]
    baseline = [level for level in sample.levels.get(name, ()) if level not in shown]
    codes = np.where(block.any(axis=1), block.argmax(axis=1) + 1, 0)
    return _Coded(codes, (baseline[0] if baseline else f"{name} (baseline)", *shown))


def _columns(sample: Sample, name: str) -> tuple[np.ndarray, list[str]]:
    if name in sample.covariate_groups:
        at = list(sample.covariate_groups[name])
        return sample.covariates[:, at], [sample.covariate_names[j] for j in at]
    for block, names in (
        (sample.mediators, sample.mediator_names),
        (sample.instruments, sample.instrument_names),
    ):
        at = [j for j, each in enumerate(names) if each == name or each.startswith(f"{name}[")]
        if at:
            return block[:, at], [names[j] for j in at]
    raise NotApplicable(
        f"The formula reads {name!r}, which the sample does not hold as discrete values.",
        "Draw the sample with Sample.draw(table, estimand), without a formula for the covariates.",
    )


def _as_asked(estimand: Estimand, sample: Sample, coded: dict[str, _Coded]) -> dict[str, _Coded]:
    """Levels spelled as the question spells them ("1" for 1.0): its formula has them bound in that spelling."""
    question = estimand.question
    asked: list[tuple[str, int, object]] = []
    if question.contrast is not None and question.treatment in coded:
        values = (question.contrast.treated, question.contrast.control)
        asked += [(question.treatment, int(code), value) for code, value in zip(sample.contrast, values)]
    if isinstance(question, ControlledDirect):
        for name, value in zip(question.mediators, question.levels):
            if name in coded:
                levels = coded[name].levels
                asked.append((name, levels.index(_level(name, coded[name], value)), value))
    for name, position, value in asked:
        levels = coded[name].levels
        coded[name] = replace(coded[name], levels=(*levels[:position], value, *levels[position + 1 :]))
    return coded


def _bound(estimand: Estimand, sample: Sample, coded: Mapping[str, _Coded]) -> Expression:
    """The estimand's formula with the compared treatment values and the given values put in: a number."""
    question, expression = estimand.question, estimand.expression
    if not isinstance(question, Interventional):
        treated, control = (coded[question.treatment].levels[int(each)] for each in sample.contrast)
        at: dict[Symbol | str, object] = {
            Symbol(question.treatment): treated,
            Symbol(question.treatment, 1): control,
        }
        return _complete(expression.bind(at), coded)
    if len(question.treatments) != 1 or len(question.outcomes) != 1:
        raise NotApplicable(
            "An effect is estimated for one treatment and one outcome.",
            "Ask for one outcome, or evaluate the formula yourself with identification.evaluate.",
        )
    if len(question.at) != len(question.given):
        raise NotApplicable(
            f"The question conditions on {listing(question.given)} but gives {len(question.at)} value(s) for it.",
            "Say at which values: Interventional(..., given=('z',), at=(1,)).",
        )
    given = {
        Symbol(name): _level(name, coded[name], value) for name, value in zip(question.given, question.at)
    }
    mean = Mean(Symbol(question.outcome), expression)
    treated, control = (
        mean.bind({**given, Symbol(question.treatment): coded[question.treatment].levels[int(each)]})
        for each in sample.contrast
    )
    return _complete(Difference(treated, control), coded)


def _level(name: str, column: _Coded, value: object) -> object:
    for level in column.levels:
        if level == value or str(level) == str(value):
            return level
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = None
    for level in column.levels:
        if number is not None and isinstance(level, int | float) and level == number:
            return level
    raise NotApplicable(
        f"The column {name!r} has no value {value!r}.", nearest(str(value), map(str, column.levels))
    )


def _complete(expression: Expression, coded: Mapping[str, _Coded]) -> Expression:
    """A formula may keep a free variable whose value does not matter; any value of it will do."""
    any_value: dict[Symbol | str, object] = {each: coded[each.name].levels[0] for each in expression.free}
    return expression.bind(any_value)
