"""From the parents that a search found to its `Discovery`: the class, the evidence for each pair, the total score."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, overload

import numpy as np

from aitia.core import Decision, listing
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery, EdgeEvidence
from aitia.discovery._observations import Observations
from aitia.discovery.search._polish import causal_order
from aitia.discovery.search._setting import Setting
from aitia.graphs import Graph, completed, restrict


def answer(
    algorithm: Algorithm,
    setting: Setting,
    data: Observations,
    parents: Sequence[Sequence[int]],
    *,
    tests: int,
    settled: Iterable[tuple[str, str]] = (),
    decisions: Iterable[Decision] = (),
    details: dict[str, Any] | None = None,
) -> Discovery:
    """The class of a DAG with knowledge, and what decided about each pair.

    Args:
        algorithm: the algorithm with its options.
        setting: the search's variables, score and knowledge.
        data: what was searched.
        parents: the parents of each position.
        tests: how many local scores were looked at.
        settled: arrows (cause, effect) that interventions settle, by name.
        decisions: what was decided on the way.
        details: numbers of the algorithm's own.
    """
    names = setting.names
    pairs = {(names[a], names[b]) for b, above in enumerate(parents) for a in above}
    dag = Graph.build(setting.shown, in_order(setting, pairs))
    found = completed(dag)
    pieces = list(settled)
    forbidden = []
    if setting.knowledge:
        pieces += [pair for pair in setting.knowledge.required if pair in pairs]
        forbidden = [(b, a) for a, b in in_order(setting, pairs) if setting.knowledge.forbids(b, a)]
    if pieces or forbidden:
        found = restrict(found, pieces, forbidden)
    order = causal_order(parents, setting.before)
    evidence = ScoreEvidence(setting, data, parents, order, found, frozenset(settled))
    return Discovery(
        found,
        algorithm,
        evidence,  # type: ignore[arg-type]  # a sequence that puts pairs into words only when asked
        tests=tests,
        score=float(setting.total(parents)),
        order=tuple(names[v] for v in order),
        decisions=tuple(decisions),
        warnings=(*setting.scorer.warnings, *_knowledge_warnings(setting, algorithm, evidence)),
        details=dict(details or {}),
    )


def in_order(setting: Setting, pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of names in the order of the columns, so that equal searches print alike."""
    place = {name: i for i, name in enumerate(setting.shown)}
    return sorted(pairs, key=lambda pair: sorted((place[pair[0]], place[pair[1]])))


def _knowledge_warnings(setting: Setting, algorithm: Algorithm, evidence: ScoreEvidence) -> Iterable[str]:
    knowledge, place = setting.knowledge, {name: i for i, name in enumerate(setting.names)}
    if knowledge.latent_pairs:
        pairs = listing([f"{a} and {b}" for a, b in knowledge.latent_pairs])
        yield (
            f"The knowledge says that {pairs} share an unmeasured cause, but {algorithm.name} has no place for one: "
            "an edge between them mixes both."
        )
    for a, b in knowledge.required:
        gain = evidence.gain(place[a], place[b])
        if gain < -setting.tolerance:
            yield (
                f"The knowledge requires {a} -> {b}, but the score would rise by {-gain:.3g} without that edge."
            )


class ScoreEvidence(Sequence[EdgeEvidence]):
    """By how much the score of a member DAG falls without each edge; each piece is made when asked for.

    For a pair apart it is the same number for the edge that the causal order of the member would allow, had it been
    added: negative, since the edge does not pay its price.
    """

    def __init__(
        self,
        setting: Setting,
        data: Observations,
        parents: Sequence[Sequence[int]],
        order: Sequence[int],
        graph: Graph,
        settled: frozenset[tuple[str, str]],
    ) -> None:
        p = setting.count
        self._setting = setting
        self._parents = [sorted(above) for above in parents]
        self._rank = {v: i for i, v in enumerate(order)}
        self._edges = {frozenset((edge.a, edge.b)): edge for edge in graph.edges}
        self._settled = settled
        lines = {name for edge in graph.edges if edge.undirected for name in (edge.a, edge.b)}
        # A coefficient is the same in every member only where the parents are.
        self._firm = [name not in lines for name in setting.names]
        self._pairs = [(a, b) for a in range(p) for b in range(a + 1, p)]
        self._rows: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        spread = np.ones(p)
        if setting.gaussian is not None:
            spread = np.sqrt(np.diag(data.moments.cross))[[data.position(name) for name in setting.names]]
        self._spread = spread

    def __len__(self) -> int:
        return len(self._pairs)

    @overload
    def __getitem__(self, index: int) -> EdgeEvidence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[EdgeEvidence, ...]: ...
    def __getitem__(self, index: int | slice) -> EdgeEvidence | tuple[EdgeEvidence, ...]:
        if isinstance(index, slice):
            return tuple(self._made(*pair) for pair in self._pairs[index])
        return self._made(*self._pairs[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == each for mine, each in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<evidence on {len(self):,} pairs, {len(self._edges):,} of them joined>"

    def gain(self, cause: int, effect: int) -> float:
        """What the edge adds to the score of the member, given the other parents of the effect."""
        return float(self._row(effect)[0][cause])

    def _row(self, effect: int) -> tuple[np.ndarray, np.ndarray]:
        """For each possible cause: what it adds to the effect's score, and its standardised coefficient."""
        if effect not in self._rows:
            gaussian = self._setting.gaussian
            if gaussian is None:
                self._rows[effect] = self._scored(effect)
            else:
                self._rows[effect] = _gaussian_row(
                    gaussian.correlation[gaussian.group[effect]],
                    float(gaussian.half[gaussian.group[effect]]),
                    gaussian.penalty,
                    effect,
                    self._parents[effect],
                )
        return self._rows[effect]

    def _scored(self, effect: int) -> tuple[np.ndarray, np.ndarray]:
        local, above = self._setting.local, self._parents[effect]
        whole = local(effect, above)
        gains = np.full(self._setting.count, np.nan)
        for a in above:
            gains[a] = whole - local(effect, [other for other in above if other != a])
        return gains, np.full(len(gains), np.nan)

    def _made(self, a: int, b: int) -> EdgeEvidence:
        names, knowledge = self._setting.names, self._setting.knowledge
        edge = self._edges.get(frozenset((names[a], names[b])))
        cause, effect = (a, b) if self._rank[a] < self._rank[b] else (b, a)
        gains, slopes = self._row(effect)
        score = None if np.isnan(gains[cause]) else float(gains[cause])
        weight = None
        reason = ""
        if edge is None:
            if knowledge.forbids(names[a], names[b]) and knowledge.forbids(names[b], names[a]):
                reason = "apart by knowledge"
        else:
            if not edge.undirected and self._firm[effect] and not np.isnan(slopes[cause]):
                weight = float(slopes[cause] * self._spread[effect] / self._spread[cause])
            pair = (names[cause], names[effect])
            if pair in knowledge.required:
                reason = "required by knowledge"
            elif pair in self._settled:
                reason = "directed by an intervention on one end"
            elif knowledge and knowledge.forbids(names[effect], names[cause]):
                reason = knowledge.why_forbidden(names[effect], names[cause])
        given = tuple(names[i] for i in self._parents[effect] if i != cause)
        return EdgeEvidence(
            names[a], names[b], edge is not None, given, score=score, weight=weight, reason=reason
        )


def _gaussian_row(
    correlation: np.ndarray, half: float, penalty: float, effect: int, above: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The gains of all causes at once: from the inverse for parents, by partial correlations for the others."""
    p = len(correlation)
    left = correlation[:, effect].copy()
    variance = np.diag(correlation).copy()
    slopes = np.full(p, np.nan)
    gains = np.full(p, np.nan)
    parents = list(above)
    if parents:
        inside = correlation[np.ix_(parents, parents)]
        inverse = np.linalg.pinv(inside, rcond=1e-11, hermitian=True)
        slope = inverse @ correlation[parents, effect]
        left -= correlation[:, parents] @ slope
        across = correlation[:, parents]
        variance -= np.einsum("ij,jk,ik->i", across, inverse, across)
        residual = max(left[effect], 1e-12)
        loss = slope**2 / np.maximum(np.diag(inverse), 1e-300)
        gains[parents] = half * np.log1p(loss / residual) - penalty
        slopes[parents] = slope
    residual = max(left[effect], 1e-12)
    others = np.ones(p, bool)
    others[[effect, *parents]] = False
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(variance > 1e-10, left**2 / (variance * residual), 0.0)
    gains[others] = -half * np.log1p(-np.minimum(share[others], 1 - 1e-12)) - penalty
    return gains, slopes
