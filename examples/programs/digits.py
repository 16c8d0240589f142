"""What would this digit have looked like, had it been written with a thicker pen, slanted, or been another digit?

    python examples/programs/digits.py --out figure.png

The data are the 1,797 digits of 8 by 8 pixels that come with scikit-learn. Thickness, slant and intensity are
measured from the pixels (`aitia.programs.deep.morphology`); the digit is the data set's label. The program is

    digit -> thickness, slant; digit, thickness -> intensity; digit, thickness, slant, intensity -> image

and is what we believe about how a digit is written, not something found in the data: a writer means a digit, picks a
pen and a slant, and a thicker stroke fills its pixels more. The three scalars get a mean for each digit (and a slope
on thickness), with normal noise, by least squares. The image gets a deep mechanism, trained here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
import numpyro.distributions as dist

from aitia.programs import Program, noise
from aitia.programs.deep import (
    ConditionalHierarchicalVAE,
    ConditionalImageFlow,
    ImageMechanism,
    Soundness,
    Training,
    counterfactual,
    figure,
    morphology,
    soundness,
)

PARENTS = ("digit", "thickness", "slant", "intensity")
GREY_LEVELS = 17


@dataclass(frozen=True, eq=False)
class Digits:
    """The data in three parts that share no image.

    Args:
        training: the mechanisms are learned from these.
        judging: the classifier that reads digits off images is trained on these.
        trying: counterfactuals are made of these.
    """

    training: dict[str, np.ndarray]
    judging: dict[str, np.ndarray]
    trying: dict[str, np.ndarray]


def load(seed: int = 0) -> Digits:
    """The digits with what is measured on them: 1,197 to train on, 300 for the classifier, 300 to try."""
    from sklearn.datasets import load_digits

    flat, digit = (np.asarray(each) for each in load_digits(return_X_y=True))
    images = flat.reshape(-1, 8, 8)
    measured = morphology(images)
    columns = {
        "digit": digit,
        "thickness": measured.thickness,
        "slant": measured.slant,
        "intensity": measured.intensity,
        "image": images.astype(int),
    }
    order = np.random.default_rng(seed).permutation(len(digit))
    parts = np.split(order, [1197, 1497])
    return Digits(*({name: column[rows] for name, column in columns.items()} for rows in parts))


def scalars(data: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """The mechanisms of digit, thickness, slant and intensity, by least squares."""
    digit, thickness = data["digit"], data["thickness"]
    shares = np.bincount(digit, minlength=10) / len(digit)

    def by_digit(column):
        mean = np.array([column[digit == each].mean() for each in range(10)])
        return mean, (column - mean[digit]).std()

    thickness_mean, thickness_spread = by_digit(thickness)
    slant_mean, slant_spread = by_digit(data["slant"])
    centred, (intensity_mean, _) = thickness - thickness_mean[digit], by_digit(data["intensity"])
    slope = (centred * (data["intensity"] - intensity_mean[digit])).sum() / (centred**2).sum()
    intensity_spread = (data["intensity"] - intensity_mean[digit] - slope * centred).std()

    def digit_(*, shares=tuple(shares)):
        return dist.Categorical(jnp.asarray(shares))

    def thickness_(digit, *, own=noise(dist.Normal(0, 1))):
        return jnp.asarray(thickness_mean)[digit] + thickness_spread * own

    def slant_(digit, *, own=noise(dist.Normal(0, 1))):
        return jnp.asarray(slant_mean)[digit] + slant_spread * own

    def intensity_(digit, thickness, *, own=noise(dist.Normal(0, 1))):
        expected = jnp.asarray(intensity_mean)[digit] + slope * (
            thickness - jnp.asarray(thickness_mean)[digit]
        )
        return expected + intensity_spread * own

    return {"digit": digit_, "thickness": thickness_, "slant": slant_, "intensity": intensity_}


def flow(training: Training | None = None, **options: Any) -> ConditionalImageFlow:
    """The image by a conditional flow, not yet trained."""
    return ConditionalImageFlow(
        PARENTS, categories={"digit": 10}, grey_levels=GREY_LEVELS, training=training, **options
    )


def autoencoder(training: Training | None = None, **options: Any) -> ConditionalHierarchicalVAE:
    """The image by a conditional hierarchical variational autoencoder, not yet trained."""
    return ConditionalHierarchicalVAE(
        PARENTS, categories={"digit": 10}, grey_levels=GREY_LEVELS, training=training, **options
    )


def program(image: ImageMechanism, data: Mapping[str, np.ndarray], seed: int = 0) -> Program:
    """The whole program, every mechanism learned from `data`."""
    learned = image.learned({name: data[name] for name in PARENTS}, data["image"], seed=seed)
    return Program({**scalars(data), "image": learned})


def classifier(data: Mapping[str, np.ndarray]):
    """A support vector machine that reads digits off images: a function from images to digits."""
    from sklearn.svm import SVC

    machine = SVC(C=10, gamma=0.001).fit(data["image"].reshape(len(data["image"]), -1), data["digit"])  # pyright: ignore[reportArgumentType]
    return lambda images: machine.predict(images.reshape(len(images), -1))


def intended(data: Mapping[str, np.ndarray], seed: int = 0) -> dict[str, np.ndarray]:
    """What is done to each unit: thickness and slant of another unit, another digit."""
    random = np.random.default_rng([seed, 1])
    n = len(data["digit"])
    return {
        "thickness": random.permutation(data["thickness"]),
        "slant": random.permutation(data["slant"]),
        "digit": (data["digit"] + random.integers(1, 10, n)) % 10,
    }


def judge(fitted: Program, digits: Digits, seed: int = 0) -> Soundness:
    """Composition, reversibility and effectiveness on images that nothing was trained on."""
    return soundness(
        fitted,
        digits.trying,
        image="image",
        actions=intended(digits.trying, seed),
        measures={
            "thickness": lambda images: morphology(images).thickness,
            "slant": lambda images: morphology(images).slant,
            "intensity": lambda images: morphology(images).intensity,
            "digit": classifier(digits.judging),
        },
        seed=seed,
    )


def draw(fitted: Program, data: Mapping[str, np.ndarray], seed: int = 0, title: str | None = None):
    """A figure: one digit of each kind, and what it would have been."""
    rows = np.array([int(np.argmax(data["digit"] == each)) for each in range(10)])
    units = {name: column[rows] for name, column in data.items()}
    thin, thick = np.quantile(data["thickness"], [0.05, 0.95])
    left, right = np.quantile(data["slant"], [0.02, 0.98])
    asked = {
        f"thin\n{thin:.1f} px": {"thickness": thin},
        f"thick\n{thick:.1f} px": {"thickness": thick},
        f"leaning left\n{left:.0f}°": {"slant": left},
        f"leaning right\n{right:.0f}°": {"slant": right},
        "next digit": {"digit": (units["digit"] + 1) % 10},
        "a 3": {"digit": 3},
        "an 8": {"digit": 8},
    }
    shown = {name: counterfactual(fitted, units, do, seed=seed)["image"] for name, do in asked.items()}
    names = [f"{digit}: {t:.1f} px, {s:.0f}°" for digit, t, s in zip(*(units[each] for each in PARENTS[:3]))]
    return figure(units["image"], shown, names=names, largest=GREY_LEVELS - 1, title=title)


def main() -> None:
    """Train, judge, draw."""
    arguments = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    arguments.add_argument("--out", default="digits.png", help="where the figure goes")
    arguments.add_argument("--mechanism", choices=("flow", "autoencoder", "both"), default="both")
    arguments.add_argument("--seed", type=int, default=0)
    chosen = arguments.parse_args()
    digits = load()
    read = classifier(digits.judging)
    right = (read(digits.trying["image"]) == digits.trying["digit"]).mean()
    print(f"The classifier reads {right:.1%} of the untouched images right.")
    for name, mechanism in (("flow", flow()), ("autoencoder", autoencoder())):
        if chosen.mechanism not in (name, "both"):
            continue
        begin = time.perf_counter()
        fitted = program(mechanism, digits.training, chosen.seed)
        image = fitted.mechanisms["image"]
        assert isinstance(image, ImageMechanism)
        print(f"\n{name}: {image.record.sentence if image.record else ''}")
        found = judge(fitted, digits, chosen.seed)
        print(found)
        print(found.sentence)
        out = chosen.out if chosen.mechanism == name or name == "flow" else _beside(chosen.out, name)
        draw(fitted, digits.trying, chosen.seed, title=f"What these digits would have been ({name})").savefig(
            out, dpi=150
        )
        print(f"The figure is in {out} ({time.perf_counter() - begin:.0f} s).")


def _beside(path: str, name: str) -> str:
    stem, dot, ending = path.rpartition(".")
    return f"{stem}-{name}{dot}{ending}" if dot else f"{path}-{name}"


if __name__ == "__main__":
    main()
