"""Would chance do as well? The same search on masks that have nothing to do with the concepts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from math import exp, log
from typing import ClassVar, final

import numpy as np
import numpy.typing as npt

from aitia.core import many, progress, stream
from aitia.networks._errors import SearchError
from aitia.networks._explanation import Explanation
from aitia.networks._firing import Firing
from aitia.networks._layout import Layout
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.refutation._case import Case, Refuter, firing_at
from aitia.networks.refutation._groups import Blocks, blocks_of, group_of_inputs
from aitia.networks.refutation._trial import Trial, Verdict
from aitia.networks.search._beam import Beam
from aitia.networks.search._exact import Exact
from aitia.networks.search._search import Search

MEMORY = 1 << 28  # bytes of shuffled masks that are held at once
SECONDS = 60  # of repeating an exact search, about, beyond which a beam search is repeated in its place
TOGETHER = 2048  # shuffled masks that are searched at once, at most
SAME = 1e-12  # scores this near are ties: quotients of the same counts round alike, penalties may not


@final
@dataclass(frozen=True)
class PermutationNull(Refuter):
    """The best score that the same search finds where the unit has nothing to do with the concepts.

    A replicate exchanges the unit's masks between inputs and shifts each one around its input (a torus: what leaves on
    one side enters on the other), so that the size, the shape and the clumping of what the unit does stay and its tie
    to the concepts goes. The search is run anew on every replicate, so the null knows that the best of many formulas
    was picked. With b of B replicates at or above the unit's own score,

        p = (1 + b) / (1 + B),

    which is valid (P(p <= a) <= a) for any B wherever the null holds, ties included (Phipson and Smyth 2010). With
    `stop_at` = h, replicates of a unit end at the l-th, when h of them have reached its score: then p = h / l, which is
    valid too (Besag and Clifford 1991) and spares most of the work on units that chance explains.

    A replicate is one draw for all units; units are searched together.

    Where inputs belong together (frames of a film, sentences of a text, rows of a person), exchanging them one by one
    takes away what neighbours share, chance does worse than it should, and p is too small. With `groups`, whole groups
    change places, each with those of its size (and are shifted alike), inside a group nothing moves, and p is valid
    however inputs of a group depend on each other. Where fewer than four groups have a size, larger ones are cut to
    the size of smaller ones, as little as can be, and what is compared is the best that the search finds on the inputs
    left; laying whole groups of different sizes against each other would be no exchange, and p only roughly valid. A
    unit whose mask groups can lay out in fewer than 1 / `level` ways is left open: its p could not be small.

    Args:
        replicates: B; with fewer than 19, p cannot be as low as 0.05.
        stop_at: h; None to draw all replicates.
        shift: whether masks are also shifted within inputs. Without it the null keeps where in an input the unit
            fires, and only what the input shows is exchanged.
        search: the search that is repeated, on the unit's own mask as well; None for `repeated`: the one that found the
            explanation, or the beam search of its length where an exact search would take more than about a minute.
            Where it is another than the one that found the explanation, the trial says so: what is compared is the best
            that it finds on the unit's own mask (not the explanation's score) with the best that it finds by chance.
            An exact search says of each replicate only whether any formula reaches the unit's score (`Search.scores`).
        level: p-values at most this break the null.
        groups: what inputs belong together, as each one's film, shape (inputs,): a group moves whole. None where each
            input stands for itself.

    Raises:
        SearchError: no replicates, or none to stop at; groups of other inputs, or fewer than two of them.

    Assumes:
        Under the null, inputs of one length are exchangeable given the concepts (not frames of one film), and what the
        unit does there is as likely anywhere in the input. With groups: groups of one size are exchangeable given the
        concepts (of those that are cut, their first inputs), in whatever way their inputs depend on each other, and
        what the unit does is as likely anywhere if it is so in all of a group alike. Token sequences of different
        length: a group is the run of its tokens, which is shifted around as one.

    Source:
        Phipson and Smyth 2010, Permutation p-values should never be zero; Besag and Clifford 1991, Sequential Monte
        Carlo p-values; Hemerik and Goeman 2018, theorem 2 (random draws from a group of transformations); Winkler,
        Webster, Vidaurre, Nichols and Smith 2015, Multi-level block permutation (whole-block exchangeability: blocks of
        one size change places whole).
    """

    name: ClassVar[str] = "permutation null"
    verdict: ClassVar[str] = "chance would do as well"
    reference: ClassVar[str] = "Phipson and Smyth 2010; Besag and Clifford 1991; Hemerik and Goeman 2018"

    replicates: int = 99
    stop_at: int | None = 10
    shift: bool = True
    search: Search | None = None
    level: float = 0.05
    groups: npt.ArrayLike | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.replicates < 1 or (self.stop_at is not None and self.stop_at < 1) or not 0 < self.level < 1:
            raise SearchError(
                f"Expected one replicate or more, to stop at one or more, and a level between 0 and 1; came "
                f"{self.replicates}, {self.stop_at} and {self.level}.",
                "Give replicates=99, stop_at=10 or None, level=0.05.",
            )

    def search_of(self, case: Case) -> Search:
        """The search that is repeated."""
        if self.search is not None:
            return self.search
        return repeated(case.search, case.explanations, case.inventory, self.replicates)

    def _refute(self, case: Case, seed: int) -> Sequence[Trial]:
        search = self.search_of(case)
        blocks = None if self.groups is None else blocks_of(self.groups, case.firing.layout)
        compared, ways = case, np.full(len(case), np.inf)
        if blocks is not None:
            firing, inventory = blocks.cut(case.firing, case.inventory)
            compared = case if blocks.whole else replace(case, firing=firing, inventory=inventory)
            ways = blocks.arrangements(firing.layout, firing.words, self.shift)
        rivals = case.explanations
        if search != case.search or compared is not case:
            rivals = search.to_the_end(compared.firing, compared.inventory)
        # Counts of ways are sums of logarithms: 24 may come out as a little less.
        enough = ways > log(1 / self.level) - 1e-9
        scores = self._null(compared, search, rivals, seed, blocks, enough)
        return [
            self._trial(case, compared, blocks, search, *each)
            if enough[place]
            else self._too_few(case, compared, place, exp(ways[place]))
            for place, each in enumerate(zip(case.explanations, rivals, scores, strict=True))
        ]

    def _null(
        self,
        case: Case,
        search: Search,
        rivals: Sequence[Explanation],
        seed: int,
        blocks: Blocks | None,
        enough: np.ndarray,
    ) -> list[np.ndarray]:
        """For each unit, the scores of its replicates, in the order of their draws."""
        firing, layout = case.firing, case.firing.layout
        own = np.array([each.score for each in rivals])
        overlaps = [each.overlap for each in rivals]
        scores: list[list[float]] = [[] for _ in own]
        reached = np.zeros(len(own), dtype=np.int64)
        going = np.flatnonzero((firing.size > 0) & enough)
        largest = int(max(1, min(TOGETHER, MEMORY // (8 * max(1, layout.words)))))
        at, several = 0, self.replicates if self.stop_at is None else 2 * self.stop_at
        with progress("searching shuffled units", self.replicates, case.show_progress) as bar:
            while at < self.replicates and len(going):
                several = max(1, min(several, self.replicates - at, largest // len(going)))
                words = np.concatenate(
                    [
                        shuffled(layout, firing.words[going], draw, self.shift, seed, blocks)
                        for draw in range(at, at + several)
                    ]
                )
                masks = firing_at(firing, np.tile(going, several), words)
                found = search.scores(masks, case.inventory, [overlaps[at] for at in going] * several)
                for place, row in enumerate(found.reshape(several, -1).T):
                    scores[going[place]].extend(row.tolist())
                    reached[going[place]] += int((row >= own[going[place]] - SAME).sum())
                at += several
                bar.advance(several)
                if self.stop_at is not None:
                    going = going[reached[going] < self.stop_at]
                    several *= 2
        return [np.array(each) for each in scores]

    def _too_few(self, case: Case, compared: Case, place: int, ways: float) -> Trial:
        unit = case.explanations[place].unit
        if not case.firing.size[place]:
            return self._nothing(f"Unit {unit} never fires.")
        if not compared.firing.size[place]:
            return self._nothing(
                f"Unit {unit} fires only at inputs whose groups have too few of their size to change places with."
            )
        return self._nothing(
            f"Where whole groups change places, what unit {unit} does can be laid out in {many(round(ways), 'way')} "
            f"only, and p could not be below {1 / round(ways):.2g}: it takes more groups to tell."
        )

    def _trial(
        self,
        case: Case,
        compared: Case,
        blocks: Blocks | None,
        search: Search,
        found: Explanation,
        rival: Explanation,
        null: np.ndarray,
    ) -> Trial:
        if not len(null):
            return self._nothing(f"Unit {found.unit} never fires.")
        own, same = rival.score, search == case.search
        p, drawn = p_value(null >= own - SAME, self.replicates, self.stop_at)
        null = null[:drawn]
        reached = int((null >= own - SAME).sum())
        survived = p <= self.level
        shifts = self.shift and bool(case.firing.layout.shape)
        how, where = "exchanged between inputs" + (" and shifted within them" if shifts else ""), ""
        if blocks is not None:
            how = f"exchanged between {blocks.groups:,} groups of inputs, each moved whole"
            how += " and shifted as one" if shifts else ""
            if compared is not case:
                where = f" on the {_part(compared, case)} that whole groups of one size hold"
        by_chance = f"{null.mean():.3f} by chance (highest of {drawn}: {null.max():.3f})"
        number = f"{own:.3f} against {by_chance}"
        if same and isinstance(search, Exact):
            # What an exact search left out is known to be less than the unit's score, not how much less.
            number = f"{own:.3f}, which {reached} of {drawn} shuffles reach; a beam search finds {by_chance}"
        if same and not where:
            said = f"The score {own:.3f} " + (
                f"is more than chance finds (p = {p:.3g})."
                if survived
                else f"is no more than the same search finds where there is nothing to find (p = {p:.3g})."
            )
        else:
            said = (
                f"Compared is the best that {search.description} finds{where}: {own:.3f} where the unit fires (the "
                f"formula shown, found by {case.search.description}, has {found.score:.3f}), and {by_chance}. "
                + ("That is more than chance finds" if survived else "Chance would do as well")
                + f" (p = {p:.3g})."
            )
        return Trial(
            self.name,
            f"The unit's mask was {how}, {drawn} times, and explained by {search.description}{where}.",
            f"The unit's own score is among the highest {self.level:.0%}.",
            f"{number}; p = {p:.3g}.",
            Verdict.SURVIVED if survived else Verdict.BROKEN,
            said,
            p,
            {
                "score": own,
                "null": null,
                "reached": reached,
                "replicates": drawn,
                "search": search.description,
                "same search": same,
                "groups": 0 if blocks is None else blocks.groups,
                "left out": case.firing.layout.inputs - compared.firing.layout.inputs,
            },
        )


def repeated(
    search: Search, explanations: Sequence[Explanation], inventory: Inventory, replicates: int
) -> Search:
    """The search that a null repeats: the one that found the explanations, where that takes about a minute at most.

    What it takes follows from sizes and from how many formulas the search tried, so that the same question has the same
    answer on every machine. In the place of a longer exact search, of one of formulas of six concepts and more, and of
    one that stops by the clock (which would find more on a faster machine), the beam search of its length is repeated.

    Args:
        search: the search that found them.
        explanations: what it found.
        inventory: the concepts.
        replicates: how many replicates there are.
    """
    if not isinstance(search, Exact):
        return search
    certain = search.length <= 5 and search.seconds is None
    quick = certain and replicates * seconds_a_replicate(search, explanations, inventory) <= SECONDS
    return search if quick else Beam(search.length)


def seconds_a_replicate(search: Search, explanations: Sequence[Explanation], inventory: Inventory) -> float:
    """About how long a search takes on one shuffle of each unit, on one core, by sizes and what was tried before.

    Args:
        search: the search; where it is exact, the one that found the explanations.
        explanations: what was found of the units.
        inventory: the concepts.
    """
    concepts, length = len(inventory), int(getattr(search, "length", 3))
    words = inventory.occupied
    if isinstance(search, Exact):
        # A shuffle is searched for formulas above the unit's score only, which is hardly more than was tried to
        # certify that score, and much less where the score is above chance.
        tried = sum(each.tried for each in explanations)
        each_tried = (1e-8 + 3e-10 * words / concepts) * {4: 10, 5: 20}.get(length, 1)
        return (2e-3 + 4e-8 * words) * len(explanations) + each_tried * tried
    grown = int(getattr(search, "width", 10)) * (length - 1)
    each = 3e-5 * length + 2e-10 * words * (1 + 2 * grown) + 3e-8 * concepts * grown
    return len(explanations) * each


def permutation_null(
    explanations: Sequence[Explanation],
    firing: Firing,
    inventory: Inventory,
    search: Search,
    *,
    replicates: int = 99,
    stop_at: int | None = 10,
    shift: bool = True,
    null_search: Search | None = None,
    groups: npt.ArrayLike | None = None,
    seed: int = 0,
    show_progress: bool | None = None,
) -> tuple[Trial, ...]:
    """Whether explanations beat chance: `PermutationNull` on its own.

    Args:
        explanations: what the search found.
        firing: the masks it searched.
        inventory: the concepts.
        search: the search.
        replicates: as in `PermutationNull`.
        stop_at: as in `PermutationNull`; None draws all replicates for every unit.
        shift: as in `PermutationNull`.
        null_search: the search that is repeated, `search` in `PermutationNull`.
        groups: as in `PermutationNull`.
        seed: of the shuffles.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        A trial for each explanation, with its `p_value` (None for a unit that never fires, or whose p could not be
        small for want of groups), and in ``details`` ``"score"``, what was compared; ``"null"``, the scores of chance
        (of a beam search where an exact one found that no formula reaches the unit's score); ``"same search"``, whether
        the explanation's own was repeated; ``"groups"``, how many groups change places (0 where none were given), and
        ``"left out"``, how many inputs do not.

    Raises:
        SearchError: an explanation whose mask is not in `firing`; no replicates; groups of other inputs, or fewer than
            two of them.

    Example:
        >>> from aitia.networks import Beam, Planted
        >>> from aitia.networks.refutation import permutation_null
        >>> planted = Planted(lengths=(2,), units=1, distractors=1, concepts=8, inputs=400).draw(seed=1)
        >>> search = Beam(length=2)
        >>> found = search.explain(planted.firing, planted.inventory)
        >>> known, noise = permutation_null(found, planted.firing, planted.inventory, search, replicates=19)
        >>> known.p_value, known.verdict.value, noise.verdict.value
        (0.05, 'survived', 'broken')
    """
    case = Case(tuple(explanations), firing, inventory, search, show_progress=show_progress)
    group_of_inputs(groups, case.firing.layout.inputs)
    return PermutationNull(replicates, stop_at, shift, null_search, groups=groups).refute(case, seed)


def p_value(reached: np.ndarray, replicates: int, stop_at: int | None) -> tuple[float, int]:
    """The p-value of a score that some replicates reached, and how many replicates it is made of.

    Args:
        reached: whether each replicate reached it, in the order of the draws.
        replicates: how many there are at most.
        stop_at: at which of them the draws end.
    """
    total = np.cumsum(reached)
    if stop_at is not None and len(total) and total[-1] >= stop_at:
        last = int(np.searchsorted(total, stop_at)) + 1
        return stop_at / last, last
    return (1 + int(total[-1] if len(total) else 0)) / (1 + replicates), len(reached)


def shuffled(
    layout: Layout, words: np.ndarray, draw: int, shift: bool, seed: int, blocks: Blocks | None = None
) -> np.ndarray:
    """Masks with inputs of one length exchanged at random, and each input's mask shifted around at random.

    Args:
        layout: of the masks.
        words: uint64 (masks, layout.words).
        draw: which shuffle.
        shift: whether masks are shifted.
        seed: the seed.
        blocks: the groups that change places whole, and are shifted as one; None where each input is its own.

    Returns:
        uint64 (masks, layout.words).
    """
    random = stream(seed, "permutation null", draw)
    if not layout.shape:
        inputs = layout.inputs
        source = random.permutation(inputs) if blocks is None else blocks.sources(random, inputs)
        return layout.pack(layout.unpack(words)[:, source])
    if blocks is not None and layout.lengths is not None:
        source = blocks.sources(random, layout.inputs * layout.positions, turn=shift)
        # A mask at a time: unpacked, all of them are many times as large.
        moved_cells = [
            layout.pack(layout.unpack(mask).reshape(-1)[source].reshape(layout.inputs, *layout.shape))
            for mask in words
        ]
        return np.stack(moved_cells)
    from aitia.networks.refutation._shuffle_kernel import moved

    width = layout.shape[-1]
    height = layout.positions // width
    widths = np.full(layout.inputs, width) if layout.lengths is None else layout.lengths.astype(np.int64)
    order = np.arange(layout.inputs)
    if blocks is None:
        for each in np.unique(widths):
            same = np.flatnonzero(widths == each)
            order[same] = same[random.permutation(len(same))]
    else:
        order = blocks.sources(random, layout.inputs)
    down, across = np.zeros((2, layout.inputs), dtype=np.int64)
    if shift:
        down = random.integers(0, height, layout.inputs)
        across = random.integers(0, np.maximum(widths, 1))
        if blocks is not None:
            down, across = down[blocks.group], across[blocks.group]
    apart = np.ascontiguousarray(words).reshape(len(words), layout.inputs, layout.words_per_input)
    target = np.zeros_like(apart)
    moved(apart, order, down, across, height, widths, target)
    return target.reshape(words.shape)


def _part(compared: Case, case: Case) -> str:
    """How much is compared, in words."""
    some, all_ = compared.firing.layout, case.firing.layout
    if some.inputs == all_.inputs:
        return f"{some.total:,} of {all_.total:,} positions"
    return f"{some.inputs:,} of {all_.inputs:,} inputs"
