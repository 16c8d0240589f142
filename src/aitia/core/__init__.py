"""What every room shares: named errors, the ledger of assumptions, random streams, progress.

The ground floor. It knows no graph, no data and no statistics, and imports no other room.
"""

from ._errors import AitiaError as AitiaError
from ._errors import MissingExtra as MissingExtra
from ._errors import listing as listing
from ._errors import nearest as nearest
from ._errors import prose as prose
from ._lazy import interpolate as interpolate
from ._lazy import optimize as optimize
from ._lazy import spatial as spatial
from ._lazy import stats as stats
from ._ledger import Assumption as Assumption
from ._ledger import AssumptionKey as AssumptionKey
from ._ledger import Decision as Decision
from ._ledger import Ledger as Ledger
from ._ledger import Status as Status
from ._progress import Progress as Progress
from ._progress import progress as progress
from ._prose import either as either
from ._prose import many as many
from ._random import stream as stream
