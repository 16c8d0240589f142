"""Score-based and permutation-based search over classes, orders and DAGs."""

from ._boss import BOSS as BOSS
from ._exact import ExactSearch as ExactSearch
from ._ges import GES as GES
from ._gies import GIES as GIES
from ._gies import Environment as Environment
from ._grasp import GRaSP as GRaSP
