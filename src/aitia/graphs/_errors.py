"""What can be wrong with a graph, or with a question asked of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aitia.core import AitiaError, nearest


class GraphError(AitiaError):
    """Something is wrong with a graph or with what was asked of it."""


class CyclicGraph(GraphError):
    """The directed edges make a cycle, so that a variable would cause itself.

    Args:
        cycle: the nodes along it, first and last the same.
    """

    def __init__(self, cycle: Sequence[str]) -> None:
        self.cycle = tuple(cycle)
        super().__init__(
            f"The graph has a cycle: {' -> '.join(self.cycle)}.",
            "Remove or turn one of these edges. A loop over time needs a node for each time point.",
        )


class UnknownNode(GraphError):
    """A node was named that the graph does not have.

    Args:
        name: the name as given.
        nodes: the nodes there are.
        where: what named it, in words.
    """

    def __init__(self, name: object, nodes: Iterable[str], where: str = "the question") -> None:
        self.name = name
        super().__init__(f"The graph has no node {name!r}, named in {where}.", nearest(str(name), nodes))


class GraphSyntaxError(GraphError):
    """A text does not describe a graph. Points at the token where reading stopped.

    Args:
        problem: what was expected and what came.
        next_step: what to do.
        text: the whole text.
        position: where in it reading stopped, counted from 0.
        token: the token that does not belong there.
    """

    def __init__(self, problem: str, next_step: str, text: str, position: int, token: str = "") -> None:
        self.position = position
        self.token = token
        before = text[:position]
        self.line = before.count("\n") + 1
        start = before.rfind("\n") + 1
        self.column = position - start + 1
        end = text.find("\n", position)
        line = text[start : len(text) if end < 0 else end]
        # A very long line is shown around the token only.
        cut = max(self.column - 41, 0)
        shown = "".join(c if c.isprintable() else " " for c in line[cut : cut + 80])
        caret = " " * (self.column - 1 - cut) + "^" * max(1, min(len(token), 80 - (self.column - 1 - cut)))
        super().__init__(
            f"{problem} (line {self.line}, column {self.column})\n    {shown}\n    {caret}", next_step
        )


class GraphKindError(GraphError):
    """A graph does not have the form that its kind demands, or a question does not apply to its kind."""


class OverlappingSets(GraphError):
    """Sets of nodes that have to be disjoint share a node.

    Args:
        first: what the first set is, in words.
        second: what the second set is, in words.
        shared: the nodes in both.
    """

    def __init__(self, first: str, second: str, shared: Iterable[str]) -> None:
        self.shared = frozenset(shared)
        names = ", ".join(map(repr, sorted(self.shared)))
        super().__init__(
            f"{first} and {second} must share no node, but both have {names}.",
            "Take the node out of one of them. (Selection nodes are always conditioned on.)",
        )


class ContradictoryKnowledge(GraphError):
    """What is required and forbidden cannot all hold in a class of graphs.

    Args:
        problem: what contradicts what.
        next_step: what to do.
        pieces: the pieces of knowledge in words; without any one of them the rest fits.
    """

    def __init__(self, problem: str, next_step: str, pieces: Sequence[str] = ()) -> None:
        self.pieces = tuple(pieces)
        super().__init__(problem, next_step)
