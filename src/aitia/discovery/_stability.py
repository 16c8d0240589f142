"""How often an algorithm finds each edge again when the rows are drawn anew."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Decision, many, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._consensus import MARKS, PLACE, consensus, tally
from aitia.discovery._discovery import Discovery, Latent
from aitia.discovery._display import graph_to_dict, plain, widths
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery._resample import resampled
from aitia.graphs import Edge, Graph, Mark

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_TAIL, _ARROW = PLACE[Mark.TAIL], PLACE[Mark.ARROW]
_MOST_LINES = 30


@dataclass(frozen=True)
class EdgeStability:
    """How one pair fared over the replicates.

    Args:
        a: one variable.
        b: the other.
        adjacent: the share of replicates that join them.
        forward: the share with ``a -> b``.
        backward: the share with ``b -> a``.
        state: the most frequent of all states in text: ``"a -> b"``, or ``"apart"``.
        share: the share of replicates in that state.
        found: the edge in the graph of the whole data in text, or ``"apart"``.
        found_share: the share of replicates in that state.
    """

    a: str
    b: str
    adjacent: float
    forward: float
    backward: float
    state: str
    share: float
    found: str
    found_share: float


@dataclass(frozen=True, eq=False, repr=False)
class Stability:
    """Frequencies of edges and end marks over bootstrap replicates.

    A frequency says how much an edge depends on which rows happened to be drawn. It is no probability that the edge
    is in the world: an algorithm whose assumptions fail can be wrong in every replicate. A replicate holds some rows
    twice, so that a dependence looks stronger in it than in the data; pairs that are apart are joined more often
    than the test's level says.

    Args:
        found: the answer on the whole data.
        nodes: the p nodes, in the order of the arrays.
        states: shape (p, p, 3, 3): ``[i, j, k, l]`` is the share of replicates with an edge that has mark k at i and
            mark l at j; marks in the order tail, arrow, circle.
        graphs: the graph of each replicate.
        consensus: the pairs joined in more than `threshold` of the replicates, with the form of its kind.
        threshold: a share between 0 and 1.
        resampled: what was drawn, in words.
        blocks: how many blocks were drawn from.
        seconds: how long it took.
        seed: of the draws.
        decisions: what was decided on the way.
        warnings: what to know before trusting it.
    """

    found: Discovery
    nodes: tuple[str, ...]
    states: np.ndarray = field(repr=False)
    graphs: tuple[Graph, ...] = field(repr=False)
    consensus: Graph
    threshold: float
    resampled: str
    blocks: int
    seconds: float
    seed: int
    decisions: tuple[Decision, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def replicates(self) -> int:
        """How many replicates have a graph."""
        return len(self.graphs)

    @cached_property
    def adjacent(self) -> np.ndarray:
        """Shape (p, p): the share of replicates that join i and j."""
        return self.states.sum(axis=(2, 3))

    @cached_property
    def marks(self) -> np.ndarray:
        """Shape (p, p, 3): [i, j, k] is the share of replicates with an edge between i and j that has mark k at j."""
        return self.states.sum(axis=2)

    @cached_property
    def directed(self) -> np.ndarray:
        """Shape (p, p): the share of replicates with ``i -> j``."""
        return self.states[:, :, _TAIL, _ARROW]

    def std_error(self, share: float) -> float:
        """The Monte-Carlo standard error of a share: sqrt(f (1 - f) / R)."""
        return math.sqrt(max(share * (1 - share), 0.0) / max(self.replicates, 1))

    def between(self, a: str, b: str) -> EdgeStability:
        """How the pair of a and b fared.

        Raises:
            DiscoveryError: there is no such variable.
        """
        i, j = (self._place(name) for name in (a, b))
        shares = self.states[i, j]
        apart = 1.0 - float(shares.sum())
        k, m = np.unravel_index(int(shares.argmax()), (3, 3))
        best = float(shares[k, m])
        state = str(Edge(a, b, MARKS[int(k)], MARKS[int(m)])) if best > apart else "apart"
        edges = self.found.graph.edges_between(a, b)
        kept = edges[0] if edges else None
        held = apart if kept is None else float(shares[PLACE[kept.mark_at(a)], PLACE[kept.mark_at(b)]])
        return EdgeStability(
            a,
            b,
            float(self.adjacent[i, j]),
            float(self.directed[i, j]),
            float(self.directed[j, i]),
            state,
            max(best, apart),
            "apart" if kept is None else str(kept),
            held,
        )

    def edges(self, least: float = 0.05) -> tuple[EdgeStability, ...]:
        """The pairs joined in at least a share `least` of the replicates, or in the graph of the whole data; the most
        frequent first."""
        listed = self.adjacent >= max(least, 1e-9)
        for edge in self.found.graph.edges:
            listed[self._place(edge.a), self._place(edge.b)] = True
        rows = [self._read(i, j) for i, j in np.argwhere(np.triu(listed | listed.T, 1)).tolist()]
        return tuple(sorted(rows, key=lambda each: (-each.adjacent, each.a, each.b)))

    def _read(self, i: int, j: int) -> EdgeStability:
        """A pair read as an arrow of the graph points, else as most replicates do."""
        a, b = self.nodes[i], self.nodes[j]
        kept = self.found.graph.edges_between(a, b)
        turned = kept[0].a == b if kept and kept[0].directed else self.directed[j, i] > self.directed[i, j]
        return self.between(b, a) if turned else self.between(a, b)

    def share_of(self, edge: Edge) -> float:
        """The share of replicates that join the two ends of an edge."""
        return float(self.adjacent[self._place(edge.a), self._place(edge.b)])

    @property
    def sentence(self) -> str:
        """In one sentence: how many of the edges found are in most replicates."""
        edges = self.found.graph.edges
        if not edges:
            return (
                f"The graph of the whole data has no edge; {many(self.replicates, 'replicate')} were drawn."
            )
        shares = [self.share_of(edge) for edge in edges]
        weakest = min(range(len(edges)), key=shares.__getitem__)
        firm = sum(share >= 0.9 for share in shares)
        settled = [edge for edge in edges if edge.directed or edge.bidirected]
        kept = sum(self.between(edge.a, edge.b).found_share > 0.5 for edge in settled)
        turned = (
            f" Of the directions found, most replicates agree on {kept} of {len(settled)}." if settled else ""
        )
        over = f"Over {many(self.replicates, 'bootstrap replicate')}, "
        if firm == len(edges):
            least = math.floor(100 * min(shares))
            often = f"at least {least}%" if least < 100 else "every one"
            return f"{over}every edge found joins its pair in {often}.{turned}"
        return (
            f"{over}{firm} of the {many(len(edges), 'edge')} found join their pair in at least 90%; the least stable, "
            f"{edges[weakest]}, in {shares[weakest]:.0%}.{turned}"
        )

    def __repr__(self) -> str:
        lines = [self.sentence, f"Drawn: {self.resampled}; seed {self.seed}; {self.seconds:.2f} s."]
        rows = self.edges()
        wide = max(
            (len(each.found if each.found != "apart" else f"{each.a}, {each.b}") for each in rows), default=0
        )
        for each in rows[:_MOST_LINES]:
            pair = each.found if each.found != "apart" else f"{each.a}, {each.b}"
            lines.append(
                f"  {pair:<{wide}}  joined {each.adjacent:4.0%}  mostly {each.state} ({each.share:.0%})"
            )
        if len(rows) > _MOST_LINES:
            lines.append(f"  ... and {len(rows) - _MOST_LINES:,} more pairs")
        return "\n".join([*lines, *(f"Warning: {each}" for each in self.warnings)])

    def _repr_html_(self) -> str:
        from aitia.graphs import to_svg

        head = "".join(f"<th style='text-align:left'>{each}</th>" for each in STABILITY_HEADINGS)
        body = "".join(
            "<tr>"
            + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in stability_cells(each))
            + "</tr>"
            for each in self.edges()[:200]
        )
        parts = [f"<p>{escape(each)}</p>" for each in (self.sentence, *self.warnings)]
        if len(self.nodes) <= 200:
            parts.append(to_svg(self.consensus, widths=self.widths(self.consensus)))
        table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        return f"<div>{''.join(parts)}{table}</div>"

    def widths(self, graph: Graph) -> dict[Edge, float]:
        """The width in pixels of each edge of a graph over the same nodes, by how often its ends are joined."""
        # Squared, because the difference between half and all of the replicates is what the eye should see.
        return widths({edge: self.share_of(edge) ** 2 for edge in graph.edges})

    def draw(self, *, title: str = "") -> Figure:
        """The consensus graph as a Matplotlib figure, edges as wide as they are frequent.

        Args:
            title: a line above it.
        """
        from aitia.graphs import draw

        return draw(self.consensus, widths=self.widths(self.consensus), title=title)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the graphs of single replicates, as plain data for JSON."""
        return {
            "replicates": self.replicates,
            "threshold": self.threshold,
            "consensus": graph_to_dict(self.consensus),
            "edges": [plain(each) for each in self.edges()],
            "resampled": self.resampled,
            "blocks": self.blocks,
            "seconds": self.seconds,
            "seed": self.seed,
            "decisions": [plain(each) for each in self.decisions],
            "warnings": list(self.warnings),
        }

    def _place(self, name: str) -> int:
        from aitia.core import nearest

        if name not in self._index:
            raise DiscoveryError(f"There is no variable {name!r}.", nearest(name, self.nodes))
        return self._index[name]

    @cached_property
    def _index(self) -> dict[str, int]:
        return {node: i for i, node in enumerate(self.nodes)}


STABILITY_HEADINGS = ("Pair", "Joined", "Left to right", "Right to left", "Mostly", "In the graph")


def stability_cells(each: EdgeStability) -> tuple[str, ...]:
    """A pair as the texts under `STABILITY_HEADINGS`."""
    return (
        f"{each.a}, {each.b}",
        f"{each.adjacent:.0%}",
        f"{each.forward:.0%}",
        f"{each.backward:.0%}",
        f"{each.state} ({each.share:.0%})",
        each.found,
    )


def stability(
    algorithm: Algorithm,
    data: Any,
    replicates: int = 100,
    *,
    knowledge: Knowledge | None = None,
    blocks: int | None = None,
    threshold: float = 0.5,
    seed: int = 0,
    found: Discovery | None = None,
    show_progress: bool | None = None,
) -> Stability:
    """Bootstrap a discovery: how often each edge and each end mark comes back.

    Each replicate draws as many blocks of rows as there are, with replacement, and runs the algorithm on them. Where
    the algorithm reads moments only (Fisher's z, a Gaussian score), a replicate is a sum of block moments and no row
    is touched again; else rows are drawn one by one. Time series draw blocks of consecutive rows of the lagged
    design, so that what depends on the past stays together.

    Args:
        algorithm: the algorithm with its options.
        data: `Observations`, or anything `Observations.of` takes.
        replicates: how many, R; a share f is known to within about sqrt(f (1 - f) / R).
        knowledge: what is known beforehand; every replicate honours it.
        blocks: how many blocks to draw from. None: for moments one for each row up to 500, fewer where the moments
            of so many take more than half a gigabyte; single rows where rows are drawn; in time series blocks of
            about ``2 n^(1/3)`` rows.
        threshold: pairs joined in more than this share make the consensus graph.
        seed: of the draws, and of the algorithm in every replicate.
        found: the answer on the whole data where it is known already; it must be of this algorithm, data, knowledge.
        show_progress: a bar on standard error; None shows it on a terminal only.

    Raises:
        DiscoveryError: the data do not fit, there are no rows, or the algorithm fails in every replicate.
        KnowledgeError: the knowledge contradicts itself.

    Source: Friedman, Goldszmidt & Wyner (1999), Data analysis with Bayesian networks: a bootstrap approach. Blocks
    in time: Carlstein (1986), Annals of Statistics 14.
    """
    started = time.perf_counter()
    observed = Observations.of(data)
    known = NOTHING if knowledge is None else knowledge
    if replicates < 1:
        raise DiscoveryError(
            f"At least one replicate is needed, but came {replicates}.", "Ask for 100 or more."
        )
    if not 0 <= threshold < 1:
        raise DiscoveryError(
            f"The threshold is a share from 0 up to 1, but came {threshold:g}.",
            "0.5 asks for most replicates.",
        )
    whole = found or algorithm.run(observed, known, seed=seed, show_progress=show_progress)
    source = resampled(algorithm, observed, whole, known, blocks, seed)
    graphs: list[Graph] = []
    failures: list[str] = []
    with progress("bootstrap replicates", replicates, show_progress) as bar:
        for drawn in source.draws(replicates):
            try:
                each = algorithm.run(drawn, known, seed=seed, show_progress=False, allow_determined=True)
                graphs.append(_aligned(each, whole))
            except DiscoveryError as error:
                failures.append(error.problem)
            bar.advance()
    if not graphs:
        raise DiscoveryError(
            f"{algorithm.name} failed in every replicate; the first said: {failures[0]}",
            "Fewer columns, more rows, or another test.",
        )
    nodes = whole.graph.nodes
    states = tally(graphs, nodes)
    agreed = consensus(states, nodes, whole.graph, graphs, threshold)
    return Stability(
        whole,
        nodes,
        states,
        tuple(graphs),
        agreed.graph,
        threshold,
        source.words,
        source.blocks,
        time.perf_counter() - started,
        seed,
        tuple(Decision(each, "the consensus graph has the form of its kind") for each in agreed.notes),
        tuple(_warnings(failures, replicates, source.blocks)),
    )


def _warnings(failures: Sequence[str], replicates: int, blocks: int) -> list[str]:
    said = []
    if failures:
        said.append(
            f"{len(failures)} of {many(replicates, 'replicate')} have no graph and are left out; the first said: "
            f"{failures[0]}"
        )
    if blocks < 50:
        said.append(
            f"Only {blocks} blocks were drawn from, so that frequencies are rough: their spread is known to about "
            f"{1 / math.sqrt(2 * max(blocks - 1, 1)):.0%}."
        )
    return said


def _aligned(drawn: Discovery, whole: Discovery) -> Graph:
    """A replicate's graph over the nodes of the whole: inferred variables are matched by what they stand behind, and
    those without a match are left out."""
    graph, wanted = drawn.graph, whole.graph.nodes
    if graph.nodes == wanted and not whole.latents:
        return graph
    names: dict[str, str] = {}
    left: list[Latent] = list(whole.latents)
    for each in drawn.latents:
        overlap = [_overlap(each, other) for other in left]
        best = max(range(len(left)), key=overlap.__getitem__, default=None)
        if best is not None and overlap[best] >= 0.5:
            names[each.name] = left.pop(best).name
    inferred = {each.name for each in drawn.latents}
    keep = {node: names.get(node, node) for node in graph.nodes if node not in inferred or node in names}
    edges = tuple(
        Edge(keep[edge.a], keep[edge.b], edge.mark_a, edge.mark_b)
        for edge in graph.edges
        if edge.a in keep and edge.b in keep and keep[edge.a] in whole.graph and keep[edge.b] in whole.graph
    )
    return Graph._trusted(wanted, edges, whole.graph.latent, whole.graph.selected, graph.kind)


def _overlap(one: Latent, other: Latent) -> float:
    """The measured variables both stand behind, as a share of those either does."""
    a, b = set(one.measured), set(other.measured)
    return len(a & b) / max(len(a | b), 1)
