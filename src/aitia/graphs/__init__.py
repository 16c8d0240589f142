"""Mixed graphs: directed, bidirected, undirected and circle edges, and what follows from them. Knows no data."""

from ._edge import Edge as Edge
from ._edge import GraphKind as GraphKind
from ._edge import Mark as Mark
from ._errors import CyclicGraph as CyclicGraph
from ._errors import GraphError as GraphError
from ._errors import GraphKindError as GraphKindError
from ._errors import GraphSyntaxError as GraphSyntaxError
from ._errors import OverlappingSets as OverlappingSets
from ._errors import UnknownNode as UnknownNode
from ._figure import draw as draw
from ._graph import Graph as Graph
from ._graph import Nodes as Nodes
from ._independences import Independence as Independence
from ._independences import implied_independences as implied_independences
from ._independences import local_markov as local_markov
from ._kinds import representative as representative
from ._marks import Marks as Marks
from ._separation import Path as Path
from ._separation import m_connecting_path as m_connecting_path
from ._separation import m_separated as m_separated
from ._separation import reachable as reachable
from ._separators import minimal_separator as minimal_separator
from ._separators import minimal_separators as minimal_separators
from ._separators import minimum_separator as minimum_separator
from ._separators import separator as separator
from ._svg import to_svg as to_svg
