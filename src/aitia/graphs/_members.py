"""The members of a class of graphs: all of them, how many there are, and one drawn uniformly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod

from aitia.core import stream
from aitia.graphs._chordal import Orientations, bits, components
from aitia.graphs._edge import Edge, GraphKind, Mark, directed
from aitia.graphs._errors import GraphError
from aitia.graphs._graph import Graph
from aitia.graphs._marks import Marks
from aitia.graphs._orientation import close_under_meek


class ClassTooLarge(GraphError):
    """A class has more members, or takes more work to count, than the limit allows."""


def members(graph: Graph, limit: int | None = None, *, selection: bool = True) -> Iterator[Graph]:
    """The graphs that a class contains, one after another.

    The DAGs of a CPDAG or MPDAG with polynomial time from one to the next: parts without knowledge by the order of
    their nodes (Wienöbst et al. 2023); elsewhere a line is turned one way and Meek's rules (1995) carry it on, then
    the other way. The maximal ancestral graphs of a PAG: a circle becomes a tail, then an arrowhead, the rules of
    Zhang (2008) carry it on, and what is left is tried; meant for small PAGs. Each member comes once, in an order
    that depends on the order of the nodes.

    Args:
        graph: a CPDAG, MPDAG or PAG (marks added by knowledge are kept by every member); any other graph is its
            own only member.
        limit: the most members wanted; None gives all. Asking for one more than this many is an error, so that
            no class is taken for smaller than it is. `itertools.islice` takes the first few.
        selection: whether members of a PAG may have undirected edges, which only selection makes.

    Raises:
        ClassTooLarge: there are more than `limit`.

    Example:
        >>> for dag in members(Graph.parse("a -- b -- c")):
        ...     print(dag)
        Graph.parse('a -> b; b -> c')
        Graph.parse('b -> a; b -> c')
        Graph.parse('b -> a; c -> b')
    """
    found = _every(graph, selection)
    if limit is None:
        yield from found
        return
    for number, member in enumerate(found):
        if number >= limit:
            raise ClassTooLarge(
                f"The class has more than {limit} members.",
                "Raise the limit, or use what does not list members: count_members, sample_member, restrict.",
            )
        yield member


def _every(graph: Graph, selection: bool) -> Iterator[Graph]:
    if graph.kind is GraphKind.PAG:
        from aitia.graphs._ancestral_members import ancestral_members

        for edges in ancestral_members(graph.nodes, graph.edges, selection=selection):
            yield Graph._trusted(graph.nodes, edges, graph.latent, graph.selected, GraphKind.PAG)
        return
    if graph.kind not in (GraphKind.CPDAG, GraphKind.MPDAG):
        yield graph
        return
    fixed = tuple(edge for edge in graph.edges if edge.directed)
    for turned in _product(_parts(graph), 0):
        edges = tuple(directed(graph.nodes[a], graph.nodes[b]) for a, b in turned)
        yield Graph._trusted(graph.nodes, fixed + edges, graph.latent, graph.selected, GraphKind.DAG)


def _product(parts: Sequence[_Part], k: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """What turns all lines of the parts from the k-th on."""
    if k == len(parts):
        yield ()
        return
    for turned in parts[k].orientations():
        for rest in _product(parts, k + 1):
            yield turned + rest


class _Part:
    """A set of nodes joined by lines, and the arrows among them: the parts of a class are oriented independently.

    That is so because every premise of Meek's rules that a newly turned line can complete has all its nodes in the
    part of that line.

    Args:
        names: the position in the whole graph of each position here.
        marks: the lines, and the arrows among the same nodes.
    """

    def __init__(self, names: Sequence[int], marks: Marks) -> None:
        self.names = names
        self.marks = marks

    @property
    def free(self) -> bool:
        """Whether there is no arrow, so that every orientation of a chordal graph counts."""
        return not any(mark is Mark.ARROW for beside in self.marks.at for mark in beside.values())

    def lines(self) -> list[tuple[int, int]]:
        at = self.marks.at
        return [(a, b) for a, b in self.marks.pairs() if at[a][b] is Mark.TAIL and at[b][a] is Mark.TAIL]

    def orientations(self) -> Iterator[tuple[tuple[int, int], ...]]:
        """Every way to turn all the lines, as pairs of positions in the whole graph."""
        lines, names = self.lines(), self.names
        if self.free:
            for order in _chordal(self).every((1 << len(names)) - 1):
                place = {i: k for k, i in enumerate(order)}
                yield tuple(
                    (names[a], names[b]) if place[a] < place[b] else (names[b], names[a]) for a, b in lines
                )
            return
        stack = [self.marks]
        while stack:
            marks = stack.pop()
            at = marks.at
            line = next(((a, b) for a, b in lines if at[a][b] is at[b][a]), None)
            if line is None:
                yield tuple(
                    (names[a], names[b]) if at[a][b] is Mark.ARROW else (names[b], names[a]) for a, b in lines
                )
                continue
            a, b = line
            stack += [_turned(marks, (b, a)), _turned(marks, (a, b))]

    def split(self) -> list[_Part]:
        """The parts that the lines left here make."""
        return _split(self.marks, self.names)

    def key(self) -> tuple[tuple[int, int, Mark, Mark], ...]:
        """What tells this part from others of the same graph."""
        at = self.marks.at
        return tuple((self.names[a], self.names[b], at[a][b], at[b][a]) for a, b in self.marks.pairs())


def _turned(marks: Marks, arrow: tuple[int, int]) -> Marks:
    made = marks.copy()
    made.orient(*arrow)
    close_under_meek(made)
    return made


def _parts(graph: Graph) -> list[_Part]:
    return _split(Marks.of(graph), range(len(graph.nodes)))


def _split(marks: Marks, names: Sequence[int]) -> list[_Part]:
    near = [0] * len(marks)
    for a, beside in enumerate(marks.at):
        for b, mark in beside.items():
            if mark is Mark.TAIL and marks.at[b][a] is Mark.TAIL:
                near[a] |= 1 << b
    found: list[_Part] = []
    for mask in components(near, (1 << len(marks)) - 1):
        if mask & (mask - 1):
            inside = list(bits(mask))
            place = {i: k for k, i in enumerate(inside)}
            part = Marks(len(inside))
            part.at = [{place[b]: mark for b, mark in marks.at[a].items() if b in place} for a in inside]
            found.append(_Part([names[i] for i in inside], part))
    return found


def _chordal(part: _Part) -> Orientations:
    return Orientations([sum(1 << b for b in beside) for beside in part.marks.at])


def count_members(graph: Graph, *, work: int = 100_000) -> int:
    """How many graphs a class contains, exactly.

    For a CPDAG in polynomial time by Clique-Picking (Wienöbst, Bannach & Liskiewicz 2021). With background
    knowledge the problem is #P-hard: an MPDAG is split by turning lines until what is left is free of
    knowledge, each part counted once. The MAGs of a PAG are listed and counted.

    Args:
        graph: a CPDAG, MPDAG or PAG; any other graph counts one.
        work: the most splits of an MPDAG, and the most members of a PAG.

    Raises:
        ClassTooLarge: more than `work` would be needed.

    Example:
        >>> count_members(Graph.parse("a -- b -- c; c -- d -- e; c -- e"))
        10
    """
    if graph.kind is GraphKind.PAG:
        return sum(1 for _ in members(graph, work))
    if graph.kind not in (GraphKind.CPDAG, GraphKind.MPDAG):
        return 1
    counter = _Counter(work)
    return prod(counter.count(part) for part in _parts(graph))


class _Counter:
    """Counts parts, remembering those that come up again."""

    def __init__(self, work: int) -> None:
        self.work = work
        self.left = work
        self.known: dict[object, int] = {}

    def count(self, part: _Part) -> int:
        key = part.key()
        if (found := self.known.get(key)) is None:
            found = self.known[key] = self._counted(part)
        return found

    def _counted(self, part: _Part) -> int:
        if part.free:
            return _chordal(part).count((1 << len(part.names)) - 1)
        self.left -= 1
        if self.left < 0:
            raise ClassTooLarge(
                f"Counting this class takes more than {self.work} splits: with knowledge it is #P-hard.",
                "Raise `work`, or count the class without the knowledge.",
            )
        return sum(self.below(_turned(part.marks, line), part.names) for line in self.choices(part))

    def choices(self, part: _Part) -> tuple[tuple[int, int], tuple[int, int]]:
        """The line to turn next, both ways: one at a node that touches many arrows, to be rid of them soonest."""
        at = part.marks.at
        arrows = [
            sum((mark is Mark.ARROW) or at[b][a] is Mark.ARROW for b, mark in beside.items())
            for a, beside in enumerate(at)
        ]
        a, b = max(part.lines(), key=lambda line: arrows[line[0]] + arrows[line[1]])
        return (a, b), (b, a)

    def below(self, marks: Marks, names: Sequence[int]) -> int:
        return prod(self.count(part) for part in _split(marks, names))


def sample_member(graph: Graph, seed: int = 0, *, work: int = 100_000) -> Graph:
    """One DAG of a class, each with the same probability.

    By Clique-Picking (Wienöbst, Bannach & Liskiewicz 2021): a clique of a chordal part to come first is drawn with
    probability in proportion to the orientations that begin with it, then its order, then what is left. Lines of an
    MPDAG are turned one at a time, by the number of members on either side.

    Args:
        graph: a CPDAG or MPDAG; a DAG is its own only member.
        seed: same seed, same member.
        work: as for `count_members`; used for an MPDAG only.

    Raises:
        ClassTooLarge: more than `work` would be needed.
        GraphKindError: the graph is of another kind.

    Example:
        >>> sample_member(Graph.parse("a -- b -- c"), seed=1).kind
        <GraphKind.DAG: 'dag'>
    """
    graph.require("Drawing a member", GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.DAG)
    if graph.kind is GraphKind.DAG:
        return graph
    random = stream(seed, "member of a class")

    def below(top: int) -> int:
        # Counts outgrow every fixed integer: draw as many bits as they have until they fall short of it.
        size = top.bit_length()
        while True:
            drawn = int.from_bytes(random.bytes((size + 7) // 8), "little") & ((1 << size) - 1)
            if drawn < top:
                return drawn

    counter = _Counter(work)
    edges: list[Edge] = [edge for edge in graph.edges if edge.directed]
    stack = _parts(graph)
    while stack:
        part = stack.pop()
        names = part.names
        if part.free:
            place = {i: k for k, i in enumerate(_chordal(part).draw((1 << len(names)) - 1, below))}
            turned = [(a, b) if place[a] < place[b] else (b, a) for a, b in part.lines()]
        else:
            ways = [_turned(part.marks, line) for line in counter.choices(part)]
            counts = [counter.below(marks, names) for marks in ways]
            marks = ways[0] if below(sum(counts)) < counts[0] else ways[1]
            turned = [
                (a, b) if marks.is_arrow(a, b) else (b, a)
                for a, b in part.lines()
                if marks.at[a][b] is not marks.at[b][a]
            ]
            stack += _split(marks, names)
        edges += [directed(graph.nodes[names[a]], graph.nodes[names[b]]) for a, b in turned]
    return Graph._trusted(graph.nodes, tuple(edges), graph.latent, graph.selected, GraphKind.DAG)
