"""``aitia discover``: from data to the graphs they leave open."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aitia.cli import _options as options
from aitia.cli._main import app

if TYPE_CHECKING:
    from aitia.graphs import Graph

# What --kind may say without naming a column.
_EVERY = {"discrete": "categorical", "continuous": "continuous"}


@app.command()
def discover(
    data: options.Data,
    algorithm: Annotated[
        str,
        typer.Option(
            "--algorithm",
            "-a",
            metavar="NAME",
            help="pc, fci, rfci, ges, boss, grasp, directlingam, dagma, pcmci+ and more.",
        ),
    ] = "boss",
    alpha: Annotated[
        float | None, typer.Option(metavar="LEVEL", help="The level of the tests, where the algorithm tests.")
    ] = None,
    penalty: Annotated[
        float | None,
        typer.Option(metavar="FACTOR", help="The price of an edge in units of BIC's own, where it scores."),
    ] = None,
    max_lag: Annotated[
        int | None, typer.Option(metavar="ROWS", min=1, help="The longest lag, in a time series.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The column that holds the time, in a time series.")
    ] = None,
    unit: Annotated[str | None, typer.Option(metavar="COLUMN", help="Which series a row belongs to.")] = None,
    context: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="The domain of a row, for cdnod.")
    ] = None,
    knowledge: Annotated[
        str | None, typer.Option(metavar="K.toml", help="Background knowledge: TOML, or Tetrad's format.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B,...", help="Which columns; without it all.")
    ] = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="discrete or continuous for all columns, or COLUMN=KIND. May be repeated.",
        ),
    ] = None,
    missing: Annotated[
        str,
        typer.Option(metavar="POLICY", help="stop, complete_cases, or keep for tests that read gaps."),
    ] = "stop",
    allow_determined: Annotated[
        bool,
        typer.Option(
            "--allow-determined", help="Search all the same where a column is a function of others."
        ),
    ] = False,
    stability: Annotated[
        int, typer.Option(metavar="N", min=0, help="Bootstrap replicates: how often each edge comes back.")
    ] = 0,
    seed: options.Seed = 0,
    out: Annotated[
        str | None, typer.Option(metavar="PATH", help="Write the graph here: .dot, .gml or .txt.")
    ] = None,
    report: options.Report = None,
    as_json: options.AsJson = False,
) -> None:
    """Find the graphs that data and knowledge leave open, with what decided each edge.

    Example: aitia discover proteins.csv --algorithm pc --alpha 0.01 --stability 100 --out proteins.dot
    --report proteins.html
    """
    from dataclasses import replace

    from aitia import discovery
    from aitia.cli._output import print_json, print_rich
    from aitia.core import Decision
    from aitia.discovery import Knowledge, Observations
    from aitia.report import discovery_table, write_discovery_report, write_text

    if out is not None:
        graph_text(None, out)
    known = None if knowledge is None else Knowledge.read(knowledge)
    table = options.read_data(data)
    chosen = _columns(columns)
    kinds = _kinds(kind or (), chosen or table.names)
    observed = Observations.of(table, chosen, kinds=kinds, missing=missing)
    given = {
        "alpha": alpha,
        "penalty": penalty,
        "max_lag": max_lag,
        "time": time,
        "unit": unit,
        "context": context,
    }
    unused = [
        name for name, value in given.items() if value is not None and not discovery.takes(algorithm, name)
    ]
    used: dict[str, Any] = {name: value for name, value in given.items() if name not in unused}
    method = discovery.algorithm_named(algorithm, observed, **used)
    found = method.run(observed, known, seed=seed, allow_determined=allow_determined)
    passed_over = [
        Decision(f"passed over --{name.replace('_', '-')}", f"{method.name} has no such option")
        for name in unused
    ]
    found = replace(found, decisions=(*passed_over, *found.decisions))
    how_sure = (
        discovery.stability(method, observed, stability, knowledge=known, seed=seed, found=found)
        if stability
        else None
    )
    if out is not None:
        write_text(out, graph_text(found.graph, out))
    if report is not None:
        write_discovery_report(
            report, found, how_sure, source=str(table.source), fingerprint=table.fingerprint
        )
    if as_json:
        held = found.to_dict()
        held["stability"] = None if how_sure is None else how_sure.to_dict()
        print_json({**held, "out": out, "report": report})
        return
    print_rich(*discovery_table(found, how_sure))
    for what, where in (("Graph", out), ("Report", report)):
        if where is not None:
            print_rich(f"{what} written to {where}")
    print_rich(_next_step(found.graph, table.names, data, out))


def graph_text(graph: Graph | None, path: str) -> str:
    """A graph in the format that the path's ending names; with None the ending is only checked.

    Raises:
        OptionError: no format has that ending.
    """
    from pathlib import Path

    from aitia.core import nearest

    formats = {
        ".dot": "to_dot",
        ".gv": "to_dot",
        ".gml": "to_gml",
        ".txt": "to_text",
        ".dagitty": "to_dagitty",
    }
    suffix = Path(path).suffix.casefold()
    if suffix not in formats:
        raise options.OptionError(
            f"--out {path!r} ends with {suffix or 'nothing'!r}, which names no format of graphs.",
            nearest(suffix, formats),
        )
    return "" if graph is None else getattr(graph, formats[suffix])()


def _columns(text: str | None) -> list[str] | None:
    """The columns behind ``--columns a,b``; a name that holds a comma is put in double quotes."""
    import csv

    if text is None:
        return None
    names = [each.strip() for each in next(csv.reader([text], skipinitialspace=True))]
    return list(dict.fromkeys(names))


def _kinds(given: Sequence[str], columns: Sequence[str]) -> Mapping[str, str] | None:
    """Kinds by column, from words for all columns and from ``COLUMN=KIND``, which goes before."""
    from aitia.core import nearest

    chosen: dict[str, str] = {}
    for each in sorted(given, key=lambda text: "=" in text):
        column, equals, word = each.rpartition("=")
        word = _EVERY.get(word, word)
        if equals:
            chosen[column] = word
        elif each in _EVERY:
            chosen |= dict.fromkeys(columns, word)
        else:
            raise options.OptionError(
                f"--kind {each!r} is neither discrete nor continuous, and names no column.",
                f"{nearest(each, _EVERY)} Or write --kind COLUMN=KIND.",
            )
    return chosen or None


def _next_step(graph: Graph, columns: Sequence[str], data: str, out: str | None) -> str:
    """The command that a person would type next."""
    if out is None:
        return "Write the graph with --out graph.dot, then ask: aitia effect DATA -t CAUSE -y OUTCOME --graph graph.dot"
    # An unmeasured variable or a lag is no column that a question can name.
    arrows = (edge for edge in graph.edges if edge.directed and {edge.a, edge.b} <= set(columns))
    cause, effect = next(((edge.a, edge.b) for edge in arrows), ("CAUSE", "OUTCOME"))
    data, cause, effect, out = map(_quoted, (data, cause, effect, out))
    return f"Ask for an effect in it: aitia effect {data} -t {cause} -y {effect} --graph {out}"


def _quoted(word: str) -> str:
    """A word as a shell reads it back; double quotes, which every shell knows, where they are enough."""
    if re.search(r"[\"$`\\!]", word):
        return shlex.quote(word)
    return f'"{word}"' if re.search(r"[^\w./:+-]", word) else word
