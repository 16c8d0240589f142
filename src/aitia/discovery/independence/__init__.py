"""Tests of conditional independence: objects without data, bound to data by ``on``."""

from ._base import Independence as Independence
from ._base import IndependenceTest as IndependenceTest
from ._base import Tester as Tester
from ._chi_squared import ChiSquared as ChiSquared
from ._fisher_z import FisherZ as FisherZ
from ._g_squared import GSquared as GSquared
from ._oracle import Oracle as Oracle
