"""Bad data: each is a named error or a said decision, word for word."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from aitia.core import AssumptionKey
from aitia.data import MissingValues
from aitia.discovery import (
    CDNOD,
    FCI,
    PC,
    RFCI,
    Algorithm,
    DeterministicRelation,
    Discovery,
    DiscoveryError,
    FisherZ,
    GSquared,
    LikelihoodRatio,
    NeverTogether,
    Observations,
    TestWise,
    default_test,
)
from aitia.discovery.independence import IndependenceTest, why_default_test
from aitia.graphs import Graph, GraphKind


@dataclass(frozen=True)
class Nothing(Algorithm):
    """Finds no edges, so that the checks alone speak."""

    test: IndependenceTest | None = None
    name: ClassVar[str] = "nothing"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = ""

    def _search(self, data, knowledge, seed, show_progress):
        return Discovery(Graph(data.names, (), kind=GraphKind.CPDAG), self)


def gaussian(n=200, p=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, p))


def of(values, **more):
    return Observations.of_values([f"v{i}" for i in range(values.shape[1])], values, **more)


def message(error):
    return str(error.value).splitlines()


def test_clean_data_draw_no_warning():
    assert Nothing().run(of(gaussian())).warnings == ()


def test_a_linear_function_of_others_is_named():
    values = gaussian()
    values[:, 3] = values[:, 0] - 2 * values[:, 1] + 7
    with pytest.raises(DeterministicRelation) as error:
        Nothing().run(of(values))
    assert message(error) == [
        "v3 is determined by v0, v1: given these it has nothing left to depend on, which breaks faithfulness.",
        "  Leave out 'v3' (or one of the others), or allow it (allow_determined=True, --allow-determined) and "
        "search all the same.",
    ]
    assert error.value.others == ("v0", "v1")
    found = Nothing().run(of(values), allow_determined=True)
    assert found.warnings == (message(error)[0],)


def test_only_the_columns_in_the_relation_are_named_whatever_their_order():
    values = gaussian(300, 8, 1)
    values[:, 2] = values[:, 5] + values[:, 7]
    with pytest.raises(DeterministicRelation, match=r"^v7 is determined by v2, v5:"):
        Nothing().run(of(values))
    # A second relation is named too when both are let through.
    values[:, 0] = -3 * values[:, 4]
    warnings = Nothing().run(of(values), allow_determined=True).warnings
    assert {warning.split(":")[0] for warning in warnings} == {
        "v7 is determined by v2, v5",
        "v4 is determined by v0",
    }


def test_what_comes_near_a_linear_function_is_a_warning():
    values = gaussian()
    values[:, 4] = values[:, 2] + 1e-3 * values[:, 4]
    (warning,) = Nothing().run(of(values)).warnings
    assert warning.startswith("v4 is nearly a linear function of v2 (")
    assert warning.endswith("of the variance is left): tests given these are unstable.")


def test_fewer_rows_than_columns_is_said_and_a_copy_still_found():
    values = gaussian(20, 30)
    assert Nothing().run(of(values)).warnings == (
        "There are 20 rows for 30 columns: every column is a linear function of enough others, so only tests given few "
        "variables mean anything.",
    )
    values[:, 9] = -values[:, 4]
    with pytest.raises(DeterministicRelation, match="v9 is determined by v4"):
        Nothing().run(of(values))


def test_a_relabelling_of_a_category_is_an_error_and_a_logical_function_a_warning():
    random = np.random.default_rng(0)
    a, b = random.integers(0, 3, 300), random.integers(0, 2, 300)
    names = np.array(["red", "green", "blue"])
    with pytest.raises(DeterministicRelation, match="copy is determined by a:"):
        Nothing().run({"a": a.astype(str), "b": b, "copy": names[a]})
    found = Nothing().run({"a": a.astype(str), "b": b, "either": ((a == 0) | (b == 1)).astype(str)})
    assert found.warnings == (
        "either is determined by a, b: given these it has nothing left to depend on, so some of its edges may be "
        "missing.",
    )


def test_thin_data_are_not_taken_for_a_function():
    # Every row is its own combination: nothing repeats that could contradict.
    codes = np.random.default_rng(1).integers(0, 9, (40, 6)).astype(float)
    warnings = Nothing().run(of(codes, discrete=[True] * 6)).warnings
    assert not any("determined" in warning for warning in warnings)


def test_constant_and_empty_columns_are_left_out_and_said():
    values = gaussian(30, 2)
    data = Observations.of(
        {"x": values[:, 0], "y": values[:, 1], "one": [1.0] * 30, "none": [None] * 30}, missing="keep"
    )
    assert data.names == ("x", "y")
    assert [each.what for each in data.decisions] == ["left out none", "left out one"]
    values = gaussian(30, 3)
    values[:, 1] = 4.0
    found = Nothing().run(of(values))
    assert found.warnings == ("v1: constant in these rows.",)
    assert FisherZ().on(of(values)).p_value(0, 1) == 1.0


def test_ties_are_said():
    values = gaussian()
    values[:80, 2] = 0.0
    assert Nothing().run(of(values)).warnings == (
        "v2 holds the value 0 in 40% of the rows looked at: tests and scores for numbers take it as continuous.",
    )


def test_identifiers_and_many_levels():
    random = np.random.default_rng(0)
    columns = {"x": random.normal(size=60), "y": random.normal(size=60)}
    with pytest.raises(DiscoveryError) as error:
        Nothing().run({**columns, "who": [f"p{i}" for i in range(60)]})
    assert message(error) == [
        "'who' is categorical with 60 different values in 60 rows, like an identifier.",
        "  Leave it out, merge its levels, or set its kind to continuous if it holds numbers.",
    ]
    found = Nothing().run({**columns, "town": [f"t{i % 20}" for i in range(60)]})
    assert found.warnings == ("town has 20 levels in 60 rows: fewer than five rows a level tell little.",)


def test_too_few_rows_or_columns():
    with pytest.raises(DiscoveryError, match="Discovery needs at least 10 rows, but there are 9"):
        Nothing().run(of(gaussian(9, 3)))
    with pytest.raises(DiscoveryError, match="Discovery needs two columns that vary, but there is 1"):
        Observations.of({"x": [1.0, 2.0, 3.0], "y": [1.0, 1.0, 1.0]})


def test_infinite_values_are_named_with_their_row():
    values = gaussian()
    values[7, 1] = np.inf
    with pytest.raises(DiscoveryError, match=r"'v1' is infinite in 1 rows \(the first is row 8\)"):
        of(values)


def test_shapes_names_and_codes_are_checked():
    with pytest.raises(DiscoveryError, match=r"2 different names need values of shape \(n, 2\)"):
        Observations.of_values(["a", "a"], gaussian(20, 2))
    codes = np.array([[0.0, 0.5], [1.0, 1.0]])
    with pytest.raises(DiscoveryError, match=r"Codes of 'v1' must be whole numbers from 0, but one is 0.5"):
        of(codes, discrete=[True, True])
    with pytest.raises(DiscoveryError, match="from 0 to 1, but one is 2"):
        of(np.array([[0.0, 2.0], [1.0, 1.0]]), discrete=[True, True], levels=[(0, 1), (0, 1)])


@pytest.mark.parametrize(
    ("covariance", "said"),
    [
        (np.eye(3), r"The covariance of 2 variables has shape \(2, 2\), but came \(3, 3\)"),
        (np.array([[1.0, 0.2], [0.3, 1.0]]), "is not symmetric and finite"),
        (np.array([[1.0, np.nan], [np.nan, 1.0]]), "is not symmetric and finite"),
        (np.diag([1.0, 0.0]), "The variance of 'b' is 0, but must be positive"),
        (np.array([[1.0, 1.5], [1.5, 1.0]]), "has a negative eigenvalue"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, said):
    with pytest.raises(DiscoveryError, match=said):
        Observations.of_covariance(["a", "b"], covariance, 100)


# Missing values.


def holed(seed=0, n=120):
    random = np.random.default_rng(seed)
    x = random.normal(size=n)
    columns = {
        "x": x,
        "y": x + random.normal(size=n),
        "group": random.choice(["u", "v", "w"], n).astype(object),
    }
    columns["y"] = np.where(random.random(n) < 0.2, np.nan, columns["y"])
    columns["group"][random.random(n) < 0.1] = None
    return columns


def test_kept_missing_values_are_nan_and_minus_one():
    columns = holed()
    data = Observations.of(columns, missing="keep")
    gone = np.array([each is None for each in columns["group"]])
    assert data.rows == 120 and data.missing == (0, int(np.isnan(columns["y"]).sum()), int(gone.sum()))
    assert (np.isnan(data.values[:, 1]) == np.isnan(columns["y"])).all()
    assert (np.isnan(data.values[:, 2]) == gone).all() and ((data.codes[:, 2] == -1) == gone).all()
    assert np.array_equal(data.values[~np.isnan(columns["y"]), 1], columns["y"][~np.isnan(columns["y"])])
    assert data.levels[2] == ("u", "v", "w")


def test_what_cannot_read_missing_values_says_so():
    data = Observations.of(holed(), missing="keep").subset(["x", "y"])
    with pytest.raises(DiscoveryError) as error:
        FisherZ().on(data)
    assert message(error)[0].startswith("Fisher z reads complete rows, but 'y' has no value in ")
    assert message(error)[1] == (
        "  Choose a test that reads missing values (TestWise, MissingnessCorrected), or the policy complete_cases."
    )
    with pytest.raises(DiscoveryError, match="This search by nothing reads complete rows"):
        Nothing(FisherZ()).run(data)
    with pytest.raises(DiscoveryError, match="A covariance of all columns reads complete rows"):
        _ = data.moments
    assert Nothing(TestWise(FisherZ())).run(data).rows == 120


@pytest.mark.parametrize("policy", ["stop", "mean", "indicator"])
def test_missing_values_are_never_filled_in(policy):
    with pytest.raises(MissingValues) as error:
        Observations.of(holed(), missing=policy)
    problem, next_step = message(error)
    assert problem.startswith("Values are missing, which discovery never fills in: y (")
    assert "complete_cases" in next_step and "keep" in next_step and "mean" not in next_step
    assert Observations.of({"x": [1.0, 2.0, 3.0], "y": [2.0, 1.0, 3.0]}, missing=policy).rows == 3


@pytest.mark.parametrize("algorithm", [PC(), FCI(), RFCI(), CDNOD(context="x")])
def test_the_default_test_reads_kept_missing_values(algorithm):
    found = algorithm.run(Observations.of(holed(), missing="keep").subset(["x", "y"]))
    assert found.rows == 120 and "TestWise" in str(found.algorithm.test)
    assert AssumptionKey.LINEARITY in {line.key for line in found.assumptions}


def test_an_unknown_policy_lists_what_there_is():
    with pytest.raises(DiscoveryError) as error:
        Observations.of(holed(), missing="kep")
    assert message(error) == [
        "There is no policy 'kep' for missing values.",
        "  Did you mean 'keep'? Available: complete_cases, indicator, keep, mean, stop.",
    ]


def test_pairs_never_seen_together_are_an_error():
    values = gaussian(60, 3)
    values[:30, 0] = np.nan
    values[30:, 2] = np.nan
    with pytest.raises(NeverTogether) as error:
        TestWise(FisherZ()).on(of(values))
    assert message(error) == [
        "'v0' and 'v2' are never seen in the same row.",
        "  Leave one of them out: nothing can be told of their dependence.",
    ]
    values[30:34, 2] = 1.0
    with pytest.raises(NeverTogether, match="'v0' and 'v2' are seen together in 4 rows only"):
        TestWise(FisherZ()).on(of(values))
    values[:, 1] = np.nan
    values[:3, 1] = 1.0
    with pytest.raises(NeverTogether, match="'v0' and 'v1' are never seen in the same row"):
        TestWise(FisherZ()).on(of(values))


def test_test_wise_deletion_reads_the_rows_that_have_the_variables():
    values = gaussian(100, 3, 5)
    values[:20, 1] = np.nan
    values[15:40, 2] = np.nan
    tester = TestWise(FisherZ()).on(of(values))
    for given, first in (((), 20), ((2,), 40)):
        found = tester.result(0, 1, given)
        expected = FisherZ().on(of(values[first:, : 2 + len(given)])).result(0, 1, given)
        assert found.p_value == pytest.approx(expected.p_value, rel=1e-9)
        assert found.effect == pytest.approx(expected.effect, rel=1e-9)
    assert TestWise(FisherZ()).on(of(gaussian())).correlation is not None  # nothing missing: the test itself


def test_tests_fit_the_kinds():
    whole = Observations.of({"x": gaussian()[:, 0], "y": gaussian()[:, 1], "g": ["u", "v", "w", "u"] * 50})
    assert default_test(whole) == LikelihoodRatio()
    assert default_test(whole.subset(["x", "y"])) == FisherZ()
    assert default_test(Observations.of({"a": ["u", "v"] * 10, "b": ["u", "v", "w", "x"] * 5})) == GSquared()
    kept = Observations.of(holed(), missing="keep")
    assert default_test(kept) == TestWise(LikelihoodRatio())
    assert why_default_test(kept).endswith("Each test reads the rows that have its variables.")
    with pytest.raises(DiscoveryError) as error:
        GSquared().on(whole)
    assert message(error)[0] == "G2 counts categories, but 'x' holds numbers."
    with pytest.raises(DiscoveryError, match="Fisher z reads numbers, but 'g' is categorical with 3 levels"):
        FisherZ().on(whole)
