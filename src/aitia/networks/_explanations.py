"""The explanations of a layer's units, with what they came from."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Decision, either, listing, many
from aitia.networks._activations import Activations
from aitia.networks._errors import ActivationError
from aitia.networks._explanation import Explanation
from aitia.networks._firing import Firing
from aitia.networks.concepts._inventory import Inventory
from aitia.networks.refutation._trial import Trial

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 12


@dataclass(frozen=True, eq=False)
class Explanations:
    """What `explain` found for the units of a layer: a sequence of `Explanation`, with what they came from.

    Args:
        explanations: one for each mask of a unit, in the order of `firing`.
        inventory: the concepts that were searched: those of the inventory given that hold anywhere.
        firing: where the units fire.
        activations: what the units did.
        null: for each explanation, whether it beats what the search finds in units that have nothing to do with the
            concepts; empty where that was not tried.
        decisions: what was decided on the person's behalf, from recording to the null.
        warnings: what to know before trusting them.
        seed: of every random draw.
        interrupted: whether Ctrl-C stopped the search or the null; `warnings` says what is missing.
    """

    explanations: tuple[Explanation, ...]
    inventory: Inventory = field(repr=False)
    firing: Firing = field(repr=False)
    activations: Activations = field(repr=False)
    null: tuple[Trial, ...] = ()
    decisions: tuple[Decision, ...] = ()
    warnings: tuple[str, ...] = ()
    seed: int = 0
    interrupted: bool = False

    def __len__(self) -> int:
        return len(self.explanations)

    def __iter__(self) -> Iterator[Explanation]:
        return iter(self.explanations)

    def __getitem__(self, place: int) -> Explanation:
        return self.explanations[place]

    @property
    def null_p(self) -> tuple[float | None, ...]:
        """Each explanation's p-value under the null; None where there is none, as for units that never fire."""
        return tuple(each.p_value for each in self.null) or (None,) * len(self)

    @property
    def null_sentence(self) -> str:
        """What the null's p compares; empty where no null was made."""
        made = [each.details for each in self.null if each.p_value is not None]
        if not made:
            return ""
        together = " Inputs of a group were moved together." if made[0].get("groups") else ""
        left_out = made[0].get("left out", 0)
        if left_out:
            inputs = self.firing.layout.inputs
            together += (
                f" It is of the {inputs - left_out:,} of {inputs:,} inputs whose groups can change places."
            )
        if all(each.get("same search", True) for each in made):
            return (
                "The null's p says how often the same search does as well where there is nothing to find."
                + together
            )
        return (
            f"The null's p compares the best that {made[0]['search']} finds on a unit's own firing with the best that "
            f"it finds on shuffled firing; the scores shown are those of {self.explanations[0].search}."
            + together
        )

    def of_unit(self, unit: int) -> Explanation:
        """The explanation of a unit, by its number; of a unit with several ranges the first.

        Raises:
            ActivationError: there is no such unit.
        """
        for each in self.explanations:
            if each.unit == unit:
                return each
        raise ActivationError(
            f"Unit {unit} was not explained.",
            f"Explained are {listing(self.firing.units)}.",
        )

    @property
    def sentence(self) -> str:
        """All of them in a sentence."""
        scores = np.array([each.overlap.intersection_over_union for each in self.explanations])
        layer = self.activations.layer or "the layer"
        beyond = [p for p in self.null_p if p is not None]
        beat = sum(p <= 0.05 for p in beyond)
        chance = (
            f" {beat} of {len(beyond)} {either(beat, 'beats', 'beat')} chance (p of at most 0.05 each)."
            if beyond
            else ""
        )
        units = len({each.unit for each in self.explanations})
        ranges = f" in {many(len(scores), 'range')} of activation" if units < len(scores) else ""
        return (
            f"{many(units, 'unit')} of {layer}{ranges}, explained by formulas over "
            f"{many(len(self.inventory), 'concept')}: the mean intersection over union is {scores.mean():.3f}, the "
            f"highest {scores.max():.3f}.{chance}"
        )

    def to_dict(self) -> list[dict[str, Any]]:
        """One dictionary a unit: ``unit``, ``formula``, ``score``, ``certified``, ``gap``, ``null_p``, ``seconds``."""
        return [
            {
                "unit": each.unit,
                "formula": str(each.formula),
                "score": each.overlap.intersection_over_union,
                "certified": each.certified,
                "gap": each.gap,
                "null_p": p,
                "seconds": each.seconds,
            }
            for each, p in zip(self.explanations, self.null_p, strict=True)
        ]

    def table(self) -> pd.DataFrame:
        """One row a unit, best score first: what `to_dict` has, with precision, recall, firing and thresholds."""
        import pandas as pd

        rows: list[Mapping[str, Any]] = [
            {
                **row,
                "precision": each.overlap.precision,
                "recall": each.overlap.recall,
                "length": each.formula.length,
                "fires": each.overlap.unit / each.overlap.total,
                "above": each.low,
                "at_most": each.high,
            }
            for row, each in zip(self.to_dict(), self.explanations, strict=True)
        ]
        return pd.DataFrame(rows).sort_values("score", ascending=False, kind="stable", ignore_index=True)

    def _range(self, found: Explanation) -> str:
        """From where to where, for a unit that is explained in several ranges of its activation."""
        if sum(unit == found.unit for unit in self.firing.units) < 2:
            return ""
        low, high = f"  where {found.low:.3g} < a", "" if np.isinf(found.high) else f" <= {found.high:.3g}"
        return low + high

    def _best(self) -> list[tuple[Explanation, float | None]]:
        pairs = zip(self.explanations, self.null_p, strict=True)
        return sorted(pairs, key=lambda pair: -pair[0].overlap.intersection_over_union)

    def __repr__(self) -> str:
        lines = [self.sentence]
        for each, p in self._best()[:_SHOWN]:
            chance = "" if p is None else f"  p = {p:.3g}"
            score = f"{each.overlap.intersection_over_union:.3f}"
            lines.append(f"  {each.unit:>5}  {score}{chance}  {each.formula}{self._range(each)}")
        if len(self) > _SHOWN:
            lines.append(f"  and {len(self) - _SHOWN:,} more")
        return "\n".join([*lines, *(f"  ! {each}" for each in self.warnings)])

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{each.unit}</td><td style='text-align:left'>{html.escape(str(each.formula))}</td>"
            f"<td>{each.overlap.intersection_over_union:.3f}</td><td>{each.overlap.precision:.2f}</td>"
            f"<td>{each.overlap.recall:.2f}</td><td>{'' if p is None else f'{p:.3g}'}</td></tr>"
            for each, p in self._best()
        )
        heads = "".join(
            f"<th>{each}</th>" for each in ("unit", "formula", "score", "precision", "recall", "null p")
        )
        notes = "".join(f"<p>{html.escape(each)}</p>" for each in self.warnings)
        return f"<p>{html.escape(self.sentence)}</p>{notes}<table><tr>{heads}</tr>{rows}</table>"
