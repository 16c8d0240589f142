"""Facts of columns: kinds by the stated rule, moments to the digits float64 can give."""

import datetime
import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.data import Kind, read


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([True, False, True], Kind.BINARY),
        ([True, True], Kind.BINARY),
        ([0, 1, 1], Kind.BINARY),
        ([1, 2, 1], Kind.BINARY),
        ([0.5, 1.5, 0.5], Kind.BINARY),
        (["a", "b", "a"], Kind.BINARY),
        (["a", "b", "c"], Kind.CATEGORICAL),
        (["a", "a"], Kind.CATEGORICAL),
        ([0, 1, 2], Kind.COUNT),
        ([0.0, 1.0, 2.0, None], Kind.COUNT),
        ([-1, 0, 1], Kind.CONTINUOUS),
        ([0, 1, 2.5], Kind.CONTINUOUS),
        (list(range(100)), Kind.COUNT),
        (list(range(101)), Kind.CONTINUOUS),
        ([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)], Kind.DATE),
        ([None, None], Kind.CONTINUOUS),
    ],
)
def test_the_rule_of_kinds(values, kind):
    assert read({"x": values}).column("x").kind is kind


def test_levels_are_plain_values_in_sorted_order():
    assert read({"x": [2.0, 1.0, 2.0]}).column("x").levels == (1, 2)
    assert read({"x": ["b", "a", "b"]}).column("x").frequencies == (1, 2)


def test_distinct_values_are_capped_and_said():
    for values in (np.arange(1001), np.arange(1001.0) / 7, [f"t{i}" for i in range(1001)]):
        column = read({"x": values}).column("x")
        assert column.distinct_capped
        assert column.distinct_text == "more than 1,000"
    assert read({"x": np.arange(1000)}).column("x").n_distinct == 1000


@settings(max_examples=60, deadline=None)
@given(
    values=st.lists(
        st.one_of(st.none(), st.just(math.nan), st.floats(-1e6, 1e6), st.integers(-5, 5).map(float)),
        min_size=1,
        max_size=80,
    ),
    cuts=st.lists(st.integers(0, 80), max_size=5),
)
def test_law_any_cut_gives_numpys_moments(values, cuts):
    table = pa.table({"x": pa.array(values, pa.float64())})
    edges = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    pieces = [table.slice(a, b - a).combine_chunks() for a, b in zip(edges, edges[1:])]  # noqa: RUF007
    batches = [batch for piece in pieces for batch in piece.to_batches()]
    column = read(pa.RecordBatchReader.from_batches(table.schema, batches)).column("x")
    known = np.array([value for value in values if value is not None and value == value])
    assert column.n_missing == len(values) - len(known)
    assert column.n_distinct == len(set(known.tolist()))
    if len(known):
        assert column.minimum == known.min() and column.maximum == known.max()
        assert column.mean == pytest.approx(known.mean(), rel=1e-9, abs=1e-9)
    if len(known) > 1:
        assert column.std == pytest.approx(known.std(ddof=1), rel=1e-9, abs=1e-9)


def test_a_far_mean_keeps_the_digits_of_the_spread():
    # Mean 1e9, standard deviation 1e-3: the values themselves are rounded to 1.2e-7, so the reference is exact
    # arithmetic on the rounded values. The naive sum of squares would have no digit left.
    values = 1e9 + np.random.default_rng(0).normal(0, 1e-3, 200_000)
    reference = np.sqrt(np.sum((values - 1e9 - (values - 1e9).mean()) ** 2) / (len(values) - 1))
    assert read({"x": values}).column("x").std == pytest.approx(reference, rel=1e-6)


def test_a_first_value_far_out_does_not_harm():
    values = np.concatenate([[1e12], np.random.default_rng(0).normal(size=1000)])
    assert read({"x": values}).column("x").std == pytest.approx(values.std(ddof=1), rel=1e-10)


def test_dates():
    days = [datetime.date(1969, 12, 30), datetime.date(1970, 1, 3), None]
    column = read({"x": days}).column("x")
    assert (column.minimum, column.maximum, column.mean) == (days[0], days[1], 2.0)
    moments = pa.array(
        [datetime.datetime(2020, 1, 1, 12), datetime.datetime(2020, 1, 2)], pa.timestamp("ns", "UTC")
    )
    assert read({"x": moments}).column("x").minimum == datetime.datetime(2020, 1, 1, 12)


def test_infinite_values_are_counted_apart():
    column = read({"x": [1.0, math.inf, 3.0, -math.inf, math.nan]}).column("x")
    assert (column.n_infinite, column.n_missing, column.minimum, column.maximum, column.mean) == (
        2,
        1,
        1.0,
        3.0,
        2.0,
    )


def test_facts_come_from_one_pass_and_are_kept(monkeypatch):
    table = read({"a": [1, 2], "b": [3, 4]})
    asked = []
    real = type(table._source).batches
    monkeypatch.setattr(
        type(table._source), "batches", lambda self, n, r: asked.append(tuple(n)) or real(self, n, r)
    )
    assert table.column("a").n_distinct == 2
    assert len(table.columns) == 2
    assert table.with_kinds(b="categorical").column("a").n_distinct == 2
    assert asked == [("a",), ("b",)]


def test_description():
    table = read(
        {
            "dose": [0.5, None, 1e6, math.inf],
            "site\n": ["<a>", "<a>", "b" * 60, "c"],
            "day": [datetime.date(2020, 1, 1)] * 2 + [None] * 2,
        },
        kinds={"site\n": "categorical"},
    )
    text = str(table.describe())
    assert text.splitlines()[0] == "columns in memory: 4 rows, 3 columns"
    assert len(text.splitlines()) == 5
    assert "site\\n" in text and "categorical (set)" in text and "1 infinite values" in text
    assert "&lt;a&gt;" in table._repr_html_()
    as_dict = table.describe().to_dict()
    import json

    assert json.loads(json.dumps(as_dict)) == as_dict
    assert as_dict["columns"][0]["missing"] == 1
    assert as_dict["columns"][1]["levels"][0] == {"value": "<a>", "rows": 2}
    assert as_dict["columns"][2]["minimum"] == "2020-01-01"
