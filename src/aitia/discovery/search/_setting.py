"""One search's variables in the order of their names, with its score and the knowledge about them as arrays.

Every search works on positions in alphabetic order, so that the order of the columns cannot matter, not even where
two graphs have the same score.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from aitia.core import Assumption, AssumptionKey
from aitia.discovery._assumptions import stated
from aitia.discovery._errors import DiscoveryError, KnowledgeError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.scores import Score, Scorer, default_score


@dataclass(frozen=True, eq=False)
class Gaussian:
    """What compiled searches score linear Gaussian models by, in the positions of a `Setting`.

    Args:
        correlation: shape (g, p, p); one matrix for each group of rows that some variable is scored on.
        group: int64, shape (p,): which matrix scores each variable.
        half: float64, shape (g,): half the rows behind each matrix.
        penalty: the price of one parent.
    """

    correlation: np.ndarray
    group: np.ndarray
    half: np.ndarray
    penalty: float


@dataclass(frozen=True, eq=False)
class Setting:
    """What a search knows before its first score. Positions are those of `names`.

    Args:
        names: the variables in alphabetic order.
        at: where each stands in the data, int64.
        shown: the variables in the order of the data.
        scorer: the score bound to the data; it takes positions in the data.
        knowledge: the background knowledge.
        allowed: booleans (p, p): [v, a] lets a be a parent of v.
        required: booleans (p, p): [v, a] keeps a among the parents of v.
        before: booleans (p, p): [a, b] puts a before b in every causal order.
        gaussian: what compiled searches need, where the score is a penalised Gaussian likelihood.
        tolerance: totals that differ by less count as equal.
    """

    names: tuple[str, ...]
    at: np.ndarray
    shown: tuple[str, ...]
    scorer: Scorer
    knowledge: Knowledge
    allowed: np.ndarray
    required: np.ndarray
    before: np.ndarray
    gaussian: Gaussian | None
    tolerance: float

    @classmethod
    def of(cls, data: Observations, score: Score, knowledge: Knowledge) -> Setting:
        """Bind the score to the data and put everything into the order of the names.

        Raises:
            DiscoveryError: the score does not fit the data.
            KnowledgeError: no causal order agrees with the knowledge; names the pieces.
        """
        scorer = score.on(data)
        at = np.array(sorted(range(len(data.names)), key=data.names.__getitem__), np.int64)
        terms = scorer.gaussian
        gaussian = None
        if terms is not None:
            if not np.isfinite(terms.correlation).all():
                raise DiscoveryError("The correlations are not finite.", "Check the columns for overflow.")
            gaussian = Gaussian(
                np.ascontiguousarray(terms.correlation[np.ix_(at, at)], float)[None],
                np.zeros(len(at), np.int64),
                np.array([terms.rows / 2]),
                float(terms.penalty),
            )
        return cls.assembled(data.names, scorer, knowledge, gaussian, data.rows)

    @classmethod
    def assembled(
        cls,
        shown: tuple[str, ...],
        scorer: Scorer,
        knowledge: Knowledge,
        gaussian: Gaussian | None,
        rows: float,
    ) -> Setting:
        """A setting whose score is bound already."""
        at = np.array(sorted(range(len(shown)), key=shown.__getitem__), np.int64)
        names = tuple(shown[i] for i in at)
        p = len(names)
        allowed, required = ~np.eye(p, dtype=bool), np.zeros((p, p), bool)
        before = np.zeros((p, p), bool)
        if knowledge:
            allowed &= ~knowledge.forbidden_matrix(names).T
            required = np.ascontiguousarray(knowledge.required_matrix(names).T)
            before = _precedence(names, knowledge)
            # What an order cannot have is no parent either, so that no time is lost on it.
            allowed &= ~before
        # Sums of n log(...) agree to about 1e-13 n; a parent's price is log(n) / 2.
        return cls(
            names, at, shown, scorer, knowledge, allowed, required, before, gaussian, 1e-7 + 1e-10 * rows
        )

    @property
    def count(self) -> int:
        """How many variables there are."""
        return len(self.names)

    def local(self, node: int, parents: Iterable[int]) -> float:
        """The local score of a position given positions."""
        at = self.at
        return self.scorer.local(int(at[node]), [int(at[a]) for a in parents])

    def total(self, parents: Iterable[Iterable[int]]) -> float:
        """The score of a DAG, given the parents of each position."""
        return sum(self.local(v, above) for v, above in enumerate(parents))


def _precedence(names: tuple[str, ...], knowledge: Knowledge) -> np.ndarray:
    """[a, b]: a stands before b in every order that tiers, required edges and exogenous variables leave."""
    index = {name: i for i, name in enumerate(names)}
    p = len(names)
    direct = np.zeros((p, p), bool)
    for earlier, group in enumerate(knowledge.tiers):
        for later in knowledge.tiers[earlier + 1 :]:
            for a in group:
                direct[index[a], [index[b] for b in later]] = True
    for cause, effect in knowledge.required:
        direct[index[cause], index[effect]] = True
    before = direct.copy()
    for middle in range(p):
        before |= np.outer(before[:, middle], before[middle])
    for a in range(p):
        if before[a, a]:
            chain = _loop(direct, a)
            required = set(knowledge.required)
            steps = [(names[x], names[y]) for x, y in pairwise(chain)]
            words = [
                f"{x} -> {y} is required" if (x, y) in required else f"{x} is in an earlier tier than {y}"
                for x, y in steps
            ]
            raise KnowledgeError(
                f"No causal order agrees with the knowledge: {'; '.join(words)}.", "Drop one of these pieces."
            )
    return before


def _loop(direct: np.ndarray, start: int) -> list[int]:
    """Positions along a shortest way from `start` back to itself."""
    came: dict[int, int] = {}
    queue = [start]
    for a in queue:
        for b in np.flatnonzero(direct[a]).tolist():
            if b not in came:
                came[b] = a
                if b == start:
                    chain = [start, a]
                    while chain[-1] != start:
                        chain.append(came[chain[-1]])
                    return chain[::-1]
                queue.append(b)
    return []


def chosen_score(score: Score | None, data: Observations) -> Score:
    """The score given, or the one that fits the kinds of columns."""
    return default_score(data) if score is None else score


def whole_number(value: object, least: int, what: str, advice: str) -> None:
    """Refuse options that are no whole numbers from `least`.

    Raises:
        DiscoveryError: names the option and what came.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise DiscoveryError(f"{what} is a whole number from {least}, but came {value!r}.", advice)


def check_max_parents(value: int | None) -> None:
    """Refuse a limit on parents that is neither a whole number nor None.

    Raises:
        DiscoveryError: says what came.
    """
    if value is not None:
        whole_number(value, 0, "max_parents", "None sets no limit.")


def common_assumptions(score: Score | None, data: Observations, source: str) -> Iterable[Assumption]:
    """The lines of the ledger that every search by a score stands on."""
    chosen = chosen_score(score, data)
    for key in (
        AssumptionKey.MARKOV,
        AssumptionKey.FAITHFULNESS,
        AssumptionKey.CAUSAL_SUFFICIENCY,
        AssumptionKey.ACYCLICITY,
        AssumptionKey.INDEPENDENT_ROWS,
    ):
        yield stated(key, source)
    if chosen.name in ("Gaussian BIC", "extended BIC"):
        yield Assumption(
            AssumptionKey.LINEARITY,
            "Relations are linear: each variable is a weighted sum of its direct causes and noise.",
            True,
            source=source,
        )
