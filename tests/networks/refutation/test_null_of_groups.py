"""Groups of inputs change places whole: what a shuffle keeps, exact counts, valid p-values, power."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import Above, Activations, Beam, Exact, Inventory, Layout, SearchError, explain
from aitia.networks.refutation import PermutationNull, Verdict, permutation_null, refute
from aitia.networks.refutation._groups import blocks_of, cut_sizes, group_of_inputs
from aitia.networks.refutation._permutation_null import shuffled

SLOW = os.environ.get("AITIA_SLOW") == "1"
labels_of_groups = st.lists(st.integers(0, 5), min_size=2, max_size=24).filter(
    lambda each: 1 < len(set(each)) < len(each)
)


def drawn(random, sizes, masks, kind):
    """Masks that depend on themselves inside groups and on nothing beyond: constant there, or in runs."""
    if kind == "constant":
        return np.repeat(random.random((masks, len(sizes))) < 0.4, sizes, axis=1)
    fresh = random.random((masks, sum(sizes))) < 0.4
    stays = random.random((masks, sum(sizes))) < 0.9
    stays[:, np.cumsum(sizes) - sizes] = False
    for at in range(1, sum(sizes)):
        fresh[:, at] = np.where(stays[:, at], fresh[:, at - 1], fresh[:, at])
    return fresh


def searched(units, concepts, search, shape=()):
    inventory = Inventory.from_masks(concepts, [f"c{at}" for at in range(len(concepts))])
    firing = Above().fire(Activations(np.where(np.swapaxes(units, 0, 1), 1.0, -1.0)), inventory.layout)
    return search.explain(firing, inventory, show_progress=False), firing, inventory, search


@given(labels_of_groups, st.sampled_from(["one", "image", "tokens"]), st.booleans(), st.integers(0, 2**31))
@settings(max_examples=60, deadline=None)
def test_groups_arrive_whole_and_in_order(labels, kind, shift, seed):
    """Of the cells left, those of each group are those that another group of its size had, turned or shifted alike."""
    random = np.random.default_rng(seed)
    labels, inputs = np.array(labels), len(labels)
    shape = {"one": (), "image": (3, 5), "tokens": (4,)}[kind]
    lengths = random.integers(1, 5, inputs) if kind == "tokens" else None
    layout = Layout(inputs, shape, lengths)
    masks = (random.random((2, inputs, *shape)) < 0.4) & layout.unpack(layout.valid)
    firing = Above().fire(Activations(np.where(masks.swapaxes(0, 1), 1.0, -1.0), lengths=lengths), layout)
    inventory = Inventory.from_masks(masks, ["a", "b"], lengths=lengths)
    blocks = blocks_of(labels, layout)
    assert blocks is not None
    cut, concepts = blocks.cut(firing, inventory)
    assert np.array_equal(cut.words, concepts.words) and cut.layout.total == concepts.layout.total
    words = shuffled(cut.layout, cut.words, 3, shift, seed, blocks)
    valid = cut.layout.unpack(cut.layout.valid)

    def runs(of):
        """What each group holds: the cells of its inputs, one after another, of both masks."""
        held = cut.layout.unpack(of)
        kept = labels[blocks.kept]
        if kind == "tokens":
            return [held[:, kept == each][:, valid[kept == each]] for each in np.unique(kept)]
        return [held[:, kept == each] for each in np.unique(kept)]

    def forms(run):
        if not shift or kind == "one":
            return {run.tobytes()}
        if kind == "tokens":
            return {np.roll(run, by, 1).tobytes() for by in range(run.shape[1])}
        return {np.roll(run, by, (2, 3)).tobytes() for by in itertools.product(range(3), range(5))}

    left = runs(cut.words)
    assert Counter(each.shape[1] for each in left).most_common()[-1][1] >= min(4, len(set(labels)))
    for run in runs(words):
        found = [
            at for at, each in enumerate(left) if each.shape == run.shape and run.tobytes() in forms(each)
        ]
        assert found, "a group came out that did not go in"
        left.pop(found[0])


def test_every_order_of_groups_is_as_likely():
    layout, labels = Layout(8), np.array(list("aabbccdd"))
    blocks = blocks_of(labels, layout)
    words = layout.pack(np.array([[1, 0, 1, 1, 0, 0, 0, 1]], dtype=bool))
    seen = Counter(shuffled(layout, words, draw, True, 0, blocks).tobytes() for draw in range(2400))
    # Each of 24 orders comes 100 times on average, with standard deviation sqrt(2400 * 23) / 24 = 9.8; 4.5 of these.
    assert len(seen) == 24 and max(abs(count - 100) for count in seen.values()) < 44


@given(st.lists(st.integers(0, 3), min_size=2, max_size=7))
@settings(max_examples=40, deadline=None)
def test_arrangements_are_counted_as_orders_that_differ(kinds):
    """Groups of two inputs, whose mask is one of four: by hand all orders, as a set."""
    blocks_in = [[(kind >> 1) & 1, kind & 1] for kind in kinds]
    layout = Layout(2 * len(kinds))
    blocks = blocks_of(np.repeat(np.arange(len(kinds)), 2), layout)
    words = layout.pack(np.array(blocks_in, dtype=bool).reshape(1, -1))
    assert blocks is not None
    (ways,) = blocks.arrangements(layout, words, True)
    assert exp(ways) == pytest.approx(len(set(itertools.permutations(map(tuple, blocks_in)))))


def test_shifts_are_arrangements_too():
    layout = Layout(4, (3, 5))
    mask = np.zeros((2, 4, 3, 5), dtype=bool)
    mask[0, 0, 1, 1] = True
    blocks = blocks_of(np.array([0, 0, 1, 1]), layout)
    assert blocks is not None
    ways = np.exp(blocks.arrangements(layout, layout.pack(mask), True))
    assert ways == pytest.approx([2 * 15, 1])
    assert np.exp(blocks.arrangements(layout, layout.pack(mask), False)) == pytest.approx([2, 1])


@given(st.lists(st.integers(1, 9), min_size=1, max_size=9), st.integers(1, 5))
@settings(max_examples=80, deadline=None)
def test_as_few_inputs_are_left_out_as_can_be(sizes, fewest):
    """Against all ways to cut runs of sizes to their smallest, or to leave a size out."""
    cut = cut_sizes(np.array(sizes), fewest)
    assert (cut <= sizes).all() and all(cut[at] == cut[sizes.index(size)] for at, size in enumerate(sizes))
    assert all(count >= fewest for size, count in Counter(cut.tolist()).items() if size)

    def most(left):
        if not left:
            return 0
        best = most(left[1:])
        for end in range(1, len(left) + 1):
            groups = sum(sizes.count(size) for size in left[:end])
            if groups >= fewest:
                best = max(best, groups * left[0] + most(left[end:]))
        return best

    assert cut.sum() == most(sorted(set(sizes)))


def test_sizes_by_hand():
    # Ten films of different length: four of 9 or more, and six of 4 or more.
    assert cut_sizes(np.array([4, 5, 5, 6, 7, 4, 9, 10, 10, 12]), 4).tolist() == [4] * 6 + [9] * 4
    # One short film is left out, no other is cut to it.
    assert cut_sizes(np.array([1, 50, 50, 50, 50]), 4).tolist() == [0, 50, 50, 50, 50]


def test_groups_of_copies_are_as_one_input():
    """Each input three times, and its copies a group: scores, shuffles and p are those of the inputs by themselves."""
    random = np.random.default_rng(0)
    units, concepts = random.random((6, 80)) < 0.3, random.random((7, 80)) < 0.3
    once = permutation_null(*searched(units, concepts, Beam(2)), replicates=39, seed=4)
    copied = searched(np.repeat(units, 3, axis=1), np.repeat(concepts, 3, axis=1), Beam(2))
    thrice = permutation_null(*copied, replicates=39, seed=4, groups=np.repeat(np.arange(80), 3))
    assert [each.p_value for each in thrice] == [each.p_value for each in once]
    for one, other in zip(once, thrice, strict=True):
        assert np.array_equal(one.details["null"], other.details["null"])
        assert other.details["groups"] == 80 and not other.details["left out"]
        assert "80 groups of inputs, each moved whole" in other.tried
    alone = permutation_null(*copied, replicates=39, seed=4)
    assert [each.p_value for each in alone] != [each.p_value for each in once]


def test_each_input_its_own_group_is_no_groups():
    random = np.random.default_rng(1)
    made = searched(random.random((4, 90)) < 0.3, random.random((6, 90)) < 0.3, Beam(2))
    names = [f"person {at}" for at in range(90)]
    plain, apart = permutation_null(*made, seed=2), permutation_null(*made, seed=2, groups=names)
    assert [each.p_value for each in plain] == [each.p_value for each in apart]
    assert [each.sentence for each in plain] == [each.sentence for each in apart]


@pytest.mark.parametrize("equal", [True, False])
@pytest.mark.parametrize("kind", ["constant", "runs"])
def test_p_is_valid_where_inputs_of_a_group_go_together(kind, equal):
    """Nothing is shared beyond groups. Inputs exchanged one by one, most units seem to beat chance; groups, 5%."""
    runs = 1500 if SLOW else 160
    sizes = [12] * 24 if equal else np.random.default_rng(1).integers(4, 30, 24).tolist()
    group = np.repeat(np.arange(24), sizes)
    alone, together = [], []
    for run in range(runs):
        random = np.random.default_rng([7, run])
        made = searched(drawn(random, sizes, 1, kind), drawn(random, sizes, 8, kind), Beam(2, width=4))
        options = {"replicates": 19, "stop_at": None, "seed": run, "show_progress": False}
        alone += [each.p_value for each in permutation_null(*made, **options)]
        trials = permutation_null(*made, groups=group, **options)
        together += [each.p_value for each in trials if each.p_value is not None]
    assert len(together) > 0.9 * runs
    assert np.mean(np.array(alone) < 0.051) > 0.5
    for level in (0.05, 0.25, 0.5):
        # Binomial error of a share of so many runs; 3.5 standard deviations.
        error = 3.5 * np.sqrt(level * (1 - level) / len(together))
        assert level - error - 0.03 < np.mean(np.array(together) < level + 0.001) < level + error


@pytest.mark.parametrize("kind", ["constant", "runs"])
def test_a_planted_formula_is_found_through_groups(kind):
    """Power: the unit fires where c0 AND NOT c1, but for a tenth of the inputs."""
    sizes = np.random.default_rng(3).integers(4, 30, 60).tolist()
    group = np.repeat(np.arange(60), sizes)
    beat, runs = 0, 25
    for run in range(runs):
        random = np.random.default_rng([8, run])
        concepts = drawn(random, sizes, 8, kind)
        unit = (concepts[0] & ~concepts[1]) ^ (random.random(sum(sizes)) < 0.1)
        made = searched(unit[None], concepts, Beam(2, width=4))
        (trial,) = permutation_null(
            *made, groups=group, replicates=39, stop_at=None, seed=run, show_progress=False
        )
        beat += trial.verdict is Verdict.SURVIVED
    assert beat >= 0.9 * runs


def test_what_is_left_out_is_said_and_compared_is_the_rest():
    random = np.random.default_rng(5)
    sizes = [6] * 5 + [9, 20, 30]
    group = np.repeat([f"film {at}" for at in range(8)], sizes)
    concepts = drawn(random, sizes, 5, "runs")
    found, firing, inventory, search = searched(
        concepts[:1] ^ (random.random((1, 89)) < 0.05), concepts, Exact(2)
    )
    (trial,) = permutation_null(found, firing, inventory, search, groups=group)
    rest = np.concatenate([np.flatnonzero(group == f"film {at}")[:6] for at in range(8)])
    (best,) = search.explain(firing.of_inputs(rest), inventory.of_inputs(rest))
    assert trial.details["score"] == best.score != found[0].score and trial.details["left out"] == 89 - 48
    said = f"finds on the 48 of 89 inputs that whole groups of one size hold: {best.score:.3f} where"
    assert said in trial.sentence and f"has {found[0].score:.3f})" in trial.sentence
    assert trial.p_value == 0.01


@pytest.mark.parametrize(("groups", "ways"), [(2, 2), (3, 6)])
def test_too_few_groups_are_said_and_nothing_is_searched(groups, ways):
    sizes = [30] * groups
    random = np.random.default_rng(6)
    concepts = drawn(random, sizes, 4, "runs")
    made = searched(np.stack([concepts[0], np.zeros(sum(sizes), dtype=bool)]), concepts, Beam(1))
    group = np.repeat(np.arange(groups), sizes)
    trial, silent = permutation_null(*made, groups=group)
    assert trial.verdict is Verdict.INCONCLUSIVE and trial.p_value is None
    assert f"laid out in {ways} ways only, and p could not be below {1 / ways:.2g}" in trial.sentence
    assert silent.sentence == "Unit 1 never fires."


def test_a_unit_that_one_group_fires_in_can_be_laid_out_in_as_many_ways_as_groups():
    sizes = [5] * 12
    unit = np.zeros((2, 60), dtype=bool)
    unit[0, :5] = True
    unit[1, 3:23] = True
    made = searched(unit, unit[:1], Beam(1))
    one, several = permutation_null(*made, groups=np.repeat(np.arange(12), sizes))
    assert one.verdict is Verdict.INCONCLUSIVE and "in 12 ways only" in one.sentence
    assert several.p_value is not None
    # Part of a group, three whole ones, part of another, and seven without: 12! / (3! 7!).
    assert factorial(12) // (factorial(3) * factorial(7)) > 20


def test_images_of_a_film_are_moved_and_shifted_as_one():
    """A thing that stays where it is all through a film: shifted one by one, chance never has it stay."""
    random = np.random.default_rng(0)
    box = np.zeros((6, 6), dtype=bool)
    box[:2, :2] = True
    # Around the edges too: a shift supposes that what a unit does is as likely anywhere.
    units, concepts = (
        np.array(
            [
                np.concatenate(
                    [np.tile(np.roll(box, random.integers(0, 6, 2), (0, 1)), (10, 1, 1)) for _ in range(8)]
                )
                for _ in range(count)
            ]
        )
        for count in (80, 4)
    )
    made = searched(units, concepts, Beam(2))
    film = np.repeat(np.arange(8), 10)
    alone = np.array([each.p_value for each in permutation_null(*made, replicates=19, stop_at=None)])
    trials = permutation_null(*made, replicates=19, stop_at=None, groups=film)
    together = np.array([each.p_value for each in trials])
    assert "8 groups of inputs, each moved whole and shifted as one" in trials[0].tried
    assert np.mean(alone < 0.051) > 0.5
    # Binomial error of 80 units; 3.5 standard deviations.
    assert np.mean(together < 0.051) <= 0.05 + 3.5 * np.sqrt(0.05 * 0.95 / 80)


def test_explain_and_refute_take_groups():
    random = np.random.default_rng(2)
    sizes = [10] * 30
    group = np.repeat(np.arange(30), sizes)
    concepts = drawn(random, sizes, 8, "constant")
    units = np.concatenate([concepts[:1], drawn(random, sizes, 5, "constant")])
    inventory = Inventory.from_masks(concepts, [f"c{at}" for at in range(8)])
    activations = np.where(units.T, 1.0, -1.0)
    plain = explain(activations, inventory, search=Beam(2), null=19)
    whole = explain(activations, inventory, search=Beam(2), null=19, groups=group)
    assert sum(p == 0.05 for p in plain.null_p) > 4 and sum(p == 0.05 for p in whole.null_p) <= 2
    assert whole.null_p[0] == 0.05
    assert "Inputs of a group were moved together." in whole.null_sentence
    assert any("moved groups of inputs whole" in str(each) for each in whole.decisions)
    few = explain(activations, inventory, search=Beam(2), null=19, groups=np.arange(300) // 100)
    assert few.null_p == (None,) * 6 and any("6 of 6 units have no p" in each for each in few.warnings)
    own = PermutationNull(groups=group)
    worth = refute(whole.explanations, whole.firing, whole.inventory, Beam(2), groups=group)
    assert {"30 groups of inputs" in each["permutation null"].tried for each in worth} == {True}
    assert {"30 groups of inputs were drawn" in each["bootstrap"].tried for each in worth} == {True}
    assert {"parts of the groups of inputs" in each["held out"].tried for each in worth} == {True}
    (first, *_) = refute(
        whole.explanations,
        whole.firing,
        whole.inventory,
        Beam(2),
        refuters=[own],
        groups=np.arange(300) // 3,
    )
    assert "30 groups" in first["permutation null"].tried  # its own are not replaced


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (np.zeros(60), "two groups or more; came 1"),
        (np.arange(59), "a group for each of 60 inputs"),
        (np.array([np.nan] + [0.0] * 59), "1 of 60 inputs have no group"),
        ([None, "a"] * 30, "30 of 60 inputs have no group"),
    ],
)
def test_groups_of_nothing_are_refused(groups, said):
    random = np.random.default_rng(0)
    made = searched(random.random((1, 60)) < 0.4, random.random((3, 60)) < 0.4, Beam(1))
    with pytest.raises(SearchError, match=said):
        permutation_null(*made, groups=groups)
    with pytest.raises(SearchError, match=said):
        refute(*made, groups=groups)
    with pytest.raises(SearchError, match=said):
        explain(np.ones((60, 1)), made[2], groups=groups, null=0)
    (worth,) = refute(*made, refuters=[PermutationNull(groups=groups)])
    assert said in worth["permutation null"].sentence


def test_labels_are_of_any_kind():
    expected = [0, 1, 1, 0]
    for labels in (list("abba"), [3, 7, 7, 3], np.array(["x", 2, 2, "x"], dtype=object)[[1, 0, 0, 1]]):
        assert group_of_inputs(np.asarray(labels), 4).tolist() == expected
