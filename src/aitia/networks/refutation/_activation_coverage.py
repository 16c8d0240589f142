"""Does the formula hold only at the top of what the unit does?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from aitia.core import stream
from aitia.networks.firing._compare import masks_above
from aitia.networks.refutation._case import Case, Refuter
from aitia.networks.refutation._groups import drawn, groups_to_draw
from aitia.networks.refutation._resampling import bca, per_input, share
from aitia.networks.refutation._threshold_stability import column
from aitia.networks.refutation._trial import Trial, Verdict


@dataclass(frozen=True)
class Range:
    """How a formula lies on a range of a unit's activation.

    Args:
        low: the range begins above this.
        high: and ends here.
        positions: how many positions are in the range.
        holds: the share of them at which the formula holds.
        of_formula: the share of the formula's positions that are in the range.
        score: the intersection over union of the formula and the range.
    """

    low: float
    high: float
    positions: int
    holds: float
    of_formula: float
    score: float


@final
@dataclass(frozen=True)
class ActivationCoverage(Refuter):
    """How often the formula holds at weak, middling and strong activation.

    What a unit does above 0 (above its threshold, where that is lower) is cut in tenths. With q the share of positions
    at which the formula holds, an explanation holds over the whole range where q in the lower half of the activations
    is more than half of the way from q at the silent positions to q in the highest tenth,

        q(lower half) - q(silent) > (q(highest tenth) - q(silent)) / 2,

    and only at the top where it is less; both must show in the bootstrap interval over inputs.

    Args:
        ranges: in how many ranges of equal count activations are cut; an even number of 4 or more.
        replicates: of the interval.
        level: of the interval.
        groups: what inputs belong together, as each one's film, shape (inputs,): groups are drawn whole. None where
            each input stands for itself.

    Assumes:
        Inputs, or groups of them, are drawn independently. Activations below 0 are silence, as behind a rectifier.

    Source:
        La Rosa et al. 2023, Towards a fuller understanding of neurons with clustered compositional explanations: units
        do other things at weak activation than at strong.
    """

    name: ClassVar[str] = "activation coverage"
    verdict: ClassVar[str] = "holds only at the top"
    reference: ClassVar[str] = "La Rosa et al. 2023"

    ranges: int = 10
    replicates: int = 1000
    level: float = 0.95
    groups: npt.ArrayLike | None = field(default=None, repr=False, compare=False)

    def applies(self, case: Case) -> str:
        return "" if case.activations is not None else "The activations were not given."

    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        group = groups_to_draw(self.groups, case.firing.layout.inputs, self.level)
        return [self._one(case, place, group, seed) for place in range(len(case))]

    def _one(self, case: Case, place: int, group: np.ndarray | None, seed: int) -> Trial:
        assert case.activations is not None
        found, layout = case.explanations[place], case.firing.layout
        values = column(case, place)
        limit = min(found.low, 0.0)
        active = values[values > limit]
        if found.overlap.unit == 0 or not len(active):
            return self._nothing(f"Unit {found.unit} never fires.")
        cuts = np.quantile(active, np.arange(1, self.ranges) / self.ranges, method="lower").astype(np.float64)
        edges = np.array([limit, *cuts])
        half = self.ranges // 2
        if not edges[0] < edges[half] < edges[-1]:
            return self._nothing(f"Unit {found.unit} has too few levels of activation to be cut in ranges.")
        above = masks_above(case.activations, layout, np.full(len(edges), case.columns[place]), edges)
        formula = case.inventory.mask_of(found.formula, packed=True) & layout.valid
        masks = np.concatenate(
            [
                above[:-1] & ~above[1:],
                above[-1:],
                (layout.valid & ~above[0])[None],
                (above[0] & ~above[half])[None],
            ]
        )
        everything, held = per_input(masks, layout), per_input(masks & formula, layout)
        # Silent, lower half, highest range: how many positions, and at how many the formula holds.
        columns = np.column_stack(
            [each[at] for at in (-2, -1, self.ranges - 1) for each in (everything, held)]
        )
        contrast = bca(
            drawn(columns, group),
            _contrast,
            stream(seed, "coverage", found.unit, place),
            replicates=self.replicates,
            level=self.level,
        )
        silent, lower, top = (
            float(share(columns[:, at + 1].sum(), columns[:, at].sum())) for at in (0, 2, 4)
        )
        size, both, holds = everything.sum(axis=1), held.sum(axis=1), int(per_input(formula, layout).sum())
        seen = tuple(
            Range(
                float(edges[at]),
                float(edges[at + 1]) if at + 1 < self.ranges else float("inf"),
                int(size[at]),
                float(share(both[at], size[at])),
                float(share(both[at], holds)),
                float(share(both[at], size[at] + holds - both[at])),
            )
            for at in range(self.ranges)
        )
        verdict = (
            Verdict.INCONCLUSIVE
            if top <= silent
            else Verdict.SURVIVED
            if contrast.low > 0
            else Verdict.BROKEN
            if contrast.high < 0
            else Verdict.INCONCLUSIVE
        )
        number = (
            f"It holds at {silent:.0%} of silent positions, {lower:.0%} of those in the lower half of the activations "
            f"and {top:.0%} of those in the highest {1 / self.ranges:.0%}"
        )
        words = {
            Verdict.SURVIVED: "it holds over the whole range.",
            Verdict.BROKEN: "it describes strong activations only.",
            Verdict.INCONCLUSIVE: "whether it describes more than the top is not clear.",
        }[verdict]
        return Trial(
            self.name,
            f"Activations above {limit:g} were cut in {self.ranges} ranges of equal count.",
            "The formula holds at weak activations too: more than half as much more often as at the strongest.",
            f"{number}.",
            verdict,
            f"{number}: {words}",
            None,
            {"ranges": seen, "silent": silent, "lower_half": lower, "top": top, "contrast": contrast},
        )


def _contrast(sums: np.ndarray) -> np.ndarray:
    silent, lower, top = (share(sums[..., at + 1], sums[..., at]) for at in (0, 2, 4))
    return (lower - silent) - 0.5 * (top - silent)
