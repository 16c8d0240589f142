"""Forms of noise: how a distribution, or a function with explicit noise, becomes v = f(parents, noise)."""

from ._dispatch import conditional_of as conditional_of
from ._explicit import explicit as explicit
