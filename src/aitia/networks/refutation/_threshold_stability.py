"""Does the explanation depend on where the threshold was put?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from aitia.networks._explanation import Explanation
from aitia.networks._layout import counted
from aitia.networks.firing._compare import masks_above
from aitia.networks.formulas._formula import Formula
from aitia.networks.refutation._case import Case, Refuter, firing_at
from aitia.networks.refutation._held_out import same
from aitia.networks.refutation._trial import Trial, Verdict


@dataclass(frozen=True)
class AtThreshold:
    """What becomes of an explanation at another threshold.

    Args:
        threshold: the unit fires above this.
        fires: at what share of positions.
        score: the formula's score there.
        best: the score of what the search finds there.
        formula: what the search finds there.
        same: whether that is equivalent to the formula.
    """

    threshold: float
    fires: float
    score: float
    best: float
    formula: Formula
    same: bool


@final
@dataclass(frozen=True)
class ThresholdStability(Refuter):
    """The formula at other thresholds, beside what the search finds there.

    Thresholds are moved so that the unit fires at other shares of its recorded positions: `factors` times its share.
    An explanation survives where its score is, at every one of them, at least `keep` times the score of what the
    search finds there: the formula is still about the best that can be said. The formula's plain score is no measure of
    that, as every score falls where a unit fires seldom.

    Args:
        factors: by what the share of firing positions is multiplied.
        keep: what share of the best score there has to be reached.

    Assumes:
        A unit has one threshold: explanations of ranges of activation are not tried.
    """

    name: ClassVar[str] = "threshold stability"
    verdict: ClassVar[str] = "depends on the threshold"

    factors: tuple[float, ...] = (0.5, 0.75, 1.5, 2.0)
    keep: float = 0.8

    def applies(self, case: Case) -> str:
        return "" if case.activations is not None else "The activations were not given."

    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        assert case.activations is not None
        firing, layout = case.firing, case.firing.layout
        places, thresholds = [], []
        for place, found in enumerate(case.explanations):
            if found.overlap.unit and np.isinf(found.high):
                for each in self._thresholds(column(case, place), found.low):
                    places.append(place)
                    thresholds.append(each)
        at, low = np.array(places, dtype=np.int64), np.array(thresholds)
        seen: list[list[AtThreshold]] = [[] for _ in case.explanations]
        if len(at):
            words = masks_above(case.activations, layout, case.columns[at], low)
            masks = firing_at(firing, at, words)
            best = case.search.to_the_end(masks, case.inventory, show_progress=case.show_progress)
            for place, threshold, mask, found in zip(places, thresholds, words, best, strict=True):
                formula = case.inventory.mask_of(case.formulas[place], packed=True) & layout.valid
                union = int(counted(formula | mask))
                seen[place].append(
                    AtThreshold(
                        float(threshold),
                        int(counted(mask)) / layout.total,
                        int(counted(formula & mask)) / union if union else 0.0,
                        found.overlap.intersection_over_union,
                        found.formula,
                        same(found.formula, case.formulas[place]),
                    )
                )
        return [self._trial(*each) for each in zip(case.explanations, seen, strict=True)]

    def _thresholds(self, values: np.ndarray, low: float) -> list[float]:
        """Other thresholds, falling; those that change nothing, or leave nothing or everything, are left out."""
        values = np.sort(values)[::-1]
        fires = int(np.searchsorted(-values, -low, side="left"))
        found: dict[int, float] = {}
        for factor in self.factors:
            wanted = int(factor * fires)
            if 0 < wanted < len(values):
                threshold = float(values[wanted])
                above = int(np.searchsorted(-values, -threshold, side="left"))
                if above not in (0, fires):
                    found.setdefault(above, threshold)
        return [found[above] for above in sorted(found)]

    def _trial(self, found: Explanation, seen: list[AtThreshold]) -> Trial:
        if not seen:
            why = "never fires" if not found.overlap.unit else "has no other threshold to be tried at"
            return self._nothing(f"Unit {found.unit} {why}.")
        kept = [each.score / each.best if each.best else 1.0 for each in seen]
        worst = int(np.argmin(kept))
        survived = kept[worst] >= self.keep
        again = sum(each.same for each in seen)
        return Trial(
            self.name,
            f"The threshold was moved {len(seen)} times, so that the unit fires at {seen[0].fires:.1%} to "
            f"{seen[-1].fires:.1%} of positions, and the search was run again.",
            f"The formula's score is at least {self.keep:.0%} of the best that is found there.",
            f"At worst {kept[worst]:.0%}; the same formula {again} of {len(seen)} times.",
            Verdict.SURVIVED if survived else Verdict.BROKEN,
            (
                "At other thresholds the formula is still "
                if survived
                else f"Where the unit fires at {seen[worst].fires:.1%} of positions, {seen[worst].formula} describes "
                "it better: the formula is not always "
            )
            + f"about the best that can be said (at worst {kept[worst]:.0%} of the best score).",
            None,
            {"thresholds": tuple(seen), "kept": tuple(kept), "again": again},
        )


def column(case: Case, place: int) -> np.ndarray:
    """A unit's recorded values at the positions that exist, flat."""
    assert case.activations is not None
    values = np.asarray(case.activations.values[:, case.columns[place]])
    lengths = case.activations.lengths
    if lengths is not None:
        return values[np.arange(values.shape[1]) < lengths[:, None]]
    return values.ravel()
