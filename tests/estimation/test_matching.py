from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.estimation import Matching, NotApplicable, Sample, TreatmentKind
from aitia.estimation._nearest import Points, neighbours, noise
from aitia.identification import ALL, TREATED, UNTREATED, Effect, Estimand, Population, Rule
from aitia.identification._expression import Expectation, Symbol

EFFECTS = Path(__file__).parents[2] / ".." / "shared" / "data" / "effects"
SLOW = bool(os.environ.get("AITIA_SLOW"))


def estimand(population: Population = ALL) -> Estimand:
    return Estimand(
        question=Effect("t", "y", population=population),
        rule=Rule.ADJUSTMENT,
        expression=Expectation("y", (Symbol("t"),)),
    )


def sample(x: np.ndarray, t: np.ndarray, y: np.ndarray) -> Sample:
    names = tuple(f"x{j}" for j in range(x.shape[1]))
    return Sample(
        outcome=np.asarray(y, float),
        treatment=np.asarray(t, float),
        treatment_kind=TreatmentKind.BINARY,
        covariates=np.asfortranarray(x, dtype=float),
        covariate_names=names,
        covariate_groups={name: (j,) for j, name in enumerate(names)},
    )


def draw(n: int, seed: int) -> tuple[Sample, np.ndarray]:
    """One covariate, so that the bias of matching is of smaller order than its error; heterogeneous effect."""
    random = np.random.default_rng(seed)
    x = random.standard_normal((n, 1))
    t = random.random(n) < 1 / (1 + np.exp(-0.7 * x[:, 0]))
    effect = 1 + x[:, 0]
    y = x[:, 0] + 0.5 * np.sin(2 * x[:, 0]) + effect * t + random.standard_normal(n) * (1 + 0.5 * t)
    return sample(x, t, y), effect


def brute_force(x: np.ndarray, t: np.ndarray, y: np.ndarray, m: int, over: np.ndarray) -> tuple[float, float]:
    """Abadie & Imbens (2006), by its definitions, one row at a time: value and standard error (no correction)."""
    n = len(y)
    scaled = x / x.std(axis=0)
    distance = np.sqrt(((scaled[:, None] - scaled[None]) ** 2).sum(-1))

    def nearest(i: int, pool: np.ndarray, count: int) -> np.ndarray:
        limit = np.sort(distance[i, pool])[min(count, len(pool)) - 1]
        return pool[distance[i, pool] <= limit + 1e-9]

    effects, k, k_squares = np.zeros(n), np.zeros(n), np.zeros(n)
    for i in np.flatnonzero(over).tolist():
        chosen = nearest(i, np.flatnonzero(t != t[i]), m)
        effects[i] = (1 if t[i] else -1) * (y[i] - y[chosen].mean())
        k[chosen] += 1 / len(chosen)
        k_squares[chosen] += 1 / len(chosen) ** 2
    sigma = np.zeros(n)
    for i in range(n):
        pool = np.array([j for j in range(n) if t[j] == t[i] and j != i])
        near = nearest(i, pool, 1)
        # J / (J + 1) (y_i - mean)^2 with J the rows in the set, ties included.
        sigma[i] = len(near) / (len(near) + 1) * (y[i] - y[near].mean()) ** 2
    value = effects[over].mean()
    extra = ((over + k) ** 2 - over - k_squares) * sigma
    return value, np.sqrt(((effects[over] - value) ** 2).sum() + extra.sum()) / over.sum()


@pytest.mark.parametrize("lattice", [False, True], ids=["continuous", "ties"])
@pytest.mark.parametrize("population", [ALL, TREATED, UNTREATED], ids=str)
@pytest.mark.parametrize("m", [1, 3])
def test_equals_the_definition(lattice: bool, population: Population, m: int):
    random = np.random.default_rng(3)
    x = random.integers(0, 3, (60, 2)).astype(float) if lattice else random.standard_normal((60, 2))
    t = random.random(60) < 0.4
    y = random.standard_normal(60) + t
    over = {"all": np.ones(60, bool), "treated": t, "untreated": ~t}[population.kind.value]
    method = Matching(distance="euclidean", neighbours=m, bias_correction=False)
    found = method.estimate(estimand(population), sample(x, t, y))
    value, error = brute_force(x, t, y, m, over)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.std_error == pytest.approx(error, rel=1e-9)


@given(st.integers(0, 10_000), st.integers(1, 4), st.booleans())
@settings(max_examples=40, deadline=None)
def test_neighbour_sets_equal_a_full_sort(seed: int, m: int, lattice: bool):
    random = np.random.default_rng(seed)
    rows = random.integers(0, 3, (25, 2)).astype(float) if lattice else random.standard_normal((25, 2))
    query = rows[:7] + (0 if lattice else 0.1)
    points = Points.of(rows)
    found = neighbours(query, points, m)
    for q in range(len(query)):
        distance = np.sqrt(((rows - query[q]) ** 2).sum(1))
        expected = np.flatnonzero(distance <= np.sort(distance)[m - 1] + 1e-9)
        chosen = np.flatnonzero(np.isin(points.cell, found.matches[[q]].indices))
        assert set(chosen) == set(expected)
        assert found.sizes[q] == len(expected)


@given(st.integers(0, 10_000), st.sampled_from(["mahalanobis", "propensity"]), st.booleans())
@settings(max_examples=15, deadline=None)
def test_exchanging_the_arms_flips_the_sign(
    seed: int, distance: Literal["mahalanobis", "propensity"], correct: bool
):
    one, _ = draw(120, seed)
    other = sample(one.covariates, 1 - one.treatment, one.outcome)
    method = Matching(distance=distance, bias_correction=correct)
    for population, mirrored in ((ALL, ALL), (TREATED, UNTREATED)):
        a = method.estimate(estimand(population), one)
        b = method.estimate(estimand(mirrored), other)
        assert a.value == pytest.approx(-b.value, abs=1e-6)
        assert a.std_error == pytest.approx(b.std_error, rel=1e-4)


@given(st.integers(0, 10_000), st.floats(0.1, 10), st.floats(-5, 5))
@settings(max_examples=15, deadline=None)
def test_scale_of_the_outcome_and_order_of_rows(seed: int, scale: float, shift: float):
    one, _ = draw(80, seed)
    order = np.random.default_rng(seed).permutation(80)
    moved = sample(one.covariates[order], one.treatment[order], shift + scale * one.outcome[order])
    a, b = (Matching().estimate(estimand(), each) for each in (one, moved))
    assert b.value == pytest.approx(scale * a.value, rel=1e-8, abs=1e-8)
    assert b.std_error == pytest.approx(scale * a.std_error, rel=1e-8)


def test_mahalanobis_does_not_care_about_units():
    random = np.random.default_rng(0)
    x, t = random.standard_normal((200, 3)), random.random(200) < 0.5
    y = x.sum(1) + t + random.standard_normal(200)
    a = Matching().estimate(estimand(), sample(x, t, y))
    mixed = x @ np.array([[1000, 0, 0], [3, 1, 0], [0, -2, 0.001]])
    b = Matching().estimate(estimand(), sample(mixed, t, y))
    assert b.value == pytest.approx(a.value, rel=1e-8)


def test_exact_matches_on_one_binary_covariate_standardise_the_strata():
    """Kidney stones (Charig 1986): with ties, matching on size is direct standardisation: +0.0537."""
    counts = {(1, 0): (81, 87), (1, 1): (192, 263), (0, 0): (234, 270), (0, 1): (55, 80)}
    t, x, y = (
        np.concatenate(parts)
        for parts in zip(
            *[
                (np.full(n, arm), np.full(n, size), np.arange(n) < good)
                for (arm, size), (good, n) in counts.items()
            ]
        )
    )
    stones = sample(x[:, None].astype(float), t, y)
    large = (263 + 80) / 700
    by_hand = (1 - large) * (81 / 87 - 234 / 270) + large * (192 / 263 - 55 / 80)
    found = Matching(bias_correction=False).estimate(estimand(), stones)
    assert found.value == pytest.approx(by_hand, abs=1e-12)
    assert round(found.value, 4) == 0.0537


@pytest.mark.parametrize(
    "method",
    [
        Matching(),
        Matching(neighbours=3),
        Matching(distance="propensity", bias_correction=False),
        Matching(distance="propensity", bias_correction=False, neighbours=3),
    ],
    ids=Matching.describe,
)
@pytest.mark.parametrize("population", [ALL, TREATED], ids=str)
def test_intervals_cover(method: Matching, population: Population):
    replicates, n = (1000, 800) if SLOW else (200, 400)
    # The effect on the treated of this design, E[x | t = 1] + 1, by quadrature on a fine grid.
    grid = np.linspace(-8, 8, 40_001)
    density = np.exp(-(grid**2) / 2) / (1 + np.exp(-0.7 * grid))
    truth = 1.0 if population is ALL else 1 + float((grid * density).sum() / density.sum())
    found = [method.estimate(estimand(population), draw(n, seed)[0]) for seed in range(replicates)]
    values = np.array([each.value for each in found])
    errors = np.array([each.std_error for each in found])
    covered = np.mean([each.interval[0] <= truth <= each.interval[1] for each in found])
    # Four Monte-Carlo standard errors about 0.95; the mean reported error within 5 of its own of the spread.
    assert abs(covered - 0.95) < 4 * np.sqrt(0.95 * 0.05 / replicates)
    assert abs(errors.mean() / values.std() - 1) < 5 / np.sqrt(2 * replicates)
    assert abs(values.mean() - truth) < 4 * values.std() / np.sqrt(replicates) + 0.03


def test_clusters_widen_the_error():
    one, _ = draw(300, 1)
    twice = sample(*(np.concatenate([a, a]) for a in (one.covariates, one.treatment, one.outcome)))
    clustered = Sample(**{**twice.__dict__, "clusters": np.tile(np.arange(300), 2)})
    honest = Matching().estimate(estimand(), clustered)
    # Every row stands there twice, which is no more information than once.
    assert honest.std_error == pytest.approx(Matching().estimate(estimand(), one).std_error, rel=0.25)
    assert Matching().estimate(estimand(), twice).std_error < honest.std_error / 1.2


def test_caliper_and_exact_say_whom_they_drop():
    x = np.array([[0.0], [0.1], [5.0], [0.05], [0.12], [9.0]])
    rows = sample(x, np.array([1, 1, 1, 0, 0, 0]), np.arange(6.0))
    found = Matching(distance="euclidean", bias_correction=False, caliper=0.5).estimate(
        estimand(TREATED), rows
    )
    assert "Left 1 of 3 rows out" in found.decisions[0].what
    assert "caliper of 0.5" in found.decisions[0].what
    assert found.value == pytest.approx(((0 - 3) + (1 - 4)) / 2)
    with pytest.raises(NotApplicable, match="No row of the population asked for has a match"):
        Matching(exact=("x0",)).estimate(estimand(), rows)
    with pytest.raises(NotApplicable, match="exact names 'size'"):
        Matching(exact=("size",)).estimate(estimand(), rows)


def test_refuses_what_it_cannot_do():
    one, _ = draw(50, 0)
    weighted = Sample(**{**one.__dict__, "weights": np.ones(50)})
    with pytest.raises(NotApplicable, match="survey weights"):
        Matching().estimate(estimand(), weighted)
    bare = sample(np.empty((50, 0)), one.treatment, one.outcome)
    with pytest.raises(NotApplicable, match="at least one covariate"):
        Matching().estimate(estimand(), bare)


def test_noise_of_equal_rows_is_their_variance():
    y = np.array([1.0, 2.0, 6.0])
    # Two other rows at distance zero each: J = 2, so the mean is the unbiased variance.
    assert noise(np.zeros((3, 1)), y).mean() == pytest.approx(y.var(ddof=1))


@pytest.mark.skipif(not EFFECTS.exists(), reason="the shared reference data are not on this machine")
def test_lalonde_nearest_neighbour():
    """Dehejia & Wahba's treated with CPS-1 controls, five neighbours, bias corrected, effect on the treated.

    Imbens & Xu (2024), xuyiqing_tables_ldw.csv, column LDW-CPS1, nearest-neighbour matching: 1729 (815), by R's
    Matching::Match(M = 5, BiasAdjust = TRUE), whose default metric divides by standard deviations. Their 815
    assumes one error variance for all rows (Var.calc = 0); ours does not.
    """
    columns = ("age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75")
    with (EFFECTS / "causaldata_nsw_mixtape.csv").open() as file:
        treated = [row for row in csv.DictReader(file) if row["treat"] == "1"]
    with (EFFECTS / "causaldata_cps_mixtape.csv").open() as file:
        rows = treated + list(csv.DictReader(file))
    x = np.array([[float(row[c]) for c in columns] for row in rows])
    x = np.column_stack([x, x[:, 6] == 0, x[:, 7] == 0])
    t = np.array([float(row["treat"]) for row in rows])
    y = np.array([float(row["re78"]) for row in rows])
    assert (int(t.sum()), len(t)) == (185, 16177)
    found = Matching(distance="euclidean", neighbours=5).estimate(estimand(TREATED), sample(x, t, y))
    assert round(found.value) == 1729


@pytest.mark.parametrize("distance", ["mahalanobis", "euclidean", "propensity"])
def test_a_constant_column_changes_nothing(distance: Literal["mahalanobis", "euclidean", "propensity"]):
    # A refuter may look at a part of the rows in which a column does not vary.
    one, _ = draw(200, 3)
    more = sample(np.column_stack([one.covariates, np.ones(200)]), one.treatment, one.outcome)
    found, again = (Matching(distance=distance).estimate(estimand(), each) for each in (one, more))
    assert again.value == pytest.approx(found.value, rel=1e-9)
    assert again.std_error == pytest.approx(found.std_error, rel=1e-9)


def test_a_misspelt_distance_is_named():
    one, _ = draw(100, 3)
    with pytest.raises(NotApplicable, match="Did you mean 'mahalanobis'"):
        Matching(distance="mahalonobis").estimate(estimand(), one)  # type: ignore[arg-type]
