"""Exact search for formulas by branch and bound."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from aitia.core import progress
from aitia.networks._errors import SearchError
from aitia.networks._explanation import Explanation, Overlap
from aitia.networks._firing import Firing
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.formulas._formula import Constant
from aitia.networks.search._beam import Beam
from aitia.networks.search._exact_tables import Best
from aitia.networks.search._exact_unit import Unit
from aitia.networks.search._literals import Literals
from aitia.networks.search._search import Search
from aitia.networks.search._workers import workers

MOST_POSITIONS = (
    94_906_265  # products of two counts are exact in double precision to here: its square is below 2^53
)


@final
@dataclass(frozen=True)
class Exact(Search):
    """Exact search: the formula of highest intersection over union among all of at most `length` concepts.

    All formulas are meant that AND, OR and NOT build from the concepts (and from NEIGHBORS(c), where the inventory has
    neighbours), with at most `length` mentions of concepts, a concept named twice counted twice. From two mentions on
    these say TRUE too (a OR NOT a). Branch and bound leaves out only what is proven to be no better than the best so
    far, from the answers of the beam search on: the proofs stand at the top of `_exact_unit.py`. Of formulas with the
    same score the first found is kept: the beam's, then the shortest. The answer is the same on any number of cores.

    Lengths 1 to 5 are searched to their end: `certified` is True, and `bound` is the score. Where `seconds` or Ctrl-C
    stop it, the best so far is returned with the least proven `bound`, `certified` False and `stopped` True; the same
    call with `resume` starts from it. For lengths of 6 and more, the optimum of length 5 and wide beam searches give
    the formula, and the proven `bound` is often far above it. A unit that never fires has the formula FALSE and the
    score 0, certified; a unit that always fires has TRUE and the score 1
    (at length 1: the concept, or the NOT of one, that holds most often).

    Time grows with length and with how little there is to find: a unit that concepts describe takes milliseconds at
    length 3 and seconds at length 5; one that fires at random at half of the inputs takes seconds for 4,000 concepts at
    length 3 and has no end in sight at length 5, so give `seconds`. Memory: 16 bytes for each pair of concepts that
    bounds do not exclude, the words of the masks that are not zero, and at length 5 for each core 256 bytes a word (64
    positions).

    Args:
        length: the most mentions of concepts in a formula (1 or more).
        seconds: at most about so long for each unit, by the clock; None for no limit.

    Raises:
        SearchError: a length below 1, or a negative number of seconds; when it searches, masks of more than 94,906,265
            positions.

    Source:
        The bounds and their proofs are this project's own, at the top of `_exact_unit.py`. La Rosa and Gilpin 2026,
        Guaranteed Optimal Compositional Explanations for Neurons (ICML), search pictures with bounds of their own, over
        formulas that begin with a concept and grow by OR, AND and AND NOT; those are among the ones searched here.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Exact, Firing, Inventory
        >>> masks = np.array([[1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1, 1]], dtype=bool)
        >>> inventory = Inventory.from_masks(masks, ["water", "boat", "sky"])
        >>> fires = inventory.layout.pack(np.array([[1, 1, 0, 0, 1, 0, 0]], dtype=bool))
        >>> unit = Firing(inventory.layout, (7,), fires, np.zeros(1), np.full(1, np.inf), "activation above 0")
        >>> found, = Exact(length=2).explain(unit, inventory)
        >>> str(found.formula), round(found.score, 3), found.certified
        ('NOT boat AND NOT sky', 1.0, True)
    """

    length: int = 3
    seconds: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.length, int | np.integer) or self.length < 1:
            raise SearchError(f"Expected a length of 1 or more; came {self.length!r}.", "Give length=3.")
        if self.seconds is not None and not self.seconds >= 0:
            raise SearchError(
                f"Expected a number of seconds of 0 or more; came {self.seconds!r}.",
                "Give None for no limit.",
            )

    @property
    def description(self) -> str:
        limit = "" if self.seconds is None else f", {self.seconds:g} seconds a unit"
        return f"exact search (length {self.length}{limit})"

    def _explain(
        self,
        firing: Firing,
        inventory: Inventory,
        show_progress: bool | None,
        begun: Mapping[int, Explanation],
    ) -> tuple[Explanation, ...]:
        _countable(firing)
        before = time.thread_time()
        beams = [Beam(self.length), Beam(self.length, width=30, distinct=True, negations=True)]
        if self.length > 5:
            # Here a beam's formula is the answer: one that tries concepts without overlap too.
            beams.append(Beam(self.length, width=100, distinct=True, silent=True))
        grown: list[tuple[Explanation, ...]] = []
        for each in beams:
            found = each.explain(firing, inventory, show_progress=False)
            if len(found) < len(firing) or any(explanation.stopped for explanation in found):  # Ctrl-C
                known = grown[0] if grown else found
                return tuple(
                    replace(each, search=self.description, stopped=not each.certified) for each in known
                )
            grown.append(found)
        literals = Literals.of(inventory)
        shared = (time.thread_time() - before) / len(firing)
        done: list[Explanation] = []
        with progress("searching", len(firing), show_progress) as bar, workers() as run:
            for place in range(len(firing)):
                starts = [*(each[place] for each in grown), *([begun[place]] if place in begun else [])]
                unit = Unit(self.length, self.seconds, firing, place, literals, starts, run)
                try:
                    unit.search()
                except KeyboardInterrupt:
                    done.append(unit.explanation(self.description, shared, interrupted=True))
                    return tuple(done)
                done.append(unit.explanation(self.description, shared, interrupted=False))
                bar.advance()
        return tuple(done)

    def scores(self, firing: Firing, inventory: Inventory, rivals: Sequence[Overlap]) -> np.ndarray:
        if self.length > 5 or self.seconds is not None:
            return super().scores(firing, inventory, rivals)
        _countable(firing)
        starts = Beam(self.length).to_the_end(firing, inventory)
        found = np.array([each.score for each in starts])
        literals = Literals.of(inventory)
        with workers() as run:
            for place, rival in enumerate(rivals):
                if found[place] >= rival.intersection_over_union:
                    continue
                # With one position less in common, the rival has the greatest score below its own for its union:
                # what is above that and reaches the rival is found, all else is left out.
                floor = Best(Constant(False), rival.both - 1, rival.formula - 1, rival.unit)
                unit = Unit(self.length, None, firing, place, literals, [starts[place]], run, floor)
                unit.search()
                if unit.best[-1].score >= rival.intersection_over_union:
                    found[place] = unit.best[-1].score
        return found


def _countable(firing: Firing) -> None:
    if firing.layout.total > MOST_POSITIONS:
        raise SearchError(
            f"Exact search compares products of counts, which are exact up to {MOST_POSITIONS:,} positions; these "
            f"masks have {firing.layout.total:,}.",
            "Search some of the inputs (of_inputs of the firing and of the inventory), or all by Beam.",
        )
