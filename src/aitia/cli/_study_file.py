"""STUDY.toml: a whole study in one file, checked key by key."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aitia.core import AitiaError, nearest

if TYPE_CHECKING:
    from aitia.data import Table


class StudyFileError(AitiaError):
    """A study file is not TOML, or a key of it is unknown, missing or of the wrong type."""


@dataclass(frozen=True)
class QuestionPart:
    """The table ``[question]``: what is asked.

    Args:
        treatment: the treatment column.
        outcome: the outcome column.
        kind: ``effect``, ``controlled-direct``, ``natural-direct`` or ``natural-indirect``.
        contrast: the treated and the control value.
        population: ``all``, ``treated``, ``untreated``, or a condition such as ``age > 60``.
        mediators: for the direct and indirect effects.
        levels: for ``controlled-direct``, the value each mediator is held at.
    """

    treatment: str
    outcome: str
    kind: str = "effect"
    contrast: tuple[Any, Any] | None = None
    population: str = "all"
    mediators: tuple[str, ...] = ()
    levels: tuple[Any, ...] = ()


@dataclass(frozen=True)
class RowsPart:
    """The table ``[rows]``: how rows are read.

    Args:
        missing: the policy for missing values.
        weights: the column of survey weights.
        clusters: the column that says which rows belong together.
    """

    missing: str = "stop"
    weights: str | None = None
    clusters: str | None = None


@dataclass(frozen=True)
class DiscoverPart:
    """The table ``[discover]``: how the graph is found where the file gives none.

    Args:
        algorithm: the algorithm, as ``aitia discover --algorithm`` takes it.
        alpha: the level of its tests; without it the algorithm's own.
        penalty: the price of a parent in units of BIC's own, for algorithms that score.
        knowledge: the file of background knowledge, or None.
        columns: which columns; without it all but weights and clusters.
        replicates: bootstrap replicates behind the weights of the answers; 0 for none.
    """

    algorithm: str = "boss"
    alpha: float | None = None
    penalty: float | None = None
    knowledge: str | None = None
    columns: tuple[str, ...] = ()
    replicates: int = 100

    def study_options(self, table: Table, missing: str = "stop") -> dict[str, Any]:
        """The arguments of a `Study` that say how its graph is found.

        Args:
            table: the data, whose kinds of columns say which score a penalty belongs to.
            missing: the policy for missing values.
        """
        from aitia.discovery import Knowledge, Observations, algorithm_named

        observed = Observations.of(table, self.columns or None, missing=missing)
        return {
            "discover": algorithm_named(self.algorithm, observed, alpha=self.alpha, penalty=self.penalty),
            "knowledge": None if self.knowledge is None else Knowledge.read(self.knowledge),
        }


@dataclass(frozen=True)
class EstimatePart:
    """The table ``[estimate]``.

    Args:
        method: the estimator; without it aitia chooses and says why.
        beside: further estimators, shown beside it.
        formula: how the adjustment set enters models, as a one-sided formula.
        level: nominal coverage of intervals.
    """

    method: str | None = None
    beside: tuple[str, ...] = ()
    formula: str | None = None
    level: float = 0.95


@dataclass(frozen=True)
class RefutePart:
    """The table ``[refute]``.

    Args:
        skip: True leaves refutation out.
        replicates: of each refuter that draws any.
        refuters: the refuters by name; without it all that apply.
        negative_control_outcome: a column that the treatment cannot move.
        negative_control_exposure: a column that cannot move the outcome.
    """

    skip: bool = False
    replicates: int = 100
    refuters: tuple[str, ...] = ()
    negative_control_outcome: str | None = None
    negative_control_exposure: str | None = None


@dataclass(frozen=True)
class StudyFile:
    """A study file, read and checked.

    Args:
        path: the file.
        data: the data, as `aitia.read` takes it; a relative path starts from the file's folder.
        graph: the graph as text, or a path to it (relative to the file's folder); None where it is to be found.
        question: what is asked.
        title: a heading for the report.
        seed: of every random draw.
        columns: kinds of columns, by name, where inference should not decide.
        rows: how rows are read.
        discover: how the graph is found where there is none.
        estimate: the estimators.
        refute: the refuters.
        report: where the report goes.
    """

    path: Path
    data: str
    graph: str | None
    question: QuestionPart
    title: str = ""
    seed: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: RowsPart = field(default_factory=RowsPart)
    discover: DiscoverPart | None = None
    estimate: EstimatePart = field(default_factory=EstimatePart)
    refute: RefutePart = field(default_factory=RefutePart)
    report: str | None = None


_TEXT, _TEXTS, _WHOLE, _NUMBER, _FLAG, _VALUES = (
    "text",
    "a list of texts",
    "a whole number of at least 0",
    "a number",
    "true or false",
    "a list of values",
)

# The schema: for each table (the empty name is the top of the file) its keys and what each holds.
SCHEMA: dict[str, dict[str, str]] = {
    "": {"title": _TEXT, "data": _TEXT, "graph": _TEXT, "seed": _WHOLE, "report": _TEXT},
    "question": {
        "kind": _TEXT,
        "treatment": _TEXT,
        "outcome": _TEXT,
        "contrast": _VALUES,
        "population": _TEXT,
        "mediators": _TEXTS,
        "levels": _VALUES,
    },
    "rows": {"missing": _TEXT, "weights": _TEXT, "clusters": _TEXT},
    "discover": {
        "algorithm": _TEXT,
        "alpha": _NUMBER,
        "penalty": _NUMBER,
        "knowledge": _TEXT,
        "columns": _TEXTS,
        "replicates": _WHOLE,
    },
    "estimate": {"method": _TEXT, "beside": _TEXTS, "formula": _TEXT, "level": _NUMBER},
    "refute": {
        "skip": _FLAG,
        "replicates": _WHOLE,
        "refuters": _TEXTS,
        "negative_control_outcome": _TEXT,
        "negative_control_exposure": _TEXT,
    },
    "columns": {},
}
_REQUIRED = {"": ("data",), "question": ("treatment", "outcome")}
KINDS = ("effect", "controlled-direct", "natural-direct", "natural-indirect")


def read_study_file(path: str | Path) -> StudyFile:
    """Read and check a study file.

    Args:
        path: the file, in TOML. Relative paths inside it start from its folder.

    Returns:
        What it says, with defaults filled in.

    Raises:
        StudyFileError: the file is missing, is not TOML, or has a key that is unknown (the nearest one is named),
            missing or of the wrong type. The message says the line.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StudyFileError(
            f"The study file {file} could not be read: {reason}.", "Check the path; the file is UTF-8 text."
        ) from error
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(
            f"The study file {file} is not valid TOML: {error}.",
            "Text needs quotes, lists need brackets; see the page on the command line for an example.",
        ) from error
    checked = _Checked(file, text)
    parts = checked.split(content)
    top, question = parts[""], parts["question"]
    checked.check_question(question)
    checked.check_replicates(parts["refute"])
    discover = checked.discover_part(content, parts)
    return StudyFile(
        path=file,
        data=_from_folder(file, top["data"]),
        graph=_graph_from_folder(file, top["graph"]) if "graph" in top else None,
        question=QuestionPart(**question),
        title=top.get("title", ""),
        seed=top.get("seed", 0),
        columns=parts["columns"],
        rows=RowsPart(**parts["rows"]),
        discover=discover,
        estimate=EstimatePart(**parts["estimate"]),
        refute=RefutePart(**parts["refute"]),
        report=_from_folder(file, top["report"]) if "report" in top else None,
    )


class _Checked:
    """Checks the content of one file against the schema and says lines in its errors."""

    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._lines = _lines_of_keys(text)

    def split(self, content: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """The content table by table, each key checked; tables that the file does not have are empty."""
        tables = [name for name in SCHEMA if name]
        parts: dict[str, dict[str, Any]] = {name: {} for name in SCHEMA}
        for key, value in content.items():
            if key in tables:
                if not isinstance(value, Mapping):
                    raise self._error(
                        "", key, f"holds {_got(value)}; it is a table of keys", f"Write [{key}]."
                    )
                parts[key] = {inner: self._value(key, inner, each) for inner, each in value.items()}
            elif isinstance(value, Mapping):
                raise self._error("", key, "is an unknown table", nearest(key, tables))
            else:
                parts[""][key] = self._value("", key, value)
        for table, keys in _REQUIRED.items():
            for key in keys:
                if key not in parts[table]:
                    where = f" in [{table}]" if table else ""
                    raise StudyFileError(
                        f"The study file {self._file} does not say {key!r}{where}.",
                        f'Add {"a table [" + table + "] with " if table else ""}{key} = "...".',
                    )
        return parts

    def check_question(self, question: dict[str, Any]) -> None:
        """What the types alone do not say about a question."""
        if question.get("kind", "effect") not in KINDS:
            kind = question["kind"]
            raise self._error(
                "question", "kind", f"is {kind!r}, which is no kind of question", nearest(kind, KINDS)
            )
        if "contrast" in question and len(question["contrast"]) != 2:
            raise self._error(
                "question",
                "contrast",
                f"has {len(question['contrast'])} values; it is the treated and the control value",
                'Write contrast = ["treated value", "control value"].',
            )
        if question.get("kind", "effect") != "effect" and not question.get("mediators"):
            raise self._error(
                "question",
                "kind",
                f"is {question['kind']!r}, which needs mediators",
                'Add mediators = ["..."].',
            )
        if question.get("kind") == "controlled-direct" and len(question.get("levels", ())) != len(
            question["mediators"]
        ):
            raise self._error(
                "question",
                "kind",
                "is 'controlled-direct', which needs a level for each mediator",
                "Add levels.",
            )

    def check_replicates(self, refute: dict[str, Any]) -> None:
        """A refuter that draws replicates needs at least one."""
        if refute.get("replicates") == 0:
            raise self._error(
                "refute", "replicates", "is 0", "Write at least 1, or skip = true to leave refutation out."
            )

    def discover_part(
        self, content: Mapping[str, Any], parts: Mapping[str, dict[str, Any]]
    ) -> DiscoverPart | None:
        """How the graph is found; None where the file gives the graph."""
        if "graph" in parts[""]:
            if "discover" in content:
                raise self._error(
                    "",
                    "discover",
                    "stands beside a graph",
                    "Keep one: the graph you believe, or the table [discover], which finds one in the data.",
                )
            return None
        if "discover" not in content:
            raise StudyFileError(
                f"The study file {self._file} does not say 'graph'.",
                'Add graph = "...", or a table [discover] to find the graph in the data.',
            )
        given = dict(parts["discover"])
        if "knowledge" in given:
            given["knowledge"] = _from_folder(self._file, given["knowledge"])
        return DiscoverPart(**given)

    def _value(self, table: str, key: str, value: Any) -> Any:
        known = SCHEMA[table]
        if table == "columns":
            expected = _TEXT
        elif key in known:
            expected = known[key]
        elif not table and key in _HOME:
            raise self._error(
                table, key, "stands at the top of the file", f"It belongs under [{_HOME[key]}]."
            )
        else:
            raise self._error(table, key, "is unknown", _next_step(table, key))
        if not _fits(expected, value):
            raise self._error(table, key, f"holds {_got(value)}; it has to be {expected}", "")
        return tuple(value) if isinstance(value, list) else value

    def _error(self, table: str, key: str, what: str, next_step: str) -> StudyFileError:
        line = self._lines.get((table, key))
        where = f"{self._file}, line {line}" if line else str(self._file)
        inside = f" in [{table}]" if table else ""
        return StudyFileError(f"{where}: the key {key!r}{inside} {what}.", next_step)


def _next_step(table: str, key: str) -> str:
    """The nearest key of the table; at the top of the file also of the tables below."""
    if not table and not difflib.get_close_matches(key, SCHEMA[""], n=1):
        below = difflib.get_close_matches(key, _HOME, n=1)
        if below:
            return f"Did you mean {below[0]!r}? It belongs under [{_HOME[below[0]]}]."
    return nearest(key, SCHEMA[table])


# Keys that belong in a table, for the person who wrote one at the top of the file.
_HOME = {key: table for table, keys in SCHEMA.items() if table for key in keys}


def _fits(expected: str, value: Any) -> bool:
    # TOML's true is Python's True, which Python takes for the integer 1: a flag fits nothing but a flag.
    if isinstance(value, bool):
        return expected == _FLAG
    if expected == _TEXT:
        return isinstance(value, str)
    if expected == _WHOLE:
        return isinstance(value, int) and value >= 0
    if expected == _NUMBER:
        return isinstance(value, int | float)
    if expected == _TEXTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    return expected == _VALUES and isinstance(value, list)


def _got(value: Any) -> str:
    words = {bool: "true or false", str: "text", int: "a whole number", float: "a number", list: "a list"}
    return words.get(type(value), "a table" if isinstance(value, Mapping) else f"a {type(value).__name__}")


_HEADER = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""^\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.|=)""")


def _lines_of_keys(text: str) -> dict[tuple[str, str], int]:
    """The line of each key by (table, key), as far as one look at each line can tell.

    The standard library's parser keeps no positions. A line inside a multi-line text may be taken for a key; its
    entry is then never asked for, because the parser saw no such key.
    """
    lines: dict[tuple[str, str], int] = {}
    table = ""
    for place, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            table = header[1].strip("\"'")
            lines.setdefault(("", table), place)
        elif key := _KEY.match(line):
            lines.setdefault((table, key[1].strip("\"'")), place)
    return lines


def _from_folder(file: Path, path: str) -> str:
    """A path as the file means it: relative ones start from its folder."""
    return str(file.parent / path)


def _graph_from_folder(file: Path, graph: str) -> str:
    """A graph's text as it stands, or the path to its file."""
    if "\n" in graph or "->" in graph or ";" in graph:
        return graph
    beside = file.parent / graph
    return str(beside) if beside.is_file() else graph
