"""Tests of conditional independence: objects without data, bound to data by ``on``."""

from ._base import Independence as Independence
from ._base import IndependenceTest as IndependenceTest
from ._base import Tester as Tester
from ._chi_squared import ChiSquared as ChiSquared
from ._conditional_gaussian import ConditionalGaussian as ConditionalGaussian
from ._default import default_test as default_test
from ._default import why_default_test as why_default_test
from ._fisher_z import FisherZ as FisherZ
from ._fisher_z import fisher_z as fisher_z
from ._g_squared import GSquared as GSquared
from ._generalised_covariance import GeneralisedCovariance as GeneralisedCovariance
from ._kernel import KernelTest as KernelTest
from ._likelihood_ratio import LikelihoodRatio as LikelihoodRatio
from ._missingness_corrected import MissingnessCorrected as MissingnessCorrected
from ._oracle import Oracle as Oracle
from ._random_fourier import RandomFourier as RandomFourier
from ._test_wise import NeverTogether as NeverTogether
from ._test_wise import TestWise as TestWise
