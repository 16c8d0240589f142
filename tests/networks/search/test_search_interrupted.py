"""Searches that are stopped: by the clock, by Ctrl-C, and continued."""

import signal
import threading
import time
from fractions import Fraction

import numpy as np
import pytest
from search_cases import firing_of, without_beams

from aitia.networks import Beam, Exact, Inventory
from aitia.networks.refutation import permutation_null
from aitia.networks.search import _beam, _exact_longer, _exact_unit


def instance(units=3, concepts=60, inputs=600):
    """Units that fire at random: what takes exact search longest."""
    rng = np.random.default_rng(5)
    masks = rng.random((concepts, inputs)) < rng.beta(1, 4, size=(concepts, 1))
    inventory = Inventory.from_masks(masks, [f"c{each}" for each in range(concepts)])
    return inventory, firing_of(inventory, rng.random((units, inputs)) < 0.4)


@pytest.mark.parametrize("length", [3, 4, 5])
def test_out_of_time_the_bound_holds_the_optimum(length):
    inventory, firing = instance(1)
    (stopped,) = Exact(length, seconds=0).explain(firing, inventory)
    assert stopped.stopped and not stopped.certified
    assert "stopped before its end" in stopped.sentence
    (best,) = Exact(length).explain(firing, inventory)
    assert best.certified and stopped.score <= best.score <= stopped.bound <= 1
    if length == 3:
        assert stopped.bound < 1
    (beam,) = Beam(length).explain(firing, inventory)
    assert stopped.score >= beam.score


def test_no_rounding_brings_a_bound_below_the_optimum(monkeypatch):
    """Where the bound is as low as it can be: three disjoint parts of the unit, of which two are known.

    A OR B OR C then has the value of A OR B and all that C can add, so the least threshold that the bound proves is the
    optimum itself; halved to the last digit it must not come out below.
    """
    without_beams(monkeypatch)
    monkeypatch.setattr(_exact_unit, "HALVINGS", 70)
    rng = np.random.default_rng(8)
    for _ in range(60):
        sizes = np.sort(rng.integers(3, 60, 3))[::-1]
        ends = np.cumsum(sizes)
        more, silent = rng.integers(1, 90), rng.integers(4_000, 9_000)
        place = np.arange(ends[-1] + more + silent)
        starts = ends - sizes
        masks = (place >= starts[:, None]) & (place < ends[:, None])
        inventory = Inventory.from_masks(masks, ["a", "b", "c"])
        (found,) = Exact(3, seconds=0).explain(
            firing_of(inventory, (place < ends[-1] + more)[None]), inventory
        )
        optimum = Fraction(int(ends[-1]), int(ends[-1] + more))
        assert found.stopped and found.score < optimum
        assert optimum <= Fraction(found.bound) <= optimum * (1 + Fraction(1, 10**6))


def test_lengths_that_are_not_searched_through_have_an_honest_bound():
    inventory, firing = instance(1, concepts=8, inputs=200)
    (six,) = Exact(6).explain(firing, inventory)
    (five,) = Exact(5).explain(firing, inventory)
    assert five.certified and not six.certified and not six.stopped
    assert five.score <= six.score <= six.bound
    assert six.gap == six.bound - six.score


def test_half_of_the_way_through_five_mentions_the_bound_holds_the_optimum(monkeypatch):
    """Stopped after each round: never below the optimum, and lower the further it came."""
    inventory, firing = instance(1, concepts=16, inputs=400)
    (best,) = Exact(5).explain(firing, inventory)
    monkeypatch.setattr(_exact_longer, "TASKS", 1)
    monkeypatch.setattr(_exact_longer, "LONGEST_ROUND", 1)
    late, bounds = _exact_unit.Unit.late, []
    for passed in range(12):

        def over(unit, passed=passed):
            at = unit.reached[2] if unit.reached and unit.reached[0] == 5 else 0
            return at >= passed if unit.reached and unit.reached[0] == 5 else late.fget(unit)

        with monkeypatch.context() as patch:
            patch.setattr(_exact_unit.Unit, "late", property(over))
            (found,) = Exact(5).explain(firing, inventory)
        assert best.score <= found.bound
        if found.certified:
            break
        bounds.append(found.bound)
    assert bounds == sorted(bounds, reverse=True) and bounds[0] > bounds[-1]


def test_a_bound_at_five_mentions_knows_that_two_concepts_can_say_all_they_can(monkeypatch):
    """A where not B, B where not A, or a few positions more: no AND or OR of A and B comes near."""
    rng = np.random.default_rng(0)
    a, b = rng.random((2, 400)) < 0.5
    few = (a == b) & (np.cumsum(a == b) <= 6)
    inventory = Inventory.from_masks(np.array([a, b, few]), list("abf"))
    without_beams(monkeypatch)
    monkeypatch.setattr(
        _exact_unit.Unit, "late", property(lambda unit: bool(unit.reached) and unit.reached[0] == 5)
    )
    (found,) = Exact(5).explain(firing_of(inventory, ((a != b) | few)[None]), inventory)
    assert found.stopped and found.score < 1.0 == found.bound


@pytest.mark.parametrize("length", [4, 5])
def test_a_kernel_that_is_told_to_stop_counts_nothing(length, monkeypatch):
    inventory, firing = instance(1, concepts=30)
    stage, tried = _exact_unit.STAGES[length], []

    def told(unit):
        unit.stop.fill(1)
        tried.append(unit.tried)
        ended = stage(unit)
        # Formulas "Y where A, Z where not A" come first at length four, and don't ask.
        tried.append((unit.tried - tried[0]) % (4 * len(unit.literals) ** 2))
        return ended

    monkeypatch.setitem(_exact_unit.STAGES, length, told)
    (found,) = Exact(length).explain(firing, inventory)
    assert found.stopped and not found.certified and tried[1] == 0


@pytest.mark.usefixtures("hears_ctrl_c")
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="signals to threads are POSIX")
@pytest.mark.parametrize("by", ["clock", "Ctrl-C"])
@pytest.mark.parametrize("length", [4, 5])
def test_a_kernel_that_runs_for_long_stops_when_it_is_told(length, by, monkeypatch):
    """Units of chance take minutes; what was found before is kept."""
    inventory, firing = instance(1, concepts={4: 600, 5: 150}[length], inputs=3000)
    stage = _exact_unit.STAGES[length]

    def told(unit):
        if by == "clock":
            unit.limit = time.monotonic() - unit.begun + 0.5
        else:
            main = threading.main_thread().ident
            threading.Timer(0.5, signal.pthread_kill, (main, signal.SIGINT)).start()
        return stage(unit)

    monkeypatch.setitem(_exact_unit.STAGES, 4, lambda unit: True)
    monkeypatch.setitem(_exact_unit.STAGES, length, told)
    (two,) = Exact(2).explain(firing, inventory)
    (found,) = Exact(length).explain(firing, inventory)
    assert found.stopped and not found.certified and two.score <= found.score <= found.bound


def test_a_bound_proves_what_only_halving_knows():
    """Half of the way through, what is left is bounded by less than at the beginning."""
    inventory, firing = instance(1)
    bounds = []
    for passed in (0, 1, 2):
        looks = iter([False] * passed + [True] * 1000)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_exact_unit.Unit, "late", property(lambda unit, looks=looks: next(looks)))
            (found,) = Exact(3).explain(firing, inventory)
        assert found.stopped
        bounds.append(found.bound)
    (best,) = Exact(3).explain(firing, inventory)
    assert bounds == sorted(bounds, reverse=True) and bounds[0] > bounds[-1] >= best.score


def test_ctrl_c_keeps_what_exact_search_found(monkeypatch):
    inventory, firing = instance(3)
    whole = Exact(3).explain(firing, inventory)
    triples = _exact_unit.STAGES[3]

    def interrupted(unit):
        if unit.place == 1:
            raise KeyboardInterrupt
        return triples(unit)

    with monkeypatch.context() as patch:
        patch.setitem(_exact_unit.STAGES, 3, interrupted)
        first, second = Exact(3).explain(firing, inventory)
    assert (first.formula, first.score, first.certified) == (whole[0].formula, whole[0].score, True)
    assert second.stopped and not second.certified and second.score <= whole[1].score <= second.bound
    resumed = Exact(3).explain(firing, inventory, resume=(first, second))
    assert resumed[0] is first
    assert [(each.unit, each.score, each.certified) for each in resumed] == [
        (each.unit, each.score, True) for each in whole
    ]


@pytest.mark.parametrize("beam", [0, 1])
def test_ctrl_c_while_exact_search_begins_with_beams(beam, monkeypatch):
    """What the beams have found so far is the answer, stopped, and is gone on from."""
    inventory, firing = instance(4)
    whole = Exact(3).explain(firing, inventory)
    monkeypatch.setattr(_beam, "ROOM", 1)
    monkeypatch.setattr(_beam, "cores", lambda: 2)
    grow, begun = _beam._Group._grow, []

    def interrupted(group):
        begun.append(group.places.start)
        if begun.count(2) == 1 + 2 * beam:  # two levels grow in each beam
            raise KeyboardInterrupt
        grow(group)

    with monkeypatch.context() as patch:
        patch.setattr(_beam._Group, "_grow", interrupted)
        found = Exact(3).explain(firing, inventory)
    assert len(found) == 4 and all(each.stopped and not each.certified for each in found)
    for each, best in zip(found, whole, strict=True):
        assert 0 < each.score <= best.score <= each.bound and each.search == best.search
    resumed = Exact(3).explain(firing, inventory, resume=found)
    assert [(each.score, each.certified) for each in resumed] == [(each.score, True) for each in whole]


def test_ctrl_c_keeps_the_levels_a_beam_has_finished(monkeypatch):
    inventory, firing = instance(4)
    whole = Beam(4).explain(firing, inventory)
    monkeypatch.setattr(_beam, "ROOM", 1)  # so few units at once as there are cores
    monkeypatch.setattr(_beam, "cores", lambda: 2)
    grow = _beam._Group._grow

    def interrupted(group):
        if group.places.start == 2 and len(group.by_length) == 2:
            raise KeyboardInterrupt
        grow(group)

    with monkeypatch.context() as patch:
        patch.setattr(_beam._Group, "_grow", interrupted)
        found = Beam(4).explain(firing, inventory)
    assert [each.stopped for each in found] == [False, False, True, True]
    assert [each.formula for each in found[:2]] == [each.formula for each in whole[:2]]
    for part, each in zip(found[2:], whole[2:], strict=True):
        assert part.by_length == each.by_length[:2]
        assert part.score == part.by_length[-1].score
    resumed = Beam(4).explain(firing, inventory, resume=found)
    assert [(each.formula, each.score, each.stopped) for each in resumed] == [
        (each.formula, each.score, False) for each in whole
    ]


def test_ctrl_c_before_anything_was_found_passes_through(monkeypatch):
    inventory, firing = instance(1)

    def interrupted(group):
        raise KeyboardInterrupt

    monkeypatch.setattr(_beam._Group, "_start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Beam(2).explain(firing, inventory)


@pytest.mark.parametrize("search", [Beam(3), Exact(3)])
def test_ctrl_c_passes_through_where_part_of_an_answer_is_of_no_use(search, monkeypatch):
    """A beam that is stopped has an answer for every unit: none of them may pass for the end of the search."""
    inventory, firing = instance(2)
    grow = _beam._Group._grow

    def interrupted(group):
        if len(group.by_length) == 2:
            raise KeyboardInterrupt
        grow(group)

    assert [each.score for each in search.to_the_end(firing, inventory)] == [
        each.score for each in search.explain(firing, inventory)
    ]
    monkeypatch.setattr(_beam._Group, "_grow", interrupted)
    assert [each.stopped for each in search.explain(firing, inventory)] == [True, True]
    with pytest.raises(KeyboardInterrupt):
        search.to_the_end(firing, inventory)


def test_ctrl_c_in_the_middle_of_a_shuffle_ends_the_null(monkeypatch):
    inventory, firing = instance(2)
    grow, begun = _beam._Group._grow, []

    def interrupted(group):
        begun.append(group)
        if len(begun) == 2:
            raise KeyboardInterrupt
        grow(group)

    search = Beam(3)
    found = search.explain(firing, inventory)
    monkeypatch.setattr(_beam._Group, "_grow", interrupted)
    with pytest.raises(KeyboardInterrupt):
        permutation_null(found, firing, inventory, search, replicates=19)
