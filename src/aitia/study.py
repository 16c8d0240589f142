"""The four stages in one object: model, identify, estimate, refute."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from aitia.core import AitiaError, Assumption, AssumptionKey, Ledger, Status, nearest
from aitia.data import Table, read
from aitia.estimation import Estimate, Estimator, Reversal, Sample, choose, estimators, reversals
from aitia.graphs import Graph, GraphKind
from aitia.identification import (
    ControlledDirect,
    Effect,
    Estimand,
    Interventional,
    NotIdentified,
    Question,
    identify,
)
from aitia.refutation import Case, Refutation, Refuter, battery
from aitia.report import Findings, write_report

if TYPE_CHECKING:
    from aitia.discovery import Algorithm, Discovery, Knowledge, Stability
    from aitia.estimation import EffectSet
    from aitia.identification import PossibleEstimands


class NotYet(AitiaError):
    """A stage was asked for before the one it stands on, or after identification has failed."""


class UnknownMethod(AitiaError):
    """No estimator has this name."""


@dataclass(frozen=True, eq=False)
class Study:
    """One question about one table under one graph, and everything found out about it so far.

    Every step returns a new study; none changes this one. Each step is also a function of its own, in the room
    that its name says: `aitia.identify`, `aitia.estimation.choose` and an estimator's ``estimate``,
    `aitia.refutation.battery`, `aitia.report.write_report`.

    Args:
        data: anything `aitia.read` takes.
        question: what is asked, for instance ``Effect("treatment", "outcome")``.
        graph: anything `Graph.read` takes: text, a path, a networkx graph, a `Graph`; a class of graphs (CPDAG, MPDAG,
            PAG) too. None where it is to be found in the data.
        discover: the algorithm that finds the graph where there is none, such as ``BOSS()``.
        knowledge: what is known beforehand about the graph to be found.
        missing: the policy for missing values: ``"stop"`` (default), ``"complete_cases"``, ``"indicator"``, ``"mean"``.
        weights: the column of survey weights.
        clusters: the column that says which rows belong together (a household, a school).
        formula: how the adjustment set enters models, as a one-sided formula (``"~ age + bs(income, 4)"``).
        seed: the seed of every random draw.
        level: nominal coverage of intervals.
        title: a heading for the report.
        findings: what was found so far; made by the steps.

    Raises:
        AitiaError: the data or the graph cannot be read; each room's named error says why and what to do.

    Example:
        >>> from aitia import Effect, Study, examples
        >>> from aitia.identification import Contrast
        >>> stones = examples.load("kidney_stones")
        >>> effect = Effect("treatment", "success", Contrast("open", "percutaneous"))
        >>> study = Study(stones.table(), effect, stones.graph).identify()
        >>> study.estimand.adjustment
        ('size',)
        >>> study = study.estimate("stratification")
        >>> round(study.result.value, 4)
        0.0537
    """

    data: Any
    question: Question
    graph: Any = None
    discover: Algorithm | None = field(default=None, kw_only=True)
    knowledge: Knowledge | None = field(default=None, kw_only=True)
    missing: str = field(default="stop", kw_only=True)
    weights: str | None = field(default=None, kw_only=True)
    clusters: str | None = field(default=None, kw_only=True)
    formula: str | None = field(default=None, kw_only=True)
    seed: int = field(default=0, kw_only=True)
    level: float = field(default=0.95, kw_only=True)
    title: str = field(default="", kw_only=True)
    findings: Findings = field(default=None, kw_only=True, repr=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        table, graph = read(self.data), None if self.graph is None else Graph.read(self.graph)
        if graph is not None and (self.discover is not None or self.knowledge is not None):
            given = "discover" if self.discover is not None else "knowledge"
            raise NotYet(
                f"This study has a graph, and yet {given}= says how to find one.",
                "Give the graph, or leave it out and let it be found.",
            )
        object.__setattr__(self, "data", table)
        object.__setattr__(self, "graph", graph)
        if self.findings is None:
            empty = Findings(
                self.question,
                graph,
                table,
                assumptions=data_assumptions(self.missing, self.clusters),
                seed=self.seed,
                title=self.title,
            )
            object.__setattr__(self, "findings", empty)

    # The results, by their short names.

    @property
    def table(self) -> Table:
        """The data, read."""
        return self.findings.table

    @property
    def identification(self) -> Estimand | NotIdentified | None:
        """The estimand, or why there is none; None before `identify`."""
        return self.findings.identification

    @property
    def discovery(self) -> Discovery | None:
        """How the graph was found, where it was."""
        return self.findings.discovery

    @property
    def stability(self) -> Stability | None:
        """How often the bootstrap finds each edge of the found graph again."""
        return self.findings.stability

    @property
    def possible(self) -> PossibleEstimands | None:
        """Where the graph is a class whose members disagree: the formulas of its members."""
        return self.findings.possible

    @property
    def effects(self) -> EffectSet | None:
        """Where the graph is a class whose members disagree: what each of them answers."""
        return self.findings.effects

    @property
    def estimand(self) -> Estimand:
        """The estimand.

        Raises:
            NotYet: `identify` has not run, or found none.
        """
        found = self.findings.identification
        if found is None:
            raise NotYet("This study is not identified yet.", "Call .identify() first.")
        if isinstance(found, NotIdentified):
            raise NotYet(
                f"The question is not identified, so there is no estimand: {found.sentence}",
                " ".join(found.suggestions) or "Ask another question, or change the graph.",
            )
        return found

    @property
    def result(self) -> Estimate:
        """The estimate.

        Raises:
            NotYet: `estimate` has not run.
        """
        if self.findings.estimate is None:
            raise NotYet("This study has no estimate yet.", "Call .estimate() first.")
        return self.findings.estimate

    @property
    def beside(self) -> tuple[Estimate, ...]:
        """Other estimators' answers to the same estimand."""
        return self.findings.beside

    @property
    def refutations(self) -> tuple[Refutation, ...]:
        """What was tried against the answer."""
        return self.findings.refutations

    @property
    def ledger(self) -> Ledger:
        """Every assumption the answer stands on, with what tested or bounded it."""
        return self.findings.ledger

    @property
    def reversals(self) -> tuple[Reversal, ...]:
        """Where Simpson's paradox was found."""
        return self.findings.reversals

    @property
    def answer(self) -> str:
        """The answer in one plain sentence."""
        return self.findings.answer

    # The steps.

    def find_graph(
        self,
        columns: Sequence[str] | None = None,
        replicates: int = 100,
        show_progress: bool | None = None,
    ) -> Study:
        """Find the graph in the data, and how stable each edge of it is.

        The rows that find the graph also estimate the effect: intervals take the graph as found. How often each
        answer's directions come back in the bootstrap says how sure that is.

        Args:
            columns: the columns to find a graph over; None takes all but those of weights and clusters.
            replicates: bootstrap replicates behind the stability of edges and the weights of answers; 0 for none.
            show_progress: a bar on standard error; None shows it on a terminal only.

        Raises:
            NotYet: the study has a graph already, or does not say which algorithm is to find one.
            DiscoveryError: the data do not fit the algorithm; the error names the column. Or the algorithm draws no
                edges between columns, or the question names a column that is constant or left out.
        """
        if self.graph is not None or self.discover is None:
            raise NotYet(
                "This study has a graph already."
                if self.graph is not None
                else "This study has no graph, and does not say how to find one.",
                "Leave graph= out and say discover=BOSS(), or another algorithm of aitia.discovery.",
            )
        from aitia.discovery import Observations, stability

        started = time.perf_counter()
        _check_draws_columns(self.discover)
        apart = {self.weights, self.clusters}
        chosen = [name for name in self.table.names if name not in apart] if columns is None else columns
        observed = Observations.of(self.table, chosen, missing=self.missing)
        _check_asked(self.question, observed.names, self.table)
        options: dict[str, Any] = {"seed": self.seed, "show_progress": show_progress}
        how_sure = None
        if replicates:
            how_sure = stability(self.discover, observed, replicates, knowledge=self.knowledge, **options)
        found = how_sure.found if how_sure else self.discover.run(observed, self.knowledge, **options)
        graphed = replace(self, graph=found.graph, discover=None, knowledge=None)
        return graphed._with(
            "find the graph", started, graph=found.graph, discovery=found, stability=how_sure
        )

    def identify(self, **options: Any) -> Study:
        """Find a formula over observed variables that answers the question, or why there is none.

        Where there is none the study carries a `NotIdentified` with its witness; that is an answer, no error. Under a
        class of graphs that disagree it also carries the formulas of its members: `possible`.

        Args:
            **options: as `aitia.identify` takes them: ``rules``, ``costs``, ``forbidden``, ``required``.
        """
        study = self if self.graph is not None else self.find_graph()
        started = time.perf_counter()
        _check_columns(study.graph, study.table)
        found = identify(study.graph, study.question, **options)
        possible = None
        listed = isinstance(self.question, Effect | Interventional | ControlledDirect)
        if isinstance(found, NotIdentified) and study.graph.kind in CLASSES and listed:
            from aitia.identification import possible_estimands

            possible = possible_estimands(study.graph, study.question)
        return study._with("identify", started, identification=found, possible=possible)

    def estimate(self, method: Estimator | str | None = None) -> Study:
        """Estimate the estimand.

        Args:
            method: an estimator object, or the name of one with its default options; None takes the default for
                this estimand and kind of data, and the estimate says why it was chosen.

        Raises:
            NotYet: there is no estimand.
            AitiaError: the estimator cannot answer, or the data are not fit; the named error says what to do.
        """
        study = self if self.findings.identification is not None else self.identify()
        started = time.perf_counter()
        if study.findings.possible is not None:
            return study._estimate_each(_resolve(method), started)
        sample = study.findings.sample or study._draw()
        estimator, reason = _resolve(method), ""
        if estimator is None:
            estimator, reason = choose(study.estimand, sample)
        result = estimator.estimate(study.estimand, sample, level=self.level, seed=self.seed, reason=reason)
        return study._with(
            "estimate", started, estimate=result, sample=sample, refutations=(), beside=(), refused=()
        )

    def _estimate_each(self, method: Estimator | None, started: float) -> Study:
        """What each graph of a class that disagrees answers."""
        from aitia.estimation import estimate_set
        from aitia.identification import recurrence

        possible = self.findings.possible
        assert possible is not None
        if self.formula is not None:
            raise NotYet(
                f"The formula {self.formula!r} says how one adjustment set enters, but the graphs of this class have "
                f"{len(possible)} different answers.",
                "Leave formula= out, or settle the direction of an edge: the study's `possible` names them.",
            )
        effects = estimate_set(
            possible,
            self.table,
            method,
            level=self.level,
            missing=self.missing,
            weights=self.weights,
            clusters=self.clusters,
            seed=self.seed,
        )
        if self.stability is not None:
            shares = recurrence(possible, self.stability.graphs)
            if sum(shares):
                effects = effects.reweighted(shares)
        return self._with("estimate", started, effects=effects, refutations=())

    def also(self, *methods: Estimator | str) -> Study:
        """Let other estimators answer the same estimand from the same rows, for the report to show side by side.

        Args:
            methods: estimators or their names. None given: the quick ones that apply. One that cannot answer is
                listed with its reason; it stops nothing.
        """
        first, sample = self.result, self._drawn()
        started = time.perf_counter()
        asked: Sequence[Estimator | str] = methods or [
            name for name in SIDE_BY_SIDE if name in estimators() and sample.n <= SIDE_BY_SIDE[name]
        ]
        beside, refused = list(self.findings.beside), list(self.findings.refused)
        seen = {first.method, *(each.method for each in beside)}
        for each in asked:
            estimator = _resolve(each)
            assert estimator is not None
            try:
                answer = estimator.estimate(self.estimand, sample, level=self.level, seed=self.seed)
            except AitiaError as error:
                if (
                    methods
                ):  # what the person asked for by name gets its reason; what we tried unasked does not
                    refused.append((estimator.name, error.problem))
                continue
            if answer.method not in seen:
                seen.add(answer.method)
                beside.append(answer)
        return self._with("also", started, beside=tuple(beside), refused=tuple(refused))

    def refute(
        self,
        refuters: Sequence[Refuter] | None = None,
        replicates: int = 100,
        further: Sequence[Refuter] = (),
        show_progress: bool | None = None,
    ) -> Study:
        """Try to break the answer; of a set of answers, each one.

        Args:
            refuters: refuter objects; None takes all that apply.
            replicates: with None, how many of each refuter that draws any.
            further: more refuters after those, such as ``NegativeControlOutcome("cavities")``.
            show_progress: a bar on standard error; None shows it on a terminal only.

        Raises:
            NotYet: there is no estimate.
        """
        known = self.findings.estimate is not None or self.findings.effects is not None
        study = self if known else self.estimate()
        started = time.perf_counter()
        # In the rows that found it a graph passes the tests it was made from: that would be no attempt to break it.
        graph = study.graph if study.discovery is None else None
        tried: tuple[Refutation, ...] = ()
        for estimate, sample, where in study._answers():
            case = Case(estimate, sample, graph, study.table)
            made = battery(case, refuters, replicates, self.seed, show_progress)
            if further:
                made += battery(case, further, replicates, self.seed, show_progress)
            tried += tuple(replace(each, name=f"{each.name}{where}") for each in made)
        return study._with("refute", started, refutations=tried)

    def look_for_reversals(self) -> Study:
        """Look for Simpson's paradox; `report` does so itself where it has not been done."""
        if not isinstance(self.question, Effect):
            return self
        study = self if self.graph is not None else self.find_graph()
        started = time.perf_counter()
        apart = {self.weights, self.clusters}
        found = reversals(
            self.table,
            study.graph,
            self.question.treatment,
            self.question.outcome,
            contrast=self.question.contrast,
            candidates=[name for name in self.table.names if name not in apart],
        )
        return study._with("reversals", started, reversals=found)

    def report(self, path: str | os.PathLike[str]) -> Study:
        """Write what is known so far as one self-contained HTML file.

        Args:
            path: where to; an old file is replaced in one step, and survives a failure.

        Raises:
            CannotWrite: the disk is full, or the folder is not there or not writable.
        """
        study = self if "reversals" in self.findings.seconds else self.look_for_reversals()
        write_report(study.findings, path)
        return study

    def to_dict(self) -> dict[str, Any]:
        """Everything found so far as plain data that JSON can hold."""
        return self.findings.to_dict()

    def __repr__(self) -> str:
        return f"Study: {self.findings.asked}\n  {self.answer}"

    def _repr_html_(self) -> str:
        from aitia.report import html_summary

        return html_summary(self.findings)

    # How steps are made.

    def _with(self, stage: str, started: float, **changes: Any) -> Study:
        seconds = {**self.findings.seconds, stage: time.perf_counter() - started}
        return replace(self, findings=replace(self.findings, seconds=seconds, **changes))

    def _draw(self) -> Sample:
        return Sample.draw(
            self.table,
            self.estimand,
            missing=self.missing,
            weights=self.weights,
            clusters=self.clusters,
            formula=self.formula,
            seed=self.seed,
        )

    def _answers(self) -> Iterator[tuple[Estimate, Sample, str]]:
        """Each estimate with its rows, and for a set of answers the words that tell them apart."""
        effects = self.effects
        if effects is None:
            yield self.result, self._drawn(), ""
            return
        done: set[str] = set()
        for member in effects.members:
            estimate = member.estimate
            if not isinstance(estimate, Estimate) or estimate.estimand.text() in done:
                continue
            done.add(estimate.estimand.text())
            sample = replace(self, findings=replace(self.findings, identification=estimate.estimand))._draw()
            yield estimate, sample, f" (if {member.possible.words})"

    def _drawn(self) -> Sample:
        sample = self.findings.sample
        if sample is None:
            raise NotYet("This study has no estimate yet.", "Call .estimate() first.")
        return sample


# The kinds of graph that stand for several: where those disagree, the answer is a set.
CLASSES = (GraphKind.CPDAG, GraphKind.MPDAG, GraphKind.PAG)

# The estimators a report sets beside the answer unasked, and up to how many rows each is quick enough for that.
SIDE_BY_SIDE: dict[str, int] = {
    "regression-adjustment": 10_000_000,
    "stratification": 1_000_000,
    "aipw": 50_000,
    "ipw": 100_000,
    "matching": 20_000,
    "two-stage-least-squares": 1_000_000,
    "anderson-rubin": 1_000_000,
    "front-door-linear": 1_000_000,
    "mediation-linear": 1_000_000,
    "plug-in": 1_000_000,
}


def _check_columns(graph: Graph, table: Table) -> None:
    """Refuse a graph with a node that has no column and is not marked latent: most often a typing error."""
    absent = [
        node for node in graph.nodes if node not in table.names and node not in graph.latent | graph.selected
    ]
    if absent:
        node = absent[0]
        raise NodeWithoutColumn(
            f"The graph names {', '.join(map(repr, absent))}, but the data have no such column.",
            f"{nearest(node, table.names)} If {node!r} is not measured, write it in the graph as {node} [latent].",
        )


def _check_draws_columns(algorithm: Algorithm) -> None:
    """Refuse algorithms whose graphs have other nodes than the columns: under these no effect of a column follows."""
    from aitia.discovery import GIN, PCMCI, DiscoveryError, FactorClusters, PCMCIPlus, VARLiNGAM

    what = (
        "columns and their lags"
        if isinstance(algorithm, PCMCI | PCMCIPlus | VARLiNGAM)
        else "unmeasured variables behind the columns"
        if isinstance(algorithm, GIN | FactorClusters)
        else ""
    )
    if what:
        raise DiscoveryError(
            f"{algorithm.name} finds a graph over {what}, which says nothing of the effect of one column on another.",
            "Let another algorithm find the graph, such as BOSS, PC or FCI (--discover boss).",
        )


def _check_asked(question: Question, names: Sequence[str], table: Table) -> None:
    """Refuse a question about a column that discovery does not look at."""
    from aitia.discovery import DiscoveryError

    asked = (
        (*question.treatments, *question.outcomes)
        if isinstance(question, Interventional)
        else (question.treatment, question.outcome, *getattr(question, "mediators", ()))
    )
    for name in asked:
        if name in names:
            continue
        if name not in table.names:
            raise DiscoveryError(
                f"The question names {name!r}, which is no column of the data.", nearest(name, table.names)
            )
        constant = table.profile([name])[0].is_constant
        raise DiscoveryError(
            f"The question names {name!r}, which "
            + ("does not vary." if constant else "is not among the columns that the graph is found over."),
            "Ask about a column that varies." if constant else f"Let it be among them: {', '.join(names)}.",
        )


class NodeWithoutColumn(AitiaError):
    """A node of the graph has no column in the data and is not marked latent."""


def data_assumptions(missing: str = "stop", clusters: str | None = None) -> tuple[Assumption, ...]:
    """What every study assumes about its rows, for the ledger.

    Args:
        missing: the policy for missing values.
        clusters: the column of clusters, or None.
    """
    rows = (
        f"Rows with different values of {clusters} are independent of each other."
        if clusters
        else "The rows are independent of each other: none repeats another or shares its causes."
    )
    made = [Assumption(AssumptionKey.INDEPENDENT_ROWS, rows, True, source="the data")]
    said = {
        "complete_cases": "The rows with missing values, which are left out, are like the others given the model.",
        "indicator": "Whether a value is missing, once accounted for by its own column, hides no other difference.",
        "mean": "The missing values are like the average of those that are there.",
    }.get(str(missing))
    if said:
        made.append(Assumption(AssumptionKey.MISSINGNESS, said, False, Status.UNTESTED, source="the data"))
    return tuple(made)


def _resolve(method: Estimator | str | None) -> Estimator | None:
    return estimator_named(method) if isinstance(method, str) else method


def estimator_named(name: str) -> Estimator:
    """The estimator of that name with its default options; case, spaces, hyphens and underscores do not matter.

    Raises:
        UnknownMethod: there is none; the error names the nearest.

    Example:
        >>> estimator_named("Regression_Adjustment").name
        'regression adjustment'
    """

    def folded(text: str) -> str:
        return "".join(each for each in text.casefold() if each.isalnum())

    table = estimators()
    by_folded = {folded(each): made for each, made in table.items()}
    by_folded |= {folded(made.name): made for made in table.values() if folded(made.name) not in by_folded}
    if folded(name) not in by_folded:
        raise UnknownMethod(f"There is no estimator {name!r}.", nearest(name, table))
    return by_folded[folded(name)]()
