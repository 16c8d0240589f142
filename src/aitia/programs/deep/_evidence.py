"""What evidence on an image can be used: the image itself, in at least one world."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from aitia.programs._conditional import Conditional, Draw, Evidence
from aitia.programs._errors import NotInvertible
from aitia.programs._events import Event, Exactly


def the_image(evidence: Evidence) -> tuple[Conditional, Event, Callable[[Draw], jax.Array]]:
    """The first world in which the whole image was seen.

    Returns:
        Its conditional; what was seen there; and a function from the noise to 0 where the other worlds' evidence
        agrees with it, minus infinity where not.

    Raises:
        NotInvertible: no world saw the whole image.
    """
    seen = [at for at, (_, event) in enumerate(evidence) if isinstance(event, Exactly)]
    if not seen:
        raise NotInvertible(
            "The noise of an image can be drawn from the image itself, not from bounds on its pixels.",
            "Give the whole image as evidence, or condition on nodes measured from it.",
        )

    def others(noise: Draw) -> jax.Array:
        agrees = jnp.zeros(())
        for position, (at, event) in enumerate(evidence):
            if position != seen[0]:
                agrees += jnp.where(event.contains(at.push(noise)), 0.0, -jnp.inf)
        return agrees

    at, event = evidence[seen[0]]
    return at, event, others
