"""PCMCI+: lagged links and links within a step of time, oriented as far as the data allow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar, Literal, TypeAlias

from aitia.core import progress
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.series._base import Frame, SeriesAlgorithm, evidence_of, window
from aitia.discovery.series._lagged import lag_name
from aitia.discovery.series._links import LinkTest, Node
from aitia.discovery.series._orient import Collider, oriented
from aitia.discovery.series._pcmci import details_of, link_matrices, momentary, selected_conditions
from aitia.graphs import GraphKind

Link: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class PCMCIPlus(SeriesAlgorithm):
    """PCMCI+: links at all lags from 0 on, as the class of graphs that the data leave open.

    Stage one selects a superset of the lagged parents of each variable (PC1). Stage two starts from these links and
    all pairs within a step, and tests each given the selected past of both its ends and growing sets of neighbours
    within the step. Stage three orients: lagged links by time; colliders within a step by voting over all separating
    sets (`colliders`); the rest by Meek's rules. Where two colliders claim one edge in opposite directions it is
    marked as a conflict and left to the other rules.

    The graph holds the present variables (``x``) and their past (``x.lag1``, ...), with every link at all places of
    this window where both its ends are, since links repeat over time. Time order is background knowledge, so it is an
    MPDAG (a CPDAG where its form allows). `window_graph` gives longer windows.

    Args:
        test: the independence test; None takes the one that fits the kinds of columns: for numbers Fisher's z, which
            runs from the moments of the lagged columns alone.
        max_lag: the longest lag of a link, in steps of time.
        alpha: the level of all tests.
        pc_alpha: the level of the first stage; None: `alpha`.
        time: the column that holds the time; None: the rows are in order, a step apart.
        unit: the column that says which series a row belongs to; nothing is lagged from one unit into another.
        colliders: ``"majority"`` makes the middle of an unshielded triple a collider where fewer than half of the
            separating sets contain it, ``"conservative"`` where none does; a triple that is neither collider nor
            not (exactly half; some but not all) stays open.

    The answer's ``details``: ``values``, ``p_values`` and ``adjusted_p_values`` of shape (max_lag + 1, p, p), of the
    deciding test of each link (entry [k, i, j]: i, k steps ago, and j now; for links that stage one dropped, their
    momentary test given what it selected); ``links``; ``conditions``; ``conflicts``, pairs whose orientation is
    contradictory; ``ambiguous``, triples left open; ``series``, the checks of `series_report`.

    Assumptions: no unmeasured common causes; stationarity; no cycles within a step; faithfulness. The order of the
    columns does not change the answer.

    Source: Runge (2020), Proceedings of UAI 124, Algorithms 1 and 2, S2 and S3.

    Raises:
        DiscoveryError: an option is out of range.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, y, z = np.zeros((3, 1000))
        >>> for t in range(1, 1000):
        ...     x[t] = 0.7 * x[t - 1] + rng.normal()
        ...     y[t] = 0.6 * y[t - 1] + 0.6 * x[t] + rng.normal()
        ...     z[t] = 0.5 * y[t - 1] + rng.normal()
        >>> found = PCMCIPlus(max_lag=1).run({"x": x, "y": y, "z": z})
        >>> found.details["links"]
        (('x', 'y'), ('x.lag1', 'x'), ('y.lag1', 'y'), ('y.lag1', 'z'))
        >>> str(found.graph.edges_between("x", "y")[0])
        'x -> y'
    """

    colliders: Literal["majority", "conservative"] = "majority"
    name: ClassVar[str] = "pcmci+"
    output: ClassVar[GraphKind] = GraphKind.MPDAG
    reference: ClassVar[str] = "Runge (2020), Proceedings of UAI 124"
    cost: ClassVar[str] = (
        "one pass over the rows; then as PCMCI, times the neighbour sets within a step (exponential in their number)"
    )
    latest: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.colliders not in ("majority", "conservative"):
            raise DiscoveryError(
                f"colliders must be 'majority' or 'conservative', but came {self.colliders!r}.", "Choose one."
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        frame = self._frame(data, knowledge)
        names, links, rules = frame.names, frame.links, frame.rules
        p = len(names)
        level = self.alpha if self.pc_alpha is None else self.pc_alpha
        with progress("PCMCI+", 2 * p, show_progress) as bar:
            conditions: dict[int, list[Node]] = {}
            for j in range(p):
                conditions[j] = selected_conditions(links, rules, j, self.max_lag, level)
                bar.advance()
            search = _Skeleton(frame, conditions, self.alpha)
            search.run()
            bar.advance(p / 2)
            colliders, ambiguous = search.vote(self.colliders)
            bar.advance(p / 2)
        lagged = [link for link in search.left if link[1]]
        within = [(i, j) for i, lag, j in search.left if lag == 0]
        settled = oriented(names, lagged, within, colliders, ambiguous, rules)
        found: dict[Link, bool] = dict.fromkeys(lagged, True)
        found.update({(i, 0, j): sure for (i, j), sure in settled.within.items()})
        decided = dict(search.decided)
        for j in range(p):
            for lag in range(1, self.max_lag + 1):
                for i in range(p):
                    if (i, lag, j) not in decided:
                        decided[i, lag, j] = momentary(links, conditions, (i, lag), j)
        matrices = link_matrices(decided, p, self.max_lag, within=True)
        reasons, warnings = _against_data(frame, decided, self.alpha, search.dropped(decided))
        reasons |= {(i, 0, j): reason for (i, j), reason in settled.reasons.items()}
        warnings += settled.warnings
        told = {tuple(sorted((names[i], names[j]))) for i, j in settled.conflicts}
        return Discovery(
            window(names, found, self.max_lag, GraphKind.MPDAG),
            self,
            evidence=evidence_of(names, found, decided, reasons, self.max_lag),
            tests=links.tests,
            warnings=tuple(warnings),
            details={
                **details_of(frame, found, matrices, conditions),
                "conflicts": tuple(sorted(told)),
                "ambiguous": tuple(
                    sorted((lag_name(names[a], lag), names[b], names[c]) for (a, lag), b, c in ambiguous)
                ),
            },
        )


class _Skeleton:
    """The search for links given growing sets of neighbours within the step (Runge 2020, Algorithm 2)."""

    def __init__(self, frame: Frame, conditions: Mapping[int, list[Node]], alpha: float) -> None:
        self.frame, self.conditions, self.alpha = frame, conditions, alpha
        p, forbidden = len(frame.names), frame.rules.forbidden
        self.left: set[Link] = {(i, lag, j) for j in range(p) for i, lag in conditions[j]}
        self.left |= {
            (i, 0, j) for i, j in combinations(range(p), 2) if not (forbidden[0, i, j] and forbidden[0, j, i])
        }
        self.decided: dict[Link, LinkTest] = {}
        self.weakest: dict[Link, float] = {}

    def beside(self, j: int) -> list[int]:
        """The neighbours of j within the step, the one most surely dependent first."""
        found = [a + b - j for a, lag, b in self.left if lag == 0 and j in (a, b)]
        names = self.frame.names
        return sorted(
            found, key=lambda i: (-self.weakest.get((min(i, j), 0, max(i, j)), float("inf")), names[i])
        )

    def test(self, cause: Node, effect: int, given: tuple[int, ...]) -> LinkTest:
        """The momentary test given neighbours within the step too."""
        return momentary(self.frame.links, self.conditions, cause, effect, tuple((k, 0) for k in given))

    def run(self) -> None:
        """Test until no set of neighbours is left to condition on."""
        size = 0
        while True:
            around = {j: self.beside(j) for j in range(len(self.frame.names))}
            gone, busy = set(), False
            for link in sorted(self.left, key=self._told):
                i, lag, j = link
                # By name, so that the order of the columns does not decide which tests come first.
                first, second = sorted((i, j), key=self.frame.names.__getitem__)
                ends = ((j, i),) if lag else ((first, second), (second, first))
                for end, other in ends:
                    near = [k for k in around[end] if lag or k != other]
                    if len(near) < size:
                        continue
                    busy = True
                    if any(self._apart(link, given) for given in combinations(near, size)):
                        gone.add(link)
                        break
            # Links go once all of this size are tested, so that the order of tests does not matter.
            self.left -= gone
            size += 1
            if not busy:
                return

    def _told(self, link: Link) -> tuple[int, str, str]:
        i, lag, j = link
        return lag, self.frame.names[i], self.frame.names[j]

    def _apart(self, link: Link, given: tuple[int, ...]) -> bool:
        i, lag, j = link
        test = self.test((i, lag), j, given)
        self.weakest[link] = min(self.weakest.get(link, float("inf")), test.strength)
        known = self.decided.get(link)
        if known is None or test.p_value >= known.p_value:
            self.decided[link] = test
        needed = self.frame.rules.required
        if needed[lag, i, j] or (lag == 0 and needed[0, j, i]):
            return False
        return test.p_value > self.alpha

    def dropped(self, decided: Mapping[Link, LinkTest]) -> set[Link]:
        """The links that a test decided against."""
        return set(decided) - self.left

    def vote(self, rule: str) -> tuple[list[Collider], list[tuple[Node, int, int]]]:
        """The colliders among unshielded triples (i, lag) - k - j, and the triples that stay open.

        All sets of neighbours within the step that separate i and j are asked whether they contain k (Runge 2020,
        Algorithm S2).
        """
        p = len(self.frame.names)
        around = {j: self.beside(j) for j in range(p)}
        colliders, open_triples = [], []
        for k in range(p):
            before: list[Node] = [(i, lag) for i, lag, j in self.left if lag and j == k]
            for j in around[k]:
                for i, lag in [*before, *((i, 0) for i in around[k] if i < j)]:
                    if self._joined((i, lag), j) or (i, lag) == (j, 0):
                        continue
                    sets = _subsets([n for n in around[j] if lag or n != i])
                    if not lag:
                        sets |= _subsets([n for n in around[i] if n != j])
                    tests = {given: self.test((i, lag), j, given).p_value for given in sorted(sets)}
                    separating = {given: value for given, value in tests.items() if value > self.alpha}
                    share = sum(k in given for given in separating) / len(separating) if separating else 0.5
                    if share == 0 or (rule == "majority" and share < 0.5):
                        best = max(value for given, value in separating.items() if k not in given)
                        colliders.append(Collider((i, lag), k, j, best, 1 - 2 * share))
                    elif share != 1 and (rule == "conservative" or share == 0.5):
                        open_triples.append(((i, lag), k, j))
        return colliders, open_triples

    def _joined(self, node: Node, j: int) -> bool:
        i, lag = node
        return (i, lag, j) in self.left or (lag == 0 and (j, 0, i) in self.left)


def _subsets(items: list[int]) -> set[tuple[int, ...]]:
    rising = sorted(items)
    return {chosen for size in range(len(rising) + 1) for chosen in combinations(rising, size)}


def _against_data(
    frame: Frame, decided: Mapping[Link, LinkTest], alpha: float, dropped: set[Link]
) -> tuple[dict[Link, str], list[str]]:
    """Where knowledge decided about a link, and where the data speak against it."""
    reasons, warnings = {}, []
    required, forbidden = frame.rules.required, frame.rules.forbidden
    for link, test in decided.items():
        i, lag, j = link
        a, b = lag_name(frame.names[i], lag), frame.names[j]
        mirrored = lag == 0 and required[0, j, i]
        if required[lag, i, j] or mirrored:
            reasons[link] = "required by knowledge"
            if test.p_value > alpha:
                shown = f"{b} -> {a}" if mirrored else f"{a} -> {b}"
                warnings.append(
                    f"{shown} is required by knowledge, but no test shows it (p = {test.p_value:.2g})."
                )
        elif forbidden[lag, i, j] and (lag or forbidden[0, j, i]):
            reasons[link] = "forbidden by knowledge"
            if test.p_value <= alpha:
                warnings.append(
                    f"{a} -> {b} is forbidden by knowledge, but a test shows it (p = {test.p_value:.2g})."
                )
        elif link in dropped and test.p_value <= alpha:
            reasons[link] = "dropped by the selection of conditions"
    return reasons, warnings
