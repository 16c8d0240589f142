"""Bad input to mechanisms gets a named error with a remedy."""

from __future__ import annotations

import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import FitError, MechanismError
from aitia.programs.mechanisms import (
    ConditionalFlow,
    ConstantParent,
    Gamma,
    GaussianProcess,
    GeneralisedLinear,
    Linear,
    Marginal,
    NotConvertible,
    NotLearned,
    Poisson,
    Root,
    Spline,
    Table,
    TooFewRows,
    TreeEnsemble,
    UnseenLevel,
)

X = np.linspace(-1, 1, 40)
Y = X + np.sin(7 * X)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Linear("age", categorical=["aeg"]), "'aeg' is not among the mechanism's parents"),
        (lambda: Linear("age", "age"), "named twice"),
        (lambda: Linear("age", categorical={"age": 1}), "has 1 level"),
        (lambda: Linear("age", varying="age"), "no group is given"),
        (lambda: Linear("age", per="school", varying="height"), "no column 'height'"),
        (lambda: Linear("age", priors={"slope": dist.Normal(0, 1)}), "no such parameter"),
        (
            lambda: Linear("age", priors={"slopes": dist.Normal(0, 1).expand((3,))}),
            r"shape \(3,\); it needs \(1,\)",
        ),
        (lambda: Spline("region", categorical={"region": 3}), "needs a parent that is a number"),
        (lambda: GaussianProcess("age", boundary=1.0), "boundary factor 1.0"),
        (lambda: TreeEnsemble("age", estimator="forest"), "has no fit and predict"),
        (lambda: Table("a", parent_levels={"b": 2}), "'b' is not among"),
        (lambda: Table("a", "b", levels=range(9), parent_levels={"a": 900, "b": 900}), "cells"),
        (lambda: ConditionalFlow("age", size=1), "two numbers at least"),
        (lambda: Linear(3), "named by a text"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_a_mechanism_that_cannot_be_is_refused_where_it_is_made(make, says):
    with pytest.raises(MechanismError, match=says) as raised:
        make()
    assert raised.value.next_step


@pytest.mark.parametrize(
    ("mechanism", "parents", "values", "kind", "says"),
    [
        (Linear("x"), {"x": np.ones(40)}, Y, ConstantParent, "'x' has the same value in all 40 rows"),
        (
            Linear("x"),
            {"x": np.where(X > 0.9, np.nan, X)},
            Y,
            FitError,
            "missing or infinite values; the first is in row",
        ),
        (Linear("x"), {"x": X[:30]}, Y, FitError, "has 30 rows where 40 were expected"),
        (Linear("x", categorical={"x": 2}), {"x": np.arange(40) % 3}, Y, UnseenLevel, "value 2 in row 2"),
        (Linear("x", categorical=["x"]), {"x": X}, Y, UnseenLevel, "its levels are 0, 1"),
        (Root(), {}, np.ones(40), FitError, "same value in all 40 rows"),
        (Root(Poisson()), {}, X, FitError, "Poisson gives whole numbers from 0; row 0 has -1"),
        (GeneralisedLinear("x", family=Gamma()), {"x": X}, Y, FitError, "gamma gives positive numbers"),
        (Spline("x", intervals=10), {"x": np.arange(40) % 5}, Y, TooFewRows, "5 distinct values"),
        (GaussianProcess("x"), {"x": np.arange(40) % 2}, Y, TooFewRows, "2 distinct values"),
        (Marginal(), {}, Y[:5], TooFewRows, "10 rows"),
        (TreeEnsemble("x"), {"x": X[:10]}, Y[:10], TooFewRows, "needs 20 rows"),
        (TreeEnsemble("x"), {}, Y, FitError, "no data on the parent 'x'"),
        (ConditionalFlow("x"), {"x": X[:10]}, Y[:10], TooFewRows, "20 rows"),
        (ConditionalFlow("x", size=3), {"x": X}, Y, FitError, r"shape \(3,\)"),
        (
            Table("x", parent_levels={"x": 2}),
            {"x": np.arange(40) % 3},
            np.arange(40) % 2,
            UnseenLevel,
            "value 2",
        ),
    ],
    ids=lambda each: type(each).__name__ if hasattr(each, "parents") else "",
)
def test_columns_that_cannot_be_learned_from_are_refused_by_name(mechanism, parents, values, kind, says):
    with pytest.raises(kind, match=says) as raised:
        mechanism.learned(parents, values, seed=0)
    assert raised.value.next_step


def test_an_estimator_that_is_no_sum_of_trees_is_refused_by_name():
    from sklearn.ensemble import BaggingRegressor, GradientBoostingRegressor, HistGradientBoostingRegressor
    from sklearn.linear_model import Ridge

    for estimator in (
        BaggingRegressor(),
        Ridge(),
        HistGradientBoostingRegressor(loss="poisson"),
        GradientBoostingRegressor(init=Ridge()),
    ):
        with pytest.raises(NotConvertible, match=type(estimator).__name__):
            TreeEnsemble("x", estimator=estimator).learned({"x": X}, np.exp(Y), seed=0)


@pytest.mark.parametrize(
    "mechanism",
    [
        Spline("x"),
        GaussianProcess("x"),
        TreeEnsemble("x"),
        ConditionalFlow("x"),
        Table("x"),
        Linear("x", categorical=["x"]),
    ],
    ids=str,
)
def test_a_mechanism_that_must_see_data_first_says_so(mechanism):
    with pytest.raises(NotLearned, match="has not seen data"):
        mechanism.at({"x": 1.0}, {name: each.prior for name, each in mechanism.parameters.items()})
