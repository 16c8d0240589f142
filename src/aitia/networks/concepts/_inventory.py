"""An inventory of concepts: what people would say holds at each input, or at each position of each input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from aitia.core import Decision, either, listing, many, nearest
from aitia.networks._errors import ConceptError
from aitia.networks._layout import Layout, counted
from aitia.networks.concepts._gathered import chosen_columns, chosen_rows, in_file
from aitia.networks.formulas._formula import Formula

if TYPE_CHECKING:
    from aitia.networks.concepts._description import Description


@dataclass(frozen=True, eq=False)
class Inventory:
    """Concepts as bit-packed masks over inputs, or over positions of inputs.

    Args:
        layout: which bit stands for what.
        names: the concepts' names, each once.
        words: their masks, uint64 of shape (concepts, layout.words); may be memory-mapped: `only`,
            `enough`, `join` and the searches then read it piece by piece and never hold all of it.
        categories: each concept's category (``"colour"``, ``"word in premise"``), or "".
        parents: for a hierarchy: the concept or category above, by name.
        neighbors: each concept's nearest concepts in an embedding, nearest first, by name: what NEIGHBORS joins.
        decisions: what was decided when it was made: concepts set aside, labels dropped.

    Raises:
        ConceptError: names and masks that do not fit each other, or a name that comes twice.

    Example:
        >>> from aitia.networks import Inventory, parse
        >>> masks = np.array([[True, False, True], [False, False, True]])
        >>> inventory = Inventory.from_masks(masks, ["water", "boat"])
        >>> inventory.support
        array([2, 1])
        >>> inventory.mask_of(parse("water AND NOT boat"))
        array([ True, False, False])
    """

    layout: Layout
    names: tuple[str, ...]
    words: np.ndarray = field(repr=False)
    categories: tuple[str, ...] = ()
    parents: Mapping[str, str] = field(default_factory=dict, repr=False)
    neighbors: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        if self.words.shape != (len(self.names), self.layout.words) or self.words.dtype != np.uint64:
            raise ConceptError(
                f"{len(self.names):,} concepts over {self.layout.inputs:,} inputs need words of shape "
                f"({len(self.names)}, {self.layout.words}); came {self.words.dtype} of shape {self.words.shape}.",
                "Use Inventory.from_masks, which packs booleans.",
            )
        if len(set(self.names)) < len(self.names):
            twice = next(name for place, name in enumerate(self.names) if name in self.names[:place])
            raise ConceptError(
                f"The concept {twice!r} comes twice.", "Join their masks, or give them different names."
            )
        if self.categories and len(self.categories) != len(self.names):
            raise ConceptError(
                f"{len(self.categories):,} categories for {len(self.names):,} concepts.",
                "Give one category for each concept, or none.",
            )
        if not self.categories:
            object.__setattr__(self, "categories", ("",) * len(self.names))

    @classmethod
    def from_masks(
        cls,
        masks: np.ndarray,
        names: Sequence[str],
        *,
        categories: Sequence[str] = (),
        lengths: np.ndarray | None = None,
    ) -> Inventory:
        """From booleans of shape (concepts, inputs, *positions)."""
        masks = np.asarray(masks)
        if masks.ndim < 2 or len(masks) != len(names):
            raise ConceptError(
                f"Expected masks of shape (concepts, inputs, ...) for {len(names):,} names; came shape {masks.shape}.",
                "Give one mask for each name; transpose masks of shape (inputs, concepts).",
            )
        layout = Layout(masks.shape[1], masks.shape[2:], lengths)
        return cls(layout, tuple(map(str, names)), layout.pack(masks) & layout.valid, tuple(categories))

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def place(self) -> dict[str, int]:
        """Where each concept stands, by name."""
        return {name: place for place, name in enumerate(self.names)}

    @cached_property
    def support(self) -> np.ndarray:
        """At how many positions each concept holds, int64 of shape (concepts,)."""
        return np.array([int(counted(row)) for row in self.words], dtype=np.int64)

    @cached_property
    def occupied(self) -> int:
        """How many words of all masks are not zero: what searches read."""
        return sum(int(np.count_nonzero(row)) for row in self.words)

    def words_of(self, name: str) -> np.ndarray:
        """A concept's packed mask.

        Raises:
            ConceptError: there is no such concept.
        """
        if name not in self.place:
            raise ConceptError(f"There is no concept {name!r}.", nearest(name, self.names))
        return np.asarray(self.words[self.place[name]])

    def mask_of(self, formula: Formula, *, packed: bool = False) -> np.ndarray:
        """Where a formula holds: booleans of shape (inputs, *positions), or words."""
        words = formula.mask(self.words_of, self.layout.valid)
        return words if packed else self.layout.unpack(words)

    def only(self, names: Sequence[str], decision: Decision | None = None) -> Inventory:
        """The inventory of some of its concepts, in the order given. Masks in a file stay there.

        Args:
            names: the concepts.
            decision: why the others were left out, for `decisions`.

        Raises:
            ConceptError: there is no such concept.
        """
        missing = next((name for name in names if name not in self.place), None)
        if missing is not None:
            raise ConceptError(f"There is no concept {missing!r}.", nearest(missing, self.names))
        at = [self.place[name] for name in names]
        kept = replace(
            self,
            names=tuple(names),
            words=chosen_rows(self.words, at),
            categories=tuple(self.categories[each] for each in at),
            decisions=(*self.decisions, decision) if decision else self.decisions,
        )
        if "support" in self.__dict__:
            kept.__dict__["support"] = self.support[at]  # counted once: masks may be a large file
        return kept

    def enough(self, least: int = 1) -> Inventory:
        """The inventory without the concepts that hold at fewer positions than `least`; they are named in `decisions`.

        Args:
            least: how many positions a concept has to hold at.
        """
        few = self.support < least
        if not few.any():
            return self
        rare = [name for name, each in zip(self.names, few, strict=True) if each]
        what = f"set aside {len(rare):,} of {many(len(self), 'concept')} with too little support: {listing(rare)}"
        decision = Decision(
            what, f"{either(len(rare), 'it holds', 'they hold')} at fewer than {many(least, 'position')}"
        )
        return self.only([name for name, each in zip(self.names, few, strict=True) if not each], decision)

    def describe(self, most: int = 20) -> Description:
        """How often concepts hold, which are most alike, and which have the same mask.

        Args:
            most: how many pairs of overlapping concepts.

        Example:
            >>> from aitia.networks import Inventory
            >>> masks = np.array([[1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 0, 0]], dtype=bool)
            >>> Inventory.from_masks(masks, ["water", "blue", "sea"]).describe()
            3 concepts over 4 inputs, which hold at 50.00% to 75.00% of the positions (median 50.00%).
              (no category): 3 concepts, median support 2
              most alike:
                0.667  blue, water
              ! water, sea have the same mask: no data tell them apart.
        """
        from aitia.networks.concepts._description import describe

        return describe(self, most)

    def of_inputs(self, chosen: np.ndarray) -> Inventory:
        """The same concepts over some of the inputs (in the order given, with repetition).

        Masks of several positions an input that are in a file stay there.
        """
        if in_file(self.words) and self.layout.shape:
            layout, words = self.layout.of_inputs(np.arange(self.layout.words), chosen)
            return replace(self, layout=layout, words=chosen_columns(self.words, words))
        layout, words = self.layout.of_inputs(np.asarray(self.words), chosen)
        return replace(self, layout=layout, words=words)
