"""Discovery from functional models: linear with noise that is not Gaussian, additive noise, continuous optimisation."""

from ._dagma import DAGMA as DAGMA
from ._dagma import Loss as Loss
from ._direct_lingam import DirectLiNGAM as DirectLiNGAM
from ._direct_lingam import KernelMutualInformation as KernelMutualInformation
from ._direct_lingam import PairwiseLikelihoodRatio as PairwiseLikelihoodRatio
from ._direct_lingam import RootMeasure as RootMeasure
from ._ica_lingam import ICALiNGAM as ICALiNGAM
from ._pairwise import IGCI as IGCI
from ._pairwise import AdditiveNoise as AdditiveNoise
from ._pairwise import Direction as Direction
from ._pairwise import LinearNonGaussian as LinearNonGaussian
from ._pairwise import PairwiseMethod as PairwiseMethod
from ._pairwise import RegressionError as RegressionError
from ._pairwise import pairwise_direction as pairwise_direction
from ._pruning import AdaptiveLasso as AdaptiveLasso
from ._pruning import Pruning as Pruning
from ._pruning import Wald as Wald
from ._resit import RESIT as RESIT
from ._sort_regress import SortBy as SortBy
from ._sort_regress import SortRegress as SortRegress
from ._sortability import r2_sortability as r2_sortability
from ._sortability import varsortability as varsortability
from ._var_lingam import VARLiNGAM as VARLiNGAM
