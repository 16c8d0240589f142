"""How often a search finds the formulas that were planted."""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from aitia.core import progress
from aitia.networks.formulas._simplify import simplified
from aitia.networks.planted._planted import Planted, PlantedUnits
from aitia.networks.planted._share import Share
from aitia.networks.scores._overlap import overlap_of
from aitia.networks.search._search import Search


@dataclass(frozen=True)
class Recovered:
    """How a search did on units of one length and noise.

    Args:
        length: of the planted formulas.
        false_positives: the share of silent positions that were made to fire.
        false_negatives: the share of firing positions that were made silent.
        exact: a formula equivalent to the planted one was found.
        same_mask: the formula found holds where the planted one does.
        at_least_truth: it scores at least what the planted one scores on the noisy unit.
        certified: the search proved that no formula of its language and length scores more.
        score: the mean intersection over union of the formulas found.
        truth: that of the planted ones, on the noisy units.
        seconds: the mean time for a unit, as the search reports it.
    """

    length: int
    false_positives: float
    false_negatives: float
    exact: Share
    same_mask: Share
    at_least_truth: Share
    certified: Share
    score: float
    truth: float
    seconds: float


@dataclass(frozen=True)
class Recovery:
    """How a search did, by length and noise. Prints as a table.

    Args:
        search: the search in words, at the longest length.
        rows: by noise in the order given, then by length.
    """

    search: str
    rows: tuple[Recovered, ...]

    _HEAD = (
        "length",
        "noise +/-",
        "exact",
        "same mask",
        "at least truth",
        "certified",
        "score",
        "truth",
        "seconds",
    )

    @property
    def _cells(self) -> list[tuple[str, ...]]:
        return [
            (
                str(row.length),
                f"{row.false_positives:g}/{row.false_negatives:g}",
                *map(str, (row.exact, row.same_mask, row.at_least_truth)),
                f"{row.certified.value:.2f}",
                f"{row.score:.3f}",
                f"{row.truth:.3f}",
                f"{row.seconds:.2g}",
            )
            for row in self.rows
        ]

    def __repr__(self) -> str:
        lines = [self._HEAD, *self._cells]
        width = [max(map(len, column)) for column in zip(*lines)]
        table = ["  ".join(cell.ljust(size) for cell, size in zip(line, width)).rstrip() for line in lines]
        return "\n".join([self.search, *table])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in line)}</tr>"
            for tag, line in [("th", self._HEAD), *(("td", line) for line in self._cells)]
        )
        return f"<table><caption>{html.escape(self.search)}</caption>{rows}</table>"


def recovery(
    search: Search | Callable[[int], Search],
    planted: Planted | Sequence[Planted],
    *,
    seeds: Sequence[int] = (0,),
    show_progress: bool | None = None,
) -> Recovery:
    """How often a search finds the formulas of planted units, by length and noise.

    Args:
        search: the search; or a function that gives the one to use for formulas of a length, so that noise is not
            described by concepts that are left over: ``lambda length: Beam(length)``.
        planted: the networks to draw, one for each noise.
        seeds: so many networks are drawn of each.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        Shares with Wilson intervals. Units that fire at random are not searched.

    Raises:
        ConceptError: no formulas could be planted.

    Example:
        >>> from aitia.networks import Exact, Planted, recovery
        >>> found = recovery(lambda length: Exact(length), Planted(lengths=(1, 2), units=5, inputs=500))
        >>> [row.exact.value for row in found.rows]
        [1.0, 1.0]
    """
    settings = [planted] if isinstance(planted, Planted) else list(planted)
    chosen = (lambda length: search) if isinstance(search, Search) else search
    rows: list[Recovered] = []
    steps = len(seeds) * sum(len(set(each.lengths)) for each in settings)
    with progress("recovering formulas", steps, show_progress) as bar:
        for each in settings:
            drawn = [each.draw(seed) for seed in seeds]
            for length in dict.fromkeys(each.lengths):
                tried = []
                for network in drawn:
                    tried += _tried(chosen(length), network, length)
                    bar.advance()
                rows.append(_summed(each, length, tried))
    longest = max(length for each in settings for length in each.lengths)
    return Recovery(chosen(longest).description, tuple(rows))


@dataclass(frozen=True)
class _Tried:
    """What one unit gave."""

    exact: bool
    same_mask: bool
    at_least_truth: bool
    certified: bool
    score: float
    truth: float
    seconds: float


def _tried(search: Search, network: PlantedUnits, length: int) -> list[_Tried]:
    inventory, firing = network.inventory, network.firing
    places = [
        place
        for place, formula in enumerate(network.formulas)
        if formula is not None and formula.length == length
    ]
    units = replace(
        firing,
        units=tuple(firing.units[place] for place in places),
        words=firing.words[places],
        low=firing.low[places],
        high=firing.high[places],
    )
    found = []
    for number, explanation in enumerate(search.to_the_end(units, inventory)):
        truth = network.formulas[places[number]]
        assert truth is not None
        best = overlap_of(truth, inventory, units)[number].intersection_over_union
        score = explanation.overlap.intersection_over_union
        planted, holds = (inventory.mask_of(each, packed=True) for each in (truth, explanation.formula))
        found.append(
            _Tried(
                exact=simplified(explanation.formula) == simplified(truth),
                same_mask=np.array_equal(planted, holds),
                at_least_truth=score >= best - 1e-12,
                certified=explanation.certified,
                score=score,
                truth=best,
                seconds=explanation.seconds,
            )
        )
    return found


def _summed(planted: Planted, length: int, tried: list[_Tried]) -> Recovered:
    def share(of: str) -> Share:
        return Share(sum(getattr(each, of) for each in tried), len(tried))

    def mean(of: str) -> float:
        return float(np.mean([getattr(each, of) for each in tried]))

    return Recovered(
        length,
        planted.false_positives,
        planted.false_negatives,
        exact=share("exact"),
        same_mask=share("same_mask"),
        at_least_truth=share("at_least_truth"),
        certified=share("certified"),
        score=mean("score"),
        truth=mean("truth"),
        seconds=mean("seconds"),
    )
