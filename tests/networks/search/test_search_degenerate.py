"""Units and concepts at the edges, other settings, and answers that do not depend on the cores."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_cases import firing_of, tied

from aitia.networks import Beam, ConceptError, Constant, Exact, Firing, Inventory, Layout, SearchError
from aitia.networks.search import _beam, _exact_unit, _rows, _workers
from aitia.networks.search._truth import formulas

MASKS = np.array([[1, 1, 0, 0, 0, 0], [0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], dtype=bool)
NAMES = ["water", "boat", "nothing"]


@pytest.mark.parametrize("search", [Beam(3), Beam.vision(3), Exact(1), Exact(3), Exact(4), Exact(6)])
def test_a_unit_that_never_fires(search):
    inventory = Inventory.from_masks(MASKS, NAMES)
    (found,) = search.explain(firing_of(inventory, np.zeros((1, 6))), inventory)
    assert (found.formula, found.score, found.certified, found.bound) == (Constant(False), 0.0, True, 0.0)


def test_a_unit_that_always_fires():
    inventory = Inventory.from_masks(MASKS, NAMES)
    firing = firing_of(inventory, np.ones((1, 6)))
    (beam,) = Beam(2).explain(firing, inventory)
    assert (str(beam.formula), beam.score) == ("water OR boat", 0.5)
    (one,) = Exact(1).explain(firing, inventory)
    assert (str(one.formula), one.score) == ("NOT nothing", 1.0)
    inventory = inventory.only(["water", "boat"])
    (two,) = Exact(2).explain(firing, inventory)
    assert (two.formula, two.score, two.certified) == (Constant(True), 1.0, True)
    (one,) = Exact(1).explain(firing, inventory)
    assert (str(one.formula), one.score) == ("NOT water", 4 / 6)


@pytest.mark.parametrize("search", [Beam(2), Beam.vision(2), Beam(2, candidates=1)])
def test_a_unit_that_nothing_overlaps(search):
    inventory = Inventory.from_masks(MASKS, NAMES)
    (found,) = search.explain(firing_of(inventory, [[0, 0, 0, 0, 1, 0]]), inventory)
    assert (found.formula, found.score, found.certified) == (Constant(False), 0.0, False)


def test_equal_scores_go_to_the_concept_that_comes_first():
    masks = np.array([[1, 1, 0, 0]] * 3, dtype=bool)
    inventory = Inventory.from_masks(masks, ["c", "a", "b"])
    firing = firing_of(inventory, [[1, 0, 0, 0]])
    for search in (Beam(3), Exact(3)):
        assert str(search.explain(firing, inventory)[0].formula) == "c"


@pytest.mark.parametrize("count", [1, 2])
def test_as_few_concepts_as_there_can_be(count):
    inventory = Inventory.from_masks(MASKS[:count], NAMES[:count])
    firing = firing_of(inventory, [[1, 0, 1, 0, 0, 0]])
    (found,) = Exact(4).explain(firing, inventory)
    assert found.certified
    # Of two concepts, (water AND NOT boat) OR (boat AND NOT water) is the unit itself.
    assert found.score == (1.0 if count == 2 else pytest.approx(1 / 3))


def test_masks_of_other_inputs_are_refused():
    inventory = Inventory.from_masks(MASKS, NAMES)
    other = Inventory.from_masks(MASKS[:, :5], NAMES)
    with pytest.raises(ConceptError, match=r"6 inputs .* 5 inputs"):
        Beam().explain(firing_of(inventory, np.ones((1, 6))), other)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Beam(0),
        lambda: Beam(2.5),
        lambda: Beam(width=0),
        lambda: Beam(candidates=0),
        lambda: Beam(penalty=0),
        lambda: Beam(penalty=1.5),
        lambda: Beam(penalty=float("nan")),
        lambda: Beam(least_firing=-1),
        lambda: Beam(epsilon=float("nan")),
        lambda: Exact(0),
        lambda: Exact("3"),
        lambda: Exact(seconds=-1),
        lambda: Exact(seconds=float("nan")),
    ],
)
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(SearchError, match="Expected"):
        wrong()


@settings(max_examples=30, deadline=None)
@given(tied(most_concepts=8, most_inputs=150, units=5), st.integers(1, 4), st.sampled_from([1, 2, 3]))
def test_the_answer_does_not_depend_on_the_cores(instance, length, cores):
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    firing = firing_of(inventory, units)

    def answers():
        return [
            (each.formula, each.score, each.by_length, each.tried)
            for search in (Beam(length), Exact(length))
            for each in search.explain(firing, inventory)
        ]

    here = answers()
    with pytest.MonkeyPatch.context() as patch:
        for module in (_beam, _workers):
            patch.setattr(module, "cores", lambda: cores)
        assert answers() == here


def test_masks_too_large_to_keep_are_read_again(monkeypatch, tmp_path):
    """Memory-mapped masks, read in many parts of which none is kept: the same answers."""
    rng = np.random.default_rng(3)
    masks = rng.random((6, 30, 20, 20)) < 0.2
    masks[:3, 10:] = False
    inventory = Inventory.from_masks(masks, list("abcdef"))
    firing = firing_of(inventory, (masks[0] | masks[4])[None] ^ (rng.random((2, 30, 20, 20)) < 0.05))
    expected = [
        each.formula for each in (*Beam(3).explain(firing, inventory), *Exact(2).explain(firing, inventory))
    ]
    np.save(tmp_path / "words.npy", inventory.words)
    mapped = Inventory(Layout(30, (20, 20)), inventory.names, np.load(tmp_path / "words.npy", mmap_mode="r"))
    monkeypatch.setattr(_rows, "READ", 1 << 10)
    monkeypatch.setattr(_rows, "KEPT", 0)
    monkeypatch.setattr(_rows, "SHORT", 8)
    monkeypatch.setattr(_rows, "BLOCK", 16)
    assert len(_rows.Rows(mapped, False).parts) > 5
    found = [each.formula for each in (*Beam(3).explain(firing, mapped), *Exact(2).explain(firing, mapped))]
    assert found == expected


@settings(max_examples=30, deadline=None)
@given(tied(most_concepts=8, most_inputs=150), st.integers(1, 4))
def test_one_of_equal_formulas_leaves_room_for_others(instance, length):
    """The scores are still the formulas' own, no two formulas of the first level are alike, and width 1 is greedy."""
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    firing = firing_of(inventory, units)
    for search in (Beam(length, distinct=True), Beam(length, distinct=True, negations=True)):
        for unit, found in zip(units, search.explain(firing, inventory), strict=True):
            mask = inventory.mask_of(found.formula)
            union = int((mask | unit).sum())
            assert found.score == (int((mask & unit).sum()) / union if union else 0.0)
            assert found.score <= Exact(min(length, 4)).explain(firing, inventory)[found.unit].score


@pytest.mark.parametrize("first", ["other counts of equal score", "a copy of the best"])
def test_what_is_distinct(first):
    """Two places in the beam, one of which wide AND round needs: beside an equal score, and beside no copy."""
    place = np.arange(100)
    unit = place < 12
    wide, round_ = place < 24, unit | (place >= 50)  # 12 of 24, and 12 of 62
    if first == "other counts of equal score":
        masks = [place < 6, place < 4, wide, round_]  # 6 of 12 is 1/2 too, 4 of 12 less
    else:
        masks = [place < 8, place < 8, wide, round_]
    inventory = Inventory.from_masks(np.array(masks), ["small", "other", "wide", "round"])
    (found,) = Beam(2, width=2, distinct=True).explain(firing_of(inventory, unit[None]), inventory)
    assert (str(found.formula), found.score) == ("wide AND round", 1.0)


def test_distinct_formulas_find_what_duplicates_crowd_out():
    """Over many units the wider beam is better on average, and never looks at fewer lengths."""
    rng = np.random.default_rng(0)
    masks = rng.random((60, 500)) < rng.beta(1, 6, size=(60, 1))
    inventory = Inventory.from_masks(masks, [f"c{each}" for each in range(60)])
    firing = firing_of(inventory, rng.random((40, 500)) < 0.3)
    published = np.array([each.score for each in Beam(4, 4).explain(firing, inventory)])
    distinct = np.array([each.score for each in Beam(4, 4, distinct=True).explain(firing, inventory)])
    assert distinct.mean() > published.mean()


def test_formulas_of_a_few_concepts_are_counted_right():
    """Functions of n variables, each read once: series-parallel networks of n labelled edges times 2^n signs.

    These networks are 1, 2, 8, 52 for n = 1, 2, 3, 4 (OEIS A006351). With four mentions there are also those that
    name one concept twice, which exact search counts on being only (A AND Y) OR (NOT A AND Z): A XOR B and its
    opposite for each pair, and of each three 3 choices of A, 2 of which is Y, and 4 of their signs.
    """
    once = {1: 2, 2: 8, 3: 64, 4: 832}
    constants = 2
    assert len(formulas(2, 2)[1]) == 2 * once[1] + once[2] + constants
    assert len(formulas(3, 3)[1]) == 3 * once[1] + 3 * once[2] + once[3] + constants
    twice = 6 * 2 + 4 * 3 * 2 * 4
    tables, shapes = formulas(4, 4)
    assert len(shapes) == 4 * once[1] + 6 * once[2] + 4 * once[3] + once[4] + constants + twice
    assert len(shapes) == len({table.tobytes() for table in tables})


def test_importing_loads_no_compiler():
    """Numba loads when a search runs, not when the room is imported."""
    asked = "import sys, aitia.networks; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_rounds_of_exact_search_do_not_change_it(monkeypatch):
    rng = np.random.default_rng(9)
    masks = rng.random((30, 400)) < rng.beta(1, 4, size=(30, 1))
    inventory = Inventory.from_masks(masks, [f"c{each}" for each in range(30)])
    firing = firing_of(inventory, rng.random((1, 400)) < 0.5)
    scores = []
    for tasks in (1, 3, 8):
        monkeypatch.setattr(_exact_unit, "TASKS", tasks)
        scores.append([Exact(length).explain(firing, inventory)[0].score for length in (2, 3, 4)])
    assert scores[0] == scores[1] == scores[2]


def test_more_positions_than_products_of_counts_are_exact_for_are_refused():
    layout = Layout(1, (10_000, 9_491))
    words = np.zeros((1, layout.words), dtype=np.uint64)
    unit = Firing(layout, (0,), words, np.zeros(1), np.ones(1), "never")
    with pytest.raises(SearchError, match=r"up to 94,906,265 positions; these masks have 94,910,000"):
        Exact().explain(unit, Inventory(layout, ("a",), words))
    assert 94_906_265**2 < 2**53 < 94_906_266**2
