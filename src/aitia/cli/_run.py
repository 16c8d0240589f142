"""``aitia run STUDY.toml``: a whole study from one file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aitia.cli import _options as options
from aitia.cli._main import app

if TYPE_CHECKING:
    from aitia.cli._study_file import QuestionPart, StudyFile
    from aitia.data import Table
    from aitia.identification import Question
    from aitia.refutation import Refuter


@app.command()
def run(
    study_file: Annotated[str, typer.Argument(metavar="STUDY.toml", help="The study file.")],
    report: options.Report = None,
    strict: options.Strict = False,
    as_json: options.AsJson = False,
) -> None:
    """Run the study that a TOML file describes: data, graph (or how to find it), question, methods, report."""
    from aitia.cli._answer import Finding, answer, negative_controls
    from aitia.cli._study_file import read_study_file
    from aitia.data import read
    from aitia.study import Study

    file = read_study_file(study_file)
    table = read(file.data, kinds=file.columns or None)
    study = Study(
        table,
        question_of(file.question, table),
        file.graph,
        missing=file.rows.missing,
        weights=file.rows.weights,
        clusters=file.rows.clusters,
        formula=file.estimate.formula,
        seed=file.seed,
        level=options.level_of(file.estimate.level),
        title=file.title,
        **(file.discover.study_options(table, file.rows.missing) if file.discover else {}),
    )
    code = answer(
        study,
        finding=Finding(file.discover.columns or None, file.discover.replicates) if file.discover else None,
        method=file.estimate.method,
        beside=file.estimate.beside,
        refute=not file.refute.skip,
        refuters=refuters_of(file),
        further=negative_controls(
            file.refute.negative_control_outcome, file.refute.negative_control_exposure
        ),
        replicates=file.refute.replicates,
        report=report or file.report,
        as_json=as_json,
        strict=strict,
    )
    raise typer.Exit(int(code))


def question_of(part: QuestionPart, table: Table) -> Question:
    """The question that the table ``[question]`` of a study file asks."""
    from aitia.identification import Contrast, ControlledDirect, Effect, NaturalDirect, NaturalIndirect

    contrast = None if part.contrast is None else Contrast(*part.contrast)
    if part.kind == "controlled-direct":
        return ControlledDirect(part.treatment, part.outcome, part.mediators, part.levels, contrast)
    if part.kind == "natural-direct":
        return NaturalDirect(part.treatment, part.outcome, part.mediators, contrast)
    if part.kind == "natural-indirect":
        return NaturalIndirect(part.treatment, part.outcome, part.mediators, contrast)
    return Effect(part.treatment, part.outcome, contrast, options.population_of(part.population, table))


def refuters_of(file: StudyFile) -> list[Refuter] | None:
    """The refuters that a study file names, with their default options; None where it names none.

    Raises:
        StudyFileError: a name that no refuter has; the nearest is named.
    """
    import dataclasses

    from aitia.cli._study_file import StudyFileError
    from aitia.core import nearest
    from aitia.refutation import refuters

    if not file.refute.refuters:
        return None
    table = {name.casefold(): made for name, made in refuters().items()}
    for name in file.refute.refuters:
        if name.casefold() not in table:
            raise StudyFileError(
                f"{file.path}: the key 'refuters' in [refute] names {name!r}, which is no refuter.",
                nearest(name, table),
            )
    count = file.refute.replicates
    chosen = [table[name.casefold()] for name in file.refute.refuters]
    draws = [any(each.name == "replicates" for each in dataclasses.fields(made)) for made in chosen]  # type: ignore[arg-type]
    return [made(replicates=count) if drawn else made() for made, drawn in zip(chosen, draws)]  # type: ignore[call-arg]
