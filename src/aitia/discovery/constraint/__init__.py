"""Algorithms that read a graph off conditional independences: PC, FCI, RFCI and CD-NOD."""

from ._colliders import Colliders as Colliders
from ._pc import PC as PC
