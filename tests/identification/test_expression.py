"""Formulas: printing, binding, renaming without capture, simplification, and evaluation by the definition."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.core import stream
from aitia.identification import (
    Covariance,
    Difference,
    Expectation,
    Expression,
    Joint,
    Mean,
    NoSupport,
    Probability,
    Product,
    Ratio,
    Sum,
    Symbol,
    UnknownLevel,
    evaluate,
    symbols,
)
from aitia.identification._algebra import mean, product, ratio, summed
from aitia.identification._joint import Factor

NAMES = "abcd"


def joint(seed: int = 0, levels: int = 2) -> Joint:
    return Joint(tuple(NAMES), stream(seed, "joint").dirichlet(np.ones(levels**4)).reshape((levels,) * 4))


def table(expression: Expression, distribution: Joint) -> Factor:
    return evaluate(expression, distribution)


def same(first: Factor, second: Factor) -> None:
    """The two functions agree on all symbols of either (one may leave out what it does not depend on)."""
    union = tuple(dict.fromkeys((*first.symbols, *second.symbols)))

    def full(each: Factor) -> np.ndarray:
        values, have = each.table, list(each.symbols)
        for symbol in union:
            if symbol not in have:
                values, have = np.stack([values, values], axis=-1), [*have, symbol]
        return values.transpose([have.index(symbol) for symbol in union])

    np.testing.assert_allclose(full(first), full(second), atol=1e-12)


leaves = st.builds(
    lambda chosen, cut: Probability(symbols(chosen[: max(cut, 1)]), symbols(chosen[max(cut, 1) :])),
    st.permutations(NAMES).flatmap(lambda names: st.integers(1, 4).map(lambda k: names[:k])),
    st.integers(1, 3),
)


@st.composite
def formulas(draw, depth: int = 2) -> Expression:
    if depth == 0:
        return draw(leaves)
    kind = draw(st.sampled_from(["leaf", "product", "sum", "difference", "ratio"]))
    if kind == "leaf":
        return draw(leaves)
    if kind == "product":
        return Product((draw(formulas(depth - 1)), draw(formulas(depth - 1))))
    if kind == "difference":
        return Difference(draw(formulas(depth - 1)), draw(formulas(depth - 1)))
    if kind == "ratio":
        return Ratio(draw(formulas(depth - 1)), draw(leaves))
    body = draw(formulas(depth - 1))
    over = [symbol for symbol in body.free if draw(st.booleans())]
    return Sum(tuple(over), body) if over else body


@settings(max_examples=100, deadline=None)
@given(formulas())
def test_priming_bound_symbols_changes_no_value(expression: Expression):
    primed = expression.distinct()
    same(table(expression, joint()), table(primed, joint()))
    assert set(primed.free) == set(expression.free)


@settings(max_examples=100, deadline=None)
@given(formulas())
def test_renaming_free_symbols_renames_the_arguments_and_nothing_else(expression: Expression):
    # Where a is free, `distinct` makes inner sums run over a'; putting a' for a must not be captured by them.
    moved = expression.distinct().rename({Symbol("a"): Symbol("a", 1)})
    before, after = table(expression, joint()), table(moved, joint())
    back = tuple(Symbol("a") if s == Symbol("a", 1) else s for s in after.symbols)
    same(before, Factor(back, after.table))


def test_a_bound_symbol_steps_aside():
    inner = Sum((Symbol("a", 1),), Probability(symbols("b"), (Symbol("a"), Symbol("a", 1))))
    assert inner.rename({Symbol("a"): Symbol("a", 1)}).text() == "Σ_{a''} P(b | a', a'')"


@settings(max_examples=100, deadline=None)
@given(formulas())
def test_binding_is_slicing(expression: Expression):
    whole = table(expression, joint())
    for symbol in expression.free:
        if symbol in whole.symbols:
            part = evaluate(expression, joint(), at={symbol: 1})
            sliced = whole.table.take(1, axis=whole.symbols.index(symbol))
            same(Factor(tuple(s for s in whole.symbols if s != symbol), sliced), part)


@settings(max_examples=150, deadline=None)
@given(formulas(), formulas(), leaves, leaves, st.integers(0, 3))
def test_simplification_changes_no_value(
    first: Expression, second: Expression, one: Probability, other: Probability, k: int
):
    same(table(product([first, second]), joint()), table(Product((first, second)), joint()))
    below = Product((one, other))
    for above in (first, one, other, Product((first, one))):
        same(table(ratio(above, below), joint()), table(Ratio(above, below), joint()))
        same(table(ratio(above, one), joint()), table(Ratio(above, one), joint()))
    body = Product((first, second))
    over = body.free[:k]
    if over:
        try:
            inside = summed(over, body)
        except ValueError:  # a sum of a constant, which no formula of identification has
            return
        same(table(inside, joint()), table(Sum(over, body), joint()))
    if body.free:
        y = body.free[0]
        same(table(mean(y, body), joint()), table(Mean(y, body), joint()))


def test_stacked_distributions_are_evaluated_one_by_one():
    stack = np.stack([joint(seed).table for seed in range(3)])
    expression = Sum(symbols("b"), Product((Expectation("a", symbols("bc")), Probability(symbols("b")))))
    together = evaluate(expression, Joint(tuple(NAMES), stack), at={"c": 1}).table
    apart = [float(evaluate(expression, joint(seed), at={"c": 1})) for seed in range(3)]
    np.testing.assert_allclose(together, apart, rtol=1e-12)


def test_covariance_is_the_average_within_strata():
    rng = stream(1, "covariance")
    rows = rng.integers(0, 3, (500, 3))
    counts = np.zeros((3, 3, 3))
    np.add.at(counts, tuple(rows.T), 1)
    within = sum(
        (rows[:, 2] == w).mean() * np.cov(rows[rows[:, 2] == w, :2].T, bias=True)[0, 1] for w in range(3)
    )
    value = float(evaluate(Covariance("a", "b", ("w",)), Joint(("a", "b", "w"), counts)))
    assert value == pytest.approx(within, abs=1e-12)
    plain = float(evaluate(Covariance("a", "b"), Joint(("a", "b", "w"), counts)))
    assert plain == pytest.approx(np.cov(rows[:, :2].T, bias=True)[0, 1], abs=1e-12)


def test_kidney_stones():
    # Charig et al. 1986, typed counts (small and large stones; failure, success; percutaneous, open). Standardised over
    # size: .8325 open and .7789 percutaneous, effect +0.0537 (recomputed by hand from the same counts).
    counts = np.array([[[36, 234], [6, 81]], [[25, 55], [71, 192]]])
    stones = Joint(("size", "t", "y"), counts, {"t": ("percutaneous", "open")})
    adjusted = Sum(
        symbols(["size"]), Product((Expectation("y", symbols(["t", "size"])), Probability(symbols(["size"]))))
    )
    high, low = (float(evaluate(adjusted, stones, at={"t": each})) for each in ("open", "percutaneous"))
    assert (round(high, 4), round(low, 4), round(high - low, 4)) == (0.8325, 0.7789, 0.0537)
    crude = float(evaluate(Expectation("y", symbols(["t"])), stones, at={"t": "open"}))
    assert round(crude, 4) == 0.78


def test_a_condition_selects_levels():
    distribution = Joint(("age", "y"), np.array([[1.0, 1], [2, 2], [3, 9]]), {"age": (20, 60, 80)})
    weights = Probability((Symbol("age"),), (), "age > 50", ("age",))
    np.testing.assert_allclose(evaluate(weights, distribution).table, [0, 4 / 16, 12 / 16])
    assert weights.text() == "P(age | age > 50)"
    either = Probability((Symbol("age"),), (), "age = 20 or age in (80)", ("age",))
    np.testing.assert_allclose(evaluate(either, distribution).table, [2 / 14, 0, 12 / 14])
    older = evaluate(weights, distribution, where={"age > 50": lambda columns: columns["age"] > 70})
    np.testing.assert_allclose(older.table, [0, 0, 1])


def test_two_values_of_one_variable_in_one_event_have_to_agree():
    both = evaluate(Probability((Symbol("a"), Symbol("a", 1))), joint())
    np.testing.assert_allclose(both.table, np.diag(joint().marginal("a")))
    assert float(evaluate(Probability((Symbol("a", value=0), Symbol("a", value=1))), joint())) == 0


def test_what_never_happens_is_named_and_counts_for_nothing_at_weight_zero():
    empty = Joint(("z", "t", "y"), np.array([[[1.0, 1], [1, 3]], [[0, 0], [2, 2]]]))
    adjusted = Sum(symbols("z"), Product((Expectation("y", symbols("tz")), Probability(symbols("z")))))
    with pytest.raises(NoSupport, match="never happens"):
        evaluate(adjusted, empty, at={"t": 0})
    assert np.isnan(evaluate(adjusted, empty, at={"t": 0}, allow_undefined=True).table)
    among = Sum(
        symbols("z"),
        Product((Expectation("y", symbols("tz")), Probability(symbols("z"), (Symbol("t", value=0),)))),
    )
    assert float(evaluate(among, empty, at={"t": 0})) == 0.5


def test_bad_distributions_and_levels_are_named():
    with pytest.raises(UnknownLevel, match="no level 7"):
        evaluate(Probability(symbols("a")), joint(), at={"a": 7})
    with pytest.raises(UnknownLevel, match="no variable 'e'"):
        evaluate(Probability(symbols("e")), joint())
    with pytest.raises(UnknownLevel, match="needs numbers"):
        evaluate(Expectation("y"), Joint(("y",), np.ones(2), {"y": ("no", "yes")}))
    for bad in (np.array([-1.0, 2.0]), np.array([np.nan, 1.0])):
        with pytest.raises(Exception, match="negative or infinite"):
            Joint(("y",), bad)
    with pytest.raises(NoSupport, match="no mass"):
        Joint(("y",), np.zeros(2))
    with pytest.raises(Exception, match="still a function of a"):
        float(evaluate(Probability(symbols("a")), joint()))


def test_hostile_names_print_harmlessly():
    name = 'rate_%{}"<b>|\n$'
    leaf = Probability((Symbol(name),), symbols("t"))
    assert repr(name) in leaf.text()
    assert r"rate\_\%\{\}" in leaf.latex() and "\n" not in leaf.latex()
    bound = leaf.bind({Symbol(name): "</script>"})
    assert "</script>" in bound.text()
