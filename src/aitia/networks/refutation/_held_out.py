"""Does it hold on inputs the search did not see?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from aitia.core import many, progress, stream
from aitia.networks._errors import FormulaError, SearchError
from aitia.networks._explanation import Explanation
from aitia.networks.formulas._formula import Formula
from aitia.networks.formulas._simplify import equivalent
from aitia.networks.refutation._bootstrap import _score
from aitia.networks.refutation._case import Case, Refuter
from aitia.networks.refutation._groups import group_of_inputs, sums_of_groups
from aitia.networks.refutation._resampling import bca, per_input
from aitia.networks.refutation._trial import Trial, Verdict


@final
@dataclass(frozen=True)
class HeldOut(Refuter):
    """The search on some of the inputs, its formula's score on the others.

    Inputs are cut at random in folds. For each fold the search runs on all other inputs, and its formula is counted on
    the fold; counts of all folds are added. The optimism is the mean score where formulas were found minus the score
    where they were not: what picking the best of many formulas adds. Thresholds are those of all inputs.

    An explanation is broken where the held-out score is below `keep` times the score in search, also at the upper end
    of its interval (bias-corrected and accelerated bootstrap over inputs, formulas fixed).

    Args:
        folds: how many; 2 searches on halves.
        keep: what share of the score has to be left.
        replicates: of the interval.
        level: of the interval.
        groups: what inputs belong together, as each one's film, shape (inputs,): a group is never cut. There are then
            at most as many folds as groups, and intervals draw groups: of a handful they say little.

    Raises:
        SearchError: fewer than two folds; groups of other inputs, or fewer than two of them.

    Assumes:
        Inputs, or groups of them, are drawn independently.
    """

    name: ClassVar[str] = "held out"
    verdict: ClassVar[str] = "does not hold on other inputs"

    folds: int = 2
    keep: float = 0.8
    replicates: int = 1000
    level: float = 0.95
    groups: npt.ArrayLike | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.folds < 2 or not 0 < self.keep <= 1:
            raise SearchError(
                f"Expected two folds or more and a share to keep from 0 to 1; came {self.folds} and {self.keep}.",
                "Use HeldOut().",
            )

    def applies(self, case: Case) -> str:
        if case.firing.layout.inputs < 2 * self.folds:
            return f"{many(case.firing.layout.inputs, 'input is', 'inputs are')} too few to hold some out."
        return ""

    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        inputs = case.firing.layout.inputs
        group = group_of_inputs(self.groups, inputs)
        folds = min(self.folds, int(group.max()) + 1)
        fold = (stream(seed, "folds").permutation(int(group.max()) + 1) % folds)[group]
        columns = np.zeros((len(case), inputs, 3), dtype=np.int64)
        formulas: list[list[Formula]] = [[] for _ in range(len(case))]
        trained = np.zeros((folds, len(case)))
        with progress("searching without folds", folds, case.show_progress) as bar:
            for each in range(folds):
                rest, out = np.flatnonzero(fold != each), np.flatnonzero(fold == each)
                found = case.search.to_the_end(case.firing.of_inputs(rest), case.inventory.of_inputs(rest))
                firing, inventory = case.firing.of_inputs(out), case.inventory.of_inputs(out)
                for place, explanation in enumerate(found):
                    unit, layout = firing.words[place], firing.layout
                    mask = inventory.mask_of(explanation.formula, packed=True) & layout.valid
                    columns[place, out] = per_input(np.stack([mask & unit, mask, unit]), layout).T
                    formulas[place].append(explanation.formula)
                    trained[each, place] = explanation.overlap.intersection_over_union
                bar.advance()
        if self.groups is not None:
            columns = sums_of_groups(columns, group)
        return [
            self._trial(found, columns[place], formulas[place], trained[:, place], seed)
            for place, found in enumerate(case.explanations)
        ]

    def _trial(
        self, found: Explanation, columns: np.ndarray, formulas: list[Formula], trained: np.ndarray, seed: int
    ) -> Trial:
        if found.overlap.unit == 0:
            return self._nothing(f"Unit {found.unit} never fires.")
        random = stream(seed, "held out", found.unit)
        held = bca(columns, _score, random, replicates=self.replicates, level=self.level)
        inside = float(trained.mean())
        wanted = self.keep * inside
        verdict = (
            Verdict.BROKEN
            if held.high < wanted or inside == 0
            else Verdict.SURVIVED
            if held.value >= wanted
            else Verdict.INCONCLUSIVE
        )
        again = sum(same(formula, found.formula) for formula in formulas)
        return Trial(
            self.name,
            f"The search ran {len(formulas)} times, each time without one of {len(formulas)} parts of the "
            f"{'inputs' if self.groups is None else 'groups of inputs'}, and was "
            "scored on that part.",
            f"The score on inputs held out is at least {self.keep:.0%} of the score on those searched.",
            f"{held} held out, {inside:.3f} in search; the same formula {again} of {len(formulas)} times.",
            verdict,
            f"On inputs that the search did not see the score is {held.value:.3f}, on those it saw {inside:.3f}: an "
            f"optimism of {inside - held.value:.3f}. The formula was found again in {again} of {len(formulas)} "
            "searches.",
            None,
            {
                "held_out": held,
                "in_search": inside,
                "optimism": inside - held.value,
                "formulas": tuple(map(str, formulas)),
                "again": again,
            },
        )


def same(one: Formula, other: Formula) -> bool:
    """Whether formulas are equivalent; those too long for a truth table, whether they are written alike."""
    try:
        return equivalent(one, other)
    except FormulaError:
        return str(one) == str(other)
