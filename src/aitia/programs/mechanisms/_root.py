"""Nodes without parents."""

from __future__ import annotations

from aitia.programs.mechanisms._families import Family, Normal
from aitia.programs.mechanisms._generalised_linear import GeneralisedLinear
from aitia.programs.mechanisms._regression import Priors


class Root(GeneralisedLinear):
    """A node without parents whose law is a family: normal, Bernoulli, a count, a category.

    Parameters and default priors: ``intercept`` Normal(0, 2.5) about the link of the data's mean, and the family's
    own. `Marginal` is the node without a family; `Table()` gives each level its own probability.

    Args:
        family: the law; None for the normal.
        per: the group by which the mean varies.
        priors: priors in place of the defaults, by the parameter's name.

    Example:
        >>> from aitia.programs.mechanisms import Poisson, Root
        >>> Root(Poisson()).description
        'Poisson with log link'
    """

    def __init__(
        self, family: Family | None = None, *, per: str | None = None, priors: Priors | None = None
    ) -> None:
        super().__init__(family=family or Normal(), per=per, priors=priors)

    def __repr__(self) -> str:
        return f"Root({self.family!r})"
