"""The graph's testable promises: conditional independences that the data must show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from aitia.core import AssumptionKey, listing
from aitia.refutation._base import Case, Refutation, Refuter, Verdict
from aitia.refutation._independence import Variables
from aitia.refutation._verdicts import ALPHA, by_p_value, holm, sidak

if TYPE_CHECKING:
    from aitia.graphs import Graph


def graph_and_variables(case: Case) -> tuple[Graph, Variables, int]:
    """The graph over the columns there are, those columns, and how many rows with missing values were left
    out.

    Nodes without a column become latent: the graph then promises less, and nothing wrong.
    """
    assert case.graph is not None
    graph = case.graph
    if case.table is not None:
        held = set(case.table.names)
        names = [name for name in graph.observed if name in held]
        variables, dropped = Variables.of_table(case.table, names)
        same_rows = variables.n == case.sample.n
        if same_rows:
            variables = Variables(
                variables.blocks, variables.codes, case.sample.weights, case.sample.clusters
            )
    else:
        variables, dropped = Variables.of_sample(case.sample), 0
    unseen = [name for name in graph.observed if name not in variables.blocks]
    if unseen:
        graph = graph.with_flags(latent=frozenset(graph.latent) | set(unseen))
    return graph, variables, dropped


@dataclass(frozen=True)
class ImpliedIndependences(Refuter):
    """Does the data keep the conditional independences that the graph promises?

    Attacks: the graph. A graph without an edge between two variables promises that they are independent given
    some others (m-separation). Survivors keep every promise. Each promise of a minimal basis is tested: G2
    for counts, Fisher's z for continuous columns with rejections confirmed by a curved regression, and the
    generalised covariance measure for mixed kinds, weights and clusters.

    p-value: of the smallest of k p-values, 1 - (1 - p)^k (Sidak), uniform where the promises hold and their
    tests are independent and not too small where they depend positively. Which promises are broken: Holm's
    adjusted p-values below `alpha`.

    Verdict: broken where one of those is larger than `trifle` too. With very many rows, tests notice
    dependences too small to matter: significant but all below `trifle` is inconclusive, and the sentence says
    so.

    Notices: a missing edge or common cause between variables that are both measured, in either direction.
    Cannot notice: edges that are there but wrong way round within an equivalent graph, a missing common cause
    of two variables that have an edge anyway, curved dependence without correlation.

    Args:
        alpha: level of the verdict and of Holm's procedure.
        trifle: the smallest dependence (absolute partial correlation, or Cramer's V) that counts.

    Details: ``tests`` (a tuple of dictionaries: x, y, given, p_value, holm, effect, test), ``rejected``,
    ``rows``, ``rows_left_out``.
    """

    alpha: float = ALPHA
    trifle: float = 0.05

    name: ClassVar[str] = "implied independences"
    attacks: ClassVar[AssumptionKey] = AssumptionKey.GRAPH
    reference: ClassVar[str] = (
        "Pearl 2009, Causality, section 1.2.3; Shah & Peters 2020, Annals of Statistics 48:1514; Holm 1979"
    )

    def applies(self, case: Case) -> str:
        """There has to be a graph."""
        return "" if case.graph is not None else "There is no graph to test."

    def _refute(self, case: Case, seed: int) -> Refutation:
        from aitia.graphs import implied_independences

        graph, variables, dropped = graph_and_variables(case)
        promises = list(implied_independences(graph))
        if not promises:
            return self._nothing("The graph promises no conditional independence among measured variables.")
        tests = [variables.test(each.x, each.y, tuple(each.given)) for each in promises]
        p_values = [each.p_value for each in tests]
        adjusted = holm(p_values)
        p_value = sidak(p_values)
        rejected = [each for each, p in zip(tests, adjusted, strict=True) if p < self.alpha]
        large = [each for each in rejected if each.effect >= self.trifle]
        verdict = by_p_value(p_value, self.alpha)
        if large:
            verdict = Verdict.BROKEN
            worst = max(large, key=lambda each: each.effect)
            said = (
                f"The graph says {worst}, but the data show a dependence of size {worst.effect:.2f}; "
                f"{len(large)} of {len(tests)} such promises are broken."
            )
        elif rejected:
            verdict = Verdict.INCONCLUSIVE
            said = (
                f"{len(rejected)} of {len(tests)} promised independences are visibly off, but by no more than "
                f"{max(each.effect for each in rejected):.3f}: with {variables.n:,} rows even trifles show."
            )
        elif verdict is Verdict.SURVIVED:
            said = (
                f"The data keep all {len(tests)} independences that the graph promises, as far as "
                "the tests can see."
            )
        else:
            verdict = Verdict.INCONCLUSIVE
            said = (
                f"The {len(tests)} promised independences together are in doubt, none of them clearly broken."
            )
        return Refutation(
            name=self.name,
            attacks=self.attacks,
            tried=(
                f"Tested {len(tests)} conditional independences that the graph implies, on "
                f"{variables.n:,} rows."
            ),
            expected="no dependence beyond chance among variables that the graph separates",
            observed=(
                f"{len(rejected)} of {len(tests)} rejected by Holm's procedure"
                + (f" ({listing([str(each) for each in rejected], 3)})" if rejected else "")
                + f", smallest p-value {min(p_values):.3g}"
            ),
            verdict=verdict,
            sentence=said,
            p_value=p_value,
            cost=f"{len(tests)} tests on {variables.n:,} rows",
            details={
                "tests": tuple(
                    {
                        "x": each.x,
                        "y": each.y,
                        "given": each.given,
                        "p_value": each.p_value,
                        "holm": float(p),
                        "effect": each.effect,
                        "test": each.test,
                    }
                    for each, p in zip(tests, adjusted, strict=True)
                ),
                "rejected": len(rejected),
                "rows": variables.n,
                "rows_left_out": dropped,
            },
        )
