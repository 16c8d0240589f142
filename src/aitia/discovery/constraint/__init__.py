"""Algorithms that read a graph off conditional independences: PC, FCI, RFCI and CD-NOD."""

from ._cdnod import CDNOD as CDNOD
from ._colliders import Colliders as Colliders
from ._fci import FCI as FCI
from ._pc import PC as PC
from ._rfci import RFCI as RFCI
