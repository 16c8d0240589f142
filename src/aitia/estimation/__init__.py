"""From an estimand and a table to an estimate: one file a method."""

from ._estimate import Diagnostic as Diagnostic
from ._estimate import Estimate as Estimate
from ._estimate import Profile as Profile
from ._estimator import Estimator as Estimator
from ._estimator import Fit as Fit
from ._estimator import NotApplicable as NotApplicable
from ._estimator import influence_error as influence_error
from ._matching import Matching as Matching
from ._moment_estimator import MomentEstimator as MomentEstimator
from ._regression_adjustment import RegressionAdjustment as RegressionAdjustment
from ._sample import Sample as Sample
from ._stratification import EmptyStratum as EmptyStratum
from ._stratification import Stratification as Stratification
from ._sample import TreatmentKind as TreatmentKind
from ._scales import NoScale as NoScale
from ._scales import Scale as Scale
from ._scales import on_scale as on_scale
from ._simpson import Causal as Causal
from ._simpson import Reversal as Reversal
from ._simpson import Stratum as Stratum
from ._simpson import reversals as reversals
from ._subgroups import NoSubgroups as NoSubgroups
from ._subgroups import Subgroups as Subgroups
from ._subgroups import subgroups as subgroups
