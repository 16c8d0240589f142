"""Direct and indirect effects: what goes through mediators, and what goes past them.

Pearl 2001, "Direct and indirect effects"; Robins and Greenland 1992.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

_NOTE = (
    "The outcome under one value of the treatment is joined with the mediators under another: no experiment shows "
    "both of one unit. The program answers by its arrows and its form of noise."
)


def total_effect(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    treated: Any = 1,
    control: Any = 0,
    *,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """The effect Y_treated - Y_control, of the units that the evidence describes (all without it)."""
    acted = {"one": {treatment: treated}, "other": {treatment: control}}
    name = f"total effect of {treatment} on {outcome}"
    return ask(fitted, acted, difference(outcome), name, evidence, draws, seed)


def natural_direct_effect(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    mediators: str | Sequence[str],
    treated: Any = 1,
    control: Any = 0,
    *,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """What the treatment does past the mediators: Y_{treated, M_control} - Y_control.

    Args:
        fitted: the program; unfitted, its parameters are drawn from their priors.
        treatment: the node that is set.
        outcome: the node that answers.
        mediators: the mediators, kept at what they would have been under control.
        treated: the treatment's value.
        control: the value compared with.
        evidence: what was seen of the units in the world as it is.
        draws: units drawn.
        seed: the seed.

    Raises:
        QueryError: a mediator does not lie between treatment and outcome.

    Example:
        >>> import numpyro.distributions as dist
        >>> program = Program(
        ...     {
        ...         "t": dist.Bernoulli(0.5),
        ...         "m": lambda t: dist.Normal(2 * t, 1),
        ...         "y": lambda t, m: dist.Normal(0.5 * t + 3 * m, 1),
        ...     }
        ... )
        >>> round(natural_direct_effect(program, "t", "y", "m").mean, 6)
        0.5
        >>> round(natural_indirect_effect(program, "t", "y", "m").mean, 6)
        6.0
    """
    acted = {
        "one": {treatment: treated, **_kept(fitted, treatment, outcome, mediators, "other")},
        "other": {treatment: control},
    }
    name = f"natural direct effect of {treatment} on {outcome}"
    return crossing(ask(fitted, acted, difference(outcome), name, evidence, draws, seed), _NOTE)


def natural_indirect_effect(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    mediators: str | Sequence[str],
    treated: Any = 1,
    control: Any = 0,
    *,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """What the treatment does through the mediators: Y_{control, M_treated} - Y_control.

    Arguments as `natural_direct_effect`. The total effect is the natural direct effect minus the natural indirect
    effect of the change back: Y_t - Y_c = NDE(c to t) - NIE(t to c); the two add up where there is no interaction.
    """
    acted = {
        "treated": {treatment: treated},
        "one": {treatment: control, **_kept(fitted, treatment, outcome, mediators, "treated")},
        "other": {treatment: control},
    }
    name = f"natural indirect effect of {treatment} on {outcome}"
    return crossing(ask(fitted, acted, difference(outcome), name, evidence, draws, seed), _NOTE)


def controlled_direct_effect(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    mediators: Mapping[str, Any],
    treated: Any = 1,
    control: Any = 0,
    *,
    evidence: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """What the treatment does with the mediators held at given values: Y_{treated, m} - Y_{control, m}.

    Args as `natural_direct_effect`, but `mediators` gives each one's value.
    """
    acted = {"one": {treatment: treated, **mediators}, "other": {treatment: control, **mediators}}
    name = f"controlled direct effect of {treatment} on {outcome}"
    return ask(fitted, acted, difference(outcome), name, evidence, draws, seed)


def _kept(
    fitted: Fitted | Program, treatment: str, outcome: str, mediators: str | Sequence[str], world: str
) -> dict[str, AsIn]:
    program = fitted_of(fitted).program
    names = (mediators,) if isinstance(mediators, str) else tuple(mediators)
    for node in (treatment, outcome, *names):
        check_node(program, node)
    between = set(program.graph.descendants(treatment)) & set(program.graph.ancestors(outcome))
    between -= {treatment, outcome}
    for node in names:
        if node not in between:
            raise QueryError(
                f"{node!r} does not lie between {treatment} and {outcome}.",
                f"Between them lie {listing(sorted(between))}.",
            )
    return {node: AsIn(world) for node in names}
