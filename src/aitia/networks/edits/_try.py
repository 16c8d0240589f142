"""Edits made, and how many answers they change beside matched random edits."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import either, many, progress, stream
from aitia.networks._errors import NetworkError
from aitia.networks.edits._edit import Edit
from aitia.networks.edits._editor import Editor
from aitia.networks.recording._record import record
from aitia.networks.refutation._case import Network
from aitia.networks.refutation._resampling import Interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, eq=False)
class TriedEdit:
    """How often an edit changed the answer to the class it should.

    Args:
        edit: the edit.
        inputs: on how many inputs it was made, each also with a matched random edit.
        flips: how many answers the edit changed to its class.
        random_flips: how many the random edit changed to that class.
        only_edit: how many only the edit did.
        only_random: how many only the random edit did.
        difference: the difference of the shares, with its interval (Agresti and Min 2005).
        p_value: exact and one-sided (McNemar): how likely so many only by the edit are where edits do as random ones.
        changed: the mean change of the logit difference that was predicted.
        random_changed: and under the random edit.
        examples: what was done to the first inputs, where that can be said in words: the edit, and the random one.
    """

    edit: Edit
    inputs: int
    flips: int
    random_flips: int
    only_edit: int
    only_random: int
    difference: Interval
    p_value: float
    changed: float
    random_changed: float
    examples: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def share(self) -> float:
        """The share of answers that the edit changed to its class."""
        return self.flips / self.inputs

    @property
    def random_share(self) -> float:
        """And the random edit."""
        return self.random_flips / self.inputs

    @property
    def sentence(self) -> str:
        """What came of it in a sentence."""
        action = self.edit.action
        return (
            f"{action[0].upper()}{action[1:]}: {self.flips} of {many(self.inputs, 'answer')} "
            f"{either(self.flips, 'becomes', 'become')} {self.edit.class_name} ({self.share:.0%}); of matched random "
            f"edits {self.random_share:.0%} do (difference {self.difference.value:+.2f}, "
            f"{self.difference.level:.0%} interval {self.difference.low:+.2f} to {self.difference.high:+.2f}, "
            f"p = {self.p_value:.2g})."
        )


@dataclass(frozen=True, eq=False)
class TriedEdits:
    """What came of edits, in the order they were suggested.

    Args:
        tried: those that were made.
        left_out: those that were not, and why.
    """

    tried: tuple[TriedEdit, ...]
    left_out: tuple[tuple[Edit, str], ...] = ()

    def __len__(self) -> int:
        return len(self.tried)

    def __iter__(self) -> Iterator[TriedEdit]:
        return iter(self.tried)

    def __getitem__(self, place: int) -> TriedEdit:
        return self.tried[place]

    @property
    def working(self) -> tuple[TriedEdit, ...]:
        """The edits that do better than random ones (exact test at 0.05 divided by how many there are, Bonferroni),
        those with the largest difference first."""
        level = 0.05 / max(1, len(self.tried))
        found = [each for each in self.tried if each.p_value <= level]
        return tuple(sorted(found, key=lambda each: -each.difference.value))

    @property
    def rank_agreement(self) -> Mapping[str, float]:
        """Spearman's rank correlation of the measured changes with what was said before, over edits: ``"predicted"``
        and, where edits have it, ``"expected"``; without those that cannot be told: of fewer than three edits, or of
        equal numbers."""
        found = {}
        for name in ("predicted", "expected"):
            said = [getattr(each.edit, name) for each in self.tried]
            if len(said) > 2 and None not in said:
                value = _rank_correlation(np.array(said), np.array([each.changed for each in self.tried]))
                if np.isfinite(value):
                    found[name] = value
        return found

    @property
    def fit(self) -> str:
        """How well the changes that were predicted agree with those measured, in a sentence; empty without any."""
        agreement = self.rank_agreement
        if not agreement:
            return ""
        parts = []
        for name, words in (
            ("predicted", "the part through formulas that name the concept"),
            ("expected", "the regression on concepts"),
        ):
            if name in agreement:
                shares = [getattr(each.edit, name) / each.changed for each in self.tried if each.changed]
                size = f"{np.median(shares):.2g} times its size in the median" if shares else "of no size"
                parts.append(f"{words} has rank correlation {agreement[name]:+.2f} with it and is {size}")
        rest = f"; {parts[1]}" if len(parts) > 1 else ""
        return f"Beside the measured change of the logit difference, over {len(self.tried)} edits: {parts[0]}{rest}."

    @property
    def sentence(self) -> str:
        """All in a sentence."""
        if not self.tried:
            return "No edit could be made."
        count = sum(each.inputs for each in self.tried)
        share = sum(each.flips for each in self.tried) / count
        other = sum(each.random_flips for each in self.tried) / count
        return (
            f"{many(len(self.tried), 'edit was', 'edits were')} made on {many(count, 'input')}: {share:.0%} of the "
            f"answers become what was predicted, and {other:.0%} after matched random edits; {len(self.working)} of "
            f"{many(len(self.tried), 'edit')} {either(len(self.working), 'does', 'do')} better than random ones (exact "
            f"test, level 0.05 divided by {len(self.tried)})."
        )

    def __repr__(self) -> str:
        return "\n".join(
            [self.sentence, *([self.fit] if self.fit else []), *(f"  {each.sentence}" for each in self.tried)]
            + [f"  Not made: {edit.action}. {why}" for edit, why in self.left_out]
        )

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td style='text-align:left'>{html.escape(each.edit.action)}</td>"
            f"<td>{html.escape(each.edit.class_name)}</td><td>{each.edit.predicted:+.2f}</td>"
            f"<td>{'' if each.edit.expected is None else f'{each.edit.expected:+.2f}'}</td><td>{each.changed:+.2f}</td>"
            f"<td>{each.inputs}</td><td>{each.share:.0%}</td><td>{each.random_share:.0%}</td><td>{each.p_value:.2g}</td>"
            f"</tr>"
            for each in self.tried
        )
        heads = ("edit", "to", "by formulas", "by regression", "measured", "inputs", "flipped", "random", "p")
        return (
            f"<p>{html.escape(self.sentence)}</p><p>{html.escape(self.fit)}</p>"
            f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"
            f"{rows}</table>"
        )

    def figure(self) -> Figure:
        """The shares of answers changed, by edits and by matched random edits.

        Raises:
            NetworkError: no edit was made.
        """
        from aitia.networks.edits._figure import edits_figure

        if not self.tried:
            raise NetworkError("No edit was made, so there is nothing to draw.", "Print it: it says why.")
        return edits_figure(self)


def answers_of(network: Network, inputs: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """A network's answers, as places among its outputs, and its logits.

    A network with one output answers 1 where it is positive; its logits are then (0, output).
    """
    given = network.inputs if inputs is None else inputs
    _, outputs = record(network.model, network.layer, given, units=[0], outputs=True, show_progress=False)
    if outputs.ndim != 2:
        raise NetworkError(
            f"The network gives outputs of shape {outputs.shape}.",
            "Wrap it in one that gives a row of logits.",
        )
    logits = outputs.astype(np.float64)
    if logits.shape[1] == 1:
        logits = np.column_stack([np.zeros(len(logits)), logits[:, 0]])
    return logits.argmax(axis=1), logits


def try_edits(
    network: Network,
    edits: Sequence[Edit],
    editor: Editor,
    *,
    most: int = 200,
    level: float = 0.95,
    seed: int = 0,
    show_progress: bool | None = None,
) -> TriedEdits:
    """Makes edits and counts how many answers become what was predicted, beside matched random edits.

    Each edit is made on at most `most` inputs, drawn at random of those whose answer is another class; on each of them
    a random edit of the same kind and size is made too, so that pairs are compared: the exact one-sided McNemar test
    of the pairs in which one of the two changed the answer to the class and the other did not.

    Args:
        network: the network, with its inputs.
        edits: from `suggest_edits`.
        editor: makes them: `WordEditor`, `RegionEditor`, `ColumnEditor`.
        most: on how many inputs at most.
        level: of intervals.
        seed: of inputs and random edits.
        show_progress: whether to show progress; None for where output is a terminal.

    Returns:
        What came of each edit, and which could not be made.

    Raises:
        NetworkError: edits that are none, or a network without one row of logits for each input.

    Source:
        McNemar 1947; Agresti and Min 2005, section 3 (interval of a paired difference).
    """
    if any(not isinstance(edit, Edit) for edit in edits):
        raise NetworkError("Expected edits.", "Give what suggest_edits returns.")
    answers, logits = answers_of(network)
    tried, left_out = [], []
    with progress("editing", len(edits), show_progress) as bar:
        for edit in edits:
            random = stream(seed, "edits", edit.put_in, edit.taken_out, edit.to)
            if not editor.knows(edit):
                left_out.append((edit, "The editor does not know how."))
            else:
                where = np.flatnonzero((answers != edit.to) & editor.candidates(edit))
                rows = np.sort(random.permutation(where)[:most])
                made = editor.edited(edit, rows, random)
                if len(made.rows):
                    before = logits[made.rows], answers[made.rows]
                    tried.append(_counted(network, edit, made, *before, level))
                else:
                    left_out.append((edit, "There was no input to make it on."))
            bar.advance()
    return TriedEdits(tuple(tried), tuple(left_out))


def _counted(
    network: Network, edit: Edit, made: Any, before: np.ndarray, answers: np.ndarray, level: float
) -> TriedEdit:
    rows = np.arange(len(answers))
    start = before[:, edit.to] - before[rows, answers]
    hit, change = [], []
    for inputs in (made.inputs, made.matched):
        after, logits = answers_of(network, inputs)
        hit.append(after == edit.to)
        change.append(float((logits[:, edit.to] - logits[rows, answers] - start).mean()))
    only, other = int((hit[0] & ~hit[1]).sum()), int((hit[1] & ~hit[0]).sum())
    return TriedEdit(
        edit,
        len(rows),
        int(hit[0].sum()),
        int(hit[1].sum()),
        only,
        other,
        paired_difference(only, other, len(rows), level),
        mcnemar(only, other),
        change[0],
        change[1],
        made.examples,
    )


def _rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    from scipy.stats import rankdata

    one, other = (rankdata(each) - (len(each) + 1) / 2 for each in (one, other))
    size = float(np.sqrt((one**2).sum() * (other**2).sum()))
    return float((one * other).sum()) / size if size else float("nan")


def mcnemar(only: int, other: int) -> float:
    """P(X >= only) for X binomial with `only` + `other` throws of a fair coin; 1 where there are none."""
    from scipy.special import bdtrc

    count = only + other
    return float(bdtrc(only - 1, count, 0.5)) if only else 1.0


def paired_difference(only: int, other: int, count: int, level: float) -> Interval:
    """The difference of two shares of the same inputs, with the interval of Agresti and Min (2005): the Wald interval
    after half a pair is added to each cell."""
    from scipy.special import ndtri

    b, c, n = only + 0.5, other + 0.5, count + 2
    middle = (b - c) / n
    half = float(ndtri(0.5 + level / 2)) * np.sqrt((b + c) / n - middle**2) / np.sqrt(n)
    return Interval(
        (only - other) / count, max(-1.0, float(middle - half)), min(1.0, float(middle + half)), level
    )
