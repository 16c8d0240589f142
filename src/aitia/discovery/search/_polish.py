"""Order moves and class steps in turn, until neither finds a better graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from aitia.discovery.search._classes import EVERY, ClassSearch
from aitia.discovery.search._orders import Order
from aitia.discovery.search._setting import Setting


def settle(orders: Order, random: np.random.Generator) -> list[list[int]]:
    """Move variables to their best places, in random turns, until none moves; the parents then."""
    total = orders.total()
    while orders.sweep(random.permutation(len(orders.order()))):
        # Where columns determine each other, rounding may make moves look good for ever.
        before, total = total, orders.total()
        if total <= before:
            break
    return orders.parents()


def allowed_order(setting: Setting, wish: Iterable[int]) -> list[int]:
    """The order nearest to a wished one that knowledge allows: always the first by wish whose predecessors stand."""
    left = [int(v) for v in wish]
    if not setting.before.any():
        return left
    order: list[int] = []
    while left:
        standing = np.zeros(setting.count, bool)
        standing[left] = True
        ready = next(v for v in left if not (setting.before[:, v] & standing).any())
        left.remove(ready)
        order.append(ready)
    return order


def from_random_order(
    setting: Setting, orders: Order, classes: ClassSearch, random: np.random.Generator
) -> list[list[int]]:
    """A DAG that neither best moves nor operators improve, starting from a random order."""
    orders.put(allowed_order(setting, random.permutation(setting.count)))
    found = settle(orders, random)
    parents = checked(classes, found)
    return parents if parents is found else alternate(setting, orders, classes, parents, random)


def alternate(
    setting: Setting,
    orders: Order,
    classes: ClassSearch,
    parents: list[list[int]],
    random: np.random.Generator,
) -> list[list[int]]:
    """A DAG that neither best moves of its order nor operators on its class improve.

    Where one kind of step is stuck the other often is not.

    Args:
        setting: the search's variables, score and knowledge.
        orders: best moves of orders.
        classes: steps between classes.
        parents: a DAG whose class no operator improves.
        random: the turns of the variables.
    """
    while True:
        total = setting.total(parents)
        orders.put(causal_order(parents, setting.before))
        found = settle(orders, random)
        if orders.total() <= total + setting.tolerance:
            return parents
        parents = checked(classes, found)
        if parents is found:
            return parents


def checked(classes: ClassSearch, parents: list[list[int]]) -> list[list[int]]:
    """A DAG whose class no operator improves, starting from this one, which is returned if it is one.

    In the limit of many rows a class that no insertion and no deletion improves is the true one (Chickering 2002,
    lemmas 9 and 10).
    """
    classes.start(parents)
    if not classes.run(EVERY):
        return parents
    found = classes.parents()
    return found if classes.setting.total(found) > classes.setting.total(parents) else parents


def causal_order(parents: Sequence[Sequence[int]], before: np.ndarray) -> list[int]:
    """The causal order of a DAG that comes first by position, among those that agree with `before`."""
    import heapq

    above = before.copy()
    for v, each in enumerate(parents):
        above[list(each), v] = True
    left = above.sum(axis=0).tolist()
    ready = [v for v, count in enumerate(left) if count == 0]
    order: list[int] = []
    while ready:
        v = heapq.heappop(ready)
        order.append(v)
        for w in np.flatnonzero(above[v]).tolist():
            left[w] -= 1
            if left[w] == 0:
                heapq.heappush(ready, w)
    return order
