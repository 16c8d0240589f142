"""Which pictures a page shows, drawn from the findings. A picture whose numbers are not there is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.graphs import Graph, GraphKind
from aitia.report import _figures as figures
from aitia.report._findings import Findings
from aitia.report._svg import inline_svg
from aitia.report._words import contrast_words, number, shown

if TYPE_CHECKING:
    from markupsafe import Markup
    from matplotlib.figure import Figure

# Beyond this a drawing of the whole graph says nothing; the part that matters is drawn instead.
_MOST_NODES = 60


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture for a page.

    Args:
        svg: the drawing as an SVG element, names escaped.
        caption: what it shows, in words.
    """

    svg: Markup
    caption: str


class Pictures:
    """The pictures of one page."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._drawn = 0

    def graph(self) -> Picture | None:
        """The graph with treatment, outcome and what is adjusted for coloured."""
        from markupsafe import Markup

        findings = self._findings
        graph, question = findings.graph, findings.question
        if graph is None:
            return None
        treatments = set(getattr(question, "treatments", (question.treatment,)))
        outcomes = set(getattr(question, "outcomes", (question.outcome,)))
        estimand = findings.estimand
        adjusted = set(estimand.adjustment) if estimand is not None else set()
        caption = "What was believed: an arrow says that one thing may move another."
        if findings.discovery is not None:
            caption = (
                f"What was found in the data by {shown(findings.discovery.algorithm.name)}: a line or a circle is an "
                "end that the data leave open."
            )
        if len(graph.nodes) > _MOST_NODES:
            near = treatments | outcomes | adjusted
            if estimand is not None:
                near |= {*estimand.mediators, *estimand.instruments}
            whole = len(graph.nodes)
            graph = self._near(graph, near)
            caption = (
                f"The graph has {whole} nodes; drawn is what it says about the variables that "
                "the answer uses."
            )
        svg = graph.to_svg(treatment=treatments, outcome=outcomes, adjusted=adjusted)
        return Picture(Markup(svg), caption)

    def _near(self, graph: Graph, near: set[str]) -> Graph:
        """The part of a large graph that an answer uses: a projection, or the nodes of a class and those beside."""
        if graph.kind in (GraphKind.DAG, GraphKind.ADMG):
            return graph.latent_projection(sorted(near, key=graph.nodes.index))
        beside = near | {each for edge in graph.edges for each in (edge.a, edge.b) if {edge.a, edge.b} & near}
        edges = tuple(edge for edge in graph.edges if {edge.a, edge.b} <= beside)
        return Graph._trusted(graph.in_order(beside), edges, frozenset(), frozenset(), graph.kind)

    def effects(self) -> Picture | None:
        """The answers of the graphs in a class."""
        effects = self._findings.effects
        if effects is None:
            return None
        return self._draw(
            lambda: figures.effect_set(effects, self._findings.question.outcome),
            "One line for each answer that the class leaves open; the share says how much of it stands behind it.",
        )

    def estimates(self) -> list[Picture]:
        """Several estimators side by side, and mean outcomes by treatment."""
        findings = self._findings
        estimate = findings.estimate
        if estimate is None:
            return []
        made = []
        outcome, treatment = findings.question.outcome, findings.question.treatment
        if findings.beside:
            every = (estimate, *findings.beside)
            made.append(
                self._draw(
                    lambda: figures.forest(every, outcome),
                    "Different estimators of the same effect. They rest on different models: where they agree, the "
                    "answer does not hang on one of them.",
                )
            )
        profile = estimate.profile
        if profile is not None and len(profile.points) > 2:
            made.append(
                self._draw(
                    lambda: figures.dose_response(profile, treatment, outcome),
                    f"Mean {shown(outcome)} if everyone had {shown(treatment)} set to each value.",
                )
            )
        return made

    def reversals(self) -> list[Picture]:
        """One picture for each reversal."""
        return [
            self._draw(
                lambda found=found: figures.reversal(found, self._arms()),
                f"Over all rows the association is {number(found.crude)}; within {shown(found.by)} it is "
                f"{number(found.within)}.",
            )
            for found in self._findings.reversals
        ]

    def comparability(self) -> list[Picture]:
        """Overlap and balance."""
        made = []
        overlap = self._details("edges", "treated", "control")
        if overlap is not None:
            made.append(
                self._draw(
                    lambda: figures.overlap(
                        np.asarray(overlap["edges"]),
                        np.asarray(overlap["treated"]),
                        np.asarray(overlap["control"]),
                        self._arms(),
                    ),
                    "Where only one colour stands, the comparison rests on the model and not on rows.",
                )
            )
        balance = self._details("before", "after", "names")
        if balance is not None:
            made.append(
                self._draw(
                    lambda: figures.love_plot(
                        list(balance["names"]), np.asarray(balance["before"]), np.asarray(balance["after"])
                    ),
                    "How far apart treated and untreated rows are in each covariate, before and after adjustment.",
                )
            )
        return made

    def refutations(self) -> list[Picture]:
        """Replicates beside the estimate, and the answer without each covariate."""
        estimate = self._findings.estimate
        if estimate is None:
            return []
        made, rows = [], []
        for each in self._findings.refutations:
            values = np.asarray(each.details.get("values", ()), dtype=float)
            values = values[np.isfinite(values)]
            if each.replicates and len(values) >= 10:
                centre = each.details.get("truth", 0.0 if each.name.startswith("placebo") else estimate.value)
                rows.append((each.name, values, float(np.mean(centre))))
        if rows:
            made.append(
                self._draw(
                    lambda: figures.replicates(rows, estimate.value, self._findings.question.outcome),
                    "Answers to questions whose answer is known: each strip ought to scatter about its own mark.",
                )
            )
        left_out = self._details("names", "values", "std_errors", "changes")
        if left_out is not None and len(left_out["names"]) > 1:
            made.append(
                self._draw(
                    lambda: figures.leave_one_out(
                        list(left_out["names"]),
                        np.asarray(left_out["values"]),
                        np.asarray(left_out["std_errors"]),
                        estimate.value,
                    ),
                    "The answer with one covariate left out of the adjustment: those that move it are the ones it "
                    "hangs on.",
                )
            )
        return made

    def sensitivity(self) -> list[Picture]:
        """What a confounder that nobody measured would do."""
        made = []
        for each in self._findings.refutations:
            contour = each.details.get("contour")
            if contour is None:
                continue
            ones = [row for row in each.details.get("benchmarks", ()) if row["times"] == 1]
            made.append(
                self._draw(
                    lambda contour=contour, ones=ones, details=each.details: figures.sensitivity_contour(
                        np.asarray(contour["r2_treatment"]),
                        np.asarray(contour["r2_outcome"]),
                        np.asarray(contour["adjusted_estimate"]),
                        float(details["estimate"]),
                        [(row["name"], row["r2_treatment"], row["r2_outcome"]) for row in ones],
                    ),
                    f"{shown(each.sentence)} Contours: the estimate beside a confounder of that strength; diamonds: "
                    "measured covariates, for scale.",
                )
            )
        return made

    def _arms(self) -> tuple[str, str]:
        """The treated and the control value in words."""
        estimate, sample = self._findings.estimate, self._findings.sample
        pair = contrast_words(estimate) if estimate is not None else None
        if pair is None and sample is not None and len(sample.treatment_levels) == 2:
            pair = shown(sample.treatment_levels[1]), shown(sample.treatment_levels[0])
        treatment = shown(self._findings.question.treatment)
        return (f"{treatment} = {pair[0]}", f"{treatment} = {pair[1]}") if pair else ("treated", "control")

    def _details(self, *keys: str) -> Mapping[str, Any] | None:
        """The details of the first refutation that has all of these keys."""
        for each in self._findings.refutations:
            if all(key in each.details for key in keys):
                return each.details
        return None

    def _draw(self, make: Callable[[], Figure], caption: str) -> Picture:
        from markupsafe import Markup

        self._drawn += 1
        # The drawing escapes every name; nothing else in it comes from outside.
        return Picture(Markup(inline_svg(make(), f"figure{self._drawn}", caption)), caption)
