"""Pieces tested alone: predictive checks, calibration on held-out rows, simulation-based calibration of the engine."""

from ._calibration import Calibration as Calibration
from ._check import Check as Check
from ._check import Finding as Finding
from ._mechanism import check as check
from ._program import check_program as check_program
from ._uniformity import Uniformity as Uniformity
from ._uniformity import uniformity as uniformity
