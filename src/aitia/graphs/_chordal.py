"""Acyclic orientations of a chordal graph without unshielded colliders: counted and drawn by Clique-Picking.

Sets of nodes are bit masks, so that unions and meets are single operations.

Source: Wienöbst, Bannach & Liskiewicz (2021), Polynomial-time algorithms for counting and sampling Markov equivalent
DAGs (AAAI; extended in JMLR 24, 2023). Names of theirs are in the comments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import factorial, prod


def bits(mask: int) -> Iterator[int]:
    """The positions in a mask, smallest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def components(near: Sequence[int], mask: int) -> Iterator[int]:
    """The connected components of the subgraph on a mask."""
    while mask:
        found = front = mask & -mask
        while front:
            around = 0
            for i in bits(front):
                around |= near[i]
            front = around & mask & ~found
            found |= front
        yield found
        mask &= ~found


class Orientations:
    """The orientations of a chordal graph that are acyclic and make no unshielded collider (its AMOs).

    Args:
        near: the neighbours of each position, as masks.

    Example:
        >>> path = Orientations([0b010, 0b101, 0b010])
        >>> path.count(0b111)
        3
    """

    def __init__(self, near: Sequence[int]) -> None:
        self.near = near
        self._known: dict[int, int] = {}
        self._plans: dict[int, list[tuple[int, tuple[int, ...], list[int]]]] = {}

    def count(self, mask: int) -> int:
        """How many there are for the connected subgraph on a mask."""
        known = self._known
        stack = [mask]
        while stack:
            at = stack[-1]
            if at in known:
                stack.pop()
                continue
            plan = self._plan(at)
            waiting = [part for _, _, parts in plan for part in parts if part not in known]
            if waiting:
                stack += waiting
                continue
            known[at] = sum(self._weight(each) for each in plan)
            stack.pop()
        return known[mask]

    def every(self, mask: int) -> Iterator[tuple[int, ...]]:
        """Each orientation of the connected subgraph on a mask once, as an order of its positions.

        By the enumeration of Wienöbst, Luttermann, Bannach & Liskiewicz (2023, Efficient enumeration of Markov
        equivalent DAGs, AAAI, Algorithm 1): of the nodes with most neighbours placed, those joined to one of them
        may come next in turn. Another choice of the next node gives another orientation, because each such part has one
        source; so no work is lost, and the time between two answers is polynomial.
        """
        near = self.near
        stack: list[tuple[tuple[int, ...], int, dict[int, int]]] = [((), mask, dict.fromkeys(bits(mask), 0))]
        while stack:
            order, left, weight = stack.pop()
            if not left:
                yield order
                continue
            most = max(weight.values())
            group = sum(1 << i for i, each in weight.items() if each == most)
            for i in sorted(bits(next(components(near, group))), reverse=True):
                beside = near[i]
                after = {j: each + (beside >> j & 1) for j, each in weight.items() if j != i}
                stack.append(((*order, i), left & ~(1 << i), after))

    def draw(self, mask: int, below: Callable[[int], int]) -> list[int]:
        """A uniform one, as an order of the positions: each edge points from the earlier to the later.

        Args:
            mask: a connected subgraph.
            below: gives a uniform integer from 0 up to, but not including, its argument.
        """
        self.count(mask)
        order: list[int] = []
        stack = [mask]
        while stack:
            at = stack.pop()
            plan = self._plan(at)
            left = below(self._known[at])
            for each in plan:
                left -= self._weight(each)
                if left < 0:
                    clique, forbidden, parts = each
                    order += self._permutation(clique, forbidden, below)
                    # Parts come in the order of the search; the stack turns them round.
                    stack += reversed(parts)
                    break
        return order

    def _weight(self, each: tuple[int, tuple[int, ...], list[int]]) -> int:
        clique, forbidden, parts = each
        sizes = tuple(part.bit_count() for part in forbidden)
        return permutations_without_prefixes(clique.bit_count(), sizes) * prod(
            self._known[part] for part in parts
        )

    def _plan(self, mask: int) -> list[tuple[int, tuple[int, ...], list[int]]]:
        """For each maximal clique: the clique, the prefixes it must not have, and what is left to orient after it."""
        if (found := self._plans.get(mask)) is None:
            found = [
                (clique, forbidden, self._after(mask, clique))
                for clique, forbidden in self._cliques_with_prefixes(mask)
            ]
            self._plans[mask] = found
        return found

    def _cliques_with_prefixes(self, mask: int) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The maximal cliques, each with FP: the separators inside it on its way to the root of a clique tree.

        Maximum cardinality search gives cliques and tree (Blair & Peyton 1993, Figure 4.3). An orientation that
        starts with several cliques is counted once, at the one nearest to the root.
        """
        near = self.near
        weight = dict.fromkeys(bits(mask), 0)
        buckets: list[int] = [mask]
        top = 0
        placed, size_before = 0, 0
        place: dict[int, int] = {}
        home: dict[int, int] = {}
        cliques: list[int] = []
        above: list[int] = []
        separators: list[int] = []
        while placed != mask:
            while not buckets[top]:
                top -= 1
            low = buckets[top] & -buckets[top]
            v = low.bit_length() - 1
            buckets[top] ^= low
            before = near[v] & placed
            size = before.bit_count()
            if size <= size_before:
                parent = home[max(bits(before), key=place.__getitem__)] if before else -1
                cliques.append(before)
                separators.append(before)
                above.append(parent)
            elif not cliques:
                cliques.append(0)
                separators.append(0)
                above.append(-1)
            cliques[-1] |= low
            home[v] = len(cliques) - 1
            place[v] = len(place)
            placed |= low
            size_before = size
            for w in bits(near[v] & mask & ~placed):
                k = weight[w]
                buckets[k] ^= 1 << w
                weight[w] = k + 1
                if k + 1 == len(buckets):
                    buckets.append(0)
                buckets[k + 1] |= 1 << w
            top = min(top + 1, len(buckets) - 1)
        for k, clique in enumerate(cliques):
            inside: set[int] = set()
            at = k
            while above[at] >= 0:
                if separators[at] & ~clique == 0:
                    inside.add(separators[at])
                at = above[at]
            # They are nested (Lemma 5 there), so their sizes put them in order.
            yield clique, tuple(sorted(inside, key=int.bit_count))

    def _after(self, mask: int, clique: int) -> list[int]:
        """What no rule orients once a clique comes first (Algorithm 1 there), in the order of the search."""
        near = self.near
        groups = [clique, mask & ~clique]
        done = clique
        found: list[int] = []
        while groups:
            group = groups[0]
            if not group:
                groups.pop(0)
                continue
            if group & ~done:
                done |= group
                found += components(near, group)
            low = group & -group
            beside = near[low.bit_length() - 1]
            groups[0] = group ^ low
            refined: list[int] = []
            for each in groups:
                if inside := each & beside:
                    refined.append(inside)
                if outside := each & ~beside:
                    refined.append(outside)
            groups = refined
        return found

    @staticmethod
    def _permutation(clique: int, forbidden: tuple[int, ...], below: Callable[[int], int]) -> list[int]:
        """A uniform permutation of a clique that has none of the forbidden sets as a prefix, by rejection.

        At least about 0.46 of all permutations have none: the worst case is a full chain of sets, for which
        these are the indecomposable permutations.
        """
        lengths = {each.bit_count(): each for each in forbidden}
        while True:
            order = list(bits(clique))
            for i in range(len(order) - 1, 0, -1):
                j = below(i + 1)
                order[i], order[j] = order[j], order[i]
            prefix = 0
            for length, i in enumerate(order, 1):
                prefix |= 1 << i
                if lengths.get(length) == prefix:
                    break
            else:
                return order


@lru_cache(maxsize=100_000)
def permutations_without_prefixes(size: int, prefixes: tuple[int, ...]) -> int:
    """How many permutations of a set have none of some nested subsets as a prefix (phi, Proposition 1 there).

    Args:
        size: of the set.
        prefixes: the sizes of the subsets, increasing.

    Example:
        >>> permutations_without_prefixes(3, (1, 2))
        3
    """
    return factorial(size) - sum(
        factorial(size - inner) * permutations_without_prefixes(inner, prefixes[:i])
        for i, inner in enumerate(prefixes)
    )
