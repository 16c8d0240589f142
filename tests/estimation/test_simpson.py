"""Simpson's paradox is found where it is, not where it is not, and read off the graph the right way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia import examples
from aitia.data import read
from aitia.estimation import Causal, reversals
from aitia.estimation._simpson import _compare
from aitia.graphs import Graph
from aitia.identification import Contrast


def of_example(name: str):
    example = examples.load(name)
    graph = Graph.parse(example.graph)
    contrast = Contrast(*example.contrast)
    return reversals(example.table(), graph, example.treatment, example.outcome, contrast=contrast)


def test_kidney_stones_turn_round_within_size():
    [found] = of_example("kidney_stones")
    # Charig et al. 1986: .7800 against .8257 over all, .8325 against .7789 standardised over size.
    assert found.crude == pytest.approx(273 / 350 - 289 / 350, abs=1e-12)
    assert round(found.within, 4) == 0.0537
    assert (found.by, found.everywhere, found.causal) == ("size", True, Causal.WITHIN)
    assert {each.label: each.n for each in found.strata} == {"large": 343, "small": 357}
    assert "comes before both treatment and success" in found.sentence


def test_berkeley_turns_round_within_departments_but_the_department_is_on_the_way():
    [found] = of_example("berkeley_admissions")
    # Bickel et al. 1975: .4452 of men and .3035 of women; standardised over departments -0.0426.
    assert found.crude == pytest.approx(0.4452 - 0.3035, abs=1e-4)
    assert found.within == pytest.approx(-0.0426, abs=5e-5)
    assert found.by == "department" and not found.everywhere
    assert found.causal is Causal.CRUDE
    assert "lies on the way from sex to admitted" in found.sentence


def test_cholesterol_and_a_numeric_treatment():
    [found] = of_example("cholesterol")
    answers = examples.load("cholesterol").answers
    assert found.crude == pytest.approx(answers["raw"].value, abs=4 * found.crude_error)
    assert found.within < 0 < found.crude and found.by == "age" and len(found.strata) == 5
    assert found.causal is Causal.WITHIN


def test_the_error_of_kidney_stones_is_that_of_the_counts():
    [found] = of_example("kidney_stones")
    # Crude: binomial variances of two proportions.
    a, b = 273 / 350, 289 / 350
    assert found.crude_error == pytest.approx(np.sqrt(a * (1 - a) / 350 + b * (1 - b) / 350), rel=1e-12)


def mediator_arrays(seed: int, n: int = 4000):
    """t raises m, m raises y, t itself lowers y a little: the whole effect is positive, within m it is negative."""
    random = np.random.default_rng(seed)
    t = random.integers(0, 2, n)
    m = (random.random(n) < 0.2 + 0.6 * t).astype(int)
    y = 2.0 * m - 0.4 * t + random.normal(size=n)
    return {"t": t, "m": m, "y": y}


def mediator_rows(seed: int, n: int = 4000):
    return read(mediator_arrays(seed, n))


def test_a_mediator_makes_the_crude_answer_the_causal_one():
    [found] = reversals(mediator_rows(0), Graph.parse("t -> m -> y; t -> y"), "t", "y")
    assert found.crude > 0 > found.within
    assert found.causal is Causal.CRUDE and "m lies on the way from t to y" in found.sentence


@pytest.mark.parametrize(
    ("graph", "causal", "words"),
    [
        ("m -> t; m -> y; t -> y", Causal.WITHIN, "comes before both"),
        ("t -> m -> y; t -> y", Causal.CRUDE, "on the way"),
        ("t -> m; y -> m; t -> y", Causal.CRUDE, "a consequence of y"),
        ("t -> y; m -> y", Causal.BOTH, "speaks against the graph"),
        ("m -> t; m -> y; t -> y; t <-> y", Causal.NEITHER, "more has to be adjusted for"),
        ("t -> y", Causal.UNKNOWN, "does not say where m belongs"),
    ],
)
def test_the_graph_and_not_the_numbers_say_which_is_causal(graph: str, causal: Causal, words: str):
    [found] = reversals(mediator_rows(0), Graph.parse(graph), "t", "y")
    assert found.causal is causal and words in found.sentence


def test_nothing_is_found_in_noise():
    # At 5% over all columns together, and only where signs differ and both are clear: far fewer than 5% of 200
    # tables. Six or more would be four standard errors above a rate of 1%.
    count = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        table = read(
            {"t": random.integers(0, 2, 300), "y": random.normal(size=300), "z": random.integers(0, 3, 300)}
        )
        count += len(reversals(table, Graph.parse("z -> t; z -> y; t -> y"), "t", "y"))
    assert count < 6


def test_a_confounded_nothing_is_no_reversal_at_its_rate():
    # Within strata the effect is exactly zero: the sign there is chance. It may be called a reversal only where
    # chance puts it 1.28 standard errors on the other side: 10%, +- 3 standard errors over 200 tables.
    count = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        z = random.integers(0, 2, 2000)
        t = (random.random(2000) < 0.2 + 0.6 * z).astype(int)
        y = z + random.normal(size=2000)
        found = reversals(read({"t": t, "y": y, "z": z}), Graph.parse("z -> t; z -> y; t -> y"), "t", "y")
        count += len(found)
    assert 0.10 * 200 - 13 <= count <= 0.10 * 200 + 13


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.floats(-5, 5), st.floats(0.1, 10))
def test_shifting_and_scaling_the_outcome_and_shuffling_rows_change_nothing(
    seed: int, shift: float, scale: float
):
    table = mediator_rows(3, 600)
    columns = {name: table.head(600).column(name).to_numpy() for name in table.names}
    order = np.random.default_rng(seed).permutation(600)
    moved = {name: values[order] for name, values in columns.items()}
    moved["y"] = shift + scale * moved["y"]
    graph = Graph.parse("t -> m -> y; t -> y")
    [before] = reversals(table, graph, "t", "y")
    [after] = reversals(read(moved), graph, "t", "y")
    assert after.crude == pytest.approx(scale * before.crude, rel=1e-9)
    assert after.within == pytest.approx(scale * before.within, rel=1e-9)
    assert after.within_error == pytest.approx(scale * before.within_error, rel=1e-9)
    assert after.change_p_value == pytest.approx(before.change_p_value, rel=1e-6, abs=1e-12)


def test_the_errors_are_those_of_resampling():
    # Standard errors against the spread over 1500 fresh tables: the standard deviation of 1500 draws is known to
    # 1 / sqrt(3000) = 1.8%, so 6% is more than three of its standard errors.
    drawn, stated = [], []
    for seed in range(1500):
        columns = mediator_arrays(seed, 1000)
        compared = _compare(columns["t"].astype(float), columns["y"], columns["m"], ["0", "1"], binary=True)
        assert compared is not None
        crude, crude_error, within, within_error, change_error, _ = compared
        drawn.append((crude, within, crude - within))
        stated.append((crude_error, within_error, change_error))
    assert np.std(drawn, axis=0) == pytest.approx(np.mean(stated, axis=0), rel=0.06)


def test_columns_that_make_no_strata_are_passed_over():
    table = mediator_rows(0, 500)
    columns = {name: table.head(500).column(name).to_numpy() for name in table.names}
    columns["constant"] = np.ones(500)
    columns["every_row_its_own"] = np.array([f"row {i}" for i in range(500)])
    columns["empty"] = np.full(500, np.nan)
    columns["like_t"] = columns["t"].copy()
    graph = Graph.parse("t -> m -> y; t -> y")
    assert [each.by for each in reversals(read(columns), graph, "t", "y")] == ["m"]
