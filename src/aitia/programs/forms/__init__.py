"""Forms of noise: how a distribution, or a function with explicit noise, becomes v = f(parents, noise)."""

from ._choice import WithNoise as WithNoise
from ._choice import with_noise as with_noise
from ._dispatch import conditional_of as conditional_of
from ._explicit import Explicit as Explicit
from ._explicit import explicit as explicit
from ._gumbel_max import GumbelMax as GumbelMax
from ._location_scale import LocationScale as LocationScale
from ._monotone import Monotone as Monotone
from ._rank import Rank as Rank
from ._threshold import Threshold as Threshold
from ._transformed import Transformed as Transformed
from ._triangular import Triangular as Triangular
