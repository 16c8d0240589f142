"""The user's own choice of a form of noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpyro.distributions as dist

from aitia.programs._conditional import Conditional
from aitia.programs._errors import MechanismError


@dataclass(frozen=True)
class WithNoise:
    """A distribution and the form of noise that its node is to have; see `with_noise`."""

    distribution: dist.Distribution
    form: type[Conditional]


def with_noise(distribution: dist.Distribution, form: type[Conditional]) -> WithNoise:
    """What a mechanism returns to say which form of noise its distribution has.

    The form matters on the third rung only: all forms give the same distribution for what is seen and done.

    Args:
        distribution: the node's distribution given its parents.
        form: `Threshold` (ordered values; a unit keeps its rank) or `GumbelMax` (unordered levels), `Rank`
            (numbers; a unit keeps its rank).

    Raises:
        MechanismError: one of the two is not what it must be.

    Example:
        >>> import jax.numpy as jnp
        >>> from aitia.programs.forms import Threshold
        >>> def grade(effort):
        ...     chances = jnp.array([0.2, 0.5, 0.3])
        ...     return with_noise(dist.Categorical(probs=chances), Threshold)
    """
    if not isinstance(distribution, dist.Distribution):
        raise MechanismError(
            f"with_noise needs a NumPyro distribution first; came {distribution!r}.",
            "Write with_noise(dist.Categorical(probs=...), Threshold).",
        )
    if not (isinstance(form, type) and issubclass(form, Conditional)):
        raise MechanismError(
            f"with_noise needs a form of noise second; came {form!r}.",
            "Take Threshold, GumbelMax or Rank from aitia.programs.",
        )
    return WithNoise(distribution, form)
