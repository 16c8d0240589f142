"""``aitia identify``: what the graph lets data answer, without data."""

from __future__ import annotations

import typer

from aitia.cli import _options as options
from aitia.cli._exit import Exit
from aitia.cli._main import app


@app.command()
def identify(
    graph: options.GraphText,
    treatment: options.Treatment,
    outcome: options.Outcome,
    as_json: options.AsJson = False,
) -> None:
    """Find a formula over observed columns for an effect, or the reason why there is none. Reads no data."""
    from aitia.cli._output import print_json, print_rich
    from aitia.graphs import Graph
    from aitia.identification import Effect, NotIdentified
    from aitia.identification import identify as find
    from aitia.report import identification_table, identification_to_dict

    found = find(Graph.read(graph), Effect(treatment, outcome))
    if as_json:
        held = identification_to_dict(found)
        # The estimand alone, and once more where `aitia effect` has it, so that one reader serves both.
        print_json({**held, "estimand": held})
    else:
        print_rich(*identification_table(found))
    raise typer.Exit(int(Exit.NOT_IDENTIFIED if isinstance(found, NotIdentified) else Exit.ANSWERED))
