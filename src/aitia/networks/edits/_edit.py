"""A change of an input that an explanation says should change an answer."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """A concept put into inputs or taken out of them, and what that should do.

    Args:
        put_in: the concept that is put in; "" for none.
        taken_out: the concept that is taken out; "" for none. With both, one takes the place of the other.
        to: the class that answers should become, as its place among the outputs.
        class_name: its name.
        predicted: the change of how far its logit is above that of the present answer that goes through the units whose
            formulas name the concept: the mean over the inputs that the edit can be made on.
        inputs: on how many inputs it can be made: their answer is another, and the concept is absent (or present).
        because: the units it follows from and each one's part of the prediction, largest first.
        reason: why, in a sentence.
        expected: the same change by a linear regression of the logits on the presence of all concepts, whatever the
            formulas say (`suggest_edits`); None where logits were not given.
    """

    put_in: str
    taken_out: str
    to: int
    class_name: str
    predicted: float
    inputs: int
    because: tuple[tuple[int, float], ...] = ()
    reason: str = ""
    expected: float | None = None

    @property
    def rank(self) -> float:
        """By what suggested edits are ordered: `predicted`; with `expected`, their geometric mean (0 below 0)."""
        if self.expected is None:
            return self.predicted
        return math.sqrt(max(self.predicted, 0.0) * max(self.expected, 0.0))

    @property
    def action(self) -> str:
        """The edit in words."""
        new, old = _in_quotes(self.put_in), _in_quotes(self.taken_out)
        if self.put_in and self.taken_out:
            return f"put {new} in the place of {old}"
        return f"put in {new}" if self.put_in else f"take out {old}"

    @property
    def sentence(self) -> str:
        """The edit, what it should do, and why."""
        action = self.action
        whole = "" if self.expected is None else f", {self.expected:+.2f} by regression on concepts"
        return (
            f"{action[0].upper()}{action[1:]}: answers should become {self.class_name} (logit difference "
            f"{self.predicted:+.2f} through formulas that name it{whole}). {self.reason}"
        )

    def __repr__(self) -> str:
        return self.sentence


def _in_quotes(name: str) -> str:
    """A concept's name in quotes, unless it has its own (``"not" in hypothesis``)."""
    return name if '"' in name else repr(name)
