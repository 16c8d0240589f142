"""Intersection over union for real-valued activations, which can be differentiated."""

from __future__ import annotations

from typing import Any

import numpy as np

from aitia.networks._errors import ActivationError

_HINT = (
    "Give activations of shape (inputs, units, *positions) and masks of shape (inputs, *positions), or one for each "
    "unit, (inputs, units, *positions); one unit may have activations (inputs,) and a mask (inputs,)."
)


def soft_intersection_over_union(
    activations: Any, mask: Any, *, threshold: Any = 0.0, temperature: float = 1.0, exists: Any = None
) -> Any:
    """The intersection over union of a mask with where units fire softly: a score with a gradient.

    A unit fires to the degree s = sigmoid((a - threshold) / temperature), and the score is

        sum(s m) / sum(s + m - s m)

    over all positions of all inputs. As the temperature goes to 0 it goes to the intersection over union with the
    positions where a > threshold (unless an activation is equal to the threshold, where s stays 1/2). A mask may be
    soft as well, with values from 0 to 1: degrees are joined as probabilities of independent events.

    Works on NumPy arrays and, by their own operators, on PyTorch tensors, where gradients flow to activations, mask
    and threshold; ``loss - weight * soft_intersection_over_union(activations, mask).mean()`` draws units towards their
    masks while a network trains. `soft_intersection_over_union_gradient` has the gradient in closed form.

    Args:
        activations: shape (inputs, units, *positions), or (inputs,) for one unit.
        mask: shape (inputs, *positions), the same for all units, or (inputs, units, *positions), or (inputs,); beside
            tensors an array will do too, as for thresholds and what exists.
        threshold: a number, or one for each unit, shape (units,).
        temperature: above 0, in units of activation.
        exists: which positions exist, shape (inputs, *positions); None for all.

    Returns:
        The score of each unit, shape (units,), or a number for one unit; 0 where neither mask nor unit is anywhere.

    Raises:
        ActivationError: shapes that do not fit, a temperature that is not above 0, or an activation in an array that
            is not a number (a tensor's are passed on, as its own operators do).

    Example:
        >>> from aitia.networks import soft_intersection_over_union
        >>> activations = np.array([2.0, 1.0, -1.0, -2.0])
        >>> mask = np.array([True, False, False, False])
        >>> float(soft_intersection_over_union(activations, mask, temperature=0.01))
        0.5
        >>> round(float(soft_intersection_over_union(activations, mask)), 3)
        0.416
    """
    soft, mask, exists, axes = _prepared(activations, mask, threshold, temperature, exists)
    both = (soft * mask * exists).sum(axes)
    union = ((soft + mask - soft * mask) * exists).sum(axes)
    return both / (union + (union == 0))


def soft_intersection_over_union_gradient(
    activations: np.ndarray,
    mask: np.ndarray,
    *,
    threshold: Any = 0.0,
    temperature: float = 1.0,
    exists: np.ndarray | None = None,
) -> np.ndarray:
    """How each unit's soft intersection over union changes with each of its activations.

    With I = sum(s m) and U = sum(s + m - s m), the derivative with respect to a is
    (m U - I (1 - m)) / U^2 times s (1 - s) / temperature.

    Args:
        activations: as in `soft_intersection_over_union`; NumPy arrays alone.
        mask: as there.
        threshold: as there.
        temperature: as there.
        exists: as there.

    Returns:
        The shape of the activations: how much the score of the unit changes with the value there.

    Raises:
        ActivationError: as there.

    Example:
        >>> from aitia.networks import soft_intersection_over_union_gradient
        >>> gradient = soft_intersection_over_union_gradient(np.array([2.0, 1.0]), np.array([True, False]))
        >>> gradient.round(3)
        array([ 0.061, -0.058])
    """
    soft, mask, exists, axes = _prepared(activations, mask, threshold, temperature, exists)
    both = (soft * mask * exists).sum(axes, keepdims=True)
    union = ((soft + mask - soft * mask) * exists).sum(axes, keepdims=True)
    slope = (mask * union - both * (1.0 - mask)) / (union + (union == 0)) ** 2
    return exists * slope * soft * (1.0 - soft) / temperature


def _prepared(
    activations: Any, mask: Any, threshold: Any, temperature: float, exists: Any
) -> tuple[Any, ...]:
    """Degrees of firing, and the mask and what exists in their shape; and the axes to sum over."""
    if not temperature > 0:
        raise ActivationError(
            f"A temperature must be above 0; came {temperature}.", "Use 1.0, or less for harder edges."
        )
    shape = tuple(activations.shape)
    mask, threshold, exists = (_like(activations, each) for each in (mask, threshold, exists))
    single = len(shape) == 1
    per_input = shape if single else (shape[0], *shape[2:])
    if tuple(mask.shape) not in ({shape} if single else {shape, per_input}):
        raise ActivationError(f"The activations have shape {shape}, the mask {tuple(mask.shape)}.", _HINT)
    if isinstance(activations, np.ndarray) and np.isnan(activations).any():
        place = tuple(int(each) for each in np.argwhere(np.isnan(activations))[0])
        raise ActivationError(
            f"The activation at {place} is nan.", "Leave the input out, or look at its layer."
        )
    if exists is not None and tuple(exists.shape) != per_input:
        raise ActivationError(
            f"The activations have shape {shape}, the positions that exist {tuple(exists.shape)}.", _HINT
        )
    many = getattr(threshold, "shape", ())
    if tuple(many) not in ({()} if single else {(), shape[1:2]}):
        raise ActivationError(f"The activations have shape {shape}, the thresholds {tuple(many)}.", _HINT)
    if not single:
        threshold = threshold.reshape(-1, *(1,) * (len(shape) - 2)) if len(many) else threshold
        mask = mask if tuple(mask.shape) == shape else mask.reshape(shape[0], 1, *shape[2:])
        exists = exists if exists is None else exists.reshape(shape[0], 1, *shape[2:])
    degree = (activations - threshold) / temperature
    soft = degree.sigmoid() if hasattr(degree, "sigmoid") else _sigmoid(degree)
    mask = mask * 1.0  # booleans have no minus
    exists = 1.0 if exists is None else exists * 1.0
    return soft, mask, exists, tuple(axis for axis in range(len(shape)) if single or axis != 1)


def _like(activations: Any, given: Any) -> Any:
    """Numbers given beside the activations, as what those are: a tensor beside tensors, an array beside arrays."""
    if given is None or np.isscalar(given) or hasattr(given, "sigmoid"):
        return given
    given = np.asarray(given)
    return activations.new_tensor(given) if hasattr(activations, "new_tensor") else given


def _sigmoid(degree: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), where no exponential overflows."""
    small = np.exp(-np.abs(degree))
    return np.where(degree >= 0, 1.0, small) / (1.0 + small)
