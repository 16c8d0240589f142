"""``aitia example``: the bundled examples, listed or run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from aitia.cli import _options as options
from aitia.cli._main import app

if TYPE_CHECKING:
    from aitia.examples import Example
    from aitia.identification import Question


@app.command()
def example(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The example to run; none lists them.")
    ] = None,
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
    from aitia.report import examples_table, known_answers
    from aitia.study import Study

    if name is None:
        loaded = [examples.load(each) for each in examples.names()]
        if as_json:
            print_json({"examples": [{"name": each.name, "title": each.title} for each in loaded]})
        else:
            print_rich(*examples_table([(each.name, each.title) for each in loaded]))
        return
    chosen = examples.load(_completed(name, examples.names()))
    study = Study(
        chosen.table(),
        question_of(chosen),
        chosen.graph,
        clusters=chosen.clusters,
        seed=seed,
        title=chosen.title,
    )
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
        print_rich(*known_answers([(each.what, each.value, each.source) for each in chosen.answers.values()]))
    raise typer.Exit(int(code))


def _completed(name: str, known: Sequence[str]) -> str:
    """The one known name that starts so, or the name as it is."""
    starting = [each for each in known if each.startswith(name)]
    return starting[0] if len(starting) == 1 else name


def question_of(example: Example) -> Question:
    """The question that an example asks; with mediators, for the part of the effect that they do not carry."""
    from aitia.identification import Contrast, Effect, NaturalDirect

    contrast = None if example.contrast is None else Contrast(*example.contrast)
    if example.mediators:
        return NaturalDirect(example.treatment, example.outcome, example.mediators, contrast)
    return Effect(example.treatment, example.outcome, contrast)
