"""Questions on the three rungs, as worlds; and the choice of a method to answer them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aitia.core import nearest
from aitia.programs._answer import Answer
from aitia.programs._errors import QueryError
from aitia.programs._events import as_event, encoded
from aitia.programs._fitted import Fitted
from aitia.programs._interventions import as_intervention
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
    program = fitted.program
    acted = _world(program, do or {}, given or {})
    worlds = (
        {"acted": acted} if evidence is None else {"factual": _world(program, {}, evidence), "acted": acted}
    )
    rung = 3 if evidence is not None else 2 if do else 1
    problem = Problem(fitted, worlds, ("acted", of), max(1, draws // fitted.n_draws), seed)
    done = (method or Weighting()).run(problem)
    return Answer(of, of, rung, done.draws, done.log_weights, done.method, done.means, done.variances)


def _world(program, do, given) -> World:
    for name in [
        *given,
        *(each for target in do for each in ([target] if isinstance(target, str) else target)),
    ]:
        if name not in program.mechanisms:
            raise QueryError(f"The program has no node {name!r}.", nearest(name, program.mechanisms))
    events = {name: encoded(as_event(known), lambda value: value) for name, known in given.items()}
    return World({target: as_intervention(done) for target, done in do.items()}, events)
