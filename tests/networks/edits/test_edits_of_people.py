"""People's minimal edits of sentence pairs as a yardstick for the edits that explanations suggest.

Kaushik, Hovy and Lipton (2020) asked people to change one sentence of a pair, as little as possible, so that it has
another label. Each sentence was changed twice, towards the two other labels: the two revisions are each other's
control. The models are trained on SNLI's development pairs; none of the pairs scored here is among them.
"""

import os

import numpy as np
import pytest
from people_edits import (
    LABELS,
    SIDES,
    SNLI,
    agreement,
    flips,
    people,
    snli_dev,
    suggested,
    trained,
    words_named,
    words_of_people,
    words_of_regression,
)

SLOW = os.environ.get("AITIA_SLOW") == "1"
pytestmark = pytest.mark.skipif(
    not (SNLI / "cf_nli").exists(), reason="the counterfactually augmented pairs are not there"
)


@pytest.fixture(scope="module")
def edits():
    return people()


def halves(edits):
    """Couples and originals in two parts that share no premise: some premises are those of several originals."""
    originals, couples = edits
    premises = list(dict.fromkeys(each.premise for each in originals))
    half = {premise: at % 2 for at, premise in enumerate(premises)}
    return [
        (
            [two for two in couples if half[originals[two[0].row].premise] == part],
            [each for each in originals if half[each.premise] == part],
        )
        for part in (0, 1)
    ]


def of_side(couples, side):
    return [two for two in couples if two[0].side == side]


def exceeds(one, other, errors=4.0):
    """Whether the mean of paired booleans is higher by so many standard errors of the paired difference."""
    difference = one.astype(float) - other
    return difference.mean() > errors * difference.std() / np.sqrt(len(difference))


def test_revisions_line_up_with_their_originals_and_none_is_trained_on(edits):
    originals, couples = edits
    assert min(len(of_side(couples, side)) for side in SIDES) > 0.95 * len(originals)
    for two in couples:
        for each in two:
            before = originals[each.row]
            kept = "premise" if each.side == "hypothesis" else "hypothesis"
            assert getattr(each.pair, kept) == getattr(before, kept)
            assert getattr(each.pair, each.side) != getattr(before, each.side)
        assert {originals[two[0].row].label, *(each.pair.label for each in two)} == {0, 1, 2}
    # An edit keeps most words: a wrong original would share few.
    shared = [
        len({*getattr(each.pair, each.side)} & {*getattr(originals[each.row], each.side)})
        / len({*getattr(originals[each.row], each.side)})
        for two in couples
        for each in two
    ]
    assert np.mean(shared) > 0.6
    scored = {originals[two[0].row].premise for two in couples}
    assert not scored & {pair.premise for pair in snli_dev()}


def test_the_yardstick_tells_words_that_people_use(edits):
    """Words learned from half of the edits are found in the other half; for exchanged labels they are not."""
    (learn, _), (score, _) = halves(edits)
    words = words_of_people(learn)
    exchanged = {(label, side): words[(label + 1) % 3, side] for label, side in words}
    alike = {(label, side): words[0, side] for label, side in words}
    for side in SIDES:
        # 800 couples: the standard error of the difference is below 0.015.
        assert agreement(of_side(score, side), words).difference > 0.06
        assert agreement(of_side(score, side), words).p_value < 1e-3
        assert agreement(of_side(score, side), exchanged).difference < 0.02
        assert agreement(of_side(score, side), alike).difference == 0.0


def test_suggested_words_turn_a_small_model_as_people_do(edits):
    """The small form: 3,000 pairs to train on, 150 originals, edits of hypotheses."""
    originals, couples = edits
    dev = snli_dev()[:3000]
    model, encoder = trained(dev, least=5, units=32)
    ranked, concepts = suggested(model, encoder, dev[:1500], least=20)
    first = [two for two in couples if two[0].row < 150]
    turned = flips(model, encoder, originals, first, ranked, concepts, ("hypothesis",))["hypothesis"]
    assert len(turned["people"]) > 200
    assert exceeds(turned["people"], turned["sibling"])
    assert exceeds(turned["word"], turned["word random"])
    assert exceeds(turned["as many"], turned["as many random"])


@pytest.mark.slow
@pytest.mark.skipif(not SLOW, reason="a full-size study; set AITIA_SLOW=1")
@pytest.mark.parametrize(
    "augmented", [False, True], ids=["SNLI dev", "with people's edits of the other half"]
)
def test_what_people_edit_and_what_explanations_suggest(edits, augmented):
    """The tables of the page on what explanations are worth: words with three seeds, answers turned with the first."""
    dev = snli_dev()
    (learn, trained_on), (score, scored) = halves(edits)
    more = [*trained_on, *(each.pair for two in learn for each in two)] if augmented else []
    assert not {pair.premise for pair in scored} & {pair.premise for pair in dev + more}
    by_people = words_of_people(learn)
    seen = {side: [] for side in SIDES}
    for seed in range(3):
        model, encoder = trained(dev + more, least=5, seed=seed)
        pairs = [dev[at] for at in np.random.default_rng(seed).permutation(len(dev))[:4000]]
        ranked, concepts = suggested(model, encoder, pairs, least=20)
        by_formulas = {key: sorted(each, key=lambda e: -e.predicted) for key, each in ranked.items()}
        lists = {
            "suggested": words_named(ranked, concepts),
            "by formulas alone": words_named(by_formulas, concepts),
            "regression": words_of_regression(model, encoder, pairs, least=20),
            "people's": by_people,
        }
        print(f"\nseed {seed}: right on {right(model, encoder, scored):.3f} of originals")
        for side in SIDES:
            own = of_side(score, side)
            revised = [each.pair for two in own for each in two]
            answers = dict(zip(revised, model.predict(encoder.of(revised)), strict=True))
            found = {
                (name, of): agreement(own, words, labels)
                for name, words in lists.items()
                for of, labels in (("labels", None), ("answers", answers))
            }
            seen[side].append(found)
            print(f"{side}: right on {right(model, encoder, revised):.3f} of revised; towards each label:")
            print(*(lists["suggested"][at, side] for at in range(3)), sep="\n")
            for name, each in found.items():
                print(" ", *name, each)
        if seed == 0:
            tried = [two for two in score if two[0].row < 1000]
            turned_as_expected(flips(model, encoder, edits[0], tried, ranked, concepts))
    # Hypotheses: each seed's test stands alone, and the middle one of three is asked, as one alone may be unlucky.
    labels, answers = ([each["suggested", of] for each in seen["hypothesis"]] for of in ("labels", "answers"))
    assert np.median([each.p_value for each in labels]) < 0.01
    assert np.median([each.p_value for each in answers]) < 0.001
    # Explanations are of the model: they tell its answers better than people's labels, and people's words tell labels
    # better than they do. Standard errors of the differences are 0.007 to 0.015 for each seed.
    assert (
        np.mean([each.difference for each in answers]) > np.mean([each.difference for each in labels]) + 0.015
    )
    assert (
        seen["hypothesis"][0]["people's", "labels"].difference
        > max(each.difference for each in labels) + 0.05
    )


def right(model, encoder, pairs):
    return np.mean(model.predict(encoder.of(pairs)) == [each.label for each in pairs])


def turned_as_expected(turned_by_side):
    for side, turned in turned_by_side.items():
        for at in (None, 0, 1, 2):
            rows = np.full(len(turned["label"]), True) if at is None else turned["label"] == at
            shares = {name: f"{each[rows].mean():.3f}" for name, each in turned.items() if name != "label"}
            print(f"{side} towards {'any' if at is None else LABELS[at]}, {rows.sum()}: {shares}")
        assert exceeds(turned["people"], turned["sibling"])
        if side == "hypothesis":
            for name in ("one", "word", "as many"):
                assert exceeds(turned[name], turned[f"{name} random"])
            # One word turns about as many answers as people's whole edits do; with overlap, or as many words, more.
            assert exceeds(turned["one"], turned["people"]) and exceeds(turned["as many"], turned["people"])
