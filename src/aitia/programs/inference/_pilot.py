"""How much the data say about each group, from a quick look at the posterior: which parameters to centre."""

from __future__ import annotations

import numpy as np

from aitia.programs.inference._centring import Only
from aitia.programs.inference._compiled import density, starting_points
from aitia.programs.inference._mode import climb
from aitia.programs.inference._posterior import Posterior

INFORMATION = 3.0
"""Data that say so many times what the prior says of a value make it better sampled as it is.

With standardised values of prior precision one, the likelihood's curvature is that ratio. On hierarchies of binary
outcomes the effective sizes of both forms cross at about three (100 groups of 5 to 100 rows).
"""


def by_information(posterior: Posterior, seed: int) -> Only:
    """The parameters of which the data say much more than the prior, by the curvature where L-BFGS comes to.

    Args:
        posterior: the posterior with all such parameters as their standardised selves.
        seed: the seed.
    """
    whole = density(posterior.vector_log_density, posterior.size)
    place = climb(whole, starting_points(posterior, whole, seed, 1)[0], 200)
    probes = np.random.default_rng(0).choice([-1.0, 1.0], size=(8, posterior.size))
    # Hutchinson's estimate of the Hessian's diagonal.
    curvature = posterior.unravel(-(probes * whole.products(place, probes)).mean(axis=0))
    standardised = posterior.unravel(place)
    found = set()
    for node, name in posterior.standardised:
        information = max(float(np.median(curvature[node][name])) - 1.0, 1e-3)
        # The joint mode makes the prior's spread too large. What it does not change is each value's own estimate,
        # z (1 + c) / c: its mean square is 1 + 1 / c if the spread is right, so that the ratio in truth is
        # mean(z²) (1 + c)² / c - 1 (a method of moments, as DerSimonian and Laird 1986).
        square = float(np.mean(np.square(standardised[node][name])))
        if square * (1 + information) ** 2 / information - 1 > INFORMATION:
            found.add((node, name))
    return Only(frozenset(found))
