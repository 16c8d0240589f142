"""What an inventory holds: how often its concepts hold, and which of them are nearly the same."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aitia.core import many
from aitia.networks._layout import counted

if TYPE_CHECKING:
    import pandas as pd

    from aitia.networks.concepts._inventory import Inventory

_SHOWN = 10


@dataclass(frozen=True, eq=False)
class Description:
    """What an inventory holds.

    Args:
        inventory: the inventory.
        overlaps: the pairs of concepts whose masks are most alike: two names, and |A and B| / |A or B|; the highest
            first, without those of equal masks.
        duplicates: groups of concepts with the same mask.
        empty: concepts that hold nowhere.
    """

    inventory: Inventory = field(repr=False)
    overlaps: tuple[tuple[str, str, float], ...]
    duplicates: tuple[tuple[str, ...], ...]
    empty: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The inventory in a sentence."""
        layout, kinds = self.inventory.layout, {*self.inventory.categories} - {""}
        over = many(layout.inputs, "input") + (f" of shape {layout.shape}" if layout.shape else "")
        categories = f" in {many(len(kinds), 'category', 'categories')}" if kinds else ""
        support = np.sort(self.inventory.support) / layout.total
        spread = (
            f", which hold at {support[0]:.2%} to {support[-1]:.2%} of the positions (median {np.median(support):.2%})"
            if len(support)
            else ""
        )
        return f"{many(len(self.inventory), 'concept')}{categories} over {over}{spread}."

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before searching."""
        found = []
        if self.empty:
            found.append(
                f"{many(len(self.empty), 'concept holds', 'concepts hold')} nowhere: {_some(self.empty)}."
            )
        found += [
            f"{_some(group)} have the same mask: no data tell them apart."
            for group in self.duplicates[:_SHOWN]
        ]
        if len(self.duplicates) > _SHOWN:
            found.append(
                f"{many(len(self.duplicates) - _SHOWN, 'more group has', 'more groups have')} the same mask."
            )
        return tuple(found)

    def table(self) -> pd.DataFrame:
        """One row a concept: category, support, share, and what is above it."""
        import pandas as pd

        inventory = self.inventory
        return pd.DataFrame(
            {
                "concept": inventory.names,
                "category": inventory.categories,
                "support": inventory.support,
                "share": inventory.support / inventory.layout.total,
                "parent": [inventory.parents.get(name, "") for name in inventory.names],
            }
        )

    def __repr__(self) -> str:
        lines = [self.sentence]
        lines += [
            f"  {category or '(no category)'}: {many(count, 'concept')}, median support {median:,.0f}"
            for category, count, median in self._categories()
        ]
        if self.overlaps:
            lines.append("  most alike:")
            lines += [f"    {score:.3f}  {one}, {other}" for one, other, score in self.overlaps[:_SHOWN]]
        return "\n".join([*lines, *(f"  ! {each}" for each in self.warnings)])

    def _repr_html_(self) -> str:
        esc = html.escape
        kinds = "".join(
            f"<tr><td style='text-align:left'>{esc(category or '(no category)')}</td><td>{count:,}</td>"
            f"<td>{median:,.0f}</td></tr>"
            for category, count, median in self._categories()
        )
        pairs = "".join(
            f"<tr><td style='text-align:left'>{esc(one)}</td><td style='text-align:left'>{esc(other)}</td>"
            f"<td>{score:.3f}</td></tr>"
            for one, other, score in self.overlaps[:_SHOWN]
        )
        alike = (
            f"<p>Most alike:</p><table><tr><th></th><th></th><th>overlap</th></tr>{pairs}</table>"
            if pairs
            else ""
        )
        notes = "".join(f"<p>{esc(each)}</p>" for each in self.warnings)
        heads = "<tr><th>category</th><th>concepts</th><th>median support</th></tr>"
        return f"<p>{esc(self.sentence)}</p><table>{heads}{kinds}</table>{alike}{notes}"

    def _categories(self) -> list[tuple[str, int, float]]:
        names = np.array(self.inventory.categories)
        support = self.inventory.support
        return [
            (str(each), int((names == each).sum()), float(np.median(support[names == each])))
            for each in dict.fromkeys(self.inventory.categories)
        ]


def describe(inventory: Inventory, most: int = 20) -> Description:
    """What an inventory holds (`Inventory.describe`)."""
    support, names = inventory.support, inventory.names
    empty = tuple(name for name, size in zip(names, support, strict=True) if size == 0)
    groups: dict[bytes, list[int]] = {}
    for place, row in enumerate(inventory.words):
        if support[place]:
            groups.setdefault(_digest(row), []).append(place)
    duplicates = tuple(tuple(names[each] for each in group) for group in groups.values() if len(group) > 1)
    distinct = [group[0] for group in groups.values()]
    return Description(inventory, _most_alike(inventory, distinct, most), duplicates, empty)


def _most_alike(inventory: Inventory, places: list[int], most: int) -> tuple[tuple[str, str, float], ...]:
    """The pairs of highest intersection over union, found without looking at pairs whose sizes differ too much."""
    if most < 1 or len(places) < 2:
        return ()
    support = inventory.support
    order = np.array(sorted(places, key=lambda place: -support[place]))
    sizes = support[order]
    found: list[tuple[float, int, int]] = []
    floor = 0.0
    for row in range(len(order) - 1):
        # |A and B| / |A or B| <= |B| / |A| where B is the smaller.
        last = int(np.searchsorted(-sizes, -floor * sizes[row], side="right"))
        if last <= row + 1:
            continue
        others = order[row + 1 : last]
        step = max(1, (1 << 22) // max(1, inventory.layout.words))
        own = np.asarray(inventory.words[order[row]])
        for start in range(0, len(others), step):
            part = others[start : start + step]
            both = counted(inventory.words[part] & own)
            score = both / (sizes[row] + support[part] - both)
            better = np.flatnonzero(score > floor)
            found += [(float(score[at]), int(order[row]), int(part[at])) for at in better]
        if len(found) > 4 * most:
            found = sorted(found, key=lambda each: (-each[0], each[1:]))[:most]
            floor = found[-1][0]
    found = sorted(found, key=lambda each: (-each[0], each[1:]))[:most]
    return tuple((inventory.names[one], inventory.names[other], score) for score, one, other in found)


def _digest(row: np.ndarray) -> bytes:
    import hashlib

    return hashlib.blake2b(np.ascontiguousarray(row).data, digest_size=16).digest()


def _some(names: tuple[str, ...], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
