"""Explanations of a layer's units as one self-contained HTML file: a table of units, and each unit with its inputs."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia import __version__
from aitia.report._atomic import write_text
from aitia.report._figures import short
from aitia.report._html import _css, _environment
from aitia.report._neuron_figures import categories, score_by_length
from aitia.report._neuron_pictures import (
    as_images,
    described,
    named_words,
    picture,
    positions,
    sentences,
    strongest,
)
from aitia.report._pictures import Picture
from aitia.report._svg import inline_svg
from aitia.report._words import number, probability, shown

if TYPE_CHECKING:
    from aitia.networks import Explanation, Explanations
    from aitia.networks.edits import TriedEdits
    from aitia.networks.refutation import Trial, Worth

_INPUTS = 6
_DRAWN = 256  # units beyond the best so many are listed without their inputs
_SORTS = (
    ("score", "score"),
    ("unit", "unit"),
    ("null", "null"),
    ("matters", "matters"),
    ("length", "length"),
)


@dataclass(frozen=True, eq=False)
class NeuronFindings:
    """What a page about the units of a layer shows.

    Args:
        explanations: the explanations.
        worth: what was tried to break each, in their order; () where nothing was.
        edits: edits that were tried.
        no_edits: why none were, in a sentence.
        images: the inputs as images: (inputs, height, width), (inputs, height, width, channels) or (inputs, channels,
            height, width).
        texts: or the inputs as sentences, by role (``"premise"``): lists of words.
        labels: the class of each input.
        classes: the classes' names.
        title: a heading.
        source: where the network and the concepts come from, in words.
    """

    explanations: Explanations
    worth: Sequence[Worth] = ()
    edits: Sequence[TriedEdits] = ()
    no_edits: str = ""
    images: np.ndarray | None = field(default=None, repr=False)
    texts: Mapping[str, Sequence[Sequence[str]]] | None = field(default=None, repr=False)
    labels: np.ndarray | None = field(default=None, repr=False)
    classes: Sequence[str] = ()
    title: str = ""
    source: str = ""


def write_neuron_report(findings: NeuronFindings, path: str | os.PathLike[str]) -> Path:
    """Write explanations of units as one HTML file.

    Args:
        findings: the explanations, and what was done with them.
        path: where to. The file is written whole or not at all.

    Returns:
        The path written.

    Raises:
        CannotWrite: the disk is full, or the folder is not there or not writable. An old file survives.
    """
    return write_text(path, neuron_page(findings))


def neuron_page(findings: NeuronFindings) -> str:
    """Explanations of units as the text of one HTML page.

    Args:
        findings: the explanations, and what was done with them.
    """
    found = findings.explanations
    units = _units(findings)
    tried = [each for edits in findings.edits for each in edits]
    figures = _figures(found)
    contents = [
        ("units", "Units", True),
        ("together", "All units together", bool(figures)),
        ("edits", "Edits", bool(findings.edits or findings.no_edits)),
        ("details", "Each unit", True),
        ("concepts", "Concepts", True),
        ("decisions", "Decisions", bool(found.decisions)),
        ("provenance", "Provenance", True),
    ]
    worth = findings.worth
    return (
        _environment()
        .get_template("neurons.html.j2")
        .render(
            version=__version__,
            css=_css(),
            title=findings.title or f"Units of {found.activations.layer or 'a layer'}",
            sentence=found.sentence,
            numbers=_numbers(findings),
            warnings=found.warnings,
            contents=[(anchor, words) for anchor, words, there in contents if there],
            units=units,
            sorts=[
                (key, words)
                for key, words in _SORTS
                if (key != "null" or any(p is not None for p in found.null_p))
                and (key != "matters" or any(each.matters for each in units))
            ],
            with_null=any(p is not None for p in found.null_p),
            null_sentence=found.null_sentence,
            places="positions" if found.firing.layout.shape else "inputs",
            with_interval=any(each.interval for each in units),
            with_matters=any(each.matters for each in units),
            with_verdict=bool(worth),
            figures=figures,
            edits=tried,
            edit_sentences=[each.sentence for each in findings.edits],
            edit_fits=[each.fit for each in findings.edits if each.fit],
            with_expected=any(each.edit.expected is not None for each in tried),
            no_edits=findings.no_edits,
            concepts=found.inventory.describe(),
            share=found.inventory.support / found.inventory.layout.total,
            decisions=found.decisions,
            images=findings.images is not None and bool(found.firing.layout.shape),
            provenance=_provenance(findings),
        )
    )


def neuron_table(found: Explanations, worth: Sequence[Worth] = (), most: int = 40) -> list[Any]:
    """Explanations as Rich renderables, the best first.

    Args:
        found: the explanations.
        worth: what was tried to break each.
        most: how many are listed.
    """
    from aitia.report._terminal import _table, _text

    parts: list[Any] = [_text(""), _text(shown(found.sentence), "bold"), _text("")]
    table = _table("Unit", "Score", "Gap", "Null p", "Formula", *(["Verdict"] if worth else []))
    order = sorted(range(len(found)), key=lambda at: -found[at].overlap.intersection_over_union)
    for at in order[:most]:
        each = found[at]
        table.add_row(
            _text(str(each.unit)),
            _text(f"{each.overlap.intersection_over_union:.3f}"),
            _text("none" if each.certified else f"{each.gap:.3f}"),
            _text("" if found.null_p[at] is None else probability(found.null_p[at])),
            _text(shown(str(each.formula))),
            *([_text(worth[at].verdict)] if worth else []),
        )
    parts.append(table)
    if len(order) > most:
        parts.append(_text(f"and {len(order) - most:,} more units", "dim"))
    if found.null_sentence:
        parts += [_text(""), _text(shown(found.null_sentence), "dim")]
    if found.warnings:
        parts += [_text(""), _text("Take care", "bold yellow")]
        parts += [_text(f"- {shown(each)}") for each in found.warnings]
    return parts


@dataclass(frozen=True)
class _Input:
    """One of the inputs at which a unit is most active."""

    drawn: Any
    caption: str


@dataclass(frozen=True)
class _Unit:
    """A unit as the page shows it."""

    anchor: str
    found: Explanation
    score: float
    interval: str
    null: str
    matters: str
    verdict: str
    broken: bool
    trials: tuple[Trial, ...]
    inputs: tuple[_Input, ...]
    ranks: str

    @property
    def name(self) -> str:
        """The unit's number, with its range of activations where it has several."""
        high = self.found.high
        return f"{self.found.unit}" + (f" up to {number(high)}" if np.isfinite(high) else "")


def _units(findings: NeuronFindings) -> list[_Unit]:
    """The units, best first."""
    found, worth = findings.explanations, findings.worth
    score = [each.overlap.intersection_over_union for each in found]
    order = sorted(range(len(found)), key=lambda at: -score[at])
    drawn = set(order[:_DRAWN])
    images = None if findings.images is None else as_images(findings.images)
    matters = [_matters(worth[at]) if worth else (0.0, "") for at in range(len(found))]
    null = [1.0 if p is None else p for p in found.null_p]
    keys = {
        "score": lambda at: -score[at],
        "unit": lambda at: (found[at].unit, found[at].low),
        "null": lambda at: (null[at], -score[at]),
        "matters": lambda at: -matters[at][0],
        "length": lambda at: (found[at].formula.length, -score[at]),
    }
    ranks = {name: {at: rank for rank, at in enumerate(sorted(order, key=key))} for name, key in keys.items()}
    made = []
    for at in order:
        own = worth[at] if worth else None
        p = found.null_p[at]
        made.append(
            _Unit(
                f"u{at}",
                found[at],
                score[at],
                _interval(own),
                "" if p is None else probability(p),
                matters[at][1],
                "" if own is None else own.verdict,
                own is not None and bool(own.broken),
                () if own is None else own.trials,
                _inputs(findings, images, at) if at in drawn else (),
                ";".join(f"--{name}:{rank[at]}" for name, rank in ranks.items()),
            )
        )
    return made


def _trial(worth: Worth | None, name: str) -> Trial | None:
    trials = () if worth is None else worth.trials
    return next((each for each in trials if each.name == name and each.attempted), None)


def _interval(worth: Worth | None) -> str:
    trial = _trial(worth, "bootstrap")
    interval = None if trial is None else trial.details.get("score")
    return "" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"


def _matters(worth: Worth) -> tuple[float, str]:
    """By how many standard deviations ablating the unit moves the logit it moves most, and whether that matters."""
    trial = _trial(worth, "intervention")
    sized = {} if trial is None else trial.details.get("sized", {})
    if trial is None or not sized:
        return 0.0, ""
    name, top = max(sized.items(), key=lambda pair: abs(pair[1].value))
    word = {"survived": "yes", "broken": "no"}.get(trial.verdict.value, "unclear")
    change = f"{top.value:+.2f}".replace("-", "−")
    return abs(top.value), f"{word} ({short(name, 22)}: {change} sd)"


def _inputs(findings: NeuronFindings, images: np.ndarray | None, place: int) -> tuple[_Input, ...]:
    """The inputs at which a unit is most active, drawn."""
    if images is None and findings.texts is None:
        return ()
    found = findings.explanations
    rows, peaks = strongest(found, place, _INPUTS)
    words = found.inventory.mask_of(found[place].formula, packed=True)
    fires, holds = positions(found, place, rows, words)
    made = []
    for at, (row, peak) in enumerate(zip(rows.tolist(), peaks.tolist(), strict=True)):
        extra = []
        if findings.labels is not None:
            label = int(findings.labels[row])
            extra.append(f"class: {findings.classes[label] if label < len(findings.classes) else label}")
        caption = described(peak, bool(fires[at].any()), bool(holds[at].any()), extra)
        if images is not None:
            flat = fires[at].ndim == 2
            drawn = picture(images[row], fires[at] if flat else None, holds[at] if flat else None, caption)
        else:
            texts = findings.texts or {}
            tokens = fires[at].ndim == 1
            drawn = sentences(
                texts,
                row,
                named_words(found, place, list(texts)),
                fires[at] if tokens else None,
                holds[at] if tokens else None,
            )
        made.append(_Input(drawn, caption))
    return tuple(made)


def _figures(found: Explanations) -> list[Picture]:
    from markupsafe import Markup

    made = []
    for name, drawn, caption in (
        (
            "lengths",
            score_by_length(found),
            "How much longer formulas explain: the best score of each length, a grey line for each unit.",
        ),
        (
            "categories",
            categories(found),
            "Which kinds of concepts formulas name, beside how many of them there are to choose from.",
        ),
    ):
        if drawn is not None:
            made.append(Picture(Markup(inline_svg(drawn, name, caption)), caption))
    return made


def _numbers(findings: NeuronFindings) -> list[tuple[str, str]]:
    """The numbers at the head of the page."""
    found = findings.explanations
    score = [each.overlap.intersection_over_union for each in found]
    lines = [
        ("Units", f"{len({each.unit for each in found}):,}"),
        ("Inputs", f"{found.firing.layout.inputs:,}"),
        ("Concepts", f"{len(found.inventory):,}"),
        ("Mean score", f"{np.mean(score):.3f}"),
        ("Certified as best", f"{sum(each.certified for each in found)} of {len(found)}"),
    ]
    ps = [p for p in found.null_p if p is not None]
    if ps:
        lines.append(("Beat chance (p ≤ 0.05)", f"{sum(p <= 0.05 for p in ps)} of {len(ps)}"))
    if findings.worth:
        lines.append(
            ("Nothing broke", f"{sum(each.stands for each in findings.worth)} of {len(findings.worth)}")
        )
    return lines


def _provenance(findings: NeuronFindings) -> list[tuple[str, str]]:
    found = findings.explanations
    layout = found.firing.layout
    versions = [f"aitia {__version__}", f"Python {platform.python_version()}"]
    versions += [f"{package} {metadata.version(package)}" for package in ("numpy", "numba")]
    over = f"{layout.inputs:,} inputs" + (f" of shape {layout.shape}" if layout.shape else "")
    if layout.shape:
        over += f", {layout.total:,} positions"
    lines = [
        ("Network and concepts", findings.source),
        ("Layer", found.activations.layer),
        ("Units fire where", found.firing.rule),
        ("Compared over", over),
        ("Search", found[0].search if len(found) else ""),
        ("Time of the search", f"{sum(each.seconds for each in found):.2f} s of one core"),
        ("Seed", str(found.seed)),
        ("Versions", ", ".join(versions)),
    ]
    return [(left, right) for left, right in lines if right]
