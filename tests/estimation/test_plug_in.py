from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import aitia
from aitia.estimation import EmptyCell, NotApplicable, PlugIn, Sample, Stratification
from aitia.graphs import Graph
from aitia.identification import (
    TREATED,
    Contrast,
    ControlledDirect,
    Effect,
    Estimand,
    Interventional,
    NaturalDirect,
    NaturalIndirect,
    Question,
    Rule,
    identify,
)

SLOW = bool(os.environ.get("AITIA_SLOW"))

NAPKIN = "w1 -> w2; w2 -> t; t -> y; w1 <-> t; w1 <-> y"
FRONT_DOOR = "t -> m; m -> y; t <-> y"
CONFOUNDED = "z -> t; z -> y; t -> y"
MEDIATED = "z -> t; z -> m; z -> y; t -> m; t -> y; m -> y"


def estimand(graph: str, question: Question, rules: tuple[Rule, ...] | None = None) -> Estimand:
    found = identify(Graph.parse(graph), question, rules=rules)
    assert isinstance(found, Estimand)
    return found


def napkin(n: int, seed: int) -> tuple[dict[str, np.ndarray], float]:
    """Rows of the napkin graph with two hidden causes; the effect of t on y is 0.3 exactly."""
    r = np.random.default_rng(seed)
    u, v = r.random(n) < 0.5, r.random(n) < 0.4
    w1 = r.random(n) < 0.2 + 0.4 * u + 0.3 * v
    w2 = r.random(n) < 0.3 + 0.4 * w1
    t = r.random(n) < 0.2 + 0.3 * w2 + 0.3 * u
    y = r.random(n) < 0.1 + 0.3 * t + 0.4 * v
    return {"w1": w1, "w2": w2, "t": t, "y": y}, 0.3


def front_door(n: int, seed: int) -> tuple[dict[str, np.ndarray], float]:
    r = np.random.default_rng(seed)
    u = r.random(n) < 0.5
    t = r.random(n) < 0.2 + 0.5 * u
    m = r.random(n) < 0.3 + 0.4 * t
    y = r.random(n) < 0.1 + 0.3 * m + 0.4 * u
    return {"t": t, "m": m, "y": y}, 0.4 * 0.3


def mediated(n: int, seed: int) -> dict[str, np.ndarray]:
    r = np.random.default_rng(seed)
    z = r.random(n) < 0.4
    t = r.random(n) < 0.3 + 0.3 * z
    m = r.random(n) < 0.2 + 0.4 * t + 0.2 * z
    y = r.random(n) < 0.1 + 0.2 * t + 0.3 * m + 0.1 * z + 0.1 * t * m
    return {"z": z, "t": t, "m": m, "y": y}


def columns(rows: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: each.astype(int) for name, each in rows.items()}


def draw(rows: dict[str, np.ndarray], wanted: Estimand) -> Sample:
    return Sample.draw(aitia.read(columns(rows)), wanted)


def test_adjustment_is_exact_stratification_with_the_same_influence():
    rows = mediated(800, 0)
    for question in (Effect("t", "y"), Effect("t", "y", population=TREATED)):
        wanted = estimand(CONFOUNDED, question)
        # Each row its own cluster: without clusters, stratification counts each cell's rows as m - 1.
        sample = draw(rows, wanted).replace(clusters=np.arange(800))
        plug, exact = (each.estimate(wanted, sample) for each in (PlugIn(), Stratification()))
        assert plug.value == pytest.approx(exact.value, rel=1e-10)
        assert plug.std_error == pytest.approx(exact.std_error, rel=1e-7)
        assert plug.influence is not None and exact.influence is not None
        np.testing.assert_allclose(plug.influence, exact.influence, atol=1e-7)


def test_front_door_by_hand():
    """Pearl (1995), eq. 11, summed with plain frequencies."""
    rows, _ = front_door(500, 1)
    wanted = estimand(FRONT_DOOR, Effect("t", "y"))
    found = PlugIn().estimate(wanted, draw(rows, wanted))
    t, m, y = rows["t"], rows["m"], rows["y"]
    by_hand = 0.0
    for level in (True, False):
        shift = (m[t] == level).mean() - (m[~t] == level).mean()
        average = sum(y[(t == s) & (m == level)].mean() * (t == s).mean() for s in (True, False))
        by_hand += shift * average
    assert found.value == pytest.approx(by_hand, rel=1e-10)


def test_direct_and_indirect_add_up_and_the_controlled_one_is_a_contrast_of_cells():
    rows = mediated(3000, 2)
    whole = estimand(MEDIATED, Effect("t", "y"))
    total = PlugIn().estimate(whole, draw(rows, whole)).value
    parts = []
    for question in (NaturalDirect("t", "y", ("m",)), NaturalIndirect("t", "y", ("m",))):
        wanted = estimand(MEDIATED, question)
        parts.append(PlugIn().estimate(wanted, draw(rows, wanted)).value)
    assert sum(parts) == pytest.approx(total, rel=1e-9)

    wanted = estimand(MEDIATED, ControlledDirect("t", "y", ("m",), (1,)))
    found = PlugIn().estimate(wanted, draw(rows, wanted)).value
    z, t, m, y = (rows[name] for name in "ztmy")
    by_hand = sum(
        (z == level).mean() * (y[t & m & (z == level)].mean() - y[~t & m & (z == level)].mean())
        for level in (True, False)
    )
    assert found == pytest.approx(by_hand, rel=1e-10)


def test_conditional_effects_take_the_value_asked_for():
    rows = mediated(2000, 3)
    for level in (0, 1):
        wanted = estimand(CONFOUNDED, Interventional(("y",), ("t",), ("z",), at=(level,)))
        found = PlugIn().estimate(wanted, draw(rows, wanted)).value
        here = rows["z"] == level
        t, y = rows["t"][here], rows["y"][here]
        assert found == pytest.approx(y[t].mean() - y[~t].mean(), rel=1e-10)


@pytest.mark.parametrize(
    ("graph", "make"), [(NAPKIN, napkin), (FRONT_DOOR, front_door)], ids=["napkin", "front door"]
)
def test_intervals_cover(graph: str, make):
    replicates, n = (1000, 4000) if SLOW else (200, 4000)
    wanted = estimand(graph, Effect("t", "y"))
    values, covered, errors = [], 0, []
    for seed in range(replicates):
        rows, truth = make(n, seed)
        found = PlugIn().estimate(wanted, draw(rows, wanted))
        values.append(found.value - truth)
        errors.append(found.std_error)
        covered += found.interval[0] <= truth <= found.interval[1]
    # Four Monte-Carlo standard errors.
    assert abs(covered / replicates - 0.95) < 4 * np.sqrt(0.95 * 0.05 / replicates)
    assert abs(np.mean(values)) < 4 * np.std(values) / np.sqrt(replicates)
    assert abs(np.mean(errors) / np.std(values) - 1) < 4 / np.sqrt(2 * replicates)


@given(st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_influence_is_what_a_row_more_does(seed: int):
    """The value with one more copy of a row moves by influence / (n + 1), to first order."""
    rows, _ = napkin(3000, seed)
    wanted = estimand(NAPKIN, Effect("t", "y"))
    sample = draw(rows, wanted)
    found = PlugIn().estimate(wanted, sample)
    assert found.influence is not None
    assert abs(found.influence.mean()) < 1e-6
    heavier = sample.replace(weights=np.r_[1.01, np.ones(sample.n - 1)])
    moved = PlugIn().estimate(wanted, heavier).value - found.value
    assert moved == pytest.approx(0.01 * found.influence[0] / sample.n, rel=0.05, abs=1e-9)


def test_bootstrap_agrees_with_delta_and_repeats_with_the_seed():
    rows, _ = front_door(2000, 5)
    wanted = estimand(FRONT_DOOR, Effect("t", "y"))
    sample = draw(rows, wanted)
    delta = PlugIn().estimate(wanted, sample)
    boot = PlugIn(interval="bootstrap").estimate(wanted, sample, seed=1)
    again = PlugIn(interval="bootstrap").estimate(wanted, sample, seed=1)
    assert boot.interval == again.interval
    assert boot.interval == pytest.approx(delta.interval, abs=0.15 * delta.std_error * 4)
    narrow = PlugIn(interval="bootstrap").estimate(wanted, sample, seed=1, level=0.5)
    assert (narrow.interval[1] - narrow.interval[0]) / (boot.interval[1] - boot.interval[0]) == pytest.approx(
        0.6745 / 1.96, rel=0.1
    )


def test_text_levels_and_several_of_them():
    random = np.random.default_rng(0)
    n = 3000
    region = random.choice(["north", "south", "west"], n)
    t = random.random(n) < np.where(region == "west", 0.7, 0.3)
    y = random.random(n) < 0.2 + 0.3 * t + 0.2 * (region == "west")
    table = aitia.read({"z": region, "t": np.where(t, "yes", "no"), "y": y.astype(int)})
    wanted = estimand(CONFOUNDED, Interventional(("y",), ("t",), ("z",), at=("west",)))
    found = PlugIn().estimate(wanted, Sample.draw(table, wanted)).value
    here = region == "west"
    assert found == pytest.approx(y[here & t].mean() - y[here & ~t].mean(), rel=1e-10)
    nowhere = estimand(CONFOUNDED, Interventional(("y",), ("t",), ("z",), at=("wset",)))
    with pytest.raises(NotApplicable, match="no value 'wset'"):
        PlugIn().estimate(nowhere, Sample.draw(table, nowhere))


@pytest.mark.parametrize("contrast", [Contrast("yes", "no"), Contrast("no", "yes")], ids=str)
def test_a_contrast_of_text_values(contrast: Contrast):
    rows, _ = front_door(2000, 4)
    plain = estimand(FRONT_DOOR, Effect("t", "y"))
    expected = PlugIn().estimate(plain, draw(rows, plain)).value
    table = aitia.read({**columns(rows), "t": np.where(rows["t"], "yes", "no")})
    wanted = estimand(FRONT_DOOR, Effect("t", "y", contrast))
    found = PlugIn().estimate(wanted, Sample.draw(table, wanted)).value
    assert found == pytest.approx(expected if contrast.treated == "yes" else -expected, rel=1e-10)


def test_values_spelled_as_text_mean_the_same():
    rows = mediated(1000, 6)
    by_number = estimand(MEDIATED, ControlledDirect("t", "y", ("m",), (1,), Contrast(1, 0)))
    by_text = estimand(MEDIATED, ControlledDirect("t", "y", ("m",), ("1",), Contrast("1", "0")))
    a, b = (PlugIn().estimate(each, draw(rows, each)).value for each in (by_number, by_text))
    assert a == pytest.approx(b, rel=1e-12)


def test_bad_input_is_named():
    random = np.random.default_rng(0)
    z = np.repeat([0, 1], 50)
    t = np.where(z == 1, 1, random.integers(0, 2, 100))
    table = aitia.read({"z": z, "t": t, "y": random.integers(0, 2, 100)})
    wanted = estimand(CONFOUNDED, Effect("t", "y"))
    with pytest.raises(EmptyCell, match="that no row has"):
        PlugIn().estimate(wanted, Sample.draw(table, wanted))
    smooth = aitia.read({"z": random.standard_normal(100), "t": t, "y": t})
    assert "'z' has 100 of them" in PlugIn().refusal(wanted, Sample.draw(smooth, wanted))
