import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.refutation import Variables


def gaussian(seed, n=300):
    random = np.random.default_rng(seed)
    z, w = random.normal(size=(2, n))
    return {"x": z + random.normal(size=n), "y": z - w + random.normal(size=n), "z": z, "w": w}


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_fisher_z_is_the_partial_correlation(seed):
    columns = gaussian(seed)
    found = Variables.of_arrays(columns).test("x", "y", ["z", "w"], nonlinear=False)
    design = np.column_stack([np.ones(300), columns["z"], columns["w"]])
    rest = [columns[v] - design @ np.linalg.lstsq(design, columns[v], rcond=None)[0] for v in "xy"]
    r = np.corrcoef(*rest)[0, 1]
    assert found.test == "Fisher z" and found.effect == pytest.approx(abs(r))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(abs(np.arctanh(r)) * np.sqrt(300 - 2 - 3)))


def test_g2_is_the_likelihood_ratio_of_scipy():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 2, 500).astype(float), random.integers(0, 2, 500).astype(float)
    found = Variables.of_arrays({"a": a, "b": b}).test("a", "b")
    table = np.array([[((a == i) & (b == j)).sum() for j in (0, 1)] for i in (0, 1)])
    expected = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
    assert found.test == "G2" and found.p_value == pytest.approx(expected.pvalue)


def test_g2_sums_over_strata():
    random = np.random.default_rng(1)
    c = random.integers(0, 2, 2000).astype(float)
    a = (random.random(2000) < 0.2 + 0.6 * c).astype(float)
    b = (random.random(2000) < 0.8 - 0.6 * c).astype(float)
    variables = Variables.of_arrays({"a": a, "b": b, "c": c})
    total = sum(
        stats.chi2_contingency(
            [[((a == i) & (b == j) & (c == k)).sum() for j in (0, 1)] for i in (0, 1)],
            correction=False,
            lambda_="log-likelihood",
        ).statistic
        for k in (0, 1)
    )
    assert variables.test("a", "b", ["c"]).p_value == pytest.approx(stats.chi2.sf(total, 2))
    assert variables.test("a", "b").p_value < 1e-6


def mixed(random, n, dependent=0.0):
    z = random.normal(size=n)
    group = random.integers(0, 3, n)
    x = z**2 + 0.5 * group + random.normal(size=n) * np.exp(z / 2)
    t = (random.random(n) < 1 / (1 + np.exp(-z - 0.3 * group - dependent * (x - z**2)))).astype(float)
    one_hot = (group[:, None] == [1, 2]).astype(float)
    return Variables.of_arrays({"x": x, "t": t, "z": z, "group": one_hot})


def test_mixed_kinds_are_uniform_when_independent_and_seen_when_not():
    random = np.random.default_rng(2)
    p_values = [mixed(random, 400).test("x", "t", ["z", "group"]).p_value for _ in range(300)]
    # 0.1% level of a uniform test; the regression of x on z is curved and the variance uneven on purpose.
    assert stats.kstest(p_values, "uniform").pvalue > 0.001
    seen = [mixed(random, 400, 0.5).test("x", "t", ["z", "group"]).p_value < 0.05 for _ in range(50)]
    assert np.mean(seen) > 0.8
    assert mixed(random, 400).test("x", "t", ["z", "group"]).test == "generalised covariance"


def test_curved_confounding_does_not_break_a_promise():
    # x and y share a square of z: their linear partial correlation is far from zero though they are
    # independent given z.
    random = np.random.default_rng(3)
    z = random.normal(size=2000)
    columns = {"x": z**2 + random.normal(size=2000), "y": z**2 + random.normal(size=2000), "z": z}
    variables = Variables.of_arrays(columns)
    assert variables.test("x", "y", ["z"], nonlinear=False).p_value < 1e-10
    assert variables.test("x", "y", ["z"]).p_value > 0.01


def test_clusters_widen_the_test():
    random = np.random.default_rng(4)
    clusters = np.repeat(np.arange(40), 25)
    hits = {False: 0, True: 0}
    for _ in range(100):
        a, b = (random.normal(size=40)[clusters] + random.normal(size=1000) for _ in range(2))
        plain = Variables.of_arrays({"a": a, "b": b})
        hits[False] += plain.test("a", "b").p_value < 0.05
        hits[True] += Variables(plain.blocks, plain.codes, clusters=clusters).test("a", "b").p_value < 0.05
    # Binomial(100, 5%): 13 is its 99.9% point. Without clusters about two thirds of the tests are wrong.
    assert hits[True] <= 13 < 30 < hits[False]


def test_degenerate_columns_have_nothing_to_depend_on():
    z = np.random.default_rng(5).normal(size=100)
    y = np.random.default_rng(6).normal(size=100)
    variables = Variables.of_arrays({"x": 2 * z, "y": y, "z": z})
    assert variables.test("x", "y", ["z"]).p_value == 1.0


def test_columns_of_a_table_complete_cases_only():
    import aitia

    table = aitia.read(
        {
            "n": np.array([1.0, 2.5, np.nan, 4.0] * 30),
            "c": np.array(["u", "v", "w", "u"] * 30),
            "b": np.array([0, 1, 1, 0] * 30),
        }
    )
    variables, dropped = Variables.of_table(table, ["n", "c", "b"])
    assert dropped == 30 and variables.n == 90
    assert variables.blocks["c"].shape[1] >= 1 and set(variables.codes) == {"c", "b"}
