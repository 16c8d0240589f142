"""What decided about each pair, kept as arrays and put into words only when asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import overload

import numpy as np

from aitia.discovery._discovery import EdgeEvidence
from aitia.discovery.constraint._skeleton import Skeleton


class PairEvidence(Sequence[EdgeEvidence]):
    """The evidence on every pair of variables, in the order of their names; each is made when asked for.

    Args:
        skeleton: the finished skeleton.
        reasons: why an arrow (cause, effect) points as it does, by positions.
        repaired: why a pair is joined or apart against the tests, by positions.
    """

    def __init__(
        self,
        skeleton: Skeleton,
        reasons: Mapping[tuple[int, int], str],
        repaired: Mapping[tuple[int, int], str] | None = None,
    ) -> None:
        self._skeleton = skeleton
        self._reasons = dict(reasons)
        self._repaired = dict(repaired or {})
        self._place = {name: i for i, name in enumerate(skeleton.setting.names)}

    def __len__(self) -> int:
        return len(self._skeleton.pairs)

    @overload
    def __getitem__(self, index: int) -> EdgeEvidence: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[EdgeEvidence, ...]: ...
    def __getitem__(self, index: int | slice) -> EdgeEvidence | tuple[EdgeEvidence, ...]:
        if isinstance(index, slice):
            return tuple(self._made(row) for row in range(*index.indices(len(self))))
        row = range(len(self))[index]
        return self._made(row)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(mine == each for mine, each in zip(self, other))

    __hash__ = None  # type: ignore[assignment]

    def between(self, a: str, b: str) -> EdgeEvidence | None:
        """What decided about two variables; None if one is not there."""
        if a == b or a not in self._place or b not in self._place:
            return None
        return self._made(self._skeleton.row(self._place[a], self._place[b]))

    def _made(self, row: int) -> EdgeEvidence:
        skeleton = self._skeleton
        names = skeleton.setting.names
        a, b = (int(each) for each in skeleton.pairs[row])
        adjacent = bool(skeleton.adjacent[a, b])
        tested = skeleton.p_values[row] >= 0
        reason = self._repaired.get((a, b), "")
        if skeleton.ruled_out[row]:
            reason = "apart by knowledge"
        elif adjacent:
            reason = reason or self._reasons.get((a, b)) or self._reasons.get((b, a)) or ""
            if skeleton.separated[row] and not reason:
                reason = "kept by knowledge"
        return EdgeEvidence(
            names[a],
            names[b],
            adjacent,
            tuple(names[i] for i in skeleton.given(row)) if tested else (),
            float(skeleton.statistics[row]) if tested else None,
            float(skeleton.p_values[row]) if tested else None,
            reason=reason,
        )

    def __repr__(self) -> str:
        return (
            f"<evidence on {len(self):,} pairs, {int(np.sum(self._skeleton.adjacent)) // 2:,} of them joined>"
        )
