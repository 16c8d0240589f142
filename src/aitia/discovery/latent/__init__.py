"""Latent structure: unmeasured variables behind measured ones, by rank and independence constraints."""

from ._factor_clusters import FactorClusters as FactorClusters
from ._gin import GIN as GIN
from ._gin_test import GINTest as GINTest
from ._gin_test import GINTester as GINTester
from ._rank import RankTest as RankTest
from ._rank import rank_test as rank_test
from ._tetrads import TetradTest as TetradTest
from ._tetrads import tetrad_test as tetrad_test
