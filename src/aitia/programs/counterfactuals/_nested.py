"""Nested counterfactuals: a node takes the value it would have taken had something else been done, to any depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aitia.programs._answer import Answer
from aitia.programs._asking import DRAWS
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import AsIn
from aitia.programs._program import Program
from aitia.programs.counterfactuals._ask import ask, crossing


@dataclass(frozen=True)
class WouldBe:
    """What a node would have been, had something been done.

    Args:
        do: what would have been done; its values may be `WouldBe` again.
    """

    do: Mapping[Any, Any]


def nested(
    fitted: Fitted | Program,
    of: str,
    do: Mapping[Any, Any],
    *,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """The distribution of a nested counterfactual: Y_{x, M_{x', W_x}} and the like.

    Args:
        fitted: the program; unfitted, its parameters are drawn from their priors.
        of: the node asked for.
        do: what is done, by node or arrow (parent, child); `WouldBe` for a value from another world.
        evidence: what was seen of the unit in the world as it is.
        draws: units drawn.
        seed: the seed.

    Raises:
        QueryError: a node or a value is not the program's.

    Source:
        Correa, Lee and Bareinboim 2021, "Nested counterfactual identification from arbitrary surrogate experiments":
        a nested counterfactual is one in several plain worlds.

    Example:
        >>> import numpyro.distributions as dist
        >>> program = Program(
        ...     {
        ...         "t": dist.Bernoulli(0.5),
        ...         "m": lambda t: dist.Normal(2 * t, 1),
        ...         "y": lambda t, m: dist.Normal(0.5 * t + 3 * m, 1),
        ...     }
        ... )
        >>> round(nested(program, "y", {"t": 1, "m": WouldBe({"t": 0})}, evidence={"m": 0, "t": 0, "y": 1}).mean, 6)
        1.5
    """
    worlds: dict[str, dict[Any, Any]] = {}
    names: dict[Any, str] = {}

    def world_of(done: Mapping[Any, Any], name: str) -> str:
        plain = {
            target: AsIn(world_of(each.do, "")) if isinstance(each, WouldBe) else each
            for target, each in done.items()
        }
        # The same world asked for twice is one world.
        key = tuple(sorted((str(target), repr(each)) for target, each in plain.items()))
        if key not in names or name:
            names[key] = name or f"world {len(names) + 1}"
            worlds[names[key]] = plain
        return names[key]

    depth = _depth(do)
    last = world_of(do, "asked")
    answer = ask(fitted, worlds, (last, of), of, evidence, draws, seed)
    if not depth:
        return answer
    return crossing(
        answer,
        f"{of} is asked for in a world that takes values from {depth} other worlds deep: no experiment shows them of "
        "one unit. The program answers by its arrows and its form of noise.",
    )


def _depth(do: Mapping[Any, Any]) -> int:
    return max((1 + _depth(each.do) for each in do.values() if isinstance(each, WouldBe)), default=0)
