"""The table of algorithms by name."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from aitia.discovery import (
    Algorithm,
    DiscoveryError,
    Observations,
    algorithm_named,
    algorithm_names,
    algorithms,
    takes,
)
from aitia.discovery.constraint import PC
from aitia.graphs import GraphKind


def test_every_row_is_an_algorithm_of_that_name():
    table = algorithms()
    assert tuple(table) == algorithm_names()
    for name, kind in table.items():
        assert issubclass(kind, Algorithm) and kind.name == name
        assert isinstance(kind.output, GraphKind) and kind.reference and kind.cost
        assert dataclasses.is_dataclass(kind)


def test_the_names_that_other_tools_call_are_there():
    wanted = {"pc", "fci", "rfci", "ges", "boss", "grasp", "directlingam", "dagma", "pcmci+"}
    assert wanted <= set(algorithm_names())


def test_spelling():
    assert algorithm_named("PC", alpha=0.2) == PC(alpha=0.2)
    assert type(algorithm_named("Direct-LiNGAM")).__name__ == "DirectLiNGAM"
    with pytest.raises(DiscoveryError, match="There is no algorithm 'directlingan'") as caught:
        algorithm_named("directlingan")
    assert "Did you mean 'directlingam'?" in caught.value.next_step


def test_options_reach_their_fields():
    assert takes("pcmci+", "max_lag") and takes("varlingam", "max_lag") and not takes("pc", "max_lag")
    assert algorithm_named("varlingam", max_lag=2).past == 2
    assert algorithm_named("pcmci+", max_lag=2).past == 4
    with pytest.raises(DiscoveryError, match="pc has no option 'penalty'") as caught:
        algorithm_named("pc", penalty=2.0)
    assert "alpha" in caught.value.next_step


def test_the_penalty_goes_to_the_score_that_fits_the_columns():
    random = np.random.default_rng(0)
    codes = random.integers(0, 2, (50, 3)).astype(float)
    numbers = Observations.of_values("abc", random.normal(size=(50, 3)))
    categories = Observations.of_values("abc", codes, [True] * 3)
    mixed = Observations.of_values("abc", codes, [True, False, False])
    named = [
        type(algorithm_named("boss", data, penalty=2.0).score).__name__
        for data in (None, numbers, categories, mixed)
    ]
    assert named == ["GaussianBIC", "GaussianBIC", "DiscreteBIC", "MixedBIC"]
    assert algorithm_named("boss", numbers, penalty=2.0).score.discount == 2.0
