"""Concepts of columns: levels, ranges that split the rows, what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aitia.networks import ConceptError
from aitia.networks.concepts import from_table


@settings(deadline=None, max_examples=40)
@example([0.0, 1.0, 1.0, 1.0, -1.0], 2)  # the highest value is the median
@example([0.0, 0.0, 1.0, 2.0, 3.0, -1.0], 4)  # two quantiles between which there is no row
@given(
    st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6, allow_subnormal=False)), min_size=3, max_size=60),
    st.integers(2, 6),
)
def test_ranges_split_the_rows_that_have_a_value(values, bins):
    numbers = np.array([np.nan if each is None else each for each in values])
    if len(np.unique(numbers[~np.isnan(numbers)])) < 2:
        with pytest.raises(ConceptError, match="no concept"):
            from_table({"x": numbers}, bins=bins)
        return
    inventory = from_table({"x": numbers}, bins=bins)
    held = inventory.layout.unpack(inventory.words)
    assert np.array_equal(held.sum(axis=0), ~np.isnan(numbers))
    assert len(inventory) >= 2 and (inventory.support > 0).all()


def test_quantiles_are_those_of_numpy():
    values = np.random.default_rng(0).normal(size=1000)
    inventory = from_table({"x": values}, bins=4)
    assert np.ptp(inventory.support) <= 1 and inventory.support.sum() == 1000
    cut = np.quantile(values, 0.25)
    assert np.array_equal(inventory.layout.unpack(inventory.words[0]), values <= cut)
    assert "4 ranges" in inventory.decisions[0].what


def test_levels_truth_values_and_what_is_left_out():
    frame = pd.DataFrame(
        {
            "colour": ["red", None, "blue", "red"],
            "old": [True, False, True, True],
            "same": [1, 1, 1, 1],
            "count": [1, 2, 2, 1],
        }
    )
    inventory = from_table(frame)
    assert inventory.names == ("colour = blue", "colour = red", "old", "count = 1", "count = 2")
    assert inventory.support.tolist() == [1, 2, 3, 2, 2]
    assert inventory.categories == ("colour", "colour", "old", "count", "count")
    said = " ".join(each.what for each in inventory.decisions)
    assert "1 of 4 values of 'colour' are missing" in said and "left out the column 'same'" in said


def test_bad_tables_are_named():
    with pytest.raises(ConceptError, match="no column 'colur'") as raised:
        from_table({"colour": ["a", "b"]}, ["colur"])
    assert "Did you mean 'colour'?" in raised.value.next_step
    with pytest.raises(ConceptError, match="different lengths"):
        from_table({"a": ["x", "y"], "b": ["x"]})
    with pytest.raises(ConceptError, match="bins=1"):
        from_table({"a": ["x", "y"]}, bins=1)


def test_any_data_frame_and_names_that_are_no_texts():
    polars = pytest.importorskip("polars")
    columns = {"x": [1, 2, None, 4], "k": ["u", "v", "u", None]}
    for frame in (polars.DataFrame(columns), pd.DataFrame(columns)):
        assert from_table(frame).names == ("x = 1.0", "x = 2.0", "x = 4.0", "k = u", "k = v")
    assert from_table(pd.DataFrame(np.eye(2))).names == ("0 = 0.0", "0 = 1.0", "1 = 0.0", "1 = 1.0")


def test_what_is_no_table_or_infinite_is_named():
    with pytest.raises(ConceptError, match="came ndarray"):
        from_table(np.eye(3))
    with pytest.raises(ConceptError, match="'x' is infinite in row 2"):
        from_table({"x": [1.0, 2.0, np.inf, 3.0, 5.0]})
