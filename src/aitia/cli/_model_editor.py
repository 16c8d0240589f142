"""What edits a user's inputs, for ``aitia neurons MODEL.py``: an editor of the file, or one that follows from them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aitia.core import AitiaError

if TYPE_CHECKING:
    import numpy as np

    from aitia.networks import Inventory
    from aitia.networks.edits import Column, Editor

_WORK = 2_000_000_000  # comparisons of columns with concepts, at most
_ASK = (
    "Write editor = ... in the file: a WordEditor, RegionEditor or ColumnEditor of aitia.networks.edits, "
    "or one of your own."
)


def editor_for(
    held: Mapping[str, Any],
    inputs: Any,
    inventory: Inventory,
    texts: Mapping[str, Sequence[Sequence[str]]] | None,
) -> tuple[Editor | None, str]:
    """The editor of a model's inputs.

    The file's own ``editor`` comes first. Else words are edited where there are texts in one role, or in the roles
    premise and hypothesis, whose words are concepts (as `from_texts` makes them) and that can be turned back into
    inputs: by the file's ``encode(premises, hypotheses)`` or ``encode(texts)``, or by ``vocabulary``. Regions are
    edited where inputs are images (inputs, channels, height, width) with concepts of their pixels. Columns are edited
    where inputs are rows of numbers and a concept is a range of one column's values.

    Args:
        held: what the file defines.
        inputs: the model's inputs.
        inventory: the concepts.
        texts: the inputs as sentences by role, or None.

    Returns:
        The editor, or None and why there is none and what to write in the file.
    """
    from aitia.networks.edits import Editor

    given = held.get("editor")
    if given is not None:
        if isinstance(given, Editor):
            return given, ""
        return None, f"No edits were tried: editor is a {type(given).__name__}, not an Editor. {_ASK}"
    try:
        if texts is not None:
            return _of_words(held, inputs, inventory, texts)
        values = _array(inputs)
        if values is not None and values.ndim == 4 and len(inventory.layout.shape) == 2:
            from aitia.networks.edits import RegionEditor

            return RegionEditor(values, inventory), ""
        if values is not None and values.ndim == 2 and values.dtype.kind in "fiub":
            return _of_columns(values, inventory)
    except AitiaError as error:
        return None, f"No edits were tried: {error.problem} {_ASK}"
    return None, f"No edits were tried: how these inputs are edited does not follow from them. {_ASK}"


def _array(inputs: Any) -> np.ndarray | None:
    import numpy as np

    if not hasattr(inputs, "shape"):
        return None
    return np.asarray(inputs.detach().cpu() if hasattr(inputs, "detach") else inputs)


def _of_words(
    held: Mapping[str, Any], inputs: Any, inventory: Inventory, texts: Mapping[str, Sequence[Sequence[str]]]
) -> tuple[Editor | None, str]:
    from aitia.networks.edits import Word, WordEditor

    roles = list(texts)
    if len(roles) != 1 and roles != ["premise", "hypothesis"]:
        named = ", ".join(roles)
        return (
            None,
            f"No edits were tried: the roles of the texts are {named}, not premise and hypothesis. {_ASK}",
        )
    encode = held.get("encode") or _encoder(inputs, held.get("vocabulary"))
    if encode is None:
        arguments = "premises, hypotheses" if len(roles) == 2 else "texts"
        return None, (
            "No edits were tried: what the model takes cannot be made of edited texts. Write a function "
            f"encode({arguments}) in the file that makes inputs of lists of words, or vocabulary = ..."
        )
    # One text alone stands where hypotheses do.
    places = {
        f"word in {role}": "premise" if len(roles) == 2 and role == roles[0] else "hypothesis"
        for role in roles
    }
    words: dict[str, Any] = {
        name: Word(inventory.parents[name], places[category])  # type: ignore[arg-type]
        for name, category in zip(inventory.names, inventory.categories, strict=True)
        if category in places and name in inventory.parents
    }
    if not words:
        return None, (
            "No edits were tried: no concept is a word of the texts. Make the concepts with "
            f"aitia.networks.concepts.from_texts. {_ASK}"
        )
    if len(roles) == 2:
        return WordEditor(texts[roles[0]], texts[roles[1]], words, encode), ""
    alone = texts[roles[0]]
    return WordEditor([()] * len(alone), alone, words, lambda _, each: encode(each)), ""


def _encoder(inputs: Any, vocabulary: Sequence[str] | None) -> Callable[..., Any] | None:
    """From words back to their numbers in the vocabulary, padded with 0 as the inputs are, and longer where need be."""
    import numpy as np

    if vocabulary is None:
        return None
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    like = [_array(each) for each in several]
    if any(each is None or each.ndim != 2 or each.dtype.kind not in "iu" for each in like):
        return None
    place = {str(word): at for at, word in enumerate(vocabulary)}

    def numbers(sentences: Sequence[Sequence[str]], form: Any) -> np.ndarray:
        longest = max(form.shape[1], max((len(words) for words in sentences), default=0))
        found = np.zeros((len(sentences), longest), dtype=form.dtype)
        for row, words in enumerate(sentences):
            found[row, : len(words)] = [place[word] for word in words]
        return found

    def encode(*texts: Sequence[Sequence[str]]) -> Any:
        made = tuple(numbers(each, form) for each, form in zip(texts, like, strict=True))
        return made if isinstance(inputs, tuple) else made[0]

    return encode


def _of_columns(rows: np.ndarray, inventory: Inventory) -> tuple[Editor | None, str]:
    from aitia.networks.edits import ColumnEditor

    if inventory.layout.shape or rows.shape[0] != inventory.layout.inputs:
        return None, f"No edits were tried: the concepts are not of whole rows. {_ASK}"
    if rows.size * len(inventory) > _WORK:
        return None, f"No edits were tried: so many concepts are not compared with so many columns. {_ASK}"
    holds = inventory.layout.unpack(inventory.words)
    columns = column_of_each(rows, holds)
    known = {inventory.names[at]: column for at, column in columns.items()}
    if not known:
        return None, f"No edits were tried: no concept is a range of one column's values. {_ASK}"
    return ColumnEditor(rows, known, {inventory.names[at]: holds[at] for at in columns}), ""


def column_of_each(rows: np.ndarray, holds: np.ndarray) -> dict[int, Column]:
    """For each concept that is a range of one column's values, the column and a value inside and outside.

    Args:
        rows: numbers of shape (inputs, columns).
        holds: where each concept holds, booleans of shape (concepts, inputs).

    Returns:
        By the concept's place: the first such column, the median of its values (one that occurs) where the concept
        holds and where it does not.
    """
    import numpy as np

    from aitia.networks.edits import Column

    found: dict[int, Column] = {}
    left = np.flatnonzero(holds.any(axis=1) & ~holds.all(axis=1))
    for place in range(rows.shape[1]):
        if not len(left):
            break
        order = np.argsort(rows[:, place], kind="stable")
        values, ordered = rows[order, place], holds[left][:, order]
        steps = ordered[:, 1:] != ordered[:, :-1]
        # A run: it begins once at most, and nowhere between equal values.
        begins = ordered[:, 0] + (ordered[:, 1:] & steps).sum(axis=1)
        run = (begins == 1) & ~(steps & (values[1:] == values[:-1])).any(axis=1)
        for at in left[run]:
            inside, outside = (np.sort(rows[each, place]) for each in (holds[at], ~holds[at]))
            found[int(at)] = Column(place, float(inside[len(inside) // 2]), float(outside[len(outside) // 2]))
        left = left[~run]
    return found
