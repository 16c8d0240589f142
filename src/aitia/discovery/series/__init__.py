"""Time series: lagged and contemporaneous edges."""

from ._lagged import lag_depth as lag_depth
from ._lagged import lag_name as lag_name
from ._lagged import lagged as lagged
from ._lagged import split_lag as split_lag
from ._pcmci import PCMCI as PCMCI
from ._pcmci_plus import PCMCIPlus as PCMCIPlus
from ._report import SeriesColumn as SeriesColumn
from ._report import SeriesReport as SeriesReport
from ._report import series_report as series_report
from ._summary import SummaryEdge as SummaryEdge
from ._summary import SummaryGraph as SummaryGraph
from ._summary import summary_graph as summary_graph
from ._summary import window_graph as window_graph
