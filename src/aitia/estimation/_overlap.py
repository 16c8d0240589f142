"""Overlap: whether every kind of row could have received every treatment, and where not."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.core import AitiaError
from aitia.estimation._crossfit import arrange, one_thread_each
from aitia.estimation._estimate import Diagnostic
from aitia.estimation._learners import Series, Workshop, cross_fit_propensities
from aitia.estimation._sample import Sample

_THIN = 0.02
_TREE_ROWS = 20_000


class NoOverlap(AitiaError):
    """The covariates tell the treatment without error, so no row has a counterpart under the other treatment."""


def propensities(sample: Sample, learner: Any = None, *, folds: int = 5, seed: int = 0) -> np.ndarray:
    """Out-of-fold probabilities of every treatment level given the covariates, P(T = a | X).

    Args:
        sample: the rows; a binary or categorical treatment.
        learner: a classifier with scikit-learn's interface; None takes the series default.
        folds: number of folds.
        seed: the seed of the folds.

    Returns:
        Shape (n, levels), rows sum to one; for a binary treatment column 1 is the propensity score.
    """
    with one_thread_each():
        arranged = arrange(sample, folds, seed)
        fitted = cross_fit_propensities(
            Workshop(arranged), Series() if learner is None else learner, arranged.arm, arranged.arms
        )
    return arranged.restore(fitted.values)


def overlap(
    sample: Sample, probabilities: np.ndarray, *, rows: np.ndarray | None = None, given: int | None = None
) -> Diagnostic:
    """What the propensities say about overlap.

    The effective sample size of arm a is (sum w)^2 / sum w^2 over its rows, with w = h(X) / P(T = a | X)
    (Kish 1965), times the survey weights; h is 1 for everyone and the propensity of the treated for the treated.

    Args:
        sample: the rows.
        probabilities: P(T = a | X), shape (n, levels).
        rows: mask of the rows averaged over; None for all.
        given: the arm that defines the population (treated, untreated); None where no arm does.

    Returns:
        A diagnostic named ``"overlap"`` whose value is the smallest probability of either treatment. Details:
        ``smallest`` and ``largest`` (by level, over all rows), ``quantiles`` (1%, 50%, 99% of the probability of
        each level among the rows of each arm), ``effective_size`` and ``size`` by level, ``thin`` (share of rows
        below 0.02 for some level) and ``region`` (where they are, in words).

    Raises:
        NoOverlap: the propensities of the arms do not overlap at all.
    """
    arm = sample.treatment.astype(np.int64)
    levels = probabilities.shape[1]
    labels = [
        str(sample.treatment_levels[a]) if a < len(sample.treatment_levels) else str(a) for a in range(levels)
    ]
    treatment = sample.names[0]
    for a in range(levels):
        inside, outside = probabilities[arm == a, a], probabilities[arm != a, a]
        if len(inside) >= 5 and len(outside) >= 5 and inside.min() > outside.max():
            told = _separating_column(sample, arm == a)
            raise NoOverlap(
                f"The covariates tell without error which rows have {treatment} = {labels[a]}: their probability of it "
                f"is at least {inside.min():.3f}, that of all other rows at most {outside.max():.3f}."
                + (f" {told} alone does it." if told else ""),
                "No row has a counterpart to compare it with. Leave out a covariate that is the treatment under "
                "another name, or ask about a population in which both treatments occur.",
            )
    considered = np.ones(sample.n, dtype=bool) if rows is None else rows
    weights = np.ones(sample.n) if sample.weights is None else sample.weights
    member = considered if given is None else considered & (arm == given)
    others = [a for a in range(levels) if a != given]
    p = probabilities[member]
    least = p[:, others].min(axis=1)
    thin = least < _THIN
    share = float(np.average(thin, weights=weights[member])) if weights[member].sum() > 0 else 0.0
    sizes, effective, spread = {}, {}, {}
    for a in range(levels):
        own = considered & (arm == a)
        chance = 1.0 if given is None else probabilities[own, given]
        w = weights[own] * (1.0 if a == given else chance / np.maximum(probabilities[own, a], 1e-6))
        sizes[labels[a]] = int(own.sum())
        effective[labels[a]] = float(w.sum() ** 2 / max(w @ w, 1e-300))
        spread[labels[a]] = (
            [float(q) for q in np.quantile(probabilities[own, a], [0.01, 0.5, 0.99])] if own.any() else []
        )
    region = _region(sample, member, thin) if 0.002 < share < 0.9 else ""
    worst = min(labels, key=lambda label: effective[label] / max(sizes[label], 1))
    warning = share > 0.02 or effective[worst] < 0.1 * sizes[worst]
    whose = "" if given is None else f" of the rows with {treatment} = {labels[given]}"
    sentence = f"The probabilities{whose} of {treatment} lie between {p.min():.3g} and {p.max():.3g}"
    if warning:
        sentence += f"; {share:.1%} of them are below {_THIN:.0%} for some level"
        sentence += f", mostly where {region}" if region else ""
        sentence += (
            f". Weighted, the {sizes[worst]:,} rows with {treatment} = {worst} say as much as "
            f"{effective[worst]:,.0f} would: the answer leans on few rows there."
        )
    else:
        sentence += ": every kind of row occurs under every treatment."
    return Diagnostic(
        "overlap",
        float(p[:, others].min()),
        sentence,
        warning,
        {
            "smallest": {label: float(p[:, a].min()) for a, label in enumerate(labels)},
            "largest": {label: float(p[:, a].max()) for a, label in enumerate(labels)},
            "quantiles": spread,
            "effective_size": effective,
            "size": sizes,
            "thin": share,
            "region": region,
        },
    )


def _separating_column(sample: Sample, inside: np.ndarray) -> str:
    for j, name in enumerate(sample.covariate_names):
        column = sample.covariates[:, j]
        a, b = column[inside], column[~inside]
        if a.min() > b.max() or b.min() > a.max():
            return name
    return ""


def _region(sample: Sample, considered: np.ndarray, thin: np.ndarray) -> str:
    """Where the thin rows are: the purest leaf of a tree of depth two, in words.

    `thin` says it of the considered rows alone.
    """
    from sklearn.tree import DecisionTreeClassifier

    if sample.covariates.shape[1] == 0:
        return ""
    rows = np.flatnonzero(considered)
    stride = max(len(rows) // _TREE_ROWS, 1)
    x, label = sample.covariates[rows[::stride]], thin[::stride]
    if label.all() or not label.any():
        return ""
    grown = DecisionTreeClassifier(
        max_depth=2, min_samples_leaf=max(len(x) // 500, 3), class_weight="balanced", random_state=0
    ).fit(x, label)
    tree = grown.tree_
    names = sample.covariate_names or tuple(f"x{j}" for j in range(x.shape[1]))
    leaf_of = grown.apply(x)
    found = np.bincount(leaf_of[label], minlength=tree.node_count).astype(float)
    size = np.bincount(leaf_of, minlength=tree.node_count)
    # The leaf that holds many thin rows and little else: recall times precision.
    target = int(np.argmax(found * found / np.maximum(size, 1)))
    # From the leaf up to the root: the first bound met on each side of a column is the tightest.
    bounds: dict[tuple[str, str], float] = {}
    node = target
    while node:
        left = np.flatnonzero(tree.children_left == node)
        parent = int(left[0]) if len(left) else int(np.flatnonzero(tree.children_right == node)[0])
        bounds.setdefault(
            (names[tree.feature[parent]], "<=" if len(left) else ">"), float(tree.threshold[parent])
        )
        node = parent
    return " and ".join(f"{name} {side} {cut:.4g}" for (name, side), cut in sorted(bounds.items()))
