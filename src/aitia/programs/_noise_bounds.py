"""Bounds on an answer on the third rung: its mean under any form of noise, where there are finitely many cases."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from aitia.programs._answer import Answer
from aitia.programs._fitted import Fitted
from aitia.programs.conditioning import Problem

MOST_DRAWS = 200
"""Draws of the parameters that bounds are worked out for, at most: each is a linear programme."""


def with_noise_bounds(answer: Answer, problem: Problem) -> Answer:
    """The answer with what its mean may be under any form of noise, where that arises and is known.

    Bounds are of a mean, so that a node whose levels are names has none. They are worked out for some of the draws of
    the parameters, and moved by how the mean over those differs from the mean over all.

    Args:
        answer: the answer.
        problem: the question, levels as positions.
    """
    of = _in_numbers(problem)
    if answer.rung < 3 or answer.shape or of is None or not _finite(problem):
        return answer
    from aitia.programs.exact import bounds_of

    means, there = answer.mean_by_draw, problem.fitted.n_draws
    used = np.unique(np.linspace(0, there - 1, len(means)).round().astype(int))
    if len(used) != len(means):
        return answer
    some = np.unique(np.linspace(0, len(means) - 1, MOST_DRAWS).astype(int))
    found = bounds_of(replace(problem, fitted=_thinned(problem.fitted, used[some]), of=of, draws=1))
    if found is None:
        return answer
    low, high = (float(each + means.mean() - means[some].mean()) for each in found.pair)
    loose = "The bounds under any form of noise hold, but may be wider than they need be."
    return replace(answer, bounds=(low, high), notes=answer.notes if found.sharp else (*answer.notes, loose))


def _finite(problem: Problem) -> bool:
    """Whether any node has finitely many values; without one no form of noise can be bounded here."""
    facts = problem.fitted.program.facts
    return any(facts[node].support is not None for node in problem.fitted.program.nodes)


def _in_numbers(problem: Problem) -> Any:
    """What is asked for, as numbers; None where its values are names."""
    if callable(problem.of):
        return problem.of
    world, node = problem.of
    levels = problem.fitted.program.levels.get(node)
    if levels is None:
        return problem.of
    if not all(isinstance(each, int | float) for each in levels):
        return None
    table = np.asarray(levels, dtype=float)

    def value(values: Mapping[str, Mapping[str, Any]]):
        return np.take(table, np.asarray(values[world][node]).astype(int), mode="clip")

    return value


def _thinned(fitted: Fitted, at: np.ndarray) -> Fitted:
    """The fit with some draws of its parameters."""
    kept = {
        node: {name: np.asarray(each)[at] for name, each in own.items()}
        for node, own in fitted.parameters.items()
    }
    return replace(fitted, parameters=kept, latents={}, chains=0)
