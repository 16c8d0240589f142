"""Effects along paths: some arrows carry the treatment's new value, the others the old one.

Pearl 2001; Avin, Shpitser and Pearl 2005, "Identifiability of path-specific effects".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from aitia.core import listing
from aitia.programs._answer import Answer
from aitia.programs._asking import DRAWS
from aitia.programs._errors import QueryError
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import AsIn
from aitia.programs._program import Program
from aitia.programs._question import check_node
from aitia.programs.counterfactuals._ask import ask, crossing, difference, fitted_of

Path = tuple[str, ...]

MOST_PATHS = 5_000
"""Paths listed while looking for a recanting witness."""


def path_specific_effect(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    paths: Iterable[str | Sequence[str]],
    treated: Any = 1,
    control: Any = 0,
    *,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """The effect of the treatment along some paths only, the others carrying its value under control.

    A node on a path takes, for every arrow of it, its parent's value along that path, and for every other arrow its
    parent's value under control. Where paths of both kinds run through one node, it has a value for each: a
    world each, sharing the unit's noise.

    Where all paths that begin with the same arrow are asked for together or not at all, the effect is determined by
    experiments and observation, under the graph. Else there is a recanting witness: no data on rungs 1 and 2 tell
    it, and the answer says so; the program answers by its form of noise.

    Args:
        fitted: the program; unfitted, its parameters are drawn from their priors.
        treatment: the node that is set.
        outcome: the node that answers.
        paths: directed paths from treatment to outcome, as ``"t -> m -> y"`` or ``("t", "m", "y")``.
        treated: the treatment's value along the paths.
        control: its value along all others.
        evidence: what was seen of the units in the world as it is.
        draws: units drawn.
        seed: the seed.

    Raises:
        QueryError: a path is none of the program's, or does not lead from treatment to outcome.

    Example:
        >>> import numpyro.distributions as dist
        >>> program = Program(
        ...     {
        ...         "t": dist.Bernoulli(0.5),
        ...         "m": lambda t: dist.Normal(2 * t, 1),
        ...         "y": lambda t, m: dist.Normal(0.5 * t + 3 * m, 1),
        ...     }
        ... )
        >>> round(path_specific_effect(program, "t", "y", ["t -> m -> y"]).mean, 6)
        6.0
    """
    program = fitted_of(fitted).program
    chosen = frozenset(_path(program, each, treatment, outcome) for each in paths)
    if not chosen:
        raise QueryError("No path is named.", f'Name one: paths=["{treatment} -> {outcome}"].')
    worlds: dict[str, dict[Any, Any]] = {"other": {treatment: control}}
    names: dict[tuple[str, frozenset[Path]], str] = {}

    def world_of(node: str, reaching: frozenset[Path]) -> str:
        """The world in which the node has the value that these paths, which end in it, bring."""
        if (node, reaching) in names:
            return names[node, reaching]
        do: dict[Any, Any] = {treatment: control}
        for parent in dict.fromkeys(path[-2] for path in sorted(reaching)):
            through = frozenset(path[:-1] for path in reaching if path[-2] == parent)
            do[parent, node] = treated if parent == treatment else AsIn(world_of(parent, through))
        names[node, reaching] = "one" if node == outcome else f"{node} {len(names) + 1}"
        worlds[names[node, reaching]] = do
        return names[node, reaching]

    world_of(outcome, chosen)
    shown = "; ".join(" -> ".join(each) for each in sorted(chosen))
    answer = ask(fitted, worlds, difference(outcome), f"effect along {shown}", evidence, draws, seed)
    witness = recanting_witness(program, treatment, outcome, chosen)
    if witness is None:
        return crossing(
            answer,
            f"{outcome} joins {treatment} = {treated} along {shown} with {treatment} = {control} along all other "
            "paths; experiments determine it only if the noises of different nodes are independent.",
        )
    return crossing(
        answer,
        f"{witness} is a recanting witness: paths through it are asked for and not asked for, so that it must take two "
        "values at once. No data on rungs 1 and 2 determine this effect; the program answers by its form of noise.",
    )


def recanting_witness(
    program: Program, treatment: str, outcome: str, paths: Iterable[str | Sequence[str]]
) -> str | None:
    """The node at which a path that is asked for parts from one that is not, after a common first arrow.

    Args:
        program: the program.
        treatment: where the paths start.
        outcome: where they end.
        paths: the paths asked for.

    Returns:
        Its name; None where there is none, and the effect is determined by rungs 1 and 2 (Avin, Shpitser and Pearl
        2005, theorem 5, without unmeasured common causes).

    Raises:
        QueryError: a path is none of the program's; there are too many paths to list.
    """
    chosen = {_path(program, each, treatment, outcome) for each in paths}
    between = set(program.graph.ancestors(outcome)) | {outcome}
    every: list[Path] = []
    waiting: list[Path] = [(treatment,)]
    while waiting:
        path = waiting.pop()
        if path[-1] == outcome:
            every.append(path)
        else:
            waiting += [(*path, each) for each in sorted(program.graph.children(path[-1])) if each in between]
        if len(every) + len(waiting) > MOST_PATHS:
            raise QueryError(
                f"There are more than {MOST_PATHS:,} paths from {treatment} to {outcome}.",
                "Ask of a part of the program: program.only(...).",
            )
    for one in sorted(chosen):
        for other in every:
            if other not in chosen and one[1] == other[1]:
                same = [a for a, b in zip(one, other) if a == b]
                common = next(k for k, (a, b) in enumerate(zip((*one, ""), (*other, ""))) if a != b)
                return same[common - 1]
    return None


def _path(program: Program, given: str | Sequence[str], treatment: str, outcome: str) -> Path:
    path = tuple(each.strip() for each in given.split("->")) if isinstance(given, str) else tuple(given)
    for node in path:
        check_node(program, node)
    if len(path) < 2 or path[0] != treatment or path[-1] != outcome:
        raise QueryError(
            f"The path {' -> '.join(path)} does not lead from {treatment} to {outcome}.",
            "Name it from end to end.",
        )
    for parent, child in pairwise(path):
        if parent not in program.mechanisms[child].parents:
            raise QueryError(
                f"The program has no arrow {parent} -> {child}.",
                f"The causes of {child} are {listing(program.mechanisms[child].parents)}.",
            )
    return path
