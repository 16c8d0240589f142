"""Formulas as text: what is written reads back, and errors point at the place."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import And, Concept, Constant, FormulaError, Neighbors, Not, Or, parse
from aitia.networks.formulas import quoted

ODD = [
    *("NOT", "AND", "a OR b", "NEIGHBORS", "TRUE", "not", "NOTE", "a,b", "pre:man"),
    *(
        '"not" in text',
        '"a OR (b)" in',
        '"" x',
        '"a" b AND',
        '"a" "b"',
        '"a"  b',
        '"a\\"b" c',
        'a "b" c',
        'say "no"',
        "pool (blue)",
        "",
        " lead",
        "two  spaces",
        "\\",
        'end\\"',
    ),
    *("été", "日本 語", "tab\there", "line\nbreak", "wide\u2003space", "\x1c"),
]
NAMES = st.sampled_from(ODD) | st.text(max_size=8)
OTHERS = {name: (f"{name} 1", "other") for name in ODD}


@st.composite
def atoms(draw):
    name = draw(NAMES)
    kind = draw(st.integers(0, 5))
    return (
        Constant(len(name) > 3)
        if kind == 0
        else Neighbors(name, OTHERS.get(name, ()))
        if kind == 1
        else Concept(name)
    )


FORMULAS = st.recursive(
    atoms(),
    lambda part: st.builds(Not, part) | st.builds(And, part, part) | st.builds(Or, part, part),
    max_leaves=8,
)


@settings(deadline=None, max_examples=400)
@given(FORMULAS)
def test_what_is_written_reads_back(formula):
    assert parse(str(formula), neighbors=OTHERS) == formula


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a OR b AND NOT c", "a OR b AND NOT c"),
        ("((a)) AND (b AND c)", "a AND (b AND c)"),
        ("(a AND b) AND c", "a AND b AND c"),
        ("NOT (a OR b)AND c", "NOT (a OR b) AND c"),
        ("swimming   pool AND\n river", "swimming pool AND river"),
        ("NEIGHBORS ( swimming pool )", "NEIGHBORS(swimming pool)"),
        ('"swimming pool" OR TRUE', "swimming pool OR TRUE"),
        ('NOT  "not"   in hypothesis', 'NOT "not" in hypothesis'),
        ('NEIGHBORS("not" in hypothesis)', 'NEIGHBORS("not" in hypothesis)'),
        ('NOT not OR "or"', 'NOT "not" OR "or"'),
    ],
)
def test_binding_and_spaces(text, written):
    assert str(parse(text)) == written


def test_not_binds_tighter_than_and_and_and_than_or():
    a, b, c = map(Concept, "abc")
    assert parse("a OR NOT b AND c") == Or(a, And(Not(b), c))
    assert parse("a OR b OR c") == Or(Or(a, b), c)


def test_neighbors_take_the_nearest_given():
    assert parse("NEIGHBORS(a)", neighbors={"a": ("b",)}) == Neighbors("a", ("b",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "water AND",
            "The formula cannot be read at 'the end': expected a concept, NOT or an opening parenthesis.\n"
            "  water AND\n           ^\n  Formulas are written like: (water OR river) AND NOT boat.",
        ),
        (
            "water AND boat)",
            "The formula cannot be read at ')': expected AND, OR or the end.\n  water AND boat)\n                ^\n"
            "  Formulas are written like: (water OR river) AND NOT boat.",
        ),
        (
            "(water NOT boat",
            "The formula cannot be read at 'NOT': expected AND, OR or a closing parenthesis.\n  (water NOT boat\n"
            "         ^^^\n  Formulas are written like: (water OR river) AND NOT boat.",
        ),
        (
            'water OR "boat',
            "The formula cannot be read at '\"boat': a quote that does not close.\n  water OR \"boat\n"
            "           ^^^^^\n  Formulas are written like: (water OR river) AND NOT boat.",
        ),
        (
            "NEIGHBORS water",
            "The formula cannot be read at 'water': expected a concept in parentheses after NEIGHBORS.\n"
            "  NEIGHBORS water\n            ^^^^^\n  Formulas are written like: (water OR river) AND NOT boat.",
        ),
        (
            "NEIGHBORS(OR)",
            "The formula cannot be read at 'OR': expected a concept in parentheses after NEIGHBORS.\n"
            "  NEIGHBORS(OR)\n            ^^\n  Formulas are written like: (water OR river) AND NOT boat.",
        ),
        (
            "water AND rivr",
            "The formula cannot be read at 'rivr': no such concept.\n  water AND rivr\n            ^^^^\n"
            "  Did you mean 'river'? Available: river, water.",
        ),
        (
            "",
            "The formula cannot be read at 'the end': expected a concept, NOT or an opening parenthesis.\n  \n  ^\n"
            "  Formulas are written like: (water OR river) AND NOT boat.",
        ),
    ],
)  # fmt: skip
def test_errors_point_at_the_place(text, message):
    with pytest.raises(FormulaError) as caught:
        parse(text, ["water", "river"] if "rivr" in text else None)
    assert str(caught.value) == message


@pytest.mark.parametrize("text", ["(" * 5_000 + "a" + ")" * 5_000, "NOT " * 5_000 + "a"])
def test_too_deep_is_said_and_not_crashed_on(text):
    with pytest.raises(FormulaError, match="nested deeper than 100"):
        parse(text)


@settings(deadline=None)
@given(st.text(alphabet='ab() "\\ANDORT\t'))
def test_any_text_is_read_or_refused_by_name(text):
    try:
        formula = parse(text)
    except FormulaError:
        return
    assert parse(str(formula)) == formula


def test_quoting():
    assert [quoted(name) for name in ("swimming pool", "OR", "", 'a"b', "x\\")] == [
        "swimming pool", '"OR"', '""', '"a\\"b"', '"x\\\\"',
    ]  # fmt: skip


def test_what_is_no_text_or_too_long_is_said():
    with pytest.raises(FormulaError, match="A formula is a text; came int"):
        parse(5)  # pyright: ignore[reportArgumentType]
    chain = " OR ".join(f"c{each}" for each in range(250))
    assert parse(chain).length == 250 and str(parse(chain)) == chain
    with pytest.raises(FormulaError, match="names 251 concepts; more than 250 are not read"):
        parse(f"{chain} OR c250")
