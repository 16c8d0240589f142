"""What a search for explanations is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from aitia.networks._explanation import Explanation, Overlap
from aitia.networks._firing import Firing
from aitia.networks._fitted import fitted
from aitia.networks.concepts._inventory import Inventory


class Search(ABC):
    """A way to find, for each unit, the formula whose mask is most like the unit's.

    A search is plain data (a frozen dataclass); the author of a new one writes `_explain`.
    """

    seconds: float | None = None
    """About how long it may take for each unit, for a search that stops by the clock."""

    @property
    @abstractmethod
    def description(self) -> str:
        """The search in words."""

    @abstractmethod
    def _explain(
        self,
        firing: Firing,
        inventory: Inventory,
        show_progress: bool | None,
        begun: Mapping[int, Explanation],
    ) -> tuple[Explanation, ...]:
        """`explain`, for masks that fit each other.

        Args:
            firing: where the units fire.
            inventory: the concepts.
            show_progress: as in `explain`.
            begun: what an earlier search that was stopped had found, by place in `firing`.

        Returns:
            An explanation of each mask in order; of the first ones only where Ctrl-C stopped the search.
        """

    def explain(
        self,
        firing: Firing,
        inventory: Inventory,
        *,
        show_progress: bool | None = None,
        resume: Sequence[Explanation] = (),
    ) -> tuple[Explanation, ...]:
        """The best formula for each of the unit masks, in their order.

        Ctrl-C loses nothing that was found: the search ends and returns the explanations of the units it has begun,
        those it had not finished with `stopped` set and with what is known of their bound. Given back as `resume`,
        finished ones are kept, stopped ones are continued from their formula, and the rest is searched.

        Args:
            firing: where the units fire.
            inventory: the concepts.
            show_progress: whether to show progress; None for where output is a terminal.
            resume: what this search returned before it was stopped, on the same masks.

        Raises:
            ConceptError: masks of units and of concepts are over different inputs or positions, or inputs of other
                lengths. (What only one of them has lengths for does not exist past these.)
            KeyboardInterrupt: Ctrl-C before anything was found.
        """
        firing, inventory = fitted(firing, inventory)
        done, begun = self._found_before(firing, resume)
        left = [at for at in range(len(firing)) if at not in done]
        if not left:
            return tuple(done[at] for at in range(len(firing)))
        rest = firing if len(left) == len(firing) else _only(firing, left)
        found = self._explain(
            rest, inventory, show_progress, {place: begun[at] for place, at in enumerate(left) if at in begun}
        )
        done.update(zip(left, found, strict=False))
        return tuple(done[at] for at in sorted(done))

    def to_the_end(
        self, firing: Firing, inventory: Inventory, *, show_progress: bool | None = False
    ) -> tuple[Explanation, ...]:
        """`explain` for callers who have no use for a part of the answer: Ctrl-C raises.

        Args:
            firing: the masks.
            inventory: the concepts.
            show_progress: as in `explain`.

        Raises:
            KeyboardInterrupt: Ctrl-C, whatever was found until then.
        """
        found = self.explain(firing, inventory, show_progress=show_progress)
        # Out of time is a limit that was asked for; without one, only Ctrl-C stops a search.
        if len(found) < len(firing) or (self.seconds is None and any(each.stopped for each in found)):
            raise KeyboardInterrupt
        return found

    def scores(self, firing: Firing, inventory: Inventory, rivals: Sequence[Overlap]) -> np.ndarray:
        """The score that the search finds for each mask, as far as it says whether a rival's is reached.

        What is returned is at least the rival's score if and only if the search finds such a formula. Below, it may be
        less than what the search would find: a search that proves what it leaves out need not look for less than the
        rival's score, which makes it quick on masks of chance.

        Args:
            firing: the masks.
            inventory: the concepts.
            rivals: for each mask, the overlap that is to be reached, of a formula and a mask of the same size.

        Returns:
            Shape (masks,).

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        return np.array([each.score for each in self.to_the_end(firing, inventory)])

    def _found_before(
        self, firing: Firing, resume: Sequence[Explanation]
    ) -> tuple[dict[int, Explanation], dict[int, Explanation]]:
        """Of explanations found before: the finished and the stopped, by place in `firing`."""
        masks = zip(
            firing.units, firing.low.tolist(), firing.high.tolist(), firing.size.tolist(), strict=True
        )
        place = {mask: at for at, mask in enumerate(masks)}
        done: dict[int, Explanation] = {}
        begun: dict[int, Explanation] = {}
        for each in resume:
            at = place.get((each.unit, each.low, each.high, each.overlap.unit))
            if at is not None and each.search == self.description:
                (begun if each.stopped else done)[at] = each
        return done, begun


def _only(firing: Firing, places: Sequence[int]) -> Firing:
    at = np.array(places)
    return replace(
        firing,
        units=tuple(firing.units[each] for each in places),
        words=firing.words[at],
        low=firing.low[at],
        high=firing.high[at],
    )
