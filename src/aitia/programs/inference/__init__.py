"""Inference apart from the model: a program and data make a posterior; an engine draws from it."""

from ._centring import ByGroupSize as ByGroupSize
from ._centring import Centred as Centred
from ._centring import Centring as Centring
from ._centring import NonCentred as NonCentred
from ._centring import Only as Only
from ._encode import MissingCells as MissingCells
from ._engine import Drawn as Drawn
from ._engine import Engine as Engine
from ._guides import FlowGuide as FlowGuide
from ._guides import FullRank as FullRank
from ._guides import Guide as Guide
from ._guides import MeanField as MeanField
from ._importance import Importance as Importance
from ._laplace import Laplace as Laplace
from ._maximum_likelihood import MaximumLikelihood as MaximumLikelihood
from ._nutpie import Nutpie as Nutpie
from ._nuts import NUTS as NUTS
from ._smc import SMC as SMC
from ._svi import SVI as SVI
