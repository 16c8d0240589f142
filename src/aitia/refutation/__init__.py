"""Attempts to break an answer: one file a refuter, each naming the assumption it attacks."""

from ._base import Case as Case
from ._base import Refutation as Refutation
from ._base import Refuter as Refuter
from ._base import Verdict as Verdict
from ._independence import IndependenceTest as IndependenceTest
from ._independence import Variables as Variables
from ._verdicts import holm as holm
