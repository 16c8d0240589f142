"""Causes of effects: effects among the treated, probabilities of necessity and sufficiency, attribution.

Pearl 2009, Causality, chapter 9; Tian and Pearl 2000.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from aitia.programs._answer import Answer
from aitia.programs._asking import DRAWS
from aitia.programs._errors import QueryError
from aitia.programs._fitted import Fitted
from aitia.programs._program import Program
from aitia.programs.counterfactuals._ask import (
    SEEN,
    ask,
    complement,
    crossing,
    difference,
    event_of,
    fitted_of,
    holds,
)
from aitia.programs.counterfactuals._bounds import tian_pearl

_NOTE = "How one unit would have fared in both worlds is told by the program's form of noise, which no data can test."


def effect_of_treatment_on_treated(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    treated: Any = 1,
    control: Any = 0,
    *,
    given: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """The effect among those who by themselves were treated: E[Y_treated - Y_control | T = treated].

    Args:
        fitted: the program; unfitted, its parameters are drawn from their priors.
        treatment: the node that is set.
        outcome: the node that answers.
        treated: the treatment's value of those whose effect is asked for.
        control: the value compared with.
        given: what else was seen of them.
        draws: units drawn.
        seed: the seed.

    Raises:
        QueryError: a node or a value is not the program's.

    Source:
        Pearl 2009, section 8.2.5.

    Example:
        >>> import numpyro.distributions as dist
        >>> program = Program(
        ...     {
        ...         "u": dist.Bernoulli(0.5),
        ...         "t": lambda u: dist.Bernoulli(0.2 + 0.6 * u),
        ...         "y": lambda t, u: dist.Normal(t * (1 + u), 1),
        ...     }
        ... )
        >>> round(effect_of_treatment_on_treated(program, "t", "y").mean, 1)  # 1 + P(u = 1 | t = 1) = 1.8
        1.8
    """
    evidence = _evidence(given, {treatment: treated})
    name = f"{outcome}_{{{treatment}={treated}}} - {outcome}_{{{treatment}={control}}}"
    acted = {"one": {treatment: treated}, "other": {treatment: control}}
    return ask(fitted, acted, difference(outcome), name, evidence, draws, seed)


def probability_of_necessity(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    treated: Any = 1,
    control: Any = 0,
    happened: Any = 1,
    *,
    given: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """PN: of those treated with the outcome, the share who would not have had it under control.

    P(Y_control not in happened | T = treated, Y in happened, given). The answer's bounds are what distributions alone
    allow; the mean takes the program's form of noise for true.

    Args:
        fitted: the program; unfitted, its parameters are drawn from their priors.
        treatment: the node that is set.
        outcome: the node that answers.
        treated: the treatment's value, as it was.
        control: the value it might have had.
        happened: the outcome as it was: a value, or an event (`above`, `one_of`, ...).
        given: what else was seen.
        draws: units drawn.
        seed: the seed.

    Raises:
        QueryError: a node or a value is not the program's.
        ImpossibleEvidence: nobody is treated and has the outcome.

    Source:
        Pearl 2009, definition 9.2.1.
    """
    event = event_of(fitted, outcome, happened)
    evidence = _evidence(given, {treatment: treated, outcome: happened})
    answer = ask(
        fitted,
        {"control": {treatment: control}},
        lambda values: 1 - holds(event, values["control"][outcome]),
        "probability of necessity",
        evidence,
        draws,
        seed,
    )
    return _bounded(
        answer, fitted, treatment, outcome, treated, control, event, given, "necessity", draws, seed
    )


def probability_of_sufficiency(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    treated: Any = 1,
    control: Any = 0,
    happened: Any = 1,
    *,
    given: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """PS: of those under control without the outcome, the share who would have had it treated.

    P(Y_treated in happened | T = control, Y not in happened, given). Arguments as `probability_of_necessity`.

    Source:
        Pearl 2009, definition 9.2.2.
    """
    event = event_of(fitted, outcome, happened)
    return _bounded(
        _given_not(fitted, treatment, outcome, treated, control, event, given, draws, seed),
        fitted,
        treatment,
        outcome,
        treated,
        control,
        event,
        given,
        "sufficiency",
        draws,
        seed,
    )


def probability_of_necessity_and_sufficiency(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    treated: Any = 1,
    control: Any = 0,
    happened: Any = 1,
    *,
    given: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """PNS: the share who have the outcome if treated, and do not under control.

    P(Y_treated in happened, Y_control not in happened | given). Arguments as `probability_of_necessity`.

    Source:
        Pearl 2009, definition 9.2.3.
    """
    event = event_of(fitted, outcome, happened)
    acted = {"one": {treatment: treated}, "other": {treatment: control}}

    def both(values):
        return holds(event, values["one"][outcome]) * (1 - holds(event, values["other"][outcome]))

    answer = ask(fitted, acted, both, "probability of necessity and sufficiency", given, draws, seed)
    return _bounded(answer, fitted, treatment, outcome, treated, control, event, given, "both", draws, seed)


def probability_of_disablement(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    control: Any = 0,
    happened: Any = 1,
    *,
    given: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """PD: of those with the outcome, however treated, the share who would not have had it under control.

    P(Y_control not in happened | Y in happened, given). Arguments as `probability_of_necessity`.

    Source:
        Pearl 2009, definition 9.2.4.
    """
    event = event_of(fitted, outcome, happened)
    answer = ask(
        fitted,
        {"control": {treatment: control}},
        lambda values: 1 - holds(event, values["control"][outcome]),
        "probability of disablement",
        _evidence(given, {outcome: happened}),
        draws,
        seed,
    )
    return crossing(answer, _NOTE)


def probability_of_enablement(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    treated: Any = 1,
    happened: Any = 1,
    *,
    given: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """PE: of those without the outcome, however treated, the share who would have had it treated.

    P(Y_treated in happened | Y not in happened, given). Arguments as `probability_of_necessity`.

    Source:
        Pearl 2009, definition 9.2.5.
    """
    event = event_of(fitted, outcome, happened)
    answer = _given_not(fitted, treatment, outcome, treated, None, event, given, draws, seed)
    return crossing(replace(answer, of="probability of enablement"), _NOTE)


def attributable_fraction(
    fitted: Fitted | Program,
    treatment: str,
    outcome: str,
    control: Any = 0,
    happened: Any = 1,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> Answer:
    """The share of the outcome that would be gone were everybody under control: (P(y) - P(y_control)) / P(y).

    It compares two populations, on rung 2: it is no probability that somebody's outcome was caused (Greenland and
    Robins 1988), and may be negative. Arguments as `probability_of_necessity`.
    """
    event = event_of(fitted, outcome, happened)

    def shares(values):
        both = (values["as it is"][outcome], values["control"][outcome])
        return np.stack([holds(event, each) for each in both], axis=-1)

    acted = {"as it is": {}, "control": {treatment: control}}
    answer = ask(fitted, acted, shares, "attributable fraction", None, draws, seed)
    seen, controlled = np.moveaxis(np.asarray(answer.mean_by_draw), -1, 0)
    if (seen <= 0).any():
        raise QueryError(
            f"Nobody has the outcome {event.text(outcome)}, so there is nothing to attribute.",
            "Ask for another.",
        )
    # A ratio of means has no value for a unit: what each unit adds to it, by the ratio's linearisation.
    fractions = 1 - controlled / seen
    by_unit = (
        fractions[:, None]
        + (
            (answer.draws[..., 0] - seen[:, None]) * (1 - fractions[:, None])
            - (answer.draws[..., 1] - controlled[:, None])
        )
        / seen[:, None]
    )
    return replace(answer, draws=by_unit, means=fractions, variances=None, rung=2, bounds=None)


def _evidence(given: Mapping[str, Any] | None, more: Mapping[str, Any]) -> dict[str, Any]:
    """What was seen, and the treatment and outcome that define the quantity.

    Raises:
        QueryError: `given` says something of these too.
    """
    for name in given or {}:
        if name in more:
            raise QueryError(
                f"given names {name!r}, whose value the quantity itself fixes.", "Leave it out of given."
            )
    return {**(given or {}), **more}


def _given_not(fitted, treatment, outcome, treated, control, event, given, draws, seed) -> Answer:
    """P(Y_treated in event | Y not in event, T = control, given)."""
    evidence = _evidence(given, {} if control is None else {treatment: control})
    without = complement(event, fitted_of(fitted).program.facts[outcome].support)
    if without is not None:
        return ask(
            fitted,
            {"one": {treatment: treated}},
            lambda values: holds(event, values["one"][outcome]),
            "probability of sufficiency",
            _evidence(evidence, {outcome: without}),
            draws,
            seed,
        )
    # What is not the event is no event (all but an interval): a ratio of two means among all.

    def parts(values):
        factual = values[SEEN] if SEEN in values else values["as it is"]
        without = 1 - holds(event, factual[outcome])
        return np.stack([without, without * holds(event, values["one"][outcome])], axis=-1)

    acted: dict[str, Any] = {"one": {treatment: treated}}
    acted |= {} if evidence else {"as it is": {}}
    answer = ask(fitted, acted, parts, "probability of sufficiency", evidence or None, draws, seed)
    among = answer.draws[..., 0]
    with np.errstate(divide="ignore"):
        log_weights = answer.log_weights + np.log(among)
    alive = np.isfinite(log_weights).any(axis=1)
    if not alive.all():
        raise QueryError(
            f"Everybody has the outcome {event.text(outcome)}: there is nobody for whom it could be sufficient.",
            "Ask for another outcome.",
        )
    means = None
    if answer.means is not None:
        means = answer.means[..., 1] / answer.means[..., 0]
    return replace(
        answer,
        draws=answer.draws[..., 1],
        log_weights=log_weights,
        means=means,
        variances=None,
        probabilities=None,
        levels=None,
        bounds=None,
        effective_by_draw=None,
    )


def _bounded(
    answer, fitted, treatment, outcome, treated, control, event, given, which: str, draws: int, seed: int
) -> Answer:
    """The answer with bounds: those found already, or Tian and Pearl's for a treatment with two values."""
    answer = crossing(answer, _NOTE)
    program = fitted_of(fitted).program
    support = program.facts[treatment].support
    after = program.graph.descendants(treatment)
    if answer.bounds is not None or support is None or len(support) != 2 or set(given or {}) & set(after):
        return answer

    def shares(values):
        factual = values[SEEN] if SEEN in values else values["as it is"]
        x, y = holds(event_of(fitted, treatment, treated), factual[treatment]), holds(event, factual[outcome])
        one, other = (holds(event, values[world][outcome]) for world in ("one", "other"))
        return np.stack([x * y, x * (1 - y), (1 - x) * y, (1 - x) * (1 - y), one, other], axis=-1)

    acted: dict[str, Any] = {"one": {treatment: treated}, "other": {treatment: control}}
    acted |= {} if given else {"as it is": {}}
    found = ask(fitted, acted, shares, "shares", given, draws, seed)
    xy, x_, _y, __, one, other = np.asarray(found.mean)
    kinds = ((True, True), (True, False), (False, True), (False, False))
    joint = dict(zip(kinds, map(float, (xy, x_, _y, __)), strict=True))
    # The shares are those of the same drawn units, so that they cannot contradict each other.
    bounds = getattr(tian_pearl(joint, float(one), float(other)), which)
    return replace(answer, bounds=bounds)
