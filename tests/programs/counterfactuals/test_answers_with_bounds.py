"""Answers on the third rung carry what any form of noise allows; exact methods see the inputs of open programs."""

from __future__ import annotations

import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import Enumeration, GaussianConditioning, Program, QueryError, noise, parameter
from aitia.programs._fitted import prior_draws


def drug():
    return dist.Bernoulli(0.5)


def cured(drug):
    return dist.Bernoulli(0.4 + 0.3 * drug)


SEEN = {"evidence": {"drug": 1, "cured": 1}, "do": {"drug": 0}}


def test_an_answer_carries_the_bounds_of_tian_and_pearl():
    answer = Program([drug, cured]).query("cured", **SEEN)
    # 1 - PN: Tian and Pearl 2000, (0.7 + 0.4 - 1) / 0.7 and 0.4 / 0.7; ranks kept reach the upper one.
    assert answer.bounds == pytest.approx((0.1 / 0.7, 0.4 / 0.7))
    assert answer.mean == pytest.approx(0.4 / 0.7)
    assert answer.to_dict()["bounds"] == pytest.approx([0.1 / 0.7, 0.4 / 0.7])
    assert Program([drug, cured]).query("cured", do={"drug": 0}).bounds is None


def test_levels_that_are_numbers_keep_their_own_scale():
    program = Program([drug, cured], levels={"cured": [10, 20]})
    answer = program.query("cured", evidence={"drug": 1, "cured": 20}, do={"drug": 0})
    assert answer.mean == pytest.approx(10 + 10 * 0.4 / 0.7)
    assert answer.bounds == pytest.approx((10 + 10 * 0.1 / 0.7, 10 + 10 * 0.4 / 0.7))
    # A value of 10 or 20: the variance is 100 p (1 - p).
    assert answer.diversity**2 == pytest.approx(100 * (0.4 / 0.7) * (0.3 / 0.7))
    named = Program([drug, cured], levels={"cured": ["no", "yes"]})
    assert named.query("cured", evidence={"drug": 1, "cured": "yes"}, do={"drug": 0}).bounds is None


def test_with_many_draws_the_mean_still_lies_within():
    def cured(drug, *, a=parameter(dist.Beta(2, 2)), b=parameter(dist.Beta(2, 2))):
        return dist.Bernoulli(a * (1 - drug) + b * drug)

    fitted = prior_draws(Program({"drug": drug, "cured": cured}), 450)
    answer = fitted.query("cured", **SEEN)
    a, b = (fitted.parameters["cured"][name] for name in "ab")
    upper, lower = np.minimum(1, a / b).mean(), np.maximum(0, (a + b - 1) / b).mean()
    # The mean is the upper bound here; the lower one comes from 200 of the 450 draws (sd of a draw under 0.4).
    assert answer.bounds is not None and answer.bounds[1] == pytest.approx(upper, abs=1e-9)
    assert answer.mean == pytest.approx(upper, abs=1e-9)
    assert answer.bounds[0] == pytest.approx(lower, abs=5 * 0.4 / np.sqrt(200))


def test_exact_methods_take_inputs_as_they_are_set():
    def m(x, *, own=noise(dist.Normal(0, 1))):
        return 2 * x + own

    def y(m, *, own=noise(dist.Normal(0, 1))):
        return m + own

    open_ = Program([m, y], inputs=["x"]).unfitted
    # E[y | x=3, m + own = 8]: half of the surprise of 2 is m's.
    seen = open_.query("m", do={"x": 3.0}, given={"y": 8.0}, method=GaussianConditioning())
    assert seen.mean == pytest.approx(7.0) and seen.diversity == pytest.approx(np.sqrt(0.5))
    discrete = Program([cured], inputs=["drug"]).unfitted
    found = discrete.query("cured", do={"drug": 1}, method=Enumeration())
    assert found.mean == pytest.approx(0.7)
    # To know an input is to set it; in the world acted on it keeps its value, unless that is what is done.
    assert open_.query("m", given={"x": 3.0, "y": 8.0}, method=GaussianConditioning()).mean == pytest.approx(
        7.0
    )
    assert open_.query("m", evidence={"x": 3.0, "m": 7.0}, do={"y": 0.0}).mean == pytest.approx(7.0)
    assert open_.query("m", evidence={"x": 3.0, "m": 7.0}, do={"x": 0.0}).mean == pytest.approx(1.0)
    assert discrete.query("cured", given={"drug": 1}, method=Enumeration()).mean == pytest.approx(0.7)
    with pytest.raises(QueryError, match="open"):
        discrete.query("cured", method=Enumeration())
