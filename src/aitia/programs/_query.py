"""Questions on the three rungs, as worlds; and the choice of a method to answer them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aitia.core import nearest
from aitia.programs._answer import Answer
from aitia.programs._errors import QueryError
from aitia.programs._events import encoded
from aitia.programs._fitted import Fitted
from aitia.programs._precision import double
from aitia.programs._worlds import World
from aitia.programs.conditioning import Conditioning, Problem, Weighting

DRAWS = 100_000
"""Units drawn for a question, over all draws of the parameters together, unless told otherwise."""


@double
def query(
    fitted: Fitted,
    of: str,
    *,
    given: Mapping[str, Any] | None = None,
    do: Mapping[Any, Any] | None = None,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    method: Conditioning | None = None,
) -> Answer:
    """The distribution of a node: seen, after an action, or as it would have been.

    Args:
        fitted: the program and draws of its parameters.
        of: the node asked for.
        given: what is known in the world that is acted on: P(of | do, given), rungs 1 and 2. Values, events
            (`above`, `between`, `one_of`, ...), by node.
        do: what is done, by node or by arrow (parent, child): a value, a policy (a function whose parameters name
            nodes), a NumPyro distribution, or an `Intervention`.
        evidence: what was seen of this unit in the world as it is; `do` then asks what would have been. Rung 3.
        draws: units drawn, over all draws of the parameters together.
        seed: the seed; the same seed draws the same noise for the same unit, whatever is done.
        method: how to condition on evidence; None chooses.
    """
    acted = World.of(do, given)
    worlds = {"acted": acted} if evidence is None else {"factual": World.of(given=evidence), "acted": acted}
    rung = 3 if evidence is not None else 2 if do else 1
    return _ask(fitted, worlds, ("acted", of), of, of, rung, draws, seed, method)


@double
def worlds(
    fitted: Fitted,
    worlds: Mapping[str, World | Mapping[str, Any]],
    of: Callable[[Mapping[str, Mapping[str, Any]]], Any] | tuple[str, str],
    *,
    name: str | None = None,
    draws: int = DRAWS,
    seed: int = 0,
    method: Conditioning | None = None,
) -> Answer:
    """A question about one unit in several worlds that share its noise.

    Every question on the three rungs is of this kind; `query` and `contrast` are short forms. Evidence may stand in
    several worlds at once, an intervention may take a value from another world (`AsIn`), and `do` may name an arrow
    (parent, child), so that the child alone sees another value of the parent (path-specific effects).

    Args:
        fitted: the program and draws of its parameters.
        worlds: by name, a `World`, or a mapping with the keys ``"do"`` and ``"given"`` as `World.of` takes them.
        of: what is asked for: a node of a world, as (world, node); or a function from the values by world and node
            (NumPy arrays of shape (parameter draws, units, ...); levels as positions) to an array of shape
            (parameter draws, units, ...).
        name: what the answer is called; None makes one from `of`.
        draws: units drawn, over all draws of the parameters together.
        seed: the seed; the same seed draws the same noise for the same unit, whatever is done.
        method: how to condition on evidence; None chooses.
    """
    plain = {label: each if isinstance(each, World) else World.of(**each) for label, each in worlds.items()}
    called = name or (f"{of[1]} in {of[0]}" if isinstance(of, tuple) else "the function asked for")
    return _ask(fitted, plain, of, called, called, 3 if len(plain) > 1 else 2, draws, seed, method)


def _ask(fitted, worlds, of, name, question, rung, draws, seed, method) -> Answer:
    known = {label: _checked(fitted.program, each) for label, each in worlds.items()}
    problem = Problem(fitted, known, of, max(1, draws // fitted.n_draws), seed)
    done = (method or Weighting()).run(problem)
    return Answer(question, name, rung, done.draws, done.log_weights, done.method, done.means, done.variances)


def _checked(program, world: World) -> World:
    for name in [
        *world.given,
        *(each for target in world.do for each in ([target] if isinstance(target, str) else target)),
    ]:
        if name not in program.mechanisms:
            raise QueryError(f"The program has no node {name!r}.", nearest(name, program.mechanisms))
    return World(world.do, {name: encoded(known, lambda value: value) for name, known in world.given.items()})
