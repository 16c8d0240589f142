"""An answer in words, as text, as HTML and as plain data."""

from __future__ import annotations

import html
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import AssumptionKey

if TYPE_CHECKING:
    from aitia.programs._answer import Answer

MOST_FORMS = 3
"""Lines on the forms of mechanisms that are shown, at most; more are counted."""

RUNGS = {1: "seeing", 2: "doing", 3: "imagining"}
"""What each rung of the ladder of causation is called."""


def number(value: float) -> str:
    """A number as a person reads it: four digits, no more than needed.

    Example:
        >>> number(1.9000000001), number(123456.7)
        ('1.9', '123,457')
    """
    if not math.isfinite(value):
        return str(value)
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value:,.0f}" if abs(value) < 1e12 else f"{value:.4g}"
    return f"{value:.4g}"


def share(value: float) -> str:
    """A probability as a percentage."""
    return f"{100 * value:.3g}%"


def sentence(answer: Answer) -> str:
    """The answer in a sentence for a newcomer."""
    lead = f"{answer.setting}, " if answer.setting else ""
    subject = answer.of
    if answer.names_levels and answer.level_probabilities:
        ranked = sorted(answer.level_probabilities.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{level} with probability {share(each)}" for level, each in ranked[:5])
        rest = f" and {len(ranked) - 5} more levels" if len(ranked) > 5 else ""
        return _capital(f"{lead}{subject} is {shares}{rest}.")
    if answer.shape:
        return _capital(f"{lead}{subject} is an array of shape {answer.shape}; its mean stands in `mean`.")
    low, high = answer.interval()
    text = f"{lead}{subject} is {number(answer.mean)} on average"
    if answer.n_parameter_draws > 1:
        text += f" (95% interval {number(low)} to {number(high)})"
    elif answer.simulation_error > 0:
        text += f" (error of simulation ±{number(1.96 * answer.simulation_error)})"
    if answer.diversity > 1e-9 * (1 + abs(answer.mean)):
        text += f"; units differ by a standard deviation of {number(answer.diversity)}"
    return _capital(f"{text}.")


def as_dict(answer: Answer) -> dict[str, Any]:
    """The answer as plain data that JSON can hold."""
    from aitia.programs._answer import summary

    levels = [0.025, 0.05, 0.25, 0.5, 0.75, 0.95, 0.975]
    quantiles = {} if answer.shape else dict(zip(map(str, levels), answer.quantile(levels).tolist()))
    draws: dict[str, Any] = {
        "parameter_draws": answer.n_parameter_draws,
        "units": int(answer.draws.shape[1]),
        "effective_sample_size": answer.effective_sample_size,
    }
    if not answer.shape:
        draws |= summary(answer.draws, answer.weights)
    return _finite(
        {
            "question": answer.question,
            "of": answer.of,
            "rung": answer.rung,
            "sentence": answer.sentence,
            "mean": answer.mean,
            "sd": answer.sd,
            "diversity": answer.diversity,
            "uncertainty": answer.uncertainty,
            "interval": list(answer.interval()),
            "interval_of": answer.interval_of,
            "simulation_error": answer.simulation_error,
            "quantiles": quantiles,
            "probabilities": {str(level): each for level, each in answer.level_probabilities.items()},
            "bounds": None if answer.bounds is None else list(answer.bounds),
            "method": answer.method,
            "effective_sample_size": answer.effective_sample_size,
            "warnings": list(answer.warnings),
            "notes": list(answer.notes),
            "assumptions": [each.statement for each in answer.assumptions],
            "draws": draws,
        }
    )


def as_text(answer: Answer) -> str:
    """The answer as a few lines of text."""
    lines = [f"{answer.question}   (rung {answer.rung}: {RUNGS[answer.rung]})", f"  {answer.sentence}"]
    if answer.bounds is not None:
        low, high = answer.bounds
        lines.append(f"  Under any form of noise the mean lies between {number(low)} and {number(high)}.")
    lines.append(f"  Method: {answer.method}; effective sample size {answer.effective_sample_size:,.0f}.")
    lines += [f"  Note: {each}" for each in answer.notes]
    lines += [f"  Assumes: {each}" for each in _assumed(answer)]
    lines += [f"  Warning: {each}" for each in answer.warnings]
    return "\n".join(lines)


def as_html(answer: Answer) -> str:
    """The answer as a table for a notebook."""
    rows: list[tuple[str, str]] = []
    if not answer.shape and not answer.names_levels:
        low, high = answer.interval()
        rows += [
            ("mean", f"{number(answer.mean)} ({number(low)} to {number(high)}: {answer.interval_of})"),
            ("spread among units (sd)", number(answer.diversity)),
            (
                "quantiles 5%, 50%, 95%",
                ", ".join(number(each) for each in answer.quantile([0.05, 0.5, 0.95])),
            ),
        ]
    rows += [(str(level), share(each)) for level, each in answer.level_probabilities.items()]
    if answer.bounds is not None:
        rows.append(("mean under any form of noise", " to ".join(number(each) for each in answer.bounds)))
    rows.append(("method", f"{answer.method}; effective sample size {answer.effective_sample_size:,.0f}"))
    rows += [("note", each) for each in answer.notes]
    rows += [("assumes", each) for each in _assumed(answer)]
    rows += [("warning", each) for each in answer.warnings]
    body = "".join(
        f'<tr><th style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(text)}</td></tr>'
        for name, text in rows
    )
    head = f"{answer.question} (rung {answer.rung}: {RUNGS[answer.rung]})"
    return f"<table><caption>{html.escape(head)}<br>{html.escape(answer.sentence)}</caption>{body}</table>"


def _assumed(answer: Answer) -> list[str]:
    """The assumptions in words: all but the forms of many mechanisms, which are counted."""
    forms = [each for each in answer.assumptions if each.key is AssumptionKey.OUTCOME_MODEL]
    if len(forms) <= MOST_FORMS:
        return [each.statement for each in answer.assumptions]
    rest = [each.statement for each in answer.assumptions if each.key is not AssumptionKey.OUTCOME_MODEL]
    return [*rest, f"{len(forms)} lines on the forms of mechanisms and their priors (see `assumptions`)."]


def _capital(text: str) -> str:
    # A node's name keeps its letters; the words before it begin as a sentence does.
    return text if not text or not text.startswith(("for ", "among ", "if ")) else text[0].upper() + text[1:]


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    if isinstance(value, np.ndarray):
        return _finite(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
