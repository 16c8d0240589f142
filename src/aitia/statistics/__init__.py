"""The hub: additive statistics, and what can be computed from them with no further pass over the rows.

It knows no tables and no graphs: it takes iterables of float64 blocks of shape (rows, variables).
"""

from ._accumulate import accumulate as accumulate
from ._blocks import assign_blocks as assign_blocks
from ._counts import Counts as Counts
from ._counts import EmptyStratum as EmptyStratum
from ._counts import TooManyCells as TooManyCells
from ._counts import UnknownLevel as UnknownLevel
from ._errors import BadBlock as BadBlock
from ._errors import CollinearColumns as CollinearColumns
from ._errors import DifferentVariables as DifferentVariables
from ._errors import NonFiniteRows as NonFiniteRows
from ._errors import TooFewRows as TooFewRows
from ._errors import UnknownVariable as UnknownVariable
from ._grouped import GroupedMoments as GroupedMoments
from ._independence import IndependenceTest as IndependenceTest
from ._independence import independence as independence
from ._least_squares import LeastSquares as LeastSquares
from ._least_squares import least_squares as least_squares
from ._moments import Moments as Moments
from ._partial import PartialCorrelation as PartialCorrelation
from ._partial import partial_correlation as partial_correlation
from ._partial import partial_correlations as partial_correlations
from ._partial import variance_inflation as variance_inflation
from ._principal import PrincipalComponents as PrincipalComponents
from ._principal import principal_components as principal_components
from ._projection import Projection as Projection
from ._projection import Term as Term
from ._projection import curved_columns as curved_columns
from ._projection import curved_terms as curved_terms
from ._quadratic import QuadraticMoments as QuadraticMoments
from ._quadratic import quadratic as quadratic
from ._replicates import Replicates as Replicates
from ._replicates import bootstrap as bootstrap
from ._replicates import bootstrap_multiplicities as bootstrap_multiplicities
from ._replicates import jackknife as jackknife
from ._replicates import least_squares_each as least_squares_each
from ._residual_products import GeneralisedCovariance as GeneralisedCovariance
from ._residual_products import generalised_covariance as generalised_covariance
from ._robust import Robust as Robust
from ._robust import cluster_covariance as cluster_covariance
from ._robust import cluster_scores as cluster_scores
from ._robust import cluster_scores_from_moments as cluster_scores_from_moments
from ._robust import robust_covariance as robust_covariance
from ._robust import robust_meat as robust_meat
from ._submodels import Submodels as Submodels
from ._submodels import submodels as submodels
from ._triangular import Triangular as Triangular
from ._triangular import qr_least_squares as qr_least_squares
from ._triangular import triangular as triangular
from ._two_stage import FirstStage as FirstStage
from ._two_stage import InstrumentalFit as InstrumentalFit
from ._two_stage import two_stage_least_squares as two_stage_least_squares
