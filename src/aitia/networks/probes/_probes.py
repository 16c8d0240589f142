"""What probes found, layer by layer and target by target."""

from __future__ import annotations

import html
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from aitia.core import Decision, many, nearest
from aitia.networks._errors import ProbeError
from aitia.networks.probes._quality import Quality

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

_SHOWN = 24


@dataclass(frozen=True, eq=False)
class Probe:
    """What a layer says of a target.

    Args:
        layer: the layer.
        target: the target's name.
        classes: the target's classes; () for numbers.
        chance: what is reached without the layer: the share of the largest class, or an R^2 of 0.
        quality: on held-out rows.
        control: the mean quality for its control tasks, where there are any.
        untrained: the quality of the same layer with weights that were not trained, where it was given.
        penalty: of the fit to all rows.
        coefficients: of that fit, shape (units, columns), in the units' own scale; None for probes that are not linear.
            Two classes have one column, several one each.
        intercepts: shape (columns,).
        predictions: the held-out predictions, shape (rows, columns), where they were asked for.
    """

    layer: str
    target: str
    classes: tuple
    chance: float
    quality: Quality
    control: Quality | None = None
    untrained: Quality | None = None
    penalty: float = 0.0
    coefficients: np.ndarray | None = field(default=None, repr=False)
    intercepts: np.ndarray | None = field(default=None, repr=False)
    predictions: np.ndarray | None = field(default=None, repr=False)

    @property
    def measure(self) -> str:
        """What `quality.value` is."""
        return "accuracy" if self.quality.accuracy is not None else "R²"

    @property
    def selectivity(self) -> float | None:
        """The quality less that for control tasks; None without control tasks."""
        return None if self.control is None else self.quality.value - self.control.value

    @property
    def gained(self) -> float | None:
        """The quality less that of untrained weights; None where those were not given."""
        return None if self.untrained is None else self.quality.value - self.untrained.value

    @property
    def sentence(self) -> str:
        """What was found, in a sentence."""
        said = (
            f"A probe of {self.layer} predicts {self.target} with {_written(self)} on held-out rows"
            f" (without the layer {self.chance if self.quality.accuracy is not None else 0.0:.3f})"
        )
        beside = []
        if self.control is not None:
            beside.append(
                f"control tasks reach {self.control.value:.3f}, so its selectivity is {self.selectivity:+.3f}"
            )
        if self.untrained is not None:
            beside.append(f"untrained weights reach {self.untrained.value:.3f}")
        return f"{said}; {' and '.join(beside)}." if beside else f"{said}."

    def __repr__(self) -> str:
        return f"Probe({self.sentence})"


def _written(probe: Probe) -> str:
    found = probe.quality
    if found.accuracy is None:
        return f"an R² of {found.value:.3f}"
    area = "" if found.area_under_curve is None else f", area under the curve {found.area_under_curve:.3f}"
    return f"an accuracy of {found.accuracy:.3f} (balanced {found.balanced_accuracy:.3f}{area})"


@dataclass(frozen=True, eq=False)
class Probes:
    """What `probe` found: a sequence of `Probe`, one for each layer and target.

    Args:
        probes: layer by layer, in the order given; in each layer target by target.
        layers: the layers' names.
        targets: the targets' names.
        method: the kind of probe, in words.
        rows: how many rows.
        folds: how many folds.
        decisions: what was decided on the person's behalf.
        warnings: what to know before trusting them.
        seed: of every random draw.
    """

    probes: tuple[Probe, ...] = field(repr=False)
    layers: tuple[str, ...]
    targets: tuple[str, ...]
    method: str
    rows: int
    folds: int
    decisions: tuple[Decision, ...] = ()
    warnings: tuple[str, ...] = ()
    seed: int = 0

    def __len__(self) -> int:
        return len(self.probes)

    def __iter__(self) -> Iterator[Probe]:
        return iter(self.probes)

    def __getitem__(self, at: int | tuple[str, str]) -> Probe:
        """A probe by its place, or by layer and target.

        Raises:
            ProbeError: there is no such layer or target.
        """
        if not isinstance(at, tuple):
            return self.probes[at]
        for name, names, what in ((at[0], self.layers, "layer"), (at[1], self.targets, "target")):
            if name not in names:
                raise ProbeError(f"No {what} {name!r} was probed.", nearest(name, names))
        return self.probes[self.layers.index(at[0]) * len(self.targets) + self.targets.index(at[1])]

    def by_layer(self, target: str) -> tuple[Probe, ...]:
        """A target's probes, one a layer."""
        return tuple(self[layer, target] for layer in self.layers)

    @property
    def values(self) -> np.ndarray:
        """The qualities (accuracy of classes, R^2 of numbers), shape (layers, targets)."""
        return np.array([each.quality.value for each in self.probes]).reshape(len(self.layers), -1)

    @property
    def sentence(self) -> str:
        """All of them in a sentence."""
        said = (
            f"{many(len(self.targets), 'target')} probed in {many(len(self.layers), 'layer')} "
            f"by a {self.method}, {self.folds}-fold cross-validation over "
            f"{self.rows:,} rows."
        )
        best = [max(self.by_layer(target), key=lambda each: each.quality.value) for target in self.targets]
        if len(best) == 1:
            return f"{said} {best[0].sentence}"
        means = []
        for measure in dict.fromkeys(each.measure for each in best):
            named = [each.target for each in best if each.measure == measure]
            by_layer = [
                np.mean([self[layer, target].quality.value for target in named]) for layer in self.layers
            ]
            at = int(np.argmax(by_layer))
            where = f" (in {self.layers[at]})" if len(self.layers) > 1 else ""
            of = f" of {len(named):,} targets" if len(named) < len(best) else ""
            what = f"the {measure} of {named[0]}" if len(named) == 1 else f"the mean {measure}{of}"
            means.append(f"{what} is {by_layer[at]:.3f}{where}")
        return f"{said} On held-out rows {' and '.join(means)}" + (
            "." if len(self.layers) == 1 else " at best."
        )

    def table(self) -> pd.DataFrame:
        """One row a probe: all measures, the control's, the untrained weights', selectivity and penalty."""
        import pandas as pd

        return pd.DataFrame(
            [
                {
                    "layer": each.layer,
                    "target": each.target,
                    "measure": each.measure,
                    "quality": each.quality.value,
                    "chance": each.chance,
                    "control": None if each.control is None else each.control.value,
                    "selectivity": each.selectivity,
                    "untrained": None if each.untrained is None else each.untrained.value,
                    "r_squared": each.quality.r_squared,
                    "balanced_accuracy": each.quality.balanced_accuracy,
                    "area_under_curve": each.quality.area_under_curve,
                    "penalty": each.penalty,
                }
                for each in self.probes
            ]
        )

    def figure(self) -> Figure:
        """Quality by layer, with control tasks and untrained weights beside it where there are any."""
        from aitia.networks.probes._figure import probes_figure

        return probes_figure(self)

    def _columns(self) -> list[tuple[str, list[str]]]:
        shown = self.probes[:_SHOWN]

        def written(values: list[float | None], sign: str = "") -> list[str]:
            return ["" if each is None else f"{each:{sign}.3f}" for each in values]

        columns = [
            ("layer", [each.layer for each in shown]),
            ("target", [each.target for each in shown]),
            ("measure", [each.measure for each in shown]),
            ("quality", written([each.quality.value for each in shown])),
            ("chance", written([each.chance for each in shown])),
            ("control", written([None if each.control is None else each.control.value for each in shown])),
            ("selectivity", written([each.selectivity for each in shown], "+")),
            (
                "untrained",
                written([None if each.untrained is None else each.untrained.value for each in shown]),
            ),
        ]
        return [column for column in columns if any(column[1])]

    def __repr__(self) -> str:
        columns = self._columns()
        widths = [max(len(name), *map(len, cells)) for name, cells in columns]
        rows = [[name for name, _ in columns], *zip(*(cells for _, cells in columns), strict=True)]
        lines = [
            "  "
            + "  ".join(
                cell.ljust(width) if at < 3 else cell.rjust(width)
                for at, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in rows
        ]
        if len(self) > _SHOWN:
            lines.append(f"  and {len(self) - _SHOWN:,} more")
        return "\n".join([self.sentence, *map(str.rstrip, lines), *(f"  ! {each}" for each in self.warnings)])

    def _repr_html_(self) -> str:
        columns = self._columns()
        heads = "".join(f"<th>{name}</th>" for name, _ in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in zip(*(cells for _, cells in columns), strict=True)
        )
        more = f"<p>and {len(self) - _SHOWN:,} more</p>" if len(self) > _SHOWN else ""
        notes = "".join(f"<p>{html.escape(each)}</p>" for each in self.warnings)
        return f"<p>{html.escape(self.sentence)}</p>{notes}<table><tr>{heads}</tr>{body}</table>{more}"
