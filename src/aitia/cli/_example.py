"""``aitia example``: the bundled examples, listed or run."""

from __future__ import annotations

from typing import Annotated

import typer

from aitia.cli import _options as options
from aitia.cli._main import app


@app.command()
def example(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="The example to run; none lists them.")] = None,
    method: Annotated[str | None, typer.Option(metavar="NAME", help="The estimator.")] = None,
    replicates: options.Replicates = 100,
    seed: options.Seed = 0,
    no_refute: Annotated[bool, typer.Option("--no-refute", help="Leave refutation out.")] = False,
    report: options.Report = None,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """List the bundled examples, or run one: aitia example rand --report rand.html"""
    from aitia import examples
    from aitia.cli._answer import answer
    from aitia.cli._output import print_json, print_rich
    from aitia.report import examples_table
    from aitia.study import Study

    if name is None:
        loaded = [examples.load(each) for each in examples.names()]
        if as_json:
            print_json({"examples": [{"name": each.name, "title": each.title} for each in loaded]})
        else:
            print_rich(*examples_table([(each.name, each.title) for each in loaded]))
        return
    chosen = examples.load(name)
    study = Study(chosen.table(), question_of(chosen), chosen.graph, seed=seed, title=chosen.title)
    code = answer(
        study,
        method=method,
        refute=not no_refute,
        replicates=replicates,
        report=report,
        as_json=as_json,
        strict=strict,
    )
    if not as_json:
        print_rich(*known_answers(chosen))
    raise typer.Exit(int(code))
