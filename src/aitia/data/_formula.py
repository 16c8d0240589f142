"""One-sided formulas through formulaic, limited to arithmetic and named functions: no code is run."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from aitia.core import Decision, listing, nearest
from aitia.data._arrow import absent, plain
from aitia.data._encode import Columns, Encoder
from aitia.data._errors import FormulaError, UnsupportedColumn
from aitia.data._kinds import Column, Kind, Storage
from aitia.data._profile import days

if TYPE_CHECKING:
    import pandas as pd


PLAIN_FUNCTIONS = {
    "abs": np.abs,
    "cos": np.cos,
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log10": np.log10,
    "log1p": np.log1p,
    "log2": np.log2,
    "sin": np.sin,
    "sqrt": np.sqrt,
    "tanh": np.tanh,
}
STATEFUL_FUNCTIONS = ("C", "I", "bs", "cc", "center", "cr", "cs", "poly", "scale")
_CONTRASTS = ("contr", "treatment", "sum", "poly", "helmert", "diff", "sas", "SAS", "Treatment")
_ALLOWED_NODES = (
    ast.Expression,
    ast.BinOp,
    ast.UnaryOp,
    ast.operator,
    ast.unaryop,
    ast.Call,
    ast.keyword,
    ast.Name,
    ast.Load,
    ast.Constant,
    ast.List,
    ast.Tuple,
)


@dataclass(frozen=True)
class Formula:
    """A one-sided formula whose columns are known and whose functions are allowed.

    Args:
        text: the formula as given.
        reads: the source columns, in the order of the table.
    """

    text: str
    reads: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, names: Sequence[str]) -> Formula:
        """Read a formula.

        Raises:
            FormulaError: it cannot be parsed, is two-sided, names an unknown column or a function that is not
                allowed; the error points at the token.
        """
        from formulaic import Formula as Parsed
        from formulaic.errors import FormulaicError

        try:
            parsed: Any = Parsed(text)  # pyright: ignore[reportAbstractUsage]
            terms = list(parsed)
            factors = {factor.expr: factor for term in terms for factor in term.factors}
        except (FormulaicError, SyntaxError, TypeError, ValueError, AttributeError, KeyError) as error:
            raise FormulaError(
                f"The formula cannot be read: {_reason(error)}", text, _pointed(error, text), _EXAMPLE
            ) from None
        known = set(names)
        used: set[str] = set()
        for expression, factor in factors.items():
            method = factor.eval_method.value
            if method == "lookup":
                used.add(_known(expression, text, names, known))
            elif method == "python":
                used |= _checked(expression, text, names, known)
        return cls(text, tuple(name for name in names if name in used))


_EXAMPLE = "Write formulas like: ~ age + bs(income, 4) + C(region); odd column names stand in backticks."


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _pointed(error: Exception, text: str) -> int | None:
    """Where formulaic's message marks the offending token, as an offset into the formula."""
    marked = re.search(r"⧛(.*?)⧚", str(error))
    return max(text.find(marked[1]), 0) if marked else None


def _known(name: str, text: str, names: Sequence[str], known: set[str]) -> str:
    if name not in known:
        raise FormulaError(
            f"There is no column {name!r} in the table.", text, max(text.find(name), 0), nearest(name, names)
        )
    return name


def _checked(expression: str, text: str, names: Sequence[str], known: set[str]) -> set[str]:
    """The columns of a Python-like factor; raises where it holds more than arithmetic and allowed functions."""
    quoted: dict[str, str] = {}

    def stand_in(found: re.Match[str]) -> str:
        quoted[f"_quoted_{len(quoted)}"] = found[1]
        return f"_quoted_{len(quoted) - 1}"

    where = max(text.find(expression), 0)
    try:
        tree = ast.parse(re.sub(r"`([^`]+)`", stand_in, expression), mode="eval")
    except SyntaxError as error:
        raise FormulaError(f"{expression!r} cannot be read: {error.msg}.", text, where, _EXAMPLE) from None
    allowed = sorted({*PLAIN_FUNCTIONS, *STATEFUL_FUNCTIONS})
    functions: set[int] = set()
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _function(node.func)
            # ``C(region, contr.sum)`` names its contrasts by an attribute; nothing else may.
            if name.startswith("contr.") and name.removeprefix("contr.") in _CONTRASTS:
                functions.update(id(each) for each in ast.walk(node.func))
                continue
            if name not in allowed:
                raise FormulaError(
                    f"The function {name!r} is not one that formulas can use.",
                    text,
                    max(text.find(name), 0),
                    nearest(name, allowed),
                )
            functions.add(id(node.func))
    for node in ast.walk(tree):
        if id(node) in functions:
            continue
        if isinstance(node, ast.Attribute) and _function(node).removeprefix("contr.") in _CONTRASTS:
            functions.update(id(each) for each in ast.walk(node))
        elif not isinstance(node, _ALLOWED_NODES):
            raise FormulaError(
                f"{ast.unparse(node)!r} is not arithmetic or a function of columns.", text, where, _EXAMPLE
            )
        elif isinstance(node, ast.Name):
            used.add(_known(quoted.get(node.id, node.id), text, names, known))
    return used


def _function(node: ast.expr) -> str:
    return ast.unparse(node)


class FormulaEncoder(Encoder):
    """The columns of a formula; transforms such as ``bs`` and ``scale`` keep what they learned from all rows."""

    def __init__(self, formula: Formula, spec: Any, facts: Mapping[str, Column], kept: Sequence[int]) -> None:
        self.key = formula.text
        self.reads = formula.reads
        self.formula, self.spec, self.facts = formula, spec, facts
        self._kept = list(kept)
        self.names = tuple(spec.column_names[i] for i in kept)
        self._constant = (False,) * len(self.names)
        self.decision = Decision(
            f"learned the terms of {formula.text!r} from {listing(formula.reads)}, held in memory for it",
            "transforms such as splines and scaling need every row once",
        )

    @classmethod
    def learn(cls, formula: Formula, facts: Mapping[str, Column], pieces: Any) -> FormulaEncoder:
        """Learn the formula's transforms from all rows.

        Args:
            formula: the formula.
            facts: the facts of its columns.
            pieces: yields columns by name, batch by batch; they are held together in memory.
        """
        import pandas as pd
        from formulaic import model_matrix
        from formulaic.errors import FormulaicError

        facts = {name: facts[name] for name in formula.reads}
        frames = [_frame(columns, facts, rows) for columns, rows in pieces]
        whole = pd.concat(frames, ignore_index=True, copy=False) if len(frames) > 1 else frames[0]
        try:
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what is not finite is told below
                matrix: Any = model_matrix(
                    formula.text, whole, context=PLAIN_FUNCTIONS, output="numpy", na_action="ignore"
                )
        except (FormulaicError, ValueError, TypeError, KeyError, IndexError, ArithmeticError) as error:
            raise FormulaError(
                f"The formula cannot be computed: {_reason(error)}", formula.text, None, _EXAMPLE
            ) from None
        spec = matrix.model_spec
        values = np.asarray(matrix)
        bad = [name for i, name in enumerate(spec.column_names) if not np.isfinite(values[:, i]).all()]
        if bad:
            raise FormulaError(
                f"The formula gives values that are not finite in {listing(bad)}.",
                formula.text,
                None,
                "A logarithm of zero or a division by zero, probably; shift or transform the column before.",
            )
        kept = [i for i, name in enumerate(spec.column_names) if name != "Intercept"]
        encoder = cls(formula, spec, facts, kept)
        if len(values):
            encoder._constant = tuple(bool(values[:, i].min() == values[:, i].max()) for i in kept)
        return encoder

    def write(self, columns: Columns, out: np.ndarray) -> None:
        frame = _frame(columns, self.facts, len(out))
        matrix = np.asarray(self.spec.get_model_matrix(frame, context=PLAIN_FUNCTIONS))
        out[:] = matrix[:, self._kept]

    def constant(self) -> tuple[bool, ...]:
        return self._constant

    def groups(self) -> Mapping[str, tuple[int, ...]]:
        new = {old: i for i, old in enumerate(self._kept)}
        groups: dict[str, tuple[int, ...]] = {}
        for term, at in self.spec.term_indices.items():
            sources = [str(each) for each in self.spec.term_variables[term] if str(each) in self.facts]
            for name in sources:
                groups[name] = (*groups.get(name, ()), *(new[i] for i in at if i in new))
        return groups


def _frame(columns: Columns, facts: Mapping[str, Column], rows: int) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {name: _series(columns[name], column) for name, column in facts.items()}, index=range(rows)
    )


def _series(values: pa.Array, column: Column) -> Any:
    """A column as formulaic shall see it: categories with all their levels, numbers as float64, gaps filled."""
    import pandas as pd

    if column.storage is Storage.OTHER:
        raise UnsupportedColumn(
            f"The column {column.name!r} cannot be used: {column.note}.", "Convert it before."
        )
    values = plain(values)
    gone = absent(values) if column.n_missing else None
    categorical = column.kind is Kind.CATEGORICAL or (
        column.kind is Kind.BINARY and column.storage is Storage.TEXT
    )
    if categorical:
        listed = values.to_pylist()
        if gone is not None and gone.any():
            common = column.levels[int(np.argmax(column.frequencies))]
            listed = [common if miss else each for each, miss in zip(listed, gone)]
        return pd.Categorical(listed, categories=list(column.levels))
    fill = 0.0 if column.mean is None else column.mean
    if column.storage is Storage.DATE:
        first = float(days(pa.array([column.minimum]))[0])
        out = np.full(len(values), fill)
        known = ~gone if gone is not None else slice(None)
        out[known] = days(values.drop_null()) - first
        return out
    out = np.array(values.cast(pa.float64()).to_numpy(zero_copy_only=False))
    if gone is not None:
        out[gone] = fill
    return out
