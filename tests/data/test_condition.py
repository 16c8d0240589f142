"""Conditions and formulas: what they mean, where they are wrong, and that they run nobody's code."""

import datetime
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.data import Design, FormulaError, Predicate, read

TABLE = read(
    {
        "age": [31, 45, 60, 52],
        "dose": [0.5, 2.0, -1.0, 1e3],
        "region": ["west", "north", "it's", "north"],
        "insured": [True, False, True, False],
        "since": [datetime.date(2024, 1, day) for day in (1, 15, 20, 31)],
        "odd name `x`": [1, 2, 3, 4],
    }
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("age > 45", [0, 0, 1, 1]),
        ("age >= 45 and region = 'north'", [0, 1, 0, 1]),
        ('age >= 45 AND region == "north"', [0, 1, 0, 1]),
        ("region != 'north'", [1, 0, 1, 0]),
        ("region <> 'north'", [1, 0, 1, 0]),
        ("region = 'it''s'", [0, 0, 1, 0]),
        ("region in ('west', 'it''s')", [1, 0, 1, 0]),
        ("region not in ('west', 'it''s')", [0, 1, 0, 1]),
        ("age in (31, 60, 61)", [1, 0, 1, 0]),
        ("dose in (-1, 2)", [0, 1, 1, 0]),
        ("not age > 45 or dose > 100", [1, 1, 0, 1]),
        ("age > 45 or age < 40 and dose > 1", [0, 0, 1, 1]),
        ("(age > 45 or age < 40) and dose > 1", [0, 0, 0, 1]),
        ("insured", [1, 0, 1, 0]),
        ("insured = true and not (age = 31)", [0, 0, 1, 0]),
        ("insured = 0", [0, 1, 0, 1]),
        ("since >= '2024-01-15'", [0, 1, 1, 1]),
        ("age * 2 - 10 > 80 + dose / 2", [0, 0, 1, 0]),
        ("-dose > 0", [0, 0, 1, 0]),
        ("`odd name ``x``` <= 2", [1, 1, 0, 0]),
        ("age > 45 & insured | age = 31", [1, 0, 1, 0]),
        ("dose = 1e3", [0, 0, 0, 1]),
        ("age < dose", [0, 0, 0, 1]),
    ],
)
def test_meaning(condition, expected):
    design = Design.build(TABLE, Predicate(condition))
    np.testing.assert_array_equal(design.matrix()[:, 0], expected)
    assert design.names == (condition,)


@pytest.mark.parametrize(
    ("condition", "problem", "position"),
    [
        ("age > ", "expected here", 5),
        ("agee > 3", "no column 'agee'", 0),
        ("age > 60 region = 'x'", "should end here", 9),
        ("region > 3", "text cannot be compared with a number", 7),
        ("age = 'old'", "number cannot be compared with a text", 4),
        ("since > 'yesterday'", "not a date", 6),
        ("age in (1, 2", "closing parenthesis", 12),
        ("age in (dose)", "Only numbers and quoted text", 8),
        ("age not 3", "'in' is expected", 8),
        ("(age > 3", "closing parenthesis is missing", 8),
        ("region + 1 > 2", "Only numbers can stand beside '+'", 0),
        ("age > 3; drop table x", "';' is not understood", 7),
        ("age", "not a condition", 0),
        ("age and insured", "comparison is expected", 0),
        ("region = 'open", "is not understood", 9),
        ("__import__('os').system('x')", "'.' is not understood", 16),
        ("age.real > 3", "no column 'age.real'", 0),
        ("", "expected here", 0),
    ],
)
def test_errors_point_at_the_token(condition, problem, position):
    with pytest.raises(FormulaError, match=re.escape(problem)) as caught:
        Design.build(TABLE, Predicate(condition))
    assert caught.value.position == position
    *_, line, pointer, _ = str(caught.value).splitlines() if condition else ("", "", "", "")
    if condition:
        assert pointer.index("^") == 4 + position
        assert condition in line


@settings(max_examples=60, deadline=None)
@given(
    a=st.lists(st.integers(-3, 3), min_size=1, max_size=12),
    limit=st.integers(-3, 3),
    other=st.integers(-3, 3),
    mark=st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
)
def test_law_agrees_with_pandas(a, limit, other, mark):
    frame = pd.DataFrame({"a": a})
    mark_there = {"=": "=="}.get(mark, mark)
    ours = Design.build(
        read(frame), Predicate(f"a {mark} {limit} and not (a = {other} or a + 1 < {limit})")
    ).matrix()
    theirs = frame.eval(f"(a {mark_there} {limit}) and not ((a == {other}) or (a + 1 < {limit}))")
    np.testing.assert_array_equal(ours[:, 0], np.broadcast_to(theirs, len(a)))


@pytest.mark.parametrize(
    ("formula", "problem"),
    [
        ("~ agee", "no column 'agee'"),
        ("~ age +", "cannot be read"),
        ("~ bs(age", "cannot be read"),
        ("~ lgo(age)", "function 'lgo' is not one"),
        ("~ log(agee)", "no column 'agee'"),
        ("~ age.mean()", "function 'age.mean' is not one"),
        ("~ {__import__('os').getcwd()}", r"is not one that formulas can use"),
        ("~ __import__('os').getcwd()", "cannot be read|not one that formulas"),
        ("~ log.__class__(age)", "is not one that formulas can use"),
        ("~ C(region, contr.sum.__class__)", "is not arithmetic"),
        ("~ {age.__class__}", "is not arithmetic"),
        ("~ {[x for x in (1, 2)]}", "is not arithmetic"),
        ("~ {(lambda: 1)()}", "is not one that formulas"),
        ("~ {age[0]}", "is not arithmetic"),
        ("~ log(dose - dose)", "not finite"),
        ("~ age | dose", "cannot be read"),
        ("~ bs(age, df=1)", "cannot be computed"),
    ],
)
def test_bad_formulas(formula, problem):
    with pytest.raises(FormulaError, match=problem):
        Design.build(TABLE, formula)
