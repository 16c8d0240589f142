"""The network behind ``aitia neurons``: a MODEL.py, or one that ships with the project."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aitia.cli._options import OptionError, refuse
from aitia.cli._python_file import run_python_file
from aitia.core import AitiaError, nearest

if TYPE_CHECKING:
    import numpy as np

    from aitia.networks import Inventory
    from aitia.networks.edits import Editor

SHIPPED = ("scenes", "digits", "pairs")


class UnreadableModel(AitiaError):
    """A file with a model could not be run, or lacks something that is needed."""


@dataclass(frozen=True, eq=False)
class Explained:
    """A network, the inputs it is explained on, and how they are shown.

    Args:
        model: the model, as `record` takes it.
        layer: the layer whose units are explained.
        inputs: the inputs.
        inventory: what holds at them.
        labels: their classes, or None.
        classes: the names of the classes.
        images: the inputs as images, or None.
        texts: the inputs as sentences, by role, or None.
        editor: makes edits of the inputs, or None.
        why_not: why there is none, and what to do about it.
        share: at which share of its activations a unit fires where nothing else is asked; None for above 0.
        groups: what inputs belong together, as a label for each; None where each stands for itself.
        title: a heading.
        source: where it comes from, in words.
    """

    model: Any = field(repr=False)
    layer: str
    inputs: Any = field(repr=False)
    inventory: Inventory
    labels: np.ndarray | None = field(default=None, repr=False)
    classes: tuple[str, ...] = ()
    images: np.ndarray | None = field(default=None, repr=False)
    texts: Mapping[str, Sequence[Sequence[str]]] | None = field(default=None, repr=False)
    editor: Editor | None = field(default=None, repr=False)
    why_not: str = ""
    share: float | None = None
    groups: Any = field(default=None, repr=False)
    title: str = ""
    source: str = ""


def read_network(
    source: str, layer: str | None, inputs: str | None, concepts: str | None, seed: int
) -> Explained:
    """The network behind SOURCE.

    Args:
        source: ``scenes``, ``digits``, ``pairs``, or a Python file.
        layer: the layer; None for the network's own.
        inputs: a file of inputs; None for the network's own.
        concepts: a file of concepts; None for the network's own.
        seed: of the training of a network that ships.

    Raises:
        UnreadableModel: no such file, an error while it runs, or something that is missing in it.
        OptionError: no layer is named, or files are given to a network that ships.
    """
    if source in SHIPPED:
        refuse(
            {"--inputs": inputs, "--concepts": concepts},
            f"is for a model of your own; {source} brings its own.",
        )
        return _shipped(source, layer, seed)
    path = Path(source)
    if not path.is_file():
        raise UnreadableModel(
            f"There is no file {source!r}.",
            f"Give a file of activations (.npz), a Python file that defines a model, or one of {', '.join(SHIPPED)}.",
        )
    return _written(path, layer, inputs, concepts)


def _written(path: Path, layer: str | None, inputs: str | None, concepts: str | None) -> Explained:
    """A network from a Python file."""
    import numpy as np

    from aitia.cli._array_file import groups_beside, read_concepts, read_inputs
    from aitia.cli._model_editor import editor_for
    from aitia.networks import Inventory

    held = vars(run_python_file(path, UnreadableModel))
    if "model" not in held:
        close = [each for each in held if not each.startswith("_")]
        raise UnreadableModel(
            f"{path.name} defines no model.",
            f"Write model = ... at the top level of the file. {nearest('model', close)}",
        )
    chosen = layer or held.get("layer")
    if chosen is None:
        raise OptionError("No layer is named.", "Add --layer NAME, or write layer = ... in the file.")
    given = read_inputs(inputs) if inputs else held.get("inputs")
    if given is None:
        raise UnreadableModel(
            f"{path.name} defines no inputs.", "Write inputs = ... there, or give --inputs inputs.npy."
        )
    inventory = read_concepts(concepts) if concepts else held.get("concepts")
    if not isinstance(inventory, Inventory):
        what = "no concepts" if inventory is None else f"concepts that are a {type(inventory).__name__}"
        raise UnreadableModel(
            f"{path.name} defines {what}.",
            "Write concepts = an Inventory (aitia.networks.concepts makes them), or give --concepts concepts.npz.",
        )
    labels = held.get("labels")
    texts = held.get("texts")
    if texts is None and held.get("vocabulary") is not None:
        texts = _words(given, held["vocabulary"])
    editor, why_not = editor_for(held, given, inventory, texts)
    if labels is None:
        why_not = "No edits were tried: without labels it is not known what the outputs mean. Write labels = ... there."
    return Explained(
        held["model"],
        str(chosen),
        given,
        inventory,
        None if labels is None else np.asarray(labels),
        tuple(map(str, held.get("classes", ()))),
        held.get("images", None if texts is not None else _as_images(given)),
        texts,
        editor,
        why_not=why_not,
        groups=groups_beside(inputs) if inputs else held.get("groups"),
        title=f"Units of {chosen} in {path.name}",
        source=str(path),
    )


def _as_images(inputs: Any) -> np.ndarray | None:
    """Inputs that look like images: (inputs, 1 or 3 channels, height, width)."""
    import numpy as np

    shape = getattr(inputs, "shape", ())
    if len(shape) != 4 or shape[1] not in (1, 3):
        return None
    return np.asarray(inputs.detach().cpu() if hasattr(inputs, "detach") else inputs)


def _words(inputs: Any, vocabulary: Sequence[str]) -> dict[str, list[list[str]]]:
    """Sentences from numbers of words; the first of the vocabulary stands for padding."""
    import numpy as np

    several = inputs if isinstance(inputs, tuple) else (inputs,)
    names = ("premise", "hypothesis") if len(several) == 2 else ("text",) if len(several) == 1 else None
    found = {}
    for at, each in enumerate(several):
        rows = np.asarray(each).tolist()
        role = names[at] if names else f"text {at + 1}"
        found[role] = [[str(vocabulary[word]) for word in row if word != 0] for row in rows]
    return found


def _shipped(name: str, layer: str | None, seed: int) -> Explained:
    """A network that ships; trained at the first call."""
    from aitia.networks import examples

    if name == "scenes":
        from aitia.networks.edits import RegionEditor

        network = examples.scene_network(seed)
        inventory = network.data.inventory()
        editor = RegionEditor(network.inputs, inventory)
        # An object covers a twentieth of a scene, and about one in four has the shape or the colour in question.
        shown: dict[str, Any] = {"images": network.inputs, "editor": editor, "share": 0.02}
    elif name == "digits":
        network = examples.digit_network(seed)
        inventory = network.data.inventory()
        shown = {
            "images": 16 - network.data.images,
            "share": 0.1,
            "why_not": "No edits were tried: the concepts are measured from whole digits, so that none can be put in "
            "or taken out by itself.",
        }
    else:
        network = examples.pair_network(seed)
        inventory, shown = _of_pairs(network.data)
    return Explained(
        network.model,
        layer or network.layer,
        network.inputs,
        inventory,
        network.labels,
        tuple(network.classes),
        title=f"Units of {layer or network.layer} in the network {network.name!r}",
        source=network.sentence,
        **shown,
    )


def _of_pairs(pairs: Any) -> tuple[Inventory, dict[str, Any]]:
    import numpy as np

    from aitia.networks.edits import Overlap, Word, WordEditor

    texts = {"premise": pairs.premises, "hypothesis": pairs.hypotheses}
    inventory = pairs.inventory()
    words: dict[str, Word | Overlap] = {"no word of its own in hypothesis": Overlap()}
    for name, category in zip(inventory.names, inventory.categories, strict=True):
        kind, _, role = category.partition(" in ")
        if kind == "word":
            words[name] = Word(inventory.parents[name], role)  # type: ignore[arg-type]
        elif kind == "group":
            words[name] = Word(pairs.groups[name.removesuffix(f" in {role}")], role)  # type: ignore[arg-type]

    def encode(premises, hypotheses):
        made = type(pairs)(
            tuple(map(tuple, premises)), tuple(map(tuple, hypotheses)), np.zeros(len(premises), dtype=int)
        )
        return made.tokens()

    return inventory, {
        "texts": texts,
        "editor": WordEditor(pairs.premises, pairs.hypotheses, words, encode),
        # As for the digits: above 0 most units fire at nearly every input, and their formulas say little.
        "share": 0.1,
    }
