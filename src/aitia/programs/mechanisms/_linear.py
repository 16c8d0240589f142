"""Linear mechanisms with normal noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpyro.distributions as dist

from aitia.programs._errors import FitError
from aitia.programs._terms import Parameter
from aitia.programs.mechanisms._families import Family, Normal
from aitia.programs.mechanisms._generalised_linear import GeneralisedLinear
from aitia.programs.mechanisms._inputs import Categorical, Interactions
from aitia.programs.mechanisms._links import Identity
from aitia.programs.mechanisms._regression import Priors


class Linear(GeneralisedLinear):
    """v = centre + unit * (intercept + slopes · row(parents) + spread * noise), the noise standard normal.

    Centre and unit are the node's mean and standard deviation in the data, and parents are standardised, so that the
    priors fit data in any units. Before it has seen data centre and unit are 0 and 1, and parents are taken as they
    come. See `GeneralisedLinear` for levels, interactions and groups.

    Parameters and default priors, in standard deviations of the node:
        * ``intercept``: Normal(0, 2.5); ``slopes``: Normal(0, 2.5) for each column.
        * ``spread``: Exponential(1).
        * ``between`` and ``offsets``, with `per`: HalfNormal(1), and standard normal for each group.

    Args:
        parents: the names of the parents.
        categorical: the parents whose values are levels: names, or names with their levels (or how many).
        interactions: True for all pairs of parents, or the tuples of parents whose products are inputs too.
        per: the group by which the intercept varies.
        varying: with `per`, the columns whose slopes vary too.
        centred: with `per`, draw each group's coefficients about the shared ones instead of as offsets.
        size: None for a number; else how many numbers the node's array has (each with its own intercept, slopes and
            spread; their noises independent).
        priors: priors in place of the defaults, by the parameter's name; a scalar one is used for each slope.

    Example:
        >>> import numpyro.distributions as dist
        >>> from aitia.programs.mechanisms import Linear
        >>> wage = Linear("school", "age", priors={"slopes": dist.Normal(0, 1)})
        >>> wage.description
        'normal, linear in school and age'
        >>> list(wage.parameters)
        ['intercept', 'slopes', 'spread']
    """

    def __init__(
        self,
        *parents: str,
        categorical: Categorical = (),
        interactions: Interactions = False,
        per: str | None = None,
        varying: Sequence[str] = (),
        centred: bool = False,
        size: int | None = None,
        priors: Priors | None = None,
    ) -> None:
        super().__init__(
            *parents,
            family=Normal() if size is None else _Normals(size),
            categorical=categorical,
            interactions=interactions,
            per=per,
            varying=varying,
            centred=centred,
            priors=priors,
        )


class _Normals(Family):
    """An array of independent normal numbers."""

    name = "normal array"
    link = Identity()
    takes = "arrays of numbers"

    def __init__(self, size: int) -> None:
        self.size = self.outputs = size

    @property
    def parameters(self):
        return {"spread": Parameter(dist.Exponential(1.0).expand((self.size,)).to_event(1))}

    def distribution(self, predictor, own, scale):
        return dist.Normal(predictor, scale * own["spread"]).to_event(1)

    def wrong(self, values: np.ndarray) -> Any:
        return ~np.isfinite(values).all(axis=1)

    def standard(self, values):
        return values.mean(axis=0), values.std(axis=0)

    def check(self, values):
        if values.shape[1:] != (self.size,):
            raise FitError(
                f"The node is an array of {self.size} numbers; the data have values of shape {values.shape[1:]}.",
                f"Give Linear(..., size={values.shape[-1] if values.ndim == 2 else 'number of columns'}).",
            )
        flat = np.flatnonzero(values.std(axis=0) == 0)
        if len(flat):
            raise FitError(
                f"The node's number {int(flat[0])} is the same in all rows.", "Leave it out of the array."
            )
