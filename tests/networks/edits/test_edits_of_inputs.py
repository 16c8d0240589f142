"""Edits: predictions in closed form on networks that are known, editors do what they say, tests are exact."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from aitia.networks import (
    Above,
    Activations,
    Beam,
    ConceptError,
    Exact,
    Inventory,
    NetworkError,
    Stages,
    equivalent,
    examples,
    parse,
    record,
)
from aitia.networks.edits import (
    Column,
    ColumnEditor,
    Edit,
    Overlap,
    RegionEditor,
    TriedEdits,
    Word,
    WordEditor,
    answers_of,
    effects_from_weights,
    measured_effects,
    suggest_edits,
    try_edits,
)
from aitia.networks.edits._try import mcnemar, paired_difference
from aitia.networks.refutation import Subject


def edit(put_in="", taken_out="", to=0):
    return Edit(put_in, taken_out, to, f"class {to}", 0.0, 0)


@pytest.fixture(scope="module")
def table():
    """Six columns of 0 and 1; unit 0 fires where c0 AND NOT c1, unit 1 where c2; the logits are linear in them."""
    rows = (np.random.default_rng(0).random((800, 6)) < 0.5).astype(float)
    weights = np.array([[1.0, -2.0], [-1.5, 0.5]])
    model = Stages({
        "hidden": lambda x: np.column_stack([x[:, 0] * (1 - x[:, 1]), x[:, 2]]),
        "logits": lambda h: h @ weights + [0.0, -1.0],
    })  # fmt: skip
    answers = model(rows).argmax(axis=1)
    subject = Subject(model, "hidden", rows, answers, ("no", "yes"))
    inventory = Inventory.from_masks(rows.T > 0.5, [f"c{at}" for at in range(6)], categories=["c"] * 6)
    activations = record(model, "hidden", rows)
    firing = Above().fire(activations)
    found = Exact(2).explain(firing, inventory)
    return subject, inventory, activations, firing, found, weights, answers


def test_effects_from_weights_are_those_measured(table):
    subject, _, activations, firing, found, weights, _ = table
    effects = effects_from_weights(weights, activations, found)
    assert effects == pytest.approx(weights)
    assert measured_effects(subject, found, firing) == pytest.approx(weights)


def test_predictions_are_what_happens_where_units_are_known(table):
    """The formulas are exact and the logits linear, so each prediction is the measured mean change."""
    subject, inventory, activations, firing, found, weights, answers = table
    assert equivalent(found[0].formula, parse("c0 AND NOT c1")) and str(found[1].formula) == "c2"
    effects = effects_from_weights(weights, activations, found)
    editor = ColumnEditor(
        subject.inputs,
        {f"c{at}": Column(at, 1.0, 0.0) for at in range(6)},
        {f"c{at}": subject.inputs[:, at] > 0.5 for at in range(6)},
    )
    for to, expected in (
        (0, {"take out 'c2'", "put in 'c0'", "take out 'c1'"}),
        (1, {"put in 'c2'", "take out 'c0'"}),
    ):
        edits = suggest_edits(
            found, to, firing=firing, inventory=inventory, effects=effects, answers=answers, replacing=False
        )
        assert {each.action for each in edits} >= expected
        assert all(each.predicted > 0 for each in edits)
        assert [each.predicted for each in edits] == sorted((each.predicted for each in edits), reverse=True)
        tried = try_edits(subject, edits, editor, most=10_000)
        for each in tried:
            assert each.inputs == each.edit.inputs
            assert each.changed == pytest.approx(each.edit.predicted)
            assert sum(part for _, part in each.edit.because) == pytest.approx(each.edit.predicted)
    assert all(name in str(edits) for name in ("c2", "class 1"))


def test_edits_that_matter_beat_random_ones_and_others_do_not(table):
    subject, *_ = table
    editor = ColumnEditor(
        subject.inputs,
        {f"c{at}": Column(at, 1.0, 0.0) for at in range(6)},
        {f"c{at}": subject.inputs[:, at] > 0.5 for at in range(6)},
    )
    real, idle = try_edits(subject, [edit(taken_out="c2"), edit(put_in="c5")], editor)
    assert real.p_value < 1e-6 and real.difference.low > 0.1
    assert idle.flips == 0 and idle.p_value == 1.0
    again = try_edits(subject, [edit(put_in="c5"), edit(taken_out="c2")], editor)[1]
    assert (again.flips, again.random_flips) == (real.flips, real.random_flips)


@given(st.integers(0, 40), st.integers(0, 40))
@settings(deadline=None, max_examples=30)
def test_mcnemar_is_the_binomial_test(only, other):
    """scipy.stats.binomtest(only, only + other, 0.5, 'greater')."""
    expected = stats.binomtest(only, only + other, 0.5, "greater").pvalue if only + other else 1.0
    assert mcnemar(only, other) == pytest.approx(expected)


def test_paired_intervals_hold_the_truth_as_often_as_they_say():
    cells = np.array([0.25, 0.06, 0.65, 0.04])
    drawn = np.random.default_rng(0).multinomial(120, cells, size=2000)
    found = [paired_difference(int(b), int(c), 120, 0.95) for b, c, *_ in drawn]
    held = np.mean([each.low <= cells[0] - cells[1] <= each.high for each in found])
    # Binomial error of 2,000 runs is 0.005; four of these.
    assert abs(held - 0.95) < 0.02


SENTENCES = [
    ["a", "man", "is", "running"],
    ["a", "woman", "is", "not", "running"],
    ["a", "dog", "is", "not", "here"],
]


def word_editor():
    concepts = {"not": Word("not"), "man": Word("man"), "woman": Word("woman"), "early": Word("a", "premise")}
    return WordEditor([["b", "c"]] * 3, SENTENCES, concepts, lambda one, two: (list(one), list(two)))


def test_words_are_inserted_where_they_stand_deleted_and_replaced():
    editor, random = word_editor(), np.random.default_rng(0)
    assert editor.candidates(edit("not")).tolist() == [True, False, False]
    made = editor.edited(edit("not"), np.array([0]), random)
    assert made.inputs[1] == [["a", "man", "is", "not", "running"]] and made.inputs[0] == [["b", "c"]]
    assert len(made.matched[1][0]) == 5 and "not" not in made.matched[1][0]
    assert editor.candidates(edit("", "not")).tolist() == [False, True, True]
    made = editor.edited(edit("", "not"), np.array([1, 2]), random)
    assert made.inputs[1] == [["a", "woman", "is", "running"], ["a", "dog", "is", "here"]]
    assert all(len(words) == 4 and "not" in words for words in made.matched[1])
    made = editor.edited(edit("woman", "man"), np.array([0]), random)
    assert made.inputs[1] == [["a", "woman", "is", "running"]]
    assert made.matched[1][0][1] not in ("man", "woman") and made.matched[1][0][2:] == ["is", "running"]
    assert not editor.knows(edit("early", "man")) and not editor.knows(edit("cat"))
    assert made.examples[0][0] == "a woman is running"


@given(st.integers(0, 2**31))
@settings(max_examples=20, deadline=None)
def test_matched_word_edits_have_the_same_size(seed):
    pairs = examples.draw_pairs(60, seed % 1000)
    words = ("not", "is", "running", "in", "a")
    editor = WordEditor(
        pairs.premises, pairs.hypotheses, {w: Word(w) for w in words}, lambda one, two: list(two)
    )
    random = np.random.default_rng(seed)
    for word in words:
        for each in (edit(word), edit("", word)):
            rows = np.flatnonzero(editor.candidates(each))
            made = editor.edited(each, rows, random)
            if len(made.rows):
                assert [len(one) for one in made.inputs] == [len(two) for two in made.matched]
                assert all((word in one) == bool(each.put_in) for one in made.inputs)


@given(st.integers(0, 2**31))
@settings(max_examples=15, deadline=None)
def test_overlap_is_put_in_and_taken_out_and_random_edits_leave_it(seed):
    pairs = examples.draw_pairs(40, seed % 1000)
    premises = (*pairs.premises, ("a", "dog"))
    hypotheses = (*pairs.hypotheses, ("nobody", "sleeps"))  # without a word of its premise
    editor = WordEditor(premises, hypotheses, {"within": Overlap()}, lambda one, two: list(two))
    random = np.random.default_rng(seed)
    put_in = editor.candidates(edit("within"))
    assert not put_in[-1]
    made = editor.edited(edit("within"), np.flatnonzero(put_in), random)
    assert len(made.rows) == put_in.sum()
    for row, one, two in zip(made.rows, made.inputs, made.matched, strict=True):
        before, premise = list(hypotheses[row]), set(premises[row])
        assert one == [word for word in before if word in premise] and 0 < len(one) < len(before)
        assert len(two) == len(one) and not Counter(two) - Counter(before)
    # Which words the random edit deletes is drawn: it mostly differs from the edit.
    assert any(one != two for one, two in zip(made.inputs, made.matched, strict=True))
    taken = editor.candidates(edit("", "within"))
    made = editor.edited(edit("", "within"), np.flatnonzero(taken), random)
    for row, one, two in zip(made.rows, made.inputs, made.matched, strict=True):
        before, premise = Counter(hypotheses[row]), set(premises[row])
        (new,), (other,) = (Counter(each) - before for each in (one, two))
        assert new not in premise and other in premise and other not in before
        assert not before - Counter(one) and not before - Counter(two)


def test_random_words_are_new_to_the_sentence_and_about_as_frequent():
    sentences = [["x", f"common{at % 25}"] for at in range(500)] + [["rare"], ["seldom"]] * 2
    editor = WordEditor(
        [()] * len(sentences),
        sentences,
        {"c": Word("common0"), "r": Word("rare")},
        lambda one, two: list(two),
    )
    rows = np.flatnonzero(editor.candidates(edit("c")))
    made = editor.edited(edit("c"), rows, np.random.default_rng(0))
    for row, other in zip(made.rows, made.matched, strict=True):
        (new,) = Counter(other) - Counter(sentences[row])
        # 24 others come 20 times each, x 500 times, rare and seldom twice.
        assert new not in sentences[row] and new.startswith("common")
    kinds = {
        next(iter(Counter(a) - Counter(sentences[b]))) for a, b in zip(made.matched, made.rows, strict=True)
    }
    assert 10 < len(kinds) <= 20


def test_words_of_the_premise_are_edited_there():
    editor = WordEditor(
        [["b", "c"], ["b"], ["a", "c"]],
        SENTENCES,
        {"early": Word("a", "premise")},
        lambda one, two: (one, two),
    )
    assert editor.candidates(edit("early")).tolist() == [True, True, False]
    made = editor.edited(edit("early"), np.array([1]), np.random.default_rng(0))
    assert sorted(made.inputs[0][0]) == ["a", "b"] and list(made.inputs[1]) == [SENTENCES[1]]
    assert sorted(made.matched[0][0]) == ["b", "c"]


def test_what_regions_can_be_edited_and_what_random_ones_are():
    random = np.random.default_rng(0)
    images = random.random((6, 3, 8, 8)).astype(np.float32)
    masks = np.zeros((4, 6, 8, 8), dtype=bool)
    masks[0, 0:3, :4, :4] = True  # a large thing in three images
    masks[0, 3, 0, :2] = True  # and one too small to be used
    masks[1, 4, :4, :3] = True  # another, of the same kind, larger and smaller
    masks[1, 5, :1, :4] = True
    masks[2, 5, 4:] = True  # of another kind
    masks[3, :, 7, 7] = True
    inventory = Inventory.from_masks(masks, ["a", "b", "c", "d"], categories=["k", "k", "other", "single"])
    editor = RegionEditor(images, inventory, smallest=3)
    assert editor.candidates(edit("", "a")).tolist() == [True, True, True, False, False, False]
    assert editor.candidates(edit("a")).tolist() == [False, False, False, False, True, True]
    assert editor.candidates(edit("b", "a")).tolist() == [True, True, True, False, False, False]
    # The random edit pastes something of the same kind, the nearest in size: b as it is in image 4, never c.
    made = editor.edited(edit("a"), np.repeat(5, 12), random)
    for other in made.matched:
        changed = (other != images[5]).any(axis=0)
        assert not (changed & ~masks[1, 4]).any() and changed.sum() == 12
    assert editor._donor("a", 0, random) in (1, 2) and editor._donor("d", 0, random) is None
    assert editor._like("c", ("c",)) == ["a", "b", "d"] and editor._like("a", ("a",)) == ["b"]
    # Of b's regions of 12 and of 3 pixels, that nearest in size is pasted; an image gives nothing to itself.
    chosen = [editor._donor("b", 0, random, near) for near in (13, 4) for _ in range(8)]
    assert chosen[:8] == [4] * 8 and set(chosen[8:]) == {5}
    assert {editor._donor("b", 4, random) for _ in range(20)} == {5}
    # What is blanked has the mean colour of what is outside.
    made = editor.edited(edit("", "a"), np.array([0]), random)
    outside = images[0][:, ~masks[0, 0]].mean(axis=1)
    assert made.inputs[0][:, 0, 0] == pytest.approx(outside, abs=1e-6)
    # Masks of half the size are scaled to the images.
    half = Inventory.from_masks(masks[:, :, ::2, ::2], list("abcd"))
    assert np.array_equal(RegionEditor(images, half)._mask("a", 0), masks[0, 0])
    with pytest.raises(ConceptError, match="concepts over their pixels"):
        RegionEditor(images[:5], inventory)


def test_columns_are_set_and_random_edits_set_others():
    rows = np.arange(40.0).reshape(10, 4)
    holds = rows[:, 1] > 17
    editor = ColumnEditor(rows, {"late": Column(1, 33.0, 5.0)}, {"late": holds})
    assert np.array_equal(editor.candidates(edit("late")), ~holds)
    assert np.array_equal(editor.candidates(edit("", "late")), holds)
    assert not editor.knows(edit("late", "late")) and not editor.knows(edit("early"))
    for each, value in ((edit("late"), 33.0), (edit("", "late"), 5.0)):
        made = editor.edited(each, np.arange(10), np.random.default_rng(0))
        assert (made.inputs[:, 1] == value).all() and np.array_equal(
            made.inputs[:, [0, 2, 3]], rows[:, [0, 2, 3]]
        )
        assert np.array_equal(made.matched[:, 1], rows[:, 1])
        assert ((made.matched != rows).sum(axis=1) <= 1).all() and (made.matched != rows).any()
        for at in (0, 2, 3):
            assert set(made.matched[:, at]) <= set(rows[:, at])
    with pytest.raises(ConceptError, match="two columns or more"):
        ColumnEditor(rows[:, :1], {}, {})


def test_effects_are_of_beginning_to_fire():
    """In closed form: the difference of means from weights, and where it fires from ablation."""
    values = np.array([[3.0], [5.0], [1.0], [1.0]])
    activations = Activations(values)
    firing = Above(2.0).fire(activations)
    inventory = Inventory.from_masks([[True, True, False, False], [True, False, True, False]], ["a", "b"])
    found = Beam(1).explain(firing, inventory)
    weights = np.array([[2.0, -1.0]])
    assert effects_from_weights(weights, activations, found).tolist() == [[6.0, -3.0]]
    model = Stages({"h": lambda x: x, "out": lambda h: h @ weights})
    subject = Subject(model, "h", values, np.zeros(4, dtype=int), ("x", "y"))
    assert measured_effects(subject, found, firing) == pytest.approx(np.array([[8.0, -4.0]]))


def test_edits_that_both_predictions_name_come_first():
    """Ordered by the geometric mean: a middling number from both goes before a high one from one of them."""
    both, formulas, regression = (
        replace(edit("a"), predicted=predicted, expected=expected)
        for predicted, expected in ((2.0, 8.0), (9.0, 1.0), (0.1, 90.0))
    )
    assert [each.rank for each in (both, formulas, regression)] == pytest.approx([4.0, 3.0, 3.0])
    assert replace(both, expected=None).rank == 2.0 and replace(both, expected=-1.0).rank == 0.0


def test_expected_changes_are_those_of_the_regression(table):
    """Logits that are linear in the concepts: the regression knows what every edit does, of each kind."""
    random = np.random.default_rng(0)
    rows = (random.random((4000, 6)) < 0.5).astype(float)
    weights = np.array([[2.0, 0], [0, 1.0], [0, -3.0], [0.5, 0], [0, 0], [0, 0]])
    model = Stages({"hidden": lambda x: x, "logits": lambda h: h @ weights + [0.0, 1.0]})
    answers = model(rows).argmax(axis=1)
    subject = Subject(model, "hidden", rows, answers, ("no", "yes"))
    inventory = Inventory.from_masks(rows.T > 0.5, [f"c{at}" for at in range(6)], categories=["c"] * 6)
    activations = record(model, "hidden", rows)
    firing = Above().fire(activations)
    found = Beam(1).explain(firing, inventory)
    effects = effects_from_weights(weights, activations, found)
    options = {"firing": firing, "inventory": inventory, "effects": effects, "answers": answers}
    given_logits = answers_of(subject)[1]
    edits = suggest_edits(found, 1, logits=given_logits, **options)
    assert {each.action for each in edits} >= {"take out 'c2'", "take out 'c0'", "put in 'c1'"}
    assert any(each.put_in and each.taken_out for each in edits)
    for each in edits:
        gain = weights[:, 1] - weights[:, 0]
        exact = sum(
            way * gain[int(name[1])] for name, way in ((each.put_in, 1), (each.taken_out, -1)) if name
        )
        # The ridge shrinks by 0.002 / (0.25 + 0.002): less than a hundredth.
        assert each.expected == pytest.approx(exact, rel=0.01, abs=0.01)
    assert [each.rank for each in edits] == sorted((each.rank for each in edits), reverse=True)
    assert "by regression on concepts" in edits[0].sentence
    # With the logits turned round, the regression contradicts every formula: edits stand as they did by formulas alone.
    against = suggest_edits(found, 1, logits=-given_logits, **options)
    assert all(each.predicted > 0 > each.expected and each.rank == 0 for each in against)
    by_formulas = suggest_edits(found, 1, **options)
    assert [each.action for each in against] == [each.action for each in by_formulas]
    # And where the regression says that the weakest of them does the most, it comes first.
    other = rows @ np.array([[0.0, 0], [0, 90.0], [0, -0.1], [0.1, 0], [0, 0], [0, 0]])
    assert suggest_edits(found, 1, **{**options, "logits": other}, replacing=False)[0].action == "put in 'c1'"
    assert suggest_edits(found, 1, **options, replacing=False)[0].action == "take out 'c2'"
    replaced = [each for each in edits if each.put_in and each.taken_out]
    names = [name for each in replaced for name in (each.put_in, each.taken_out)]
    assert len(names) == len(set(names)), "each concept comes in one pair"
    with pytest.raises(NetworkError, match="Expected logits of shape"):
        suggest_edits(found, 1, logits=given_logits[:5], **options)
    few = np.where(np.arange(4000) < 4, 0, 1)
    assert not suggest_edits(found, 1, **{**options, "answers": few}, least_inputs=10)
    assert suggest_edits(found, 1, **{**options, "answers": few}, least_inputs=1)


def test_formulas_that_seldom_hold_true_count_by_how_often():
    """P(U|F) - P(U|not F) = 0.75 - 0.25: half of the effect is predicted."""
    holds = np.arange(80) % 2 == 0
    fires = np.where(holds, np.arange(80) % 8 != 0, np.arange(80) % 8 == 1)
    inventory = Inventory.from_masks(holds[None], ["a"])
    firing = Above().fire(Activations(fires[:, None].astype(float)))
    (edited,) = suggest_edits(
        Beam(1).explain(firing, inventory), 1, firing=firing, inventory=inventory,
        effects=np.array([[0.0, 4.0]]), answers=np.zeros(80, dtype=int),
    )  # fmt: skip
    assert edited.action == "put in 'a'" and edited.predicted == pytest.approx(2.0) and edited.inputs == 40


def test_agreement_of_predictions_with_what_was_measured(table):
    subject, *_ = table
    editor = ColumnEditor(
        subject.inputs,
        {f"c{at}": Column(at, 1.0, 0.0) for at in range(6)},
        {f"c{at}": subject.inputs[:, at] > 0.5 for at in range(6)},
    )
    tried = try_edits(subject, [edit("c0", to=0), edit("", "c2", 0), edit("c5", to=0)], editor)
    assert tried.rank_agreement == {} and tried.fit == ""  # all predictions are alike
    said = [replace(each.edit, predicted=each.changed / 2, expected=-each.changed) for each in tried]
    again = try_edits(subject, said, editor)
    assert again.rank_agreement == {"predicted": pytest.approx(1.0), "expected": pytest.approx(-1.0)}
    assert "rank correlation +1.00 with it and is 0.5 times its size" in again.fit and again.fit in repr(
        again
    )
    changed = np.array([each.changed for each in again])
    assert stats.spearmanr(changed, [each.edit.expected for each in again])[0] == pytest.approx(-1.0)
    # Inputs that have the class already are not edited.
    answers = answers_of(subject)[0]
    assert again[0].inputs == min(200, ((answers != 0) & (subject.inputs[:, 0] == 0)).sum())


def test_the_level_of_working_edits_is_divided_by_how_many_there_are(table):
    subject, *_ = table
    editor = ColumnEditor(subject.inputs, {"c2": Column(2, 1.0, 0.0)}, {"c2": subject.inputs[:, 2] > 0.5})
    (one,) = try_edits(subject, [edit("", "c2", 0)], editor)
    close = replace(one, p_value=0.03)
    assert len(TriedEdits((close,)).working) == 1 and not TriedEdits((close, close)).working
    assert TriedEdits((close,)).sentence.startswith("1 edit was made on ")
    assert "of 1 edit does better" in TriedEdits((close,)).sentence


def test_regions_are_pasted_blanked_and_recoloured():
    scenes = examples.draw_scenes(60, seed=1)
    images, inventory = scenes.images, scenes.inventory()
    editor = RegionEditor(images, inventory)
    masks = {name: inventory.layout.unpack(inventory.words_of(name)) for name in ("red", "blue", "circle")}
    random = np.random.default_rng(0)
    put = edit("red")
    rows = np.flatnonzero(editor.candidates(put))
    assert not masks["red"][rows].any()
    made = editor.edited(put, rows[:5], random)
    for row, image in zip(made.rows, made.inputs, strict=True):
        changed = (image != images[row]).any(axis=0)
        donors = [
            at for at in range(60) if masks["red"][at].any() and not (changed & ~masks["red"][at]).any()
        ]
        assert any((image[:, masks["red"][at]] == images[at][:, masks["red"][at]]).all() for at in donors)
    out = edit("", "circle")
    made = editor.edited(out, np.flatnonzero(editor.candidates(out))[:5], random)
    for row, image, other in zip(made.rows, made.inputs, made.matched, strict=True):
        inside = masks["circle"][row]
        assert np.array_equal(image[:, ~inside], images[row][:, ~inside])
        assert np.ptp(image[:, inside], axis=1) == pytest.approx(0, abs=1e-6)
        assert (other != images[row]).any(axis=0).sum() <= inside.sum()
    new = edit("blue", "red")
    made = editor.edited(new, np.flatnonzero(editor.candidates(new))[:5], random)
    for row, image in zip(made.rows, made.inputs, strict=True):
        inside = masks["red"][row]
        assert np.array_equal(image[:, ~inside], images[row][:, ~inside])
        assert image[2, inside].mean() > image[0, inside].mean()  # more blue than red now


def test_a_detector_of_red_is_found_and_fooled():
    """A network whose one unit is the redness of the reddest pixels: pasting red flips it, other regions do not."""
    scenes = examples.draw_scenes(150, seed=2)
    images, inventory = scenes.images, scenes.inventory()
    model = Stages({
        "red": lambda x: np.maximum(x[:, :1] - 1.5 * np.maximum(x[:, 1:2], x[:, 2:3]) - 0.1, 0),
        "logits": lambda h: np.column_stack([np.zeros(len(h)), 20 * h.mean(axis=(1, 2, 3)) - 0.1]),
    })  # fmt: skip
    subject = Subject(model, "red", images, np.zeros(150, dtype=int), ("plain", "red"))
    activations = record(model, "red", images)
    firing = Above().fire(activations, inventory.layout)
    found = Beam(1).explain(firing, inventory)
    assert str(found[0].formula) == "red"
    effects = measured_effects(subject, found, firing)
    answers = model(images).argmax(axis=1)
    edits = suggest_edits(found, "red", firing=firing, inventory=inventory, effects=effects, answers=answers,
                          classes=subject.classes)  # fmt: skip
    assert edits[0].action == "put in 'red'"
    tried = try_edits(subject, edits[:1], RegionEditor(images, inventory))
    assert tried[0].share > 0.8 and tried[0].p_value < 1e-6
    assert "answers become red" in tried.sentence or "become red" in repr(tried)
    assert tried.figure().axes and "<table>" in tried._repr_html_()


def test_bad_input_is_said(table):
    subject, inventory, activations, firing, found, weights, answers = table
    options = {"firing": firing, "inventory": inventory, "answers": answers}
    with pytest.raises(NetworkError, match="no class 'maybe'"):
        suggest_edits(found, "maybe", effects=weights, classes=("no", "yes"), **options)
    with pytest.raises(NetworkError, match="Expected effects of shape"):
        suggest_edits(found, 1, effects=weights[:1], **options)
    with pytest.raises(NetworkError, match="Transpose"):
        effects_from_weights(weights[:1], activations, found)
    with pytest.raises(NetworkError, match="Expected edits"):
        try_edits(subject, ["c0"], word_editor())
    with pytest.raises(NetworkError, match="nothing to draw"):
        try_edits(subject, [edit("cat")], word_editor()).figure()
    tried = try_edits(subject, [edit("cat")], word_editor())
    assert "does not know how" in repr(tried)


def test_activations_of_positions_need_measured_effects():
    activations = Activations(np.ones((4, 1, 3)))
    with pytest.raises(NetworkError, match="measured_effects"):
        effects_from_weights(np.ones((1, 2)), activations, ())
