"""Which form of noise a NumPyro distribution gets."""

from __future__ import annotations

import jax.numpy as jnp
import numpyro.distributions as dist

from aitia.programs._conditional import Conditional
from aitia.programs._errors import MechanismError
from aitia.programs.forms._choice import WithNoise
from aitia.programs.forms._explicit import explicit
from aitia.programs.forms._gumbel_max import GumbelMax
from aitia.programs.forms._location_scale import LocationScale
from aitia.programs.forms._monotone import Monotone
from aitia.programs.forms._rank import Rank
from aitia.programs.forms._threshold import Threshold
from aitia.programs.forms._transformed import Transformed, TransformedNumber
from aitia.programs.forms._transforms import ordered_chain
from aitia.programs.forms._triangular import Triangular


def conditional_of(
    distribution: dist.Distribution | WithNoise, form: type[Conditional] | None = None
) -> Conditional:
    """The conditional of a node whose mechanism returned this distribution.

    =====================================================  ==========================================================
    distribution                                           form of noise
    =====================================================  ==========================================================
    Normal, Laplace, Cauchy, Gumbel, Logistic              `LocationScale`: the standardised residual
    any other number with a cdf, mixtures, truncated ones  `Rank`: the rank
    whole numbers, ordered (Bernoulli, counts, ...)        `Threshold`: the rank
    Categorical                                            `GumbelMax`
    MultivariateNormal                                     `Triangular`
    a transform of one of them (LogNormal, a flow)         `Transformed`: the noise of the base
    Delta                                                  none
    =====================================================  ==========================================================

    A batch of independent values (``to_event``, a batch shape) is one vector, its elements independent.

    Args:
        distribution: the distribution; or one with a form, made by `with_noise`.
        form: the form of noise; None takes the one above.

    Raises:
        MechanismError: no form of noise is known for it; the error says how to write it with explicit noise.
    """
    if isinstance(distribution, WithNoise):
        distribution, form = distribution.distribution, distribution.form
    shape = distribution.shape()
    plain = _plain(distribution)
    wide = plain if plain.event_shape or plain.batch_shape == shape else plain.expand(shape)
    if form is not None:
        return _chosen(wide, form, shape)
    if isinstance(plain, dist.Delta):
        return explicit(lambda _: jnp.broadcast_to(plain.v, shape), {})
    if Triangular.takes(distribution):
        return Triangular(distribution)
    if LocationScale.takes(plain):
        return LocationScale(plain, shape)
    if Threshold.takes(wide):
        return Threshold(wide, shape)
    if GumbelMax.takes(plain):
        return GumbelMax(wide, shape)
    if isinstance(plain, dist.TransformedDistribution):
        made = _transformed(plain, shape)
        if made is not None:
            return made
    if Rank.takes(plain):
        return Rank(plain, shape)
    raise MechanismError(
        f"No form of noise is known for {type(plain).__name__}.",
        "Write the mechanism with explicit noise, def node(parent, *, own=noise(law)): return ..., or as several "
        "nodes whose distributions are known (a Dirichlet is Gamma variables over their sum).",
    )


def _chosen(distribution: dist.Distribution, form: type[Conditional], shape: tuple[int, ...]) -> Conditional:
    kind = type(distribution).__name__
    if form is Threshold:
        return Threshold(distribution, shape)
    if form is GumbelMax:
        return GumbelMax(distribution, shape)
    if form is Rank and Rank.takes(distribution):
        return Rank(distribution, shape)
    if form is LocationScale and LocationScale.takes(distribution):
        return LocationScale(distribution, shape)
    raise MechanismError(
        f"The form {form.__name__} does not fit the distribution {kind}.",
        "Threshold fits ordered whole numbers, GumbelMax finitely many levels, Rank numbers with a cdf.",
    )


def _transformed(distribution: dist.TransformedDistribution, shape: tuple[int, ...]) -> Conditional | None:
    """The form of a transform of a base that has one; None where its base has none, or it is not invertible."""
    if isinstance(distribution, dist.FoldedDistribution):
        return None
    parts, base = ordered_chain(distribution.transforms), _plain(distribution.base_dist)
    if parts is not None and not base.event_shape:
        inner = conditional_of(base if base.batch_shape == shape else base.expand(shape))
        return TransformedNumber(distribution, inner, shape) if isinstance(inner, Monotone) else None
    inner = conditional_of(distribution.base_dist)
    return None if inner.discrete else Transformed(distribution, inner)


def _plain(distribution: dist.Distribution) -> dist.Distribution:
    """The distribution without what only repeats it."""
    while isinstance(distribution, dist.Independent | dist.ExpandedDistribution):
        distribution = distribution.base_dist
    return distribution
