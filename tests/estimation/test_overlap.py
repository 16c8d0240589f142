from __future__ import annotations

import numpy as np
import pytest
from nuisance_cases import confounded, sample

from aitia.estimation import NoOverlap, TreatmentKind, overlap, propensities


def test_effective_size_in_closed_form():
    # Arm 1 with probabilities 1/2 and 1/4: weights 2 and 4, (2 + 4)^2 / (4 + 16) = 1.8.
    x, t = np.zeros((4, 1)), np.array([1.0, 1.0, 0.0, 0.0])
    made = sample(x, t, t)
    p = np.array([0.5, 0.25, 0.5, 0.6])
    told = overlap(made, np.column_stack([1 - p, p]))
    assert told.details["effective_size"]["1"] == pytest.approx(1.8)
    assert told.details["smallest"]["1"] == 0.25 and told.details["largest"]["1"] == 0.6
    # For the treated the treated count as they are, and the others by their odds 1 and 1.5.
    treated = overlap(made, np.column_stack([1 - p, p]), given=1)
    assert treated.details["effective_size"]["1"] == pytest.approx(2)
    assert treated.details["effective_size"]["0"] == pytest.approx(2.5**2 / (1 + 1.5**2))


def test_good_overlap_raises_no_warning_and_weak_overlap_says_where():
    x, t, y = confounded(4000, 0)
    good = overlap(sample(x, t, y), propensities(sample(x, t, y)))
    assert not good.warning and "every kind of row" in good.sentence
    rng = np.random.default_rng(0)
    chance = np.where((x[:, 2] > 0.8), 0.004, 0.5)
    t = (rng.random(4000) < chance).astype(float)
    weak = overlap(sample(x, t, y), propensities(sample(x, t, y)))
    assert weak.warning
    name, _, cut = weak.details["region"].split(" ")
    assert name == "x2" and 0.4 < float(cut) < 1.3
    assert 0.08 < weak.details["thin"] < 0.25  # 22% of the rows have x2 > 0.8; a smooth model rounds the step


def test_perfect_separation_is_an_error():
    x, _, y = confounded(300, 0)
    t = (x[:, 0] + x[:, 1] > 0).astype(float)
    x[t == 1] += 1
    with pytest.raises(NoOverlap, match="without error which rows have t = "):
        overlap(sample(x, t, y), propensities(sample(x, t, y)))


def test_propensities_are_calibrated_and_sum_to_one():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((5000, 3))
    t = rng.integers(0, 3, 5000).astype(float)
    p = propensities(sample(x, t, x[:, 0], TreatmentKind.CATEGORICAL, ("a", "b", "c")))
    assert p.shape == (5000, 3)
    assert p.sum(axis=1) == pytest.approx(np.ones(5000))
    assert np.abs(p - 1 / 3).max() < 0.12
