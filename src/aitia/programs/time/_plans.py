"""When something is done: at one step, from a step on, in a window, or along a path of values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aitia.programs._errors import QueryError
from aitia.programs._interventions import Intervention, Policy, as_intervention

TIME = "time"
"""The name under which mechanisms and policies read the number of the step."""


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Timed(Intervention):
    """An intervention in force from one step to another, both included; outside of them the node is natural.

    Args:
        what: the intervention.
        first: the first step, counted from 0.
        last: the last step; infinity for no end.
    """

    what: Intervention
    first: Any = 0
    last: Any = math.inf

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys((TIME, *self.what.reads(node, parents), *parents)))

    def reads_elsewhere(self, node: str) -> tuple[tuple[str, str], ...]:
        return self.what.reads_elsewhere(node)

    def needs_natural(self, node: str) -> bool:
        return True

    def value(self, key, here, elsewhere, natural):
        usual = natural()
        done = self.what.value(key, here, elsewhere, lambda: usual)
        active = (here[TIME] >= self.first) & (here[TIME] <= self.last)
        return jnp.where(active, done, usual)

    def text(self, name: str) -> str:
        first, last = float(self.first), float(self.last)
        when = f"at step {first:.0f}" if first == last else f"from step {first:.0f}"
        if first != last and math.isfinite(last):
            when += f" to {last:.0f}"
        return f"{self.what.text(name)} {when}"


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Plan(Intervention):
    """Several timed interventions on one node; a later one goes before an earlier one where they overlap.

    Args:
        parts: the timed interventions.
    """

    parts: tuple[Timed, ...]

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for each in self.parts for name in each.reads(node, parents)))

    def reads_elsewhere(self, node: str) -> tuple[tuple[str, str], ...]:
        return tuple(dict.fromkeys(pair for each in self.parts for pair in each.reads_elsewhere(node)))

    def needs_natural(self, node: str) -> bool:
        return True

    def value(self, key, here, elsewhere, natural):
        usual = natural()
        value = usual
        for i, each in enumerate(self.parts):
            done = each.what.value(jax.random.fold_in(key, i), here, elsewhere, lambda: usual)
            active = (here[TIME] >= each.first) & (here[TIME] <= each.last)
            value = jnp.where(active, done, value)
        return value

    def text(self, name: str) -> str:
        return ", then ".join(each.text(name) for each in self.parts)


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Path(Intervention):
    """The node follows a path of values, one for each step.

    Args:
        values: shape (steps, ...).
    """

    values: Any

    def reads(self, node: str, parents: tuple[str, ...]) -> tuple[str, ...]:
        return (TIME,)

    def value(self, key, here, elsewhere, natural):
        return jnp.asarray(self.values)[jnp.asarray(here[TIME], int)]

    def text(self, name: str) -> str:
        return f"{name} = a path of {len(self.values)} values"


def at_step(step: int, what: Any) -> Timed:
    """`what` (a value, a policy, a distribution, an intervention) is done at one step, counted from 0.

    Example:
        >>> at_step(3, 2.5).text("price")
        'price = 2.5 at step 3'
    """
    return during(step, step, what)


def from_step(step: int, what: Any) -> Timed:
    """`what` is done from one step on."""
    return _timed(what, step, math.inf)


def during(first: int, last: int, what: Any) -> Timed:
    """`what` is done from the step `first` to the step `last`, both included.

    Raises:
        QueryError: the window is empty, or begins before step 0.
    """
    return _timed(what, first, last)


def path(values: Sequence[float] | np.ndarray) -> Path:
    """The node follows these values, one for each step."""
    return Path(np.asarray(values))


def _timed(what: Any, first: float, last: float) -> Timed:
    if isinstance(what, Timed | Plan):
        raise QueryError("A timed intervention holds another.", "Give a list of timed interventions instead.")
    if first < 0 or last < first or first != int(first):
        raise QueryError(
            f"The window from step {first} to step {last} holds no step.",
            "Steps are whole numbers counted from 0; the last one is not before the first.",
        )
    return Timed(as_intervention(what), int(first), last)


def as_plan(done: Any, node: str, steps: int) -> Intervention:
    """What is done to a node over time, from what a person writes.

    Args:
        done: anything `as_intervention` takes (in force at every step), a timed intervention, a list of them, or an
            array with a value for each step.
        node: the node's name, for errors.
        steps: the number of steps.

    Raises:
        QueryError: it lies outside the steps; a path has another length.
    """
    if isinstance(done, list | tuple) and done and all(isinstance(each, Timed) for each in done):
        made: Intervention = Plan(tuple(done))
    elif isinstance(done, Path) or (
        isinstance(done, list | tuple | np.ndarray | jax.Array) and np.ndim(done) >= 1
    ):
        made = done if isinstance(done, Path) else Path(np.asarray(done))
        if len(made.values) != steps:
            raise QueryError(
                f"The path of {node!r} has {len(made.values)} values, and there are {steps} steps.",
                "Give one value for each step, the first one for step 0.",
            )
    else:
        made = as_intervention(done)
    for each in made.parts if isinstance(made, Plan) else (made,):
        if isinstance(each, Timed) and not 0 <= each.first < steps:
            raise QueryError(
                f"The intervention on {node!r} begins at step {each.first}, and the steps are 0 to {steps - 1}.",
                "Ask for more steps, or begin earlier.",
            )
        if isinstance(each, Timed) and math.isfinite(each.last) and each.last >= steps:
            raise QueryError(
                f"The intervention on {node!r} lasts to step {each.last:.0f}, and the last step is {steps - 1}.",
                "Ask for more steps, end it earlier, or use from_step.",
            )
    return made


def functions_in(made: Intervention) -> list[Any]:
    """The policies' functions inside an intervention."""
    if isinstance(made, Plan):
        return [rule for each in made.parts for rule in functions_in(each)]
    if isinstance(made, Timed):
        return functions_in(made.what)
    return [made.rule] if isinstance(made, Policy) else []


def texts(do: Mapping[Any, Intervention]) -> str:
    """What is done, in words."""
    named = {target if isinstance(target, str) else " -> ".join(target): each for target, each in do.items()}
    return ", ".join(each.text(name) for name, each in named.items())
