"""A score of nonlinear models, by regressions between random features."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aitia.discovery._features import Columns, Ridge
from aitia.discovery._observations import Observations
from aitia.discovery.scores._base import Score, Scorer, check_discount


@dataclass(frozen=True)
class RandomFeatureScore(Score):
    """A generalised score: how well the distribution of a node is told from its parents, without a form for it.

    The node enters as features f (random Fourier features of a Gaussian kernel), regressed by ridge
    regression on random features of its parents. The local score is the largest, over penalties of the regression, of

        -n/2 log(|f - fitted|^2 / |f|^2) - c/2 df log n

    with the trace of the smoother as degrees of freedom df: a BIC whose dimension the data choose. Time grows with n.

    It is not exactly equal for Markov equivalent DAGs.

    Args:
        features: random features of a node.
        parent_features: random features of a parent set (at most a fifth of the rows).
        discount: the penalty in units of BIC's own.
        seed: of the random features.

    Assumptions: independent rows; smooth dependence. Any kind of column: categories enter as indicators.

    Source: Huang, Zhang, Lin, Schölkopf & Glymour (2018), KDD, sections 3 and 4, for regression between kernels as a
    score; Rahimi & Recht (2007) for the features. The penalty is BIC's, in place of theirs by cross-validation.

    Example:
        >>> from aitia.discovery import Observations
        >>> rng = np.random.default_rng(0)
        >>> x, other = rng.normal(size=(2, 400))
        >>> data = Observations.of({"x": x, "other": other, "y": x**2 + 0.5 * rng.normal(size=400)})
        >>> scorer = RandomFeatureScore().on(data)
        >>> scorer.local(2, [0]) > scorer.local(2) > scorer.local(2, [1]) - 1e-9
        True
    """

    features: int = 50
    parent_features: int = 100
    discount: float = 1.0
    seed: int = 0
    name: ClassVar[str] = "random features"

    def on(self, data: Observations) -> Scorer:
        """The score over the rows of `data`."""
        check_discount(self.name, self.discount)
        data.require_complete(self.name)
        return _RandomFeatureScorer(self, data)


class _RandomFeatureScorer(Scorer):
    def __init__(self, score: RandomFeatureScore, data: Observations) -> None:
        super().__init__(data.names, data.rows)
        self._score = score
        self._columns = Columns.of(data)
        self._targets: dict[int, np.ndarray] = {}

    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        if not parents:
            return 0.0
        score, n = self._score, self.rows
        if node not in self._targets:
            self._targets[node] = self._columns.fourier((node,), score.features, score.seed)
        target = self._targets[node]
        count = min(score.parent_features, max(n // 5, 2))
        waves = self._columns.fourier(parents, count, score.seed)
        ridge = Ridge.on(np.column_stack([waves, self._columns.joined(parents)]))
        total = float((target**2).sum())
        explained = ((ridge.basis.T @ target) ** 2).sum(axis=1)
        penalties = ridge.spectrum[-1] * np.logspace(-8, 4, 49)
        gain = -0.5 * n * np.log(ridge.left_over(explained, total, penalties) / total)
        return float((gain - 0.5 * score.discount * math.log(max(n, 2)) * ridge.degrees(penalties)).max())
