"""The mixed graph: nodes, edges with end marks, latent and selected nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import Any, TypeAlias

from aitia.graphs._adjacency import Adjacency
from aitia.graphs._edge import Edge, GraphKind, Mark
from aitia.graphs._errors import GraphError, GraphKindError, UnknownNode
from aitia.graphs._kinds import inferred_kind, member_of, validate
from aitia.graphs._syntax import parse_text, text_statements

Nodes: TypeAlias = str | Iterable[str]
"""One node by its name, or several."""


@dataclass(frozen=True, eq=False, repr=False)
class Graph:
    """A mixed graph over named variables: what a person believes about causes.

    Two graphs are equal if they have the same kind, nodes, edges, latent and selected nodes, in whatever order.
    Most graphs are made by `Graph.parse`, `Graph.build` or `Graph.read`, which infer the kind.

    Args:
        nodes: the names, none empty, none twice.
        edges: the edges; one given twice counts once.
        latent: nodes that no data measure.
        selected: selection nodes: whether a row is in the data depends on their parents. The sampling
            conditions on them, so every separation here conditions on them too.
        kind: what the graph stands for; its form is checked. An ``admg`` without a bidirected edge becomes a
            ``dag``, an ``mpdag`` that has the form of a CPDAG becomes a ``cpdag``.

    Raises:
        CyclicGraph: the directed edges make a cycle.
        UnknownNode: an edge or a flag names a node that is not in `nodes`.
        GraphKindError: the graph does not have the form of its kind.

    Example:
        >>> graph = Graph.parse("size -> treatment; size -> success; treatment -> success")
        >>> graph.kind
        <GraphKind.DAG: 'dag'>
        >>> sorted(graph.parents("success"))
        ['size', 'treatment']
        >>> graph
        Graph.parse('size -> treatment; size -> success; treatment -> success')
    """

    nodes: tuple[str, ...]
    edges: tuple[Edge, ...] = ()
    latent: frozenset[str] = frozenset()
    selected: frozenset[str] = frozenset()
    kind: GraphKind = GraphKind.DAG

    def __post_init__(self) -> None:
        nodes = tuple(self.nodes)
        for node in nodes:
            if not isinstance(node, str) or not node:
                raise GraphError(f"A node's name must be a non-empty text, but came {node!r}.", "Rename it.")
        if len(set(nodes)) < len(nodes):
            twice = next(node for node in nodes if nodes.count(node) > 1)
            raise GraphError(f"The node {twice!r} is listed twice.", "List each node once.")
        edges = tuple(dict.fromkeys(self.edges))
        latent, selected = _names(self.latent), _names(self.selected)
        known = set(nodes)
        for edge in edges:
            if edge.a not in known or edge.b not in known:
                stranger = edge.b if edge.a in known else edge.a
                raise UnknownNode(stranger, nodes, f"the edge {edge}")
        for flagged, word in ((latent, "latent"), (selected, "selected")):
            if not flagged <= known:
                raise UnknownNode(min(flagged - known), nodes, f"the list of {word} nodes")
        if both := latent & selected:
            raise GraphError(
                f"The node {min(both)!r} is both latent and selected.",
                "A selection node is known for every row in the data: drop one of the two flags.",
            )
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "latent", latent)
        object.__setattr__(self, "selected", selected)
        object.__setattr__(self, "kind", validate(nodes, edges, GraphKind(self.kind)))

    # Making one

    @classmethod
    def parse(cls, text: str, kind: GraphKind | str | None = None) -> Graph:
        """The graph that a text describes.

        Statements are separated by ``;`` or new lines: chains of edges (``a -> b <-> c``), lone nodes, and flags
        (``u [latent]``, ``s [selected]``). Edges are ``-> <- <-> -- o-> <-o o-o``; a circle needs white space
        beside it. Names with spaces or signs stand in double quotes (``"body mass index"``), where ``\\"`` and
        ``\\\\`` mean a quote and a backslash. A comment runs from ``#`` to the end of the line. ``[cpdag]`` as a
        statement of its own states the kind.

        Args:
            text: the statements.
            kind: what the graph stands for. None takes what the text states; else ``pag`` if there is a circle,
                or undirected beside bidirected edges; ``cpdag`` or ``mpdag`` if there are undirected ones;
                ``admg`` if there are bidirected ones; else ``dag``.

        Raises:
            GraphSyntaxError: the text is not in this form; it points at the token.
            CyclicGraph, GraphKindError: as the class raises them.

        Example:
            >>> [sorted(each) for each in Graph.parse("x -> m -> y; x <-> y; u [latent]; u -> m").districts()]
            [['x', 'y'], ['m'], ['u']]
        """
        nodes, edges, latent, selected, stated = parse_text(text)
        chosen = GraphKind(kind) if kind is not None else stated or inferred_kind(nodes, edges)
        return cls(tuple(nodes), tuple(edges), frozenset(latent), frozenset(selected), chosen)

    @classmethod
    def build(
        cls,
        nodes: Iterable[str] = (),
        directed: Iterable[tuple[str, str]] = (),
        bidirected: Iterable[tuple[str, str]] = (),
        undirected: Iterable[tuple[str, str]] = (),
        *,
        latent: Iterable[str] = (),
        selected: Iterable[str] = (),
        kind: GraphKind | str | None = None,
    ) -> Graph:
        """A graph from pairs of names.

        Args:
            nodes: the nodes, in the order wanted; nodes of edges and flags that are missing here are appended.
            directed: pairs (cause, effect).
            bidirected: pairs that share an unmeasured common cause.
            undirected: pairs joined without a direction.
            latent: nodes that no data measure.
            selected: selection nodes.
            kind: as for `parse`.

        Example:
            >>> Graph.build(directed=[("x", "y")], bidirected=[("x", "y")]).kind
            <GraphKind.ADMG: 'admg'>
        """
        edges = [
            *(Edge(a, b, Mark.TAIL, Mark.ARROW) for a, b in directed),
            *(Edge(a, b, Mark.ARROW, Mark.ARROW) for a, b in bidirected),
            *(Edge(a, b, Mark.TAIL, Mark.TAIL) for a, b in undirected),
        ]
        flags = _names(latent), _names(selected)
        ends = (end for edge in edges for end in (edge.a, edge.b))
        # A flag brings its node, as in the text form; sets have no order of their own.
        names = tuple(dict.fromkeys((*nodes, *ends, *sorted(flags[0] | flags[1]))))
        chosen = GraphKind(kind) if kind is not None else inferred_kind(names, edges)
        return cls(names, tuple(edges), *flags, chosen)

    @classmethod
    def read(cls, source: Graph | str | PathLike[str] | Any) -> Graph:
        """A graph from text, a file, or another library's graph; the format is found out.

        Args:
            source: a `Graph`; a networkx graph; a text in our form, DOT, GML or dagitty; or the path of a file
                with one of these.

        Raises:
            GraphSyntaxError: the text is none of these; the message says what it was taken for.
            GraphError: there is no such file, or it is not text.

        Example:
            >>> Graph.read("digraph { a -> b; b -> c }") == Graph.read("dag { a -> b -> c }")
            True
        """
        from aitia.graphs._read import read_graph

        return read_graph(source)

    @classmethod
    def _trusted(
        cls,
        nodes: tuple[str, ...],
        edges: tuple[Edge, ...],
        latent: frozenset[str],
        selected: frozenset[str],
        kind: GraphKind,
    ) -> Graph:
        """A graph whose form follows from that of another, made without checks."""
        if kind is GraphKind.ADMG and not any(edge.bidirected for edge in edges):
            kind = GraphKind.DAG
        made = object.__new__(cls)
        for name, value in zip(
            ("nodes", "edges", "latent", "selected", "kind"), (nodes, edges, latent, selected, kind)
        ):
            object.__setattr__(made, name, value)
        return made

    # Equality and text

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        return self.kind, frozenset(self.nodes), frozenset(self.edges), self.latent, self.selected

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, Graph) else NotImplemented

    @cached_property
    def _hash(self) -> int:
        return hash(self._identity)

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[Any, ...]:
        # Only the graph travels: a cached hash would be wrong in another process.
        return Graph._trusted, (self.nodes, self.edges, self.latent, self.selected, self.kind)

    def __contains__(self, node: object) -> bool:
        return node in self._adjacency.index

    def __len__(self) -> int:
        return len(self.nodes)

    def __repr__(self) -> str:
        if len(self.edges) + len(self.nodes) > 60:
            return f"<Graph: {self.kind.value} with {len(self.nodes)} nodes and {len(self.edges)} edges>"
        return f"Graph.parse({'; '.join(text_statements(self))!r})"

    def to_text(self) -> str:
        """The graph in the form that `parse` reads, a statement a line."""
        return "\n".join(text_statements(self))

    def to_dot(self) -> str:
        """The graph in Graphviz's DOT language."""
        from aitia.graphs._dot import dot_text

        return dot_text(self)

    def to_dagitty(self) -> str:
        """The graph in dagitty's language."""
        from aitia.graphs._dot import dagitty_text

        return dagitty_text(self)

    def to_gml(self) -> str:
        """The graph in the Graph Modelling Language (GML)."""
        from aitia.graphs._gml import gml_text

        return gml_text(self)

    def to_networkx(self) -> Any:
        """The graph as a networkx ``DiGraph``, or a ``MultiDiGraph`` where edges are not all directed.

        Nodes carry ``latent=True`` or ``selected=True``, edges ``marks`` (the marks at source and target), the
        graph its ``kind``.

        Raises:
            MissingExtra: networkx is not installed.
        """
        from aitia.graphs._networkx import to_networkx

        return to_networkx(self)

    def to_svg(
        self,
        *,
        treatment: Nodes = (),
        outcome: Nodes = (),
        adjusted: Nodes = (),
        legend: bool = True,
    ) -> str:
        """The graph drawn as inline SVG; see `aitia.graphs.to_svg`."""
        from aitia.graphs._svg import to_svg

        return to_svg(self, treatment=treatment, outcome=outcome, adjusted=adjusted, legend=legend)

    def _repr_html_(self) -> str:
        if len(self.nodes) > 200:
            from html import escape

            return f"<code>{escape(repr(self))}</code>"
        return self.to_svg()

    # Neighbourhoods

    @cached_property
    def _adjacency(self) -> Adjacency:
        return Adjacency.of(self.nodes, self.edges)

    @cached_property
    def _representative(self) -> Graph:
        return member_of(self)

    def indices(self, nodes: Nodes, where: str = "the question") -> list[int]:
        """The positions of nodes in `nodes`, without repeats.

        Raises:
            UnknownNode: one is not in the graph; `where` says what named it.
        """
        index = self._adjacency.index
        found: dict[int, None] = {}
        for node in (nodes,) if isinstance(nodes, str) else nodes:
            if node not in index:
                raise UnknownNode(node, self.nodes, where)
            found.setdefault(index[node])
        return list(found)

    def _set(self, indices: Iterable[int]) -> frozenset[str]:
        return frozenset(map(self.nodes.__getitem__, indices))

    def _union(self, lists: list[list[int]], nodes: Nodes) -> frozenset[str]:
        return self._set(other for i in self.indices(nodes) for other in lists[i])

    def in_order(self, nodes: Iterable[str]) -> tuple[str, ...]:
        """The given nodes in the order in which the graph lists them, without repeats."""
        return tuple(self.nodes[i] for i in sorted(self.indices(nodes)))

    @cached_property
    def observed(self) -> tuple[str, ...]:
        """The nodes that are neither latent nor selected: those that vary in a table. In order of `nodes`."""
        hidden = self.latent | self.selected
        return tuple(node for node in self.nodes if node not in hidden)

    @cached_property
    def _observed_indices(self) -> frozenset[int]:
        return frozenset(self.indices(self.observed))

    def parents(self, nodes: Nodes) -> frozenset[str]:
        """The nodes p with ``p -> x`` for an x in `nodes` (which may itself be among them)."""
        return self._union(self._adjacency.parents, nodes)

    def children(self, nodes: Nodes) -> frozenset[str]:
        """The nodes c with ``x -> c`` for an x in `nodes`."""
        return self._union(self._adjacency.children, nodes)

    def spouses(self, nodes: Nodes) -> frozenset[str]:
        """The nodes s with ``x <-> s`` for an x in `nodes`."""
        return self._union(self._adjacency.spouses, nodes)

    def neighbors(self, nodes: Nodes) -> frozenset[str]:
        """The nodes joined to an x in `nodes` by an edge of any sort."""
        adjacency = self._adjacency
        return self._set(other for i in self.indices(nodes) for other in adjacency.adjacent(i))

    def edges_between(self, a: str, b: str) -> tuple[Edge, ...]:
        """The edges that join two nodes: none, one, or in an ADMG also two."""
        self.indices((a, b))
        return tuple(edge for edge in self._edges_at.get(a, ()) if b in (edge.a, edge.b) and a != b)

    @cached_property
    def _edges_at(self) -> dict[str, list[Edge]]:
        at: dict[str, list[Edge]] = {}
        for edge in self.edges:
            at.setdefault(edge.a, []).append(edge)
            at.setdefault(edge.b, []).append(edge)
        return at

    def ancestors(self, nodes: Nodes) -> frozenset[str]:
        """The given nodes and all from which a directed path leads to one of them (inclusive).

        Example:
            >>> sorted(Graph.parse("a -> b -> c").ancestors("b"))
            ['a', 'b']
        """
        return self._set(self._adjacency.closure(self.indices(nodes), self._adjacency.parents))

    def descendants(self, nodes: Nodes) -> frozenset[str]:
        """The given nodes and all to which a directed path leads from one of them (inclusive)."""
        return self._set(self._adjacency.closure(self.indices(nodes), self._adjacency.children))

    def districts(self, within: Nodes | None = None) -> list[frozenset[str]]:
        """The districts (c-components): sets joined by bidirected edges, in order of `nodes`.

        Latent nodes are nodes like any other here; call `latent_projection` first where they should become
        bidirected edges.

        Args:
            within: the nodes of the subgraph whose districts are wanted; None takes all.
        """
        spouses = self._adjacency.spouses
        left = set(range(len(self.nodes)) if within is None else self.indices(within))
        found = []
        for start in sorted(left):
            if start not in left:
                continue
            left.discard(start)
            district, stack = [start], [start]
            while stack:
                for other in spouses[stack.pop()]:
                    if other in left:
                        left.discard(other)
                        district.append(other)
                        stack.append(other)
            found.append(self._set(district))
        return found

    def district(self, node: str) -> frozenset[str]:
        """The district (c-component) of one node."""
        return self._set(self._adjacency.closure(self.indices(node), self._adjacency.spouses))

    def topological_order(self) -> tuple[str, ...]:
        """All nodes, causes before effects; nodes that the directed edges leave free come in order of `nodes`."""
        return tuple(self.nodes[i] for i in self._adjacency.topological_order)

    # Graphs made from this one

    def subgraph(self, nodes: Nodes) -> Graph:
        """The given nodes and the edges among them. A part of a ``cpdag`` is an ``mpdag``."""
        keep = self._set(self.indices(nodes))
        edges = tuple(edge for edge in self.edges if edge.a in keep and edge.b in keep)
        names = tuple(node for node in self.nodes if node in keep)
        if self.kind is GraphKind.CPDAG:
            return Graph(names, edges, self.latent & keep, self.selected & keep, GraphKind.MPDAG)
        return Graph._trusted(names, edges, self.latent & keep, self.selected & keep, self.kind)

    def without(self, nodes: Nodes) -> Graph:
        """This graph without some nodes and their edges."""
        drop = self._set(self.indices(nodes))
        return self.subgraph(node for node in self.nodes if node not in drop)

    def require(self, what: str, *kinds: GraphKind) -> None:
        """Insist that the graph is of one of the kinds.

        Raises:
            GraphKindError: it is not; `what` says what was asked for.
        """
        if self.kind not in kinds:
            names = " or ".join(kind.value for kind in kinds)
            raise GraphKindError(
                f"{what} needs a graph of kind {names}, but this one is a {self.kind.value}.",
                "Orient the edges that are left open, or ask of each graph that the class contains.",
            )

    def _mutilated(self, keep: Iterable[Edge]) -> Graph:
        return Graph._trusted(self.nodes, tuple(keep), self.latent, self.selected, self.kind)

    def without_incoming(self, nodes: Nodes) -> Graph:
        """The graph after an intervention on `nodes`: no edge has an arrowhead at any of them.

        Removes ``-> x`` and ``<-> x``; the graph of do(x), written G with an overline.

        Raises:
            GraphKindError: the graph is neither a DAG nor an ADMG.
        """
        self.require("An intervention", GraphKind.DAG, GraphKind.ADMG)
        targets = self._set(self.indices(nodes))
        return self._mutilated(
            edge
            for edge in self.edges
            if edge.b not in targets and not (edge.bidirected and edge.a in targets)
        )

    def without_outgoing(self, nodes: Nodes) -> Graph:
        """The graph without the edges ``x ->`` out of `nodes`, written G with an underline.

        Raises:
            GraphKindError: the graph is neither a DAG nor an ADMG.
        """
        self.require("Removing outgoing edges", GraphKind.DAG, GraphKind.ADMG)
        sources = self._set(self.indices(nodes))
        return self._mutilated(edge for edge in self.edges if not (edge.directed and edge.a in sources))

    def with_edges(self, edges: str | Iterable[Edge]) -> Graph:
        """This graph with more edges, checked anew; new nodes in them are added.

        Args:
            edges: edges, or statements as `parse` reads them.

        Example:
            >>> Graph.parse("a -> b").with_edges("a <-> b").kind
            <GraphKind.ADMG: 'admg'>
        """
        if isinstance(edges, str):
            new_nodes, new, latent, selected, stated = parse_text(edges)
        else:
            new = list(edges)
            new_nodes = [end for edge in new for end in (edge.a, edge.b)]
            latent, selected, stated = set(), set(), None
        names = tuple(dict.fromkeys((*self.nodes, *new_nodes)))
        together = (*self.edges, *new)
        kind = stated or self._kind_for(names, together)
        return Graph(names, together, self.latent | latent, self.selected | selected, kind)

    def without_edges(self, edges: str | Iterable[Edge]) -> Graph:
        """This graph without some edges, checked anew; the nodes stay.

        Args:
            edges: edges, or statements as `parse` reads them.

        Raises:
            GraphError: one of the edges is not in the graph.
        """
        drop = set(parse_text(edges)[1] if isinstance(edges, str) else edges)
        for edge in drop - set(self.edges):
            self.indices((edge.a, edge.b), f"the edge {edge}")
            raise GraphError(f"The graph has no edge {edge}.", "Its edges are listed by `to_text()`.")
        left = tuple(edge for edge in self.edges if edge not in drop)
        return Graph(self.nodes, left, self.latent, self.selected, self._kind_for(self.nodes, left))

    def _kind_for(self, nodes: tuple[str, ...], edges: tuple[Edge, ...]) -> GraphKind:
        """The kind after a change of edges: a PAG stays one, all else is found anew."""
        return self.kind if self.kind is GraphKind.PAG else inferred_kind(nodes, edges)

    def with_flags(self, *, latent: Nodes | None = None, selected: Nodes | None = None) -> Graph:
        """This graph with another set of latent or selected nodes; None leaves them as they are."""
        hidden = self.latent if latent is None else self._set(self.indices(latent))
        chosen = self.selected if selected is None else self._set(self.indices(selected))
        return Graph(self.nodes, self.edges, hidden, chosen, self.kind)

    def relabel(self, names: Mapping[str, str]) -> Graph:
        """This graph with some nodes renamed.

        Args:
            names: new names by old; nodes not in it keep theirs.

        Raises:
            UnknownNode: an old name is not in the graph.
            GraphError: two nodes would have one name.
        """
        self.indices(names, "the new names")
        new = {node: names.get(node, node) for node in self.nodes}
        return Graph(
            tuple(new.values()),
            tuple(Edge(new[e.a], new[e.b], e.mark_a, e.mark_b) for e in self.edges),
            frozenset(new[node] for node in self.latent),
            frozenset(new[node] for node in self.selected),
            self.kind,
        )

    def latent_projection(self, observed: Nodes | None = None) -> Graph:
        """The ADMG over some nodes that has the same separations among them (Verma & Pearl 1990).

        ``a -> b`` where a directed path leads from a to b through nodes left out; ``a <-> b`` where a path
        without colliders, through nodes left out, has arrowheads at both its ends. Selection nodes are always
        kept: leaving one out would lose that the sampling conditions on it.

        Args:
            observed: the nodes to keep; None keeps all that are not latent.

        Raises:
            GraphKindError: the graph is neither a DAG nor an ADMG.

        Example:
            >>> Graph.parse("u -> x; u -> y; x -> m -> y; u [latent]").latent_projection(["x", "y"])
            Graph.parse('x -> y; x <-> y')
        """
        from aitia.graphs._projection import latent_projection

        return latent_projection(self, observed)

    def moralised(self) -> Graph:
        """The moral graph: nodes joined where an edge or a path of colliders joins them (undirected).

        For a DAG: edges without their direction, parents of a common child joined. For an ADMG the augmented
        graph of Richardson & Spirtes (2002): a and b are joined if every node between them on some path is a
        collider.
        """
        from aitia.graphs._projection import moral_graph

        return moral_graph(self)


def _names(nodes: Nodes) -> frozenset[str]:
    return frozenset((nodes,)) if isinstance(nodes, str) else frozenset(nodes)
