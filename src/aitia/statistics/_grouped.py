"""Moments of many groups of rows, stacked, so that replicates are linear algebra over groups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from aitia.statistics._errors import BadBlock, DifferentVariables, UnknownVariable
from aitia.statistics._moments import Moments, two_sum

_WORK = 1 << 22  # float64 numbers held at once while many replicates are merged: 32 MiB


@dataclass(frozen=True, eq=False)
class GroupedMoments:
    """The `Moments` of G groups of rows, stacked.

    A group is whatever the codes given to `accumulate` say: a block, a fold, an arm, or any combination
    of them (``code = arm * n_blocks + block``). Arm moments, fold complements, jackknife and bootstrap
    replicates are sums over groups.

    Args:
        names: the k variables.
        counts: rows of positive weight, shape (G,).
        weights: total weight, shape (G,).
        means: shape (G, k); zero for an empty group.
        crosses: centred cross-products, shape (G, k, k).
        means_low: what the rounding of `means` left over, shape (G, k).

    Example:
        >>> from aitia.statistics import accumulate
        >>> block = np.arange(12.0).reshape(6, 2)
        >>> folds = accumulate([block], ["x", "y"], groups=np.array([0, 1, 2, 0, 1, 2]), n_groups=3)
        >>> folds.leave_out(0).count, folds.sum(np.array([0, 2, 1])).count
        (4, 6)
    """

    names: tuple[str, ...]
    counts: np.ndarray
    weights: np.ndarray
    means: np.ndarray
    crosses: np.ndarray
    means_low: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        if not self.means_low.size:
            object.__setattr__(self, "means_low", np.zeros_like(self.means))

    @classmethod
    def zero(cls, names: Sequence[str], n_groups: int) -> GroupedMoments:
        """No rows in any of `n_groups` groups."""
        k = len(names)
        return cls(
            tuple(names),
            np.zeros(n_groups, np.int64),
            np.zeros(n_groups),
            np.zeros((n_groups, k)),
            np.zeros((n_groups, k, k)),
        )

    @classmethod
    def stack(cls, moments: Sequence[Moments]) -> GroupedMoments:
        """One group for each of the given moments, which must be of the same variables."""
        first = moments[0]
        for each in moments:
            if each.names != first.names:
                raise DifferentVariables(first.names, each.names)
        return cls(
            first.names,
            np.array([each.count for each in moments]),
            np.array([each.weight for each in moments]),
            np.stack([each.mean for each in moments]),
            np.stack([each.cross for each in moments]),
            np.stack([each.mean_low for each in moments]),
        )

    def __len__(self) -> int:
        return len(self.weights)

    def __iter__(self) -> Iterator[Moments]:
        return (self[group] for group in range(len(self)))

    def __getitem__(self, group: int) -> Moments:
        return Moments(
            self.names,
            int(self.counts[group]),
            float(self.weights[group]),
            self.means[group],
            self.crosses[group],
            self.means_low[group],
        )

    def __repr__(self) -> str:
        from aitia.core import listing

        return f"GroupedMoments({listing(self.names)}; {len(self)} groups, {int(self.counts.sum()):,} rows)"

    def __add__(self, other: GroupedMoments) -> GroupedMoments:
        """Group by group merge of two shards; see `Moments`."""
        if not isinstance(other, GroupedMoments):
            return NotImplemented
        if self.names != other.names:
            raise DifferentVariables(self.names, other.names)
        if len(self) != len(other):
            raise BadBlock(
                f"Shards of {len(self)} and {len(other)} groups cannot be merged.",
                "Accumulate both with the same n_groups.",
            )
        into = Accumulating.of(self)
        into.merge(slice(None), other.counts, other.weights, other.means, other.means_low, other.crosses)
        return into.frozen()

    # -- sums over groups ----------------------------------------------------------------------------------

    def total(self) -> Moments:
        """The moments of all rows."""
        return self.sum(np.ones(len(self)))

    def leave_out(self, group: int) -> Moments:
        """The moments of all rows but one group's."""
        multiplicities = np.ones(len(self))
        multiplicities[group] = 0.0
        return self.sum(multiplicities)

    def leave_each_out(self) -> GroupedMoments:
        """G moments, each of all rows but one group's: the replicates of a jackknife or of cross-fitting."""
        return self.sums(1.0 - np.eye(len(self)))

    def sum(self, multiplicities: np.ndarray) -> Moments:
        """The moments of the groups taken so many times each.

        Args:
            multiplicities: a mask or non-negative numbers, shape (G,).
        """
        return self.sums(np.asarray(multiplicities)[None, :])[0]

    def sums(self, multiplicities: np.ndarray) -> GroupedMoments:
        """R replicates at once: the moments under each row of multiplicities.

        Each replicate's cross-products are sum_g M_rg (C_g + W_g d_rg d_rg') with d_rg the distance of
        the group's mean to that replicate's own mean: one matrix product for the first part and one
        batched product for the second, with no subtraction of large numbers, so that a replicate is as
        exact as a pass over its rows.

        Args:
            multiplicities: masks or non-negative numbers, shape (R, G).

        Returns:
            Moments of R groups; a replicate of no rows has weight zero.
        """
        multiplicities = np.asarray(multiplicities)
        counted = multiplicities.astype(float)
        if multiplicities.ndim != 2 or multiplicities.shape[1] != len(self):
            raise BadBlock(
                f"Multiplicities must have shape (replicates, {len(self)}), not {multiplicities.shape}.",
                "One column for each group.",
            )
        replicates, k = len(counted), len(self.names)
        counts = np.rint(counted @ self.counts).astype(np.int64)
        weights = counted @ self.weights
        means, lows = np.zeros((replicates, k)), np.zeros((replicates, k))
        crosses = (counted @ self.crosses.reshape(len(self), -1)).reshape(replicates, k, k)
        step = max(1, _WORK // max(1, len(self) * k))
        for start in range(0, replicates, step):
            at = slice(start, start + step)
            share = counted[at] * self.weights
            weight = np.where(weights[at] > 0, weights[at], 1.0)
            share_of_all = share / weight[:, None]
            mean = share_of_all @ self.means
            away = (self.means - mean[:, None, :]) + self.means_low
            # The product above rounded the mean; what is left of it is exact here, because away is small.
            left = np.einsum("rg,rgj->rj", share_of_all, away)
            away -= left[:, None, :]
            means[at], lows[at] = two_sum(mean, left)
            crosses[at] += np.matmul((away * share[:, :, None]).transpose(0, 2, 1), away)
        empty = weights <= 0
        means[empty], lows[empty], crosses[empty] = 0.0, 0.0, 0.0
        crosses += crosses.transpose(0, 2, 1)
        crosses *= 0.5
        return GroupedMoments(self.names, counts, weights, means, crosses, lows)

    def merged(self, into: np.ndarray, n_groups: int) -> GroupedMoments:
        """Coarser groups: group g joins group ``into[g]`` (arms out of arm by block, folds out of blocks).

        Args:
            into: the new group of each group, shape (G,), integers below `n_groups`.
            n_groups: how many new groups there are.
        """
        onto = np.zeros((n_groups, len(self)))
        onto[np.asarray(into), np.arange(len(self))] = 1.0
        return self.sums(onto)

    def select(self, groups: np.ndarray) -> GroupedMoments:
        """Some of the groups, by mask or positions."""
        return GroupedMoments(
            self.names,
            self.counts[groups],
            self.weights[groups],
            self.means[groups],
            self.crosses[groups],
            self.means_low[groups],
        )

    def subset(self, names: Sequence[str]) -> GroupedMoments:
        """The same groups with some of the variables, in the order given."""
        missing = [name for name in names if name not in self.names]
        if missing:
            raise UnknownVariable(missing[0], self.names)
        at = np.array([self.names.index(name) for name in names], np.intp)
        return GroupedMoments(
            tuple(names),
            self.counts,
            self.weights,
            self.means[:, at],
            self.crosses[:, at[:, None], at],
            self.means_low[:, at],
        )


class Accumulating:
    """The same stacked arrays while they grow, in place: merging a chunk touches only the groups it holds."""

    def __init__(self, names: tuple[str, ...], n_groups: int) -> None:
        k = len(names)
        self.names = names
        self.counts = np.zeros(n_groups, np.int64)
        self.weights = np.zeros(n_groups)
        self.means = np.zeros((n_groups, k))
        self.lows = np.zeros((n_groups, k))
        self.crosses = np.zeros((n_groups, k, k))

    @classmethod
    def of(cls, grouped: GroupedMoments) -> Accumulating:
        """A growing copy."""
        growing = cls(grouped.names, len(grouped))
        growing.counts[:], growing.weights[:] = grouped.counts, grouped.weights
        growing.means[:], growing.lows[:] = grouped.means, grouped.means_low
        growing.crosses[:] = grouped.crosses
        return growing

    def merge(
        self,
        at: slice | np.ndarray,
        counts: np.ndarray,
        weights: np.ndarray,
        means: np.ndarray,
        lows: np.ndarray,
        crosses: np.ndarray,
    ) -> None:
        """Merge a chunk's groups (positions `at`, without repetition) by the pairwise update of `Moments`."""
        held = self.weights[at]
        weight = held + weights
        safe = np.where(weight > 0, weight, 1.0)
        delta = (means - self.means[at]) + (lows - self.lows[at])
        # An empty side must not lend its placeholder mean of zero.
        share = np.where(held > 0, weights / safe, 1.0)[:, None]
        delta = np.where((weights > 0)[:, None], delta, 0.0)
        mean, low = two_sum(self.means[at], self.lows[at] + delta * share)
        first = ((held <= 0) & (weights > 0))[:, None]
        self.means[at] = np.where(first, means, mean)
        self.lows[at] = np.where(first, lows, low)
        scaled = delta * np.where(held > 0, held * weights / safe, 0.0)[:, None]
        self.crosses[at] += crosses + scaled[:, :, None] * delta[:, None, :]
        self.weights[at] = weight
        self.counts[at] += counts

    def frozen(self) -> GroupedMoments:
        """The finished stack."""
        return GroupedMoments(self.names, self.counts, self.weights, self.means, self.crosses, self.lows)
