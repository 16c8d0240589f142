"""Few units together: sparse linear combinations for a property that is on no one unit."""

from __future__ import annotations

import html
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import listing
from aitia.networks._activations import Activations
from aitia.networks._errors import ProbeError
from aitia.networks.probes._folds import targets_and_folds
from aitia.networks.probes._least_squares import (
    LeastSquaresProbe,
    moments_by_fold,
    squared_error,
    standardised,
)
from aitia.networks.probes._method import Folds
from aitia.networks.probes._rows import LayerRows, layers_of, rows_of
from aitia.networks.probes._target import targets_of
from aitia.statistics import Moments

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_OWN = 1e-9  # the least share of a unit that those chosen before must leave unexplained


@dataclass(frozen=True, eq=False)
class Subspace:
    """A target as a combination of few units of a layer.

    Args:
        layer: the layer.
        target: the target.
        units: the units by their numbers, in the order in which they were chosen on all rows.
        r_squared: what 0, 1, 2, ... units reach on held-out rows (units and weights chosen without them), shape
            (steps + 1,).
        full: what all units reach together, with a penalty chosen by cross-validation.
        weights: the combination of all chosen units, in the units' own scale, shape (units, columns).
        intercepts: shape (columns,).
        inputs: how many rows.
        folds: how many folds.
    """

    layer: str
    target: str
    units: tuple[int, ...]
    r_squared: np.ndarray = field(repr=False)
    full: float
    weights: np.ndarray = field(repr=False)
    intercepts: np.ndarray = field(repr=False)
    inputs: int
    folds: int

    def needed(self, share: float = 0.9) -> int | None:
        """How many units reach a share of what all units reach; None where those chosen do not, or nothing is reached.

        Args:
            share: the share, from 0 to 1.
        """
        if self.full <= 0:
            return None
        enough = np.flatnonzero(self.r_squared >= share * self.full)
        return int(enough[0]) if len(enough) else None

    @property
    def sentence(self) -> str:
        """It in a sentence."""
        if self.full <= 0:
            return f"No combination of the units of {self.layer} predicts {self.target} on held-out rows."
        first = (
            f"The best single unit of {self.layer} ({self.units[0]}) reaches"
            if self.units
            else "No unit reaches"
        )
        count = self.needed()
        one = float(self.r_squared[1]) if self.units else 0.0
        rest = (
            f"{len(self.units)} units do not reach 90% of it"
            if count is None
            else f"{count} {'unit reaches' if count == 1 else 'units reach'} 90% of it "
            f"({listing([str(each) for each in self.units[:count]])})"
        )
        return f"{first} a held-out R² of {one:.3f} for {self.target}, all units together {self.full:.3f}; {rest}."

    def figure(self) -> Figure:
        """Held-out R^2 by number of units, with that of all units."""
        from matplotlib.figure import Figure

        drawing = Figure(figsize=(4.6, 3.2), dpi=150, layout="constrained")
        axis = drawing.subplots()
        axis.plot(
            np.arange(len(self.r_squared)),
            self.r_squared,
            "o-",
            color="#0072B2",
            markersize=4,
            label="few units",
        )
        axis.axhline(self.full, color="#D55E00", linestyle="--", label="all units")
        axis.set_xlabel(f"units of {self.layer}", fontsize=8)
        axis.set_ylabel("held-out R²", fontsize=8)
        axis.set_title(self.target, fontsize=9, loc="left")
        axis.locator_params(axis="x", integer=True)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
        axis.legend(frameon=False, fontsize=8, loc="lower right")
        return drawing

    def __repr__(self) -> str:
        lines = [self.sentence, "  units  R²     the unit that joins"]
        names = ["", *map(str, self.units)]
        lines += [
            f"  {count:>5}  {value:.3f}  {name}".rstrip()
            for count, (value, name) in enumerate(zip(self.r_squared, names, strict=True))
        ]
        return "\n".join([*lines, f"    all  {self.full:.3f}"])

    def _repr_html_(self) -> str:
        names = ["", *map(str, self.units)]
        rows = "".join(
            f"<tr><td>{count}</td><td>{value:.3f}</td><td>{name}</td></tr>"
            for count, (value, name) in enumerate(zip(self.r_squared, names, strict=True))
        )
        return (
            f"<p>{html.escape(self.sentence)}</p><table><tr><th>units</th><th>R²</th><th>joins</th></tr>{rows}"
            f"<tr><td>all</td><td>{self.full:.3f}</td><td></td></tr></table>"
        )


def subspace(
    activations: Activations | np.ndarray,
    target: Any,
    *,
    most: int = 16,
    penalty: float = 1e-4,
    folds: int | np.ndarray = 5,
    seed: int = 0,
) -> Subspace:
    """How few units of a layer say together what the whole layer says of a target.

    Orthogonal matching pursuit: to the units chosen joins the one that correlates most with what they leave of the
    target, and all weights are fitted anew. It needs no rows beyond their moments (Rubinstein, Zibulevsky and Elad
    2008); of a target of several classes, what is left is summed over their columns (Tropp, Gilbert and Strauss 2006).
    Without each fold units are chosen anew and judged on that fold, so that choosing among many units does not make the
    numbers better than they are. (That R^2 falls again with more units than needed is seen on it too: reading off the
    best number of units from it is a choice of its own, which `r_squared` does not know of.)

    Why not the lasso: for as many units it reaches less, because it shrinks what it chooses. Held-out R^2 for the ten
    digits from the 64 units of `examples.digit_network` (means; all units together 0.723):

    | units                                           | 1     | 2     | 4     | 8     | 16    |
    | ----------------------------------------------- | ----- | ----- | ----- | ----- | ----- |
    | this                                            | 0.384 | 0.502 | 0.581 | 0.633 | 0.687 |
    | scikit-learn's `lasso_path`                     | 0.243 | 0.286 | 0.394 | 0.532 | 0.654 |
    | the lasso's units, weights fitted anew          | 0.369 | 0.437 | 0.523 | 0.606 | 0.676 |

    The lasso is ahead where there is almost nothing to find (signals below a twentieth of the noise).

    Args:
        activations: one layer.
        target: one target, as for `probe`.
        most: the most units.
        penalty: of the weights of the chosen units, as in `LeastSquaresProbe`.
        folds: how many folds, at least 3; or the fold of each input.
        seed: of the folds.

    Returns:
        The units in order and what they reach, beside the full linear probe.

    Raises:
        ProbeError: not one target, or one that cannot be probed for.
        ActivationError: activations that are not finite numbers, or several layers.

    Source:
        Pati, Rezaiifar and Krishnaprasad 1993 (orthogonal matching pursuit); Gurnee et al. 2023, Finding neurons in a
        haystack (sparse probing).

    Example:
        >>> import numpy as np
        >>> from aitia.networks import subspace
        >>> draws = np.random.default_rng(0)
        >>> layer = draws.normal(size=(800, 30))
        >>> found = subspace(layer, layer[:, 4] - layer[:, 9] + layer[:, 20], most=5)
        >>> sorted(found.units[:3]), found.needed(0.99)
        ([4, 9, 20], 3)
    """
    if most < 1:
        raise ProbeError(f"A subspace of {most} units is none.", "Give most=1 or more.")
    if not penalty > 0:
        raise ProbeError(f"The penalty must be above 0; came {penalty}.", "Give one as 1e-4.")
    layers = layers_of(activations)
    name, given = next(iter(layers.items()))
    if len(layers) > 1:
        raise ProbeError(f"A subspace is of one layer; came {len(layers)}.", f"Give one, as that of {name}.")
    arrays, _, _ = targets_of(target, given.inputs)
    if len(arrays) > 1:
        raise ProbeError(
            f"A subspace is for one target; came {len(arrays):,}.",
            "Give one column, or inventory.only([name]).",
        )
    rows, _ = rows_of(layers, arrays)
    flat = {each: rows.flat(values, f"The target {each!r}") for each, values in arrays.items()}
    (read,), codes, count, _ = targets_and_folds(flat, folds, rows, 3, seed, False)
    layer, held = LayerRows(name, given, rows), Folds(codes, count, seed)
    method = LeastSquaresProbe()
    (full,) = method.fit(layer, [read], held, method.penalties, accuracy=False)
    grouped = moments_by_fold(layer, read.columns, held)
    steps = min(most, layer.units)
    total = grouped.total()
    errors = np.zeros(steps + 1)
    for fold in range(count):
        _, path = _pursuit(grouped.leave_out(fold), layer.units, steps, penalty)
        test = grouped[fold]
        for place, (b, a) in enumerate(path):
            errors[place] += squared_error(test, b, a).sum()
        # Units may run out: what has been reached stays.
        errors[len(path) :] += squared_error(test, *path[-1]).sum() if len(path) <= steps else 0.0
    chosen, path = _pursuit(total, layer.units, steps, penalty)
    spread = float(np.diagonal(total.cross)[layer.units :].sum())
    r_squared = 1.0 - errors / spread
    slopes, levels = path[-1]
    assert full.quality.r_squared is not None
    return Subspace(
        name,
        read.name,
        tuple(given.units[each] for each in chosen),
        r_squared[: len(chosen) + 1],
        full.quality.r_squared,
        slopes[chosen],
        levels,
        len(rows),
        count,
    )


def _pursuit(
    moments: Moments, units: int, most: int, penalty: float
) -> tuple[list[int], list[tuple[np.ndarray, np.ndarray]]]:
    """The units in order, and slopes and levels of 0, 1, 2, ... of them."""
    gram, products, scale = standardised(moments, units)
    chosen: list[int] = []
    path = [(np.zeros_like(products), moments.mean[units:] + moments.mean_low[units:])]
    # Which units may still be chosen: those that vary and are no combination of those chosen.
    own = np.diagonal(gram).copy()
    left = products
    basis = np.zeros(
        (0, units)
    )  # rows of the Cholesky factor of the chosen units' Gram matrix, against all units
    while len(chosen) < most:
        open_ = own > _OWN
        open_[chosen] = False
        if not open_.any():
            break
        gains = np.where(open_, (left**2).sum(axis=1), -1.0)
        best = int(gains.argmax())
        row = (gram[best] - basis[:, best] @ basis) / np.sqrt(own[best])
        basis = np.vstack([basis, row])
        own = own - row**2
        chosen.append(best)
        weights = np.linalg.solve(
            gram[np.ix_(chosen, chosen)] + penalty * np.eye(len(chosen)), products[chosen]
        )
        left = products - gram[:, chosen] @ weights
        slopes = np.zeros_like(products)
        slopes[chosen] = weights / scale[chosen, None]
        levels = (moments.mean[units:] - moments.mean[:units] @ slopes) + (
            moments.mean_low[units:] - moments.mean_low[:units] @ slopes
        )
        path.append((slopes, levels))
    return chosen, path
