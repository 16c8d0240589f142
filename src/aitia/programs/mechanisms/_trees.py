"""Trees of scikit-learn as arrays of nodes, evaluated in JAX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from aitia.programs.mechanisms._errors import NotConvertible


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of regression trees: prediction = base + sum over trees of weight * leaf.

    Args:
        feature: the column each node looks at, shape (trees, nodes); a leaf looks at column 0.
        threshold: rows with value <= threshold go left, shape (trees, nodes).
        left: the node to the left; a leaf's is itself.
        right: the node to the right; a leaf's is itself.
        value: what a leaf predicts, shape (trees, nodes).
        depth: how many steps reach every leaf.
        weight: the weight of each tree.
        base: added to the sum.
        single: whether inputs are rounded to 32 bits first, as scikit-learn's forests do.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    depth: int
    weight: float
    base: float
    single: bool

    def predict(self, row: jax.Array) -> jax.Array:
        """The prediction for one unit's row of numbers."""
        if self.single:
            row = row.astype(jnp.float32).astype(row.dtype)
        feature, threshold, left, right, value = map(
            jnp.asarray, (self.feature, self.threshold, self.left, self.right, self.value)
        )
        trees = jnp.arange(len(self.feature))

        def step(_, node):
            goes_left = row[feature[trees, node]] <= threshold[trees, node]
            return jnp.where(goes_left, left[trees, node], right[trees, node])

        leaf = jax.lax.fori_loop(0, self.depth, step, jnp.zeros(len(self.feature), self.left.dtype))
        return self.base + self.weight * jnp.sum(value[trees, leaf])


def trees_of(estimator: Any) -> Trees:
    """The trees of a fitted scikit-learn regressor.

    Args:
        estimator: a DecisionTreeRegressor, RandomForestRegressor, ExtraTreesRegressor, GradientBoostingRegressor or
            HistGradientBoostingRegressor.

    Raises:
        NotConvertible: it is none of these, or its prediction is no plain sum of trees.
    """
    from sklearn import ensemble, tree

    name = type(estimator).__name__
    if isinstance(estimator, ensemble.HistGradientBoostingRegressor):
        return _histogram(estimator)
    if isinstance(estimator, ensemble.GradientBoostingRegressor):
        start = getattr(estimator.init_, "constant_", None)
        if start is None and estimator.init_ != "zero":
            raise NotConvertible(
                f"{name} starts from the estimator {estimator.init_!r}, which is no constant.",
                "Leave its argument init at None.",
            )
        base = 0.0 if start is None else float(np.ravel(start)[0])
        return _plain([each.tree_ for each in estimator.estimators_[:, 0]], estimator.learning_rate, base)
    if isinstance(estimator, ensemble.RandomForestRegressor | ensemble.ExtraTreesRegressor):
        return _plain([each.tree_ for each in estimator.estimators_], 1 / len(estimator.estimators_), 0.0)
    if isinstance(estimator, tree.DecisionTreeRegressor):
        return _plain([estimator.tree_], 1.0, 0.0)
    raise NotConvertible(
        f"{name} cannot be evaluated inside a program.",
        "Use a RandomForestRegressor, ExtraTreesRegressor, GradientBoostingRegressor, HistGradientBoostingRegressor "
        "or DecisionTreeRegressor; or NeuralNetwork or GaussianProcess for a smooth curve.",
    )


def _stack(
    parts: list[tuple[np.ndarray, ...]], depth: int, weight: float, base: float, single: bool
) -> Trees:
    """Trees of different sizes, padded with leaves."""
    size = max(len(each[0]) for each in parts)

    def padded(at: int, kind: type) -> np.ndarray:
        made = np.zeros((len(parts), size), kind)
        for row, each in enumerate(parts):
            made[row, : len(each[at])] = each[at]
        return made

    return Trees(
        padded(0, np.int32), padded(1, float), padded(2, np.int32), padded(3, np.int32), padded(4, float),
        depth, weight, base, single,
    )  # fmt: skip


def _plain(found: list[Any], weight: float, base: float) -> Trees:
    parts = []
    for each in found:
        if each.n_outputs != 1:
            raise NotConvertible("The trees predict several numbers.", "Fit one estimator for each number.")
        leaf = each.children_left < 0
        own = np.arange(each.node_count)
        parts.append(
            (
                np.where(leaf, 0, each.feature),
                each.threshold,
                np.where(leaf, own, each.children_left),
                np.where(leaf, own, each.children_right),
                each.value[:, 0, 0],
            )
        )
    return _stack(parts, max(each.max_depth for each in found), weight, base, single=True)


def _histogram(estimator: Any) -> Trees:
    # The grown trees and the starting point are private in scikit-learn; TreeEnsemble compares the outcome with
    # predict() on the rows it was fitted to, so that a change there is an error, never a wrong number.
    if estimator.loss not in ("squared_error", "absolute_error", "quantile"):
        raise NotConvertible(
            f"HistGradientBoostingRegressor(loss={estimator.loss!r}) predicts a function of its trees' sum.",
            "Use loss='squared_error'.",
        )
    parts, depth = [], 0
    for (tree,) in estimator._predictors:
        nodes = tree.nodes
        if nodes["is_categorical"].any():
            raise NotConvertible(
                "The trees split on sets of levels.",
                "Leave categorical_features out and declare the parents categorical here; they enter one-hot.",
            )
        leaf = nodes["is_leaf"].astype(bool)
        own = np.arange(len(nodes))
        parts.append(
            (
                np.where(leaf, 0, nodes["feature_idx"]),
                nodes["num_threshold"],
                np.where(leaf, own, nodes["left"].astype(int)),
                np.where(leaf, own, nodes["right"].astype(int)),
                nodes["value"],
            )
        )
        depth = max(depth, int(nodes["depth"].max()))
    return _stack(parts, depth, 1.0, float(np.ravel(estimator._baseline_prediction)[0]), single=False)
