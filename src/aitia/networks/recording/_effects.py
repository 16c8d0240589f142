"""What interventions on single units do to a model's outputs."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import Decision, many, progress
from aitia.networks._errors import LayerError, NetworkError
from aitia.networks.recording._actions import Action, Change, PatchFrom, ablate
from aitia.networks.recording._adapt import adapt
from aitia.networks.recording._intervene import changes_of, check_actions, check_unit
from aitia.networks.recording._layer import Layer, as_layer
from aitia.networks.recording._model import Model
from aitia.networks.recording._record import BATCH
from aitia.networks.recording._rows import batch_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Metric = Callable[[np.ndarray], np.ndarray]

# Outputs under all interventions that are held at once; more units than fit take another round.
_MEMORY = 1 << 30
_UNITS, _OUTPUTS = 20, 10  # of a printed table


@dataclass(frozen=True, eq=False)
class Effects:
    """What an intervention on each unit does to a model's outputs.

    Args:
        layer: the layer.
        units: the units, one intervention each.
        outputs: the mean over inputs of each output without intervention, shape (outputs,).
        on_outputs: the mean change of each output, shape (units, outputs).
        metric: the metric's mean without intervention; None where none was asked for.
        on_metric: the metric's mean change, shape (units,).
        by_input: the metric's change at each input, shape (units, inputs); None where the metric is one number.
        on_outputs_by_input: the change of each output at each input, shape (units, inputs, outputs), float32; None
            where it was not asked for.
        restored: for patching: the share of the way from the corrupted to the clean metric that the patch goes, shape
            (units,); NaN where the two are equal.
        decisions: what was decided on the way.
    """

    layer: str
    units: tuple[int, ...]
    outputs: np.ndarray = field(repr=False)
    on_outputs: np.ndarray = field(repr=False)
    metric: float | None = None
    on_metric: np.ndarray | None = field(default=None, repr=False)
    by_input: np.ndarray | None = field(default=None, repr=False)
    on_outputs_by_input: np.ndarray | None = field(default=None, repr=False)
    restored: np.ndarray | None = field(default=None, repr=False)
    decisions: tuple[Decision, ...] = ()

    @property
    def sentence(self) -> str:
        """The largest effect in a sentence."""
        units = f"{many(len(self.units), 'unit')} of layer {self.layer!r}"
        if self.on_metric is not None and self.on_metric.any():
            at = int(self.most(1)[0])
            return (
                f"Of {units}, unit {self.units[at]} changes the metric most: by {self.on_metric[at]:+.4g} from "
                f"{self.metric:.4g}."
            )
        if not self.on_outputs.any():
            return f"None of {units} changes anything."
        at, output = divmod(int(np.argmax(np.abs(self.on_outputs))), self.on_outputs.shape[1])
        same = "" if self.on_metric is None else " None changes the metric."
        return (
            f"Of {units}, unit {self.units[at]} changes an output most: output {output} by "
            f"{self.on_outputs[at, output]:+.4g} from {self.outputs[output]:.4g}.{same}"
        )

    def most(self, count: int) -> np.ndarray:
        """The places of the units of largest effect (on the metric, or on any output), largest first.

        Args:
            count: how many.
        """
        changes = self.on_outputs if self.on_metric is None else self.on_metric[:, None]
        size = np.abs(changes).max(axis=1)
        return np.argsort(-size, kind="stable")[:count]

    def figure(self, names: Sequence[str] | None = None, most: int = 64) -> Figure:
        """Units by outputs, coloured by the mean change; where there is a metric, its change beside it.

        Args:
            names: of the outputs; None for their numbers.
            most: the most units: of more, those of largest effect, the largest on top.

        Raises:
            NetworkError: other than one name for each output.
        """
        from aitia.networks.recording._effects_figure import effects_figure

        places = np.arange(len(self.units)) if len(self.units) <= most else self.most(most)
        return effects_figure(self, places, self._names(names))

    def table(self, names: Sequence[str] | None = None) -> pd.DataFrame:
        """One row a unit: the mean change of each output, of the metric, and what patching restores.

        Args:
            names: of the outputs; None for their numbers.

        Raises:
            NetworkError: other than one name for each output.
        """
        import pandas as pd

        columns: dict[str, Any] = {"unit": self.units}
        if self.on_metric is not None:
            columns["metric"] = self.on_metric
        if self.restored is not None:
            columns["restored"] = self.restored
        for place, name in enumerate(self._names(names)):
            columns[f"output {name}"] = self.on_outputs[:, place]
        return pd.DataFrame(columns)

    def _names(self, names: Sequence[str] | None) -> list[str]:
        outputs = self.on_outputs.shape[1]
        if names is not None and len(names) != outputs:
            raise NetworkError(
                f"{len(names):,} names were given for {outputs:,} outputs.", "Give one name for each output."
            )
        return [str(each) for each in (range(outputs) if names is None else names)]

    def _shown(self) -> tuple[list[str], list[list[str]], int]:
        """Heads and cells of the units of largest effect, and how many outputs were left out."""
        outputs = self.on_outputs.shape[1]
        # The outputs that change most, in their own order.
        kept = np.sort(np.argsort(-np.abs(self.on_outputs).max(axis=0), kind="stable")[:_OUTPUTS])
        heads = ["unit"]
        heads += ["metric"] if self.on_metric is not None else []
        heads += ["restored"] if self.restored is not None else []
        heads += [f"output {each}" for each in kept]
        digits = _digits(self.on_outputs)
        cells = []
        for at in self.most(_UNITS):
            row = [str(self.units[at])]
            row += (
                [f"{self.on_metric[at]:+.{_digits(self.on_metric)}f}"] if self.on_metric is not None else []
            )
            row += [f"{self.restored[at]:.1%}"] if self.restored is not None else []
            cells.append([*row, *(f"{each:+.{digits}f}" for each in self.on_outputs[at, kept])])
        return heads, cells, outputs - len(kept)

    def _more(self, outputs: int) -> str:
        units = len(self.units) - _UNITS
        said = [many(units, "more unit")] if units > 0 else []
        said += [many(outputs, "more output")] if outputs else []
        return f"and {' and '.join(said)}" if said else ""

    def __repr__(self) -> str:
        heads, cells, outputs = self._shown()
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        lines = [
            "  ".join(cell.rjust(w) for cell, w in zip(row, widths, strict=True)) for row in [heads, *cells]
        ]
        more = self._more(outputs)
        return "\n".join([self.sentence, *(f"  {line}" for line in lines), *([f"  {more}"] if more else [])])

    def _repr_html_(self) -> str:
        heads, cells, outputs = self._shown()
        rows = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in cells)
        more = self._more(outputs)
        return (
            f"<p>{html.escape(self.sentence)}</p><table><tr>{''.join(f'<th>{each}</th>' for each in heads)}</tr>{rows}"
            f"</table>{f'<p>{more}</p>' if more else ''}"
        )


def _digits(changes: np.ndarray) -> int:
    """After the point: three that count of the largest change."""
    most = float(np.abs(changes).max())
    return max(0, 2 - int(np.floor(np.log10(most)))) if most > 0 else 0


def ablation_effects(
    model: Any,
    layer: str | Layer,
    units: Sequence[int] | None,
    inputs: Any,
    metric: Metric | None = None,
    *,
    action: Action | Mapping[int, Action] | None = None,
    by_input: bool = False,
    batch: int = BATCH,
    show_progress: bool | None = None,
) -> Effects:
    """What ablating each unit, one at a time, does to a model's outputs and to a metric.

    The effect of unit u on output k is the mean over inputs x of f_k(x; do(u := a)) - f_k(x). What comes before the
    layer is computed once for all units where the model allows it: always for scikit-learn and `Stages`, and for
    PyTorch where the modules that hold the layer can be traced (`torch.fx`) and the trace gives bitwise the same
    outputs; elsewhere there is a forward pass for each unit.

    Args:
        model: as for `record`.
        layer: the layer's name, or a `Layer`.
        units: the units; None for all of the layer.
        inputs: as for `record`.
        metric: from outputs of shape (inputs, outputs) to a value for each input, shape (inputs,), or to one number:
            `Logit`, `LogitDifference`, `Accuracy`, `LogLoss`, or any function.
        action: what is done to each unit, one for all or by the number of the unit; None to ablate it. With
            ``mean_ablate(inputs)`` this is mean ablation, with ``set_to(v)`` the unit is driven.
        by_input: whether changes of every output at every input are kept.
        batch: how many inputs a forward pass takes.
        show_progress: whether to show progress; None for where output is a terminal.

    Raises:
        LayerError: there is no such layer or unit.
        NetworkError: the model cannot be run on these inputs, or the metric does not fit them.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Stages, ablation_effects
        >>> weights = np.array([[1.0, 0.0], [2.0, -1.0], [0.0, 0.0]])
        >>> model = Stages({"hidden": lambda x: x, "logits": lambda h: h @ weights})
        >>> ablation_effects(model, "hidden", None, np.ones((4, 3))).on_outputs
        array([[-1.,  0.],
               [-2.,  1.],
               [ 0.,  0.]])
    """
    chosen = ablate() if action is None else action
    return _effects(model, layer, units, inputs, None, metric, chosen, by_input, batch, show_progress)


def patch_effects(
    model: Any,
    layer: str | Layer,
    units: Sequence[int] | None,
    clean: Any,
    corrupted: Any,
    metric: Metric | None = None,
    *,
    where: np.ndarray | None = None,
    by_input: bool = False,
    batch: int = BATCH,
    show_progress: bool | None = None,
) -> Effects:
    """What giving each unit, one at a time, its value at the clean input does to the outputs at the corrupted input.

    Activation patching (Vig et al. 2020; Meng et al. 2022): the indirect effect of unit u on output k is the mean over
    pairs of f_k(corrupted; do(u := u(clean))) - f_k(corrupted).

    Args:
        model: as for `record`.
        layer: the layer's name, or a `Layer`.
        units: the units; None for all of the layer.
        clean: the inputs values are taken from: one, or one for each corrupted input.
        corrupted: the inputs the model is run on.
        metric: as for `ablation_effects`.
        where: booleans of the unit's positions, shape (*positions) or (inputs, *positions); None for all.
        by_input: whether changes of every output at every input are kept.
        batch: how many inputs a forward pass takes.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        The effects; ``restored`` says how much of the difference of the metric between clean and corrupted inputs each
        unit alone restores.

    Raises:
        LayerError: there is no such layer or unit.
        NetworkError: the model cannot be run on these inputs, or their counts differ.

    Example:
        >>> import numpy as np
        >>> from aitia.networks import Logit, Stages, patch_effects
        >>> model = Stages({"hidden": lambda x: x, "sum": lambda h: h.sum(axis=1, keepdims=True)})
        >>> clean, corrupted = np.array([[3.0, 5.0]]), np.array([[0.0, 4.0]])
        >>> patch_effects(model, "hidden", None, clean, corrupted, Logit(0)).restored
        array([0.75, 0.25])
    """
    action = PatchFrom(clean, where)
    return _effects(model, layer, units, corrupted, clean, metric, action, by_input, batch, show_progress)


def _effects(
    model: Any,
    layer: str | Layer,
    units: Sequence[int] | None,
    inputs: Any,
    clean: Any,
    metric: Metric | None,
    action: Action | Mapping[int, Action],
    by_input: bool,
    batch: int,
    show_progress: bool | None,
) -> Effects:
    adapted, where = adapt(model), as_layer(layer)
    adapted.check(where)
    if isinstance(inputs, Iterator) or isinstance(clean, Iterator):
        raise NetworkError(
            "The inputs can be gone through once only, but effects need them several times.",
            "Give them as an array, a tensor, a list of batches or a DataLoader.",
        )
    with adapted.evaluating() as decisions:
        before, count = _plain(adapted, where, inputs, batch)
        chosen = tuple(range(count)) if units is None else tuple(map(int, units))
        for unit in chosen:
            check_unit(unit, count)
        if not chosen:
            raise LayerError("No unit was asked for.", "Name one or several, or None for all.")
        actions = action if isinstance(action, Mapping) else dict.fromkeys(chosen, action)
        check_actions(actions, count)
        if missing := [unit for unit in chosen if unit not in actions]:
            raise NetworkError(
                f"Nothing is said of what is done to unit {missing[0]}.", "Give an action for each unit."
            )
        changes = changes_of(adapted, where, [(unit, actions[unit]) for unit in chosen], batch)
        base = None if metric is None else _measured(metric, before)
        means, measured, whole = [], [], []
        together = max(1, _MEMORY // max(1, before.nbytes))
        with progress("intervening", len(chosen), show_progress) as bar:
            for start in range(0, len(chosen), together):
                some = changes[start : start + together]
                for after in _after(adapted, where, inputs, some, before, batch):
                    change = after.astype(np.float64) - before
                    means.append(change.mean(axis=0))
                    if base is not None and metric is not None:
                        measured.append(_measured(metric, after) - base)
                    if by_input:
                        whole.append(change.astype(np.float32))
                bar.advance(len(some))
        at_clean = None
        if clean is not None and metric is not None:
            # One clean input stands beside every corrupted one.
            outputs = _plain(adapted, where, clean, batch)[0]
            at_clean = _measured(metric, np.broadcast_to(outputs, before.shape))
    on_metric = None if base is None else np.array([np.mean(each) for each in measured])
    return Effects(
        str(where),
        chosen,
        before.mean(axis=0, dtype=np.float64),
        np.array(means),
        None if base is None else float(np.mean(base)),
        on_metric,
        np.array(measured) if base is not None and base.ndim else None,
        np.array(whole) if by_input else None,
        _restored(on_metric, base, at_clean),
        decisions,
    )


def _plain(model: Model, layer: Layer, inputs: Any, batch: int) -> tuple[np.ndarray, int]:
    """The outputs as they are, shape (inputs, outputs), and how many units the layer has."""
    found, units = [], 0
    for rows, held in model.batches(inputs, batch):
        with batch_of(rows):
            run = model.run(held, [layer])
        found.append(_two(run.answers))
        units = run.layers[layer].values[0].shape[1]
    return np.concatenate(found), units


def _after(
    model: Model, layer: Layer, inputs: Any, changes: Sequence[Change], before: np.ndarray, batch: int
) -> np.ndarray:
    """The outputs under each change, shape (changes, inputs, outputs)."""
    found = np.empty((len(changes), *before.shape), dtype=before.dtype)
    for rows, held in model.batches(inputs, batch):
        with batch_of(rows):
            found[:, rows.start : rows.stop] = model.variants(held, layer, [(each,) for each in changes])
    return found


def _two(outputs: np.ndarray) -> np.ndarray:
    if outputs.ndim != 2:
        raise NetworkError(
            f"Effects are on outputs of shape (inputs, outputs); the model gives shape {outputs.shape}.",
            "Wrap the model in one that returns one row of logits for each input.",
        )
    return outputs


def _measured(metric: Metric, outputs: np.ndarray) -> np.ndarray:
    values = np.asarray(metric(outputs), dtype=np.float64)
    if values.shape not in ((), (len(outputs),)):
        raise NetworkError(
            f"The metric gave shape {values.shape} for outputs of shape {outputs.shape}.",
            "A metric gives one number for each input, or one for all.",
        )
    return values


def _restored(
    on_metric: np.ndarray | None, base: np.ndarray | None, at_clean: np.ndarray | None
) -> np.ndarray | None:
    if on_metric is None or base is None or at_clean is None:
        return None
    way = float(np.mean(at_clean) - np.mean(base))
    return np.full(len(on_metric), np.nan) if way == 0 else on_metric / way
