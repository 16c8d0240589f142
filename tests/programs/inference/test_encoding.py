"""Data as a program reads them: kinds, levels, missing values; what is wrong is named by column, row and value."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pandas as pd
import pytest

from aitia.programs import NUTS, FitError, Laplace, MissingCells, Program, parameter
from aitia.programs.inference._encode import encode
from aitia.programs.inference._validate import validated, with_levels


def age():
    return dist.Normal(40, 10)


def ill(age, *, slope=parameter(dist.Normal(0, 1))):
    return dist.Bernoulli(logits=slope * age)


def visits(ill, *, rate=parameter(dist.Normal(0, 1))):
    return dist.Poisson(2.0 + ill)


PROGRAM = Program([age, ill, visits])
GOOD = {"age": [30.5, 40.0, 61.0], "ill": [0, 1, 1], "visits": [2, 0, 5]}


def read(data, program=PROGRAM, **options):
    encoded = encode(program, data, **options)
    return validated(with_levels(program, encoded), encoded)


@pytest.mark.parametrize(
    "source",
    [
        pd.DataFrame(GOOD),
        GOOD,
        {**GOOD, "ill": [False, True, True]},
        {**GOOD, "ill": ["no", "yes", "yes"]},
        {**GOOD, "visits": [2.0, 0.0, 5.0]},
        pd.DataFrame({**GOOD, "ill": pd.Categorical(["no", "yes", "yes"])}),
    ],
)
def test_every_source_gives_the_same_numbers(source):
    found = read(source)
    assert found.n_rows == 3
    np.testing.assert_array_equal(found.values["age"], [30.5, 40, 61])
    np.testing.assert_array_equal(found.values["ill"], [0, 1, 1])
    np.testing.assert_array_equal(found.values["visits"], [2, 0, 5])
    assert found.values["age"].dtype == float
    assert found.values["ill"].dtype == found.values["visits"].dtype == np.int64


def test_files_are_read(tmp_path):
    path = tmp_path / "visits.csv"
    pd.DataFrame({**GOOD, "ill": ["no", "yes", "yes"]}).to_csv(path, index=False)
    assert read(path).levels["ill"] == ("no", "yes")


def test_stated_levels_decide_the_positions():
    program = Program([age, ill, visits], levels={"ill": ("yes", "no")})
    found = read({**GOOD, "ill": ["no", "yes", "yes"]}, program)
    np.testing.assert_array_equal(found.values["ill"], [1, 0, 0])
    with pytest.raises(FitError, match=r"'maybe' in row 2.*none of the node's levels"):
        read({**GOOD, "ill": ["no", "maybe", "yes"]}, program)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ill": [0, 1, 2]}, r"'ill' can be 0, 1, and its column holds 2 in row 3"),
        ({"ill": [0, 0.5, 1]}, r"'ill' holds whole numbers, and its column holds 0.5 in row 2"),
        ({"ill": ["a", "b", "c"]}, r"'ill' holds 3 levels"),
        ({"age": ["old", "new", "old"]}, r"'age' is a number, and its column holds the text 'old' in row 1"),
        ({"age": [1.0, np.inf, 3.0]}, r"'age' holds inf in row 2"),
        ({"age": [1.0, np.nan, 3.0]}, r"missing: age \(1 of 3 rows, the first in row 2\)"),
        ({"age": pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"])}, r"'age' holds dates"),
        ({"age": np.ones((3, 2))}, r"shape \(\), and its column has \(2,\)"),
        ({"age": np.ones((4, 2))}, r"rows"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(FitError, match=message):
        read({**GOOD, **change})


def test_a_missing_node_is_named_with_the_nearest_column():
    data = {("agee" if name == "age" else name): column for name, column in GOOD.items()}
    with pytest.raises(FitError, match="no column for the node 'age'") as raised:
        read(data)
    assert "Did you mean 'agee'?" in str(raised.value)


def test_rows_with_gaps_are_dropped_only_on_request_and_with_a_decision():
    data = {**GOOD, "age": [30.5, np.nan, 61.0], "visits": [2, 0, 7]}
    found = read(data, missing=MissingCells.COMPLETE_CASES)
    assert found.n_rows == 2
    np.testing.assert_array_equal(found.values["visits"], [2, 7])
    assert "dropped 1 of 3 rows" in found.decisions[0].what
    # Rows are named as the person knows them, not as they stand after the drop.
    with pytest.raises(FitError, match="inf in row 3"):
        read({**data, "age": [30.5, np.nan, np.inf]}, missing="complete_cases")
    kept = read(data, missing="latent")
    np.testing.assert_array_equal(kept.missing["age"], [False, True, False])
    with pytest.raises(FitError, match="no policy 'mean'"):
        read(data, missing="mean")


def test_a_value_that_no_parameter_allows_is_named():
    def count(*, rate=parameter(dist.LogNormal(0, 1))):
        return dist.Poisson(rate)

    with pytest.raises(FitError, match=r"value -2 of the node 'count' in row 3 is impossible"):
        Program([count]).fit({"count": [1, 0, -2, 4]}, NUTS())


def test_a_log_density_that_is_nowhere_finite_names_the_node_and_the_row():
    def dose():
        return dist.Normal(50.0, 1.0)

    def effect(dose, *, slope=parameter(dist.Normal(0, 1))):
        return dist.Normal(slope * jnp.log(dose), 1.0)

    with pytest.raises(FitError, match=r"value 2.0 of the node 'effect' in row 2"):
        Program([dose, effect]).fit({"dose": [50.0, -1.0], "effect": [1.0, 2.0]}, Laplace())


def test_images_are_columns_with_more_than_one_axis():
    def image(*, shade=parameter(dist.Normal(0, 1))):
        return dist.Normal(shade * np.ones((2, 3)), 1.0)

    fitted = Program([image]).fit({"image": np.full((20, 2, 3), 0.5)}, Laplace())
    assert fitted.parameters["image"]["shade"].mean() == pytest.approx(0.5, abs=0.1)


def test_constant_columns_are_fine_and_ranges_are_kept():
    fitted = PROGRAM.fit({"age": [40.0] * 3, "ill": [0, 1, 1], "visits": [2, 0, 5]}, Laplace())
    assert fitted.ranges["age"] == (40.0, 40.0) and fitted.ranges["visits"] == (0.0, 5.0)
    assert fitted.n_rows == 3


def test_nothing_to_learn_needs_no_engine():
    fitted = Program([age]).fit({"age": [1.0, 2.0]})
    assert fitted.engine == "none" and fitted.n_draws == 1 and fitted.trusted
    assert any(each.what == "ran no engine" for each in fitted.decisions)
