"""Mechanisms beside closed forms and other packages."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs.mechanisms import (
    Bernoulli,
    Categorical,
    ConditionalFlow,
    Gamma,
    GeneralisedLinear,
    Linear,
    Matern52,
    Poisson,
    SquaredExponential,
    Table,
    TreeEnsemble,
)
from aitia.programs.mechanisms._bsplines import basis
from aitia.programs.mechanisms._gaussian_process import eigenfunctions
from aitia.programs.mechanisms._maximum import mode

FLAT = {"slopes": dist.Normal(0, 1e4), "intercept": dist.Normal(0, 1e4)}


@pytest.fixture(autouse=True)
def _double():
    with jax.enable_x64(True):
        yield


def _mode(mechanism, parents, values, groups=None) -> tuple[Any, dict[str, np.ndarray]]:
    learned = mechanism.learned(parents, values, seed=0)
    rows = len(values)
    n_groups = {name: int(each.max()) + 1 for name, each in (groups or {}).items()}
    found, ended = mode(learned, parents, values, np.ones((1, rows)), groups, n_groups)
    assert bool(ended.all())
    return learned, {name: np.asarray(each[0]) for name, each in found.items()}


def test_the_mode_of_a_linear_mechanism_is_ridge_regression():
    random = np.random.default_rng(0)
    x = random.normal([1.0, 50.0], [2.0, 9.0], (80, 2))
    y = 3 + x @ [0.5, -0.2] + random.normal(size=80)
    parents = {"a": x[:, 0], "b": x[:, 1]}
    _, found = _mode(Linear("a", "b", priors={"slopes": dist.Normal(0, 0.1)}), parents, y)
    rows = (x - x.mean(axis=0)) / x.std(axis=0)
    standard = (y - y.mean()) / y.std()
    # The normal equations with penalty spread² / prior variance.
    penalty = found["spread"] ** 2 / 0.1**2
    ridge = np.linalg.solve(rows.T @ rows + penalty * np.eye(2), rows.T @ standard)
    np.testing.assert_allclose(found["slopes"], ridge, atol=1e-6)
    # Flat priors: least squares, in the parents' own units.
    learned, found = _mode(Linear("a", "b", priors=FLAT), parents, y)
    least = np.linalg.lstsq(np.column_stack([np.ones(80), x]), y, rcond=None)[0]
    np.testing.assert_allclose(list(learned.coefficients(found).values()), least, rtol=1e-6)


@pytest.mark.parametrize("name", ["Bernoulli", "Poisson", "Gamma"])
def test_the_mode_under_flat_priors_is_that_of_statsmodels(name):
    sm = pytest.importorskip("statsmodels.api")
    random = np.random.default_rng(1)
    n = 400
    x, g = random.normal(3, 2, n), random.integers(0, 3, n)
    line = -1 + 0.4 * x + 0.5 * (g == 2)
    family, theirs, values = {
        "Bernoulli": (
            Bernoulli(),
            sm.families.Binomial(),
            (random.random(n) < 1 / (1 + np.exp(-line))).astype(int),
        ),
        "Poisson": (Poisson(), sm.families.Poisson(), random.poisson(np.exp(line))),
        "Gamma": (Gamma(), sm.families.Gamma(sm.families.links.Log()), random.gamma(3, np.exp(line) / 3)),
    }[name]
    mechanism = GeneralisedLinear("x", "g", family=family, categorical=["g"], priors=FLAT)
    learned, found = _mode(mechanism, {"x": x, "g": g}, values)
    ours = learned.coefficients(found)
    assert list(ours) == ["intercept", "x", "g[1]", "g[2]"]
    # statsmodels.api.GLM(values, [1, x, g == 1, g == 2], family).fit().params
    design = np.column_stack([np.ones(n), x, g == 1, g == 2])
    np.testing.assert_allclose(
        list(ours.values()), sm.GLM(values, design, family=theirs).fit(tol=1e-12).params, rtol=1e-4, atol=1e-5
    )


def test_the_mode_of_a_multinomial_logit_is_that_of_statsmodels():
    sm = pytest.importorskip("statsmodels.api")
    random = np.random.default_rng(2)
    x = random.normal(size=500)
    values = np.argmax(np.column_stack([0 * x, x, -0.5 * x]) + random.gumbel(size=(500, 3)), axis=1)
    _, found = _mode(GeneralisedLinear("x", family=Categorical(3), priors=FLAT), {"x": x}, values)
    # statsmodels.api.MNLogit(values, [1, x]).fit().params, slopes in the second row
    theirs = sm.MNLogit(values, sm.add_constant(x)).fit(disp=0).params
    np.testing.assert_allclose(found["slopes"][0] / x.std(), theirs[1], rtol=1e-4)


def test_a_group_that_varies_is_pulled_to_the_others():
    random = np.random.default_rng(3)
    school = np.repeat(np.arange(20), 10)
    effect = random.normal(0, 1, 20)
    x = random.normal(size=200)
    y = 2 * x + effect[school] + random.normal(size=200)
    learned, found = _mode(Linear("x", per="school"), {"x": x}, y, {"school": school})
    shifts = learned.scale * found["between"] * found["offsets"][:, 0]
    own = np.array([(y - 2 * x)[school == each].mean() for each in range(20)])
    assert np.corrcoef(shifts, effect)[0, 1] > 0.9
    # Shrinkage of the group's mean residual: about variance / (variance + 1 / 10) = 0.9, never beyond one.
    slope = np.polyfit(own - own.mean(), shifts, 1)[0]
    assert 0.75 < slope < 1.0


def test_the_mode_of_a_table_is_the_smoothed_counts():
    random = np.random.default_rng(4)
    a, b = random.integers(0, 2, 60), random.integers(0, 3, 60)
    values = random.integers(0, 3, 60)
    learned, found = _mode(Table("a", "b", concentration=0.5), {"a": a, "b": b}, values)
    counts = np.array(
        [[((a == i) & (b == j) & (values == k)).sum() for k in range(3)] for i in range(2) for j in range(3)]
    )
    np.testing.assert_array_equal(learned.posterior_counts({"a": a, "b": b}, values), counts + 0.5)
    expected = (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found["probabilities"], expected, atol=1e-5)


def test_the_spline_basis_is_that_of_scipy():
    from scipy.interpolate import BSpline

    for degree in (1, 3):
        knots = np.arange(-degree, 6.0 + degree)
        x = np.linspace(0, 5, 57)
        ours = jax.vmap(lambda at, knots=knots, degree=degree: basis(at, knots, degree))(jnp.asarray(x))
        # scipy.interpolate.BSpline.design_matrix(x, knots, degree)
        np.testing.assert_allclose(ours, BSpline.design_matrix(x, knots, degree).toarray(), atol=1e-12)


@pytest.mark.parametrize("kernel", [SquaredExponential(), Matern52()])
def test_features_of_a_gaussian_process_carry_its_kernel(kernel):
    boundary, functions = 2.5, 32
    x = jnp.linspace(-1, 1, 41)
    waves, frequencies = (
        jax.vmap(lambda at: eigenfunctions(at, boundary, functions)[0])(x),
        np.arange(1, 33) * np.pi / 5,
    )
    np.testing.assert_allclose(eigenfunctions(x[0], boundary, functions)[1], frequencies)
    exact = lambda length: kernel.covariance(x[:, None] - x[None, :], length)  # noqa: E731
    worst = {}
    for length in (0.05, kernel.shortest * boundary / functions, 0.4, boundary / kernel.longest):
        ours = (waves * kernel.spectral_density(jnp.asarray(frequencies), length)) @ waves.T
        worst[length] = float(jnp.abs(ours - exact(length)).max())
    below, *within = worst.values()
    # Riutort-Mayol et al. (2023) chose their bounds for a total variation error of a percent or so.
    assert max(within) < 0.05
    assert worst[0.4] < 0.01
    assert below > 0.2  # shorter than it can carry: the bound is no formality


def _estimators():
    from sklearn import ensemble, tree

    return [
        tree.DecisionTreeRegressor(max_depth=5),
        ensemble.RandomForestRegressor(20, random_state=0),
        ensemble.ExtraTreesRegressor(20, random_state=0),
        ensemble.GradientBoostingRegressor(n_estimators=30, random_state=0),
        ensemble.HistGradientBoostingRegressor(max_iter=30),
    ]


@pytest.mark.parametrize("estimator", _estimators(), ids=lambda each: type(each).__name__)
def test_trees_predict_as_scikit_learn_does(estimator):
    from aitia.programs.mechanisms._trees import trees_of

    random = np.random.default_rng(5)
    rows = random.normal(size=(300, 3))
    values = np.sin(rows[:, 0]) + rows[:, 1] * (rows[:, 2] > 0)
    trees = trees_of(estimator.fit(rows, values))
    unseen = random.normal(size=(200, 3))
    ours = jax.jit(jax.vmap(trees.predict))(jnp.asarray(unseen))
    np.testing.assert_allclose(ours, estimator.predict(unseen), atol=1e-12)


def test_cross_fitted_residuals_keep_the_noise_from_shrinking():
    from sklearn.ensemble import RandomForestRegressor

    random = np.random.default_rng(6)
    x = random.uniform(-2, 2, 600)
    y = x**2 + random.normal(size=600)
    trees = TreeEnsemble("x", estimator=RandomForestRegressor(30), normal_noise=True).learned(
        {"x": x}, y, seed=0
    )
    # The forest's residuals on its own rows have a spread near 0.4; unseen ones near 1.1 (1 and the forest's error).
    assert 0.95 < trees.spread < 1.3


def test_a_flow_fits_a_bimodal_conditional_that_a_line_does_not():
    random = np.random.default_rng(7)

    def rows(n):
        x = random.normal(size=n)
        return x, np.where(random.random(n) < 0.5, 1, -1) * (2 + np.abs(x)) + 0.5 * random.normal(size=n)

    x, y = rows(1_500)
    unseen, truth = rows(2_000)
    flow = ConditionalFlow("x").learned({"x": x}, y, seed=0)
    ours = flow.log_probs({"x": unseen}, truth)
    line = dist.Normal(y.mean(), y.std()).log_prob(truth)  # the best line is flat: the mean is 0 for every x
    # The law's own mean log density: log(1/2) - log(0.5 sqrt(2 pi e)), up to the overlap of the two modes.
    best = np.log(0.5) - 0.5 * np.log(2 * np.pi * np.e * 0.25)
    assert ours.mean() > float(line.mean()) + 0.8
    assert ours.mean() > best - 0.15
