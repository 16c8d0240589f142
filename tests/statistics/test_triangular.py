"""QR by shards: NIST's certified digits, laws of merging, weights, bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nist import REFERENCES

from aitia.statistics import (
    CollinearColumns,
    DifferentVariables,
    Moments,
    NonFiniteRows,
    Triangular,
    UnknownVariable,
    least_squares,
    qr_least_squares,
    triangular,
)

# Correct digits owed: about 15 less the logarithm of the condition number, as one Householder QR in float64 gives.
# First for coefficients, then for standard errors and the other numbers. Filip's powers up to the tenth have a
# condition number near 1e9 once scaled; Wampler5's noise is 1e7 times the curve, which costs the coefficients.
DIGITS = {
    "Norris": (13, 12),
    "Pontius": (13, 11.5),
    "NoInt1": (14, 13),
    "NoInt2": (14, 13),
    "Longley": (12, 12),
    "Filip": (6.5, 6.5),
    "Wampler1": (12, 9),
    "Wampler2": (12, 13),
    "Wampler3": (12, 12),
    "Wampler4": (11, 12),
    "Wampler5": (9, 12),
}


def digits(got, certified):
    """Correct significant digits of the worst of several numbers; of zero, digits after the point."""
    got, certified = np.atleast_1d(got), np.atleast_1d(certified)
    scale = np.where(certified == 0, 1.0, np.abs(certified))
    return float(-np.log10(np.maximum(np.abs(got - certified) / scale, 1e-17)).min())


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize("name", REFERENCES)
def test_certified_digits(name, shards):
    reference = REFERENCES[name]
    columns = [f"x{j}" for j in range(reference.regressors.shape[1])]
    rows = np.column_stack([reference.regressors, reference.outcome])
    fit = qr_least_squares(
        np.array_split(rows, shards), [*columns, "y"], "y", columns, intercept=reference.intercept
    )
    of_coefficients, of_errors = DIGITS[name]
    assert digits(fit.coefficients, reference.coefficients) > of_coefficients
    assert digits(fit.std_errors, reference.std_errors) > of_errors
    assert digits(np.sqrt(fit.sigma2), reference.residual_deviation) > of_errors
    assert digits(fit.r_squared, reference.r_squared) > of_errors - 0.5
    if np.isfinite(reference.f_statistic):
        assert digits(fit.f_statistic, reference.f_statistic) > of_errors - 0.5
    else:
        assert fit.f_statistic > 1e20


@pytest.mark.parametrize(("name", "owed"), [("Norris", 12), ("Longley", 11), ("Wampler3", 9), ("NoInt1", 13)])
def test_moments_keep_half_the_digits(name, owed):
    reference = REFERENCES[name]
    columns = [f"x{j}" for j in range(reference.regressors.shape[1])]
    rows = np.column_stack([reference.regressors, reference.outcome])
    fit = least_squares(Moments.of(rows, [*columns, "y"]), "y", columns, intercept=reference.intercept)
    assert digits(fit.coefficients, reference.coefficients) > owed


def test_moments_refuse_what_only_qr_can_solve():
    reference = REFERENCES["Filip"]
    columns = [f"x{j}" for j in range(10)]
    rows = np.column_stack([reference.regressors, reference.outcome])
    with pytest.raises(CollinearColumns):
        least_squares(Moments.of(rows, [*columns, "y"]), "y", columns)


@given(st.integers(0, 10_000), st.integers(1, 99), st.booleans(), st.booleans())
@settings(deadline=None, max_examples=40)
def test_shards_merge_in_any_order(seed, cut, weighted, intercept):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(100, 4)) * [1, 100, 0.01, 1] + rng.normal(size=4) * [0, 1e6, 1, 5]
    weights = rng.choice([0.0, 0.5, 2.0], 100) if weighted else None
    names = ["a", "b", "c", "y"]

    def part(at):
        return Triangular.of(rows[at], names, None if weights is None else weights[at])

    first, second = part(slice(0, cut)), part(slice(cut, None))
    fits = [
        each.least_squares("y", names[:3], intercept=intercept)
        for each in (part(slice(None)), first + second, second + first)
    ]
    for fit in fits[1:]:
        np.testing.assert_allclose(
            fit.coefficients[int(intercept) :], fits[0].coefficients[int(intercept) :], rtol=1e-7
        )
        np.testing.assert_allclose(fit.residual_sum, fits[0].residual_sum, rtol=1e-10)
        assert fit.count == fits[0].count and fit.weight == pytest.approx(fits[0].weight)
    # The factor's square is the Gram matrix.
    whole = part(slice(None))
    unit = np.ones(100) if weights is None else weights
    z = np.column_stack([np.ones(100), rows - whole.shift]) * np.sqrt(unit)[:, None]
    scale = np.linalg.norm(z, axis=0)
    np.testing.assert_allclose(
        whole.factor.T @ whole.factor / np.outer(scale, scale), z.T @ z / np.outer(scale, scale), atol=1e-13
    )


def test_threads_do_not_change_a_bit():
    rows = np.random.default_rng(1).normal(size=(150_000, 3))
    one, many = (triangular(np.array_split(rows, 3), ["a", "b", "y"], threads=t) for t in (1, 4))
    assert (one.factor == many.factor).all()


def test_sums_of_squares():
    rows = np.random.default_rng(2).normal(size=(50, 2)) + 3
    factor = Triangular.of(rows, ["a", "b"])
    assert factor.sums_of_squares(["b"]) == pytest.approx(np.sum((rows[:, 1] - rows[:, 1].mean()) ** 2))
    assert factor.sums_of_squares(["a", "Intercept"], centred=False) == pytest.approx(
        [np.sum(rows[:, 0] ** 2), 50]
    )


def test_bad_input_is_named():
    rows = np.ones((50_000, 2))
    rows[40_000, 0] = np.inf
    with pytest.raises(NonFiniteRows, match=r"'a'.*inf in row 40,001"):
        triangular(np.array_split(rows, 3), ["a", "b"])
    rows[0, 1] = np.nan
    with pytest.raises(NonFiniteRows, match=r"'b'.*nan in row 1"):
        Triangular.of(rows[:10], ["a", "b"])
    some = Triangular.of(np.random.default_rng(3).normal(size=(9, 2)), ["a", "b"])
    with pytest.raises(UnknownVariable, match="Did you mean 'a'"):
        some.least_squares("b", ["aa"])
    with pytest.raises(DifferentVariables):
        _ = some + Triangular.of(np.ones((2, 1)), ["a"])
