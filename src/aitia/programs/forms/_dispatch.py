"""Which form of noise a NumPyro distribution gets."""

from __future__ import annotations

import numpyro.distributions as dist

from aitia.programs._conditional import Conditional
from aitia.programs._errors import MechanismError
from aitia.programs.forms._location_scale import LocationScale
from aitia.programs.forms._threshold import Threshold


def conditional_of(distribution: dist.Distribution) -> Conditional:
    """The conditional of a node whose mechanism returned this distribution, with the default form of noise.

    Raises:
        MechanismError: no form of noise is known for it.
    """
    for form in (LocationScale, Threshold):
        if form.takes(distribution):
            return form(distribution)
    raise MechanismError(
        f"No form of noise is known for {type(distribution).__name__}.",
        "Write the mechanism with explicit noise: def node(parent, *, own=noise(law)): return ...",
    )
