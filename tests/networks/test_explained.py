"""`explain` and what it returns: choices, errors, units at the edges, interruption, and how it is shown."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from aitia.networks import (
    Above,
    ActivationError,
    Activations,
    Beam,
    Clusters,
    ConceptError,
    Exact,
    Explanations,
    Inventory,
    Quantile,
    SearchError,
    equivalent,
    explain,
    parse,
)

NAMES = ["water", "boat", "sky", '<i>sand & "mud"</i>']


@pytest.fixture(scope="module")
def inventory():
    return Inventory.from_masks(np.random.default_rng(0).random((4, 400)) < 0.3, NAMES)


@pytest.fixture(scope="module")
def activations(inventory):
    """A unit that is known, one of chance, one that never fires, one that always does."""
    water, boat, *_ = inventory.layout.unpack(inventory.words)
    known = np.where(water & ~boat, 2.0, -1.0)
    noise = np.random.default_rng(1).normal(size=400)
    return Activations(np.column_stack([known, noise, np.full(400, -1.0), np.ones(400)]), "fc", (3, 5, 8, 9))


@pytest.fixture(scope="module")
def found(inventory, activations):
    return explain(activations, inventory, null=19, seed=4)


def test_units_that_are_known_random_silent_and_always_on(found):
    known, noise, never, always = found
    assert equivalent(known.formula, parse("water AND NOT boat")) and known.score == 1.0
    assert found.null_p[0] == 0.05 and noise.score < 0.8 and found.null_p[1] > 0.05
    assert str(never.formula) == "FALSE" and never.score == 0 and found.null_p[2] is None
    assert str(always.formula) == "TRUE" and always.score == 1.0 and found.null_p[3] == 1.0
    assert found.warnings == (
        "1 of 4 units never fires (8): its formula says nothing.",
        "1 of 4 units always fires (9): its formula says nothing.",
    )


def test_several_units_that_never_fire_are_named_in_the_plural(inventory):
    silent = explain(np.full((400, 10), -1.0), inventory, null=0)
    assert silent.warnings == (
        "10 of 10 units never fire (0, 1, 2, 3, 4, 5, 6, 7, ...): their formulas say nothing.",
    )
    (only,) = explain(np.full((400, 1), -1.0), inventory, null=0).warnings
    assert only == "1 of 1 unit never fires (0): its formula says nothing."


def test_the_sentence_counts(found, inventory, activations):
    assert found.sentence == (
        "4 units of fc, explained by formulas over 4 concepts: the mean intersection over union is "
        f"{np.mean([each.score for each in found]):.3f}, the highest 1.000. "
        "1 of 3 beats chance (p of at most 0.05 each)."
    )
    one = explain(activations, inventory.only(["water"]), units=[3], null=0)
    assert one.sentence.startswith("1 unit of fc, explained by formulas over 1 concept: ")
    assert "chance" not in one.sentence and one.null_sentence == ""
    assert found.null_sentence == (
        "The null's p says how often the same search does as well where there is nothing to find."
    )


def test_where_the_null_repeats_a_beam_it_is_said(inventory, activations):
    other = explain(activations, inventory, null=19, null_search=Beam(3), seed=4)
    assert "compares the best that beam search (length 3, width 10) finds" in other.null_sentence
    assert "the scores shown are those of exact search (length 3)" in other.null_sentence
    said = [each.what for each in other.decisions]
    assert any(
        each.startswith("the null compares what beam search (length 3, width 10) finds") for each in said
    )
    limited = explain(activations, inventory, search=Exact(2, seconds=60.0), null=19)
    assert "beam search (length 2, width 10)" in limited.null_sentence
    same = explain(activations, inventory, search=Beam(2), null=19)
    assert "the same search" in same.null_sentence


def test_choices_of_units_search_and_threshold(inventory, activations, found):
    some = explain(activations, inventory, units=[5, 3], null=0, search=Beam(1), binarise=Above(0.5))
    assert [each.unit for each in some] == [5, 3] and len(some) == 2 and some.null_p == (None, None)
    assert all(each.formula.length <= 1 and each.low == 0.5 and not each.certified for each in some)
    assert some[0] is some.of_unit(5)
    top = explain(activations, inventory, units=[5], null=0, binarise=Quantile(0.1))
    assert top[0].overlap.unit == 40
    assert isinstance(found, Explanations) and found.of_unit(8) is found[2]
    again = explain(activations, inventory, null=19, seed=4)
    assert again.null_p == found.null_p and [str(each.formula) for each in again] == [
        str(each.formula) for each in found
    ]


def test_concepts_with_too_little_support_are_set_aside_and_said():
    masks = np.zeros((3, 100), dtype=bool)
    masks[0, :50], masks[1, :3] = True, True
    found = explain(
        np.where(masks[0], 1.0, -1.0)[:, None], Inventory.from_masks(masks, list("abc")), least=5, null=0
    )
    assert found.inventory.names == ("a",)
    assert any("set aside 2 of 3 concepts" in each.what and "b, c" in each.what for each in found.decisions)


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"units": [3, 4]}, ActivationError, "no unit 4"),
        ({"null": -1}, SearchError, "cannot have -1 replicates"),
        ({"least": 1000}, ConceptError, "None of 4 concepts holds at 1,000 positions or more"),
    ],
)
def test_bad_requests_are_named(inventory, activations, change, error, said):
    with pytest.raises(error, match=said):
        explain(activations, inventory, **change)


def test_bad_activations_are_named(inventory, activations):
    with pytest.raises(ActivationError, match="399 inputs"):
        explain(activations.values[:399], inventory)
    broken = activations.values.copy()
    broken[17, 1] = np.nan
    with pytest.raises(ActivationError, match="unit 5 at input 17 is nan"):
        explain(replace(activations, values=broken), inventory)
    with pytest.raises(ActivationError):
        explain(np.array([["a"] * 2] * 400), inventory)
    with pytest.raises(ActivationError, match="Unit 4 was not explained") as caught:
        explain(activations, inventory, null=0).of_unit(4)
    assert "3, 5, 8, 9" in str(caught.value)


def test_tables_dictionaries_and_what_a_notebook_shows(found):
    rows = found.to_dict()
    assert [list(row) for row in rows] == [
        ["unit", "formula", "score", "certified", "gap", "null_p", "seconds"]
    ] * 4
    table = found.table()
    assert list(table["score"]) == sorted(table["score"], reverse=True) and set(table["unit"]) == {3, 5, 8, 9}
    row = table[table["unit"] == 3].iloc[0]
    assert row["precision"] == row["recall"] == 1.0 and row["length"] == 2 and 0 < row["fires"] < 1
    text = repr(found)
    assert text.splitlines()[0] == found.sentence and "! 1 of 4 units never fires" in text
    page = found._repr_html_()
    assert "<i>sand" not in page and page.count("<tr>") == 5 and "never fires" in page


def test_long_lists_are_cut_in_print(inventory):
    many = explain(np.random.default_rng(2).normal(size=(400, 15)), inventory, search=Beam(1), null=0)
    assert repr(many).splitlines()[-1] == "  and 3 more"


def test_ctrl_c_in_the_search_keeps_what_was_found(inventory, activations, monkeypatch):
    from aitia.networks.search._exact_unit import Unit

    calls = []

    def stopped(self):
        calls.append(self)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return original(self)

    original = Unit.search
    monkeypatch.setattr(Unit, "search", stopped)
    found = explain(activations, inventory)
    assert len(found) == 2 and not found[0].stopped and found[1].stopped
    assert found[0].certified and found[1].bound >= found[1].score and len(found.firing) == 2
    assert found.warnings[-1] == "The search was stopped: 2 of 4 units were begun, and no null was made."
    assert found.interrupted


def test_ctrl_c_in_the_null_keeps_the_explanations(inventory, activations, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Exact, "scores", stopped)
    found = explain(activations, inventory, null=19)
    assert len(found) == 4 and found.null_p == (None,) * 4
    assert found.warnings[-1] == "The null was stopped: whether the explanations beat chance is not known."
    assert found.interrupted


def test_a_search_out_of_time_says_so_and_has_its_null(inventory, activations):
    found = explain(activations, inventory, search=Exact(3, seconds=0.0), null=19)
    late = [each for each in found if each.stopped]
    assert late and all(each.gap >= 0 for each in late) and found.null_p[0] is not None
    assert any("ended for want of time" in each for each in found.warnings) and not found.interrupted


def test_without_time_for_a_null_it_is_said(monkeypatch, inventory, activations):
    import aitia.networks._explain as module

    monkeypatch.setattr(module, "seconds_a_replicate", lambda *_: 1e9)
    found = explain(activations, inventory)
    assert found.null == () and "No null was made" in found.warnings[-1]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (
            {"concepts": np.ones((4, 400), dtype=bool)},
            ConceptError,
            "Expected an Inventory of concepts; came ndarray",
        ),
        ({"search": "beam"}, SearchError, "Expected a search; came 'beam'"),
        ({"search": Beam}, SearchError, "Expected a search; came <class"),
        ({"binarise": 0.5}, SearchError, "Expected a rule of where units fire; came 0.5"),
    ],
)
def test_what_is_of_another_kind_is_named(inventory, activations, change, error, said):
    with pytest.raises(error, match=said):
        explain(**{"activations": activations, "concepts": inventory, **change})


def test_ranges_of_a_unit_are_told_apart():
    masks = np.random.default_rng(0).random((3, 300)) < 0.4
    values = np.where(masks[0], 5.0, np.where(masks[1], 1.0, -1.0))
    inventory = Inventory.from_masks(masks, ["a", "b", "c"])
    found = explain(values[:, None], inventory, search=Exact(2), binarise=Clusters(2), null=0)
    lines = repr(found).splitlines()
    assert lines[0].startswith("1 unit of the layer in 2 ranges of activation, explained")
    assert sorted(lines[1:]) == [
        "      0  1.000  NOT a AND b  where 0 < a <= 1",
        "      0  1.000  a  where 1 < a",
    ]
