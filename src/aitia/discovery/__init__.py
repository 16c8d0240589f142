"""From data (and knowledge) to the graphs they leave open, and how sure each edge is."""

from ._algorithm import Algorithm as Algorithm
from ._algorithm import discover as discover
from ._checks import DeterministicRelation as DeterministicRelation
from ._discovery import Discovery as Discovery
from ._discovery import EdgeEvidence as EdgeEvidence
from ._discovery import Latent as Latent
from ._errors import DiscoveryError as DiscoveryError
from ._errors import KnowledgeError as KnowledgeError
from ._knowledge import Knowledge as Knowledge
from ._observations import Observations as Observations
from ._stability import EdgeStability as EdgeStability
from ._stability import Stability as Stability
from ._stability import stability as stability
from .independence import ChiSquared as ChiSquared
from .independence import FisherZ as FisherZ
from .independence import GSquared as GSquared
from .independence import Oracle as Oracle
from .scores import BDeu as BDeu
from .scores import DiscreteBIC as DiscreteBIC
from .scores import GaussianBIC as GaussianBIC
