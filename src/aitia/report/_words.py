"""The words of an answer: numbers, names and the sentence that says it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from aitia.core import Assumption
from aitia.estimation import EffectSet, Estimate
from aitia.identification import (
    ControlledDirect,
    Interventional,
    NaturalDirect,
    NaturalIndirect,
    NotIdentified,
    PopulationKind,
    Question,
)


def number(value: float | None, digits: int = 3) -> str:
    """A number as a person reads it: `digits` significant digits, thousands separated, a real minus sign.

    Example:
        >>> number(-0.053712), number(12345.678), number(float("nan")), number(float("-inf"))
        ('−0.0537', '12,346', 'not available', '−∞')
    """
    if value is None or math.isnan(value):
        return "not available"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 10 ** (digits - 1):
        text = f"{size:,.0f}" if size < 1e9 else f"{size:.{digits}g}"
    elif size < 1e-4:
        text = f"{size:.{digits - 1}e}"
    else:
        text = f"{size:.{digits - 1 - math.floor(math.log10(size))}f}"
    return f"−{text}" if value < 0 else text


def probability(value: float | None) -> str:
    """A p-value as a person reads it.

    Example:
        >>> probability(0.04321), probability(1e-9)
        ('0.043', '< 0.001')
    """
    if value is None or math.isnan(value):
        return "not available"
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def shown(name: object) -> str:
    """A name on one line: what cannot be printed (newlines, control characters) is written as an escape.

    Example:
        >>> shown("two\\nlines"), shown("plain name")
        ('two\\\\nlines', 'plain name')
    """
    text = str(name)
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def names(values: tuple[Any, ...] | list[Any], joiner: str = "and") -> str:
    """Names joined as in a sentence.

    Example:
        >>> names(("a", "b", "c")), names(())
        ('a, b and c', 'nothing')
    """
    each = [shown(value) for value in values]
    if len(each) < 2:
        return each[0] if each else "nothing"
    return f"{', '.join(each[:-1])} {joiner} {each[-1]}"


def question_sentence(question: Question) -> str:
    """The question in a sentence.

    Example:
        >>> from aitia.identification import Effect
        >>> question_sentence(Effect("dose", "pain"))
        'What is the effect of dose on pain?'
    """
    treatment, outcome = shown(question.treatment), shown(question.outcome)
    if isinstance(question, ControlledDirect):
        held = names([f"{name} = {level}" for name, level in zip(question.mediators, question.levels)])
        return f"What is the direct effect of {treatment} on {outcome}, with {held} held fixed?"
    if isinstance(question, NaturalDirect):
        return f"How much of the effect of {treatment} on {outcome} is not carried by {names(question.mediators)}?"
    if isinstance(question, NaturalIndirect):
        return (
            f"How much of the effect of {treatment} on {outcome} is carried by {names(question.mediators)}?"
        )
    if isinstance(question, Interventional):
        given = f" among rows with given {names(question.given)}" if question.given else ""
        return (
            f"How are {names(question.outcomes)} distributed under do({names(question.treatments)}){given}?"
        )
    where = {
        PopulationKind.ALL: "",
        PopulationKind.TREATED: ", among those who got the treatment",
        PopulationKind.UNTREATED: ", among those who did not get the treatment",
        PopulationKind.SUBGROUP: f", among rows where {shown(question.population.condition)}",
    }[question.population.kind]
    return f"What is the effect of {treatment} on {outcome}{where}?"


def contrast_words(estimate: Estimate) -> tuple[str, str] | None:
    """The treated and control values compared, in words; None where the estimate does not say."""
    contrast = getattr(estimate.estimand.question, "contrast", None)
    if contrast is not None:
        return shown(contrast.treated), shown(contrast.control)
    profile = estimate.profile
    if profile is not None and not profile.continuous and len(profile.points) == 2:
        return shown(profile.points[1]), shown(profile.points[0])
    return None


def answer_sentence(estimate: Estimate) -> str:
    """The answer in one plain sentence: direction, size, interval, and whether zero is excluded."""
    question = estimate.estimand.question
    treatment, outcome = shown(question.treatment), shown(question.outcome)
    low, high = estimate.interval
    pair = contrast_words(estimate)
    change = (
        f"setting {treatment} to {pair[0]} instead of {pair[1]}"
        if pair
        else f"raising {treatment} by one unit"
    )
    part = {
        ControlledDirect: "directly ",
        NaturalDirect: "directly ",
        NaturalIndirect: f"through {names(getattr(question, 'mediators', ()))} ",
    }.get(type(question), "")
    population = getattr(question, "population", None)
    where = ""
    if population is not None:
        where = {
            PopulationKind.ALL: "",
            PopulationKind.TREATED: ", averaged over the treated",
            PopulationKind.UNTREATED: ", averaged over the untreated",
            PopulationKind.SUBGROUP: f", averaged over rows where {shown(population.condition)}",
        }[population.kind]
    interval = f"{estimate.level:.0%} interval {number(low)} to {number(high)}"
    if math.isnan(low) or math.isnan(high):
        interval = f"no {estimate.level:.0%} interval"
    if not math.isfinite(estimate.value):
        return f"There is no estimate of the effect of {treatment} on {outcome} ({interval})."
    # The interval decides, not the point: a value whose interval holds zero is told as unsettled.
    if low > 0 or high < 0:
        verb = "raises" if estimate.value > 0 else "lowers"
        return (
            f"{change[0].upper()}{change[1:]} {part}{verb} the mean of {outcome} "
            f"by {number(abs(estimate.value))} ({interval}){where}, if the assumptions below hold."
        )
    return (
        f"These data do not settle whether {change} {part}changes the mean of {outcome}: the estimate is "
        f"{number(estimate.value)} and its {interval} holds zero{where}, if the assumptions below hold."
    )


def broken_sentence(broken: Sequence[Assumption]) -> str:
    """The warning that follows an answer some of whose assumptions the data speak against; empty for none.

    Args:
        broken: the lines of the ledger that are broken.
    """
    if not broken:
        return ""
    said = shown(broken[0].statement).rstrip(".")
    said = said[:1].lower() + said[1:] if said[1:2].islower() else said
    more = f", and against {len(broken) - 1} more" if len(broken) > 1 else ""
    return f" But the data speak against one of them ({said}){more}: see below before relying on it."


def effect_set_sentence(effects: EffectSet) -> str:
    """The answer of a class of graphs that disagrees, in plain sentences.

    Args:
        effects: what each graph of the class answers.
    """
    question = effects.question
    treatment, outcome = shown(question.treatment), shown(question.outcome)
    contrast = getattr(question, "contrast", None)
    pair = (shown(contrast.treated), shown(contrast.control)) if contrast is not None else None
    if pair is None:  # the members compare the same values: one of them says which
        estimates = (each.estimate for each in effects.members)
        pair = next((contrast_words(each) for each in estimates if isinstance(each, Estimate)), None)
    change = (
        f"Setting {treatment} to {pair[0]} instead of {pair[1]}"
        if pair
        else f"Raising {treatment} by one unit"
    )
    low, high = effects.interval
    said = f"{change} moves the mean of {outcome} by {number(effects.minimum)}"
    said += (
        f" to {number(effects.maximum)}, depending on which graph of the class is true"
        if effects.width
        else " in each graph of the class that answers"
    )
    if effects.complete:
        said += f" ({number(low)} to {number(high)} with the {effects.level:.0%} intervals)"
    said += "."
    none, failed = effects.without_effect, effects.without_answer
    if none:
        said += f" In {none:.0%} of the graphs there is no effect."
    if failed:
        said += f" In {failed:.0%} of the graphs these columns do not answer, so the effect may lie outside."
    if not effects.possible.complete:
        said += " The list of graphs was cut at the limit, so the effect may lie outside."
    deciding = effects.deciding_edge
    if deciding is not None:
        left = " and ".join(
            f"{number(width)} if {shown(text)}{deciding.caveat(text)}"
            for text, width in deciding.widths.items()
        )
        said += (
            f" Settle {shown(deciding.edge)} first: the spread of {number(deciding.width)} becomes {left}."
        )
    return said


def refusal_sentence(refused: NotIdentified) -> str:
    """Why there is no answer, in one sentence."""
    question = refused.question
    return (
        f"With this graph the data cannot tell the effect of {shown(question.treatment)} on "
        f"{shown(question.outcome)}: {refused.sentence}"
    )
