from __future__ import annotations

import os

import numpy as np
import pytest

from aitia.estimation import Estimate, Matching, NoSubgroups, Sample, Stratification, TreatmentKind, subgroups
from aitia.identification import TREATED, Effect, Estimand, Population, Rule
from aitia.identification._expression import Expectation, Symbol

SLOW = bool(os.environ.get("AITIA_SLOW"))


def estimand(population: Population | None = None) -> Estimand:
    question = Effect("t", "y") if population is None else Effect("t", "y", population=population)
    return Estimand(question=question, rule=Rule.ADJUSTMENT, expression=Expectation("y", (Symbol("t"),)))


def draw(n: int, seed: int, effects: tuple[float, ...] = (1, 1, 1)) -> Sample:
    random = np.random.default_rng(seed)
    x = random.integers(0, len(effects), n)
    t = random.random(n) < 0.3 + 0.2 * (x == 1)
    y = x + np.array(effects)[x] * t + random.standard_normal(n)
    return Sample(y, t.astype(float), TreatmentKind.BINARY, covariates=x[:, None].astype(float))


def fitted(sample: Sample) -> Estimate:
    return Stratification().estimate(estimand(), sample)


def test_groups_that_are_strata_give_the_differences_within_them():
    sample = draw(500, 0, (0, 1, 3))
    group = sample.covariates[:, 0]
    found = subgroups(fitted(sample), group, "x")
    for j in range(3):
        y, t = sample.outcome[group == j], sample.treatment[group == j] == 1
        assert found.values[j] == pytest.approx(y[t].mean() - y[~t].mean(), rel=1e-10)
        by_hand = np.sqrt(y[t].var(ddof=1) / t.sum() + y[~t].var(ddof=1) / (~t).sum())
        assert found.std_errors[j] == pytest.approx(by_hand, rel=1e-9)
    assert found.p_value < 1e-6
    assert "differs by x" in found.sentence
    # The rows' groups average back to the average effect.
    assert found.values @ found.counts / 500 == pytest.approx(found.overall, rel=1e-10)


def test_joint_intervals_cover_together_and_the_test_has_its_size():
    replicates = 4000 if SLOW else 800
    together, rejected = 0, 0
    for seed in range(replicates):
        sample = draw(600, seed)
        found = subgroups(fitted(sample), sample.covariates[:, 0])
        together += bool(((found.joint_intervals[:, 0] <= 1) & (found.joint_intervals[:, 1] >= 1)).all())
        rejected += found.p_value < 0.05
    # Four Monte-Carlo standard errors, and half a percent for the normal approximation at 60 rows an arm.
    tolerance = 4 * np.sqrt(0.95 * 0.05 / replicates) + 0.005
    assert abs(together / replicates - 0.95) < tolerance
    assert abs(rejected / replicates - 0.05) < tolerance


def test_clusters_across_groups_correlate_them():
    sample = draw(300, 2)
    clusters = np.arange(300) // 3
    shared = np.random.default_rng(0).standard_normal(100)[clusters] * 2
    sample = sample.replace(outcome=sample.outcome + shared * sample.treatment, clusters=clusters)
    apart = subgroups(fitted(sample), sample.covariates[:, 0])
    joined = subgroups(fitted(sample), sample.covariates[:, 0], clusters=clusters, seed=3)
    assert np.count_nonzero(apart.covariance - np.diag(np.diag(apart.covariance))) == 0
    assert np.abs(joined.covariance[0, 1]) > 0
    again = subgroups(fitted(sample), sample.covariates[:, 0], clusters=clusters, seed=3)
    assert np.array_equal(joined.joint_intervals, again.joint_intervals)


def test_quantiles_of_a_number():
    sample = draw(400, 1)
    age = np.linspace(20, 60, 400)
    found = subgroups(fitted(sample), age, "age", quantiles=4)
    assert found.labels == ("20 to 30", "30 to 40", "40 to 50", "50 to 60")
    assert found.counts.tolist() == [100] * 4


def test_hostile_labels_are_harmless():
    sample = draw(300, 1)
    labels = np.array(["<script>alert(1)</script>", "a$b_$", "c" * 80])[sample.covariates[:, 0].astype(int)]
    found = subgroups(fitted(sample), labels, "<b>")
    assert "<script>" not in found._repr_html_()
    found.figure().canvas.draw()


def test_bad_input_is_named():
    sample = draw(300, 1)
    with pytest.raises(NoSubgroups, match="one group for each of 300 rows"):
        subgroups(fitted(sample), np.zeros(20))
    with pytest.raises(NoSubgroups, match=r"Group '1\.0' of 'x' has 4 rows"):
        subgroups(fitted(sample), (np.arange(300) < 4).astype(float), "x")
    with pytest.raises(NoSubgroups, match="gives no row scores"):
        subgroups(Matching().estimate(estimand(), sample), np.zeros(300))
    treated = Stratification().estimate(estimand(TREATED), sample)
    with pytest.raises(NoSubgroups, match="over all rows"):
        subgroups(treated, np.zeros(300))
    with pytest.raises(NoSubgroups, match="2 of 300 rows have no group"):
        subgroups(fitted(sample), np.where(np.arange(300) < 2, np.nan, 1.0))
    with pytest.raises(NoSubgroups, match="300 rows have no group"):
        subgroups(fitted(sample), np.full(300, None, dtype=object))
    with pytest.raises(NoSubgroups, match="quantiles cuts numbers"):
        subgroups(fitted(sample), np.array(["a", "b"] * 150), quantiles=2)
    with pytest.raises(NoSubgroups, match="positive weight"):
        subgroups(fitted(sample), np.arange(300) % 2, weights=np.arange(300) % 2.0)
