"""Generated images: shapes of a colour and a texture at places, with the exact mask of every concept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from aitia.core import stream
from aitia.networks._errors import NetworkError
from aitia.networks._layout import Layout
from aitia.networks.concepts import Inventory

SIZE = 48
SHAPES = ("circle", "square", "triangle")
COLOURS = ("red", "green", "blue", "yellow")
TEXTURES = ("solid", "striped", "dotted")
CLASSES = (
    "a red circle above a striped square",
    "a striped square above a red circle",
    "a blue triangle beside something dotted",
    "none of these",
)
_NONE = 3

_RGB = np.array(
    [[0.90, 0.15, 0.15], [0.15, 0.75, 0.25], [0.20, 0.35, 0.95], [0.95, 0.85, 0.15]], dtype=np.float32
)

# Two rows and two columns of places, counted by rows: an object each, or none.
_PLACES = 4
_CENTRES = np.array([[12.0, 12.0], [12.0, 36.0], [36.0, 12.0], [36.0, 36.0]])


@dataclass(frozen=True, eq=False)
class Scenes:
    """Scenes as lists of objects; images and masks are drawn from them, also after an edit.

    Each scene has four places: above left, above right, below left, below right.

    Args:
        present: whether there is an object at the place, booleans of shape (scenes, 4).
        shape: the object's place in `SHAPES`, shape (scenes, 4).
        colour: its place in `COLOURS`.
        texture: its place in `TEXTURES`.
        centre: its middle, row and column in pixels, shape (scenes, 4, 2).
        radius: half its size in pixels, shape (scenes, 4).
        hatched: whether the background is hatched, shape (scenes,).
        seed: of the noise of the pixels and of the shades.
        numbers: each scene's own number in that noise, shape (scenes,).
    """

    present: np.ndarray = field(repr=False)
    shape: np.ndarray = field(repr=False)
    colour: np.ndarray = field(repr=False)
    texture: np.ndarray = field(repr=False)
    centre: np.ndarray = field(repr=False)
    radius: np.ndarray = field(repr=False)
    hatched: np.ndarray = field(repr=False)
    seed: int
    numbers: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.present)

    def of_inputs(self, chosen: np.ndarray) -> Scenes:
        """Some of the scenes."""
        names = ("present", "shape", "colour", "texture", "centre", "radius", "hatched", "numbers")
        return replace(self, **{name: getattr(self, name)[chosen] for name in names})

    def edited(
        self,
        place: int,
        *,
        present: bool | None = None,
        shape: int | None = None,
        colour: int | None = None,
        texture: int | None = None,
    ) -> Scenes:
        """The scenes with the object at a place put in, taken out, or changed.

        Args:
            place: 0 above left, 1 above right, 2 below left, 3 below right.
            present: whether there is an object.
            shape: its place in `SHAPES`.
            colour: its place in `COLOURS`.
            texture: its place in `TEXTURES`.
        """
        changed = {}
        asked = {"present": present, "shape": shape, "colour": colour, "texture": texture}
        for name, value in asked.items():
            if value is not None:
                changed[name] = getattr(self, name).copy()
                changed[name][:, place] = value
        return replace(self, **changed)

    @property
    def labels(self) -> np.ndarray:
        """The class of each scene, by the rules that `CLASSES` states; the first that holds. Shape (scenes,)."""
        rules = self._rules()
        return np.where(rules.any(axis=1), rules.argmax(axis=1), _NONE)

    def _rules(self) -> np.ndarray:
        """Which rules hold, shape (scenes, 3)."""
        red_circle = self.present & (self.shape == 0) & (self.colour == 0)
        striped_square = self.present & (self.shape == 1) & (self.texture == 1)
        blue_triangle = self.present & (self.shape == 2) & (self.colour == 2)
        dotted = self.present & (self.texture == 2)
        above = (red_circle[:, :2] & striped_square[:, 2:]).any(axis=1)
        below = (striped_square[:, :2] & red_circle[:, 2:]).any(axis=1)
        left, right = [0, 2], [1, 3]
        beside = (blue_triangle[:, left] & dotted[:, right]) | (dotted[:, left] & blue_triangle[:, right])
        return np.stack([above, below, beside.any(axis=1)], axis=1)

    @property
    def images(self) -> np.ndarray:
        """The scenes drawn: float32 of shape (scenes, 3, 48, 48), from 0 to 1."""
        found = np.empty((len(self), 3, SIZE, SIZE), dtype=np.float32)
        rows, columns = np.mgrid[:SIZE, :SIZE]
        hatching = ((rows + columns) % 6 < 2).astype(np.float32)
        for scene in range(len(self)):
            # Each scene has a stream of its own, so that edits leave all other pixels as they were.
            random = stream(self.seed, "scene", int(self.numbers[scene]))
            grey = random.uniform(0.35, 0.6)
            shades = random.uniform(0.85, 1.15, size=(_PLACES, 3)).astype(np.float32)
            phase = random.integers(0, 4, size=_PLACES)
            noise = random.normal(0, 0.03, size=(3, SIZE, SIZE)).astype(np.float32)
            image = np.full((3, SIZE, SIZE), grey, dtype=np.float32)
            if self.hatched[scene]:
                image -= 0.15 * hatching
            for place in np.flatnonzero(self.present[scene]):
                inside = self._inside(scene, int(place))
                drawn = _textured(
                    _RGB[self.colour[scene, place]] * shades[place], self.texture[scene, place], phase[place]
                )
                image = np.where(inside, drawn, image)
            found[scene] = np.clip(image + noise, 0, 1)
        return found

    def _inside(self, scene: int, place: int) -> np.ndarray:
        """Which pixels an object covers."""
        (row, column), radius = self.centre[scene, place], self.radius[scene, place]
        down, right = np.ogrid[:SIZE, :SIZE]
        down, right = down - row, right - column
        if self.shape[scene, place] == 0:
            return down**2 + right**2 <= radius**2
        if self.shape[scene, place] == 1:
            return (np.abs(down) <= 0.88 * radius) & (np.abs(right) <= 0.88 * radius)
        return (down <= 0.8 * radius) & (np.abs(right) <= (down + radius) / 1.8)

    def regions(self) -> np.ndarray:
        """Which pixels each object covers, booleans of shape (scenes, 4, 48, 48)."""
        found = np.zeros((len(self), _PLACES, SIZE, SIZE), dtype=bool)
        for scene, place in zip(*np.nonzero(self.present), strict=True):
            found[scene, place] = self._inside(int(scene), int(place))
        return found

    def inventory(self) -> Inventory:
        """Every concept at every pixel.

        Colour, shape and texture hold on all pixels of an object; ``outline`` on those of its edge; ``background``,
        and ``plain`` or ``hatched`` background, on the others; ``top``, ``bottom``, ``left`` and ``right`` on halves
        of the image.
        """
        layout = Layout(len(self), (SIZE, SIZE))
        regions = self.regions()
        names, categories, words = [], [], []
        for name, category, mask in self._masks(regions):
            names.append(name)
            categories.append(category)
            words.append(layout.pack(mask))
        return Inventory(layout, tuple(names), np.stack(words), tuple(categories))

    def _masks(self, regions: np.ndarray) -> Iterator[tuple[str, str, Any]]:
        for category, values, kinds in (
            ("colour", self.colour, COLOURS),
            ("shape", self.shape, SHAPES),
            ("texture", self.texture, TEXTURES),
        ):
            for at, kind in enumerate(kinds):
                yield kind, category, (regions & (values == at)[:, :, None, None]).any(axis=1)
        inner = np.pad(regions, ((0, 0), (0, 0), (1, 1), (1, 1)))
        inner = inner[..., :-2, 1:-1] & inner[..., 2:, 1:-1] & inner[..., 1:-1, :-2] & inner[..., 1:-1, 2:]
        yield "outline", "part", (regions & ~inner).any(axis=1)
        background = ~regions.any(axis=1)
        yield "background", "background", background
        yield "plain background", "background", background & ~self.hatched[:, None, None]
        yield "hatched background", "background", background & self.hatched[:, None, None]
        rows, columns = np.mgrid[:SIZE, :SIZE]
        for name, half in (
            ("top", rows < SIZE // 2),
            ("bottom", rows >= SIZE // 2),
            ("left", columns < SIZE // 2),
            ("right", columns >= SIZE // 2),
        ):
            yield name, "position", np.broadcast_to(half, (len(self), SIZE, SIZE))


def draw_scenes(count: int, seed: int = 0, *, shortcut: float = 0.0) -> Scenes:
    """Draws scenes; the four classes are about equally likely.

    Scenes of the last class ("none of these") are half of the time near misses: a pair as one of the other classes
    has it, with one thing wrong.

    Args:
        count: how many.
        seed: the seed.
        shortcut: how much a hatched background tells of the first class: P(hatched | first class) is (1 + shortcut) / 2
            and P(hatched | another) is (1 - shortcut) / 2. With 0 it tells nothing.

    Raises:
        NetworkError: no scenes, or a shortcut outside 0 to 1.

    Example:
        >>> scenes = draw_scenes(200, seed=1)
        >>> scenes.images.shape, CLASSES[scenes.labels[0]]
        ((200, 3, 48, 48), 'a blue triangle beside something dotted')
        >>> from aitia.networks import parse
        >>> inventory = scenes.inventory()
        >>> bool(inventory.mask_of(parse("red AND blue")).any())
        False
    """
    if count < 1 or not 0 <= shortcut <= 1:
        raise NetworkError(
            f"Expected at least one scene and a shortcut from 0 to 1; came {count} and {shortcut}.",
            "Give a positive count, and 0 for no shortcut.",
        )
    random = stream(seed, "scenes")
    kept: list[Scenes] = []
    left = count
    while left > 0:
        drawn, meant = _drawn(2 * left + 16, random, seed)
        # What was drawn as a near miss or as one class may by chance be (also) another: only the clear ones stay.
        clear = (drawn.labels == meant) & (drawn._rules().sum(axis=1) <= 1)
        kept.append(drawn.of_inputs(np.flatnonzero(clear)[:left]))
        left -= len(kept[-1])
    names = ("present", "shape", "colour", "texture", "centre", "radius", "hatched")
    joined = {name: np.concatenate([getattr(each, name) for each in kept]) for name in names}
    scenes = Scenes(**joined, seed=seed, numbers=np.arange(count))
    first = scenes.labels == 0
    likely = np.where(first, (1 + shortcut) / 2, (1 - shortcut) / 2)
    return replace(scenes, hatched=random.random(count) < likely)


def _drawn(count: int, random: np.random.Generator, seed: int) -> tuple[Scenes, np.ndarray]:
    """Scenes and the classes they were drawn for; chance may have made another of them."""
    meant = random.integers(0, len(CLASSES), size=count)
    near = (meant == _NONE) & (random.random(count) < 0.5)
    pattern = np.where(near, random.integers(0, _NONE, size=count), meant)
    present = random.random((count, _PLACES)) < 0.5
    shape = random.integers(0, len(SHAPES), size=(count, _PLACES))
    colour = random.integers(0, len(COLOURS), size=(count, _PLACES))
    texture = random.integers(0, len(TEXTURES), size=(count, _PLACES))
    side, swap = random.integers(0, 2, size=count), random.integers(0, 2, size=count)
    for scene in np.flatnonzero(pattern < _NONE):
        first, second = _pair(pattern[scene], side[scene], swap[scene])
        present[scene, [first, second]] = True
        if pattern[scene] < 2:
            shape[scene, [first, second]], colour[scene, first], texture[scene, second] = [0, 1], 0, 1
        else:
            shape[scene, first], colour[scene, first], texture[scene, second] = 2, 2, 2
        if near[scene]:
            _spoil(scene, pattern[scene], first, second, shape, colour, texture, present, random)
    present[~present.any(axis=1), 0] = True
    radius = random.uniform(7.0, 10.0, size=(count, _PLACES))
    room = (11.5 - radius)[..., None]
    centre = _CENTRES + random.uniform(-1, 1, size=(count, _PLACES, 2)) * room
    empty = np.zeros(count, dtype=bool)
    return Scenes(present, shape, colour, texture, centre, radius, empty, seed, np.arange(count)), meant


def _pair(pattern: int, side: int, swap: int) -> tuple[int, int]:
    """The places of a pattern's two objects."""
    if pattern == 0:
        return side, side + 2  # the circle above the square
    if pattern == 1:
        return side + 2, side
    return 2 * side + swap, 2 * side + 1 - swap  # the triangle and the dotted thing in one row


def _spoil(scene, pattern, first, second, shape, colour, texture, present, random) -> None:
    """Makes one thing wrong about a pattern."""
    wrong = random.integers(0, 4)
    if wrong == 0:
        shape[scene, first] = (shape[scene, first] + random.integers(1, 3)) % 3
    elif wrong == 1:
        colour[scene, first] = (colour[scene, first] + random.integers(1, 4)) % 4
    elif wrong == 2:
        texture[scene, second] = (texture[scene, second] + random.integers(1, 3)) % 3
    else:  # the second object moves to where the relation does not hold
        other = 3 - second
        for values in (shape, colour, texture):
            values[scene, [second, other]] = values[scene, [other, second]]
        present[scene, [second, other]] = present[scene, [other, second]]


def _textured(rgb: np.ndarray, texture: int, phase: int) -> np.ndarray:
    """A colour with its texture on every pixel of the image, shape (3, 48, 48)."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    plain = np.broadcast_to(rgb[:, None, None], (3, SIZE, SIZE))
    if texture == 1:
        return np.where((rows + phase) % 4 < 2, plain, 0.3 * plain)
    if texture == 2:
        dots = ((rows + phase) % 4 < 2) & ((columns + phase) % 4 < 2)
        return np.where(dots, np.float32(1.0), plain)
    return plain
