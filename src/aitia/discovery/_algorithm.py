"""What every discovery algorithm is, and the one call that runs any of them."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from aitia.core import Assumption, Ledger, listing
from aitia.data import Kind, Missing
from aitia.discovery._checks import check
from aitia.discovery._discovery import Discovery
from aitia.discovery._knowledge import NOTHING, Knowledge
from aitia.discovery._observations import Observations
from aitia.graphs import GraphKind


class Algorithm(ABC):
    """A discovery algorithm with its options: a frozen dataclass whose author writes `_search` alone."""

    name: ClassVar[str]
    """Its name on the command line and in reports (``"pc"``)."""
    output: ClassVar[GraphKind]
    """The kind of graph it finds (without knowledge)."""
    reference: ClassVar[str]
    """The paper."""
    cost: ClassVar[str] = ""
    """What it costs, in words."""

    @property
    def past(self) -> int:
        """How many steps of the past it reads; 0 where the order of the rows does not matter."""
        return 0

    def run(
        self,
        data: Any,
        knowledge: Knowledge | None = None,
        *,
        seed: int = 0,
        show_progress: bool | None = None,
        allow_determined: bool = False,
    ) -> Discovery:
        """Find a graph.

        Args:
            data: `Observations`, or anything `Observations.of` takes.
            knowledge: what is known beforehand.
            seed: the seed of every random draw.
            show_progress: a bar on standard error; None shows it on a terminal only.
            allow_determined: search all the same where a column is a function of others, with a warning.

        Raises:
            DiscoveryError: the data do not fit; the error names the column.
            DeterministicRelation: a column is an exact linear function, or a relabelling, of others.
            KnowledgeError: the knowledge contradicts itself, or names no variable of the data.
        """
        started = time.perf_counter()
        observed = Observations.of(data)
        known = NOTHING if knowledge is None else knowledge
        known.check_names(observed.names)
        warnings = check(observed, self, allow_determined)
        found = self._search(observed, known, seed, show_progress)
        return replace(
            found,
            rows=observed.rows,
            knowledge=known,
            assumptions=_joined(self.assumes(observed), found.assumptions),
            decisions=(*observed.decisions, *found.decisions),
            warnings=tuple(dict.fromkeys((*warnings, *found.warnings))),
            seconds=time.perf_counter() - started,
            seed=seed,
        )

    @abstractmethod
    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        """The search itself: graph, evidence, tests, and what else it has to say."""

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """The assumptions of this algorithm with this test or score, for the ledger."""
        return ()


def confounding_warnings(knowledge: Knowledge, algorithm: Algorithm) -> list[str]:
    """What to say of pairs known to share an unmeasured cause, for algorithms whose graphs have no place for one."""
    if not knowledge.latent_pairs:
        return []
    pairs = listing([f"{a} and {b}" for a, b in knowledge.latent_pairs])
    return [
        f"The knowledge says that {pairs} share an unmeasured cause, but {algorithm.name} has no place for one: an "
        "edge between them mixes both."
    ]


def _joined(assumed: Iterable[Assumption], found: Ledger) -> Ledger:
    """What the algorithm assumes, each line with what the search found out about it, and the lines it adds."""
    tested = {(line.key, line.statement): line for line in found}
    return Ledger(tuple(tested.get((line.key, line.statement), line) for line in assumed)).add(found)


def discover(
    data: Any,
    algorithm: Algorithm | None = None,
    *,
    knowledge: Knowledge | None = None,
    columns: Iterable[str] | None = None,
    kinds: Mapping[str, Kind | str] | None = None,
    missing: Missing | str = Missing.STOP,
    seed: int = 0,
    show_progress: bool | None = None,
    allow_determined: bool = False,
) -> Discovery:
    """Find the graphs that data and knowledge leave open.

    Args:
        data: anything `aitia.read` takes, or `Observations`.
        algorithm: an algorithm object; None takes `BOSS` with the score that fits the kinds of columns.
        knowledge: what is known beforehand.
        columns: which columns; None takes all.
        kinds: kinds set by the person, by column.
        missing: the policy for missing values.
        seed: the seed of every random draw.
        show_progress: a bar on standard error; None shows it on a terminal only.
        allow_determined: search all the same where a column is a function of others, with a warning.
    """
    observed = Observations.of(data, columns, kinds=kinds, missing=missing)
    if algorithm is None:
        from aitia.discovery.search import BOSS

        chosen = BOSS()
    else:
        chosen = algorithm
    return chosen.run(
        observed, knowledge, seed=seed, show_progress=show_progress, allow_determined=allow_determined
    )
