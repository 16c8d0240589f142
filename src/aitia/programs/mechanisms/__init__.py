"""Mechanisms ready to use, and the choice of one for each node of a graph.

Each is a `Mechanism`: name the parents, put it into a `Program`, swap it for another with the same parents. The
names below load on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aitia.programs._on_use import on_use

if TYPE_CHECKING:
    from ._choices import Choice as Choice
    from ._choices import Choices as Choices
    from ._conditional_flow import ConditionalFlow as ConditionalFlow
    from ._errors import ConstantParent as ConstantParent
    from ._errors import NotConvertible as NotConvertible
    from ._errors import NotLearned as NotLearned
    from ._errors import TooFewRows as TooFewRows
    from ._errors import UnseenLevel as UnseenLevel
    from ._families import Bernoulli as Bernoulli
    from ._families import Binomial as Binomial
    from ._families import Categorical as Categorical
    from ._families import Family as Family
    from ._families import Gamma as Gamma
    from ._families import NegativeBinomial as NegativeBinomial
    from ._families import Normal as Normal
    from ._families import Poisson as Poisson
    from ._gaussian_process import GaussianProcess as GaussianProcess
    from ._gaussian_process import Kernel as Kernel
    from ._gaussian_process import Matern52 as Matern52
    from ._gaussian_process import SquaredExponential as SquaredExponential
    from ._generalised_linear import GeneralisedLinear as GeneralisedLinear
    from ._linear import Linear as Linear
    from ._links import ComplementaryLogLog as ComplementaryLogLog
    from ._links import Identity as Identity
    from ._links import Link as Link
    from ._links import Log as Log
    from ._links import Logit as Logit
    from ._links import Probit as Probit
    from ._marginal import Marginal as Marginal
    from ._neural_network import NeuralNetwork as NeuralNetwork
    from ._root import Root as Root
    from ._spline import Spline as Spline
    from ._table import Table as Table
    from ._training import Training as Training
    from ._tree_ensemble import TreeEnsemble as TreeEnsemble

_HOME = {
    "_choices": ("Choice", "Choices"),
    "_conditional_flow": ("ConditionalFlow",),
    "_errors": ("ConstantParent", "NotConvertible", "NotLearned", "TooFewRows", "UnseenLevel"),
    "_families": (
        "Bernoulli",
        "Binomial",
        "Categorical",
        "Family",
        "Gamma",
        "NegativeBinomial",
        "Normal",
        "Poisson",
    ),
    "_gaussian_process": ("GaussianProcess", "Kernel", "Matern52", "SquaredExponential"),
    "_generalised_linear": ("GeneralisedLinear",),
    "_linear": ("Linear",),
    "_links": ("ComplementaryLogLog", "Identity", "Link", "Log", "Logit", "Probit"),
    "_marginal": ("Marginal",),
    "_neural_network": ("NeuralNetwork",),
    "_root": ("Root",),
    "_spline": ("Spline",),
    "_table": ("Table",),
    "_training": ("Training",),
    "_tree_ensemble": ("TreeEnsemble",),
}
"""Where each public name lives; a new one joins here and in the block for type checkers above."""

__getattr__, __dir__, __all__ = on_use(__name__, _HOME)  # pyright: ignore[reportUnsupportedDunderAll]
