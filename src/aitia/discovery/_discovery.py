"""What an algorithm found: the graph, what decided each edge, and what it all stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aitia.core import Decision, Ledger
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.graphs import Graph

if TYPE_CHECKING:
    from aitia.discovery._algorithm import Algorithm


@dataclass(frozen=True)
class EdgeEvidence:
    """What decided about one pair of variables.

    Args:
        a: one variable.
        b: the other.
        adjacent: whether the graph joins them.
        given: for a pair apart, the set that separated them; for a joined pair, the set given which they came closest
            to independence.
        statistic: the deciding test's statistic.
        p_value: its p-value: above the level for a pair apart, below for a joined one.
        score: by how much the total score falls without the edge.
        weight: the linear coefficient of the edge, in units of effect per unit of cause.
        reason: what decided where no test or score did (``"required by knowledge"``), and the rule that oriented it.
    """

    a: str
    b: str
    adjacent: bool
    given: tuple[str, ...] = ()
    statistic: float | None = None
    p_value: float | None = None
    score: float | None = None
    weight: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Latent:
    """An unmeasured variable that an algorithm inferred.

    Args:
        name: its name in the graph (``"L1"``).
        measured: the measured variables it stands behind.
        reason: the constraint that showed it, in words.
    """

    name: str
    measured: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Discovery:
    """A graph found in data, with the evidence for each edge.

    Args:
        graph: the graph: a CPDAG (or MPDAG with knowledge), a PAG or a DAG.
        algorithm: the algorithm with its options.
        evidence: what decided about each pair.
        tests: how many distinct tests (or local scores) were computed.
        seconds: how long it took.
        rows: the rows the answer rests on; 0 for an oracle.
        score: the total score of the graph, where there is one.
        order: a causal order of the variables, where the algorithm finds one.
        latents: unmeasured variables it inferred.
        knowledge: the background knowledge it was given.
        assumptions: the ledger.
        decisions: what was decided on the way.
        warnings: what the person should know before trusting it, a sentence each.
        details: numbers of this algorithm's own (``varsortability``), by name.
        seed: the seed of its random draws.
    """

    graph: Graph
    algorithm: Algorithm
    evidence: tuple[EdgeEvidence, ...] = ()
    tests: int = 0
    seconds: float = 0.0
    rows: int = 0
    score: float | None = None
    order: tuple[str, ...] = ()
    latents: tuple[Latent, ...] = ()
    knowledge: Knowledge = NOTHING
    assumptions: Ledger = field(default_factory=Ledger)
    decisions: tuple[Decision, ...] = ()
    warnings: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def between(self, a: str, b: str) -> EdgeEvidence | None:
        """What decided about a and b; None where nothing is recorded."""
        return next((each for each in self.evidence if {each.a, each.b} == {a, b}), None)
