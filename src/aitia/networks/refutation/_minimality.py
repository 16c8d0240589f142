"""Which parts of a formula carry its score?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from aitia.core import prose, stream
from aitia.networks.formulas._formula import And, Concept, Constant, Formula, Neighbors, Not, Or
from aitia.networks.refutation._bootstrap import counts
from aitia.networks.refutation._case import Case, Refuter
from aitia.networks.refutation._groups import drawn, groups_to_draw
from aitia.networks.refutation._resampling import Interval, bca, intersection_over_union, per_input
from aitia.networks.refutation._trial import Trial, Verdict


@dataclass(frozen=True)
class Part:
    """A part of a formula, and what it carries.

    Args:
        part: the part, as text.
        change: what was done: ``"dropped"``, ``"without NOT"``, ``"without NEIGHBORS"``.
        formula: the formula that is left.
        carries: how much of the score is lost by that, with its interval over inputs.
    """

    part: str
    change: str
    formula: Formula
    carries: Interval

    @property
    def idle(self) -> bool:
        """Whether the loss is no more than noise."""
        return self.carries.low <= 0

    @property
    def sentence(self) -> str:
        """The part in a sentence."""
        what = {"dropped": "Without", "without NOT": "With the opposite of"}.get(
            self.change, "With only the concept of"
        )
        return f"{what} {self.part} the score is {'higher' if self.carries.value < 0 else 'lower'} by " + (
            f"{abs(self.carries.value):.3f} ({self.carries.low:.3f} to {self.carries.high:.3f})"
            + (", which is no more than noise." if self.idle else ".")
        )


@final
@dataclass(frozen=True)
class Minimality(Refuter):
    """Drops each part of a formula, and each NOT and NEIGHBORS, and sees what the score loses.

    A part is every operand of AND and OR, and of what is inside them; dropped, its partner stands for both. (A formula
    of one concept is compared with TRUE.) The loss has a bootstrap interval over inputs, of the same replicates for
    both formulas; a part is idle where that does not lie above 0. A formula is broken by an idle part whose loss is
    also small, at most `small` of the score: a shorter one does as well. A larger loss that may be
    noise leaves it open.

    Args:
        small: what share of the score is a small loss.
        replicates: how many.
        level: of each interval.
        groups: what inputs belong together, as each one's film, shape (inputs,): groups are drawn whole. None where
            each input stands for itself.

    Assumes:
        Inputs, or groups of them, are drawn independently.
    """

    name: ClassVar[str] = "minimality"
    verdict: ClassVar[str] = "has parts that carry nothing"

    small: float = 0.1
    replicates: int = 1000
    level: float = 0.95
    groups: npt.ArrayLike | None = field(default=None, repr=False, compare=False)

    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        group = groups_to_draw(self.groups, case.firing.layout.inputs, self.level)
        return [self._one(case, place, group, seed) for place in range(len(case))]

    def _one(self, case: Case, place: int, group: np.ndarray | None, seed: int) -> Trial:
        found, layout = case.explanations[place], case.firing.layout
        if found.overlap.unit == 0 or isinstance(found.formula, Constant):
            return self._nothing("There is no formula to take apart.")
        base, unit = counts(case, place)[:, :3], case.firing.words[place]
        parts = []
        for at, (part, change, formula) in enumerate(variants(found.formula)):
            mask = case.inventory.mask_of(formula, packed=True) & layout.valid
            other = per_input(np.stack([mask & unit, mask]), layout).T
            loss = bca(
                drawn(np.column_stack([base, other]), group),
                _loss,
                stream(seed, "minimality", found.unit, place, at),
                replicates=self.replicates,
                level=self.level,
            )
            parts.append(Part(part, change, formula, loss))
        idle = [each for each in parts if each.idle]
        carrying = sorted((each for each in parts if not each.idle), key=lambda each: -each.carries.value)
        score = found.overlap.intersection_over_union
        nothing = [each for each in idle if each.carries.value <= self.small * score]
        if nothing:
            idle = nothing
        if idle:
            names = prose(_called(each) for each in idle)
            verb = "carries" if len(idle) == 1 else "carry"
            any_of = "it" if len(idle) == 1 else "any one of them"
            sentence = f"{names[:1].upper()}{names[1:]} {verb} " + (
                f"nothing: without {any_of} the score is as high."
                if nothing
                else "some of the score, but perhaps by chance: the unit fires at too few inputs to tell."
            )
        else:
            most = carrying[0]
            sentence = (
                f"Every part carries some of the score; {_called(most)} most ({most.carries.value:.3f})."
            )
        return Trial(
            self.name,
            f"Each part of the formula was dropped and each NOT taken away, {len(parts)} in all.",
            f"The score falls each time, by more than it varies over {'inputs' if group is None else 'groups'}.",
            f"It does so {len(carrying)} of {len(parts)} times.",
            Verdict.BROKEN if nothing else Verdict.INCONCLUSIVE if idle else Verdict.SURVIVED,
            sentence,
            None,
            {"parts": tuple(parts)},
        )


def variants(formula: Formula) -> Iterator[tuple[str, str, Formula]]:
    """A formula with one part changed: the part, what was done to it, and the formula that is left."""
    inner = formula.part if isinstance(formula, Not) else formula
    if isinstance(inner, Concept | Neighbors):
        yield str(formula), "dropped", Constant(True)
    yield from _changed(formula)


def _changed(formula: Formula) -> Iterator[tuple[str, str, Formula]]:
    if isinstance(formula, Neighbors):
        yield str(formula), "without NEIGHBORS", Concept(formula.name)
    elif isinstance(formula, Not):
        yield str(formula), "without NOT", formula.part
        for part, change, inner in _changed(formula.part):
            yield part, change, Not(inner)
    elif isinstance(formula, And | Or):
        join, left, right = type(formula), formula.left, formula.right
        # The beginning of a longer chain is several parts, each of which is dropped on its own.
        if not isinstance(left, join):
            yield str(left), "dropped", right
        if not isinstance(right, join):
            yield str(right), "dropped", left
        for part, change, inner in _changed(left):
            yield part, change, join(inner, right)
        for part, change, inner in _changed(right):
            yield part, change, join(left, inner)


def _called(part: Part) -> str:
    return part.part if part.change == "dropped" else f"the {part.change.split()[-1]} of {part.part}"


def _loss(sums: np.ndarray) -> np.ndarray:
    own = intersection_over_union(sums[..., 0], sums[..., 1], sums[..., 2])
    return own - intersection_over_union(sums[..., 3], sums[..., 4], sums[..., 2])
