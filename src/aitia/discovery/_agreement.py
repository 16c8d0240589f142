"""Several algorithms on the same data: where they agree, and how far apart their graphs are."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import many, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._display import edge_list, graph_to_dict, options
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.discovery._observations import Observations
from aitia.graphs import Edge, Graph, GraphKind, representative

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# From what says most to what leaves most open.
_RANK = {GraphKind.DAG: 0, GraphKind.CPDAG: 1, GraphKind.MPDAG: 1, GraphKind.ADMG: 2, GraphKind.PAG: 2}
_MOST_LINES = 40


@dataclass(frozen=True, eq=False, repr=False)
class Agreement:
    """How far the graphs of several algorithms are apart.

    Two graphs of different kinds are compared as the kind that leaves more open: a DAG beside a CPDAG as the class it
    belongs to, either beside a PAG as the PAG of its class. What one algorithm assumes and the other does not is then
    no disagreement.

    Args:
        labels: a name for each algorithm.
        discoveries: the answer of each.
        distances: shape (k, k): in how many pairs two graphs differ (structural Hamming distance: an edge that one of
            them lacks, or whose ends are marked otherwise, counts one).
        skeletons: shape (k, k): in how many pairs only one of the two has an edge.
        shared: the edges that all have, with the marks all agree on, in the kind that leaves most open.
        disputed: the pairs that some join and some do not, or mark otherwise, with the edge of each algorithm as text
            (``"apart"`` where it has none), in the order of `labels`.
        refused: algorithms that did not fit the data, with the reason.
        seconds: how long all took.
    """

    labels: tuple[str, ...]
    discoveries: tuple[Discovery, ...]
    distances: np.ndarray = field(repr=False)
    skeletons: np.ndarray = field(repr=False)
    shared: tuple[Edge, ...]
    disputed: tuple[tuple[tuple[str, str], tuple[str, ...]], ...]
    refused: tuple[tuple[str, str], ...] = ()
    seconds: float = 0.0

    @property
    def sentence(self) -> str:
        """In one sentence: on how much they agree."""
        k = len(self.labels)
        if k < 2:
            return f"Only {self.labels[0]} fits these data: there is nothing to compare."
        joined = len(self.shared) + len(self.disputed)
        i, j = np.unravel_index(int(self.distances.argmax()), self.distances.shape)
        said = (
            f"{k} algorithms join {many(joined, 'pair')} between them and agree wholly on "
            f"{many(len(self.shared), 'edge')}."
        )
        if self.distances.max() > 0:
            said += (
                f" {self.labels[int(i)]} and {self.labels[int(j)]} are furthest apart: "
                f"{many(int(self.distances[i, j]), 'pair')} differ."
            )
        return said

    def __repr__(self) -> str:
        wide = max(map(len, self.labels))
        lines = [self.sentence, " " * wide + "  " + "  ".join(f"{label:>6}" for label in self.labels)]
        for label, row in zip(self.labels, self.distances.tolist()):
            cells = "  ".join(f"{each:>{max(6, len(name))}}" for each, name in zip(row, self.labels))
            lines.append(f"{label:<{wide}}  {cells}")
        lines += [f"  all: {edge}" for edge in self.shared[:_MOST_LINES]]
        for pair, edges in self.disputed[:_MOST_LINES]:
            votes = ", ".join(f"{label} {edge}" for label, edge in zip(self.labels, edges))
            lines.append(f"  {pair[0]}, {pair[1]}: {votes}")
        lines += [f"{label} did not fit: {why}" for label, why in self.refused]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        def row(cells: Sequence[object], tag: str = "td") -> str:
            inner = "".join(f'<{tag} style="text-align:left">{escape(str(each))}</{tag}>' for each in cells)
            return f"<tr>{inner}</tr>"

        far = "".join(row([label, *numbers]) for label, numbers in zip(self.labels, self.distances.tolist()))
        pairs = [(str(edge), ("the same",) * len(self.labels)) for edge in self.shared]
        pairs += [(f"{a}, {b}", edges) for (a, b), edges in self.disputed]
        body = "".join(row([pair, *edges]) for pair, edges in pairs[:200])
        return (
            f"<div><p>{escape(self.sentence)}</p>"
            f"<table>{row(['Pairs that differ', *self.labels], 'th')}{far}</table>"
            f"<table>{row(['Pair', *self.labels], 'th')}{body}</table></div>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything but evidence and ledgers, as plain data for JSON."""
        return {
            "labels": list(self.labels),
            "graphs": [graph_to_dict(each.graph) for each in self.discoveries],
            "seconds_each": [each.seconds for each in self.discoveries],
            "distances": self.distances.tolist(),
            "skeletons": self.skeletons.tolist(),
            "shared": edge_list(self.shared),
            "disputed": [{"pair": list(pair), "edges": list(edges)} for pair, edges in self.disputed],
            "refused": [{"algorithm": label, "why": why} for label, why in self.refused],
            "seconds": self.seconds,
        }

    def draw(self, *, title: str = "") -> Figure:
        """The matrix of distances as a Matplotlib figure.

        Args:
            title: a line above it.
        """
        from matplotlib.figure import Figure

        k = len(self.labels)
        labels = [label if len(label) <= 30 else f"{label[:29]}…" for label in self.labels]
        # Inches: a cell for each algorithm, and room for the longest label on the left and below.
        room = 0.8 + 0.085 * max(map(len, labels))
        figure = Figure(
            figsize=(0.55 * k + room + 0.6, 0.55 * k + 0.8 * room + 0.5), dpi=150, layout="constrained"
        )
        axes = figure.subplots()
        most = max(int(self.distances.max(initial=0)), 1)
        axes.imshow(self.distances, cmap="Blues", vmin=0, vmax=1.35 * most)
        for i, row in enumerate(self.distances.tolist()):
            for j, value in enumerate(row):
                axes.text(
                    j, i, f"{value}", ha="center", va="center", fontsize=9, parse_math=False,
                    color="white" if value > 0.8 * most else "#1b1c1d",
                )  # fmt: skip
        axes.set_xticks(range(k), labels, rotation=40, ha="right", parse_math=False)
        axes.set_yticks(range(k), labels, parse_math=False)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("pairs that differ")
        if title:
            axes.set_title(title, fontsize=10, loc="left", parse_math=False)
        return figure


def compare_algorithms(
    algorithms: Sequence[Algorithm],
    data: Any,
    *,
    knowledge: Knowledge | None = None,
    seed: int = 0,
    show_progress: bool | None = None,
) -> Agreement:
    """Run several algorithms on the same data and see where they agree.

    Algorithms that assume different things and still agree on an edge do not owe it to one assumption alone. Agreement
    is no proof: what all of them assume may be wrong.

    Args:
        algorithms: the algorithms with their options; two with one name are told apart by their options.
        data: `Observations`, or anything `Observations.of` takes.
        knowledge: what is known beforehand.
        seed: of every random draw.
        show_progress: a bar on standard error; None shows it on a terminal only.

    Raises:
        DiscoveryError: no algorithm fits the data.
    """
    started = time.perf_counter()
    observed = Observations.of(data)
    known = NOTHING if knowledge is None else knowledge
    labels, found, refused = [], [], []
    with progress("algorithms", len(algorithms), show_progress) as bar:
        for label, algorithm in zip(_labels(algorithms), algorithms):
            try:
                found.append(algorithm.run(observed, known, seed=seed, show_progress=False))
                labels.append(label)
            except DiscoveryError as error:
                refused.append((label, error.problem))
            bar.advance()
    if not found:
        raise DiscoveryError(
            f"None of {many(len(algorithms), 'algorithm')} fits these data"
            + (f"; {refused[0][0]} said: {refused[0][1]}" if refused else "."),
            "Give an algorithm, test or score for these kinds of columns.",
        )
    graphs = [each.graph for each in found]
    k = len(graphs)
    distances, skeletons = np.zeros((k, k), int), np.zeros((k, k), int)
    for i in range(k):
        for j in range(i):
            distances[i, j] = distances[j, i] = _distance(graphs[i], graphs[j], known)
            one, other = _skeleton(graphs[i]), _skeleton(graphs[j])
            skeletons[i, j] = skeletons[j, i] = len(one ^ other)
    shared, disputed = _votes(graphs, known)
    return Agreement(
        tuple(labels),
        tuple(found),
        distances,
        skeletons,
        shared,
        disputed,
        tuple(refused),
        time.perf_counter() - started,
    )


def _labels(algorithms: Sequence[Algorithm]) -> list[str]:
    """The name of each; where several share one, the options in which they differ stand behind it."""
    plain = [type(each).__name__ for each in algorithms]
    labels: list[str] = []
    for each, name in zip(algorithms, plain):
        alike = [other for other, label in zip(algorithms, plain) if label == name]
        told = [
            f"{key}={value}"
            for key, value in options(each).items()
            if any(options(other).get(key) != value for other in alike)
        ]
        label = f"{name}({', '.join(told)})" if told else name
        same = sum(known.split(" #")[0] == label for known in labels)
        labels.append(f"{label} #{same + 1}" if same else label)
    return labels


def as_kind_of(graph: Graph, other: Graph, known: Knowledge = NOTHING) -> Graph:
    """`graph` as the kind that `other` is, where that one leaves more open; else as it is."""
    rank, wanted = _RANK.get(graph.kind, 0), _RANK.get(other.kind, 0)
    if wanted <= rank:
        return graph
    if wanted == 1:
        from aitia.graphs import completed, restrict

        made = completed(graph)
        if not known:
            return made
        forbidden = [(a, b) for a in graph.nodes for b in graph.nodes if a != b and known.forbids(a, b)]
        return restrict(made, known.required, forbidden)
    from aitia.graphs import pag_of

    return pag_of(representative(graph))


def _pairs_of(graph: Graph) -> dict[frozenset[str], Edge]:
    """The edges by their pair; of two the directed one."""
    found: dict[frozenset[str], Edge] = {}
    for edge in sorted(graph.edges, key=lambda each: each.bidirected):
        found.setdefault(frozenset((edge.a, edge.b)), edge)
    return found


def _skeleton(graph: Graph) -> set[frozenset[str]]:
    return set(_pairs_of(graph))


def _distance(one: Graph, other: Graph, known: Knowledge) -> int:
    """The structural Hamming distance of two graphs in the kind that leaves more open."""
    a, b = _pairs_of(as_kind_of(one, other, known)), _pairs_of(as_kind_of(other, one, known))
    return sum(a.get(pair) != b.get(pair) for pair in a.keys() | b.keys())


def _votes(
    graphs: Sequence[Graph], known: Knowledge
) -> tuple[tuple[Edge, ...], tuple[tuple[tuple[str, str], tuple[str, ...]], ...]]:
    """The edges all agree on, and what each says about the other pairs that any joins."""
    widest = max(graphs, key=lambda each: _RANK.get(each.kind, 0))
    each_pairs = [_pairs_of(as_kind_of(graph, widest, known)) for graph in graphs]
    own = [_pairs_of(graph) for graph in graphs]
    place = {
        name: i for i, name in enumerate(dict.fromkeys(node for graph in graphs for node in graph.nodes))
    }
    every = sorted(
        {pair for pairs in each_pairs for pair in pairs},
        key=lambda pair: sorted(place[name] for name in pair),
    )
    shared, disputed = [], []
    for pair in every:
        edges = [pairs.get(pair) for pairs in each_pairs]
        first = edges[0]
        if first is not None and all(edge == first for edge in edges):
            shared.append(first)
        else:
            a, b = sorted(pair, key=place.__getitem__)
            said = tuple("apart" if (edge := pairs.get(pair)) is None else str(edge) for pairs in own)
            disputed.append(((a, b), said))
    return tuple(shared), tuple(disputed)
