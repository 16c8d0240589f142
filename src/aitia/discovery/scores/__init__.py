"""Decomposable scores of DAGs: objects without data, bound to data by ``on``."""

from ._base import DiscreteTerms as DiscreteTerms
from ._base import GaussianTerms as GaussianTerms
from ._base import Score as Score
from ._base import Scorer as Scorer
from ._discrete import BDeu as BDeu
from ._discrete import DiscreteBIC as DiscreteBIC
from ._gaussian import GaussianBIC as GaussianBIC
