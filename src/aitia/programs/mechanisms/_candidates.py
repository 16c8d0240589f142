"""The mechanisms that are tried for a node when nobody says which, the simplest first."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np

from aitia.data import Kind
from aitia.programs._mechanism import Mechanism
from aitia.programs.mechanisms._conditional_flow import ConditionalFlow
from aitia.programs.mechanisms._families import Bernoulli, Categorical, Gamma, NegativeBinomial, Poisson
from aitia.programs.mechanisms._generalised_linear import GeneralisedLinear
from aitia.programs.mechanisms._linear import Linear
from aitia.programs.mechanisms._marginal import Marginal
from aitia.programs.mechanisms._root import Root
from aitia.programs.mechanisms._spline import Spline
from aitia.programs.mechanisms._table import Table
from aitia.programs.mechanisms._tree_ensemble import TreeEnsemble

MOST_COMBINATIONS = 64
"""A table is tried where the parents' levels make at most so many combinations."""


def default_candidates(
    node: str,
    parents: tuple[str, ...],
    kinds: Mapping[str, Kind],
    n_levels: Mapping[str, int],
    values: np.ndarray,
) -> list[Mechanism]:
    """The candidates for one node, the simplest first.

    Args:
        node: the node.
        parents: its parents, in the order of the graph.
        kinds: the kind of every node with data.
        n_levels: the number of levels of binary and categorical nodes.
        values: the node's column.
    """
    kind = kinds[node]
    levels = {name: n_levels[name] for name in parents if name in n_levels}
    numbers = [name for name in parents if name not in levels]
    small = not numbers and prod(levels.values()) <= MOST_COMBINATIONS
    pairs = len(parents) in range(2, 7)
    table = (
        [Table(*parents, parent_levels=levels, levels=range(n_levels[node]))]
        if small and node in n_levels
        else []
    )

    def linear(family, interactions=False) -> Mechanism:
        return GeneralisedLinear(*parents, family=family, categorical=levels, interactions=interactions)

    def spline(family=None) -> list[Mechanism]:
        return [Spline(*parents, family=family, categorical=levels)] if numbers else []

    if kind is Kind.BINARY:
        if not parents:
            return [Root(Bernoulli())]
        more = [linear(Bernoulli(), True)] if pairs else []
        return [linear(Bernoulli()), *table, *more, *spline(Bernoulli())]
    if kind is Kind.CATEGORICAL:
        family = Categorical(n_levels[node])
        return [*table] if not parents else [linear(family), *table, *spline(family)]
    if kind is Kind.COUNT:
        if not parents:
            return [Root(Poisson()), Root(NegativeBinomial())]
        return [linear(Poisson()), linear(NegativeBinomial()), *spline(NegativeBinomial())]
    positive = [Gamma()] if values.min() > 0 else []
    if not parents:
        return [Root(), *(Root(family) for family in positive), Marginal()]
    more = [Linear(*parents, categorical=levels, interactions=True)] if pairs else []
    return [
        Linear(*parents, categorical=levels),
        *(linear(family) for family in positive),
        *more,
        *spline(),
        TreeEnsemble(*parents, categorical=levels),
        ConditionalFlow(*parents, categorical=levels),
    ]
