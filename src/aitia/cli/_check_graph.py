"""``aitia check-graph``: what a graph is and implies, tested against data where there are any."""

from __future__ import annotations

from typing import Annotated

import typer

from aitia.cli import _options as options
from aitia.cli._exit import Exit
from aitia.cli._main import app


@app.command(name="check-graph")
def check_graph(
    graph: Annotated[str, typer.Argument(metavar="GRAPH", help="Text or a file.")],
    data: Annotated[str | None, typer.Argument(metavar="[DATA]", help="Data to test it against.")] = None,
    kind: options.Kinds = None,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Say what kind of graph it is and which independences it implies; with DATA, test them."""
    from aitia.cli._output import print_json, print_rich
    from aitia.graphs import Graph
    from aitia.report import graph_check, graph_check_table

    checked = graph_check(Graph.read(graph), None if data is None else options.read_data(data, kind))
    if as_json:
        print_json(checked.to_dict())
    else:
        print_rich(*graph_check_table(checked))
    raise typer.Exit(int(Exit.BROKEN if strict and checked.broken else Exit.ANSWERED))
