"""Is the graph better than the same graph with its node names shuffled?"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import permutations
from typing import ClassVar

import numpy as np

from aitia.core import AssumptionKey, stream
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._implied_independences import graph_and_variables


@dataclass(frozen=True)
class GraphFalsification(Refuter):
    """Is the graph better than the same graph with its node names shuffled? (Eulig et al. 2023)

    Attacks: the graph. On real data a few promised independences always fail, so the number of failures alone
    says little. Here it is compared with the failures of the same graph with names permuted at random, a
    stand-in for somebody who knows nothing. Survivors fail less often than 95% of the permuted graphs. Where
    most permuted graphs promise the same as the given one, the graph cannot be falsified by its
    independences, and the result is inconclusive.

    Margin: the share of permuted graphs that do at least as well, which is small where the graph is good. It is no
    p-value in the usual sense, and stands in the details as ``share_as_good``.

    Notices: graphs that are wrong in most of their edges. Cannot notice: single wrong edges (see implied
    independences), edges turned round within an equivalent graph, complete graphs.

    Args:
        replicates: permutations drawn; all of them where there are no more.
        alpha: level of each test of independence.
        significance: the share of permuted graphs that may do as well.
        largest: rows used by each test, drawn at random where there are more (power beyond that adds little
            to a comparison).
        tests: independence tests in all permutations together; fewer permutations are drawn (never fewer than 20)
            where the graph promises much.

    Details: ``violations``, ``tests``, ``permuted_violations`` (array), ``share_as_good``,
    ``share_equivalent``.
    """

    replicates: int = 100
    alpha: float = 0.05
    significance: float = 0.05
    largest: int = 5_000
    tests: int = 10_000

    name: ClassVar[str] = "graph falsification"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.GRAPH
    reference: ClassVar[str] = "Eulig, Mastakouri, Bloebaum, Hardt & Janzing 2023, arXiv:2305.09565"

    def applies(self, case: Case) -> str:
        """There has to be a graph over at least three variables."""
        if case.graph is None:
            return "There is no graph to test."
        return (
            ""
            if len(case.graph.observed) >= 3
            else "With fewer than three variables there is nothing to permute."
        )

    def _refute(self, case: Case, seed: int) -> Refutation:
        from aitia.graphs import implied_independences

        graph, variables, _ = graph_and_variables(case)
        generator = stream(seed, self.name)
        if variables.n > self.largest:
            variables = variables.rows(np.sort(generator.choice(variables.n, self.largest, replace=False)))
        promises = [(each.x, each.y, tuple(each.given)) for each in implied_independences(graph)]
        if not promises:
            return self._nothing("The graph promises no conditional independence, so nothing can falsify it.")
        names = [name for name in graph.observed if name in variables.blocks]

        def failures(naming: dict[str, str]) -> int:
            # Relabelling a graph relabels what it promises: no graph has to be rebuilt.
            return sum(
                variables.test(naming[x], naming[y], [naming[z] for z in given], nonlinear=False).p_value
                < self.alpha
                for x, y, given in promises
            )

        own = failures({name: name for name in names})
        own_promises = {(frozenset((x, y)), frozenset(z)) for x, y, z in promises}
        if math.factorial(len(names)) - 1 <= self.replicates:
            orders = [list(each) for each in permutations(names) if list(each) != names]
        else:
            orders = [list(generator.permutation(names)) for _ in range(self.replicates)]
        counts, equivalent = [], 0
        for order in orders[: max(20, self.tests // len(promises))]:
            naming = dict(zip(names, map(str, order), strict=True))
            counts.append(failures(naming))
            # Same promises on separable pairs means the same equivalence class for a DAG without latent
            # nodes.
            relabelled = {
                (frozenset((naming[x], naming[y])), frozenset(naming[z] for z in given))
                for x, y, given in promises
            }
            equivalent += relabelled == own_promises
        permuted = np.array(counts)
        as_good, same = float((permuted <= own).mean()), equivalent / len(permuted)
        if same > self.significance:
            verdict = Verdict.INCONCLUSIVE
            said = (
                f"{same:.0%} of the graphs with shuffled names promise exactly the same, "
                "so the data could hardly tell this graph from a guess."
            )
        elif as_good <= self.significance:
            verdict = Verdict.SURVIVED
            said = (
                f"The graph fails {own} of {len(promises)} tests; only {as_good:.0%} of graphs "
                "with shuffled names "
                "do as well, so it knows something about these data."
            )
        else:
            verdict = Verdict.BROKEN if as_good > 0.5 else Verdict.INCONCLUSIVE
            said = (
                f"The graph fails {own} of {len(promises)} tests, and {as_good:.0%} of graphs with shuffled names "
                "do as well: it is not clearly better than a guess."
            )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=(
                f"Compared failed independence tests with those of {len(permuted)} graphs with "
                "shuffled node names."
            ),
            expected=f"fewer failures than at least {1 - self.significance:.0%} of the shuffled graphs",
            observed=(
                f"{own} of {len(promises)} failed; shuffled graphs fail {permuted.mean():.3g} on "
                f"average, {as_good:.0%} do as well"
            ),
            verdict=verdict,
            sentence=said,
            margin=as_good,
            replicates=len(permuted),
            cost=f"{len(promises)} tests a graph on {variables.n:,} rows, each test made once",
            details={
                "violations": own,
                "tests": len(promises),
                "permuted_violations": permuted,
                "share_as_good": as_good,
                "share_equivalent": same,
            },
        )
