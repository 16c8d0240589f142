"""Inputs of an open program whose values are known: the same as set, since nothing is known of their law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from aitia.programs._events import Exactly
from aitia.programs._interventions import SetTo
from aitia.programs._program import Program
from aitia.programs._worlds import World


def inputs_set(program: Program, worlds: Mapping[str, World]) -> dict[str, World]:
    """The worlds, with each input that is known exactly set to that value in all worlds that do nothing to it.

    An input has no noise and no law: to know its value and to set it are one. It comes from outside of all
    worlds, so that it has one value in those that leave it alone. An input known to be two things is left as it is.

    Args:
        program: the program.
        worlds: the worlds by name, levels as positions.
    """
    found = dict(worlds)
    for node in program.inputs:
        free = [label for label, each in found.items() if node not in each.do]
        events = [found[label].given[node] for label in free if node in found[label].given]
        values = [np.asarray(event.value) for event in events if isinstance(event, Exactly)]
        if (
            not values
            or len(values) < len(events)
            or any(not np.array_equal(values[0], each) for each in values)
        ):
            continue
        for label in free:
            world = found[label]
            given = {name: event for name, event in world.given.items() if name != node}
            found[label] = replace(world, do={**world.do, node: SetTo(values[0])}, given=given)
    return found
