"""Checks of a mechanism alone: what is right survives, what is wrong is broken and named."""

from __future__ import annotations

import os

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest
from scipy import stats

from aitia.core import Status
from aitia.programs import FunctionMechanism, Program, ProgramError, parameter
from aitia.programs._precision import double
from aitia.programs.checking import check, check_program, uniformity
from aitia.programs.checking._held_out import held_out, transforms
from aitia.programs.checking._piece import piece_of
from aitia.programs.checking._predictive import posterior_predictive

RANDOM = np.random.default_rng(0)
SCHOOL = RANDOM.normal(12, 2, 240)


def wage(school, *, start=parameter(dist.Normal(0, 3)), slope=parameter(dist.Normal(0, 1))):
    return dist.Normal(start + slope * (school - 12), 1)


MECHANISM = FunctionMechanism(wage)


@pytest.fixture(scope="module")
def right():
    # Its own errors, so that they do not depend on which tests run before.
    errors = np.random.default_rng(2).normal(size=240)
    return MECHANISM.check({"school": SCHOOL}, 1 + 0.5 * (SCHOOL - 12) + errors, replicates=0)


def test_a_right_mechanism_survives(right):
    assert right.verdict is Status.SURVIVED, right
    assert [each.name for each in right.findings] == [
        "prior predictive",
        "fit",
        "posterior predictive",
        "held-out calibration",
    ]
    assert "not found wrong" in right.sentence and "Conservative" in right["posterior predictive"].sentence
    slope = right.fitted.parameters["wage"]["slope"]
    assert slope.mean() == pytest.approx(0.5, abs=5 / (2 * np.sqrt(240)))
    html = right._repr_html_()
    assert html.count("<tr>") == 5 and "survived" in html


def test_a_wrong_shape_is_named():
    curved = 1 + 0.4 * (SCHOOL - 12) ** 2 + RANDOM.normal(size=240)
    found = MECHANISM.check({"school": SCHOOL}, curved, replicates=0)
    held = found["held-out calibration"]
    assert found.verdict is Status.BROKEN and held.verdict is Status.BROKEN
    assert "school" in held.sentence
    assert found["posterior predictive"].verdict is Status.BROKEN


def test_a_wrong_spread_is_named():
    wide = 1 + 0.5 * (SCHOOL - 12) + 1.8 * RANDOM.normal(size=240)
    found = MECHANISM.check({"school": SCHOOL}, wide, replicates=0)
    assert "its spread is too small" in found["held-out calibration"].sentence


@double
def u_of(values, observed, alpha=0.01, ordered=False):
    """Held-out transforms of a mechanism without parameters, for a hundred rows at a time."""
    mechanism = FunctionMechanism(values)
    piece, y = piece_of(mechanism, None, observed, None, None, "y", ordered)
    return piece, y, held_out(piece, y, None, np.arange(len(y)), alpha, 3)


def normal():
    return dist.Normal(0, 1)


def count():
    return dist.Poisson(1.5)


NORMAL, COUNT = normal, count


@pytest.mark.parametrize("law", [NORMAL, COUNT], ids=["continuous", "discrete"])
def test_transforms_are_uniform_under_the_truth(law):
    @double
    def one(seed):
        y = np.random.default_rng(seed)
        y = y.normal(size=100) if law is NORMAL else y.poisson(1.5, size=100)
        piece, _ = piece_of(mechanism, None, y, None, None, "y")
        return transforms(piece, y, {}, np.arange(100), seed)[0]

    mechanism = FunctionMechanism(law)
    u = np.concatenate([one(seed) for seed in range(20)])
    # Under the truth 2,000 independent uniform numbers; the p-value is below 0.001 once in a thousand seeds.
    assert stats.kstest(u, "uniform").pvalue > 0.001
    assert uniformity(u).p_value > 0.001


def test_transforms_notice_a_spread_that_is_a_fifth_off():
    y = 1.25 * np.random.default_rng(1).normal(size=1_000)
    _, _, found = u_of(NORMAL, y)
    assert found.verdict is Status.BROKEN and "spread is too small" in found.sentence


def test_neighbours_that_err_together_are_seen_where_rows_have_an_order():
    # Independent normal numbers in rising order: as a set they are right, as neighbours they are not.
    series = np.sort(np.random.default_rng(2).normal(size=400))
    _, _, found = u_of(NORMAL, series, ordered=True)
    assert found.verdict is Status.BROKEN and "Neighbouring" in found.sentence
    _, _, blind = u_of(NORMAL, np.random.default_rng(3).permutation(series))
    assert blind.verdict is Status.SURVIVED


@double
def test_level_of_the_posterior_predictive_check_with_known_parameters():
    """Without a fit the p-values are exact: a level of 0.1 breaks no more often than that over 60 data sets."""
    broken = 0
    mechanism = FunctionMechanism(NORMAL)
    for seed in range(60):
        piece, y = piece_of(mechanism, None, np.random.default_rng(seed).normal(size=50), None, None, "y")
        broken += posterior_predictive(piece, y, {}, 0.1, seed).verdict is Status.BROKEN
    # Bonferroni over statistics: at most 6 expected, five standard errors above is 17.6.
    assert broken < 17


def test_a_prior_in_conflict_with_the_data_is_told():
    found = MECHANISM.check({"school": SCHOOL}, 500 + RANDOM.normal(size=240), replicates=0)
    prior = found["prior predictive"]
    assert prior.verdict is Status.BROKEN and "prior and the data disagree" in prior.sentence


def test_infinite_values_are_told():
    import jax.numpy as jnp

    def size(*, rate=parameter(dist.Normal(0, 400))):
        return dist.Normal(jnp.exp(rate), 1)

    found = FunctionMechanism(size).check(rows=5, replicates=0)
    assert found.verdict is Status.BROKEN and "infinite or undefined" in found.sentence


def test_counts_groups_and_zeros():
    import jax.numpy as jnp

    town = np.repeat(["a", "b", "c"], 60)
    rates = np.array([0.5, 1.0, 4.0])[np.repeat([0, 1, 2], 60)]

    def visits(*, level=parameter(dist.Normal(0, 1), per="town")):
        return dist.Poisson(jnp.exp(level))

    mechanism = FunctionMechanism(visits)
    random = np.random.default_rng(4)
    right = check(mechanism, None, random.poisson(rates), groups={"town": town}, replicates=0)
    assert right.verdict is Status.SURVIVED, right
    zeros = random.poisson(rates) * (random.random(180) < 0.5)
    wrong = check(mechanism, None, zeros, groups={"town": town}, replicates=0)
    assert wrong.verdict is Status.BROKEN


def test_every_node_of_a_program_at_once():
    program = Program(
        {
            "school": lambda *, m=parameter(dist.Normal(12, 3)): dist.Normal(m, 2),
            "wage": wage,
            "rich": lambda wage, *, cut=parameter(dist.Normal(0, 2)): dist.Bernoulli(logits=wage - cut),
        }
    )
    values = {"school": {"m": 12.0}, "wage": {"start": 1.0, "slope": 0.5}, "rich": {"cut": 1.0}}
    data = program.simulate(300, seed=1, parameters=values)
    fitted = program.fit(data, seed=1)
    found = check_program(fitted, data)
    assert found.verdict is Status.SURVIVED, found
    assert [each.node for each in found.findings] == ["school", "wage", "rich"]
    bent = {**data, "wage": data["wage"] ** 3}
    broken = check_program(fitted, bent)
    assert [each.node for each in broken.broken] == ["wage", "rich"] or [
        each.node for each in broken.broken
    ] == ["wage"]


def test_rows_that_a_program_is_not_looked_at_on_are_told():
    """Many rows are thinned; a group that the fit has not seen is left out; latent nodes are told."""
    from aitia.programs import MaximumLikelihood

    def hidden():
        return dist.Normal(0, 1)

    def pupils(*, mean=parameter(dist.Normal(0, 3), per="school")):
        return dist.Poisson(jnp.exp(mean))

    rng = np.random.default_rng(3)
    school = np.repeat(["a", "b"], 600)
    data = {"school": school, "pupils": rng.poisson(np.where(school == "a", 3.0, 8.0))}
    program = Program({"hidden": hidden, "pupils": pupils})
    fitted = program.fit({**data, "hidden": rng.normal(size=1_200)}, MaximumLikelihood(), show_progress=False)
    found = check_program(fitted, data)
    by_node = {each.node: each for each in found.findings}
    assert (
        by_node["hidden"].verdict is Status.INCONCLUSIVE and "no data on hidden" in by_node["hidden"].sentence
    )
    assert by_node["pupils"].verdict is Status.SURVIVED, found
    assert found.notes == ("pupils: 1,000 of 1,200 rows are looked at, evenly spread.",)
    moved = {"school": np.r_[school[:600], ["c"] * 600], "pupils": data["pupils"]}
    found = check_program(fitted, moved)
    # The rows of the school that was not seen, eight pupils each, would break school a's mean of three.
    assert {each.node: each for each in found.findings}["pupils"].verdict is Status.SURVIVED, found
    assert found.notes == ("pupils: 600 rows are of a school that the fit has not seen; left out.",)
    mixed = {"school": ["a"] * 1_200, "pupils": data["pupils"]}
    assert {each.node: each for each in check_program(fitted, mixed).findings}[
        "pupils"
    ].verdict is Status.BROKEN


def test_figures(right):
    figure = right.figure()
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[0] == "wage: prior predictive\nsurvived" and len(titles) == 4
    assert all(axes.get_xlabel() and axes.get_ylabel() for axes in figure.axes[:4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "came without"),
        ({"parents": {"scool": [1.0]}}, "Did you mean 'school'"),
        ({"parents": {"school": 3.0}}, "is one value"),
        ({"parents": {"school": ["a", "b"]}}, "a piece sees numbers"),
        ({"parents": {"school": [1.0, np.nan]}}, "no finite value in row 1"),
        ({"parents": {"school": [1.0, 2.0]}, "observed": [1.0]}, "differ in length"),
        ({"parents": {"school": []}}, "no rows"),
    ],
)
def test_what_cannot_be_checked(arguments, message):
    with pytest.raises(ProgramError) as caught:
        MECHANISM.check(**arguments)
    assert message in str(caught.value)


def test_a_group_is_missing():
    with pytest.raises(ProgramError, match="varies by 'town'"):
        FunctionMechanism(lambda *, m=parameter(dist.Normal(0, 1), per="town"): dist.Normal(m, 1)).check()


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("AITIA_SLOW"), reason="a full-size study")
def test_level_of_held_out_calibration_with_a_fit():
    """Parameters from the prior, then data, then a fit: p-values of the held-out check over 100 data sets."""
    p_values = []
    for seed in range(100):
        random = np.random.default_rng(seed)
        y = random.normal(0, 3) + random.normal() * (SCHOOL - 12) + random.normal(size=240)
        p_values.append(
            MECHANISM.check({"school": SCHOOL}, y, replicates=0, seed=seed)["held-out calibration"].p_value
        )
    # Bonferroni makes them conservative: at a level of 0.1, 10 expected at most; five standard errors above is 25.
    assert (np.asarray(p_values) < 0.1).sum() < 25
