"""The exact search for one unit, by branch and bound.

The proofs of what is left out. U is where the unit fires; p / q is the best intersection over union so far; a set S of
positions has the value v(S) = up(S) - down(S), up(S) = q |S and U|, down(S) = p |S and not U|.

(1) IoU(S) > p / q if and only if v(S) > p |U|, the goal.
    IoU(S) = |S and U| / (|U| + |S and not U|); multiply by both denominators. All are whole numbers, so comparisons are
    exact. v is additive over disjoint sets, so the value of every formula of some concepts follows from the values of
    the ANDs of these concepts.

(2) Literals. NOT moves inwards until it stands at concepts without a concept being named more often, so formulas of n
    mentions are trees of AND and OR with n literals as leaves. A formula is monotone in each leaf. Set the leaf of a
    concept c to what it is where c does not hold: if the leaf is c, the formula can only lose positions of c, and
        v(F) <= v(F') + up(c);
    if it is NOT c, it can only gain positions of c, and
        v(F) <= v(F') + down(c);
    so v(F) <= v(F') + gain(c), gain(c) = max(up(c), down(c)), with F' a formula of one leaf less. This holds for
    each concept or for its opposite in its place; the one that holds at fewer positions is used.

(3) Formulas of three literals are G op C with G = A op B. Let c be the concept of least gain, D the positions at which
    c decides F. With what F' is and what D can be at most in each case, v(F) <= v(F') + min(up or down of c, of D):
        G OR c: F' = G, D = not G, up          G AND NOT c: F' = G, D = G, down
        G OR NOT c: F' = TRUE, down            G AND c: F' = FALSE, D = G, up
        X OR (Y AND c): F' = X, D = Y and not X, up; X OR (Y AND NOT c): F' = X OR Y, D = Y and not X, down
        X AND (Y OR c): F' = X AND Y, D = X and not Y, up; X AND (Y OR NOT c): F' = X, D = X and not Y, down
    where G is AND of two literals, which holds in one of the four cells that two concepts cut, or OR, which holds in
    all but one. So for two concepts, all values of which are known from the pair, there is an up and a down that a
    third must have. What is left is counted, each three once, the third for eight second ones at a time.
    Formulas of four mentions name four concepts, to which (2) is applied for the fourth and for the third and fourth
    together, or three: if a concept is named twice and no shorter formula says the same, the formula is
    (A AND Y) OR (NOT A AND Z) for literals Y and Z, whose value is that of Y where A and of Z where not A, so that the
    best Y and the best Z are found apart. (In X op F, X in F may be replaced by a constant; so both mentions are on
    different sides of the outermost operator, two and two, and if they are alike they can be taken out of both.)

(4) Which can be second. Let the concepts of F be ordered by gain, most first. All leaves but those of the first concept
    are dropped by (2), each at most at the gain of the second: v(F) <= (best of one concept, or constant) + (n - 1)
    gain(second). Where this is not above the goal, so it is for all further ones.

(5) Formulas of five mentions name five concepts, or three or four of them with repeats; all that two can say takes four
    mentions. Let P be the j concepts of F that gain most, and g what the next can add at most. The leaves of the others
    are dropped by (2), r of them, 1 <= r <= 5 - j:
        v(F) <= (best of P in 5 - r mentions) + r g.
    Of two concepts the best in two or three mentions is AND or OR of literals, in four the best set of cells. Of three
    it is a formula that names each once, or in four mentions (A AND Y) OR (NOT A AND Z); of four it names each once. A
    dropped leaf may take others with it, so formulas of fewer concepts are among these. Where this is not above the
    goal, nothing that begins with P is. The fifth concept c stands at one place of F, so that F only gains, or only
    loses, positions of c by it: v(F) <= v(F') + max(sum of the positive, - sum of the negative) of the values of c in
    the cells of the other four.

(6) The bound of a search that was stopped, or of lengths that are not looked through. For any threshold t, with p / q
    = t, if a bound by (2) on all formulas that are left is at most the goal, then none has an intersection over union
    above t. The least such t is sought by halving. Formulas that were looked through or left out earlier are not above
    the best.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from aitia.networks._explanation import Explanation, Found, Overlap
from aitia.networks._firing import Firing
from aitia.networks.formulas._formula import And, Constant, Formula, Or
from aitia.networks.search._exact_longer import quadruples, quintuples
from aitia.networks.search._exact_tables import Best, Tables, Values
from aitia.networks.search._literals import Literals
from aitia.networks.search._sparse import LANES
from aitia.networks.search._truth import built, cell_counts, formulas
from aitia.networks.search._workers import LONGEST_ROUND, TASKS, shares

HALVINGS = 12  # of the range in which the bound of an unfinished search is sought


class Unit:
    """The exact search for one unit."""

    def __init__(
        self,
        length: int,
        limit: float | None,
        firing: Firing,
        place: int,
        literals: Literals,
        starts: Sequence[Explanation],
        run: Callable[..., list],
        floor: Best | None = None,
    ) -> None:
        from aitia.networks.search import _sparse_kernel as sparse_kernel

        self.begun, self.length, self.limit = time.monotonic(), length, limit
        self.firing, self.place = firing, place
        self.literals, self.run = literals, run
        layout = literals.inventory.layout
        self.total = layout.total
        self.words = np.array(firing.words[place], dtype=np.uint64)
        self.fires = int(starts[0].overlap.unit)
        self.seconds, self.tried = 0.0, 0
        self.best: list[Best] = []
        self.starts = starts
        self.floor = floor  # only formulas above it are looked for: a threshold that no formula need have
        self.bound: float = 1.0
        self.certified = False
        self.stopped = False
        dense = np.zeros((layout.words, LANES), dtype=np.uint64)
        counts = np.zeros((len(literals), LANES), dtype=np.int64)
        blocks = np.array([0, 1], dtype=np.int64)
        if len(literals):
            sparse_kernel.count_against(literals.sparse, blocks, self.words[None], 0, 1, dense, counts)
        self.held, self.shared = literals.held, counts[:, 0].copy()
        self.scratch: dict[int, queue.SimpleQueue] = {}
        self.reached: tuple[int, Tables, int] | None = None
        self.stop = np.zeros(1, dtype=np.uint8)  # read by kernels that may run for long

    def search(self) -> None:
        """Lengths one after another, each with its own optimum."""
        stage = None
        for length in range(1, self.length + 1):
            self.best.append(self._begin(length))
            stage = STAGES.get(length)
            if stage is None or not stage(self):
                self.stopped = stage is not None
                self.bound = self._bound()
                break
        best = self.best[-1]
        if not self.stopped and (stage is not None or self.bound <= best.score):
            self.certified, self.bound = True, best.score

    def _begin(self, length: int) -> Best:
        """The best formula of this length that is known."""
        best = self.best[-1] if self.best else self.floor or Best(Constant(False), 0, 0, self.fires)
        if length > 1 and best.beaten_by(self.fires, self.total):
            best = Best(Constant(True), self.fires, self.total, self.fires)
        for start in self.starts:
            inventory = self.literals.inventory
            for found in start.by_length[:length]:
                if found.score > best.score and found.formula.length <= length:
                    words = inventory.mask_of(found.formula, packed=True)
                    both = int(np.bitwise_count(words & self.words).sum())
                    size = int(np.bitwise_count(words).sum())
                    if best.beaten_by(both, size):
                        best = Best(found.formula, both, size, self.fires)
        return best

    def singles(self) -> bool:
        """All literals."""
        self.tried += 2 * len(self.literals)
        for literal in range(len(self.literals)):
            for holds in (True, False):
                both = int(self.shared[literal]) if holds else self.fires - int(self.shared[literal])
                size = int(self.held[literal]) if holds else self.total - int(self.held[literal])
                if self.best[-1].beaten_by(both, size):
                    formula = self.literals.formula(literal, holds)
                    self.best[-1] = Best(formula, both, size, self.fires)
        if self.literals.everything is not None and self.best[-1].beaten_by(self.fires, self.total):
            self.best[-1] = Best(self.literals.everything, self.fires, self.total, self.fires)
        return True

    def values(self, best: Best) -> tuple[np.ndarray, float, np.ndarray, float]:
        """For the threshold of the best so far: each literal's value, the value of all, gains, and the goal."""
        price, gain = float(best.both), float(best.union)
        single = (gain + price) * self.shared - price * self.held
        every = (gain + price) * self.fires - price * self.total
        most = np.maximum(gain * self.shared, price * (self.held - self.shared))
        return single, every, most, price * self.fires

    def order(self, best: Best, mentions: int, repeats: bool = False) -> tuple[np.ndarray, int]:
        """The literals by what they can add, most first, and how many of them can be second ones: proof (4)."""
        single, every, most, goal = self.values(best)
        order = np.argsort(-most, kind="stable")
        if repeats:  # a concept may come again: where it holds and where it does not, each as is best
            alone = float((np.maximum(single, 0) + np.maximum(every - single, 0)).max())
        else:
            alone = max(0.0, every, float(single.max()), float((every - single).max()))
        return order, int(np.searchsorted(-(mentions - 1) * most[order], alone - goal))

    def fill_tables(self, order: np.ndarray, rows: int) -> Tables:
        """Counts of all pairs of the first `rows` literals with all literals of the order."""
        from aitia.networks.search import _exact_kernel as kernel

        columns = len(order)
        held = np.zeros((rows, columns), dtype=np.int32)
        shared = np.zeros((rows, columns), dtype=np.int32)

        def count(start, end, dense, masks):
            kernel.pair_counts(
                self.literals.sparse, order, start, end, columns, self.words, dense, held, shared
            )

        self.in_threads(count, [(8 * a, min(8 * b, rows)) for a, b in shares(0, -(-rows // 8), TASKS)])
        singles = np.ascontiguousarray(self.held[order]), np.ascontiguousarray(self.shared[order])
        return Tables(order, rows, *singles, held, shared, self.total, self.fires)

    def begin_with(
        self, mentions: int, least: int | None = None
    ) -> tuple[Best, np.ndarray, int, Tables, Values] | None:
        """How the formulas of so many mentions are begun; None where none of them can be better than the best so far.

        Args:
            mentions: how many mentions.
            least: of how many literals at least, if not of as many.

        Returns:
            The best so far, the literals in order, how many can be second ones, and counts and values of their pairs.
        """
        best = self.best[-1]
        if best.union == 0 or len(self.literals) < (least or mentions):
            return None
        order, rows = self.order(best, mentions)
        if rows < 2:
            return None
        tables = self.fill_tables(order[:rows], rows)
        return best, order, rows, tables, tables.values(best.union, best.both)

    def in_threads(self, work, several: list[tuple], lanes: int = 16, stop: np.ndarray | None = None) -> list:
        """Work in threads, each with its own scratch; `stop` is what work that may take long looks at."""
        spare = self.scratch.setdefault(lanes, queue.SimpleQueue())

        def with_scratch(*arguments):
            before = time.thread_time()
            try:
                scratch = spare.get_nowait()
            except queue.Empty:
                words = len(self.words)
                scratch = np.zeros((words, lanes), dtype=np.uint64), np.zeros((2, words), dtype=np.uint64)
            found = work(*arguments, *scratch)
            spare.put(scratch)
            return found, time.thread_time() - before

        results = self.run(with_scratch, several, stop)
        self.seconds += sum(seconds for _, seconds in results)
        return [found for found, _ in results]

    @property
    def late(self) -> bool:
        return self.limit is not None and time.monotonic() - self.begun >= self.limit

    @contextmanager
    def in_time(self) -> Iterator[None]:
        """Within it, kernels that ask are told to stop when the time is over."""
        if self.limit is None:
            yield
            return
        timer = threading.Timer(max(0.0, self.begun + self.limit - time.monotonic()), self.stop.fill, (1,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def pairs(self) -> bool:
        """All formulas of two literals."""
        from aitia.networks.search import _exact_kernel as kernel

        begun = self.begin_with(2)
        if begun is None:
            return True
        best, _, rows, tables, values = begun

        def look(start, end, dense, masks):
            state = np.array([best.both, best.size, -1, -1, -1, -1], dtype=np.int64)
            tried = kernel.pairs(
                start,
                end,
                tables.single_held,
                tables.single_shared,
                tables.held,
                tables.shared,
                values.single,
                values.both,
                values.every,
                values.goal,
                self.total,
                self.fires,
                state,
            )
            return tried, state

        self._take(self.in_threads(look, shares(0, rows, TASKS)), tables.order)
        return True

    def _take(self, results, order: np.ndarray) -> bool:
        """Keep the best of what several pieces of work found, the first of the best; whether it is new."""
        new = False
        for tried, state in results:
            self.tried += int(tried)
            both, size, form = int(state[0]), int(state[1]), int(state[5])
            if form >= 0 and self.best[-1].beaten_by(both, size):
                rows = [int(order[at]) for at in state[2:5] if at >= 0]
                self.best[-1] = Best(self._formula(rows, form), both, size, self.fires)
                new = True
        return new

    def _formula(self, rows: list[int], form: int) -> Formula:
        """The formula that a kernel found, by its number."""
        literal = self.literals.formula
        cell, joined, side, outside = form & 3, bool(form & 4), bool((form - 8) & 8), bool((form - 8) & 16)
        first, second = rows[-2], rows[-1]
        # AND holds in one cell, OR in all but one.
        left = literal(first, bool(cell & 2) != joined)
        right = literal(second, bool(cell & 1) != joined)
        pair = Or(left, right) if joined else And(left, right)
        if form < 8:
            return pair
        apex = literal(rows[0], side != outside)
        return Or(pair, apex) if outside else And(pair, apex)

    def triples(self) -> bool:
        """All formulas of three literals; whether the search came to its end."""
        from aitia.networks.search import _exact_kernel as kernel

        begun = self.begin_with(3)
        if begun is None:
            return True
        best, order, rows, tables, values = begun
        _, _, most, goal = self.values(best)
        greatest = np.zeros(rows)
        kernel.best_pairs(values.single, values.both, values.every, 0, rows, greatest)
        columns = int(np.searchsorted(-most[order], float(greatest.max()) - goal))
        if columns > rows:
            tables = self.fill_tables(order[:columns], rows)
        new = True

        def look(start, end, dense, masks):
            state = np.array([best.both, best.size, -1, -1, -1, -1], dtype=np.int64)
            tried = kernel.triples(
                self.literals.sparse,
                tables.order,
                start,
                end,
                tables.single_held,
                tables.single_shared,
                tables.held,
                tables.shared,
                values.single,
                values.both,
                values.every,
                values.ups,
                values.downs,
                values.gains,
                values.goal,
                float(best.both),
                float(best.union),
                self.total,
                self.words,
                self.fires,
                dense,
                masks[0],
                state,
            )
            return tried, state

        at, length = 0, TASKS
        while at < rows:
            self.reached = 3, tables, at
            if self.late:
                return False
            if new:
                best = self.best[-1]
                values = tables.values(best.union, best.both)
            end = min(rows, at + length)
            new = self._take(self.in_threads(look, shares(at, end, TASKS)), tables.order)
            at, length = end, min(2 * length, LONGEST_ROUND)
        return True

    def improve(self, literals: list[int], mentions: int) -> bool:
        """Keep the best formula of some literals and mentions, if it is better than the best so far."""
        sparse = self.literals.sparse
        words = np.zeros((len(literals), len(self.words)), dtype=np.uint64)
        for place, literal in enumerate(literals):
            of = slice(sparse.first[literal], sparse.first[literal + 1])
            words[place, sparse.place[of]] = sparse.word[of]
        held, shared = cell_counts(words, self.words, self.total, self.fires)
        tables, shapes = formulas(len(literals), mentions)
        both, size = tables @ shared, tables @ held
        best = self.best[-1]
        union = size + self.fires - both
        better = both * best.union > best.both * union
        if not better.any():
            return False
        found = int(np.argmax(np.where(better, both / np.maximum(union, 1), -1.0)))
        formula = built(shapes[found], lambda concept, holds: self.literals.formula(literals[concept], holds))
        self.best[-1] = Best(formula, int(both[found]), int(size[found]), self.fires)
        return True

    def _bound(self) -> float:
        """What no formula's score exceeds, where the search did not come to its end: proof (5)."""
        from aitia.networks.search import _exact_kernel as kernel

        length = self.length
        best = self.best[-1]
        if self.fires == 0 or best.score == 1:
            return best.score
        if best.score == 0 or length == 1 or len(self.literals) < 2:
            return 1.0
        repeats = False
        if self.reached is not None and self.reached[0] == length:
            _, tables, at = self.reached
        else:
            order, rows = self.order(best, length, repeats=True)
            tables, at, repeats = self.fill_tables(order[:rows], rows), 0, True
        low, high = best.score, 1.0
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            values = tables.values(1.0, middle)
            of_pairs = values.single, values.both, values.every, values.gains, at, tables.rows
            most = kernel.pair_bound(*of_pairs, length - 2, repeats)
            if length == 5:  # two concepts in four mentions say whatever two can say, beside a third
                most = max(most, kernel.pair_bound(*of_pairs, 1, True))
            # Sums of so many numbers round by far less than this.
            if most <= values.goal * (1 - 1e-9):
                high = middle
            else:
                low = middle
        return high

    def explanation(self, description: str, shared: float, interrupted: bool) -> Explanation:
        """What the search has found."""
        firing, place = self.firing, self.place
        while len(self.best) < self.length:
            self.best.append(self._begin(len(self.best) + 1))
        best = self.best[-1]
        if interrupted:
            self.certified, self.bound = False, self._bound()
        return Explanation(
            unit=firing.units[place],
            formula=best.formula,
            overlap=Overlap(best.both, best.size, self.fires, self.total),
            score=best.score,
            certified=self.certified,
            bound=max(self.bound, best.score),
            by_length=tuple(
                Found(length, each.formula, each.score) for length, each in enumerate(self.best, start=1)
            ),
            tried=self.tried,
            seconds=self.seconds + shared,
            low=float(firing.low[place]),
            high=float(firing.high[place]),
            search=description,
            stopped=self.stopped or interrupted,
        )


STAGES: dict[int, Callable[[Unit], bool]] = {
    1: Unit.singles,
    2: Unit.pairs,
    3: Unit.triples,
    4: quadruples,
    5: quintuples,
}
"""How all formulas of so many mentions are looked through; each says whether it came to its end."""
