"""Neighbour lists by index: what the linear-time algorithms walk on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from aitia.graphs._edge import Edge, Mark


@dataclass(frozen=True, eq=False)
class Adjacency:
    """For each node, by its position, the positions of its neighbours.

    Args:
        index: the position of each name.
        parents: p with ``p -> x``.
        children: c with ``x -> c``.
        spouses: s with ``x <-> s``.
        undirected: n with ``x -- n``.
        open_ended: o with an edge that has a circle at either end.
    """

    index: dict[str, int]
    parents: list[list[int]]
    children: list[list[int]]
    spouses: list[list[int]]
    undirected: list[list[int]]
    open_ended: list[list[int]]

    @classmethod
    def of(cls, nodes: Iterable[str], edges: Iterable[Edge]) -> Adjacency:
        """The neighbour lists of a graph, in time linear in its size."""
        index = {node: i for i, node in enumerate(nodes)}
        count = range(len(index))
        parents: list[list[int]] = [[] for _ in count]
        children: list[list[int]] = [[] for _ in count]
        spouses: list[list[int]] = [[] for _ in count]
        undirected: list[list[int]] = [[] for _ in count]
        open_ended: list[list[int]] = [[] for _ in count]
        tail, arrow, circle = Mark.TAIL, Mark.ARROW, Mark.CIRCLE
        for edge in edges:
            a, b = index[edge.a], index[edge.b]
            mark_a, mark_b = edge.mark_a, edge.mark_b
            if mark_a is tail and mark_b is arrow:
                children[a].append(b)
                parents[b].append(a)
            elif mark_a is circle or mark_b is circle:
                open_ended[a].append(b)
                open_ended[b].append(a)
            else:
                lists = undirected if mark_a is tail else spouses
                lists[a].append(b)
                lists[b].append(a)
        return cls(index, parents, children, spouses, undirected, open_ended)

    def adjacent(self, i: int) -> list[int]:
        """The neighbours of one node by edges of any sort; one joined by two edges comes twice."""
        return [
            *self.parents[i],
            *self.children[i],
            *self.spouses[i],
            *self.undirected[i],
            *self.open_ended[i],
        ]

    def closure(self, start: Iterable[int], lists: list[list[int]]) -> set[int]:
        """The starting nodes and all that can be reached from them along the given lists."""
        stack = list(start)
        seen = set(stack)
        while stack:
            for other in lists[stack.pop()]:
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
        return seen

    @cached_property
    def topological_order(self) -> list[int]:
        """Positions, parents before children, else smallest first. Shorter than the graph if it has a cycle."""
        import heapq

        waiting = [len(parents) for parents in self.parents]
        ready = [i for i, count in enumerate(waiting) if not count]
        order = []
        while ready:
            i = heapq.heappop(ready)
            order.append(i)
            for child in self.children[i]:
                waiting[child] -= 1
                if not waiting[child]:
                    heapq.heappush(ready, child)
        return order
