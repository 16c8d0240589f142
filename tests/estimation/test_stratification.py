from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from aitia.estimation import EmptyPopulation, NotApplicable, Sample, Stratification, TreatmentKind
from aitia.estimation._stratification import EmptyStratum
from aitia.identification import ALL, TREATED, UNTREATED, Effect, Estimand, Population, Rule
from aitia.identification._expression import Expectation, Symbol

SLOW = bool(os.environ.get("AITIA_SLOW"))


def estimand(population: Population = ALL) -> Estimand:
    return Estimand(
        question=Effect("t", "y", population=population),
        rule=Rule.ADJUSTMENT,
        expression=Expectation("y", (Symbol("t"),)),
    )


def sample(x: np.ndarray, t: np.ndarray, y: np.ndarray, **more) -> Sample:
    return Sample(
        outcome=np.asarray(y, float),
        treatment=np.asarray(t, float),
        treatment_kind=more.pop("kind", TreatmentKind.BINARY),
        covariates=np.asfortranarray(x, dtype=float),
        covariate_names=tuple(f"x{j}" for j in range(x.shape[1])),
        **more,
    )


def from_counts(counts: dict[tuple[int, int], tuple[int, int]]) -> Sample:
    """Rows from {(arm, stratum): (successes, rows)}."""
    parts = [
        (np.full(n, arm), np.full(n, stratum), np.arange(n) < good)
        for (arm, stratum), (good, n) in counts.items()
    ]
    t, x, y = (np.concatenate(each) for each in zip(*parts))
    return sample(x[:, None], t, y)


def draw(n: int, seed: int) -> Sample:
    random = np.random.default_rng(seed)
    x = random.integers(0, 3, (n, 2))
    t = random.random(n) < 0.3 + 0.1 * x[:, 0]
    y = x.sum(1) + (1 + x[:, 0]) * t + random.standard_normal(n) * (1 + t)
    return sample(x, t, y)


def test_kidney_stones():
    """Charig et al. (1986): standardised over stone size .8325 (open) and .7789; the raw rates say the reverse."""
    stones = from_counts({(1, 0): (81, 87), (1, 1): (192, 263), (0, 0): (234, 270), (0, 1): (55, 80)})
    found = Stratification().estimate(estimand(), stones)
    assert found.profile is not None
    assert [round(mean, 4) for mean in found.profile.means] == [0.7789, 0.8325]
    assert round(found.value, 4) == 0.0537
    # By hand, strata and rates multinomial: Var = E[Var within] + Var between, each rate's variance with m - 1.
    sizes = np.array([357, 343]) / 700
    rates = {1: np.array([81 / 87, 192 / 263]), 0: np.array([234 / 270, 55 / 80])}
    rows = {1: np.array([87, 263]), 0: np.array([270, 80])}
    within = sum((sizes**2 * rates[a] * (1 - rates[a]) / (rows[a] - 1)).sum() for a in (0, 1))
    gap = rates[1] - rates[0]
    between = (sizes @ gap**2 - (sizes @ gap) ** 2) / 700
    assert found.std_error == pytest.approx(np.sqrt(within + between), rel=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_average_effect_is_the_mix_of_treated_and_untreated(seed: int):
    one = draw(600, seed)
    everyone, treated, untreated = (
        Stratification().estimate(estimand(each), one).value for each in (ALL, TREATED, UNTREATED)
    )
    share = one.treatment.mean()
    assert everyone == pytest.approx(share * treated + (1 - share) * untreated, rel=1e-10)


def _cells(sample: Sample) -> np.ndarray:
    """Stratum and arm of each row of `draw` as one code."""
    x = sample.covariates
    return (x[:, 0] * 6 + x[:, 1] * 2 + sample.treatment).astype(int)


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_laws(seed: int):
    one = draw(200, seed)
    assume((np.bincount(_cells(one), minlength=18) > 0).all())
    found = Stratification().estimate(estimand(), one)
    mirrored = Stratification().estimate(estimand(), one.replace(treatment=1 - one.treatment))
    assert mirrored.value == pytest.approx(-found.value, rel=1e-10)
    # A weight of two is the row twice, with the rows' two copies in one cluster.
    doubled = one.rows(np.repeat(np.arange(200), 2)).replace(clusters=np.repeat(np.arange(200), 2))
    weighted = one.replace(weights=np.full(200, 2.0), clusters=np.arange(200))
    a, b = (Stratification().estimate(estimand(), each) for each in (doubled, weighted))
    assert a.value == pytest.approx(b.value, rel=1e-10)
    assert a.std_error == pytest.approx(b.std_error, rel=1e-9)
    assert found.influence is not None
    assert abs(found.influence.mean()) < 1e-12


@pytest.mark.parametrize("population", [ALL, TREATED, UNTREATED], ids=str)
def test_intervals_cover(population: Population):
    replicates = 2000 if SLOW else 400
    grid = np.arange(3)
    chance = {"all": np.ones(3), "treated": 0.3 + 0.1 * grid, "untreated": 0.7 - 0.1 * grid}[
        population.kind.value
    ]
    truth = float((chance * (1 + grid)).sum() / chance.sum())
    found = [Stratification().estimate(estimand(population), draw(400, seed)) for seed in range(replicates)]
    covered = np.mean([each.interval[0] <= truth <= each.interval[1] for each in found])
    values = np.array([each.value for each in found])
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / replicates)
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(replicates)


def test_several_arms_and_their_covariance():
    random = np.random.default_rng(0)
    x = random.integers(0, 2, (3000, 1))
    t = random.integers(0, 3, 3000)
    y = x[:, 0] + t + random.standard_normal(3000)
    arms = sample(
        x, t, y, kind=TreatmentKind.CATEGORICAL, treatment_levels=("a", "b", "c"), contrast=(2.0, 0.0)
    )
    found = Stratification().estimate(estimand(), arms)
    profile = found.profile
    assert profile is not None and profile.covariance is not None
    assert profile.points == ("a", "b", "c")
    assert found.value == pytest.approx(profile.means[2] - profile.means[0])
    pick = np.array([-1, 0, 1])
    assert found.std_error == pytest.approx(float(np.sqrt(pick @ profile.covariance @ pick)), rel=1e-10)


def test_propensity_groups_remove_most_of_a_linear_bias():
    """Cochran (1968), table 1: five groups of a normal covariate leave about 10% of the bias of no adjustment."""
    random = np.random.default_rng(1)
    n = 200_000
    x = random.standard_normal(n)
    t = random.random(n) < 1 / (1 + np.exp(-x))
    rows = sample(x[:, None], t, x + 0.1 * random.standard_normal(n))
    crude = x[t].mean() - x[~t].mean()
    left = Stratification(scores=5).estimate(estimand(), rows).value / crude
    assert 0.05 < left < 0.15


def test_an_empty_stratum_is_named():
    x = np.array([[0], [0], [1], [1], [2], [2]] * 5)
    t = np.array([0, 1, 0, 1, 1, 1] * 5)
    rows = sample(x, t, np.arange(30.0))
    with pytest.raises(
        EmptyStratum, match=r"1 strata with 10 of 30 rows lack a treatment: x0 = 2 \(0, 10 rows by arm\)"
    ):
        Stratification().estimate(estimand(), rows)
    found = Stratification(drop_empty=True).estimate(estimand(), rows)
    assert "Left out: 1 strata with 10 of 30 rows" in found.decisions[0].what
    # The untreated are all in strata with both arms: nothing is lost for them.
    assert not Stratification().estimate(estimand(UNTREATED), rows).decisions


def test_refuses_covariates_that_hardly_repeat():
    random = np.random.default_rng(0)
    rows = sample(random.standard_normal((100, 1)), random.integers(0, 2, 100), random.standard_normal(100))
    assert "100 in 100 rows" in Stratification().refusal(estimand(), rows)
    assert not Stratification(scores=3).refusal(estimand(), rows)


def test_strata_of_few_rows_still_cover():
    # 30 strata, three rows in the smaller arm of each. The strata are the same in every run, and so is the effect; the
    # error counts the spread of effects between strata, in which their noise shows: with n_s = 9 rows a stratum the
    # variance is 1 + 1 / n_s times the true one, so the share is P(|z| < 1.96 sqrt(1 + 1 / 9)) = 0.961. Without
    # the correction for rows in a cell it is 0.91. Three Monte-Carlo errors either side.
    runs, covered = (4000 if SLOW else 1500), 0
    sizes = [(3, 6), (6, 3)] * 15
    t = np.concatenate([np.repeat([1.0, 0.0], each) for each in sizes])
    group = np.repeat(np.arange(30), 9)
    x = np.column_stack([group % 5, group // 5]).astype(float)
    random = np.random.default_rng(5)
    for _ in range(runs):
        y = 0.1 * group + t + random.standard_normal(len(t))
        low, high = Stratification().estimate(estimand(), sample(x, t, y)).interval
        covered += low <= 1 <= high
    expected = 1 - 2 * norm.sf(norm.isf(0.025) * np.sqrt(1 + 1 / 9))
    assert abs(covered / runs - expected) < 3 * np.sqrt(expected * (1 - expected) / runs)


def test_groups_fewer_than_two_and_empty_populations_are_named():
    one = draw(200, 3)
    with pytest.raises(NotApplicable, match="at least 2"):
        Stratification(scores=1).estimate(estimand(), one)
    with pytest.raises(EmptyPopulation, match="No row is in the population"):
        Stratification().estimate(estimand(), one.replace(population=np.zeros(200, bool)))
