"""``aitia effect``: the four stages from the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from aitia.cli import _options as options
from aitia.cli._main import app


@app.command()
def effect(
    data: options.Data,
    treatment: options.Treatment,
    outcome: options.Outcome,
    graph: options.GraphOrNone = None,
    discover: Annotated[
        str | None,
        typer.Option(
            metavar="ALGORITHM",
            help="Without --graph: find it in the data, by boss, ges, pc, fci or another of aitia discover.",
        ),
    ] = None,
    knowledge: Annotated[
        str | None, typer.Option(metavar="K.toml", help="Background knowledge for --discover.")
    ] = None,
    contrast: Annotated[
        str | None, typer.Option(metavar="TREATED,CONTROL", help="The two treatment values compared.")
    ] = None,
    method: Annotated[
        str | None, typer.Option(metavar="NAME", help="The estimator; without it aitia chooses and says why.")
    ] = None,
    beside: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A further estimator, side by side. May be repeated."),
    ] = None,
    population: Annotated[
        str, typer.Option(metavar="WHO", help='all, treated, untreated, or a condition such as "age > 60".')
    ] = "all",
    missing: Annotated[
        str, typer.Option(metavar="POLICY", help="stop, complete_cases, indicator or mean.")
    ] = "stop",
    weights: Annotated[str | None, typer.Option(metavar="COLUMN", help="Survey weights.")] = None,
    clusters: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Rows with the same value belong together.")
    ] = None,
    formula: Annotated[
        str | None,
        typer.Option(metavar="FORMULA", help='How adjustment enters, such as "~ age + bs(income, 4)".'),
    ] = None,
    kind: options.Kinds = None,
    level: Annotated[float, typer.Option(help="Nominal coverage of the interval.")] = 0.95,
    replicates: options.Replicates = 100,
    seed: options.Seed = 0,
    no_refute: Annotated[bool, typer.Option("--no-refute", help="Leave refutation out.")] = False,
    negative_control_outcome: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="A column that the treatment cannot move.")
    ] = None,
    negative_control_exposure: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="A column that cannot move the outcome.")
    ] = None,
    report: options.Report = None,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Estimate an effect: identify, estimate, try to refute, report.

    Example: aitia effect stones.csv -t treatment -y success --contrast open,percutaneous
    -g "size -> treatment; size -> success; treatment -> success"
    """
    from aitia.cli._answer import Finding, answer, negative_controls
    from aitia.cli._study_file import DiscoverPart
    from aitia.identification import Effect
    from aitia.study import Study

    if (graph is None) == (discover is None):
        raise options.OptionError(
            "Give either --graph or --discover." if graph else "There is no --graph.",
            'Write the graph you believe (--graph "z -> t; z -> y; t -> y"), or let it be found: --discover boss.',
        )
    if knowledge is not None and discover is None:
        raise options.OptionError(
            "--knowledge says how to find a graph, but --graph gives one.",
            "Leave one of them out: knowledge goes with --discover.",
        )
    table = options.read_data(data, kind)
    question = Effect(
        treatment,
        outcome,
        options.contrast_of(contrast, table, treatment),
        options.population_of(population, table),
    )
    study = Study(
        table,
        question,
        graph,
        missing=missing,
        weights=weights,
        clusters=clusters,
        formula=formula,
        seed=seed,
        level=options.level_of(level),
        **(DiscoverPart(discover, knowledge=knowledge).study_options(table, missing) if discover else {}),
    )
    code = answer(
        study,
        finding=Finding() if discover else None,
        method=method,
        beside=beside or (),
        refute=not no_refute,
        further=negative_controls(negative_control_outcome, negative_control_exposure),
        replicates=replicates,
        report=report,
        as_json=as_json,
        strict=strict,
    )
    raise typer.Exit(int(code))
