"""Numbers of things in sentences."""

from __future__ import annotations


def many(count: int, one: str, several: str = "") -> str:
    """A number with its noun in the singular or the plural.

    Args:
        count: how many.
        one: what is said of one.
        several: what is said of several; "" for `one` with an s.

    Example:
        >>> many(1, "unit"), many(1200, "unit"), many(0, "category", "categories")
        ('1 unit', '1,200 units', '0 categories')
    """
    return f"{count:,} {one if count == 1 else several or one + 's'}"


def either(count: int, one: str, several: str) -> str:
    """The words that are said of one, or those of several.

    Example:
        >>> either(1, "its formula says", "their formulas say")
        'its formula says'
    """
    return one if count == 1 else several
