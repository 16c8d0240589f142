"""The hub: additive statistics, and what can be computed from them with no further pass over the rows.

It knows no tables and no graphs: it takes iterables of float64 blocks of shape (rows, variables).
"""

from ._accumulate import accumulate as accumulate
from ._blocks import assign_blocks as assign_blocks
from ._errors import BadBlock as BadBlock
from ._errors import CollinearColumns as CollinearColumns
from ._errors import DifferentVariables as DifferentVariables
from ._errors import NonFiniteRows as NonFiniteRows
from ._errors import TooFewRows as TooFewRows
from ._errors import UnknownVariable as UnknownVariable
from ._grouped import GroupedMoments as GroupedMoments
from ._least_squares import LeastSquares as LeastSquares
from ._least_squares import least_squares as least_squares
from ._moments import Moments as Moments
from ._triangular import Triangular as Triangular
from ._triangular import qr_least_squares as qr_least_squares
from ._triangular import triangular as triangular
