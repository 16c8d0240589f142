"""Probes: how well a property of the inputs can be read off a layer, and what that is worth."""

from ._control import Control as Control
from ._description_length import description_length as description_length
from ._least_squares import LeastSquaresProbe as LeastSquaresProbe
from ._lengths import DescriptionLength as DescriptionLength
from ._lengths import DescriptionLengths as DescriptionLengths
from ._logistic import Logistic as Logistic
from ._method import Method as Method
from ._perceptron import Perceptron as Perceptron
from ._polysemanticity import Answered as Answered
from ._polysemanticity import Meanings as Meanings
from ._polysemanticity import Polysemanticity as Polysemanticity
from ._polysemanticity import polysemanticity as polysemanticity
from ._probe import probe as probe
from ._probes import Probe as Probe
from ._probes import Probes as Probes
from ._quality import Quality as Quality
from ._subspace import Subspace as Subspace
from ._subspace import subspace as subspace
from ._untrained import untrained as untrained
