"""Refuters on units whose truth is planted: what is right survives, what is wrong in a known way is broken."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import (
    Above,
    Activations,
    Beam,
    ConceptError,
    Explanation,
    Inventory,
    Planted,
    Quantile,
    Stages,
    overlap_of,
    parse,
)
from aitia.networks.refutation import (
    ActivationCoverage,
    Bootstrap,
    Case,
    Consequence,
    HeldOut,
    Minimality,
    Subject,
    ThresholdStability,
    Verdict,
    battery,
    quality_and_accuracy,
    refute,
)
from aitia.networks.refutation._minimality import variants

NAMES = ["water", "boat", "sky", "bridge", "sand"]


def case_of(masks, values, formulas, *, binarise=None, search=None, network=None):
    """Units explained by given formulas."""
    inventory = Inventory.from_masks(masks, NAMES[: len(masks)])
    activations = Activations(values)
    firing = (binarise or Above(0.0)).fire(activations, inventory.layout)
    found = tuple(
        Explanation(unit, parse(text), overlap := overlap_of(parse(text), inventory, firing)[unit],
                    overlap.intersection_over_union, False, 1.0, low=float(firing.low[unit]))
        for unit, text in enumerate(formulas)
    )  # fmt: skip
    return Case(found, firing, inventory, search or Beam(2), activations, network, False)


@pytest.fixture(scope="module")
def concepts():
    return np.random.default_rng(0).random((5, 1500)) < 0.3


def noisy(fires, share=0.1, seed=1):
    random = np.random.default_rng(seed)
    return np.where(fires ^ (random.random(fires.shape) < share), 1.0, -1.0) * random.uniform(
        0.5, 2, fires.shape
    )


def test_bootstrap_compares_with_true(concepts):
    water, boat = concepts[:2]
    silent_third = np.random.default_rng(3).random(1500) < 0.8
    case = case_of(
        concepts, np.column_stack([noisy(water | boat), noisy(silent_third, 0.0)]), ["water OR boat", "sand"]
    )
    known, wrong = Bootstrap().refute(case)
    assert known.verdict is Verdict.SURVIVED and known.details["gain"].low > 0
    overlap = case.explanations[0].overlap
    assert known.details["score"].value == overlap.intersection_over_union
    assert known.details["gain"].value == pytest.approx(
        overlap.intersection_over_union - overlap.unit / overlap.total
    )
    assert wrong.verdict is Verdict.BROKEN and "TRUE" in wrong.sentence


def test_held_out_measures_the_optimism_of_a_search(concepts):
    water, boat = concepts[:2]
    random = np.random.default_rng(2)
    few = np.zeros(1500, dtype=bool)
    few[random.choice(1500, 8, replace=False)] = True
    masks = np.concatenate([concepts, random.random((60, 1500)) < 0.05])
    inventory = Inventory.from_masks(masks, [f"c{at}" for at in range(65)])
    activations = Activations(np.column_stack([noisy(water & ~boat), np.where(few, 1.0, -1.0)]))
    firing, search = Above().fire(activations), Beam(3)
    case = Case(search.explain(firing, inventory), firing, inventory, search)
    known, chance = HeldOut(folds=3).refute(case)
    assert known.verdict is Verdict.SURVIVED and known.details["again"] == 3
    assert abs(known.details["optimism"]) < 0.03
    assert chance.verdict is Verdict.BROKEN and chance.details["optimism"] > 0.1
    # Counted by hand: the search on the other inputs, its formula's mask on the fold.
    from aitia.core import stream

    fold = stream(0, "folds").permutation(1500) % 3
    both = union = 0
    for each in range(3):
        rest, out = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
        formula = search.explain(firing.of_inputs(rest), inventory.of_inputs(rest))[0].formula
        holds, fires = inventory.mask_of(formula)[out], (activations.values[:, 0] > 0)[out]
        both, union = both + (holds & fires).sum(), union + (holds | fires).sum()
    assert known.details["held_out"].value == pytest.approx(both / union)


def test_minimality_finds_idle_parts_and_counts_what_others_carry(concepts):
    water, boat, sky = concepts[:3]
    exact = water & ~boat | sky
    values = np.column_stack([np.where(exact, 1.0, -1.0), noisy(water, 0.2)])
    case = case_of(
        concepts, values, ["water AND NOT boat OR sky", "water OR bridge AND boat AND sand AND sky"]
    )
    known, padded = Minimality().refute(case)
    assert known.verdict is Verdict.SURVIVED
    lost = {(part.part, part.change): part.carries.value for part in known.details["parts"]}
    assert lost["sky", "dropped"] == pytest.approx(1 - (water & ~boat).sum() / exact.sum())
    assert lost["NOT boat", "dropped"] == pytest.approx(1 - exact.sum() / (water | sky).sum())
    flipped = water & boat | sky
    assert lost["NOT boat", "without NOT"] == pytest.approx(
        1 - (exact & flipped).sum() / (exact | flipped).sum()
    )
    assert padded.verdict is Verdict.BROKEN
    parts = {part.part: part.idle for part in padded.details["parts"]}
    assert parts["bridge AND boat AND sand AND sky"] and not parts["water"]


@given(st.sampled_from(["a", "NOT a", "a AND b", "(a OR b) AND NOT c", "a OR b OR c OR NOT (d AND e)"]))
@settings(deadline=None)
def test_every_concept_is_dropped_once_and_left_formulas_are_shorter(text):
    formula = parse(text)
    found = list(variants(formula))
    assert sum(change == "without NOT" for _, change, _ in found) == text.count("NOT")
    singles = [left for part, change, left in found if change == "dropped" and parse(part).length == 1]
    assert len(singles) == formula.length and {left.length for left in singles} == {formula.length - 1}


def test_threshold_stability(concepts):
    """Unit 0 grades with water. Unit 1 is water at the top and boat below: at twice the share another formula wins."""
    water, boat = concepts[0], concepts[1] & ~concepts[0]
    random = np.random.default_rng(5)
    one = 2.0 * water + random.random(1500) - 1.5
    two = np.where(water, 3.0, np.where(boat, 1.0, -1.0)) + 0.1 * random.random(1500)
    case = case_of(
        concepts, np.column_stack([one, two]), ["water", "water"], binarise=Quantile(float(water.mean()))
    )
    graded, mixed = ThresholdStability(factors=(0.5, 0.9, 1.6)).refute(case)
    assert graded.verdict is Verdict.SURVIVED
    assert mixed.verdict is Verdict.BROKEN and "water OR boat" in mixed.sentence.replace(
        "boat OR water", "water OR boat"
    )
    seen = mixed.details["thresholds"]
    fires = [float((two > each.threshold).mean()) for each in seen]
    assert [each.fires for each in seen] == pytest.approx(fires)
    for each in seen:
        own = two > each.threshold
        assert each.score == pytest.approx((own & water).sum() / (own | water).sum())
    binary = case_of(concepts, np.where(water, 1.0, 0.0)[:, None], ["water"])
    assert ThresholdStability().refute(binary)[0].verdict is Verdict.INCONCLUSIVE


def test_activation_coverage_sees_what_holds_only_at_the_top(concepts):
    water, boat = concepts[0], concepts[1] & ~concepts[0]
    random = np.random.default_rng(6)
    over = np.where(water, random.uniform(0.1, 3, 1500), -1.0)
    top = np.where(water, random.uniform(2, 3, 1500), np.where(boat, random.uniform(0.1, 1.9, 1500), -1.0))
    case = case_of(concepts, np.column_stack([over, top]), ["water", "water"], binarise=Quantile(0.1))
    whole, peak = ActivationCoverage().refute(case)
    assert whole.verdict is Verdict.SURVIVED and [r.holds for r in whole.details["ranges"]] == [1.0] * 10
    assert peak.verdict is Verdict.BROKEN and "strong activations only" in peak.sentence
    ranges = peak.details["ranges"]
    assert sum(each.positions for each in ranges) == (top > 0).sum()
    assert sum(each.of_formula for each in ranges) == pytest.approx(1)
    # By hand: the lowest tenth.
    low, high = 0.0, np.quantile(top[top > 0], 0.1, method="lower")
    inside = (top > low) & (top <= high)
    assert ranges[0].positions == inside.sum() and ranges[0].holds == (water & inside).sum() / inside.sum()


@pytest.fixture(scope="module")
def network(concepts):
    """Two units of known weight, and one that is not read: logits = weights of what units do."""
    values = np.column_stack([noisy(concepts[0], 0.05), noisy(concepts[1], 0.05), noisy(concepts[2], 0.05)])
    values = np.maximum(values, 0)
    weights = np.array([[2.0, -1.0], [0.0, 1.5], [0.0, 0.0]])
    random = np.random.default_rng(9)
    noise = random.normal(0, 1, (1500, 2))
    model = Stages({"hidden": lambda x: x[:, :3], "logits": lambda h: h @ weights + [0.3, 0.0]})
    labels = (values @ weights + [0.3, 0.0] + noise).argmax(axis=1)
    return Subject(model, "hidden", values, labels, ("sea", "land")), values, weights


def test_intervention_gives_the_effects_of_a_linear_layer(concepts, network):
    subject, values, weights = network
    case = case_of(concepts, values, ["water", "boat", "sky"], network=subject)
    strong, other, idle = Consequence().refute(case)
    assert strong.verdict is Verdict.SURVIVED and other.verdict is Verdict.SURVIVED
    assert idle.verdict is Verdict.BROKEN and "does not matter" in idle.sentence
    active = values[:, 0] > 0
    for at in range(2):
        effect = strong.details["ablated"][at]
        assert effect.active.value == pytest.approx(-(values[active, 0]).mean() * weights[0, at])
        assert effect.where_it_holds.value == pytest.approx(-(values[concepts[0], 0]).mean() * weights[0, at])
        driven = strong.details["driven"][at]
        level = values[active, 0].mean()
        assert driven.everywhere.value == pytest.approx((level - values[:, 0]).mean() * weights[0, at])
        half = 1.96 * (values[active, 0] * weights[0, at]).std() / np.sqrt(active.sum())
        assert effect.active.high - effect.active.value == pytest.approx(half, rel=0.01)
    right = (values @ weights + [0.3, 0.0]).argmax(axis=1) == subject.labels
    assert strong.details["accuracy_when_active"].value == pytest.approx(right[active].mean())
    after = np.where(np.arange(3) == 0, 0, values) @ weights + [0.3, 0.0]
    flips = (after.argmax(axis=1) != (values @ weights + [0.3, 0.0]).argmax(axis=1))[active].mean()
    assert strong.details["flips"] == pytest.approx(flips)


def test_one_output_is_a_logit_of_its_own(concepts):
    values = np.maximum(noisy(concepts[0]), 0)[:, None]
    model = Stages({"hidden": lambda x: x, "logit": lambda h: h - 0.5})
    subject = Subject(model, "hidden", values, (values[:, 0] > 0.5).astype(int), ("yes",))
    (trial,) = Consequence().refute(case_of(concepts, values, ["water"], network=subject))
    assert trial.verdict is Verdict.SURVIVED and trial.details["accuracy_when_active"].value == 1


def test_refute_says_what_units_are_worth():
    planted = Planted(lengths=(2,), units=2, distractors=2, concepts=8, inputs=500).draw(seed=1)
    search = Beam(2)
    found = search.explain(planted.firing, planted.inventory)
    worths = refute(found, planted.firing, planted.inventory, search, activations=planted.activations, seed=3)
    assert [worth.stands for worth in worths] == [True, True, False, False]
    assert [trial.name for trial in worths[0].trials] == [each.name for each in battery(network=False)]
    assert all("chance would do as well" in worth.verdict for worth in worths[2:])
    assert "survived" in repr(worths[0]) and "<table>" in worths[0]._repr_html_()
    assert str(found[0].formula) in worths[0].sentence
    again = refute(found, planted.firing, planted.inventory, search, activations=planted.activations, seed=3)
    assert [[t.observed for t in w.trials] for w in again] == [[t.observed for t in w.trials] for w in worths]
    # A unit's answer does not depend on which others are tried beside it.
    alone = refute(found[1:2], planted.firing, planted.inventory, search, seed=3)[0]
    assert alone["permutation null"].observed == worths[1]["permutation null"].observed
    assert len(worths[0].figure().axes) >= 4


def test_what_is_missing_is_said(concepts):
    case = case_of(concepts, noisy(concepts[0])[:, None], ["water"])
    bare = Case(case.explanations, case.firing, case.inventory, case.search)
    for refuter in (ThresholdStability(), ActivationCoverage(), Consequence()):
        (trial,) = refuter.refute(bare)
        assert trial.verdict is Verdict.INCONCLUSIVE and "not given" in trial.sentence and not trial.attempted
    wrong = Case(case.explanations, case.firing, case.inventory, case.search, Activations(np.zeros((3, 1))))
    assert "3 inputs" in ThresholdStability().refute(wrong)[0].sentence


def test_quality_and_accuracy_on_a_planted_correlation():
    """Accuracy where unit u fires is made to be a line in its quality; among the last units it falls."""
    random = np.random.default_rng(0)
    units, inputs = 40, 4000
    masks = random.random((1, inputs)) < 0.5
    inventory = Inventory.from_masks(masks, ["water"])
    cells = np.arange(inputs) % units
    values = np.full((inputs, units), -1.0)
    right = np.zeros(inputs, dtype=bool)
    for unit in range(units):
        own = np.flatnonzero(cells == unit)
        values[own, unit] = 1.0
        quality = (own[masks[0, own]]).size / len(own)
        chance = quality if unit < 20 else 1 - quality
        right[own[: round(chance * len(own))]] = True
    firing = Above().fire(Activations(values))
    formulas = Beam(1).explain(firing, inventory)
    weights = np.where(np.arange(units)[:, None] < 20, [1.0, 0.0], [0.0, 1.0])
    found = quality_and_accuracy(formulas, firing, right, weights=weights, classes=("rises", "falls"))
    rises, falls = found.by_class
    assert rises.spearman.value > 0.95 and rises.spearman.low > 0.8 and "more often right" in rises.sentence
    assert falls.spearman.value < -0.95 and "less often" in falls.sentence
    assert found.overall.spearman.low < found.overall.spearman.value < found.overall.spearman.high
    from scipy.stats import pearsonr, spearmanr

    assert found.overall.spearman.value == pytest.approx(spearmanr(found.quality, found.accuracy)[0])
    assert found.overall.pearson.value == pytest.approx(pearsonr(found.quality, found.accuracy)[0])
    assert found.figure().axes and "rises" in found._repr_html_()


def test_another_inventory_than_was_searched_is_named():
    planted = Planted(lengths=(2,), units=1, concepts=6, inputs=300).draw(seed=1)
    found = Beam(2).explain(planted.firing, planted.inventory)
    first = found[0].formula.concepts[0]
    others = planted.inventory.only([name for name in planted.inventory.names if name != first])
    with pytest.raises(
        ConceptError, match=f"Unit 0 was explained by '{first}', which is not in the inventory"
    ):
        refute(found, planted.firing, others, Beam(2))
