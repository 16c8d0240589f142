"""The sequential back-door: whether the effect of a regime can be learned from what is observed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from aitia.core import Assumption, AssumptionKey, Status, nearest
from aitia.graphs import Graph, m_connecting_path, m_separated, minimal_separator
from aitia.programs._errors import QueryError


@dataclass(frozen=True)
class DecisionCheck:
    """The sequential back-door at one decision.

    Args:
        decision: the node decided on.
        holds: whether the outcome is independent of this decision given the history, once later decisions follow
            the regime.
        history: what is conditioned on: earlier decisions and what was observed of the past.
        witness: an open path where it does not hold; None where it holds.
        unread: what the policy reads here that is not observed before the decision.
    """

    decision: str
    holds: bool
    history: tuple[str, ...]
    witness: str | None = None
    unread: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        if self.unread:
            return f"{self.decision}: the policy reads {', '.join(self.unread)}, which is not observed before it."
        given = ", ".join(self.history) or "nothing"
        if self.holds:
            return f"{self.decision}: no unblocked back-door path given {given}."
        return f"{self.decision}: an open path, {self.witness}, given {given}."


@dataclass(frozen=True)
class SequentialBackdoor:
    """The sequential back-door at every decision of a regime.

    Args:
        outcome: the outcome.
        checks: one for each decision that can reach the outcome, in the order of time.
    """

    outcome: tuple[str, ...]
    checks: tuple[DecisionCheck, ...]

    @property
    def holds(self) -> bool:
        """Whether it holds at every decision; then the g-formula identifies the regime's effect."""
        return all(each.holds for each in self.checks)

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        outcome = ", ".join(self.outcome)
        if not self.checks:
            return f"Nothing is decided before {outcome}."
        if self.holds:
            return (
                f"The sequential back-door holds at all {len(self.checks)} decisions: the g-formula gives the effect "
                f"on {outcome} from what is observed."
            )
        broken = [each for each in self.checks if not each.holds]
        return (
            f"The sequential back-door fails at {len(broken)} of {len(self.checks)} decisions; "
            f"first at {broken[0].sentence}"
        )

    @property
    def assumption(self) -> Assumption:
        """The line of the ledger: the graph decides it, and no data can test the graph's missing arrows here."""
        return Assumption(
            AssumptionKey.NO_UNMEASURED_CONFOUNDING,
            "At each decision, nothing unobserved drives both it and the outcome, given the history "
            "(sequential exchangeability).",
            testable=False,
            status=Status.UNTESTED if self.holds else Status.BROKEN,
            evidence=(self.sentence,),
            source="the sequential back-door on the unrolled graph",
        )

    def __repr__(self) -> str:
        return "\n".join([self.sentence, *(f"  {each.sentence}" for each in self.checks)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(each.decision)}</td><td>{'holds' if each.holds else 'fails'}</td>"
            f"<td>{escape(', '.join(each.history))}</td><td>{escape(each.witness or '')}</td></tr>"
            for each in self.checks
        )
        head = "<tr><th>decision</th><th>back-door</th><th>history</th><th>open path</th></tr>"
        return f"<p>{escape(self.sentence)}</p><table>{head}{rows}</table>"


def sequential_backdoor(
    graph: Graph,
    decisions: Sequence[str],
    outcome: str | Iterable[str],
    *,
    observed: Iterable[str] | None = None,
    policy: Mapping[str, Iterable[str]] | None = None,
) -> SequentialBackdoor:
    """Check sequential exchangeability for a regime, decision by decision.

    At the decision A_k, with the history H_k of earlier decisions and observed nodes that no decision from A_k on
    can reach, it asks for Y ⊥ A_k | H_k in the graph without the arrows out of A_k, where each later decision has as
    its parents only what the regime reads (none for a static regime): Pearl and Robins (1995), Theorem 1; for
    dynamic regimes Pearl (2009), section 4.4. Where all of H_k leaves a path open (a collider in it, say), a
    smaller set that holds the sets used before and what the policy reads is looked for.

    Args:
        graph: the unrolled graph (`Dynamics.graph`), or any acyclic one.
        decisions: the decisions in the order of time.
        outcome: the final outcome, or several nodes.
        observed: the nodes that are measured; None takes all that the graph does not mark as latent.
        policy: for each decision the nodes that the regime reads there; empty for a static regime.

    Raises:
        QueryError: a name is not in the graph; a policy reads an effect of its own decision, or a later one's.

    Example:
        >>> graph = Graph.parse("A0 -> L; U -> L; U -> Y; L -> A1; A0 -> Y; A1 -> Y")
        >>> sequential_backdoor(graph, ["A0", "A1"], "Y", observed=["A0", "L", "A1", "Y"]).holds
        True
        >>> check = sequential_backdoor(graph, ["A0", "A1"], "Y", observed=["A0", "A1", "Y"])
        >>> check.checks[1].witness
        'A1 <- L <- U -> Y'
    """
    outcomes = (outcome,) if isinstance(outcome, str) else tuple(outcome)
    policy = {name: tuple(reads) for name, reads in (policy or {}).items()}
    measured = set(graph.observed if observed is None else observed)
    read = {each for reads in policy.values() for each in reads}
    for name in [*decisions, *outcomes, *policy, *sorted(read), *sorted(measured)]:
        if name not in graph:
            raise QueryError(f"The graph has no node {name!r}.", nearest(name, graph.nodes))
    for i, name in enumerate(decisions):
        later = graph.descendants(decisions[i:])
        future = [each for each in policy.get(name, ()) if each in later]
        if future:
            raise QueryError(
                f"The policy for {name!r} reads {future[0]!r}, which comes after it.",
                "A policy may read only what is there before its decision.",
            )
    checks = []
    used: set[str] = set()
    for k, name in enumerate(decisions):
        earlier = set(decisions[:k])
        after = graph.descendants(decisions[k:])
        history = {each for each in measured if each not in after and each not in outcomes} | earlier
        acted = _under_regime(graph, decisions[k + 1 :], policy)
        reached = acted.descendants([name])
        targets = [each for each in outcomes if each in reached and each != name]
        if not targets:
            continue  # this decision cannot reach the outcome
        reads = policy.get(name, ())
        unread = tuple(each for each in reads if each not in history)
        mutilated = acted.without_outgoing([name])
        holds = m_separated(mutilated, name, targets, history)
        if not holds:
            include = (earlier | used | set(reads)) & history
            smaller = minimal_separator(mutilated, name, targets, include=include, restrict=history)
            if smaller is not None:
                history, holds = set(smaller), True
        witness = None if holds else str(m_connecting_path(mutilated, name, targets, history))
        used |= history
        checks.append(DecisionCheck(name, holds and not unread, graph.in_order(history), witness, unread))
    return SequentialBackdoor(outcomes, tuple(checks))


def _under_regime(graph: Graph, later: Sequence[str], policy: Mapping[str, Any]) -> Graph:
    """The graph in which later decisions read only what the regime reads."""
    cut = graph.without_incoming(later) if later else graph
    arrows = [f'"{each}" -> "{name}"' for name in later for each in policy.get(name, ())]
    return cut.with_edges("; ".join(arrows)) if arrows else cut
