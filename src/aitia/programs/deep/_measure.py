"""Thickness, slant and intensity of a stroke, measured from the pixels of an image.

After Morpho-MNIST (Castro, Tan, Kainz, Konukoglu and Glocker 2019, section 2), which measures handwritten digits of
28 by 28 pixels after enlarging them four times; the images here may be much smaller, and are enlarged eight times.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aitia.programs._errors import MechanismError

_ENLARGED = 8
"""Each pixel becomes this many by this many before the stroke is cut out. Morpho-MNIST takes four; on images of 8 by 8
pixels eight makes the thickness less jumpy (a kernel regression on the pixels explains 93%, with four 90%)."""

_NEIGHBOURS = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""P2 to P9 of Zhang and Suen: the eight neighbours, clockwise from above."""


@dataclass(frozen=True, eq=False)
class Morphology:
    """What was measured on images, one number for each.

    Args:
        thickness: the mean width of the stroke, in pixels; NaN for an image without ink.
        slant: the angle of the stroke from upright, in degrees, positive where it leans to the right; NaN for an
            image without ink.
        intensity: the mean brightness of the stroke, in the images' units; 0 for an image without ink.
        area: the stroke's share of the image.
    """

    thickness: np.ndarray
    slant: np.ndarray
    intensity: np.ndarray
    area: np.ndarray


def morphology(images: np.ndarray) -> Morphology:
    """Thickness, slant and intensity of the bright stroke in each image, from its pixels alone.

    The image is enlarged eight times (bilinear), and the stroke is where it reaches half of its own largest value.

    - thickness: twice the mean Euclidean distance to the background along the stroke's skeleton (Zhang and Suen
      1984), divided by eight: in pixels of the image as given;
    - slant: the shear that would make the stroke upright, atan(-mu_11 / mu_02) from the central moments of the
      brightness, with mu_02 the vertical one;
    - intensity: the mean of the enlarged image over the stroke.

    The cut is relative, so that a darker image has the same thickness and slant.

    Args:
        images: brightness from 0 up, shape (rows, height, width).

    Raises:
        MechanismError: the images have another shape.

    Example:
        >>> bar = np.zeros((1, 8, 8)); bar[0, 1:7, 3:5] = 16
        >>> found = morphology(bar)
        >>> round(float(found.thickness[0]), 1), abs(round(float(found.slant[0]), 1)), float(found.intensity[0]) > 12
        (2.0, 0.0, True)
    """
    images = np.asarray(images, dtype=float)
    if images.ndim != 3:
        raise MechanismError(
            f"Images to measure have the shape (rows, height, width); came {images.shape}.",
            "Reshape them, and give one grey channel.",
        )
    large = _enlarge(images)
    peak = large.max(axis=(1, 2), keepdims=True)
    stroke = (large >= peak / 2) & (peak > 0)
    count = stroke.sum(axis=(1, 2))
    distance, skeleton = _distance(stroke), _skeleton(stroke)
    with np.errstate(invalid="ignore", divide="ignore"):
        width = 2 * (distance * skeleton).sum(axis=(1, 2)) / skeleton.sum(axis=(1, 2)) / _ENLARGED
        intensity = np.where(count > 0, (large * stroke).sum(axis=(1, 2)) / np.maximum(count, 1), 0.0)
    return Morphology(width, _slant(images), intensity, count / stroke[0].size)


def _enlarge(images: np.ndarray) -> np.ndarray:
    """Bilinear, pixel centres kept, the edge continued with zeros."""
    for axis in (1, 2):
        size = images.shape[axis]
        padded = np.pad(images, [(1, 1) if each == axis else (0, 0) for each in range(3)])
        at = (np.arange(size * _ENLARGED) + 0.5) / _ENLARGED + 0.5
        left = np.floor(at).astype(int)
        share = (at - left).reshape([-1 if each == axis else 1 for each in range(3)])
        images = np.take(padded, left, axis) * (1 - share) + np.take(padded, left + 1, axis) * share
    return images


def _slant(images: np.ndarray) -> np.ndarray:
    rows, columns = np.indices(images.shape[1:])
    with np.errstate(invalid="ignore", divide="ignore"):
        share = images / images.sum(axis=(1, 2), keepdims=True)
    down = rows - (share * rows).sum(axis=(1, 2), keepdims=True)
    right = columns - (share * columns).sum(axis=(1, 2), keepdims=True)
    mu_11, mu_02 = (share * down * right).sum(axis=(1, 2)), (share * down**2).sum(axis=(1, 2))
    return np.degrees(np.arctan2(-mu_11, mu_02))


def _distance(stroke: np.ndarray) -> np.ndarray:
    """The Euclidean distance of each pixel to the nearest one that is no stroke; beyond the edge there is none."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(stroke, ((0, 0), (1, 1), (1, 1)))
    return np.stack([np.asarray(distance_transform_edt(each)) for each in padded])[:, 1:-1, 1:-1]


def _removable() -> np.ndarray:
    """Whether a pixel may go in the first and in the second half of a step, by its neighbours' code; shape (2, 256)."""
    p = (np.arange(256)[:, None] >> np.arange(8)) & 1
    ink = p.sum(axis=1)
    turns = ((p == 0) & (np.roll(p, -1, axis=1) == 1)).sum(axis=1)
    above, right, below, left = p[:, 0], p[:, 2], p[:, 4], p[:, 6]
    outline = (ink >= 2) & (ink <= 6) & (turns == 1)
    first = (above * right * below == 0) & (right * below * left == 0)
    second = (above * right * left == 0) & (above * below * left == 0)
    return np.stack([outline & first, outline & second])


def _skeleton(stroke: np.ndarray) -> np.ndarray:
    """The stroke thinned to lines (Zhang and Suen 1984), all images at once."""
    removable = _removable()
    thin = np.pad(stroke, ((0, 0), (1, 1), (1, 1))).astype(np.uint8)
    inner = thin[:, 1:-1, 1:-1]
    height, width = inner.shape[1:]
    todo = np.arange(len(thin))
    while len(todo):
        part, changed = thin[todo], np.zeros(len(todo), dtype=bool)
        for half in removable:
            code = np.zeros((len(todo), height, width), dtype=np.uint8)
            for at, (down, right) in enumerate(_NEIGHBOURS):
                code |= part[:, 1 + down : 1 + down + height, 1 + right : 1 + right + width] << np.uint8(at)
            gone = half[code] & (part[:, 1:-1, 1:-1] == 1)
            part[:, 1:-1, 1:-1][gone] = 0
            changed |= gone.any(axis=(1, 2))
        thin[todo] = part
        todo = todo[changed]
    return inner.astype(bool)
