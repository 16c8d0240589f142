"""Which units detect a concept, and how many different ones: the summary of network dissection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aitia.core import many
from aitia.networks._explanation import Explanation
from aitia.networks.concepts._inventory import Inventory

if TYPE_CHECKING:
    import pandas as pd

THRESHOLD = 0.04


@dataclass(frozen=True)
class Detector:
    """A unit whose best formula of the length scores above the threshold.

    Args:
        unit: the unit's number.
        label: the formula, as text.
        category: the category of its concepts; where these are of several, all of them.
        score: its intersection over union.
    """

    unit: int
    label: str
    category: str
    score: float


@dataclass(frozen=True)
class Detectors:
    """Which units of a layer detect something.

    Args:
        detectors: a row for each detector, in the order of the units.
        units: how many units there are.
        threshold: what a detector's score exceeds.
        length: of the formulas.
    """

    detectors: tuple[Detector, ...] = field(repr=False)
    units: int
    threshold: float = THRESHOLD
    length: int = 1

    def __len__(self) -> int:
        return len(self.detectors)

    @property
    def by_category(self) -> dict[str, int]:
        """How many units detect something of each category, the most first."""
        return _counted([each.category for each in self.detectors])

    @property
    def unique(self) -> dict[str, int]:
        """How many different labels of each category are detected by a unit: unique detectors, the most first."""
        return _counted(
            [category for _, category in {(each.label, each.category) for each in self.detectors}]
        )

    @property
    def sentence(self) -> str:
        """The summary in a sentence."""
        kinds = ", ".join(
            f"{count} {category or 'without category'}" for category, count in self.unique.items()
        )
        return (
            f"{len(self)} of {many(self.units, 'unit')} score above {self.threshold:g} with a formula of length "
            f"{self.length}, {many(sum(self.unique.values()), 'label')} in all{f': {kinds}' if kinds else ''}."
        )

    def table(self) -> pd.DataFrame:
        """One row a category: ``category``, ``units``, ``unique``."""
        import pandas as pd

        return pd.DataFrame(self._rows(), columns=["category", "units", "unique"])

    def _rows(self) -> list[tuple[str, int, int]]:
        unique = self.unique
        return [(category, count, unique[category]) for category, count in self.by_category.items()]

    def __repr__(self) -> str:
        rows = [
            f"  {category or '(no category)'}: {many(units, 'unit')}, {unique} unique"
            for category, units, unique in self._rows()
        ]
        return "\n".join([self.sentence, *rows])

    def _repr_html_(self) -> str:
        return f"<p>{self.sentence}</p>{self.table().to_html(index=False, border=0)}"


def detectors(
    explanations: Sequence[Explanation],
    inventory: Inventory,
    *,
    threshold: float = THRESHOLD,
    length: int = 1,
) -> Detectors:
    """Which units detect a concept, and how many different ones by category: the summary of network dissection.

    A unit is a detector where its best formula of at most `length` concepts has an intersection over union above the
    threshold. Unique detectors count each label once, however many units have it. With length 1 that is the
    number of interpretable units and of unique detectors of Bau et al. (2017).

    Args:
        explanations: what a search found, or `Explanations`; of a unit with several ranges each is counted.
        inventory: the concepts, for their categories.
        threshold: 0.04 in network dissection: a convention, not a test.
        length: the most concepts of the formulas counted.

    Source:
        Bau et al. 2017, Network Dissection, section 3.2.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Above, Activations, Beam, Inventory, detectors
        >>> masks = np.array([[1, 1, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0]], dtype=bool)
        >>> inventory = Inventory.from_masks(masks, ["sea", "sky", "blue"], categories=["object", "object", "colour"])
        >>> values = np.array([[1, 1, 1], [1, -1, 1], [-1, -1, -1], [-1, -1, -1], [-1, -1, -1], [-1, -1, -1]])
        >>> found = Beam(1).explain(Above().fire(Activations(values)), inventory)
        >>> detectors(found, inventory)
        3 of 3 units score above 0.04 with a formula of length 1, 1 label in all: 1 object.
          object: 3 units, 1 unique
    """
    category = dict(zip(inventory.names, inventory.categories, strict=True))
    found = []
    for each in explanations:
        best = [one for one in each.by_length if one.length <= length]
        formula, score = (
            (best[-1].formula, best[-1].score)
            if best
            else (each.formula, each.overlap.intersection_over_union)
        )
        if formula.length <= length and formula.concepts and score > threshold:
            kinds = sorted({category[name] for name in formula.concepts})
            found.append(Detector(each.unit, str(formula), " and ".join(kinds), score))
    return Detectors(tuple(found), len(explanations), threshold, length)


def _counted(values: list[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0])))
