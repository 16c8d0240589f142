"""``aitia neurons``: when each unit of a network fires, as a formula over concepts."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aitia.cli import _options as options
from aitia.cli._exit import Stopped
from aitia.cli._main import app

if TYPE_CHECKING:
    from aitia.cli._model_file import Explained
    from aitia.networks import Binarisation, Explanations, Search
    from aitia.networks.edits import TriedEdits
    from aitia.networks.refutation import Subject, Worth

_SEARCHES = ("exact", "beam")
_EDITS = 10  # so many edits are tried for each class
_EDITED = 100  # on so many inputs each
_UNITS = 1_000_000  # more are not written out


@app.command()
def neurons(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Recorded activations (.npz), a MODEL.py, or a network that ships: scenes, digits, pairs.",
        ),
    ],
    layer: Annotated[
        str | None, typer.Option("--layer", metavar="NAME", help="The layer whose units are explained.")
    ] = None,
    inputs: Annotated[
        str | None, typer.Option("--inputs", metavar="FILE", help="The model's inputs: .npy, or .npz.")
    ] = None,
    concepts: Annotated[
        str | None,
        typer.Option("--concepts", metavar="CONCEPTS.npz", help="Masks and names of the concepts."),
    ] = None,
    length: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="The most concepts a formula names; exact search is certain to 5."
        ),
    ] = 3,
    search: Annotated[str, typer.Option(metavar="NAME", help="exact or beam.")] = "exact",
    beam: Annotated[
        int | None, typer.Option(min=1, metavar="WIDTH", help="How many formulas a beam search keeps: 10.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=0, metavar="S", help="The exact search stops after so long a unit.")
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="T", help="A unit fires above this activation.")
    ] = None,
    quantile: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="A unit fires at the top share of its activations. Without either: 0.005 for maps of a model, "
            "0.02 for scenes, 0.1 for digits and pairs, else above 0.",
        ),
    ] = None,
    units: Annotated[
        str | None, typer.Option("--units", metavar="3,5,8-12", help="Which units; without it all.")
    ] = None,
    null: Annotated[
        int | None,
        typer.Option(min=0, metavar="N", help="Replicates of the null; 0 for none; without it up to 99."),
    ] = None,
    null_search: Annotated[
        str | None,
        typer.Option(
            "--null-search",
            metavar="NAME",
            help="What the null repeats: exact or beam; without it the search itself, or beam where that takes long.",
        ),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups",
            metavar="FILE",
            help="What inputs belong together (film, text, person): a label each, .npy, or groups in an .npz.",
        ),
    ] = None,
    seed: options.Seed = 0,
    out: Annotated[
        str | None, typer.Option("--out", metavar="PAGE.html", help="Write the page here.")
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Only explain: try to break nothing but by the null, edit nothing."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON list, a unit each.")] = False,
) -> None:
    """Explain units: the formula over concepts that describes best when each fires, and whether it beats chance.

    Example: aitia neurons activations.npz --concepts concepts.npz --length 3 --search exact --json
    """
    from aitia.cli._output import print_rich

    method = _search(search, length, beam, seconds)
    repeat = None if null_search is None else _search(null_search, length, beam, None, "--null-search")
    chosen = None if units is None else _units(units)
    if Path(source).suffix.casefold() in (".npz", ".npy"):
        from aitia.cli._array_file import groups_beside, read_activations, read_concepts

        network, subject = None, None
        options.refuse({"--layer": layer, "--inputs": inputs}, f"is for a model; {source} holds activations.")
        activations, inventory = read_activations(source), read_concepts(concepts or source)
        binarise = _binarisation(threshold, quantile)
        together = groups_beside(source)
    else:
        from aitia.cli._model_file import read_network
        from aitia.networks import record
        from aitia.networks.refutation import Subject

        network = read_network(source, layer, inputs, concepts, seed)
        inventory, together = network.inventory, network.groups
        activations = record(network.model, network.layer, network.inputs)
        maps = len(activations.positions) == 2
        binarise = _binarisation(threshold, quantile, network.share or (0.005 if maps else None))
        subject = None
        if network.labels is not None:
            subject = Subject(
                network.model,
                network.layer,
                network.inputs,
                network.labels,
                _classes(network.classes, network.labels),
            )
    if groups is not None:
        from aitia.cli._array_file import read_groups

        together = read_groups(groups)
    from aitia.networks import explain

    found = explain(
        activations,
        inventory,
        search=method,
        binarise=binarise,
        units=chosen,
        null=null,
        null_search=repeat,
        groups=together,
        seed=seed,
    )
    stopped = found.interrupted
    worth: tuple[Worth, ...] = ()
    edits: tuple[TriedEdits, ...] = ()
    no_edits = ""
    if out is not None and not quick and not stopped:
        try:
            if any(each.stopped for each in found):
                found = _with(found, "Nothing else was tried, and no edits were made, for want of time.")
            else:
                worth = _worth(found, method, subject, together, seed)
                edits, no_edits = _edits(found, worth, subject, network, seed)
        except KeyboardInterrupt:
            stopped = True
            what = "edits were being tried" if worth else "it was tried what breaks the explanations"
            found = _with(found, f"Stopped while {what}: what was not finished is not shown.")
    if out is not None:
        from aitia.report import NeuronFindings, write_neuron_report

        shown: dict[str, Any] = {}
        if network is not None:
            shown = {
                "images": network.images,
                "texts": network.texts,
                "labels": network.labels,
                "classes": network.classes,
                "title": network.title,
                "source": network.source,
            }
        else:
            shown = {"source": " and ".join(dict.fromkeys((source, concepts or source)))}
        write_neuron_report(NeuronFindings(found, worth, edits, no_edits, **shown), out)
    if as_json:
        import json

        from aitia.report import plain

        print(json.dumps(plain(found.to_dict()), allow_nan=False))
    else:
        from aitia.report import neuron_table

        print_rich(*neuron_table(found, worth))
        if out is not None:
            print_rich(f"Page written to {out}")
    if stopped:
        raise Stopped


def _with(found: Explanations, warning: str) -> Explanations:
    from dataclasses import replace

    return replace(found, warnings=(*found.warnings, warning))


def _classes(classes: tuple[str, ...], labels: Any) -> tuple[str, ...]:
    return classes or tuple(f"class {each}" for each in range(int(labels.max()) + 1))


def _worth(
    found: Explanations, search: Search, subject: Subject | None, groups: Any, seed: int
) -> tuple[Worth, ...]:
    """What refuters other than the null say of the explanations, with the null's own trials before them."""
    from dataclasses import replace

    from aitia.networks.refutation import PermutationNull, battery, refute

    refuters = [
        each for each in battery(network=subject is not None) if not isinstance(each, PermutationNull)
    ]
    made = refute(
        found.explanations,
        found.firing,
        found.inventory,
        search,
        activations=found.activations,
        network=subject,
        refuters=refuters,
        groups=groups,
        seed=seed,
    )
    if not found.null:
        return made
    words = {PermutationNull.name: PermutationNull.verdict}
    return tuple(
        replace(each, trials=(null, *each.trials), broken_words={**words, **each.broken_words})
        for each, null in zip(made, found.null, strict=True)
    )


def _edits(
    found: Explanations,
    worth: tuple[Worth, ...],
    subject: Subject | None,
    network: Explained | None,
    seed: int,
) -> tuple[tuple[TriedEdits, ...], str]:
    """For each class the edits that should turn answers to it, tried; or why there are none."""
    if network is None:
        return (), "No edits were tried: they need the model, not only what was recorded of it."
    if subject is None or network.editor is None:
        return (), network.why_not
    import numpy as np

    from aitia.networks.edits import answers_of, suggest_edits, try_edits
    from aitia.networks.refutation import Consequence

    # What a unit does when it begins to fire was measured when it was ablated where it fires: the change, turned round.
    effects = np.zeros((len(found), len(subject.classes)))
    for at, each in enumerate(worth):
        trial = each[Consequence.name]
        changes = [-effect.active.value for effect in trial.details["ablated"]] if trial.attempted else []
        if len(changes) == 1 and len(subject.classes) == 2:
            changes = [0.0, *changes]  # the one output is the second class's
        if len(changes) == len(subject.classes):
            effects[at] = changes
    answers, logits = answers_of(subject)
    suggested = []
    for place in range(len(subject.classes)):
        several = suggest_edits(
            found.explanations,
            place,
            firing=found.firing,
            inventory=found.inventory,
            effects=effects,
            answers=answers,
            logits=logits,
            classes=subject.classes,
            most=4 * len(found.inventory),
        )
        suggested += [each for each in several if network.editor.knows(each)][:_EDITS]
    if not suggested:
        return (), "No edits were tried: none that can be made follows from the formulas."
    return (try_edits(subject, suggested, network.editor, most=_EDITED, seed=seed),), ""


def _search(
    name: str, length: int, width: int | None, seconds: float | None, option: str = "--search"
) -> Search:
    from aitia.core import nearest
    from aitia.networks import Beam, Exact

    if name not in _SEARCHES:
        raise options.OptionError(f"{option} {name!r} is no search.", nearest(name, _SEARCHES))
    if name == "exact":
        if width is not None and option == "--search":
            raise options.OptionError(
                "--beam is for --search beam.", "Leave --beam out, or add --search beam."
            )
        return Exact(length, seconds)
    if seconds is not None:
        raise options.OptionError("--seconds is for --search exact.", "Leave --seconds out.")
    return Beam(length, 10 if width is None else width)


def _binarisation(
    threshold: float | None, quantile: float | None, usual: float | None = None
) -> Binarisation:
    from aitia.networks import Above, Quantile

    if threshold is not None and quantile is not None:
        raise options.OptionError(
            "--threshold and --quantile both say where a unit fires.", "Give one of the two."
        )
    if threshold is not None:
        return Above(threshold)
    share = usual if quantile is None else quantile
    return Above(0.0) if share is None else Quantile(share)


def _units(text: str) -> list[int]:
    """The units behind ``--units 3,5,8-12``.

    Raises:
        OptionError: a part that is neither a number nor a range.

    Example:
        >>> _units("3,8-10")
        [3, 8, 9, 10]
    """
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None:
            raise options.OptionError(
                f"--units {text!r}: {part.strip()!r} is no unit.", "Write --units 3,5,8-12."
            )
        first = int(match[1])
        last = first if match[2] is None else int(match[2])
        if not 0 <= last - first < _UNITS:
            raise options.OptionError(
                f"--units {text!r}: {part.strip()!r} goes backwards, or names more units than a layer has.",
                "Write --units 3,5,8-12.",
            )
        found += range(first, last + 1)
    return list(dict.fromkeys(found))
