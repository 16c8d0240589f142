"""Inference apart from the model: a program and data make a posterior; an engine draws from it."""

from ._engine import Drawn as Drawn
from ._engine import Engine as Engine
from ._nuts import NUTS as NUTS
