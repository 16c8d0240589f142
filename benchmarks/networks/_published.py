"""The published searches, written from their papers and the order of steps of their code.

Each candidate gets a mask of its own, as there. Where their code does more than its rules ask for (masks of a formula
of the beam made anew for every candidate, complements by subtraction into 64-bit numbers), this does not: it is at
least as fast as theirs, and finds the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aitia.networks import And, Concept, Formula, Not, Or


@dataclass(eq=False)
class Candidate:
    """A formula with its mask; two of the same text are two, as in the published code."""

    formula: Formula
    mask: Any


def grown(
    scores: dict[Candidate, float],
    grow_by: Sequence[int],
    joined: Callable[[Candidate, int], Sequence[Candidate]],
    scored: Callable[[Candidate], float],
    length: int,
    width: int,
) -> tuple[str, float]:
    """The published beam: old formulas first, then new ones in order; the `width` best stay, earlier ones on ties."""
    beam = dict(Counter(scores).most_common(width))
    for _ in range(length - 1):
        # Of the new, only those that may stay keep their masks: the memory of all of them would be the problem.
        new: list[tuple[float, Candidate]] = []
        for old in beam:
            for concept in grow_by:
                for candidate in joined(old, concept):
                    score = scored(candidate)
                    new.append((score, candidate))
            new = sorted(new, key=lambda pair: -pair[0])[:width]
        beam = dict(Counter({**beam, **{candidate: score for score, candidate in new}}).most_common(width))
    best, score = Counter(beam).most_common(1)[0]
    return str(best.formula), float(score)


def sentences(
    names: Sequence[str], masks: np.ndarray, unit: np.ndarray, length: int, width: int
) -> tuple[str, float]:
    """Formula and score for a unit over pairs of sentences (Mu and Andreas 2020, `nli`)."""
    tiny = np.finfo(np.float32).tiny

    def scored(candidate: Candidate) -> float:
        both = (candidate.mask & unit).sum()
        return both / ((candidate.mask | unit).sum() + tiny)

    def joined(old: Candidate, concept: int) -> list[Candidate]:
        name, mask = Concept(names[concept]), masks[concept]
        return [
            Candidate(Or(old.formula, name), old.mask | mask),
            Candidate(And(old.formula, name), old.mask & mask),
            Candidate(And(old.formula, Not(name)), old.mask & ~mask),
        ]

    leaves = [Candidate(Concept(name), mask) for name, mask in zip(names, masks, strict=True)]
    scores = {leaf: scored(leaf) for leaf in leaves}
    grow_by = [at for at, leaf in enumerate(leaves) if scores[leaf] > 0]
    return grown(scores, grow_by, joined, scored, length, width)


def pictures(
    names: Sequence[str], masks: Sequence[dict], inverted: Sequence[dict], unit: dict, length: int, width: int
) -> tuple[str, float]:
    """Formula and score for a unit over pictures (Mu and Andreas 2020, `vision`), masks by runs of equal pixels.

    Args:
        names: of the concepts.
        masks: as pycocotools encodes them.
        inverted: the same of where each concept does not hold (their code inverts for each candidate).
        unit: where the unit fires.
        length: the most concepts of a formula.
        width: of the beam.
    """
    from pycocotools import mask as runs

    fires = int(runs.area(unit))

    def scored(candidate: Candidate) -> float:
        both = int(runs.area(runs.merge([candidate.mask, unit], intersect=True)))
        return both / (int(runs.area(candidate.mask)) + fires - both + 1e-10)

    def joined(old: Candidate, concept: int) -> list[Candidate]:
        name = Concept(names[concept])
        return [
            Candidate(Or(old.formula, name), runs.merge([old.mask, masks[concept]])),
            Candidate(And(old.formula, name), runs.merge([old.mask, masks[concept]], intersect=True)),
            Candidate(And(old.formula, Not(name)), runs.merge([old.mask, inverted[concept]], intersect=True)),
        ]

    leaves = [Candidate(Concept(name), mask) for name, mask in zip(names, masks, strict=True)]
    scores = {leaf: score for leaf in leaves if (score := scored(leaf)) > 0}
    if not scores:
        return "FALSE", 0.0
    return grown(scores, range(len(leaves)), joined, scored, length, width)
