"""Ways to condition a program's worlds on evidence: exactly where that can be done, by weighted draws elsewhere."""

from ._base import Conditioned as Conditioned
from ._base import Conditioning as Conditioning
from ._base import Problem as Problem
from ._tempered import Tempered as Tempered
from ._weighting import Weighting as Weighting
