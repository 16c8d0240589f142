"""Groups in a question: one that was in the data, or a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aitia.core import nearest
from aitia.programs._errors import QueryError
from aitia.programs._events import Exactly
from aitia.programs._fitted import Fitted
from aitia.programs._random import named_key, seed_key


@dataclass(frozen=True)
class NewGroup:
    """A group that was not in the data: ``given={"school": NewGroup()}``.

    Its own parameters are drawn from their prior given the parameters that prior depends on, once for each draw of
    the parameters: what is not known of the new group is uncertainty, not diversity among its people.
    """


def settled(fitted: Fitted, groups: Mapping[str, Any]) -> Fitted:
    """The fitted program for units of these groups.

    Args:
        fitted: the fitted program.
        groups: a group's level, or `NewGroup`, by the group's name.

    Returns:
        The same program whose parameters that vary by these groups have a group axis of length one.

    Raises:
        QueryError: a group that was not in the data.
    """
    parameters = {node: dict(own) for node, own in fitted.parameters.items()}
    for name, known in groups.items():
        known = known.value if isinstance(known, Exactly) else known
        varying = [
            (node, parameter, each)
            for node, mechanism in fitted.program.mechanisms.items()
            for parameter, each in mechanism.parameters.items()
            if each.per == name
        ]
        if isinstance(known, NewGroup):
            _draw_new(fitted, parameters, name)
            continue
        levels = [str(level) for level in fitted.group_levels.get(name, ())]
        if str(known) not in levels:
            raise QueryError(
                f"The data had no {name} {known!r}."
                if levels
                else f"The program was not fitted, and knows no {name} {known!r}.",
                f"{nearest(str(known), levels) if levels else 'Fit it first.'} "
                f"For one that was not in the data ask given={{{name!r}: NewGroup()}}.",
            )
        at = levels.index(str(known))
        for node, parameter, _ in varying:
            parameters[node][parameter] = np.asarray(parameters[node][parameter])[:, at : at + 1]
    return replace(
        fitted,
        parameters=parameters,
        group_levels={name: each for name, each in fitted.group_levels.items() if name not in groups},
        group_shares={name: each for name, each in fitted.group_shares.items() if name not in groups},
    )


def _draw_new(fitted: Fitted, parameters: dict[str, dict[str, Any]], group: str) -> None:
    """Replaces the parameters that vary by `group` with those of one new group, drawn from their priors."""
    keys = jax.random.split(seed_key(fitted.seed, "new group", group), fitted.n_draws)
    for node, mechanism in fitted.program.mechanisms.items():
        waiting = {name: each for name, each in mechanism.parameters.items() if each.per == group}
        while waiting:
            ready = [name for name, each in waiting.items() if not set(each.depends_on) & set(waiting)]
            for name in ready:
                each = waiting.pop(name)
                above = {other: jnp.asarray(parameters[node][other]) for other in each.depends_on}

                def draw(key, own, each=each, name=f"{node}\0{name}"):
                    return each.prior_given(own).sample(named_key(key, name), (1,))

                def one(key, own, each=each, draw=draw, mechanism=mechanism, group=group):
                    by_group = {n for n in own if mechanism.parameters[n].per == group}
                    return draw(key, {n: v[0] if n in by_group else v for n, v in own.items()})

                parameters[node][name] = np.asarray(jax.vmap(one)(keys, above))
