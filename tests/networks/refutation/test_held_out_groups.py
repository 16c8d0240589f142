"""Inputs that belong together are held out together."""

from __future__ import annotations

import numpy as np
import pytest

from aitia.networks import Above, Activations, Beam, Inventory
from aitia.networks.refutation import HeldOut, Verdict, refute


def films(seed: int = 0):
    """Frames of twenty films; in each one of ten things stands wherever the unit fires, which has its own cause."""
    draws = np.random.default_rng(seed)
    film = np.repeat(np.arange(20), 30)
    fires = draws.random(600) < 0.4
    props = draws.random((10, 600)) < 0.05
    for each in range(20):
        props[each % 10, film == each] = fires[film == each]
    cause = fires ^ (draws.random(600) < 0.1)
    return film, fires, props, cause


def held_out(fires, masks, names, **given):
    inventory = Inventory.from_masks(masks, names)
    firing = Above().fire(Activations(np.where(fires, 1.0, -1.0)[:, None]), inventory.layout)
    search = Beam(4, distinct=True)
    found = search.explain(firing, inventory)
    (worth,) = refute(found, firing, inventory, search, refuters=[HeldOut(**given)], show_progress=False)
    return worth["held out"]


def test_what_holds_in_each_film_alone_does_not_hold_in_others():
    film, fires, props, cause = films()
    names = [f"prop {each}" for each in range(10)]
    known = film < 10  # each thing in one film: on another film it says nothing
    inputs = held_out(fires[known], props[:, known], names)
    groups = held_out(fires[known], props[:, known], names, folds=5, groups=film[known])
    assert inputs.details["held_out"].value > 0.3
    assert groups.details["held_out"].value < 0.15
    assert groups.details["optimism"] > inputs.details["optimism"] + 0.1
    assert "parts of the groups of inputs" in groups.tried
    true = held_out(fires[known], cause[None, known], ["cause"], folds=5, groups=film[known])
    assert true.details["held_out"].value > 0.7


def test_each_input_its_own_group_is_no_groups():
    _, fires, props, _ = films(1)
    names = [f"prop {each}" for each in range(10)]
    plain = held_out(fires, props, names)
    apart = held_out(fires, props, names, groups=np.arange(600))
    assert plain.details == apart.details


def test_there_are_no_more_folds_than_groups():
    _, fires, _, cause = films(2)
    trial = held_out(fires, cause[None], ["cause"], folds=10, groups=np.where(np.arange(600) < 200, "a", "b"))
    assert len(trial.details["formulas"]) == 2


@pytest.mark.parametrize("groups", [np.zeros(600), np.arange(599)])
def test_groups_of_nothing_are_refused(groups):
    _, fires, _, cause = films(3)
    trial = held_out(fires, cause[None], ["cause"], groups=groups)
    assert trial.verdict is Verdict.INCONCLUSIVE
    assert "Expected a group for each of 600 inputs, two groups or more" in trial.sentence
