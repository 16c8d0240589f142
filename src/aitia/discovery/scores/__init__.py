"""Decomposable scores of DAGs: objects without data, bound to data by ``on``."""

from ._base import DiscreteTerms as DiscreteTerms
from ._base import GaussianTerms as GaussianTerms
from ._base import Score as Score
from ._base import Scorer as Scorer
from ._default import default_score as default_score
from ._default import why_default_score as why_default_score
from ._discrete import BDeu as BDeu
from ._discrete import DiscreteBIC as DiscreteBIC
from ._extended import ExtendedBIC as ExtendedBIC
from ._gaussian import GaussianBIC as GaussianBIC
from ._mixed import MixedBIC as MixedBIC
from ._random_feature import RandomFeatureScore as RandomFeatureScore
