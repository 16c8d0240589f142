"""The permutation null: exact validity of its p-values, what a shuffle keeps, and uniformity where nothing is there."""

import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import Beam, Exact, Firing, Inventory, Layout, Planted, SearchError
from aitia.networks._layout import counted
from aitia.networks.refutation import Case, PermutationNull, Verdict, permutation_null
from aitia.networks.refutation._case import firing_at
from aitia.networks.refutation._permutation_null import p_value, repeated, shuffled

SLOW = os.environ.get("AITIA_SLOW") == "1"


@pytest.mark.parametrize("stop_at", [None, 1, 2, 3])
def test_p_values_are_valid_over_all_orders_of_scores(stop_at):
    """Own score and replicates in every order, each as likely: P(p <= a) <= a, and = a at attainable levels."""
    replicates = 5
    p = [
        p_value(np.array(ranks[1:]) >= ranks[0], replicates, stop_at)[0]
        for ranks in itertools.permutations(range(replicates + 1))
    ]
    for level in set(p):
        assert np.mean(np.array(p) <= level + 1e-12) == pytest.approx(level)


@pytest.mark.parametrize("stop_at", [None, 2])
def test_p_values_are_valid_with_ties(stop_at):
    p = [
        p_value(np.array(scores[1:]) >= scores[0], 3, stop_at)[0]
        for ranks in itertools.permutations(range(4))
        for scores in [[(0, 1, 1, 2)[rank] for rank in ranks]]
    ]
    for level in set(p):
        assert np.mean(np.array(p) <= level + 1e-12) <= level + 1e-12


@given(
    st.integers(1, 12),
    st.sampled_from([(), (5,), (70,), (4, 5), (9, 17), (2, 3, 4)]),
    st.booleans(),
    st.integers(0, 2**31),
)
@settings(max_examples=40, deadline=None)
def test_a_shuffle_exchanges_and_rolls_whole_inputs(inputs, shape, shift, seed):
    random = np.random.default_rng(seed)
    lengths = random.integers(0, shape[0] + 1, inputs) if len(shape) == 1 and seed % 2 else None
    layout = Layout(inputs, shape, lengths)
    exists = layout.unpack(layout.valid)
    masks = (random.random((2, inputs, *shape)) < 0.3) & exists
    after = layout.unpack(shuffled(layout, layout.pack(masks), 3, shift, seed))
    assert not (after & ~exists).any()
    columns = np.full(inputs, shape[-1] if shape else 1) if lengths is None else lengths

    def forms(mask, length):
        """All the forms in which an input's masks (of both units) may come back."""
        if not shape:
            return {mask.tobytes()}
        rows = mask.reshape(2, -1, shape[-1])[..., :length]
        downs = range(rows.shape[1]) if shift else [0]
        acrosses = range(max(1, length)) if shift else [0]
        return {np.roll(rows, (down, across), (1, 2)).tobytes() for down in downs for across in acrosses}

    left = list(range(inputs))
    for place in range(inputs):
        came = after[:, place]
        if shape:
            came = np.ascontiguousarray(came.reshape(2, -1, shape[-1])[..., : columns[place]])
        found = [
            each
            for each in left
            if columns[each] == columns[place] and came.tobytes() in forms(masks[:, each], columns[each])
        ]
        assert found, "an input came out that did not go in"
        left.remove(found[0])


def test_shuffles_are_uniform_over_inputs_and_shifts():
    """One firing position: after a shuffle it is anywhere, as likely."""
    layout = Layout(2, (2, 3))
    mask = np.zeros((1, 2, 2, 3), dtype=bool)
    mask[0, 0, 1, 2] = True
    words = layout.pack(mask)
    total = sum(layout.unpack(shuffled(layout, words, draw, True, 0))[0].astype(int) for draw in range(2400))
    # Each of 12 places has 200 on average, with standard deviation sqrt(2400 * 11 / 144) = 13.5; 4 of these are 54.
    assert total.sum() == 2400 and (np.abs(total - 200) < 54).all()


@pytest.mark.parametrize("shape", [(), (8, 8)])
def test_p_values_are_uniform_where_units_fire_by_chance(shape):
    units = 400 if SLOW else 120
    planted = Planted(
        lengths=(), distractors=units, concepts=12, inputs=60 if shape else 600, shape=shape, fires=(0.1, 0.4)
    ).draw(seed=3)
    search = Beam(length=2, width=4)
    found = search.explain(planted.firing, planted.inventory)
    fixed = permutation_null(
        found, planted.firing, planted.inventory, search, replicates=19, stop_at=None, seed=1
    )
    p = np.array([trial.p_value for trial in fixed])
    assert set(np.round(p * 20).astype(int)) <= set(range(1, 21))
    for level in (0.1, 0.25, 0.5, 0.75):
        # Binomial error of a share of so many units; 4 standard deviations. One-sided tests of validity are stronger
        # upwards: ties can only make p larger.
        error = 4 * np.sqrt(level * (1 - level) / units)
        assert level - error < np.mean(p <= level + 1e-9) < level + error
    stopped = permutation_null(
        found, planted.firing, planted.inventory, search, replicates=39, stop_at=4, seed=2
    )
    p = np.array([trial.p_value for trial in stopped])
    for level in (0.1, 0.25, 0.5):
        assert np.mean(p <= level + 1e-9) < level + 4 * np.sqrt(level * (1 - level) / units)
    assert sum(trial.details["replicates"] for trial in stopped) < 0.7 * 39 * units


def test_planted_units_survive_and_their_null_is_the_same_search():
    planted = Planted(lengths=(1, 2, 3), units=2, concepts=15, inputs=800, false_negatives=0.2).draw(seed=0)
    search = Beam(length=3)
    found = search.explain(planted.firing, planted.inventory)
    trials = permutation_null(found, planted.firing, planted.inventory, search, replicates=19)
    assert all(trial.verdict is Verdict.SURVIVED and trial.p_value == 1 / 20 for trial in trials)
    # The null is what the search finds on the shuffled mask, one by one.
    trial = trials[3]
    words = shuffled(planted.firing.layout, planted.firing.words, 4, True, 0)[3:4]

    again = search.explain(firing_at(planted.firing, np.array([3]), words), planted.inventory)
    assert trial.details["null"][4] == again[0].score


def shuffles_of(case, place, replicates, seed=0):
    layout = case.firing.layout
    words = np.concatenate(
        [shuffled(layout, case.firing.words[[place]], draw, True, seed) for draw in range(replicates)]
    )
    return firing_at(case.firing, np.full(replicates, place), words)


@pytest.mark.parametrize("length", [1, 2, 3, 5])
def test_an_exact_search_is_repeated_and_counts_every_shuffle_that_reaches_the_score(length):
    """The floor below the unit's score changes nothing: the count is that of full exact searches of all shuffles."""
    planted = Planted(
        lengths=(2, 3),
        units=2,
        distractors=3,
        concepts=9,
        inputs=90,
        false_negatives=0.3,
        false_positives=0.2,
    ).draw(seed=4)
    search = Exact(length)
    found = search.explain(planted.firing, planted.inventory)
    case = Case(found, planted.firing, planted.inventory, search)
    trials = PermutationNull(15, stop_at=None).refute(case)
    ties = 0
    for place, (own, trial) in enumerate(zip(found, trials, strict=True)):
        optima = np.array(
            [each.score for each in search.explain(shuffles_of(case, place, 15), planted.inventory)]
        )
        assert trial.details["same search"] and trial.details["search"] == search.description
        assert trial.details["score"] == own.score
        assert trial.details["reached"] == (optima >= own.score).sum()
        assert trial.p_value == (1 + (optima >= own.score).sum()) / 16
        # What is given of the others is what a formula has.
        reach = optima >= own.score
        assert (trial.details["null"][~reach] <= optima[~reach]).all()
        assert (trial.details["null"][reach] >= own.score).all()
        ties += int((optima == own.score).sum())
    assert 0 < sum(trial.details["reached"] for trial in trials) < 15 * len(trials)
    assert length > 1 or ties  # at length 1 few scores are possible: reaching means ties too


def test_scores_say_whether_a_rival_is_reached():
    planted = Planted(lengths=(3,), units=6, concepts=10, inputs=200, false_negatives=0.2).draw(seed=2)
    search = Exact(3)
    found = search.explain(planted.firing, planted.inventory)
    # A unit's own optimum is reached; one position more in common is not.
    own = [each.overlap for each in found]
    assert search.scores(planted.firing, planted.inventory, own).tolist() == [each.score for each in found]
    above = [replace(each, both=each.both + 1, formula=each.formula + 1) for each in own]
    scores = search.scores(planted.firing, planted.inventory, above)
    assert (scores < [each.intersection_over_union for each in above]).all()
    beam = Beam(3)
    assert beam.scores(planted.firing, planted.inventory, own).tolist() == [
        each.score for each in beam.explain(planted.firing, planted.inventory)
    ]


def test_where_another_search_is_repeated_both_scores_are_said():
    planted = Planted(lengths=(3,), units=8, concepts=12, inputs=300).draw(seed=0)
    found = Exact(3).explain(planted.firing, planted.inventory)
    beam = Beam(3).explain(planted.firing, planted.inventory)
    trials = permutation_null(
        found, planted.firing, planted.inventory, Exact(3), replicates=19, null_search=Beam(3)
    )
    differ = [at for at in range(8) if round(found[at].score, 3) != round(beam[at].score, 3)]
    assert differ, "the case shows nothing: the beam finds every optimum"
    for at in differ:
        said = trials[at].sentence
        assert trials[at].details["score"] == beam[at].score and not trials[at].details["same search"]
        assert f"the best that beam search (length 3, width 10) finds: {beam[at].score:.3f}" in said
        assert f"found by exact search (length 3), has {found[at].score:.3f}" in said
        assert f"highest of 19: {trials[at].details['null'].max():.3f}" in said


def test_which_search_is_repeated_follows_from_sizes_and_what_was_tried():
    inventory = Inventory.from_masks(np.eye(50, 640, dtype=bool), [f"c{at}" for at in range(50)])
    words = np.zeros((3, inventory.layout.words), dtype=np.uint64)
    firing = Firing(inventory.layout, (0, 1, 2), words, np.zeros(3), np.full(3, np.inf), "")
    quick = [replace(each, tried=100_000) for each in Beam(1).explain(firing, inventory)]
    slow = [replace(each, tried=100_000_000) for each in quick]
    for search in (Beam(3), Beam(5, width=3), Exact(1), Exact(3), Exact(4), Exact(5)):
        assert repeated(search, quick, inventory, 99) == search
    assert repeated(Beam(3), slow, inventory, 99) == Beam(3)
    assert repeated(Exact(3), slow, inventory, 99) == Beam(3) and repeated(Exact(3), slow[:1], inventory, 19)
    assert repeated(Exact(3), quick * 300, inventory, 99) == Beam(3)
    # Neither is certified, or the same on every machine.
    assert repeated(Exact(6), quick, inventory, 99) == Beam(6)
    assert repeated(Exact(3, seconds=1.0), quick, inventory, 99) == Beam(3)
    case = Case(slow, firing, inventory, Exact(3))
    assert PermutationNull().search_of(case) == Beam(3)
    assert PermutationNull(search=Exact(3)).search_of(case) == Exact(3)


def test_silent_units_and_bad_settings_are_said():
    inventory = Inventory.from_masks(np.eye(2, 90, dtype=bool), ["a", "b"])
    from aitia.networks import Above, Activations

    firing = Above().fire(Activations(np.full((90, 1), -1.0)))
    search = Beam(1)
    (trial,) = permutation_null(search.explain(firing, inventory), firing, inventory, search)
    assert trial.verdict is Verdict.INCONCLUSIVE and trial.p_value is None and "never fires" in trial.sentence
    with pytest.raises(SearchError, match="one replicate or more"):
        PermutationNull(0)
    other = Planted(lengths=(1,), units=1, concepts=3, inputs=90).draw(seed=0)
    found = search.explain(other.firing, other.inventory)
    moved_up = Above(0.5).fire(other.activations)
    with pytest.raises(SearchError, match="mask was not given"):
        permutation_null(found, moved_up, other.inventory, search)


def test_shuffles_keep_the_size_of_every_mask():
    planted = Planted(lengths=(1,), units=5, concepts=9, inputs=30, shape=(7, 11)).draw(seed=0)
    words = planted.firing.words
    assert (counted(shuffled(planted.firing.layout, words, 0, True, 5)) == counted(words)).all()
