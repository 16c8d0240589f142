"""How many different concepts a unit answers to."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aitia.core import progress
from aitia.networks._errors import ConceptError, ProbeError
from aitia.networks._firing import Firing
from aitia.networks._layout import counted
from aitia.networks.concepts._inventory import Inventory

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 20
_WORK = 1 << 21  # words that are joined at once


@dataclass(frozen=True)
class Answered:
    """A concept that a unit answers to.

    Args:
        concept: its name.
        positions: at how many positions it holds and none of those before it does.
        fires: the share of them at which the unit fires.
        share: the share of the unit's firing that is at them.
    """

    concept: str
    positions: int
    fires: float
    share: float


@dataclass(frozen=True)
class Meanings:
    """The concepts, disjoint in positions, that a unit answers to.

    Args:
        unit: the unit.
        answered: the concepts, most of the unit's firing first.
        firing: at how many positions it fires.
    """

    unit: int
    answered: tuple[Answered, ...]
    firing: int

    @property
    def count(self) -> int:
        """How many concepts it answers to."""
        return len(self.answered)

    @property
    def effective(self) -> float:
        """How many of equal share would be as spread: (sum s)^2 / sum s^2; 0 where it answers to none."""
        shares = np.array([each.share for each in self.answered])
        return float(shares.sum() ** 2 / (shares**2).sum()) if len(shares) else 0.0

    @property
    def covered(self) -> float:
        """The share of its firing that these concepts cover."""
        return float(sum(each.share for each in self.answered))

    @property
    def sentence(self) -> str:
        """It in a sentence."""
        if not self.firing:
            return f"Unit {self.unit} never fires."
        if not self.answered:
            return f"Unit {self.unit} answers to none of the concepts."
        named = " and to ".join(
            f"{each.concept} ({each.share:.0%} of its firing)" if at else f"{each.concept} ({each.share:.0%})"
            for at, each in enumerate(self.answered)
        )
        return f"Unit {self.unit} answers to {named}; {1 - self.covered:.0%} of its firing is elsewhere."


@dataclass(frozen=True, eq=False)
class Polysemanticity:
    """What `polysemanticity` found: a sequence of `Meanings`, one for each mask of a unit."""

    meanings: tuple[Meanings, ...] = field(repr=False)
    concepts: int

    def __len__(self) -> int:
        return len(self.meanings)

    def __iter__(self) -> Iterator[Meanings]:
        return iter(self.meanings)

    def __getitem__(self, place: int) -> Meanings:
        return self.meanings[place]

    @property
    def counts(self) -> np.ndarray:
        """How many concepts each unit answers to."""
        return np.array([each.count for each in self.meanings])

    @property
    def sentence(self) -> str:
        """All of them in a sentence."""
        several, one, none = (
            int(each.sum()) for each in (self.counts > 1, self.counts == 1, self.counts == 0)
        )
        return (
            f"Of {len(self):,} units {several:,} {'answers' if several == 1 else 'answer'} to several of the "
            f"{self.concepts:,} concepts, {one:,} to one, {none:,} to none."
        )

    def table(self) -> pd.DataFrame:
        """One row a unit."""
        import pandas as pd

        return pd.DataFrame(
            {
                "unit": each.unit,
                "concepts": each.count,
                "effective": each.effective,
                "covered": each.covered,
                "named": ", ".join(one.concept for one in each.answered),
            }
            for each in self.meanings
        )

    def __repr__(self) -> str:
        order = sorted(self.meanings, key=lambda each: (-each.count, -each.covered))
        lines = [self.sentence, *(f"  {each.sentence}" for each in order[:_SHOWN])]
        if len(self) > _SHOWN:
            lines.append(f"  and {len(self) - _SHOWN:,} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        order = sorted(self.meanings, key=lambda each: (-each.count, -each.covered))[:_SHOWN]
        rows = "".join(
            f"<tr><td>{each.unit}</td><td>{each.count}</td><td>{each.effective:.2f}</td><td>{each.covered:.0%}</td><td>"
            + html.escape(", ".join(f"{one.concept} {one.share:.0%}" for one in each.answered))
            + "</td></tr>"
            for each in order
        )
        heads = "".join(
            f"<th>{each}</th>" for each in ("unit", "concepts", "effective", "covered", "share of its firing")
        )
        return f"<p>{html.escape(self.sentence)}</p><table><tr>{heads}</tr>{rows}</table>"


def polysemanticity(
    firing: Firing,
    concepts: Inventory,
    *,
    fires: float = 0.5,
    share: float = 0.1,
    lift: float = 2.0,
    least: int = 5,
    most: int = 10,
    show_progress: bool | None = None,
) -> Polysemanticity:
    """How many concepts, disjoint in positions, each unit answers to.

    Concepts join one by one, each judged at its own positions: those where it holds and no concept before it does. The
    next is the one whose own positions hold the most of the unit's firing, among concepts c with

        P(unit fires | own positions of c) >= fires   and   P(own positions of c | unit fires) >= share.

    At the end those leave, the least first, at which it does not fire `lift` times as often as where none of them holds
    (as often as anywhere, if one of them always holds).

    So a synonym or a part of a concept does not count again, and neither does a concept that merely is often where the
    unit fires all the time. A unit is monosemantic where one joins. Beside the count stands the effective number (sum
    s)^2 / sum s^2 of the shares s (the inverse of Simpson's index; Hill 1973).

    Args:
        firing: where the units fire.
        concepts: what holds at the same positions.
        fires: the least share of a concept's own positions at which the unit fires.
        share: the least share of the unit's firing.
        lift: how many times as often as elsewhere it fires.
        least: the fewest own positions a concept is judged by.
        most: the most concepts a unit.
        show_progress: whether to show progress.

    Returns:
        For each mask of a unit its concepts.

    Raises:
        ConceptError: masks over other inputs or positions.
        ProbeError: shares outside of 0 to 1.

    Assumes:
        The inventory names what the unit answers to: a unit that answers to what nobody annotated counts as answering
        to fewer. The greedy choice takes a concept that covers two others in their stead.

    Source:
        The definition is ours; the notion is of Olah et al. 2020 (Zoom in), and Mu and Andreas 2020, section 4, read it
        off formulas that are OR over unrelated concepts.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Above, Activations, Inventory, polysemanticity
        >>> draws = np.random.default_rng(0)
        >>> inventory = Inventory.from_masks(draws.random((4, 600)) < 0.1, ["cat", "car", "sky", "sea"])
        >>> cat, car = inventory.layout.unpack(inventory.words)[:2]
        >>> units = Activations(np.stack([cat, cat | car], axis=1).astype(float))
        >>> polysemanticity(Above(0.0).fire(units), inventory).counts
        array([1, 2])
    """
    if firing.layout.inputs != concepts.layout.inputs or firing.layout.shape != concepts.layout.shape:
        raise ConceptError(
            f"Units fire over {firing.layout.inputs:,} inputs of shape {firing.layout.shape}, concepts are over "
            f"{concepts.layout.inputs:,} of {concepts.layout.shape}.",
            "Record and annotate the same inputs, and binarise with the layout of the concepts.",
        )
    if not (0 < fires <= 1 and 0 < share <= 1 and lift >= 1 and least >= 1 and most >= 1):
        raise ProbeError(
            f"fires={fires} and share={share} must be above 0 and at most 1; lift={lift}, least={least} and "
            f"most={most} at least 1.",
            "Leave out what should be as usual.",
        )
    words = concepts.words
    found = []
    with progress("counting concepts of units", len(firing), show_progress) as bar:
        for place, unit in enumerate(firing.units):
            found.append(
                _of_unit(unit, firing.words[place], concepts, words, fires, share, lift, least, most)
            )
            bar.advance()
    return Polysemanticity(tuple(found), len(concepts))


def _of_unit(
    unit: int,
    mask: np.ndarray,
    concepts: Inventory,
    words: np.ndarray,
    fires: float,
    share: float,
    lift: float,
    least: int,
    most: int,
) -> Meanings:
    size, valid = int(counted(mask)), concepts.layout.valid
    joined: list[int] = []
    free = valid.copy()  # where none of the concepts that joined holds
    candidates = np.arange(len(words))
    while size and len(joined) < most and len(candidates):
        own, fired = _counts(words, candidates, free, mask)
        # What a concept has of its own only shrinks as others join: those with too little never come back.
        possible = (own >= least) & (fired >= share * size)
        candidates, own, fired = candidates[possible], own[possible], fired[possible]
        good = fired >= fires * own
        if not good.any():
            break
        # Of concepts with the same firing the one that fits more tightly.
        at = int(np.lexsort((own, np.where(good, -fired, 1)))[0])
        joined.append(int(candidates[at]))
        free = free & ~words[candidates[at]]
        candidates = np.delete(candidates, at)
    # How often it fires elsewhere is known when all have joined; who leaves gives back its positions.
    while joined:
        answered, free = _answered(joined, mask, size, concepts, words)
        left = int(counted(free))
        elsewhere = int(counted(free & mask)) / left if left else size / max(1, int(counted(valid)))
        worst = min(range(len(joined)), key=lambda at: answered[at].fires)
        if answered[worst].fires >= lift * elsewhere:
            order = sorted(answered, key=lambda each: -each.share)
            return Meanings(unit, tuple(order), size)
        joined.pop(worst)
    return Meanings(unit, (), size)


def _answered(
    joined: list[int], mask: np.ndarray, size: int, concepts: Inventory, words: np.ndarray
) -> tuple[list[Answered], np.ndarray]:
    """What each concept has of its own, and where none holds."""
    free, answered = concepts.layout.valid.copy(), []
    for each in joined:
        own = words[each] & free
        positions, fired = int(counted(own)), int(counted(own & mask))
        answered.append(Answered(concepts.names[each], positions, fired / positions, fired / size))
        free = free & ~words[each]
    return answered, free


def _counts(
    words: np.ndarray, candidates: np.ndarray, free: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    own, fired = np.zeros(len(candidates), np.int64), np.zeros(len(candidates), np.int64)
    both = free & mask
    step = max(1, _WORK // max(1, len(free)))
    for start in range(0, len(candidates), step):
        some = words[candidates[start : start + step]]
        own[start : start + step] = counted(some & free)
        fired[start : start + step] = counted(some & both)
    return own, fired
