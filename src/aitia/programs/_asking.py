"""What can be asked of a program, fitted or not: the questions as methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aitia.programs._answer import Answer
    from aitia.programs._contrast import Contrasts, Measure
    from aitia.programs._counterfactuals import Counterfactuals
    from aitia.programs._fitted import Fitted
    from aitia.programs._worlds import World
    from aitia.programs.conditioning import Conditioning

DRAWS = 100_000
"""Units drawn for a question, over all draws of the parameters together, unless told otherwise."""


class Asked:
    """A thing that answers questions: a fitted program, or one as it stands."""

    @property
    def _answering(self) -> Fitted:
        """The program with draws of its parameters that answers."""
        raise NotImplementedError

    def query(
        self,
        of: str | tuple[str, ...] | Callable[[Mapping[str, Any]], Any],
        *,
        given: Mapping[str, Any] | None = None,
        do: Mapping[Any, Any] | None = None,
        evidence: Mapping[str, Any] | None = None,
        draws: int = DRAWS,
        seed: int = 0,
        method: Conditioning | None = None,
    ) -> Answer:
        """A question on any of the three rungs; for the arguments see `aitia.programs.query`."""
        from aitia.programs._query import query

        return query(
            self._answering, of, given=given, do=do, evidence=evidence, draws=draws, seed=seed, method=method
        )

    def worlds(
        self,
        worlds: Mapping[str, World | Mapping[str, Any]],
        of: Callable[[Mapping[str, Mapping[str, Any]]], Any] | tuple[str, str],
        *,
        name: str | None = None,
        draws: int = DRAWS,
        seed: int = 0,
        method: Conditioning | None = None,
    ) -> Answer:
        """A question about one unit in several worlds; for the arguments see `aitia.programs.worlds`."""
        from aitia.programs._query import worlds as ask

        return ask(self._answering, worlds, of, name=name, draws=draws, seed=seed, method=method)

    def contrast(
        self,
        of: str,
        do: Mapping[Any, Any],
        versus: Mapping[Any, Any] | None = None,
        *,
        given: Mapping[str, Any] | None = None,
        evidence: Mapping[str, Any] | None = None,
        measure: Measure | None = None,
        draws: int = DRAWS,
        seed: int = 0,
        method: Conditioning | None = None,
    ) -> Answer:
        """What one action gives beyond another, unit by unit; for the arguments see `aitia.programs.contrast`."""
        from aitia.programs._contrast import contrast, difference

        return contrast(
            self._answering,
            of,
            do,
            versus,
            given=given,
            evidence=evidence,
            measure=measure or difference,
            draws=draws,
            seed=seed,
            method=method,
        )

    def by(
        self,
        of: str,
        do: Mapping[Any, Any],
        versus: Mapping[Any, Any] | None = None,
        *,
        groups: Mapping[str, Mapping[str, Any]],
        measure: Measure | None = None,
        draws: int = DRAWS,
        seed: int = 0,
        method: Conditioning | None = None,
    ) -> Contrasts:
        """The same contrast for several described groups; for the arguments see `aitia.programs.contrast_by`."""
        from aitia.programs._contrast import contrast_by, difference

        return contrast_by(
            self._answering,
            of,
            do,
            versus,
            groups=groups,
            measure=measure or difference,
            draws=draws,
            seed=seed,
            method=method,
        )

    def counterfactuals(
        self,
        rows: Any,
        *,
        do: Mapping[Any, Any],
        of: str,
        draws: int | None = None,
        particles: int = 200,
        seed: int = 0,
    ) -> Counterfactuals:
        """What `of` would have been, for every row of data and every draw of the parameters, had `do` been done.

        Every row is the evidence of one unit: abduction, action, prediction (Pearl 2009, section 7.1).

        Args:
            rows: anything that `aitia.data.read` takes, or arrays by node; a node without a column, or a cell without
                a value, is not known of that unit.
            do: what is done, as in `query`.
            of: the node asked for.
            draws: how many draws of the parameters to use; None for all.
            particles: candidates for each unit's unknowns, where its values do not determine its noise.
            seed: the seed.
        """
        from aitia.programs._counterfactuals import counterfactuals

        return counterfactuals(
            self._answering, rows, do=do, of=of, draws=draws, particles=particles, seed=seed
        )
