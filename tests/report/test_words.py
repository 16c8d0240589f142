"""The words of an answer: the interval decides what is said, and names cannot break a line."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_findings import estimate_of

from aitia.identification import TREATED, Contrast, ControlledDirect, Effect, NaturalIndirect, subgroup
from aitia.report import answer_sentence, question_sentence
from aitia.report._words import number, shown


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_number_keeps_its_sign_and_three_digits(value: float):
    text = number(value)
    back = float(text.replace(",", "").replace("−", "-"))
    assert math.copysign(1, back) == math.copysign(1, value) or back == 0 == value
    assert back == pytest.approx(value, rel=5.1e-3)


@pytest.mark.parametrize(
    ("value", "interval", "said"),
    [
        (0.5, (0.1, 0.9), "raises the mean of y by 0.500"),
        (-0.5, (-0.9, -0.1), "lowers the mean of y by 0.500"),
        (0.5, (-0.1, 1.1), "do not settle"),
        (0.5, (-math.inf, math.inf), "do not settle"),
        (0.5, (0.0, 1.0), "do not settle"),
    ],
)
def test_the_interval_decides_what_is_said(value: float, interval: tuple[float, float], said: str):
    assert said in answer_sentence(estimate_of(value, interval=interval))


def test_an_estimate_without_a_value_raises_nothing():
    said = answer_sentence(estimate_of(math.nan, interval=(math.nan, math.nan)))
    assert "no estimate" in said and "nan" not in said


def test_the_sentence_names_contrast_population_and_level():
    question = Effect("t", "y", Contrast("open", "closed"), TREATED)
    said = answer_sentence(estimate_of(1.0, interval=(0.5, 1.5), question=question, level=0.9))
    assert said == (
        "Setting t to open instead of closed raises the mean of y by 1.00 (90% interval 0.500 to 1.50), "
        "averaged over the treated, if the assumptions below hold."
    )


def test_every_kind_of_question_is_said():
    assert question_sentence(Effect("t", "y", population=subgroup("age > 60", "age"))) == (
        "What is the effect of t on y, among rows where age > 60?"
    )
    assert question_sentence(ControlledDirect("t", "y", ("m", "k"), (1, "x"))) == (
        "What is the direct effect of t on y, with m = 1 and k = x held fixed?"
    )
    assert (
        question_sentence(NaturalIndirect("t", "y", ("m",)))
        == "How much of the effect of t on y is carried by m?"
    )


@given(st.text())
def test_a_shown_name_stays_on_one_printable_line(name: str):
    assert shown(name).isprintable()
    assert not name.isprintable() or shown(name) == name
