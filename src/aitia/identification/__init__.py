"""From a graph and a question to an estimand, or to the reason there is none. Knows no data."""

from ._estimand import Estimand as Estimand
from ._estimand import NotIdentified as NotIdentified
from ._estimand import Rule as Rule
from ._question import ALL as ALL
from ._question import TREATED as TREATED
from ._question import UNTREATED as UNTREATED
from ._question import Contrast as Contrast
from ._question import ControlledDirect as ControlledDirect
from ._question import Effect as Effect
from ._question import Interventional as Interventional
from ._question import NaturalDirect as NaturalDirect
from ._question import NaturalIndirect as NaturalIndirect
from ._question import Population as Population
from ._question import PopulationKind as PopulationKind
from ._question import Question as Question
from ._question import subgroup as subgroup
