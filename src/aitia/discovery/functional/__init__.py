"""Discovery from functional models: linear with noise that is not Gaussian, additive noise, continuous optimisation."""

from ._direct_lingam import DirectLiNGAM as DirectLiNGAM
from ._direct_lingam import KernelMutualInformation as KernelMutualInformation
from ._direct_lingam import PairwiseLikelihoodRatio as PairwiseLikelihoodRatio
from ._direct_lingam import RootMeasure as RootMeasure
from ._pruning import AdaptiveLasso as AdaptiveLasso
from ._pruning import Pruning as Pruning
from ._pruning import Wald as Wald
