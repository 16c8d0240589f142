"""Which mechanism was chosen for each node, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Choice:
    """One candidate for one node.

    Args:
        node: the node.
        candidate: the mechanism in words.
        score: its mean held-out log score per row (higher is better); None where it was not scored.
        standard_error: the standard error of that mean over rows.
        behind: how far its score lies behind the best candidate's; None where it was not scored.
        behind_error: the standard error of that difference, by row (the same rows scored by both).
        chosen: whether it was chosen.
        reason: why, or why not, in a sentence.
    """

    node: str
    candidate: str
    score: float | None
    standard_error: float | None
    behind: float | None
    behind_error: float | None
    chosen: bool
    reason: str


@dataclass(frozen=True)
class Choices:
    """Every candidate for every node; print it for a table.

    Args:
        rows: the candidates, node by node, the simplest first.
        note: how the scores came about, in a sentence.
    """

    rows: tuple[Choice, ...]
    note: str

    def __iter__(self) -> Iterator[Choice]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def of(self, node: str) -> tuple[Choice, ...]:
        """The candidates of one node."""
        return tuple(each for each in self.rows if each.node == node)

    def chosen(self, node: str) -> Choice:
        """The candidate that was chosen for a node."""
        return next(each for each in self.of(node) if each.chosen)

    def without(self, node: str) -> Choices:
        """The choices for the other nodes: this one's mechanism is no longer the one that was chosen."""
        return replace(self, rows=tuple(each for each in self.rows if each.node != node))

    @property
    def sentence(self) -> str:
        """What was chosen for each node, and why, a line each."""
        return "\n".join(f"{each.node}: {each.candidate}. {each.reason}" for each in self.rows if each.chosen)

    def to_records(self) -> list[dict[str, object]]:
        """One dictionary for each candidate, for ``pandas.DataFrame(choices.to_records())``."""
        return [vars(each).copy() for each in self.rows]

    def __str__(self) -> str:
        head = ("node", "candidate", "score", "s.e.", "chosen", "reason")
        lines = [
            (
                each.node,
                each.candidate,
                "" if each.score is None else f"{each.score:.3f}",
                "" if each.standard_error is None else f"{each.standard_error:.3f}",
                "yes" if each.chosen else "",
                each.reason,
            )
            for each in self.rows
        ]
        widths = [max(len(line[at]) for line in [head, *lines]) for at in range(len(head))]
        table = [
            "  ".join(f"{text:<{wide}}" for text, wide in zip(line, widths)).rstrip()
            for line in [head, *lines]
        ]
        return "\n".join([*table, self.note])
