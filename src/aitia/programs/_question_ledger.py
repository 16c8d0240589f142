"""What an answer stands on: the program itself, what an action means, what forms of noise claim."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aitia.core import Assumption, AssumptionKey, Ledger, listing
from aitia.programs._fitted import Fitted
from aitia.programs._program import Program
from aitia.programs._worlds import World


def assumptions_of(fitted: Fitted, worlds: Mapping[str, World], of: Any, rung: int) -> tuple[Assumption, ...]:
    """The lines of the ledger of one question.

    Args:
        fitted: the program; what its fit stands on comes last.
        worlds: the worlds by name.
        of: what is asked for: (world, node), or a function of all worlds' values.
        rung: 1 seeing, 2 doing, 3 imagining.
    """
    lines: list[Assumption] = []
    if not any(each.key is AssumptionKey.GRAPH for each in fitted.assumptions):
        lines.append(
            Assumption(
                AssumptionKey.GRAPH,
                "The program holds every cause that two of its nodes share, and each mechanism is as the world works.",
                testable=False,
                source="the program",
            )
        )
    if rung >= 2:
        lines += _of_actions(worlds, of)
    if rung == 3:
        lines += _of_noise(fitted.program, worlds, of)
    return Ledger().add((*lines, *fitted.assumptions)).assumptions


def _of_actions(worlds: Mapping[str, World], of: Any) -> list[Assumption]:
    done = list(
        dict.fromkeys(
            target if isinstance(target, str) else target[0] for each in worlds.values() for target in each.do
        )
    )
    if not done:
        return []
    outcome = of[1] if isinstance(of, tuple) else "what is asked for"
    return [
        Assumption(
            AssumptionKey.CONSISTENCY,
            f"Setting {listing(done)} means the same thing for every unit, and is what units that have "
            f"{'that value' if len(done) == 1 else 'those values'} by themselves experience.",
            testable=False,
            source="the question",
        ),
        Assumption(
            AssumptionKey.NO_INTERFERENCE,
            f"The {listing(done)} of one unit does not change {outcome} of another.",
            testable=False,
            source="the question",
        ),
    ]


def _of_noise(program: Program, worlds: Mapping[str, World], of: Any) -> list[Assumption]:
    """What the forms of noise claim, of those nodes whose noise links worlds that give them different causes."""
    asked = {of[1]} if isinstance(of, tuple) else set(program.nodes)
    matters = set(program.graph.ancestors(asked)) | asked
    touched: set[str] = set()
    for each in worlds.values():
        for target in each.do:
            starts = program.graph.children(target) if isinstance(target, str) else {target[1]}
            for start in starts:
                touched |= {start, *program.graph.descendants([start])}
    known = {node for each in worlds.values() for node in each.given}
    acted = [each for each in worlds.values() if each.do]
    found = []
    for node in program.order:
        claim = program.facts[node].assumption
        if claim is None or node not in touched & matters:
            continue
        informed = known & {node, *program.graph.descendants([node])}
        if informed or (len(acted) > 1 and callable(of)):
            found.append(
                Assumption(
                    AssumptionKey.NOISE_FORM,
                    f"{node}: {claim}.",
                    testable=False,
                    source="the form of noise",
                )
            )
    return found
