"""Evaluate a formula exactly on a discrete joint distribution."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product as cartesian
from typing import Any

import numpy as np

from aitia.core import AitiaError, nearest
from aitia.identification._expression import (
    Covariance,
    Difference,
    Expectation,
    Expression,
    Mean,
    Number,
    Probability,
    Product,
    Ratio,
    Sum,
    Symbol,
)


class NoSupport(AitiaError):
    """A formula needs a conditional probability given something that never happens in the distribution."""


class UnknownLevel(AitiaError):
    """A formula or a condition names a variable or a level that the distribution does not have."""


@dataclass(frozen=True, eq=False)
class Joint:
    """A joint distribution of discrete variables, or a stack of them.

    Args:
        variables: the names of the axes.
        table: probabilities (or counts, or weights: they are normalised), shape ``(..., k_1, ..., k_p)`` with one axis
            for each variable; axes in front of them stack distributions (bootstrap replicates).
        levels: the level behind each position, by variable; 0, 1, ... where not given. Means read them as numbers.

    Raises:
        AitiaError: the table's axes do not fit the names and levels, or an entry is negative or not finite.

    Example:
        >>> joint = Joint(("t", "y"), np.array([[0.3, 0.1], [0.2, 0.4]]))
        >>> float(evaluate(Expectation("y", (Symbol("t", value=1),)), joint))
        0.6666666666666666
    """

    variables: tuple[str, ...]
    table: np.ndarray
    levels: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        table = np.asarray(self.table, dtype=float)
        names = self.variables
        if len(set(names)) != len(names) or table.ndim < len(names):
            raise AitiaError(
                f"A joint distribution of {len(names)} distinct variables needs as many axes; "
                f"the table has {table.ndim} and the names are {', '.join(names)}.",
                "Give one distinct name for each of the last axes.",
            )
        shape = table.shape[table.ndim - len(names) :]
        levels = {name: tuple(self.levels.get(name, range(k))) for name, k in zip(names, shape)}
        for name, k in zip(names, shape):
            if len(levels[name]) != k:
                raise AitiaError(
                    f"Variable {name!r} has {len(levels[name])} levels, but its axis has length {k}.",
                    "Give one level for each position of the axis.",
                )
        if not np.isfinite(table).all() or (table < 0).any():
            raise AitiaError(
                "A joint distribution has a negative or infinite entry, or one that is not a number.",
                "Give probabilities, counts or non-negative weights.",
            )
        axes = tuple(range(table.ndim - len(names), table.ndim))
        total = table.sum(axis=axes, keepdims=True)
        if (total == 0).any():
            raise NoSupport("A joint distribution has no mass at all.", "Give at least one row.")
        object.__setattr__(self, "table", table / total)
        object.__setattr__(self, "levels", levels)

    @property
    def stacked(self) -> tuple[int, ...]:
        """The shape of the stack: ``()`` for one distribution."""
        return self.table.shape[: self.table.ndim - len(self.variables)]

    def marginal(self, names: Sequence[str]) -> np.ndarray:
        """The joint table of some variables, shape ``(..., *levels of the names, in their order)``."""
        for name in names:
            if name not in self.variables:
                raise UnknownLevel(
                    f"The distribution has no variable {name!r}.", nearest(name, self.variables)
                )
        before = len(self.stacked)
        drop = tuple(before + i for i, each in enumerate(self.variables) if each not in names)
        kept = [each for each in self.variables if each in names]
        table = self.table.sum(axis=drop)
        order = [before + kept.index(name) for name in names]
        return table.transpose([*range(before), *order])

    def position(self, name: str, level: object) -> int:
        """Where a level stands on the axis of a variable."""
        levels = self.levels[name]
        if level not in levels:
            raise UnknownLevel(
                f"Variable {name!r} has no level {level!r}.", nearest(str(level), map(str, levels))
            )
        return levels.index(level)

    def numbers(self, name: str) -> np.ndarray:
        """The levels of a variable as numbers."""
        try:
            return np.asarray(self.levels[name], dtype=float)
        except (TypeError, ValueError):
            raise UnknownLevel(
                f"A mean of {name!r} needs numbers, but its levels are {self.levels[name]!r}.",
                "Code the levels as numbers.",
            ) from None


@dataclass(frozen=True, eq=False)
class Factor:
    """A function of free symbols: what a formula evaluates to.

    Args:
        symbols: its arguments, in the order of the last axes of the table.
        table: its values; axes in front stack distributions.
    """

    symbols: tuple[Symbol, ...]
    table: np.ndarray

    def __float__(self) -> float:
        if self.table.size != 1:
            raise AitiaError(
                f"The formula is still a function of {', '.join(s.text() for s in self.symbols)}.",
                "Fix these first: evaluate(expression, joint, at={...}).",
            )
        return float(self.table.reshape(()))


def evaluate(
    expression: Expression,
    joint: Joint,
    *,
    at: Mapping[Symbol | str, object] | None = None,
    where: Mapping[str, Callable[[Mapping[str, np.ndarray]], np.ndarray]] | None = None,
    allow_undefined: bool = False,
) -> Factor:
    """Compute a formula from a discrete joint distribution, exactly.

    Sums are done by variable elimination, so that a sum of products never builds the full table. A conditional
    probability given an event of probability zero is undefined; it counts for nothing where it is multiplied by zero.

    Args:
        expression: the formula.
        joint: the distribution, or a stack of distributions.
        at: levels of free symbols (``{"t": 1, "t'": 0}``).
        where: for a formula with a condition, a function from columns to a mask; without one the condition
            is read as `aitia.data.Condition` reads it.
        allow_undefined: return NaN where the formula is undefined instead of raising (for stacks of replicates).

    Returns:
        A `Factor` over the symbols left free; ``float(...)`` of it is the number where none is.

    Raises:
        NoSupport: the formula is undefined on this distribution (positivity fails).
        UnknownLevel: a variable or level is not in the distribution.

    Example:
        >>> from aitia.identification import symbols
        >>> adjusted = Sum(symbols("z"), Product((Expectation("y", symbols("tz")), Probability(symbols("z")))))
        >>> stones = Joint(("z", "t", "y"), np.array([[[36, 234], [6, 81]], [[25, 55], [71, 192]]]))
        >>> [round(float(evaluate(adjusted, stones, at={"t": t})), 4) for t in (1, 0)]
        [0.8325, 0.7789]
    """
    if at:
        expression = expression.bind(at)
    with np.errstate(divide="ignore", invalid="ignore"):
        result = _evaluate(expression, _Context(joint, dict(where or {})))
    table = np.broadcast_to(
        result.table, joint.stacked + result.table.shape[result.table.ndim - len(result.symbols) :]
    )
    if not allow_undefined and np.isnan(table).any():
        raise NoSupport(
            f"The formula {expression.text()} conditions on something that never happens in these data.",
            "Drop or merge rare levels, trim the population to where all treatments occur, or use a "
            "model-based estimator.",
        )
    return Factor(result.symbols, table)


@dataclass(frozen=True)
class _Context:
    joint: Joint
    where: dict[str, Callable[[Mapping[str, np.ndarray]], np.ndarray]]

    def mask(self, condition: str, reads: Sequence[str]) -> np.ndarray:
        """Which combinations of levels of `reads` meet the condition."""
        grid = np.array(list(cartesian(*(self.joint.levels[name] for name in reads))), dtype=object)
        columns = {name: np.array(grid[:, i].tolist()) for i, name in enumerate(reads)}
        if condition in self.where:
            mask = self.where[condition](columns)
        else:
            # The data room's reader of conditions runs nobody's code, and is the one that draws the rows.
            import pyarrow as pa

            from aitia.data import Condition, read

            table = read(columns)
            read_columns = {name: pa.array(values) for name, values in columns.items()}
            mask = Condition(condition, tuple(columns), table.column).evaluate(read_columns)
        return np.asarray(mask, dtype=bool).reshape([len(self.joint.levels[name]) for name in reads])


def _evaluate(expression: Expression, context: _Context) -> Factor:
    match expression:
        case Probability():
            return _probability(expression, context)
        case Expectation(outcome, given):
            y = fresh_symbol(outcome, given)
            conditional = _probability(Probability((y,), given), context)
            return _weighted_sum(conditional, y, context.joint)
        case Number(value):
            return Factor((), np.asarray(float(value)))
        case Covariance():
            return _covariance(expression, context.joint)
        case Sum(over, body):
            return _sum(over, body, context)
        case Mean(outcome, body):
            return _weighted_sum(_evaluate(body, context), outcome, context.joint)
        case Product(factors):
            result = Factor((), np.ones(()))
            for each in factors:
                result = _combine(result, _evaluate(each, context), _times)
            return result
        case Ratio(numerator, denominator):
            return _combine(_evaluate(numerator, context), _evaluate(denominator, context), np.divide)
        case Difference(first, second):
            return _combine(_evaluate(first, context), _evaluate(second, context), np.subtract)
        case _:
            raise TypeError(f"no rule to evaluate {type(expression).__name__}")


def fresh_symbol(name: str, others: Sequence[Symbol]) -> Symbol:
    """A symbol of the variable that is not among the others."""
    primes = 0
    while Symbol(name, primes) in others:
        primes += 1
    return Symbol(name, primes)


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    # Zero times undefined is zero: a stratum without mass counts for nothing.
    return np.where((a == 0) | (b == 0), 0.0, a * b)


def _combine(first: Factor, second: Factor, operation: Callable[[Any, Any], Any]) -> Factor:
    union = (*first.symbols, *(s for s in second.symbols if s not in first.symbols))
    return Factor(union, operation(_aligned(first, union), _aligned(second, union)))


def _aligned(factor: Factor, union: tuple[Symbol, ...]) -> np.ndarray:
    stack = factor.table.ndim - len(factor.symbols)
    order = [stack + factor.symbols.index(s) for s in union if s in factor.symbols]
    table = factor.table.transpose([*range(stack), *order])
    missing = tuple(stack + i for i, s in enumerate(union) if s not in factor.symbols)
    return np.expand_dims(table, missing)


def _probability(leaf: Probability, context: _Context) -> Factor:
    joint = context.joint
    # One axis a symbol: P(t, t') of two values of one variable is zero off the diagonal.
    symbols = tuple(dict.fromkeys((*leaf.of, *leaf.given)))
    names = tuple(dict.fromkeys([*(s.name for s in symbols), *leaf.reads]))
    table = joint.marginal(names)
    stack = len(joint.stacked)
    if leaf.where:
        mask = context.mask(leaf.where, leaf.reads)
        shaped = Factor(tuple(Symbol(name) for name in leaf.reads), mask.astype(float))
        table = table * _aligned(shaped, tuple(Symbol(name) for name in names))
        extra = tuple(stack + i for i, name in enumerate(names) if name not in {s.name for s in symbols})
        table = table.sum(axis=extra)
        names = tuple(name for name in names if name in {s.name for s in symbols})
    both = _spread(table, names, symbols, joint, stack)
    given = tuple(dict.fromkeys(leaf.given))
    axes = tuple(stack + i for i, name in enumerate(names) if name not in {s.name for s in given})
    below_names = tuple(name for name in names if name in {s.name for s in given})
    below = _spread(table.sum(axis=axes), below_names, given, joint, stack)
    return _combine(both, below, np.divide)


def _spread(
    table: np.ndarray, names: tuple[str, ...], symbols: tuple[Symbol, ...], joint: Joint, stack: int
) -> Factor:
    """A table over variables as a function of symbols: fixed ones taken at their level."""
    free: list[Symbol] = []
    result = Factor(tuple(Symbol(name) for name in names), table)
    for name in names:
        here = [s for s in symbols if s.name == name]
        axis = stack + result.symbols.index(Symbol(name))
        fixed = {joint.position(name, s.value) for s in here if not s.free}
        unbound = [s for s in here if s.free]
        k = len(joint.levels[name])
        if not unbound and len(fixed) == 1:
            kept = tuple(s for s in result.symbols if s != Symbol(name))
            result = Factor(kept, result.table.take(next(iter(fixed)), axis=axis))
            continue
        if not fixed and len(unbound) == 1:
            free.append(unbound[0])
            continue
        # Several values of one variable in one event: all have to agree.
        agree = np.zeros((k,) + (k,) * len(unbound))
        for i in range(k):
            if fixed <= {i}:
                agree[(i,) * (1 + len(unbound))] = 1.0
        selector = Factor((Symbol(name), *(Symbol(name, -1 - j) for j in range(len(unbound)))), agree)
        merged = _combine(result, selector, np.multiply)
        axis = merged.table.ndim - len(merged.symbols) + merged.symbols.index(Symbol(name))
        kept = tuple(s for s in merged.symbols if s != Symbol(name))
        renamed = tuple(unbound[-1 - s.primes] if s.name == name else s for s in kept)
        result = Factor(renamed, merged.table.sum(axis=axis))
    renames = {Symbol(s.name): s for s in free}
    return Factor(tuple(renames.get(s, s) for s in result.symbols), result.table)


def _weighted_sum(factor: Factor, outcome: Symbol, joint: Joint) -> Factor:
    if outcome not in factor.symbols:
        return Factor(factor.symbols, factor.table * joint.numbers(outcome.name).sum())
    values = Factor((outcome,), joint.numbers(outcome.name))
    return _sum_out(_combine(factor, values, _times), outcome)


def _sum_out(factor: Factor, symbol: Symbol) -> Factor:
    axis = factor.table.ndim - len(factor.symbols) + factor.symbols.index(symbol)
    return Factor(tuple(s for s in factor.symbols if s != symbol), factor.table.sum(axis=axis))


def _sum(over: tuple[Symbol, ...], body: Expression, context: _Context) -> Factor:
    parts = body.factors if isinstance(body, Product) else (body,)
    factors = [_evaluate(each, context) for each in parts]
    waiting = list(over)
    while waiting:
        symbol = min(waiting, key=partial(_width, factors))
        waiting.remove(symbol)
        inside = [f for f in factors if symbol in f.symbols]
        factors = [f for f in factors if symbol not in f.symbols]
        if not inside:
            factors.append(Factor((), np.array(float(len(context.joint.levels[symbol.name])))))
            continue
        merged = inside[0]
        for each in inside[1:]:
            merged = _combine(merged, each, _times)
        factors.append(_sum_out(merged, symbol))
    result = Factor((), np.ones(()))
    for each in factors:
        result = _combine(result, each, _times)
    return result


def _width(factors: list[Factor], symbol: Symbol) -> int:
    """How many symbols the product of all factors that hold this one has."""
    return len({s for f in factors if symbol in f.symbols for s in f.symbols})


def _covariance(leaf: Covariance, joint: Joint) -> Factor:
    names = tuple(dict.fromkeys((leaf.first, leaf.second, *leaf.given)))
    table = joint.marginal(names)
    stack = len(joint.stacked)
    a = joint.numbers(leaf.first)
    b = joint.numbers(leaf.second)
    union = tuple(Symbol(name) for name in names)
    first = _aligned(Factor((Symbol(leaf.first),), a), union)
    second = _aligned(Factor((Symbol(leaf.second),), b), union)
    axes = tuple(stack + i for i, name in enumerate(names) if name not in leaf.given)
    mass = table.sum(axis=axes)
    mean_a, mean_b, cross = ((table * each).sum(axis=axes) for each in (first, second, first * second))
    within = np.where(mass > 0, cross - mean_a * mean_b / np.where(mass > 0, mass, 1.0), 0.0)
    return Factor((), within.sum(axis=tuple(range(stack, within.ndim))))
