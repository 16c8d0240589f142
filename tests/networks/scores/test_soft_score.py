"""The soft score: it becomes the hard one, and its gradient is right by two other ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aitia.networks import (
    Above,
    ActivationError,
    Activations,
    Inventory,
    overlap_of,
    parse,
    soft_intersection_over_union,
    soft_intersection_over_union_gradient,
)

SHAPES = st.sampled_from([(7,), (6, 3), (4, 2, 5), (3, 2, 2, 4)])


def drawn(seed: int, shape: tuple[int, ...], soft: bool):
    draws = np.random.default_rng(seed)
    own = shape if len(shape) == 1 or draws.random() < 0.5 else (shape[0], *shape[2:])
    mask = draws.random(own) if soft else draws.random(own) < 0.4
    exists = draws.random(shape[:1] + shape[2:]) < 0.8
    threshold = draws.normal(size=shape[1]) if len(shape) > 1 else 0.3
    return draws.normal(size=shape), mask, threshold, exists


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.sampled_from([(), (4,), (3, 3)]))
def test_it_goes_to_the_hard_score_as_the_temperature_goes_to_zero(seed, shape):
    draws = np.random.default_rng(seed)
    values = draws.normal(size=(30, 3, *shape))
    inventory = Inventory.from_masks(draws.random((1, 30, *shape)) < 0.3, ["a"])
    hard = [
        each.intersection_over_union
        for each in overlap_of(parse("a"), inventory, Above(0.1).fire(Activations(values)))
    ]
    mask = inventory.mask_of(parse("a"))
    near = [
        soft_intersection_over_union(values, mask, threshold=0.1, temperature=temperature)
        for temperature in (1.0, 1e-2, 1e-9)
    ]
    assert near[2] == pytest.approx(np.array(hard), abs=1e-6)
    assert np.abs(near[1] - hard).max() < 0.2


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), SHAPES, st.booleans(), st.sampled_from([0.3, 1.0, 2.5]))
def test_gradient_is_that_of_finite_differences(seed, shape, soft, temperature):
    values, mask, threshold, exists = drawn(seed, shape, soft)
    given = {"threshold": threshold, "temperature": temperature, "exists": exists}
    gradient = soft_intersection_over_union_gradient(values, mask, **given)
    step = 1e-6
    for place in np.ndindex(shape):
        score = []
        for sign in (1, -1):
            moved = values.copy()
            moved[place] += sign * step
            found = np.atleast_1d(soft_intersection_over_union(moved, mask, **given))
            score.append(found[place[1] if len(shape) > 1 else 0])
        assert gradient[place] == pytest.approx((score[0] - score[1]) / (2 * step), abs=1e-7)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("shape", [(7,), (6, 3), (3, 2, 2, 4)])
def test_torch_gives_the_same_score_and_gradient(shape, soft):
    torch = pytest.importorskip("torch")
    values, mask, threshold, exists = drawn(3, shape, soft)
    given = {"temperature": 0.7, "threshold": threshold, "exists": exists}
    tensor = torch.tensor(values, requires_grad=True)
    moved = torch.tensor(threshold, dtype=torch.float64, requires_grad=True)
    score = soft_intersection_over_union(
        tensor, torch.tensor(mask), threshold=moved, temperature=0.7, exists=torch.tensor(exists)
    )
    assert score.detach().numpy() == pytest.approx(
        soft_intersection_over_union(values, mask, **given), rel=1e-12
    )
    score.sum().backward()
    gradient = soft_intersection_over_union_gradient(values, mask, **given)
    assert tensor.grad.numpy() == pytest.approx(gradient, abs=1e-14)
    # Raising a unit's threshold lowers all its activations.
    assert moved.grad.numpy() == pytest.approx(
        -gradient.sum(axis=tuple(a for a in range(len(shape)) if a != 1))
    )


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_arrays_beside_tensors_are_read_as_tensors(kind):
    torch = pytest.importorskip("torch")
    values, mask, threshold, exists = drawn(5, (6, 3), False)
    tensor = torch.tensor(values, dtype=getattr(torch, kind), requires_grad=True)
    given = {"threshold": threshold, "exists": exists}
    score = soft_intersection_over_union(tensor, mask, **given)
    assert score.dtype == tensor.dtype and score.requires_grad
    close = {"float32": 1e-5, "float64": 1e-12}[kind]
    expected = soft_intersection_over_union(values, mask, **given)
    assert score.detach().numpy() == pytest.approx(expected, rel=close)


def test_a_unit_is_drawn_to_its_mask_by_training():
    torch = pytest.importorskip("torch")
    draws = np.random.default_rng(0)
    inputs = torch.tensor(draws.normal(size=(200, 5)))
    mask = (inputs[:, 0] > 0) & (inputs[:, 1] > 0)
    weights = torch.tensor(draws.normal(size=(5, 1)), requires_grad=True)
    threshold = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([weights, threshold], lr=0.05)
    before = soft_intersection_over_union(inputs @ weights, mask, threshold=threshold, temperature=0.2).item()
    for _ in range(150):
        optimiser.zero_grad()
        score = soft_intersection_over_union(inputs @ weights, mask, threshold=threshold, temperature=0.2)
        (-score.sum()).backward()
        optimiser.step()
    fires = (inputs @ weights)[:, 0] > threshold
    hard = float((fires & mask).sum() / (fires | mask).sum())
    assert before < 0.35 and hard > 0.6


def test_nothing_anywhere_scores_nothing():
    values = np.full((4, 2), -1e4)
    assert soft_intersection_over_union(values, np.zeros(4, dtype=bool)).tolist() == [0.0, 0.0]
    assert not soft_intersection_over_union_gradient(values, np.zeros(4, dtype=bool)).any()


@pytest.mark.parametrize(
    ("shape", "mask", "given", "message"),
    [
        ((4, 2), (3,), {}, "activations have shape (4, 2), the mask (3,)"),
        ((4, 2), (4,), {"temperature": 0.0}, "A temperature must be above 0; came 0.0"),
        ((4, 2), (4,), {"threshold": np.zeros(3)}, "activations have shape (4, 2), the thresholds (3,)"),
        ((4, 2, 3), (4, 3), {"exists": np.ones((4, 2))}, "(4, 2, 3), the positions that exist (4, 2)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(shape, mask, given, message):
    with pytest.raises(ActivationError) as caught:
        soft_intersection_over_union(np.ones(shape), np.ones(mask, dtype=bool), **given)
    assert message in caught.value.problem


def test_what_is_not_a_number_is_named():
    values = np.zeros((4, 2))
    values[3, 1] = np.nan
    for score in (soft_intersection_over_union, soft_intersection_over_union_gradient):
        with pytest.raises(ActivationError, match=r"The activation at \(3, 1\) is nan"):
            score(values, np.ones(4, dtype=bool))
