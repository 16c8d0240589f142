"""Where an action leaves what the data have seen: answered, with a warning that names the distance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from aitia.programs._errors import ImpossibleEvidence, NotInvertible
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import AsIn, Intervention, SetTo
from aitia.programs._question import action_text
from aitia.programs._worlds import Target, World
from aitia.programs.conditioning import Problem, Weighting

UNITS = 10_000
"""Units drawn to say how far an action lies from what the program itself gives."""

TOO_MANY = 0.005
"""The share of units that a shift or a policy may take outside of the data, beyond those that are there by themselves,
before it is said."""


def warnings_for(fitted: Fitted, worlds: Mapping[str, World], seed: int) -> tuple[str, ...]:
    """A sentence for every action that sets a node outside of what the data had, or to a level it had not."""
    found: list[str] = []
    for name, world in worlds.items():
        for target, done in world.do.items():
            if isinstance(done, SetTo):
                sentence = _outside(fitted, target, done, seed)
            else:
                sentence = _drawn_outside(fitted, worlds, name, target, seed)
            if sentence is not None:
                found.append(sentence)
        found += _unseen_pairs(fitted, world)
    return tuple(dict.fromkeys(found))


def _outside(fitted: Fitted, target: Target, done: Intervention, seed: int) -> str | None:
    node = target if isinstance(target, str) else target[0]
    facts = fitted.program.facts[node]
    if not isinstance(done, SetTo) or facts.shape:
        return None
    value = float(np.asarray(done.to))
    if facts.support is not None and not np.any(facts.support == value):
        return (
            f"{action_text(target, done)} is none of the values {node} takes in the program "
            f"({', '.join(f'{each:g}' for each in facts.support[:8].tolist())}): the mechanisms after it are read "
            "where they were never meant to be."
        )
    if node not in fitted.ranges or node in fitted.program.levels:
        return None
    low, high = fitted.ranges[node]
    if low <= value <= high:
        return None
    beyond = value - high if value > high else low - value
    edge, end = (high, "largest") if value > high else (low, "smallest")
    problem = Problem(fitted, {"seen": World()}, ("seen", node), max(1, UNITS // fitted.n_draws), seed)
    drawn = Weighting(units_each=1).run(problem).draws
    sd = float(drawn.std())
    share = float(np.mean(drawn > value if value > high else drawn < value))
    apart = f"{beyond / sd:.2g} standard deviations of {node}" if sd > 0 else f"{node} does not vary"
    side = "above" if value > high else "below"
    rare = f"{100 * share:.2g}%" if share > 0 else f"fewer than 1 in {drawn.size:,}"
    return (
        f"{action_text(target, done)} lies {beyond:.4g} beyond the {end} value in the data ({edge:.4g}; {apart}); the "
        f"fitted program itself puts {rare} of units {side} it. The answer there rests on the form of the mechanisms."
    )


def _drawn_outside(
    fitted: Fitted, worlds: Mapping[str, World], name: str, target: Target, seed: int
) -> str | None:
    """A sentence for a shift, a policy or a draw that gives units values outside of what the data had."""
    world = worlds[name]
    done = world.do[target]
    node = target if isinstance(target, str) else target[0]
    if node not in fitted.ranges or node in fitted.program.levels or fitted.program.facts[node].shape:
        return None
    if isinstance(done, AsIn):  # what is done in the other world speaks for itself
        return None
    # What an arrow carries is the value that the node itself would have under the same action.
    do: dict[Target, Intervention] = {
        each: act for each, act in world.do.items() if isinstance(each, str) and each != node
    }
    do[node] = done
    acted = {**worlds, name: World(do, world.given)}
    values, weights = _population(fitted, acted, (name, node), seed)
    low, high = fitted.ranges[node]
    beyond = np.maximum(np.maximum(low - values, values - high), 0.0)
    outside = beyond > 0
    share = float(np.sum(weights * outside))
    natural, _ = _population(fitted, {"seen": World()}, ("seen", node), seed)
    by_itself = float(np.mean((natural < low) | (natural > high)))
    if share <= by_itself + TOO_MANY:
        return None
    far = float(np.sum(weights * beyond) / share)
    sd = float(natural.std())
    apart = f"{far / sd:.2g} standard deviations of {node}" if sd > 0 else f"{node} does not vary"
    return (
        f"{action_text(target, done)} takes {100 * share:.3g}% of units beyond the values in the data ({low:.4g} to "
        f"{high:.4g}), by {far:.4g} on average ({apart}); by itself the fitted program takes "
        f"{100 * by_itself:.3g}% there. The answer there rests on the form of the mechanisms."
    )


def _population(
    fitted: Fitted, worlds: Mapping[str, World], asked: tuple[str, str], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws of a node and their weights (a sum of one), given the evidence where weighting meets it."""
    units = max(1, UNITS // fitted.n_draws)
    try:
        done = Weighting(units_each=1).run(Problem(fitted, worlds, asked, units, seed))
    except (ImpossibleEvidence, NotInvertible):
        plain = {name: World(each.do) for name, each in worlds.items()}
        done = Weighting(units_each=1).run(Problem(fitted, plain, asked, units, seed))
    weights = np.exp(done.log_weights - done.log_weights.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True) * len(weights)
    return np.asarray(done.draws, dtype=float), weights


def _unseen_pairs(fitted: Fitted, world: World) -> list[str]:
    """Levels that an action brings together with what is known or done, and that the data never had together."""
    fixed = {
        node: float(np.asarray(value))
        for node, value in (
            *(
                (node, done.to)
                for node, done in world.do.items()
                if isinstance(node, str) and isinstance(done, SetTo)
            ),
            *((node, getattr(event, "value", None)) for node, event in world.given.items()),
        )
        if value is not None and np.ndim(value) == 0
    }
    found = []
    for pair, seen in fitted.seen_together.items():
        if not all(node in fixed for node in pair) or not any(node in world.do for node in pair):
            continue
        if tuple(fixed[node] for node in pair) not in seen:
            names = " and ".join(f"{node}={_level(fitted, node, fixed[node])}" for node in pair)
            found.append(
                f"The data never had {names} together: the answer there rests on the form of the mechanisms."
            )
    return found


def _level(fitted: Fitted, node: str, value: float) -> str:
    levels = fitted.program.levels.get(node)
    return f"{value:g}" if levels is None else str(levels[int(value)])
