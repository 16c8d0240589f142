"""Nodes without data: summed over or drawn, and never made by a misspelt column."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist
import pytest

from aitia.programs import NUTS, FitError, Laplace, MaximumLikelihood, Program, noise, parameter
from aitia.programs._precision import double
from aitia.programs.inference._encode import encode
from aitia.programs.inference._posterior import LATENTS, posterior_of
from aitia.programs.inference._validate import validated

WIDE = dist.Normal(0.0, 3.0)


def kind(*, share=parameter(dist.Beta(2.0, 2.0))):
    return dist.Bernoulli(share)


def height(kind, *, low=parameter(dist.Normal(-2.0, 0.5)), gap=parameter(dist.LogNormal(1.0, 0.3))):
    return dist.Normal(low + gap * kind, 1.0)


def weight(kind, height, *, slope=parameter(WIDE)):
    return dist.Normal(slope * kind + 0.5 * height, 0.7)


MIXTURE = Program([kind, height, weight])


def draw_mixture(n: int, seed: int) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    kind = (generator.random(n) < 0.3).astype(int)
    height = -2 + 3 * kind + generator.standard_normal(n)
    weight = 1.5 * kind + 0.5 * height + 0.7 * generator.standard_normal(n)
    return {"kind": kind, "height": height, "weight": weight}


def log_density_of(program, data, point, **options) -> float:
    encoded = validated(program, encode(program, data, **options))
    return float(posterior_of(program, encoded).log_likelihood(point))


@double
def test_a_discrete_latent_node_is_summed_out_exactly():
    data = draw_mixture(50, 0)
    del data["kind"]
    point = {
        "kind": {"share": jnp.asarray(-0.4)},
        "height": {"low": jnp.asarray(-1.7), "gap": jnp.asarray(0.9)},
        "weight": {"slope": jnp.asarray(1.1)},
    }
    share, gap = 1 / (1 + np.exp(0.4)), np.exp(0.9)
    # The marginal density of a row is the mixture of its two joint densities.
    total = 0.0
    for h, w in zip(data["height"], data["weight"]):
        total += np.log(
            sum(
                (share if k else 1 - share)
                * np.exp(-0.5 * (h + 1.7 - gap * k) ** 2)
                / np.sqrt(2 * np.pi)
                * np.exp(-0.5 * ((w - 1.1 * k - 0.5 * h) / 0.7) ** 2)
                / np.sqrt(2 * np.pi)
                / 0.7
                for k in (0, 1)
            )
        )
    assert log_density_of(MIXTURE, data, point, latent=["kind"]) == pytest.approx(total, abs=1e-9)


@double
def test_missing_cells_are_summed_in_their_rows_only():
    data = draw_mixture(30, 1)
    full = log_density_of(MIXTURE, data, POINT)
    gone = data["kind"].astype(float)
    gone[3] = np.nan
    by_hand = 0.0
    each = []
    for k in (0, 1):
        changed = data["kind"].copy()
        changed[3] = k
        each.append(log_density_of(MIXTURE, {**data, "kind": changed}, POINT))
    by_hand = np.logaddexp(*each)
    found = log_density_of(MIXTURE, {**data, "kind": gone}, POINT, missing="latent")
    assert found == pytest.approx(by_hand, abs=1e-9)
    assert found > full


POINT = {
    "kind": {"share": 0.2},
    "height": {"low": -2.0, "gap": 1.1},
    "weight": {"slope": 0.5},
}


def test_a_mixture_is_recovered_and_its_latents_kept():
    data = draw_mixture(400, 2)
    truth = data.pop("kind")
    fitted = MIXTURE.fit(data, Laplace(), latent=["kind"], keep_latents=True)
    assert fitted.trusted, fitted.sentence
    share = fitted.parameters["kind"]["share"]
    assert share.mean() == pytest.approx(truth.mean(), abs=4 * share.std())
    kept = fitted.latents["kind"]
    assert kept.shape == (2000, 400) and set(np.unique(kept)) == {0, 1}
    assert np.mean((kept.mean(axis=0) > 0.5) == truth) > 0.9


# One value for each group ----------------------------------------------------------------------------------


def urban(*, share=parameter(dist.Beta(2.0, 2.0))):
    return dist.Bernoulli(share)


def score(urban, *, gap=parameter(WIDE)):
    return dist.Normal(gap * urban, 1.0)


@double
def test_a_groups_latent_node_is_summed_once_for_each_group():
    program = Program([urban, score], groups={"school": ["urban"]})
    generator = np.random.default_rng(3)
    school = np.array(["a", "b", "c"])[generator.integers(0, 3, 20)]
    data = {"school": school, "score": generator.standard_normal(20)}
    point = {"urban": {"share": jnp.asarray(0.3)}, "score": {"gap": jnp.asarray(0.8)}}
    share = 1 / (1 + np.exp(-0.3))
    total = 0.0
    for name in "abc":
        own = data["score"][school == name]
        each = [
            np.log(p) - 0.5 * ((own - 0.8 * k) ** 2 + np.log(2 * np.pi)).sum()
            for k, p in ((0, 1 - share), (1, share))
        ]
        total += np.logaddexp(*each)
    assert log_density_of(program, data, point, latent=["urban"]) == pytest.approx(total, abs=1e-9)
    # With data it counts once for each group as well, not once for each row.
    seen = {**data, "urban": (school == "a").astype(int)}
    known = log_density_of(program, seen, point)
    by_hand = np.log(share) + 2 * np.log(1 - share)
    by_hand += -0.5 * ((data["score"] - 0.8 * seen["urban"]) ** 2 + np.log(2 * np.pi)).sum()
    assert known == pytest.approx(by_hand, abs=1e-9)
    broken = seen["urban"].copy()
    broken[np.flatnonzero(school == "a")[1]] = 0
    with pytest.raises(FitError, match=r"'urban' has one value for each 'school'.*row"):
        program.fit({**data, "urban": broken})


# Continuous ------------------------------------------------------------------------------------------------


def health():
    return dist.Normal(0, 1)


def diet(health):
    return dist.Normal(0.8 * health, 0.6)


def sugar(diet, health, *, effect=parameter(WIDE), spread=parameter(dist.HalfNormal(1.0))):
    return dist.Normal(effect * diet - 1.0 * health, spread)


CONFOUNDED = Program([health, diet, sugar])


def test_a_latent_confounder_is_integrated_over():
    generator = np.random.default_rng(5)
    u = generator.standard_normal(150)
    d = 0.8 * u + 0.6 * generator.standard_normal(150)
    s = 0.5 * d - u + 0.5 * generator.standard_normal(150)
    fitted = CONFOUNDED.fit(
        {"diet": d, "sugar": s}, NUTS(draws=300, warmup=400), latent="health", keep_latents=True
    )
    # Closed form: given diet the confounder is normal with mean 0.8 d and variance 0.36 (since var(diet) = 1), so
    # sugar given diet is normal about (effect - 0.8) d with variance 0.36 + spread². The effect's posterior follows
    # from regression on a grid of spreads, with the priors used here.
    effects, spreads = np.meshgrid(np.linspace(-0.5, 1.5, 401), np.linspace(0.01, 1.5, 300))
    variance = 0.36 + spreads**2
    squares = (s @ s) - 2 * (effects - 0.8) * (s @ d) + (effects - 0.8) ** 2 * (d @ d)
    log_weight = -75 * np.log(variance) - squares / (2 * variance) - effects**2 / 18 - spreads**2 / 2
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    mean = (weight * effects).sum()
    sd = np.sqrt((weight * (effects - mean) ** 2).sum())
    draws = fitted.parameters["sugar"]["effect"]
    # At least 200 effective draws: the mean is off by sd / 14, the sd by 5%; four of these.
    assert draws.mean() == pytest.approx(mean, abs=4 * sd / 14)
    assert draws.std() == pytest.approx(sd, rel=0.2)
    assert fitted.latents["health"].shape == (1200, 150)
    assert np.corrcoef(fitted.latents["health"].mean(axis=0), u)[0, 1] > 0.7
    assert any("health is in it without data" in each.statement for each in fitted.assumptions)


@double
def test_a_latent_function_of_latent_noise_is_computed():
    def talent(*, own=noise(dist.Normal(0.0, 2.0))):
        return own

    def double_talent(talent):
        return 2 * talent

    def exam(double_talent):
        return dist.Normal(double_talent, 1.0)

    program = Program([talent, double_talent, exam])
    encoded = validated(
        program, encode(program, {"exam": np.array([1.0, -2.0])}, latent=["talent", "double_talent"])
    )
    posterior = posterior_of(program, encoded)
    raw = jnp.array([0.4, -0.3])
    found = posterior.log_density({LATENTS: {"talent": {"own": raw}}})
    normal = dist.Normal(0, 1)
    by_hand = dist.Normal(0, 2).log_prob(raw).sum() + normal.log_prob(jnp.array([1.0, -2.0]) - 2 * raw).sum()
    assert float(found) == pytest.approx(float(by_hand), abs=1e-9)


# What cannot be done is said -------------------------------------------------------------------------------


def test_a_misspelt_column_is_no_latent_node():
    data = draw_mixture(10, 0)
    data["hight"] = data.pop("height")
    with pytest.raises(FitError, match=r"no column for the node 'height'") as raised:
        MIXTURE.fit(data)
    assert "Did you mean 'hight'?" in str(raised.value) and 'latent=("height",)' in str(raised.value)
    with pytest.raises(FitError, match="Did you mean 'kind'"):
        MIXTURE.fit(data, latent=["kinds"])
    with pytest.raises(FitError, match="have a column of that name"):
        MIXTURE.fit(draw_mixture(10, 0), latent=["kind"])


def test_a_count_without_data_is_refused():
    def visits():
        return dist.Poisson(3.0)

    def cost(visits, *, each=parameter(WIDE)):
        return dist.Normal(each * visits, 1.0)

    with pytest.raises(FitError, match="infinitely many values"):
        Program([visits, cost]).fit({"cost": np.ones(5)}, latent=["visits"])


def test_maximum_likelihood_does_not_maximise_over_latent_nodes():
    with pytest.raises(FitError, match="cannot be maximised over"):
        CONFOUNDED.fit({"diet": np.ones(5), "sugar": np.ones(5)}, MaximumLikelihood(), latent=["health"])


def test_jax_keeps_the_users_precision():
    assert jnp.asarray(1.0).dtype == jnp.float32 and not jax.config.jax_enable_x64
