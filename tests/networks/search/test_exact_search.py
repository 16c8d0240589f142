"""Exact search: the optimum over all formulas, found by hand on small instances."""

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from search_cases import firing_of, tied, without_beams

from aitia.networks import Beam, Concept, Constant, Exact, Inventory, Not, Planted
from aitia.networks.search import _exact_five_kernel, _exact_kernel, _exact_longer
from aitia.networks.search._exact_tables import Best
from aitia.networks.search._truth import built, formulas

few = settings(max_examples=60, deadline=None)


def all_masks(masks: np.ndarray, most: int) -> list[set[bytes]]:
    """Every mask that a formula of exactly so many mentions has, by building all formulas of each length."""
    of = [set(), {each.tobytes() for mask in masks for each in (mask, ~mask)}]
    for length in range(2, most + 1):
        made = set()
        for left in range(1, length // 2 + 1):
            for one, other in product(of[left], of[length - left]):
                a, b = np.frombuffer(one, dtype=bool), np.frombuffer(other, dtype=bool)
                made |= {(a & b).tobytes(), (a | b).tobytes()}
        of.append(made)
    return of


def optimum(masks: np.ndarray, unit: np.ndarray, length: int) -> float:
    """The highest intersection over union of a formula of at most so many mentions."""
    best = 0.0
    for made in all_masks(masks, length)[1:]:
        for each in made:
            mask = np.frombuffer(each, dtype=bool)
            union = int((mask | unit).sum())
            best = max(best, int((mask & unit).sum()) / union if union else 0.0)
    return best


@few
@given(tied(most_concepts=4, most_inputs=40, units=1), st.integers(1, 5))
def test_the_optimum_of_all_formulas(instance, length):
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    (found,) = Exact(length).explain(firing_of(inventory, units), inventory)
    assert found.certified and found.bound == found.score and not found.stopped
    assert found.score == optimum(masks, units[0], length)
    assert found.formula.length <= length
    for each in found.by_length:
        assert each.score == optimum(masks, units[0], each.length)


@few
@given(tied(most_concepts=12, most_inputs=200), st.integers(1, 5))
def test_the_score_is_the_formulas_own_and_no_less_than_the_beams(instance, length):
    masks, names, units = instance
    inventory = Inventory.from_masks(masks, names)
    firing = firing_of(inventory, units)
    beams = Beam(length).explain(firing, inventory)
    for unit, exact, beam in zip(units, Exact(length).explain(firing, inventory), beams, strict=True):
        for found in (exact, beam):
            mask = inventory.mask_of(found.formula)
            union = int((mask | unit).sum())
            assert found.score == (int((mask & unit).sum()) / union if union else 0.0)
            assert (found.overlap.both, found.overlap.formula) == ((mask & unit).sum(), mask.sum())
        assert exact.score >= beam.score
        assert beam.score <= exact.bound


def optimum_of_subsets(masks: np.ndarray, unit: np.ndarray, length: int) -> float:
    """The same by all formulas of each choice of `length` concepts, from the counts of the cells they cut."""
    tables = formulas(length, length)[0].astype(float)
    best = 0.0
    for chosen in combinations(range(len(masks)), length):
        cell = (masks[list(chosen)] * (1 << np.arange(length)[::-1, None])).sum(axis=0)
        held = np.bincount(cell, minlength=1 << length)
        shared = np.bincount(cell[unit], minlength=1 << length)
        both = tables @ shared.astype(float)
        best = max(best, float((both / (tables @ held.astype(float) + unit.sum() - both)).max()))
    return best


@pytest.fixture(name="without_beams")
def _without_beams(monkeypatch):
    without_beams(monkeypatch)


@pytest.mark.usefixtures("without_beams")
@pytest.mark.parametrize("length", [2, 3, 4, 5])
def test_parts_that_add_little_are_found_together(length):
    """A unit of disjoint parts, two large ones and small ones alike, is the OR of all.

    Each small part adds what the last one did, so that a bound that forgets any of those still to come misses it.
    """
    sizes = [20, 15, 2, 2, 2][:length]
    ends = np.cumsum(sizes)
    place = np.arange(100)
    masks = np.array([(place >= end - size) & (place < end) for size, end in zip(sizes, ends, strict=True)])
    inventory = Inventory.from_masks(masks, list("abcde")[:length])
    (found,) = Exact(length).explain(firing_of(inventory, (place < ends[-1] + 7)[None]), inventory)
    assert found.certified and found.overlap.both == ends[-1] and found.score == ends[-1] / (ends[-1] + 7)


@pytest.mark.usefixtures("without_beams")
def test_a_small_part_beside_a_formula_that_names_a_concept_twice():
    """(A AND Y) OR (NOT A AND Z) OR a few positions more: far above what three concepts and two small parts can say."""
    rng = np.random.default_rng(0)
    a, y, z = rng.random((3, 400)) < 0.5
    choice = np.where(a, y, z)
    few = ~choice & (np.cumsum(~choice) <= 6)
    inventory = Inventory.from_masks(np.array([a, y, z, few]), list("ayzf"))
    (found,) = Exact(5).explain(firing_of(inventory, (choice | few)[None]), inventory)
    assert found.certified and found.score == 1.0 and found.by_length[3].score < 1.0


@pytest.mark.usefixtures("without_beams")
@pytest.mark.parametrize("length", [4, 5])
def test_rare_concepts_that_matter_only_together(length):
    """Concepts of a few positions, which can be neither first nor second, in formulas that name them twice too."""
    rng = np.random.default_rng(length)
    for _ in range(120):
        count, inputs = int(rng.integers(3, 9 - length)), int(rng.choice([20, 40, 64]))
        masks = rng.random((count, inputs)) < rng.choice([0.03, 0.06, 0.1, 0.3, 0.5], size=(count, 1))
        a, b, c = masks[rng.permutation(count)[:3]]
        unit = [(a ^ b) | c, a | (b & ~c), (a & b) | (c & ~a), a | b | c | masks[-1]][int(rng.integers(4))]
        unit = unit ^ (rng.random(inputs) < 0.05)
        if unit.any():
            inventory = Inventory.from_masks(masks, [f"c{each}" for each in range(count)])
            (found,) = Exact(length).explain(firing_of(inventory, unit[None]), inventory)
            assert found.certified and found.score == optimum(masks, unit, length)


@pytest.mark.usefixtures("without_beams")
@pytest.mark.parametrize("length", [3, 4, 5])
def test_branch_and_bound_needs_no_good_start(length):
    """Every kind of formula, as it is or with noise, of masks that are full of words and of masks that have few."""
    rng = np.random.default_rng(length)
    concepts = {3: 20, 4: 7, 5: 7}[length]
    shapes = formulas(length, length)[1][len(formulas(length, length - 1)[1]) :]
    for trial in range(60):
        inputs = int(rng.integers(40, 400))
        apart = 64 if trial % 3 == 0 else 1  # a word for each position
        masks = np.zeros((concepts, inputs * apart), dtype=bool)
        masks[:, ::apart] = rng.random((concepts, inputs)) < rng.choice([0.1, 0.3, 0.5], size=(concepts, 1))
        names = [f"c{each}" for each in range(len(masks))]
        inventory = Inventory.from_masks(masks, names)
        # A formula of this length that holds where the unit fires, but for noise: each kind has its turn.
        place = rng.permutation(len(masks))[:length]
        planted = built(
            shapes[int(rng.integers(len(shapes)))],
            lambda concept, holds, place=place: (
                Concept(f"c{place[concept]}") if holds else Not(Concept(f"c{place[concept]}"))
            ),
        )
        unit = inventory.mask_of(planted).copy()
        unit[::apart] ^= rng.random(inputs) < (0.25 if trial % 2 else 0.1)
        if not unit.any():
            continue
        (found,) = Exact(length).explain(firing_of(inventory, unit[None]), inventory)
        assert found.certified and found.score == optimum_of_subsets(masks, unit, length)


def test_what_a_third_concept_must_have_is_never_too_much():
    """Proof (3): wherever a formula of three exceeds a goal that no pair does, the third is let through."""
    tables, _ = formulas(3, 3)
    rng = np.random.default_rng(0)
    passed = 0
    for _ in range(4000):
        cells = rng.exponential(size=(2, 8)) * (
            rng.random((2, 8)) < 0.6
        )  # up and down of the cells a, b, c cut
        up, down = cells
        best = float((tables @ (up - down)).max())
        pair = float((formulas(3, 2)[0] @ (up - down)).max())
        if best <= pair:
            continue
        goal = rng.uniform(pair, best)
        a, b, c, ab = (np.arange(8) & bits == bits for bits in (4, 2, 1, 6))
        need_up, need_down = _exact_kernel._needs(
            *(float(part[held].sum()) for held in (a, b, ab, a | True) for part in (up, down)), goal
        )
        assert up[c].sum() > need_up or down[c].sum() > need_down
        passed += 1
    assert passed > 100


def each_once(concepts: int, named: int) -> np.ndarray:
    """The formulas of so many of the concepts, each named once, by the cells in which they hold."""
    tables, shapes = formulas(concepts, named)

    def leaves(shape):
        return [shape[1]] if shape[0] == "literal" else leaves(shape[1]) + leaves(shape[2])

    return tables[[len(leaves(shape)) == named == len(set(leaves(shape))) for shape in shapes]].astype(float)


def cells_of(rng: np.random.Generator, count: int) -> np.ndarray:
    """Values of cells as they may be: some large, some small, many zero."""
    return np.round(rng.normal(size=count) * rng.choice([0, 10, 100], size=count))


def test_the_best_formula_of_four_and_of_five_concepts():
    """What the kernels take from the shape of formulas, beside all formulas one by one."""
    chain, parted = _exact_longer._cell_orders()
    fours, threes = _exact_longer._orders_of_five()
    rng = np.random.default_rng(0)
    assert (
        len(each_once(4, 4)) == 832 and len(each_once(5, 5)) == 15104
    )  # OEIS A001863 read with its leaves' signs
    four = np.concatenate([each_once(4, named) for named in range(1, 5)])
    five, all_five = each_once(5, 5), formulas(5, 5)[0].astype(float)
    for _ in range(300):
        cells = cells_of(rng, 16)
        assert _exact_five_kernel._best_of_sixteen(cells, chain, parted) == max(
            0.0, cells.sum(), (four @ cells).max()
        )
        cells = cells_of(rng, 32)
        found = _exact_five_kernel._best_of_thirty_two(
            cells, -np.inf, chain, parted, fours, threes, np.zeros((2, 16)), np.zeros((2, 8))
        )
        assert (five @ cells).max() <= found <= max(0.0, cells.sum(), (all_five @ cells).max())
        goal = float(rng.choice([0.8, 1.0, 1.2])) * found
        again = _exact_five_kernel._best_of_thirty_two(
            cells, goal, chain, parted, fours, threes, np.zeros((2, 16)), np.zeros((2, 8))
        )
        assert again == max(goal, found)


@pytest.mark.parametrize("concepts", [3, 4])
def test_the_best_of_all_formulas_of_five_mentions_and_of_choices(concepts):
    tables = formulas(concepts, 5)[0].astype(float)
    of_four = formulas(3, 4)[0].astype(float)
    rng = np.random.default_rng(concepts)
    for _ in range(200):
        cells = cells_of(rng, 1 << concepts)
        found = _exact_five_kernel._best_of_tables(cells, _exact_longer._packed(concepts), np.zeros((2, 256)))
        assert found == max(0.0, (tables @ cells).max())
        if concepts == 3:
            once_more = _exact_five_kernel._best_choice(cells), _exact_five_kernel._best_of_three(*cells)
            assert max(once_more) == max(0.0, cells.sum(), (of_four @ cells).max())


def test_a_leaf_adds_what_it_holds_in_one_direction_at_most():
    """Proof (5), for the last of five concepts, and as close as it can be for some formula."""
    chain, parted = _exact_longer._cell_orders()
    five = each_once(5, 5)
    rng = np.random.default_rng(3)
    close = 0
    for _ in range(300):
        cells = cells_of(rng, 32)
        without = cells[0::2] + cells[1::2]
        limit = _exact_five_kernel._best_of_sixteen(without, chain, parted)
        limit += _exact_five_kernel._one_way(np.ascontiguousarray(cells[1::2]), 16)
        best = (five @ cells).max()
        assert best <= limit
        close += best > 0.8 * limit
    assert close > 10


@pytest.mark.parametrize("inputs", [300, 3000])
def test_the_optimum_of_many_concepts_by_all_triples(inputs):
    """Forty concepts of unequal support: more than one batch of everything, and bounds that cut."""
    rng = np.random.default_rng(inputs)
    masks = rng.random((40, inputs)) < rng.beta(0.5, 2.0, size=(40, 1))
    unit = (masks[3] & ~masks[11]) | masks[25]
    unit ^= rng.random(inputs) < 0.3
    inventory = Inventory.from_masks(masks, [f"c{each}" for each in range(40)])
    (found,) = Exact(3).explain(firing_of(inventory, unit[None]), inventory)
    best = 0.0
    signed = np.concatenate([masks, ~masks])
    fires = int(unit.sum())
    for one, two in combinations(range(80), 2):
        for pair in (signed[one] & signed[two], signed[one] | signed[two]):
            held, shared = signed & pair, signed & pair & unit
            for size, both in (
                (held.sum(1), shared.sum(1)),
                (
                    pair.sum() + signed.sum(1) - held.sum(1),
                    (pair & unit).sum() + (signed & unit).sum(1) - shared.sum(1),
                ),
            ):
                best = max(best, float((both / (size + fires - both)).max()))
    assert found.certified and found.score == best


def test_beyond_length_five_the_answer_is_no_worse_than_beams_that_try_every_concept():
    """Units that fire by a AND NOT b without noise never overlap b, which beams as published leave out."""
    planted = Planted(lengths=(6,), units=12, concepts=30, inputs=600).draw(seed=1)
    firing, inventory = planted.firing, planted.inventory
    silent = [each.score for each in Beam(6, silent=True).explain(firing, inventory)]
    published = [each.score for each in Beam(6).explain(firing, inventory)]
    five = [each.score for each in Exact(5).explain(firing, inventory)]
    found = [each.score for each in Exact(6).explain(firing, inventory)]
    assert sum(one > other for one, other in zip(silent, published, strict=True)) >= 3
    for score, *others in zip(found, silent, published, five, strict=True):
        assert score >= max(others)


def test_scores_are_compared_in_whole_numbers():
    """(n - 1) / n and n / (n + 1) are one number in double precision, for n of a thousand million."""
    n = 10**9
    best = Best(Constant(True), n - 1, n - 1, n)
    assert (n - 1) / n == n / (n + 1)
    assert best.beaten_by(n, n + 1) and not best.beaten_by(n - 1, n - 1) and not best.beaten_by(n - 2, n - 2)
