"""An acyclic directed mixed graph as bit masks: sets of nodes are integers, and set algebra is one machine step.

General identification asks for districts and ancestors of many subgraphs of one graph; with masks a subgraph
is just the integer of its nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from aitia.graphs import Graph


def bits(mask: int) -> Iterator[int]:
    """The positions of the ones, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def closure(start: int, steps: Sequence[int], within: int) -> int:
    """The nodes of `start` in `within`, and all that steps reach from them inside it; sets are bit masks.

    Args:
        start: where to begin.
        steps: for each node, where one step leads.
        within: the nodes that may be visited.
    """
    seen = frontier = start & within
    while frontier:
        reached = 0
        for i in bits(frontier):
            reached |= steps[i]
        frontier = reached & within & ~seen
        seen |= frontier
    return seen


@dataclass(frozen=True, eq=False)
class Masks:
    """The graph by positions in one topological order.

    Args:
        names: the nodes, causes before effects.
        parents: for each position, the mask of its parents.
        children: the mask of its children.
        spouses: the mask of the nodes it shares a bidirected edge with.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    children: tuple[int, ...]
    spouses: tuple[int, ...]

    @classmethod
    def of(cls, graph: Graph) -> Masks:
        """The masks of a DAG or ADMG (latent nodes are nodes like any other: project first)."""
        names = graph.topological_order()
        position = {name: i for i, name in enumerate(names)}

        def mask(nodes: Iterable[str]) -> int:
            total = 0
            for each in nodes:
                total |= 1 << position[each]
            return total

        return cls(
            tuple(names),
            tuple(mask(graph.parents(name)) for name in names),
            tuple(mask(graph.children(name)) for name in names),
            tuple(mask(graph.spouses(name)) for name in names),
        )

    @property
    def everything(self) -> int:
        """The mask of all nodes."""
        return (1 << len(self.names)) - 1

    def mask(self, nodes: Iterable[str]) -> int:
        """The mask of some names."""
        return sum(1 << i for i in {self.names.index(each) for each in nodes})

    def of_mask(self, mask: int) -> tuple[str, ...]:
        """The names in a mask, in topological order."""
        return tuple(self.names[i] for i in bits(mask))

    def ancestors(self, of: int, within: int, cut: int = 0) -> int:
        """Inclusive ancestors in the subgraph of `within`, with the arrows into `cut` removed."""
        if not cut:
            return closure(of, self.parents, within)
        steps = tuple(0 if cut >> i & 1 else p for i, p in enumerate(self.parents))
        return closure(of, steps, within)

    def descendants(self, of: int, within: int) -> int:
        """Inclusive descendants in the subgraph of `within`."""
        return closure(of, self.children, within)

    def district(self, of: int, within: int) -> int:
        """The nodes joined to `of` by bidirected edges in the subgraph of `within`."""
        return closure(of, self.spouses, within)

    def districts(self, within: int) -> list[int]:
        """The districts (c-components) of the subgraph of `within`, by their first node."""
        found = []
        while within:
            each = self.district(within & -within, within)
            found.append(each)
            within &= ~each
        return found

    def parents_of(self, of: int) -> int:
        """The parents of all nodes in a mask, which may themselves be in it."""
        total = 0
        for i in bits(of):
            total |= self.parents[i]
        return total

    def order(self, within: int, late: int = 0) -> tuple[int, ...]:
        """A topological order of the subgraph of `within` that puts off the nodes in `late` as long as it can."""
        placed: list[int] = []
        left = within
        while left:
            ready = [i for i in bits(left) if not self.parents[i] & left]
            early = [i for i in ready if not late >> i & 1]
            for i in early or ready[:1]:
                placed.append(i)
                left ^= 1 << i
        return tuple(placed)

    def connected(self, start: int, given: int, within: int, *, cut_in: int = 0, cut_out: int = 0) -> int:
        """The nodes m-connected to `start` given `given`, in a mutilated subgraph, in linear time.

        The Bayes ball (Shachter 1998) on mixed graphs: a walk passes a collider that is an ancestor of `given`, and a
        non-collider outside of it.

        Args:
            start: where the ball starts; not returned.
            given: the nodes conditioned on.
            within: the nodes of the subgraph.
            cut_in: nodes whose edges with an arrowhead at them are removed (intervened on).
            cut_out: nodes whose outgoing directed edges are removed.
        """
        inner = within & ~cut_out
        parents = tuple(0 if cut_in >> i & 1 else each & inner for i, each in enumerate(self.parents))
        children = tuple(
            0 if cut_out >> i & 1 else each & within & ~cut_in for i, each in enumerate(self.children)
        )
        spouses = tuple(
            0 if cut_in >> i & 1 else each & within & ~cut_in for i, each in enumerate(self.spouses)
        )
        opens = closure(given, parents, within)
        # Arrived at a node by an arrowhead, or by a tail.
        by_head = by_tail = 0
        new_head = new_tail = 0
        for i in bits(start):
            new_head |= children[i] | spouses[i]
            new_tail |= parents[i]
        while new_head or new_tail:
            by_head |= new_head
            by_tail |= new_tail
            next_head = next_tail = 0
            for i in bits(new_head & ~given):
                next_head |= children[i]
            for i in bits(new_head & opens):
                next_head |= spouses[i]
                next_tail |= parents[i]
            for i in bits(new_tail & ~given):
                next_head |= children[i] | spouses[i]
                next_tail |= parents[i]
            new_head = next_head & ~by_head
            new_tail = next_tail & ~by_tail
        return (by_head | by_tail) & ~given & ~start

    def moral_cliques(self, within: int) -> list[int]:
        """The moral (augmented) graph of a subgraph as cliques: each district with its parents is one.

        Two nodes are adjacent there if every node between them on some path is a collider, which is the case exactly if
        they share a clique (Richardson & Spirtes 2002).
        """
        return [each | self.parents_of(each) & within for each in self.districts(within)]


def spread(cliques: list[int], start: int, stop: int) -> tuple[int, int]:
    """What a walk through the moral graph from `start` reaches: the nodes it passes, and those of `stop` it meets."""
    inside, border = start, 0
    waiting, grew = cliques, True
    while grew:
        grew, left = False, []
        for clique in waiting:
            if clique & inside:
                inside |= clique & ~stop
                border |= clique & stop
                grew = True
            else:
                left.append(clique)
        waiting = left
    return inside, border
