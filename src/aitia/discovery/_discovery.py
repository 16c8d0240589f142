"""What an algorithm found: the graph, what decided each edge, and what it all stands on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aitia.core import Decision, Ledger
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.graphs import Graph

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.discovery._algorithm import Algorithm
    from aitia.graphs import Edge


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


@dataclass(frozen=True, eq=False, repr=False)
class Discovery:
    """A graph found in data, with the evidence for each edge.

    Printing it says in plain sentences how many edges were found, how many directions are settled, what it rests
    on, and what to know before trusting it. A notebook also shows the graph and the evidence.

    Args:
        graph: the graph: a CPDAG (or MPDAG with knowledge), a PAG or a DAG.
        algorithm: the algorithm with its options.
        evidence: what decided about each pair; with many variables each is made when asked for.
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
    evidence: Sequence[EdgeEvidence] = ()
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
        quick = getattr(self.evidence, "between", None)
        if quick is not None:
            return quick(a, b)
        return next((each for each in self.evidence if {each.a, each.b} == {a, b}), None)

    @property
    def sentences(self) -> list[str]:
        """What was found and what it rests on, in plain sentences."""
        from aitia.discovery._display import sentences

        return sentences(self)

    def __repr__(self) -> str:
        from aitia.discovery._display import as_text

        return as_text(self)

    def _repr_html_(self) -> str:
        from aitia.discovery._display import as_html

        return as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain data for JSON.

        ``graph`` holds ``kind``, ``nodes`` and ``edges``, each edge a list ``[a, mark at a, mark at b, b]`` with
        the marks ``tail``, ``arrow`` and ``circle``. Beside it stand ``tests``, ``seconds``, ``rows``, ``evidence``,
        ``latents``, ``warnings``, ``assumptions``, ``decisions``, ``knowledge``, ``details`` and more.
        """
        from aitia.discovery._display import as_dict

        return as_dict(self)

    def widths(self) -> dict[Edge, float]:
        """The width in pixels of each edge's line, by how strong the evidence for it is; see `draw`."""
        from aitia.discovery._display import strengths, widths

        return widths(strengths(self))

    def draw(self, *, title: str = "") -> Figure:
        """The graph as a Matplotlib figure, each edge as wide as the evidence for it is strong: by the score lost
        without it, else by the size of its weight, else of its statistic.

        Args:
            title: a line above it.
        """
        from aitia.discovery._display import figure

        return figure(self, title)
