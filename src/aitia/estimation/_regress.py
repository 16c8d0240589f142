"""A plain linear regression with a table: no causal claim, and no estimand."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from aitia.core import AitiaError, Decision, Progress, listing, progress, stats
from aitia.data import Codes, Design, FormulaError, Kind, Missing, Numeric, OneHot, Storage, Table, read
from aitia.statistics import (
    LeastSquares,
    Robust,
    UnknownVariable,
    cluster_covariance,
    cluster_scores,
    robust_covariance,
    robust_meat,
    triangular,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INTERCEPT = "Intercept"
_WIDEST = 40  # characters of a name in the table


class UnknownErrors(AitiaError):
    """A kind of standard error was asked for that does not exist."""


@dataclass(frozen=True)
class Coefficient:
    """One line of a regression table.

    Args:
        name: the column, or ``"Intercept"``.
        value: the coefficient, in units of the outcome per unit of the column.
        std_error: its standard error.
        t: value / std_error.
        p_value: two-sided, of a coefficient of zero.
        interval: the confidence interval.
    """

    name: str
    value: float
    std_error: float
    t: float
    p_value: float
    interval: tuple[float, float]


@dataclass(frozen=True, eq=False)
class Regression:
    """A linear regression: its `repr` is the table.

    Args:
        formula: as given.
        fit: the least-squares fit.
        covariance: of the coefficients, in the order of `fit.names`, by `errors`.
        errors: the kind of standard errors, in words.
        degrees_of_freedom: of the t and F distributions: n - p, or clusters - 1.
        level: of the intervals.
        spread: sum of squares of each coefficient's column (centred where there is an intercept), shape (p,).
        weights: the column of weights, or None.
        cluster: the column of clusters, or None.
        n_clusters: how many there are, or None.
        decisions: what was done about missing values, categories and redundant columns.
    """

    formula: str
    fit: LeastSquares
    covariance: np.ndarray = field(repr=False)
    errors: str
    degrees_of_freedom: int
    level: float
    spread: np.ndarray = field(repr=False)
    weights: str | None = None
    cluster: str | None = None
    n_clusters: int | None = None
    decisions: tuple[Decision, ...] = ()

    @property
    def n(self) -> int:
        """Rows used."""
        return self.fit.count

    @property
    def names(self) -> tuple[str, ...]:
        """The columns with a coefficient; the intercept first."""
        return self.fit.names

    @property
    def std_errors(self) -> np.ndarray:
        """Standard errors, shape (p,)."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance), 0.0))

    @property
    def coefficients(self) -> dict[str, Coefficient]:
        """The lines of the table by name."""
        quantile = float(stats.t.ppf(0.5 + self.level / 2, self.degrees_of_freedom))
        lines = {}
        for name, value, error in zip(self.names, self.fit.coefficients.tolist(), self.std_errors.tolist()):
            t = value / error if error > 0 else float(np.copysign(np.inf, value)) if value else 0.0
            p_value = float(2 * stats.t.sf(abs(t), self.degrees_of_freedom))
            interval = (value - quantile * error, value + quantile * error)
            lines[name] = Coefficient(name, value, error, t, p_value, interval)
        return lines

    def __getitem__(self, name: str) -> Coefficient:
        if name not in self.names:
            raise UnknownVariable(name, self.names)
        return self.coefficients[name]

    @property
    def f_freedom(self) -> tuple[int, int]:
        """Degrees of freedom of `f_statistic`: slopes tested, and `degrees_of_freedom`."""
        slopes = len(self.names) - self.fit.intercept
        rank = slopes if self.n_clusters is None else min(slopes, self.n_clusters - 1)
        return rank, self.degrees_of_freedom

    @property
    def f_statistic(self) -> float | None:
        """Wald F of all slopes under `covariance`; None without slopes or where there are too few clusters."""
        slopes = len(self.names) - self.fit.intercept
        if not slopes or self.f_freedom[0] < slopes:
            return None
        value = self.fit.coefficients[self.fit.intercept :]
        part = self.covariance[self.fit.intercept :, self.fit.intercept :]
        scale = np.sqrt(np.diagonal(part))
        if not (scale > 0).all():
            return float(np.inf)
        standard = value / scale
        return float(standard @ np.linalg.solve(part / np.outer(scale, scale), standard) / slopes)

    @property
    def f_p_value(self) -> float | None:
        """P-value of `f_statistic`."""
        f = self.f_statistic
        return None if f is None else float(stats.f.sf(f, *self.f_freedom))

    def vif(self) -> dict[str, float]:
        """Variance inflation 1 / (1 - R^2) of each column on the others (uncentred without an intercept).

        Redundant columns were left out before, so these are finite.

        Source: Belsley, Kuh & Welsch (1980), Regression Diagnostics, section 3.2.
        """
        inflation = np.diagonal(self.fit.bread) * self.spread
        start = int(self.fit.intercept)
        return {name: float(each) for name, each in zip(self.names[start:], inflation[start:])}

    def to_dict(self) -> dict[str, Any]:
        """Everything the table shows, as plain numbers and text."""
        fit = self.fit
        return {
            "formula": self.formula,
            "outcome": fit.outcome,
            "errors": self.errors,
            "n": self.n,
            "degrees_of_freedom": self.degrees_of_freedom,
            "level": self.level,
            "r_squared": fit.r_squared,
            "adjusted_r_squared": fit.adjusted_r_squared,
            "root_mse": fit.root_mse,
            "f_statistic": self.f_statistic,
            "f_degrees_of_freedom": list(self.f_freedom),
            "f_p_value": self.f_p_value,
            "weights": self.weights,
            "cluster": self.cluster,
            "n_clusters": self.n_clusters,
            "coefficients": [
                {
                    "name": line.name,
                    "value": line.value,
                    "std_error": line.std_error,
                    "t": line.t,
                    "p_value": line.p_value,
                    "interval": list(line.interval),
                }
                for line in self._lines()
            ],
            "dropped": {name: list(of) for name, of in fit.dropped.items()},
            "decisions": [{"what": each.what, "why": each.why} for each in self.decisions],
        }

    def _lines(self) -> list[Coefficient]:
        """The table's lines: slopes first, the intercept last."""
        lines = list(self.coefficients.values())
        return lines[1:] + lines[:1] if self.fit.intercept else lines

    def _summary(self) -> list[tuple[str, str]]:
        summary = [("Number of rows", f"{self.n:,}")]
        if self.n_clusters is not None:
            summary.append((f"Clusters ({self.cluster})", f"{self.n_clusters:,}"))
        f, p_value = self.f_statistic, self.f_p_value
        if f is not None and p_value is not None:
            rank, freedom = self.f_freedom
            summary.append((f"F({rank}, {freedom})", f"{f:.2f}"))
            summary.append(("Prob > F", f"{p_value:.4f}"))
        label = "R-squared" if self.fit.intercept else "Uncentred R-squared"
        summary.append((label, f"{self.fit.r_squared:.4f}"))
        summary.append(("Adj R-squared", f"{self.fit.adjusted_r_squared:.4f}"))
        summary.append(("Root MSE", _number(self.fit.root_mse)))
        return summary

    def _notes(self) -> list[str]:
        return [f"{each.what} ({each.why})" for each in self.decisions]

    def __repr__(self) -> str:
        lines, summary = self._lines(), self._summary()
        label = f"{self.level * 100:g}% interval"
        outcome = _short(self.fit.outcome)
        rows = [(_short(line.name), *_cells(line)) for line in lines]
        width = max(12, len(outcome), *(len(row[0]) for row in rows))
        total = width + 3 + 11 + 12 + 9 + 8 + 26
        rule = "-" * width + "-+-" + "-" * (total - width - 3)
        wide = max(len(name) for name, _ in summary)
        tall = max(len(value) for _, value in summary)
        right = [f"{name:<{wide}} = {value:>{tall}}" for name, value in summary]
        left = ["Linear regression", f"Standard errors: {self.errors}"]
        if self.weights:
            left.append(f"Weights: {_visible(self.weights)}")
        left += [""] * (len(right) - len(left))
        room = max(total - len(right[0]), max(map(len, left)) + 2)
        text = [f"{a:<{room}}{b}".rstrip() for a, b in zip(left, right)]
        head = f"{outcome:>{width}} | {'coefficient':>11}{'std. err.':>12}{'t':>9}{'P>|t|':>8}"
        text += ["", f"{head}{label:>26}", rule]
        for name, value, error, t, p_value, low, high in rows:
            text.append(f"{name:>{width}} | {value:>11}{error:>12}{t:>9}{p_value:>8}{low:>14}{high:>12}")
        notes = [
            textwrap.fill(f"Note: {_visible(note)}", total, subsequent_indent="      ")
            for note in self._notes()
        ]
        return "\n".join([*text, rule, *notes])

    def _repr_html_(self) -> str:
        label = f"{self.level * 100:g}% interval"
        head = "".join(
            f"<th{span}>{escape(each)}</th>"
            for each, span in (
                (self.fit.outcome, ""),
                ("coefficient", ""),
                ("std. err.", ""),
                ("t", ""),
                ("P>|t|", ""),
                (label, ' colspan="2"'),
            )
        )
        body = "".join(
            f"<tr><th>{escape(line.name)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in _cells(line))}</tr>"
            for line in self._lines()
        )
        summary = "; ".join(f"{escape(name)} = {escape(value)}" for name, value in self._summary())
        weights = f"; weights: {escape(self.weights)}" if self.weights else ""
        notes = "".join(f"<p>Note: {escape(note)}</p>" for note in self._notes())
        return (
            f"<table><caption>Linear regression, {escape(self.errors)}{weights}. {summary}</caption>"
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"
        )

    def figure(self) -> Figure:
        """The slopes with their intervals, one line a column, against zero."""
        from matplotlib.figure import Figure

        lines = [line for line in self._lines() if line.name != INTERCEPT][::-1]
        figure = Figure(figsize=(6.4, 1.2 + 0.34 * max(len(lines), 1)), layout="constrained")
        axes = figure.add_subplot()
        values = np.array([line.value for line in lines])
        bounds = np.array([line.interval for line in lines]).reshape(-1, 2).T
        at = np.arange(len(lines))
        axes.axvline(0.0, color="#999999", linewidth=1, zorder=0)
        axes.errorbar(
            values,
            at,
            xerr=np.abs(bounds - values),
            fmt="o",
            color="#0072B2",
            ecolor="#0072B2",
            capsize=3,
            markersize=5,
        )
        axes.set_yticks(at, [_plain(_short(line.name)) for line in lines])
        axes.set_ylim(-0.6, max(len(lines), 1) - 0.4)
        outcome = _plain(_short(self.fit.outcome))
        axes.set_xlabel(f"change in {outcome} per unit, with {self.level * 100:g}% interval")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        return figure


def regress(
    formula: str,
    data: object,
    *,
    robust: bool | str = True,
    cluster: str | None = None,
    weights: str | None = None,
    missing: Missing | str = Missing.STOP,
    level: float = 0.95,
    show_progress: bool | None = None,
) -> Regression:
    """Ordinary (or weighted) least squares, with a table like Stata's.

    The rows are streamed twice: once for a QR factorisation, in which redundant columns show, and once
    for robust or clustered standard errors. They need not fit in memory, unless the formula transforms
    columns.

    Args:
        formula: ``"y ~ x1 + x2"``; categorical columns enter one-hot without their first level; ``- 1``
            leaves out the intercept; transforms such as ``log(wage)``, ``C(region)`` and ``bs(age, 4)``
            are understood. Odd column names stand in backticks.
        data: anything `aitia.read` reads, or a `Table`.
        robust: True or ``"HC1"`` for errors that allow unequal variances, as Stata's ``robust``; ``"HC0"``,
            ``"HC2"``, ``"HC3"``; False for classical ones.
        cluster: the column of clusters, for errors that allow dependence within them; `robust` is then
            ignored.
        weights: the column of non-negative weights. Classical errors take them as inverse variances,
            robust and clustered ones as sampling weights.
        missing: the policy for missing values.
        level: of the intervals, strictly between 0 and 1.
        show_progress: as `aitia.core.progress` has it.

    Returns:
        A `Regression`. Its `repr` is the table; redundant columns are left out and named under it.

    Raises:
        FormulaError: the formula cannot be read; points at the token.
        ColumnNotFound: a column is not in the data.
        MissingValues: values are missing and the policy is ``stop``.
        TooFewRows: no degree of freedom is left, or there is one cluster only.
        UnknownErrors: `robust` names no kind of standard errors.

    Assumptions: for an interval, independent rows (or clusters) and enough of them; for the coefficients
    to be effects, everything that `identify` is there to ask.

    Source: White (1980); MacKinnon & White (1985); Liang & Zeger (1986).

    Example:
        >>> data = {"x": [0.0, 1.0, 2.0, 3.0, 4.0], "y": [1.1, 2.9, 5.2, 6.8, 9.1]}
        >>> fit = regress("y ~ x", data, robust=False)
        >>> round(fit["x"].value, 4), round(fit["x"].std_error, 4)
        (1.99, 0.0597)
    """
    kind = _kind(robust)
    if not 0 < level < 1:
        raise UnknownErrors(f"The level must lie strictly between 0 and 1, not {level!r}.", "Try 0.95.")
    table = read(data)
    outcome, terms, intercept = _parsed(formula, table)
    asked = [outcome, *terms]
    if weights is not None:
        asked.append(Numeric(weights, required=True))
    if cluster is not None:
        asked.append(Codes(cluster))
    design = Design.build(table, asked, missing=missing)
    rows = _Rows(design, len(terms), weights is not None, cluster is not None, formula)
    with progress(
        "regression",
        total=design.n_rows * (1 + (kind is not None or cluster is not None)),
        show=show_progress,
    ) as bar:
        factor = triangular(rows.blocks(bar), rows.names, weights=rows.weights)
        fit = factor.least_squares(rows.outcome, rows.regressors, intercept=intercept, drop_collinear=True)
        fit.sigma2  # noqa: B018 - raises TooFewRows where nothing is left to estimate the errors from
        freedom, n_clusters = fit.degrees_of_freedom, None
        if cluster is not None:
            scores = cluster_scores(
                rows.blocks(bar), rows.names, fit, rows.codes, rows.n_clusters, weights=rows.weights
            )
            held = rows.held
            covariance = cluster_covariance(fit, scores[held])
            n_clusters = int(held.sum())
            freedom, errors = n_clusters - 1, f"clustered by {_visible(cluster)}"
        elif kind is not None:
            meat = robust_meat(rows.blocks(bar), rows.names, fit, weights=rows.weights, kind=kind)
            covariance, errors = robust_covariance(fit, meat, kind), f"robust ({kind.value})"
        else:
            covariance, errors = fit.covariance, "classical"
    dropped = tuple(
        Decision(f"left out {name}, which {_relation(of)}", "it adds nothing to the columns before it")
        for name, of in fit.dropped.items()
    )
    return Regression(
        formula=formula,
        fit=fit,
        covariance=covariance,
        errors=errors,
        degrees_of_freedom=freedom,
        level=level,
        spread=factor.sums_of_squares(fit.names, centred=intercept),
        weights=weights,
        cluster=cluster,
        n_clusters=n_clusters,
        decisions=(*design.decisions, *dropped),
    )


class _Rows:
    """The design's blocks, split into variables, weights and cluster codes as they pass.

    The statistics ask for a block's weights and codes right after the block, in the thread that reads the
    stream, so what the last block brought is what belongs to it.
    """

    def __init__(self, design: Design, n_terms: int, weighted: bool, clustered: bool, formula: str) -> None:
        self._design = design
        outcome, terms = design.terms[0], design.terms[1 : 1 + n_terms]
        if len(outcome) != 1:
            raise FormulaError(
                f"The left side must be one column of numbers, but it gives {len(outcome)}.", formula, 0
            )
        self._use = [*(at for term in terms for at in term), outcome[0]]
        names = [design.names[at] for at in self._use]
        if INTERCEPT in names[:-1]:
            raise FormulaError(
                f"A column is called {INTERCEPT!r}, which is the name of the constant.",
                formula,
                None,
                "Rename it.",
            )
        self.regressors = tuple(names[:-1])
        # The outcome may also be a regressor's source: its own name must be its own.
        self.outcome = names[-1] if names[-1] not in names[:-1] else f"{names[-1]} (outcome)"
        self.names = (*self.regressors, self.outcome)
        self._whole = self._use == list(range(len(design.names)))
        after = 1 + n_terms
        self._weight_at = design.terms[after][0] if weighted else None
        self._code_at = design.terms[after + weighted][0] if clustered else None
        self.n_clusters = len(next(iter(design.levels.values()))) if clustered else 0
        self.held = np.zeros(self.n_clusters, bool)
        self._weights = self._codes = np.zeros(0)

    def blocks(self, bar: Progress) -> Iterator[np.ndarray]:
        """The regressors and the outcome, block by block."""
        for block in self._design.blocks():
            if self._weight_at is not None:
                self._weights = block[:, self._weight_at]
            if self._code_at is not None:
                self._codes = block[:, self._code_at].astype(np.int64)
                positive = self._codes if self._weight_at is None else self._codes[self._weights > 0]
                self.held[positive] = True
            yield block if self._whole else block[:, self._use]
            bar.advance(len(block))

    @property
    def weights(self) -> Callable[[np.ndarray, int], np.ndarray] | None:
        """What the statistics ask for a block's weights, or None."""
        return None if self._weight_at is None else lambda block, start: self._weights

    @property
    def codes(self) -> Callable[[np.ndarray, int], np.ndarray]:
        """What the statistics ask for a block's cluster codes."""
        return lambda block, start: self._codes


def _kind(robust: bool | str) -> Robust | None:
    if isinstance(robust, bool):
        return Robust.HC1 if robust else None
    try:
        return Robust(robust)
    except ValueError:
        raise UnknownErrors(
            f"There are no standard errors called {robust!r}.",
            f"robust= takes True, False, {listing([repr(each.value) for each in Robust])}.",
        ) from None


_NAME = r"(?:[^\W\d]\w*|`[^`]+`)"
_TILDE = re.compile(r"~(?=(?:[^`]*`[^`]*`)*[^`]*$)")  # not within backticks
_PLAIN = re.compile(rf"\s*(?:{_NAME}|1|0)(?:\s*(?:\+\s*(?:{_NAME}|1|0)|-\s*1))*\s*")


def _parsed(formula: str, table: Table) -> tuple[Any, list[Any], bool]:
    """The outcome's term, the regressors' terms, and whether there is an intercept."""
    sides = [side.strip() for side in _TILDE.split(str(formula))]
    if len(sides) != 2:
        raise FormulaError(
            "A regression formula has one '~' between outcome and regressors.",
            str(formula),
            None,
            "Write it like y ~ x1 + x2.",
        )
    left, right = sides
    if not left or not right:
        raise FormulaError(
            f"The {'left' if not left else 'right'} side of the formula is empty.",
            formula,
            0 if not left else len(formula),
            "Write it like y ~ x1 + x2, or y ~ 1 for the mean alone.",
        )
    bare = re.fullmatch(_NAME, left)
    outcome = Numeric(left.strip("`"), required=True) if bare else f"~ {left}"
    if _PLAIN.fullmatch(right):
        parts = [part.strip() for part in re.findall(rf"{_NAME}|[01]", right)]
        intercept = "0" not in parts and not re.search(r"-\s*1", right)
        names = list(dict.fromkeys(part.strip("`") for part in parts if part not in ("0", "1")))
        # Without an intercept the first categorical column keeps all its levels: formulaic knows how.
        if intercept or not any(_is_categorical(table, name) for name in names):
            return outcome, [_term(table, name) for name in names], intercept
    from formulaic import Formula

    text = f"~ {right}"
    try:
        parsed: Any = Formula(text)  # pyright: ignore[reportAbstractUsage]
        intercept = any(str(term) == "1" for term in parsed)
    except Exception:
        # Design.build reads it again and points at what is wrong.
        intercept = True
    return outcome, [text], intercept


def _is_categorical(table: Table, name: str) -> bool:
    column = table.column(name)
    return column.kind is Kind.CATEGORICAL or (column.kind is Kind.BINARY and column.storage is Storage.TEXT)


def _term(table: Table, name: str) -> Any:
    """A column as a term; by its bare name, unless that would be read as a formula."""
    if not name.lstrip().startswith("~"):
        return name
    return OneHot(name) if _is_categorical(table, name) else Numeric(name)


def _relation(of: tuple[str, ...]) -> str:
    if of == (INTERCEPT,):
        return "is constant"
    return f"is a linear combination of {listing(of)}" if of else "is zero"


def _number(value: float) -> str:
    """Seven significant digits, as statistical tables have them."""
    text = f"{value:.7g}"
    return text if len(text) <= 11 else f"{value:.4g}"


def _cells(line: Coefficient) -> tuple[str, ...]:
    low, high = line.interval
    return (
        _number(line.value),
        _number(line.std_error),
        f"{line.t:.2f}" if abs(line.t) < 1e5 else f"{line.t:.3g}",
        f"{line.p_value:.3f}",
        _number(low),
        _number(high),
    )


def _visible(name: str) -> str:
    """Text on one line of a terminal: control characters become their escapes."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)


def _short(name: str) -> str:
    """A name that fits a table."""
    name = _visible(name)
    return name if len(name) <= _WIDEST else f"{name[: _WIDEST - 1]}…"


def _plain(name: str) -> str:
    """A name that Matplotlib does not read as mathematics."""
    return name.replace("$", r"\$")
