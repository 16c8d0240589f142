"""GIES: greedy search over classes of DAGs that interventions tell apart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from aitia.core import Assumption, AssumptionKey, Decision, listing, nearest, progress, stream
from aitia.discovery._algorithm import Algorithm
from aitia.discovery._discovery import Discovery
from aitia.discovery._errors import DiscoveryError
from aitia.discovery._knowledge import Knowledge
from aitia.discovery._observations import Observations
from aitia.discovery.scores import ExtendedBIC, GaussianBIC, Scorer
from aitia.discovery.search._answer import answer
from aitia.discovery.search._classes import ClassSearch
from aitia.discovery.search._ges import greedy
from aitia.discovery.search._orders import order_of
from aitia.discovery.search._polish import alternate, from_random_order
from aitia.discovery.search._setting import (
    Gaussian,
    Setting,
    check_max_parents,
    common_assumptions,
    whole_number,
)
from aitia.graphs import GraphKind
from aitia.statistics import Moments


@dataclass(frozen=True, eq=False)
class Environment:
    """Rows that were made while some variables were set from outside.

    Args:
        data: anything `Observations.of` takes, with the variables of the other environments.
        targets: the variables that were set; their own causes had no say in these rows.
    """

    data: Any
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "targets", _names(self.targets))


@dataclass(frozen=True, eq=False)
class GIES(Algorithm):
    """Greedy interventional equivalence search: GES on rows from several environments, some of them experiments.

    A variable is scored on the rows in which it was not set: Gaussian BIC of the moments pooled over those. DAGs are
    the same to the data only if they have the same skeleton and colliders and the same edges between what was set and
    what was not in some environment; these edges have a direction in the answer, an interventional essential graph.

    Say which environment a row is from by a `column` with `targets`, or give further tables as `environments` beside
    the data, which then count as untouched.

    Args:
        column: the column that names the environment of a row; it is no variable of the graph.
        targets: for each value of that column the variables that were set; values without any may be left out.
        environments: further tables with what was set in each.
        score: `GaussianBIC` or `ExtendedBIC`; None is ``ExtendedBIC()``. Its price is that of all rows.
        turning: whether edges are turned.
        deletions_first: as in `GES`.
        restarts: as in `GES`.
        max_parents: the most parents of a variable; None sets no limit.

    Knowledge: as in `GES`.

    Assumptions: those of `GES`; setting a variable changes nothing but that variable's own mechanism, and cuts it off
    from its causes.

    Source: Hauser & Bühlmann (2012), JMLR 13, definition 12, theorem 10 and Algorithm 1.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> x = rng.normal(size=500)
        >>> watched = {"x": x, "y": x + rng.normal(size=500)}
        >>> set_y = {"x": rng.normal(size=500), "y": rng.normal(size=500)}
        >>> GIES(environments=[Environment(set_y, ["y"])]).run(watched).graph
        Graph.parse('[mpdag]; x -> y')
    """

    column: str = ""
    targets: Mapping[Any, Sequence[str]] = field(default_factory=dict)
    environments: Sequence[Environment] = ()
    score: GaussianBIC | ExtendedBIC | None = None
    turning: bool = True
    deletions_first: bool = True
    restarts: int = 5
    max_parents: int | None = None

    name: ClassVar[str] = "gies"
    output: ClassVar[GraphKind] = GraphKind.MPDAG
    reference: ClassVar[str] = "Hauser & Bühlmann (2012), JMLR 13"
    cost: ClassVar[str] = "as GES; one matrix of moments for each set of environments"

    def __post_init__(self) -> None:
        whole_number(self.restarts, 0, "restarts", "5 is usual, 0 leaves the pure search.")
        check_max_parents(self.max_parents)
        object.__setattr__(self, "environments", tuple(self.environments))
        object.__setattr__(self, "targets", {value: _names(names) for value, names in self.targets.items()})
        if self.column and self.environments:
            raise DiscoveryError(
                "GIES takes a column of environments or further tables, but came both.", "Give one of them."
            )
        if self.targets and not self.column:
            raise DiscoveryError(
                "GIES has targets for values of a column, but no column.", "Name it: column=..."
            )

    def _search(
        self, data: Observations, knowledge: Knowledge, seed: int, show_progress: bool | None
    ) -> Discovery:
        groups = self._by_column(data) if self.column else self._by_tables(data)
        names = groups[0][0].names
        knowledge.check_names(names)
        score = self.score or ExtendedBIC()
        if not isinstance(score, GaussianBIC | ExtendedBIC):
            raise DiscoveryError(
                f"GIES scores by a Gaussian BIC, but came {score!r}.",
                "Give GaussianBIC(discount=...) or ExtendedBIC(gamma=...).",
            )
        everything = sum((each for each, _ in groups[1:]), start=groups[0][0])
        rows = everything.count
        gaussian = _gaussian(groups, names, score.price(rows, len(names)))
        scorer = InterventionalScorer(names, rows, gaussian)
        setting = Setting.assembled(names, scorer, knowledge, _sorted(gaussian, names), rows)
        settled = np.zeros((len(names), len(names)), bool)
        for _, targets in groups:
            inside = np.array([name in targets for name in setting.names])
            settled |= inside[:, None] != inside[None, :]
        classes = ClassSearch(setting, settled, self.max_parents)
        orders = order_of(setting, self.max_parents)
        with progress("GIES", 1 + self.restarts, show_progress) as bar:
            greedy(classes, self.turning, self.deletions_first)
            parents = classes.parents()
            bar.advance()
            if self.restarts:
                parents = alternate(setting, orders, classes, parents, stream(seed, "ges"))
            for restart in range(1, self.restarts):
                found = from_random_order(setting, orders, classes, stream(seed, "ges", restart))
                if setting.total(found) > setting.total(parents) + setting.tolerance:
                    parents = found
                bar.advance()
        directed = [
            (setting.names[a], setting.names[v])
            for v, above in enumerate(parents)
            for a in above
            if settled[a, v]
        ]
        experiments = [listing(targets) for _, targets in groups if targets]
        return answer(
            self,
            setting,
            Observations.of_moments(everything),
            parents,
            tests=orders.tests + classes.tests,
            settled=directed,
            decisions=[
                Decision(
                    f"{rows:,} rows in {len(groups)} environments; set in them: "
                    f"{'; '.join(experiments) or 'nothing'}",
                    "each variable is scored on the rows in which it was not set",
                )
            ],
        )

    def _by_column(self, data: Observations) -> list[tuple[Moments, tuple[str, ...]]]:
        at = data.position(self.column)
        names = tuple(name for name in data.names if name != self.column)
        values = data.values
        rest = data.subset(names)
        rest.require_numbers("GIES")
        rest.require_complete("GIES")
        levels = data.levels[at]
        marks = values[:, at]
        present = [(levels[int(code)] if levels else code, marks == code) for code in np.unique(marks)]
        said = {str(value): value for value, _ in present}
        for value, targets in self.targets.items():
            if str(value) not in said and value not in [each for each, _ in present]:
                raise DiscoveryError(
                    f"The targets name {value!r}, which is no value of {self.column!r}.",
                    nearest(str(value), list(said)),
                )
            _check(targets, names)
        groups = []
        for value, rows in present:
            targets = self.targets.get(value, self.targets.get(str(value), ()))
            part = np.asfortranarray(rest.values[rows])
            groups.append((Observations.of_values(names, part).moments, tuple(targets)))
        return groups

    def _by_tables(self, data: Observations) -> list[tuple[Moments, tuple[str, ...]]]:
        data.require_numbers("GIES")
        data.require_complete("GIES")
        groups: list[tuple[Moments, tuple[str, ...]]] = [(data.moments, ())]
        for number, each in enumerate(self.environments, 1):
            _check(each.targets, data.names)
            other = each.data
            if not isinstance(other, Observations):
                other = Observations.of(other)
            gone = [name for name in data.names if name not in other.names]
            if gone:
                raise DiscoveryError(
                    f"Environment {number} lacks {listing(gone)}, or holds one value there only.",
                    "Give all variables in all environments; where one was held fixed, put all rows into one table "
                    "with a column of environments.",
                )
            other.require_numbers("GIES")
            other.require_complete("GIES")
            groups.append((other.moments.subset(data.names), each.targets))
        return groups

    def assumes(self, data: Observations) -> Iterable[Assumption]:
        """Those of a Gaussian score, and that an intervention touches its targets alone."""
        yield from common_assumptions(self.score or ExtendedBIC(), data, "GIES")
        yield Assumption(
            AssumptionKey.CONSISTENCY,
            "Setting a variable cuts it off from its causes and changes no other mechanism.",
            False,
            source="GIES",
        )


class InterventionalScorer(Scorer):
    """Gaussian BIC of each variable on the rows in which it was not set.

    Args:
        names: the variables.
        rows: all rows.
        gaussian: the matrices, in the order of the names.
    """

    def __init__(self, names: Sequence[str], rows: int, gaussian: Gaussian) -> None:
        super().__init__(names, rows)
        self._gaussian = gaussian

    def _compute(self, node: int, parents: tuple[int, ...]) -> float:
        terms, above = self._gaussian, list(parents)
        group = terms.group[node]
        correlation = terms.correlation[group]
        variance = 1.0
        if above:
            across = correlation[above, node]
            variance -= float(
                across @ np.linalg.lstsq(correlation[np.ix_(above, above)], across, rcond=1e-11)[0]
            )
        return -float(terms.half[group]) * math.log(max(variance, 1e-12)) - terms.penalty * len(above)


def _gaussian(
    groups: Sequence[tuple[Moments, tuple[str, ...]]], names: Sequence[str], penalty: float
) -> Gaussian:
    """The pooled moments that score each variable: those of the environments in which it was not set."""
    made: dict[tuple[int, ...], int] = {}
    group = np.zeros(len(names), np.int64)
    for v, name in enumerate(names):
        untouched = tuple(i for i, (_, targets) in enumerate(groups) if name not in targets)
        if not untouched:
            raise DiscoveryError(
                f"{name!r} was set in every environment, so that no row tells what it depends on.",
                "Add an environment in which it was left alone, or leave the column out.",
            )
        group[v] = made.setdefault(untouched, len(made))
    matrices, half = [], []
    for used in made:
        pooled = groups[used[0]][0]
        for i in used[1:]:
            pooled = pooled + groups[i][0]
        matrices.append(Observations.of_moments(pooled).correlation)
        half.append(pooled.count / 2)
    return Gaussian(np.ascontiguousarray(matrices), group, np.array(half), penalty)


def _sorted(gaussian: Gaussian, names: Sequence[str]) -> Gaussian:
    """The same in the alphabetic order of the names."""
    at = sorted(range(len(names)), key=names.__getitem__)
    return Gaussian(
        np.ascontiguousarray(gaussian.correlation[:, at][:, :, at]),
        gaussian.group[at],
        gaussian.half,
        gaussian.penalty,
    )


def _check(targets: Iterable[str], names: Sequence[str]) -> None:
    for name in targets:
        if name not in names:
            raise DiscoveryError(f"The targets name {name!r}, which is no variable.", nearest(name, names))


def _names(given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise DiscoveryError(
            f"Targets are a list of names, but came the text {given!r}.", f"Write [{given!r}]."
        )
    return tuple(dict.fromkeys(given))
