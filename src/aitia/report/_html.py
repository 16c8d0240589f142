"""One self-contained HTML file: no outside links, no scripts, every name escaped."""

from __future__ import annotations

import os
import platform
from collections import Counter
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from aitia import __version__
from aitia.identification import NotIdentified
from aitia.refutation import Refutation, Verdict
from aitia.report._atomic import write_text
from aitia.report._findings import Findings
from aitia.report._pictures import Picture, Pictures
from aitia.report._words import names, number, probability, shown

_HERE = Path(__file__).parent
_PACKAGES = ("numpy", "scipy", "pyarrow", "duckdb", "scikit-learn", "pandas")


def write_report(findings: Findings, path: str | os.PathLike[str]) -> Path:
    """Write what is known about a question as one HTML file.

    Args:
        findings: whatever is known; a question that is not identified gets a page too.
        path: where to. The file is written whole or not at all.

    Returns:
        The path written.

    Raises:
        CannotWrite: the disk is full, or the folder is not there or not writable. An old file survives.
    """
    return write_text(path, html_page(findings))


def html_page(findings: Findings) -> str:
    """What is known about a question as the text of one HTML page.

    Args:
        findings: whatever is known.
    """
    pictures = Pictures(findings)
    tried = [each for each in findings.refutations if each.attempted]
    refused = None
    if isinstance(findings.identification, NotIdentified) and findings.effects is None:
        refused = findings.identification
    comparability, sensitivity = pictures.comparability(), pictures.sensitivity()
    contents = [
        ("why-not", "Why not", refused is not None),
        ("effects", "Each graph's answer", findings.effects is not None),
        ("ledger", "Assumptions", len(findings.ledger) > 0),
        ("graph", "Graph", True),
        ("found", "How it was found", findings.discovery is not None),
        ("estimate", "Estimate", findings.estimate is not None),
        ("simpson", "Simpson's paradox", bool(findings.reversals)),
        ("comparable", "Comparability", bool(comparability)),
        ("refutations", "Refutations", bool(findings.refutations)),
        ("sensitivity", "Sensitivity", bool(sensitivity)),
        ("decisions", "Decisions", True),
        ("provenance", "Provenance", True),
    ]
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            f=findings,
            version=__version__,
            css=_css(),
            contents=[(anchor, words) for anchor, words, there in contents if there],
            refused=refused,
            warnings=[each for each in findings.diagnostics if each.warning],
            tally=tally(tried),
            estimates=[each for each in (findings.estimate, *findings.beside) if each is not None],
            graph=pictures.graph(),
            effects_figure=pictures.effects(),
            stable=findings.stability.edges() if findings.stability else (),
            estimate_figures=pictures.estimates(),
            reversals=[
                _ReversalPart(each, picture, each.strata[0].means is not None)
                for each, picture in zip(findings.reversals, pictures.reversals())
            ],
            comparability=comparability,
            tried=tried,
            passed_over=[each for each in findings.refutations if not each.attempted],
            refutation_figures=pictures.refutations(),
            sensitivity=sensitivity,
            provenance=provenance(findings),
        )
    )


def html_summary(findings: Findings) -> str:
    """Question, answer and ledger as a fragment of HTML, for notebooks."""
    return _environment().get_template("summary.html.j2").render(f=findings)


def tally(refutations: list[Refutation]) -> str:
    """How the attempts came out, in numbers.

    Example:
        >>> tally([])
        ''
    """
    counts = Counter(verdict_word(each) for each in refutations)
    return ", ".join(
        f"{counts[word]} {word}" for word in ("broken", "inconclusive", "survived", "bounded") if counts[word]
    )


def verdict_word(refutation: Refutation) -> str:
    """The verdict in a word: what cannot be tested but only bounded is never told as survived."""
    if refutation.bounds and refutation.verdict is not Verdict.BROKEN:
        return "bounded"
    return refutation.verdict.value


def provenance(findings: Findings) -> list[tuple[str, str]]:
    """Data, seed, versions and seconds, as pairs of words."""
    table = findings.table
    lines = [
        ("Data", f"{table.source}, {table.n_rows:,} rows, {len(table.names)} columns"),
        ("Fingerprint of the data", table.fingerprint),
        ("Seed", str(findings.seed)),
    ]
    if findings.seconds:
        spent = ", ".join(f"{stage} {seconds:.2f} s" for stage, seconds in findings.seconds.items())
        lines.append(("Time", spent))
    versions = [f"aitia {__version__}", f"Python {platform.python_version()}"]
    versions += [f"{package} {metadata.version(package)}" for package in _PACKAGES]
    lines.append(("Versions", ", ".join(versions)))
    return lines


@dataclass(frozen=True, eq=False)
class _ReversalPart:
    found: Any
    figure: Picture
    binary: bool


def _p_equals(value: float) -> str:
    text = probability(value)
    return text if text.startswith("<") else f"= {text}"


@cache
def _environment() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        names=names,
        number=number,
        p_equals=_p_equals,
        probability=probability,
        shown=shown,
        verdict_class=verdict_word,
        verdict_word=verdict_word,
    )
    return environment


def _css() -> Any:
    from markupsafe import Markup

    return Markup((_HERE / "page.css").read_text(encoding="utf-8"))
