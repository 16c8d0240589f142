"""Direct, indirect, path-specific and nested effects: closed forms, brute force, and the mediation formula."""

from __future__ import annotations

import itertools

import numpy as np
import numpyro.distributions as dist
import pytest

from aitia import Study
from aitia.identification import NaturalDirect, NaturalIndirect
from aitia.programs import Program, QueryError
from aitia.programs.counterfactuals import (
    WouldBe,
    controlled_direct_effect,
    natural_direct_effect,
    natural_indirect_effect,
    nested,
    path_specific_effect,
    recanting_witness,
    total_effect,
)


@pytest.fixture(scope="module")
def linear():
    """t -> m -> y with coefficients a = 2, b = 3, and t -> y with c = 0.5; n lies between m and y as well."""
    return Program(
        {
            "t": dist.Bernoulli(0.5),
            "m": lambda t: dist.Normal(2 * t, 1),
            "n": lambda m, t: dist.Normal(0.5 * m - t, 1),
            "y": lambda t, m, n: dist.Normal(0.5 * t + 3 * m + 4 * n, 1),
        }
    )


def test_linear_effects_are_products_of_coefficients(linear):
    paths = {"t -> y": 0.5, "t -> m -> y": 6.0, "t -> n -> y": -4.0, "t -> m -> n -> y": 4.0}
    longest = "t -> m -> n -> y"
    assert path_specific_effect(linear, "t", "y", [longest], draws=500).mean == pytest.approx(paths[longest])
    assert path_specific_effect(linear, "t", "y", paths, draws=500).mean == pytest.approx(6.5)
    assert total_effect(linear, "t", "y", draws=500).mean == pytest.approx(6.5)
    direct = natural_direct_effect(linear, "t", "y", ("m", "n"), draws=500).mean
    indirect = natural_indirect_effect(linear, "t", "y", ("m", "n"), draws=500).mean
    assert direct == pytest.approx(0.5) and indirect == pytest.approx(6.0)
    assert controlled_direct_effect(linear, "t", "y", {"m": 7.0}, draws=500).mean == pytest.approx(-3.5)


def test_an_effect_along_a_path_of_one_unit(linear):
    seen = {"t": 0, "m": 1.0, "n": 0.0, "y": 2.0}
    effect = path_specific_effect(linear, "t", "y", ["t -> m -> y"], evidence=seen, draws=200)
    assert effect.mean == pytest.approx(6.0) and effect.rung == 3


P_W, P_A = (0.2, 0.7), (0.3, 0.8)
P_OUT = {(0, 0): 0.1, (0, 1): 0.3, (1, 0): 0.2, (1, 1): 0.9}


@pytest.fixture(scope="module")
def kite():
    """t -> w -> y and t -> w -> a -> y: w is a recanting witness for either path alone; w and a interact."""

    def y(w, a):
        import jax.numpy as jnp

        table = jnp.asarray([[P_OUT[i, j] for j in (0, 1)] for i in (0, 1)])
        return dist.Bernoulli(table[w, a])

    return Program(
        {
            "t": dist.Bernoulli(0.5),
            "w": lambda t: dist.Bernoulli(P_W[0] + (P_W[1] - P_W[0]) * t),
            "a": lambda w: dist.Bernoulli(P_A[0] + (P_A[1] - P_A[0]) * w),
            "y": y,
        }
    )


def test_a_recanting_witness_is_told_and_answered_by_the_form_of_noise(kite):
    effect = path_specific_effect(kite, "t", "y", ["t -> w -> y"])
    # Brute force with thresholds: w is (W_0, W_1), monotone, so (0,0), (0,1), (1,1).
    pairs = {(0, 0): 1 - P_W[1], (0, 1): P_W[1] - P_W[0], (1, 1): P_W[0]}
    truth = sum(
        chance * (P_A[w0] if a else 1 - P_A[w0]) * (P_OUT[w1, a] - P_OUT[w0, a])
        for (w0, w1), chance in pairs.items()
        for a in (0, 1)
    )
    assert effect.mean == pytest.approx(truth, abs=1e-9)
    assert any("recanting witness" in each.statement for each in effect.assumptions)
    low, high = effect.bounds
    assert low <= truth <= high and high - low > 0.01
    assert recanting_witness(kite, "t", "y", ["t -> w -> y"]) == "w"
    assert recanting_witness(kite, "t", "y", ["t -> w -> y", "t -> w -> a -> y"]) is None


def test_paths_that_no_set_of_arrows_describes():
    """Two routes into c and two out: t -> a -> c -> d -> y alone, beside t -> b -> c -> e -> y.

    All arrows are used by the two paths together, so that arrows alone would add t -> a -> c -> e -> y.
    """
    program = Program(
        {
            "t": dist.Bernoulli(0.5),
            "a": lambda t: dist.Normal(2 * t, 1),
            "b": lambda t: dist.Normal(3 * t, 1),
            "c": lambda a, b: dist.Normal(a + b, 1),
            "d": lambda c: dist.Normal(5 * c, 1),
            "e": lambda c: dist.Normal(7 * c, 1),
            "y": lambda d, e: dist.Normal(d + e, 1),
        }
    )
    both = ["t -> a -> c -> d -> y", "t -> b -> c -> e -> y"]
    effect = path_specific_effect(program, "t", "y", both, draws=200)
    assert effect.mean == pytest.approx(2 * 5 + 3 * 7)
    assert recanting_witness(program, "t", "y", both) == "c"
    assert total_effect(program, "t", "y", draws=200).mean == pytest.approx(5 * 12)


def test_nested_counterfactuals_of_any_depth(kite):
    """Y_{w = 1, a as it would be had w been as under t = 0}, by listing; and two levels at once."""
    answer = nested(kite, "y", {"w": 1, "a": WouldBe({"w": WouldBe({"t": 0})})})
    truth = sum(
        (P_W[0] if w else 1 - P_W[0]) * (P_A[w] if a else 1 - P_A[w]) * P_OUT[1, a]
        for w, a in itertools.product((0, 1), (0, 1))
    )
    assert answer.mean == pytest.approx(truth, abs=1e-9)
    natural = nested(kite, "y", {"t": 1, "a": WouldBe({"t": 0})}).mean - nested(kite, "y", {"t": 0}).mean
    assert natural == pytest.approx(natural_direct_effect(kite, "t", "y", "a").mean, abs=1e-9)
    assert nested(kite, "y", {"t": WouldBe({"t": 1})}).mean == pytest.approx(
        nested(kite, "y", {"t": 1}).mean, abs=1e-9
    )


def test_agreement_with_the_mediation_formula_on_the_programs_own_data():
    """`identify` and `estimate` on data that the program made; the program's own effects are the truth."""
    program = Program(
        {
            "c": dist.Normal(0, 1),
            "t": lambda c: dist.Bernoulli(logits=c),
            "m": lambda t, c: dist.Normal(1.5 * t + c, 1),
            "y": lambda t, m, c: dist.Normal(2 * t + 0.8 * m - c, 1),
        }
    )
    data = program.simulate(6_000, seed=4)
    for question, own in (
        (NaturalDirect("t", "y", ("m",)), natural_direct_effect),
        (NaturalIndirect("t", "y", ("m",)), natural_indirect_effect),
    ):
        estimate = Study(data, question, program.graph).identify().estimate().result
        truth = own(program, "t", "y", "m", draws=500).mean
        assert truth == pytest.approx({natural_direct_effect: 2.0, natural_indirect_effect: 1.2}[own])
        assert abs(estimate.value - truth) < 5 * estimate.std_error


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda p: path_specific_effect(p, "t", "y", []), "No path is named"),
        (lambda p: path_specific_effect(p, "t", "y", ["t -> m"]), "does not lead from t to y"),
        (lambda p: path_specific_effect(p, "m", "y", ["m -> t -> y"]), "no arrow m -> t"),
        (lambda p: path_specific_effect(p, "t", "y", ["t -> q -> y"]), "no node 'q'"),
        (lambda p: natural_direct_effect(p, "m", "y", "t"), "does not lie between m and y"),
        (lambda p: natural_direct_effect(p, "t", "y", "q"), "no node 'q'"),
    ],
)
def test_questions_that_cannot_be(linear, ask, message):
    with pytest.raises(QueryError, match=message):
        ask(linear)


def test_units_differ_where_effects_do():
    program = Program(
        {"t": dist.Bernoulli(0.5), "m": lambda t: dist.Normal(t, 1), "y": lambda t, m: dist.Normal(t * m, 1)}
    )
    direct = natural_direct_effect(program, "t", "y", "m", draws=40_000)
    # Y_{1, M_0} - Y_0 = M_0, which is standard normal.
    assert direct.mean == pytest.approx(0, abs=5 / np.sqrt(40_000))
    assert direct.sd == pytest.approx(1, abs=5 * np.sqrt(0.5 / 40_000))
