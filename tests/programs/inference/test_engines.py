"""Every engine against posteriors known in closed form, and maximum likelihood against statsmodels."""

from __future__ import annotations

import os
import time

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import (
    NUTS,
    SMC,
    SVI,
    FitError,
    FlowGuide,
    FullRank,
    Importance,
    Laplace,
    MaximumLikelihood,
    MeanField,
    Nutpie,
    Program,
    parameter,
)

FULL = bool(os.environ.get("AITIA_SLOW"))
WIDE = dist.Normal(0.0, 2.0)


def wage(school, *, base=parameter(WIDE), slope=parameter(WIDE)):
    """Wage by years of school, the spread known."""
    return dist.Normal(base + slope * school, 1.0)


def school():
    return dist.Normal(0, 1)


@pytest.fixture(scope="module")
def data():
    generator = np.random.default_rng(4)
    x = generator.normal(0.5, 1.0, 40)
    return {"school": x, "wage": 0.3 + 0.8 * x + generator.standard_normal(40)}


def closed_form(data) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of (base, slope): the conjugate normal posterior (Gelman et al. 2013, section 14.8)."""
    design = np.column_stack([np.ones(40), data["school"]])
    covariance = np.linalg.inv(design.T @ design + np.eye(2) / 4.0)
    return covariance @ design.T @ data["wage"], covariance


PROGRAM = Program([school, wage])
ENGINES = [
    (NUTS(draws=400, warmup=300), 1.0),
    (Laplace(), 1.0),
    (SVI(FullRank(), steps=1500), 1.0),
    (SVI(MeanField(), steps=1500), 1.0),
    (Importance(candidates=100_000), 1.0),
    (SMC(), 2.0),
]


@pytest.mark.parametrize(("engine", "slack"), ENGINES, ids=lambda each: getattr(each, "description", None))
def test_every_engine_draws_from_the_conjugate_posterior(engine, slack, data):
    fitted = PROGRAM.fit(data, engine, seed=1)
    assert fitted.trusted, fitted.sentence
    mean, covariance = closed_form(data)
    draws = np.stack([fitted.parameters["wage"][name] for name in ("base", "slope")], axis=1)
    sd = np.sqrt(np.diag(covariance))
    # 400 effective draws at least: a mean is off by sd / 20, a standard deviation by sd / 28; four of these.
    assert np.abs(draws.mean(axis=0) - mean) == pytest.approx(0, abs=slack * sd.max() * 4 / 20)
    assert np.cov(draws.T) == pytest.approx(covariance, abs=slack * covariance.max() * 4 / 14)
    correlation = covariance[0, 1] / sd.prod()
    assert np.corrcoef(draws.T)[0, 1] == pytest.approx(correlation, abs=slack * 4 / 20)
    again = PROGRAM.fit(data, engine, seed=1)
    np.testing.assert_array_equal(again.parameters["wage"]["slope"], fitted.parameters["wage"]["slope"])
    other = PROGRAM.fit(data, engine, seed=2)
    assert (other.parameters["wage"]["slope"] != fitted.parameters["wage"]["slope"]).any()


def test_evidence_of_importance_and_smc_is_the_closed_form(data):
    # The wages' marginal law: normal with covariance I + 4 X X'.
    design = np.column_stack([np.ones(40), data["school"]])
    known = dist.MultivariateNormal(jnp.zeros(40), jnp.asarray(np.eye(40) + 4 * design @ design.T))
    x = dist.Normal(0, 1).log_prob(jnp.asarray(data["school"])).sum()
    log_evidence = float(known.log_prob(jnp.asarray(data["wage"])) + x)
    for engine in (Importance(candidates=100_000), SMC()):
        found = PROGRAM.fit(data, engine).details["log evidence"]
        # Monte-Carlo error about 0.05; single precision of the reference adds a little.
        assert found == pytest.approx(log_evidence, abs=0.25)


def test_nutpie_agrees_or_says_how_to_install_it(data):
    pytest.importorskip("nutpie", reason="nutpie is not installed")
    fitted = PROGRAM.fit(data, Nutpie())
    mean, covariance = closed_form(data)
    slopes = fitted.parameters["wage"]["slope"]
    assert slopes.mean() == pytest.approx(mean[1], abs=np.sqrt(covariance[1, 1]) / 5)


def test_nutpie_absent_is_a_named_error(data, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "nutpie", None)
    with pytest.raises(FitError, match="pip install nutpie"):
        PROGRAM.fit(data, Nutpie())


def passed(school, *, base=parameter(WIDE), slope=parameter(WIDE)):
    return dist.Bernoulli(logits=base + slope * school)


def test_maximum_likelihood_is_statsmodels_logit():
    sm = pytest.importorskip("statsmodels.api")
    generator = np.random.default_rng(0)
    x = generator.normal(size=400)
    y = (generator.random(400) < 1 / (1 + np.exp(0.3 - 0.7 * x))).astype(int)
    fitted = Program([school, passed]).fit({"school": x, "passed": y}, MaximumLikelihood(draws=20_000))
    theirs = sm.Logit(y, sm.add_constant(x)).fit(disp=0, tol=1e-12)
    assert fitted.details["estimate"] == pytest.approx(theirs.params, abs=1e-6)
    draws = np.stack([fitted.parameters["passed"][name] for name in ("base", "slope")])
    # 20,000 independent draws: a variance is off by 1% (one sd); four of these.
    assert np.cov(draws) == pytest.approx(theirs.cov_params(), rel=0.04, abs=4e-4)


def salary(school, *, base=parameter(WIDE), slope=parameter(WIDE), spread=parameter(dist.HalfNormal(1.0))):
    return dist.Normal(base + slope * school, spread)


def test_maximum_likelihood_is_statsmodels_ols():
    sm = pytest.importorskip("statsmodels.api")
    generator = np.random.default_rng(1)
    x = generator.normal(size=300)
    y = 1 + 2 * x + 0.5 * generator.standard_normal(300)
    fitted = Program([school, salary]).fit({"school": x, "salary": y}, MaximumLikelihood(draws=20_000))
    theirs = sm.OLS(y, sm.add_constant(x)).fit()
    base, slope, log_spread = fitted.details["estimate"]
    assert [base, slope] == pytest.approx(theirs.params, abs=1e-6)
    # OLS divides the residual sum of squares by n - 2, maximum likelihood by n.
    assert np.exp(log_spread) == pytest.approx(np.sqrt(theirs.ssr / 300), rel=1e-6)
    sds = theirs.bse * np.sqrt(298 / 300)
    found = [fitted.parameters["salary"][name].std() for name in ("base", "slope")]
    assert found == pytest.approx(sds, rel=0.03)
    assert not any("priors of" in each.statement for each in fitted.assumptions)


def test_perfect_separation_is_a_named_error():
    x = np.linspace(-1, 1, 40)
    with pytest.raises(FitError, match=r"likelihood.*passed"):
        Program([school, passed]).fit({"school": x, "passed": (x > 0).astype(int)}, MaximumLikelihood())


def twice(school, *, one=parameter(WIDE), other=parameter(WIDE)):
    return dist.Normal((one + other) * school, 1.0)


def test_a_ridge_is_named_by_its_parameters(data):
    columns = {"school": data["school"], "twice": data["wage"]}
    with pytest.raises(FitError, match=r"twice\.on?e?.*twice\.o") as raised:
        Program([school, twice]).fit(columns, MaximumLikelihood())
    assert "twice.one" in str(raised.value) and "twice.other" in str(raised.value)
    fitted = Program([school, twice]).fit(columns, Laplace())  # priors tell them apart
    assert fitted.trusted


def banana(*, first=parameter(dist.Normal(0.0, 3.0)), second=parameter(dist.Normal(0.0, 10.0))):
    return dist.Normal(second - first**2, 0.3)


def test_k_hat_tells_a_wrong_guide_from_a_right_one(data):
    bent = Program([banana]).fit({"banana": np.array([0.0])}, SVI(MeanField(), steps=800))
    assert not bent.trusted and bent.status == "not trusted"
    k_hat = next(each for each in bent.diagnostics if each.name == "k-hat")
    assert k_hat.value > 0.7
    assert "cannot be trusted" in bent.sentence and "NUTS()" in bent.sentence
    flow = Program([banana]).fit(
        {"banana": np.array([0.0])},
        SVI(
            FlowGuide(layers=2, width=16) if FULL else FlowGuide(layers=1, width=8),
            steps=1500 if FULL else 600,
        ),
    )
    assert next(each.value for each in flow.diagnostics if each.name == "k-hat") < k_hat.value
    straight = PROGRAM.fit(data, SVI(FullRank(), steps=1500))
    assert next(each.value for each in straight.diagnostics if each.name == "k-hat") < 0.5


def test_engines_refuse_settings_they_cannot_run():
    for wrong in (lambda: NUTS(draws=2), lambda: NUTS(target_acceptance=1.5), lambda: SVI(steps=10)):
        with pytest.raises(FitError):
            wrong()


def test_an_interrupt_ends_the_chains_that_run_apart(data, monkeypatch):
    """No chain is waited for to its end once one has raised, which is also how Ctrl-C comes to the pool."""
    from aitia.programs.inference import _nuts

    begun = []

    class Watched(_nuts.Chain):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            begun.append(self)

    def interrupted(chain, evaluate, advance, *, answer=_nuts._answer_one):
        if chain is begun[0]:
            while begun[1].done < 10:
                time.sleep(0.001)
            raise KeyboardInterrupt
        answer(chain, evaluate, advance)

    monkeypatch.setattr(_nuts, "SIDE_BY_SIDE", 0)
    monkeypatch.setattr(_nuts, "Chain", Watched)
    monkeypatch.setattr(_nuts, "_answer_one", interrupted)
    with pytest.raises(KeyboardInterrupt):
        PROGRAM.fit(data, NUTS(draws=5000, warmup=200, chains=2))
    assert len(begun) == 2 and begun[1].done < 5200
