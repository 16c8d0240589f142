"""Values that vary by group: a published posterior, and the choice of how to sample them."""

from __future__ import annotations

import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import NUTS, Centred, FitError, MaximumLikelihood, NonCentred, Program, parameter

# Rubin 1981; Gelman et al. 2013, Bayesian Data Analysis, table 5.2: effects of coaching and their standard errors.
EFFECT = [28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0]
ERROR = [15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0]


def error():
    return dist.HalfNormal(15.0)


def effect(
    error,
    *,
    mu=parameter(dist.Normal(0.0, 5.0)),
    tau=parameter(dist.HalfCauchy(5.0)),
    true=parameter(lambda mu, tau: dist.Normal(mu, tau), per="school"),
):
    return dist.Normal(true, error)


PROGRAM = Program([error, effect])
DATA = {"effect": EFFECT, "error": ERROR, "school": list("ABCDEFGH")}


def test_eight_schools_has_its_published_posterior():
    fitted = PROGRAM.fit(DATA, NUTS(draws=1000, warmup=600, target_acceptance=0.95), seed=3)
    assert fitted.trusted, fitted.sentence
    own = fitted.parameters["effect"]
    # posteriordb (Magnusson et al.), reference_posteriors/summary_statistics/mean_value of
    # eight_schools-eight_schools_noncentered, the same priors: mu 4.41, tau 3.60, theta[1] 6.15, errors 0.03 to 0.06.
    # Quadrature over tau agrees: 4.397 (sd 3.32), 3.598 (3.22), 6.212 (5.59). 1,000 effective draws: an error of
    # sd / 31; four of it.
    assert own["mu"].mean() == pytest.approx(4.4, abs=4 * 3.3 / 31)
    assert own["tau"].mean() == pytest.approx(3.6, abs=4 * 3.2 / 31)
    assert own["true"][:, 0].mean() == pytest.approx(6.2, abs=4 * 5.6 / 31)
    assert fitted.group_levels["school"] == tuple("ABCDEFGH")
    assert fitted.group_shares["school"] == pytest.approx(np.full(8, 1 / 8))
    assert "effect.true[A]" in str(fitted.summary()) and "<table>" in fitted._repr_html_()
    assert len(fitted.figure(most=2).axes) == 4
    assert not any(each.what.startswith("sampled effect.true") for each in fitted.decisions)


def test_a_funnel_that_is_sampled_badly_is_told():
    fitted = PROGRAM.fit(DATA, NUTS(draws=200, warmup=200), centring=Centred(), seed=3)
    assert fitted.status == "not trusted"
    assert "cannot be trusted" in fitted.sentence
    assert any(
        not each.good and each.name in ("divergences", "R-hat", "bulk ESS") for each in fitted.diagnostics
    )
    answer = fitted.query("effect", draws=2_000)
    assert any("cannot be trusted" in each for each in answer.warnings)


def test_values_that_the_data_know_well_are_sampled_as_they_are():
    generator = np.random.default_rng(0)
    group = np.repeat(np.arange(6), 100)

    def score(
        *,
        mu=parameter(dist.Normal(0.0, 5.0)),
        tau=parameter(dist.HalfNormal(2.0)),
        level=parameter(lambda mu, tau: dist.Normal(mu, tau), per="school"),
    ):
        return dist.Normal(level, 1.0)

    levels = generator.normal(1.0, 1.5, 6)
    data = {"score": levels[group] + generator.standard_normal(600), "school": group}
    program = Program([score])
    fitted = program.fit(data, NUTS(draws=250, warmup=250))
    assert any("score.level" in each.what for each in fitted.decisions)
    other = program.fit(data, NUTS(draws=250, warmup=250), centring=NonCentred())
    assert not any("score.level" in each.what for each in other.decisions)
    means = fitted.parameters["score"]["level"].mean(axis=0)
    sample = np.array([data["score"][group == j].mean() for j in range(6)])
    # Shrinkage is at most 1 / (1 + 100 tau²), under 1% of the distance to the mean, and Monte-Carlo error 0.02.
    assert means == pytest.approx(sample, abs=0.08)


def test_maximum_likelihood_refuses_a_hierarchy():
    with pytest.raises(FitError, match=r"prior of effect\.true depends on other parameters"):
        PROGRAM.fit(DATA, MaximumLikelihood())
