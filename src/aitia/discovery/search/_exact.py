"""The DAG of the highest score, for sure, by dynamic programming."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.core import Assumption, progress
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError, KnowledgeError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.scores import Score
from aitia.discovery.search._answer import answer
from aitia.discovery.search._setting import Setting, check_max_parents, chosen_score, common_assumptions
from aitia.discovery.search._trees import bits, mask
from aitia.graphs import GraphKind

MOST_VARIABLES = 22


@dataclass(frozen=True)
class ExactSearch(Algorithm):
    """The class of the DAG with the highest total score: the exact optimum, not a local one.

    The best order of a set of variables ends with some variable; the rest is the best order of a smaller set. Over all
    2^p sets: ``best(S) = max_v best(S - v) + max over P within S - v of local(v, P)``. Under a Gaussian score the local
    scores come from the determinants of all principal submatrices. DAGs of one class tie; a tie between different
    classes goes to the one that comes first by name.

    Args:
        score: the score; None takes the one that fits the kinds of columns.
        max_parents: the most parents a variable can have; None sets no limit. With other than Gaussian scores it saves
            most of the time.

    Knowledge: forbidden parents and orders are left out of the maximum, required parents are in.

    Assumptions: Markov property, faithfulness, no unmeasured common cause, no selection, no cycles.

    Source: Koivisto & Sood (2004), JMLR 5; Silander & Myllymäki (2006), UAI, section 3.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x, z = rng.normal(size=(2, 1000))
        >>> ExactSearch().run({"x": x, "y": x + z + rng.normal(size=1000), "z": z}).graph
        Graph.parse('[cpdag]; x -> y; z -> y')
    """

    score: Score | None = None
    max_parents: int | None = None

    name: ClassVar[str] = "exact"
    output: ClassVar[GraphKind] = GraphKind.CPDAG
    reference: ClassVar[str] = "Koivisto & Sood (2004), JMLR 5; Silander & Myllymäki (2006), UAI"
    cost: ClassVar[str] = "p 2^p steps and 4 p 2^p bytes: 20 variables in seconds, 22 at most"

    def __post_init__(self) -> None:
        check_max_parents(self.max_parents)

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        from aitia.discovery.search import _exact_kernel as kernel

        p = len(data.names)
        if p > MOST_VARIABLES:
            raise DiscoveryError(
                f"Exact search takes time and memory that double with each variable: {MOST_VARIABLES} at most, but "
                f"there are {p}.",
                "Choose BOSS, or fewer columns.",
            )
        setting = Setting.of(data, chosen_score(self.score, data), knowledge)
        most = p if self.max_parents is None else self.max_parents
        allowed = np.array([mask(row) for row in setting.allowed], np.int64)
        required = np.array([mask(row) for row in setting.required], np.int64)
        before = np.array([mask(column) for column in setting.before.T], np.int64)
        with progress("exact search", p, show_progress) as bar:
            table = np.full((p, 1 << (p - 1)), -np.inf)
            gaussian = setting.gaussian
            if gaussian is not None:
                kernel.gaussian_table(
                    kernel.log_determinants(gaussian.correlation[0]),
                    float(gaussian.half[0]),
                    gaussian.penalty,
                    table,
                )
                tests = table.size
            else:
                for v in range(p):
                    for above in _subsets(int(allowed[v]), int(required[v]), most):
                        table[v, kernel.squeezed(above, v)] = setting.local(v, bits(above))
                    bar.advance()
                tests = setting.scorer.calls
            total, found = kernel.best_network(table, allowed, required, before, most)
        if total == -np.inf:
            raise KnowledgeError(
                f"No DAG with at most {most} parents a variable has all required edges.",
                "Raise max_parents, or drop required edges.",
            )
        parents = [list(bits(int(each))) for each in found]
        return answer(self, setting, data, parents, tests=tests)

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Markov, faithfulness, sufficiency, acyclicity, and what the score asks for."""
        return common_assumptions(self.score, data, "exact search")


def _subsets(allowed: int, required: int, most: int) -> Iterable[int]:
    """The sets of allowed variables with all required ones and at most so many."""
    free = allowed & ~required
    subset = 0
    while True:
        if (subset | required).bit_count() <= most:
            yield subset | required
        subset = (subset - free) & free
        if not subset:
            return
