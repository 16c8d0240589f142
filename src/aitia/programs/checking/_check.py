"""What a check of a piece found: one finding a test, with a verdict in words."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aitia.core import Status

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from aitia.programs._fitted import Fitted


@dataclass(frozen=True, eq=False)
class Finding:
    """One attempt to break a piece, and how it came out.

    Args:
        name: what was tried (``"posterior predictive"``, ``"calibration of the engine"``).
        verdict: survived, broken or inconclusive.
        sentence: what came out, for a newcomer.
        p_value: the p-value after allowing for how many things were looked at; None where there is none.
        node: the node it is about.
        details: the numbers behind it, by name; what figures draw.
    """

    name: str
    verdict: Status
    sentence: str
    p_value: float | None = None
    node: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def __repr__(self) -> str:
        where = f"{self.node}, " if self.node else ""
        number = "" if self.p_value is None else f" (p = {self.p_value:.3g})"
        return f"{where}{self.name}: {self.verdict.value}{number}. {self.sentence}"


@dataclass(frozen=True, eq=False)
class Check:
    """What checks of a mechanism, or of every mechanism of a program, found.

    Args:
        what: what was checked, in words.
        findings: the findings, in the order they were made.
        fitted: the fit of the piece by itself, where there was something to fit.
        alpha: the level below which a p-value breaks.
        seconds: how long it took.
        notes: what was left out or cut short, a sentence each.
    """

    what: str
    findings: tuple[Finding, ...]
    fitted: Fitted | None = None
    alpha: float = 0.01
    seconds: float = 0.0
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Finding:
        for each in self.findings:
            if name in (each.name, f"{each.node}, {each.name}"):
                return each
        raise KeyError(f"{name!r}; there are {', '.join(each.name for each in self.findings)}")

    @property
    def broken(self) -> tuple[Finding, ...]:
        """The findings that broke it."""
        return tuple(each for each in self.findings if each.verdict is Status.BROKEN)

    @property
    def verdict(self) -> Status:
        """The worst of the findings: broken, then inconclusive, then survived."""
        found = {each.verdict for each in self.findings}
        for each in (Status.BROKEN, Status.INCONCLUSIVE, Status.SURVIVED):
            if each in found:
                return each
        return Status.UNTESTED

    @property
    def sentence(self) -> str:
        """The whole in one or two sentences."""
        if self.broken:
            return " ".join(f"{each.node + ': ' if each.node else ''}{each.sentence}" for each in self.broken)
        unsure = [each for each in self.findings if each.verdict is Status.INCONCLUSIVE]
        survived = len(self.findings) - len(unsure)
        if unsure:
            return f"{survived} of {len(self.findings)} checks passed; the others cannot tell: {unsure[0].sentence}"
        return (
            f"All {len(self.findings)} checks passed. That does not prove it right; it was not found wrong."
        )

    def figure(self) -> Figure:
        """The findings that have something to show, as a Matplotlib figure."""
        from aitia.programs.checking._figure import figure

        return figure(self)

    def __repr__(self) -> str:
        told = [f"{self.what}: {self.verdict.value}", *(f"  {each!r}" for each in self.findings)]
        return "\n".join([*told, *(f"  {each}" for each in self.notes)])

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td style='text-align:left'>{html.escape(cell)}</td>"
                for cell in (
                    each.node,
                    each.name,
                    each.verdict.value,
                    "" if each.p_value is None else f"{each.p_value:.3g}",
                    each.sentence,
                )
            )
            + "</tr>"
            for each in self.findings
        )
        heads = "".join(f"<th>{each}</th>" for each in ("node", "check", "verdict", "p", "in words"))
        return f"<p>{html.escape(self.what)}: {self.verdict.value}</p><table><tr>{heads}</tr>{rows}</table>"


def holm_smallest(p_values: list[float]) -> float:
    """The smallest of k p-values, allowing for k (Bonferroni; what Holm's first step is)."""
    return min(1.0, len(p_values) * min(p_values)) if p_values else 1.0
