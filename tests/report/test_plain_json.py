"""Results become plain data that strict JSON can hold, whatever is in them."""

from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from made_findings import findings_of, refused

from aitia.core import Status
from aitia.report import plain

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(list(Status))
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.integers(), inner)
    ),
    max_leaves=20,
)


@given(values)
def test_anything_nested_is_strict_json_and_stable(value: object):
    text = json.dumps(plain(value), allow_nan=False)
    assert plain(json.loads(text)) == json.loads(text)


def test_numbers_of_numpy():
    made = plain(
        {"a": np.array([1.5, math.nan]), "b": np.int64(3), "c": np.bool_(True), "d": np.float32(0.5)}
    )
    assert made == {"a": [1.5, None], "b": 3, "c": True, "d": 0.5}
    assert type(made["b"]) is int and type(made["c"]) is bool


def test_findings_keep_the_fixed_shape():
    held = json.loads(json.dumps(findings_of().to_dict(), allow_nan=False))
    assert held["estimand"]["rule"] == "adjustment"
    assert held["estimand"]["adjustment"] == ["z"]
    assert {"value", "std_error", "interval", "method", "seconds"} <= set(held["estimate"])
    assert held["estimate"]["interval"] == [0.1, 0.9]
    assert all({"statement", "testable", "status"} <= set(each) for each in held["assumptions"])
    assert held["assumptions"]
    assert all(
        {"name", "attacks", "expected", "observed", "verdict"} <= set(each) for each in held["refutations"]
    )
    assert held["refutations"]


def test_an_infinite_interval_becomes_null():
    from made_findings import estimate_of

    held = findings_of(estimate=estimate_of(interval=(-math.inf, math.inf))).to_dict()
    assert held["estimate"]["interval"] == [None, None]


def test_not_identified_has_no_estimate():
    held = findings_of(identification=refused(), estimate=None, beside=(), refutations=()).to_dict()
    assert held["estimate"] is None and held["estimand"]["identified"] is False
    assert held["estimand"]["suggestions"] == ["Measure it.", "Find an instrument."]
    assert held["assumptions"] == []
