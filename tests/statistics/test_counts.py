"""Contingency tables: a monoid, margins, conditionals, large state spaces, the G-squared test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.statistics import (
    BadBlock,
    Counts,
    DifferentVariables,
    EmptyStratum,
    TooManyCells,
    UnknownLevel,
    UnknownVariable,
    independence,
)

LEVELS = {"a": ("x", "y"), "b": (0, 1, 2), "c": ("u", "v", "w", "z")}


@st.composite
def samples(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.integers(0, 60))
    codes = np.column_stack([rng.integers(0, len(each), rows) for each in LEVELS.values()])
    return codes, rng.integers(0, 4, rows).astype(float) if draw(st.booleans()) else None


def dense(codes, weights):
    table = np.zeros((2, 3, 4))
    np.add.at(table, tuple(codes.T), 1.0 if weights is None else weights)
    return table


@given(samples(), samples())
@settings(deadline=None, max_examples=60)
def test_counts_are_a_monoid(first, second):
    a, b = Counts.of(first[0], LEVELS, first[1]), Counts.of(second[0], LEVELS, second[1])
    np.testing.assert_array_equal(a.table, dense(*first))
    np.testing.assert_array_equal((a + b).table, dense(*first) + dense(*second))
    np.testing.assert_array_equal((a + b).table, (b + a).table)
    np.testing.assert_array_equal(((a + b) - b).table, a.table)
    np.testing.assert_array_equal(sum([a, b]).table, (a + b).table)
    assert (a.values > 0).all() and (np.diff(a.cells) > 0).all()


@given(samples())
@settings(deadline=None, max_examples=60)
def test_margins_and_conditionals(sample):
    counts, table = Counts.of(sample[0], LEVELS, sample[1]), dense(*sample)
    np.testing.assert_array_equal(counts.marginal(["c", "a"]).table, table.sum(axis=1).T)
    np.testing.assert_array_equal(counts.where({"b": 1}).table, table[:, 1])
    np.testing.assert_array_equal(counts.where({"b": 1, "a": "y", "c": "w"}).total, table[1, 1, 2])
    shares = counts.conditional(["b"], given=["c"], empty=0.5)
    held = table.sum(axis=(0, 1)) > 0
    np.testing.assert_allclose(shares[held].sum(axis=1), 1)
    assert (shares[~held] == 0.5).all()
    if counts.total:
        np.testing.assert_allclose(counts.conditional(["a", "b"]), table.sum(axis=2) / table.sum())


def test_kidney_stones():
    # Charig et al. 1986: success / all by treatment and size of the stone.
    table = np.array([[[6, 81], [71, 192]], [[36, 234], [25, 55]]], float)
    counts = Counts.of_table(
        table, {"treatment": ("open", "percutaneous"), "size": ("small", "large"), "success": (0, 1)}
    )
    crude = counts.conditional(["success"], given=["treatment"])[:, 1]
    np.testing.assert_allclose(crude, [0.7800, 289 / 350], atol=5e-5)
    by_size = counts.conditional(["success"], given=["treatment", "size"])[..., 1]
    standardised = by_size @ counts.conditional(["size"])
    np.testing.assert_allclose(standardised, [0.8325, 0.7789], atol=5e-5)


def test_a_state_space_too_large_for_a_table_is_sparse():
    names = [f"v{j}" for j in range(18)]
    levels = {name: tuple(range(10)) for name in names}
    codes = np.random.default_rng(1).integers(0, 10, (500, 18))
    counts = Counts.of(codes, levels)
    assert len(counts.cells) == 500 and counts.total == 500
    np.testing.assert_array_equal(counts.marginal(["v17"]).table, np.bincount(codes[:, 17], minlength=10))
    with pytest.raises(TooManyCells, match="dense table"):
        _ = counts.table
    with pytest.raises(TooManyCells, match="more than can be numbered"):
        Counts.of(np.zeros((1, 20), int), {f"v{j}": tuple(range(10)) for j in range(20)})


def test_bad_input_is_named():
    counts = Counts.of(np.array([[0, 1, 2]]), LEVELS)
    for make, error, told in (
        (lambda: Counts.of(np.zeros((2, 2), int), LEVELS), BadBlock, "shape \\(rows, 3\\)"),
        (
            lambda: Counts.of(np.array([[0, 3, 0]]), LEVELS),
            BadBlock,
            "'b' must be integers in 0..2, but row 1 has 3",
        ),
        (lambda: Counts.of(np.array([[0.5, 0, 0]]), LEVELS), BadBlock, "'a'"),
        (lambda: Counts.of_table(np.zeros((2, 2)), LEVELS), BadBlock, "shape \\(2, 3, 4\\)"),
        (lambda: counts.marginal(["d"]), UnknownVariable, "'d'"),
        (lambda: counts.where({"a": "yy"}), UnknownLevel, "Did you mean 'y'"),
        (lambda: counts.conditional(["a"], given=["b"]), EmptyStratum, "No row has b = 0"),
        (
            lambda: Counts.of(np.zeros((0, 3), int), LEVELS).conditional(["a"]),
            EmptyStratum,
            "There are no rows",
        ),
        (lambda: counts + counts.marginal(["a"]), DifferentVariables, "a, b, c"),
        (lambda: counts - (counts + counts), BadBlock, "more rows in a cell than the whole"),
        (
            lambda: counts.marginal(["a"]) + Counts.of(np.zeros((1, 1), int), {"a": ("x",)}),
            BadBlock,
            "same levels",
        ),
    ):
        with pytest.raises(error, match=told):
            make()
    assert repr(counts) == "Counts(a[2], b[3], c[4]; 1 rows in 1 cells)"


def test_independence_against_scipy():
    rng = np.random.default_rng(2)
    table = rng.integers(1, 30, (2, 3, 4)).astype(float)
    counts = Counts.of_table(table, LEVELS)
    marginal = stats.chi2_contingency(table.sum(axis=0), correction=False, lambda_="log-likelihood")
    ours = independence(counts, "b", "c")
    assert (ours.statistic, ours.degrees_of_freedom) == (pytest.approx(marginal.statistic), marginal.dof)
    assert ours.p_value == pytest.approx(marginal.pvalue)
    strata = [stats.chi2_contingency(each, correction=False, lambda_="log-likelihood") for each in table]
    ours = independence(counts, "b", "c", ["a"])
    assert ours.statistic == pytest.approx(sum(each.statistic for each in strata))
    assert ours.degrees_of_freedom == sum(each.dof for each in strata)


def test_independence_is_calibrated_and_has_power():
    rng = np.random.default_rng(3)
    rejected = {0.0: 0, 0.7: 0}
    for strength in rejected:
        for _ in range(400):
            z = rng.integers(0, 3, 600)
            x = rng.random(600) < 0.3 + 0.2 * z
            y = (rng.random(600) < 0.2 + 0.2 * z) ^ (x & (rng.random(600) < strength))
            test = independence(
                Counts.of(np.column_stack([x, y, z]), {"x": (0, 1), "y": (0, 1), "z": (0, 1, 2)}),
                "x",
                "y",
                ["z"],
            )
            rejected[strength] += test.p_value < 0.05
    # 400 draws at 5%: 20 with a Monte-Carlo error of 4.4; four of those each way.
    assert 3 <= rejected[0.0] <= 37
    assert rejected[0.7] > 380
    # Given a variable that determines x, nothing is left to test.
    codes = np.array([[0, 0], [1, 1], [1, 0]])
    twin = Counts.of(np.column_stack([codes, codes[:, 0]]), {"x": (0, 1), "y": (0, 1), "z": (0, 1)})
    nothing = independence(twin, "x", "y", ["z"])
    assert nothing.degrees_of_freedom == 0 and nothing.p_value == 1
