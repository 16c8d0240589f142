"""The image example of the course: what a counterfactual digit keeps, and what follows the action, in a small form."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from aitia.programs.deep import Training, counterfactual

EXAMPLE = Path(__file__).parents[3] / "examples" / "programs" / "digits.py"


@pytest.fixture(scope="module")
def example():
    return SimpleNamespace(**runpy.run_path(str(EXAMPLE)))


@pytest.fixture(scope="module")
def digits(example):
    return example.load()


@pytest.fixture(scope="module")
def made(example, digits):
    training = Training(epochs=2, patience=2)
    return example.program(example.flow(training, layers=2, width=16), digits.training)


def test_an_intensity_follows_its_thickness_and_nothing_else_moves(made, digits):
    units = {name: column[:10] for name, column in digits.trying.items()}
    thicker = counterfactual(made, units, {"thickness": units["thickness"] + 0.3})
    # The slope on thickness within a digit, by least squares with a column for each digit.
    told = digits.training
    design = np.column_stack([np.eye(10)[told["digit"]], told["thickness"]])
    slope = np.linalg.lstsq(design, told["intensity"], rcond=None)[0][-1]
    np.testing.assert_allclose(thicker["intensity"], units["intensity"] + 0.3 * slope, atol=1e-9)
    for name in ("digit", "slant"):
        np.testing.assert_allclose(thicker[name], units[name], atol=1e-9)
    assert (thicker["image"] != units["image"]).any()
    same = counterfactual(made, units, {"thickness": units["thickness"]})
    np.testing.assert_array_equal(same["image"], units["image"])


def test_the_figure_has_a_row_for_each_digit_and_a_column_for_each_question(example, made, digits):
    drawn = example.draw(made, digits.trying)
    columns = [axes.get_title() for axes in drawn.axes if axes.get_title()]
    assert columns[0] == "original" and len(columns) == 8
    assert len(drawn.axes) == 80
