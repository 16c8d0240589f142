"""Concepts from the columns of a table: levels, and ranges of numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from aitia.core import Decision, listing, nearest
from aitia.networks._errors import ConceptError
from aitia.networks._layout import Layout
from aitia.networks.concepts._inventory import Inventory


def from_table(
    table: Any,
    columns: Sequence[str] | None = None,
    *,
    bins: int = 4,
    most_levels: int = 50,
) -> Inventory:
    """One concept for each level of a column, or for each of some ranges of a number.

    A column of truth values is one concept, by its name. Texts, categories, and numbers of at most `bins` different
    values have one concept for each level, ``"colour = red"``. Other numbers are cut at their quantiles 1/bins,
    2/bins, ..., ``"age <= 31"``, ``"31 < age <= 45"``, ``"age > 45"``; quantiles that coincide are one cut. Where a
    value is missing, none of the column's concepts holds.

    Args:
        table: a row for each input: a data frame (of pandas, polars or another that narwhals reads), or arrays by name.
        columns: which columns; None for all.
        bins: how many ranges.
        most_levels: a column of texts with more levels keeps the most frequent ones.

    Returns:
        Concepts over inputs; the category is the column.

    Raises:
        ConceptError: no table, no such column, columns of different length, infinite numbers, or fewer than two bins.

    Example:
        >>> from aitia.networks.concepts import from_table
        >>> inventory = from_table({"colour": ["red", "blue", "red"], "age": [20.0, 31.0, 64.0]}, bins=2)
        >>> inventory.names
        ('colour = blue', 'colour = red', 'age <= 31', 'age > 31')
    """
    import pandas as pd

    if bins < 2:
        raise ConceptError(f"Numbers are cut into two ranges or more; came bins={bins}.", "Give bins=4.")
    held = _by_name(table)
    names = list(held)
    wanted = names if columns is None else list(columns)
    for each in wanted:
        if each not in names:
            raise ConceptError(f"The table has no column {each!r}.", nearest(each, names))
    series = {name: pd.Series(held[name]).reset_index(drop=True) for name in wanted}
    lengths = {name: len(each) for name, each in series.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{name} {n:,}" for name, n in lengths.items())
        raise ConceptError(f"Columns have different lengths: {said}.", "Give a row for each input.")
    found: list[tuple[str, str, np.ndarray]] = []
    decisions: list[Decision] = []
    for name, each in series.items():
        found += _concepts(name, each, bins, most_levels, decisions)
    if not found:
        raise ConceptError(
            "The table gave no concept.", "Give columns that have two different values at least."
        )
    masks = np.stack([mask for *_, mask in found])
    layout = Layout(masks.shape[1])
    return Inventory(
        layout,
        tuple(name for name, *_ in found),
        layout.pack(masks),
        tuple(category for _, category, _ in found),
        decisions=tuple(decisions),
    )


def _by_name(table: Any) -> dict[str, Any]:
    """The columns of a table, by their names as texts."""
    import pandas as pd

    if isinstance(table, Mapping):
        return {str(name): values for name, values in table.items()}
    if not isinstance(table, pd.DataFrame):
        import narwhals as nw

        try:
            table = nw.from_native(table, eager_only=True).to_pandas()
        except TypeError as error:
            raise ConceptError(
                f"Expected a data frame, or arrays by name; came {type(table).__name__}.",
                'Give {"age": ages, "colour": colours}.',
            ) from error
    return {str(name): table.iloc[:, at] for at, name in enumerate(table.columns)}


def _concepts(
    name, series, bins: int, most: int, decisions: list[Decision]
) -> list[tuple[str, str, np.ndarray]]:
    import pandas as pd

    missing = series.isna().to_numpy()
    if missing.any():
        what = f"{int(missing.sum()):,} of {len(series):,} values of {name!r} are missing"
        decisions.append(Decision(what, "no concept of that column holds there"))
    present = series[~missing]
    if pd.api.types.is_bool_dtype(present.infer_objects()) and len(present):
        return [(name, name, series.eq(True).fillna(False).to_numpy(dtype=bool))]
    levels = present.value_counts()
    if len(levels) < 2:
        decisions.append(Decision(f"left out the column {name!r}", "all its values are the same"))
        return []
    if pd.api.types.is_numeric_dtype(series) and len(levels) > bins:
        values = series.to_numpy(dtype=float)
        if np.isinf(values).any():
            raise ConceptError(
                f"The column {name!r} is infinite in row {int(np.argmax(np.isinf(values)))}.",
                "Make it missing, or a large number: ranges end at numbers.",
            )
        cuts = np.unique(np.quantile(values[~missing], np.arange(1, bins) / bins))
        # Of several quantiles between the same two values one is enough: between them there is no row.
        ordered = np.sort(values[~missing])
        _, first = np.unique(np.searchsorted(ordered, cuts, side="right"), return_index=True)
        cuts = cuts[first]
        cuts = cuts[cuts < ordered[-1]]
        if not len(cuts):  # the highest value is the most common one, and every quantile
            cuts = ordered[ordered < ordered[-1]][-1:]
        decisions.append(
            Decision(
                f"cut {name!r} into {len(cuts) + 1} ranges at {', '.join(f'{cut:.4g}' for cut in cuts)}",
                f"its quantiles at multiples of 1/{bins}",
            )
        )
        edges = [-np.inf, *cuts, np.inf]
        words = _in_words(name, cuts)
        return [
            (words[at], name, (values > edges[at]) & (values <= edges[at + 1]))
            for at in range(len(edges) - 1)
        ]
    kept = levels.index[:most]
    if len(levels) > most:
        left = [str(each) for each in levels.index[most:]]
        decisions.append(
            Decision(
                f"left out {len(left):,} of {len(levels):,} levels of {name!r}: {listing(left)}", "the rarest"
            )
        )
    ordered = (
        sorted(kept, key=lambda level: (isinstance(level, str), level))
        if len({*map(type, kept)}) == 1
        else kept
    )
    return [
        (f"{name} = {level}", name, series.eq(level).fillna(False).to_numpy(dtype=bool)) for level in ordered
    ]


def _in_words(name: str, cuts: np.ndarray) -> list[str]:
    """The ranges in words, with as many digits as tell the cuts apart."""
    texts: list[str] = []
    for digits in range(4, 18):
        texts = [f"{cut:.{digits}g}" for cut in cuts]
        if len(set(texts)) == len(texts):
            break
    if not texts:
        return [name]
    inner = [f"{low} < {name} <= {high}" for low, high in pairwise(texts)]
    return [f"{name} <= {texts[0]}", *inner, f"{name} > {texts[-1]}"]
