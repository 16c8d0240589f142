"""Beam search for formulas as published by Mu and Andreas (2020)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np

from aitia.core import progress
from aitia.networks._errors import SearchError
from aitia.networks._explanation import Explanation, Found, Overlap
from aitia.networks._firing import Firing
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.formulas._formula import And, Constant, Formula, Not, Or
from aitia.networks.search._rows import Rows
from aitia.networks.search._search import Search
from aitia.networks.search._sparse import LANES
from aitia.networks.search._workers import cores, shares, workers

ROOM = 1 << 28  # bytes of counts that are held at once


@final
@dataclass(frozen=True)
class Beam(Search):
    """Beam search: from the best formulas of a length, the best that one more concept makes of them.

    The beam begins with the `width` concepts of highest score. Then, `length` - 1 times, each formula F of the beam is
    joined with each candidate C as F OR C, F AND C and F AND NOT C, and of the old formulas and the new the `width`
    best stay. The score is the intersection over union with the unit, |F and U| / |F or U|, times the penalty.

    By default this is the published search for sentence pairs, quirks included, so that formula and score are the same
    as those of its authors' code: of equal scores the formula that was made first goes first (the beam's formulas in
    their order, candidates in the inventory's, OR before AND before AND NOT); A OR B and B OR A are two formulas and
    take two places; with neighbours in the inventory the beam also begins with NEIGHBORS(c) for each concept c, and c
    comes once more among the candidates where NEIGHBORS(c) overlaps the unit. `Beam.vision` is the published search
    for pictures. `silent`, `distinct` and `negations` leave the published rule; the first two find as much or more for
    the same work, the third less where units are noisy (NOT c fills the beam).

    Beam search proves nothing: `Explanation.bound` is 1, and `certified` is False but where the score is 1 or the unit
    never fires. A unit that nothing overlaps, that never fires, or fires less often than `least_firing`, has the
    formula FALSE and the score 0. A unit that always fires is searched like any other.

    Args:
        length: the most concepts a formula names (1 or more).
        width: how many formulas stay.
        candidates: formulas grow only by so many concepts, those of highest score, in the order of their scores; None
            for all that overlap the unit, in the inventory's order.
        penalty: the score is multiplied by this to the power of the formula's words but one: its concepts, and as
            published also its NOTs and NEIGHBORS; 1 for none.
        least_firing: units that fire at fewer positions are not searched (500 in the published code for sentences).
        silent: whether formulas grow also by concepts that never hold where the unit fires; what AND NOT takes out
            with them can raise the score. With them, as published for pictures, the beam never begins with a concept
            of score 0.
        epsilon: added to the union before dividing: 1e-10 in the published code for pictures, which decides between
            1/2 and 2/4.
        distinct: keep in the beam only one of several formulas that hold at equally many positions and overlap the
            unit in equally many: A OR B, and not B OR A beside it.
        negations: also begin with NOT c, and also grow by OR NOT C.

    Raises:
        SearchError: a length, a width or a number of candidates below 1, a penalty outside (0, 1], a negative
            least_firing or epsilon.

    Assumes:
        Fewer than 2^53 positions, so that counts are exact in double precision.

    Source:
        Mu and Andreas 2020, Compositional Explanations of Neurons, section 2, and the code published with it.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Beam, Firing, Inventory
        >>> masks = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]], dtype=bool)
        >>> inventory = Inventory.from_masks(masks, ["water", "river", "boat"])
        >>> fires = inventory.layout.pack(np.array([[1, 1, 1, 0, 0, 0]], dtype=bool))
        >>> unit = Firing(inventory.layout, (7,), fires, np.zeros(1), np.full(1, np.inf), "activation above 0")
        >>> found, = Beam(length=2).explain(unit, inventory)
        >>> str(found.formula), found.score
        ('water OR river', 1.0)
    """

    length: int = 3
    width: int = 10
    candidates: int | None = None
    penalty: float = 1.0
    least_firing: int = 0
    silent: bool = False
    epsilon: float = 0.0
    distinct: bool = False
    negations: bool = False

    def __post_init__(self) -> None:
        for name in ("length", "width", "candidates"):
            value = getattr(self, name)
            if value is not None and (not isinstance(value, int | np.integer) or value < 1):
                raise SearchError(
                    f"Expected a whole number of 1 or more for {name}; came {value!r}.",
                    f"Give {name}=1 or more.",
                )
        if not 0 < self.penalty <= 1:
            raise SearchError(
                f"Expected a penalty above 0 and at most 1; came {self.penalty!r}.", "Give 1 for no penalty."
            )
        if not (self.least_firing >= 0 and 0 <= self.epsilon < 1):
            raise SearchError(
                f"Expected least_firing of 0 or more and epsilon from 0 to 1; came {self.least_firing!r} and "
                f"{self.epsilon!r}.",
                "Give 0 for neither.",
            )

    @classmethod
    def vision(
        cls, length: int = 3, width: int = 5, candidates: int | None = None, penalty: float = 1.0
    ) -> Beam:
        """The search that Mu and Andreas published for units of vision networks, and the values of its settings.

        Args:
            length: the most concepts a formula names.
            width: how many formulas stay.
            candidates: their BEAM_SEARCH_LIMIT: so many concepts of highest score; None for all concepts.
            penalty: their FORMULA_COMPLEXITY_PENALTY.
        """
        return cls(length, width, candidates, penalty, silent=True, epsilon=1e-10)

    @property
    def description(self) -> str:
        settings = [f"length {self.length}", f"width {self.width}"]
        if self.candidates is not None:
            settings.append(f"the {self.candidates} concepts of highest score")
        if self.penalty != 1:
            settings.append(f"penalty {self.penalty:g}")
        if self.least_firing:
            settings.append(f"units that fire {self.least_firing} times or more")
        if self.silent:
            settings.append("concepts without overlap too")
        if self.epsilon:
            settings.append(f"epsilon {self.epsilon:g}")
        if self.distinct:
            settings.append("one formula of those with equal overlap")
        if self.negations:
            settings.append("NOT and OR NOT too")
        return f"beam search ({', '.join(settings)})"

    def _explain(
        self,
        firing: Firing,
        inventory: Inventory,
        show_progress: bool | None,
        begun: Mapping[int, Explanation],
    ) -> tuple[Explanation, ...]:
        rows = Rows(inventory, bool(inventory.neighbors))
        per_unit = 8 * len(inventory) * (2 * self.width + 8)
        group = max(cores(), ROOM // per_unit)
        found: list[Explanation] = []
        with progress("searching", len(firing) * self.length, show_progress) as bar, workers() as run:
            for start in range(0, len(firing), group):
                part = _Group(self, firing, rows, range(start, min(start + group, len(firing))), run)
                try:
                    for _ in part.levels():
                        bar.advance(len(part.places))
                except KeyboardInterrupt:
                    found.extend(part.explanations(stopped=True))
                    if not found:
                        raise
                    return tuple(found)
                found.extend(part.explanations(stopped=False))
        return tuple(found)


class _Group:
    """Some units that are searched together: concepts are read once for all of them."""

    def __init__(self, search: Beam, firing: Firing, rows: Rows, places: range, run) -> None:
        self.search, self.firing, self.rows, self.places, self.run = search, firing, rows, places, run
        self.total = rows.inventory.layout.total
        self.words = np.array(firing.words[places.start : places.stop], dtype=np.uint64, order="C")
        self.seconds = 0.0
        self.by_length: list[list[tuple[int, tuple, int, int]]] = []

    def levels(self):
        """The search, level by level; after each level, what is best so far is known."""
        search = self.search
        self._start()
        self._note(1)
        yield 1
        for length in range(2, search.length + 1):
            self._grow()
            self._note(length)
            yield length

    def _timed(self, work, several):
        """Work in threads, and how long it took, of one core."""

        def measured(*arguments):
            before = time.thread_time()
            work(*arguments)
            return time.thread_time() - before

        self.seconds += sum(self.run(measured, several))

    def _start(self) -> None:
        from aitia.networks.search import _beam_kernel as kernel
        from aitia.networks.search import _sparse_kernel as sparse_kernel

        search, rows = self.search, self.rows
        before = time.thread_time()
        units, concepts = len(self.words), len(rows.inventory)
        self.size = rows.sizes
        self.both = np.zeros((rows.count, units), dtype=np.int64)
        lanes = LANES * 4
        batches = [(at, min(lanes, units - at)) for at in range(0, units, lanes)]
        counts = [np.zeros((rows.count, lanes), dtype=np.int64) for _ in batches]
        for span, sparse in rows.each_part():
            words = np.ascontiguousarray(self.words[:, span])

            def count(place, at, many, sparse=sparse, words=words):
                dense = np.zeros((rows.longest, lanes), dtype=np.uint64)
                blocks = np.array([0, len(sparse.begin) - 1], dtype=np.int64)
                sparse_kernel.count_against(sparse, blocks, words, at, many, dense, counts[place])

            self._timed(count, [(place, *batch) for place, batch in enumerate(batches)])
        for (at, many), counted in zip(batches, counts, strict=True):
            self.both[:, at : at + many] = counted[:, :many]
        fires = np.zeros(units, dtype=np.int64)
        sparse_kernel.sizes(self.words, fires)
        self.fires = fires
        # Formulas of units that fire too seldom are never looked for: to the kernels they overlap nothing.
        self.skipped = fires < max(1, search.least_firing)
        self.both[:, self.skipped] = 0
        self.penalties = np.array(
            [search.penalty**power for power in range(2 * search.length + 2)], dtype=float
        )
        self.beams = kernel.empty_beams(units, search.width, search.length)
        kernel.start(
            self.beams,
            concepts,
            self.size,
            self.both,
            np.where(self.skipped, 0, fires),
            self.total,
            search.negations,
            search.distinct,
            self.penalties,
            search.epsilon,
            not search.silent,
        )
        self.beams.filled[self.skipped] = 0
        self._choose_candidates(concepts)
        self.tried = np.full(units, rows.count, dtype=np.int64)
        self.seconds += time.thread_time() - before

    def _choose_candidates(self, concepts: int) -> None:
        """By which rows each unit's formulas grow, in order."""
        search, units = self.search, len(self.words)
        overlaps = (self.both > 0).T  # (units, rows)
        own = overlaps[:, :concepts]
        if search.silent and search.candidates is None:
            own = np.ones_like(own)
        twice = np.stack([own, overlaps[:, concepts:]], axis=2) if self.rows.neighbors else own[:, :, None]
        chosen = twice.reshape(units, -1)
        if search.candidates is None:
            listed = [np.flatnonzero(each) for each in chosen]
        else:
            union = self.size[:concepts, None] + self.fires - self.both[:concepts]
            score = (self.both[:concepts] / (union + max(search.epsilon, np.finfo(np.float32).tiny))).T
            score = np.repeat(score, twice.shape[2], axis=1)
            best = np.argsort(-np.where(chosen, score, -1.0), axis=1, kind="stable")[:, : search.candidates]
            listed = [order[each[order]] for order, each in zip(best, chosen, strict=True)]
        self.candidates = np.array([len(each) for each in listed], dtype=np.int64)
        self.order = np.zeros((units, max(1, int(self.candidates.max()))), dtype=np.int32)
        self.wanted = np.zeros((units, self.rows.count), dtype=bool)
        for unit, each in enumerate(listed):
            self.order[unit, : len(each)] = each // twice.shape[2]
            self.wanted[unit, self.order[unit, : len(each)]] = True

    def _grow(self) -> None:
        from aitia.networks.search import _beam_kernel as kernel

        search, rows, units = self.search, self.rows, len(self.words)
        before = time.thread_time()
        lane = np.zeros((units, search.width), dtype=np.int64)
        lanes = np.zeros(units, dtype=np.int64)
        kernel.assign_lanes(self.beams, lane, lanes)
        wide = -(-max(1, 2 * int(lanes.max())) // LANES) * LANES
        counts = np.zeros((units, rows.count, wide), dtype=np.int64)
        valid = rows.inventory.layout.valid
        split = shares(0, units, cores())
        for span, sparse in rows.each_part():
            words = np.ascontiguousarray(self.words[:, span])
            here = np.ascontiguousarray(valid[span])

            def count(first, last, sparse=sparse, words=words, here=here):
                kernel.count_grown(
                    sparse,
                    here,
                    words,
                    (first, last),
                    self.beams,
                    lane,
                    lanes,
                    self.wanted,
                    np.zeros((rows.longest, wide), dtype=np.uint64),
                    np.zeros(rows.longest, dtype=np.uint64),
                    np.zeros(rows.count, dtype=np.int64),
                    counts,
                )

            self._timed(count, split)
        grown = kernel.empty_beams(units, search.width, search.length)
        tried = self.tried.copy()

        def trim(first, last):
            kernel.trim(
                self.beams,
                grown,
                (first, last),
                self.candidates,
                self.order,
                self.size,
                self.both,
                self.fires,
                self.total,
                4 if search.negations else 3,
                search.distinct,
                self.penalties,
                search.epsilon,
                lane,
                lanes,
                counts,
                tried,
            )

        self._timed(trim, split)
        self.beams, self.tried = grown, tried
        self.seconds += time.thread_time() - before

    def _note(self, length: int) -> None:
        """Remember the best formula of each unit at this length."""
        beams = self.beams
        best = []
        for unit in range(len(self.words)):
            if beams.filled[unit] == 0 or beams.score[unit, 0] == 0:
                best.append((0, (), 0, 0.0))
                continue
            size = int(beams.length[unit, 0])
            chain = tuple(
                zip(beams.operator[unit, 0, :size].tolist(), beams.row[unit, 0, :size].tolist(), strict=True)
            )
            best.append(
                (int(beams.both[unit, 0]), chain, int(beams.size[unit, 0]), float(beams.score[unit, 0]))
            )
        self.by_length.append(best)

    def explanations(self, stopped: bool) -> list[Explanation]:
        """What the search has found so far; nothing where it was stopped before the first level."""
        if not self.by_length:
            return []
        firing, search = self.firing, self.search
        found = []
        for unit, place in enumerate(self.places):
            fires = int(self.fires[unit])
            levels = [(self._formula(best[unit][1]), *best[unit]) for best in self.by_length]
            formula, both, _, size, score = levels[-1]
            overlap = Overlap(both, size, fires, self.total)
            certain = fires == 0 or score == 1
            found.append(
                Explanation(
                    unit=firing.units[place],
                    formula=formula,
                    overlap=overlap,
                    score=score,
                    certified=certain,
                    bound=score if certain else 1.0,
                    by_length=tuple(
                        Found(length, each, Overlap(both, size, fires, self.total).intersection_over_union)
                        for length, (each, both, _, size, _) in enumerate(levels, start=1)
                    ),
                    tried=int(self.tried[unit]),
                    seconds=self.seconds / len(self.words),
                    low=float(firing.low[place]),
                    high=float(firing.high[place]),
                    search=search.description,
                    stopped=stopped,
                )
            )
        return found

    def _formula(self, chain: tuple[tuple[int, int], ...]) -> Formula:
        """A chain of rows as a formula."""
        formula: Formula = Constant(False)
        for step, (operator, row) in enumerate(chain):
            leaf = self.rows.formula(row)
            if operator >= 2:  # AND NOT, OR NOT, or a chain that begins with NOT
                leaf = Not(leaf)
            formula = leaf if step == 0 else Or(formula, leaf) if operator in (0, 3) else And(formula, leaf)
        return formula
