"""Refuters that draw replicates: placebos, noise, subsets, blocks, dummy outcomes, simulated worlds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from worlds import crowded, linear, study

from aitia.core import AssumptionKey, stream
from aitia.estimation import AIPW, RegressionAdjustment
from aitia.refutation import (
    BlockBootstrap,
    Case,
    DummyOutcome,
    EstimatorDisagreement,
    LeaveOneCovariateOut,
    PlaceboTreatment,
    RandomCommonCause,
    RandomSubset,
    Refutation,
    SimulatedTruth,
    Verdict,
)
from aitia.refutation._affordable import Budget, Replicating
from aitia.refutation._generator import Generator
from aitia.refutation._placebo_treatment import _Permutation

FIVE = (PlaceboTreatment, RandomCommonCause, RandomSubset, BlockBootstrap, DummyOutcome)


@pytest.mark.parametrize("refuter", [PlaceboTreatment, RandomCommonCause, RandomSubset, DummyOutcome])
def test_moments_give_what_full_refits_give(refuter):
    case = linear(np.random.default_rng(0), n=300)
    quick, slow = (refuter(replicates=8, full=full).refute(case, seed=3) for full in (False, True))
    assert "no refit" in quick.cost and "8 full refits" in slow.cost
    assert quick.details["values"] == pytest.approx(slow.details["values"], rel=1e-7)


@pytest.mark.parametrize("refuter", [*FIVE, SimulatedTruth])
def test_same_seed_same_answer(refuter):
    case = linear(np.random.default_rng(1), n=200)
    first, again, other = (refuter(replicates=20).refute(case, seed=seed) for seed in (5, 5, 6))
    assert first.p_value == again.p_value and first.observed == again.observed
    assert first.p_value != other.p_value


def test_placebos_are_permutations_of_the_treatment():
    t = np.repeat([0.0, 1.0], [30, 70])
    assert _Permutation(t, None)(stream(0, "x")).sum() == 70
    doses = np.arange(100.0)
    assert sorted(_Permutation(doses, None)(stream(0, "x"))) == sorted(doses)


@settings(max_examples=25)
@given(seed=st.integers(0, 1000))
def test_cluster_placebos_keep_clusters_together(seed):
    random = np.random.default_rng(seed)
    clusters = random.integers(0, 12, 200)
    by_cluster = random.normal(size=12)
    placebo = _Permutation(by_cluster[clusters], clusters)(stream(seed, "x"))
    for g in np.unique(clusters):
        assert len(set(placebo[clusters == g])) == 1  # constant within, as the treatment is
    assert set(placebo) <= set(by_cluster)


def test_a_random_common_cause_moves_least_squares_as_derived():
    # The change is a product of two normal coefficients with standard deviation se / sqrt(n) (homoskedastic,
    # one slope).
    case = linear(np.random.default_rng(2), n=400, estimator=RegressionAdjustment(interactions=False))
    found = RandomCommonCause(replicates=2000).refute(case)
    # Monte-Carlo error of a root mean square of products of normals (kurtosis 9): sqrt(8 / 2000) / 2 = 3%.
    assert found.details["typical_change"] == pytest.approx(found.details["expected_change"], rel=0.12)
    crowd = RandomCommonCause().refute(crowded(np.random.default_rng(3)))
    assert crowd.verdict.value == "broken" and crowd.margin is not None and crowd.margin > 0.5


def test_subsets_scatter_as_theory_says_for_any_share():
    case = linear(np.random.default_rng(4), n=2000)
    for share in (0.2, 0.5, 0.8):
        found = RandomSubset(replicates=400, share=share).refute(case)
        # sd of a spread from 400 draws: 1 / sqrt(800) = 3.5%; residuals of one data set add a little.
        assert found.details["spread_ratio"] == pytest.approx(1.0, abs=0.15)
        expected = case.estimate.std_error * np.sqrt((1 - share) / share)
        assert found.details["expected_spread"] == pytest.approx(expected)


def test_subsets_of_blocks_where_there_are_many_rows():
    case = linear(np.random.default_rng(5), n=3000)
    found = RandomSubset(largest=1000).refute(case)
    assert found.details["blocks"] == 400 and found.verdict.value == "survived"


def test_block_bootstrap_is_the_cluster_robust_error_for_named_blocks():
    case = linear(np.random.default_rng(6), site=0.7)
    found = BlockBootstrap(replicates=4000, by="site").refute(case)
    sample = case.sample.replace(clusters=(np.arange(500) // 20))
    clustered = RegressionAdjustment().estimate(case.estimand, sample)
    assert found.details["bootstrap_std_error"] == pytest.approx(clustered.std_error, rel=0.08)
    assert found.verdict.value == "broken"
    honest = BlockBootstrap().refute(Case(clustered, sample))
    assert honest.verdict.value == "survived"
    full = BlockBootstrap(replicates=30, full=True).refute(Case(clustered, sample))
    assert "30 full refits" in full.cost and full.details["ratio"] == pytest.approx(1.0, abs=0.5)


def test_placebo_over_clusters_of_the_estimate():
    case = linear(np.random.default_rng(7), n=1000, site=0.7)
    sample = case.sample.replace(clusters=(np.arange(1000) // 20))
    estimate = RegressionAdjustment().estimate(case.estimand, sample)
    found = PlaceboTreatment(replicates=60).refute(Case(estimate, sample))
    assert found.verdict.value == "survived" and "full refits" in found.cost
    ignored = PlaceboTreatment(clusters="site").refute(case)
    assert ignored.verdict.value == "broken" and ignored.details["spread_ratio"] > 1.5


def test_dummy_outcomes_have_the_planted_effect():
    case = linear(np.random.default_rng(8), n=1000)
    found = DummyOutcome(effect=-3.0, replicates=200).refute(case)
    # standard error of a mean of 200 answers
    assert found.details["values"].mean() == pytest.approx(-3, abs=4 * case.estimate.std_error / np.sqrt(200))
    assert 0.88 <= found.details["coverage"] <= 1.0
    curved = DummyOutcome().refute(linear(np.random.default_rng(9), n=1000, curved=0.5, curved_treatment=0.6))
    assert (
        curved.verdict.value == "broken"
        and curved.details["curved"] > 0
        and "straight lines" in curved.sentence
    )


@pytest.mark.parametrize("population", ["all", "treated", "untreated"])
def test_the_generator_has_the_effect_it_says(population):
    from dataclasses import replace

    from aitia.identification import ALL, TREATED, UNTREATED

    case = linear(np.random.default_rng(10), n=400, varying=0.8)
    asked = {"all": ALL, "treated": TREATED, "untreated": UNTREATED}[population]
    estimand = replace(case.estimand, question=replace(case.estimand.question, population=asked))
    estimate = RegressionAdjustment().estimate(estimand, case.sample)
    generator = Generator.fit(Case(estimate, case.sample), effect=2.5)
    assert generator.truth == pytest.approx(2.5)
    # The mean of unbiased estimates over worlds is the planted effect (linear worlds: regression adjustment
    # is right).
    found = [RegressionAdjustment().estimate(estimand, generator.draw(stream(0, "w", r))) for r in range(200)]
    mean = np.mean([each.value for each in found])
    error = np.std([each.value for each in found]) / np.sqrt(200)
    assert mean == pytest.approx(2.5, abs=4 * error)


def test_the_generator_draws_binary_outcomes_doses_and_clusters():
    random = np.random.default_rng(11)
    x = random.normal(size=(400, 2))
    t = (random.random(400) < 0.5).astype(float)
    binary = study(x, t, (random.random(400) < 0.3 + 0.3 * t).astype(float))
    world = Generator.fit(binary).draw(stream(0, "w"))
    assert set(np.unique(world.outcome)) == {0.0, 1.0}
    dose = study(x, x[:, 0] + random.normal(size=400), x[:, 0] + random.normal(size=400))
    found = SimulatedTruth(replicates=40, effect=0.7).refute(dose)
    assert found.verdict.value == "survived" and found.details["truth"] == 0.7
    clusters = np.arange(400) // 10
    grouped = study(
        x, (clusters % 2).astype(float), x[:, 0] + random.normal(size=40)[clusters], clusters=clusters
    )
    world = Generator.fit(grouped).draw(stream(0, "w"))
    assert len(np.unique(world.clusters)) == 40
    for g in range(40):
        assert len(set(world.treatment[world.clusters == g])) == 1


def test_disagreement_is_zero_with_itself_and_seen_where_a_model_is_wrong():
    case = linear(np.random.default_rng(12))
    same = EstimatorDisagreement(RegressionAdjustment()).refute(case)
    assert same.verdict.value == "survived" and same.details["difference"] == 0
    wrong = linear(
        np.random.default_rng(13),
        n=4000,
        varying=1.0,
        curved_treatment=0.5,
        estimator=RegressionAdjustment(interactions=False),
    )
    found = EstimatorDisagreement(RegressionAdjustment()).refute(wrong)
    assert found.verdict.value == "broken"
    # The error of the difference by the bootstrap.
    random = np.random.default_rng(14)
    draws = []
    for _ in range(200):
        rows = wrong.sample.rows(random.integers(0, 4000, 4000))
        one, two = (
            RegressionAdjustment(interactions=i).estimate(wrong.estimand, rows).value for i in (True, False)
        )
        draws.append(one - two)
    assert found.details["difference_std_error"] == pytest.approx(np.std(draws), rel=0.2)


def test_leaving_one_out_is_the_estimate_without_it():
    case = linear(np.random.default_rng(15))
    found = LeaveOneCovariateOut().refute(case)
    assert found.details["names"] == ("a", "b", "c") and found.bounds
    x = np.delete(case.sample.covariates, 0, axis=1)
    without = study(x, case.sample.treatment, case.sample.outcome)
    assert found.details["values"][0] == pytest.approx(without.estimate.value)
    change = without.estimate.value - case.estimate.value
    assert found.details["changes"][0] == pytest.approx(change)
    assert found.margin == pytest.approx(abs(change) / case.estimate.value)  # a is the strongest of the three
    # An effect of -0.6 that confounding by a turns round: the conclusion rests on having measured it.
    random = np.random.default_rng(16)
    x = random.normal(size=(2000, 1))
    t = (random.random(2000) < 1 / (1 + np.exp(-1.5 * x[:, 0]))).astype(float)
    case = study(x, t, 2 * x[:, 0] - 0.6 * t + random.normal(size=2000))
    turned = LeaveOneCovariateOut().refute(case)
    assert turned.verdict.value == "inconclusive" and "having measured a" in turned.sentence


def test_estimators_that_learn_are_refitted_on_fewer_rows_and_say_so():
    case = linear(np.random.default_rng(17), n=6000)
    learned = Case(AIPW().estimate(case.estimand, case.sample), case.sample)
    found = PlaceboTreatment(replicates=30).refute(learned)
    assert found.cost.startswith("10 full refits (of 30 wanted)") and "on 1,000 of 6,000 rows" in found.cost
    assert found.verdict.value == "survived"
    found = RandomSubset(replicates=30).refute(learned)
    assert found.details["share"] == pytest.approx(1 / 6, abs=0.01) and found.verdict.value == "survived"
    again = RandomSubset(replicates=30).refute(learned)
    assert np.array_equal(found.details["values"], again.details["values"])


def test_five_refuters_with_a_hundred_replicates_need_no_refit():
    case = linear(np.random.default_rng(18), n=20_000)
    for refuter in FIVE:
        found = refuter().refute(case)
        assert found.replicates == 100 and found.cost.startswith("no refit")


class _Scripted(Replicating):
    """Gives a verdict at the first look and another at the second, and keeps the budgets it was given."""

    name = "scripted"
    attacks = AssumptionKey.INTERVAL
    reference = ""
    replicates, full = 100, False

    def __init__(self, first: Verdict, second: Verdict) -> None:
        self.verdicts, self.budgets = [first, second], []

    def _attempt(self, case: Case, seed: int, budget: Budget) -> Refutation:
        self.budgets.append(budget)
        verdict = self.verdicts[len(self.budgets) - 1]
        return Refutation(self.name, self.attacks, "", "", "", verdict, "", replicates=budget.most(case))


def test_a_cheap_attempt_that_does_not_survive_is_made_again_on_more_rows():
    case = linear(np.random.default_rng(19), n=4000)
    learned = Case(AIPW().estimate(case.estimand, case.sample), case.sample)
    twice = _Scripted(Verdict.BROKEN, Verdict.SURVIVED)
    found = twice.refute(learned)
    assert found.verdict is Verdict.SURVIVED and found.replicates == 30
    assert [each.rows(learned) for each in twice.budgets] == [1000, 3000]
    # A survivor is not asked again, nor is an estimator that answers exactly from moments.
    for verdict, asked in ((Verdict.SURVIVED, learned), (Verdict.BROKEN, case)):
        once = _Scripted(verdict, Verdict.INCONCLUSIVE)
        assert once.refute(asked).verdict is verdict and len(once.budgets) == 1
