"""What the quantities of this package share: worlds of one unit, and events of its outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.programs._answer import Answer
from aitia.programs._asking import DRAWS
from aitia.programs._errors import QueryError
from aitia.programs._events import Between, Event, Exactly, OneOf, as_event
from aitia.programs._fitted import Fitted
from aitia.programs._program import Program
from aitia.programs._query import worlds
from aitia.programs._question import check_node, checked
from aitia.programs._worlds import World

SEEN = "seen"
"""The name of the world as it is."""


def fitted_of(given: Fitted | Program) -> Fitted:
    """The fitted program; a program stands for itself with its parameters drawn from their priors."""
    return given.unfitted if isinstance(given, Program) else given


def ask(
    given: Fitted | Program,
    acted: Mapping[str, Any],
    of,
    name: str,
    evidence: Mapping[str, Any] | None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """The answer to a question about one unit, with what was seen of it in the world as it is."""
    named = {world: World.of(do) for world, do in acted.items()}
    whole = {SEEN: World.of(None, evidence), **named} if evidence else named
    return worlds(fitted_of(given), whole, of, name=name, draws=draws, seed=seed)


def complement(event: Event, support: np.ndarray | None) -> Event | None:
    """What is not the event, as an event; None where that is none (all but an interval, all but a number)."""
    if support is not None:
        left = [each for each in np.asarray(support) if not holds(event, each)]
        return OneOf(tuple(left)) if left else None
    if isinstance(event, Between):
        if np.isneginf(event.low):
            return Between(low=event.high, with_low=not event.with_high)
        if np.isposinf(event.high):
            return Between(high=event.low, with_high=not event.with_low)
    return None


def event_of(given: Fitted | Program, node: str, known: Any) -> Event:
    """An event of a node, levels as positions.

    Raises:
        QueryError: there is no such node; the node has no such value.
    """
    program = fitted_of(given).program
    check_node(program, node)
    return checked(program, {"": World.of(None, {node: as_event(known)})})[""].given[node]


def holds(event: Event | None, values: Any) -> np.ndarray:
    """Whether each value is in the event, as numbers 0 and 1.

    Raises:
        QueryError: an event of a kind that is not known here.
    """
    values = np.asarray(values)
    if isinstance(event, Exactly):
        return (values == np.asarray(event.value)).astype(float)
    if isinstance(event, OneOf):
        return np.isin(values, np.asarray(event.values)).astype(float)
    if isinstance(event, Between):
        over = values >= np.asarray(event.low) if event.with_low else values > np.asarray(event.low)
        under = values <= np.asarray(event.high) if event.with_high else values < np.asarray(event.high)
        return (over & under).astype(float)
    raise QueryError(
        f"The event {event!r} is of no known kind.", "Give a value, an interval or a set of values."
    )


def difference(node: str, one: str = "one", other: str = "other"):
    """A node's value in one world minus that in another."""

    def minus(values):
        return np.asarray(values[one][node], dtype=float) - np.asarray(values[other][node], dtype=float)

    return minus


def crossing(answer: Answer, statement: str) -> Answer:
    """The answer with the assumption that it joins worlds no experiment can show together."""
    line = Assumption(
        AssumptionKey.CROSS_WORLD, statement, testable=False, source="a counterfactual quantity"
    )
    return replace(answer, assumptions=(*answer.assumptions, line))
