"""Activations and concepts as arrays in NumPy's files, as ``aitia neurons activations.npz`` takes them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from aitia.core import AitiaError, nearest

if TYPE_CHECKING:
    import numpy as np

    from aitia.networks import Activations, Inventory


_KINDS = {"activations": "float", "masks": "bool", "units": "int", "lengths": "int", "inputs": "float"}


class UnreadableArrays(AitiaError):
    """A file of arrays that cannot be read, or lacks an array."""


def read_activations(path: str) -> Activations:
    """Activations from an .npz file with the array ``activations``, or from an .npy file.

    ``activations`` has the shape (inputs, units, *positions). ``units`` (their numbers) and ``lengths`` (positions of
    each input, for sequences) may be beside it.
    """
    from aitia.networks import Activations

    if Path(path).suffix.casefold() == ".npy":
        return Activations(_loaded(path))
    held = _arrays(path)
    units = _whole(held, "units", path)
    return Activations(
        _named(held, "activations", path),
        Path(path).stem,
        () if units is None else tuple(units.tolist()),
        _whole(held, "lengths", path),
    )


def read_concepts(path: str) -> Inventory:
    """Concepts from an .npz file with the arrays ``masks`` and ``names``.

    ``masks`` are booleans (or 0 and 1) of shape (concepts, inputs, *positions), ``names`` texts. ``categories`` and
    ``lengths`` may be beside them.
    """
    import numpy as np

    from aitia.networks import ConceptError, Inventory

    held = _arrays(path)
    masks, names = _named(held, "masks", path), _named(held, "names", path)
    if masks.dtype != bool:
        if masks.dtype.kind not in "iuf" or not np.isin(masks, (0, 1)).all():
            raise ConceptError(
                f"The masks in {path} are {masks.dtype} with values other than 0 and 1.",
                "Give booleans: for numbers, say from which value on a concept holds.",
            )
        masks = masks.astype(bool)
    if names.ndim != 1:
        raise ConceptError(
            f"The names in {path} have shape {names.shape}.", "Give one name for each concept."
        )
    categories = held.get("categories")
    return Inventory.from_masks(
        masks,
        _texts(names, "names", path),
        categories=() if categories is None else _texts(categories, "categories", path),
        lengths=_whole(held, "lengths", path),
    )


def _texts(values: np.ndarray, name: str, path: str) -> list[str]:
    try:
        return [each.decode() if isinstance(each, bytes) else str(each) for each in values.ravel().tolist()]
    except UnicodeDecodeError as error:
        raise UnreadableArrays(
            f"The array {name!r} in {path} holds {error.object!r}, which is no text in UTF-8.",
            f"Save texts as texts: {name}=numpy.array({name}, dtype=str).",
        ) from error


def _whole(held: dict[str, np.ndarray], name: str, path: str) -> np.ndarray | None:
    """An array of whole numbers, one for each unit or input; None where there is none."""
    import numpy as np

    if name not in held:
        return None
    values = held[name]
    whole = values.dtype.kind in "iu" or (
        values.dtype.kind == "f" and bool((values == np.rint(values)).all())
    )
    if not whole or values.ndim != 1 or not values.size:
        raise UnreadableArrays(
            f"The array {name!r} in {path} must hold whole numbers, shape (count,); came {values.dtype} of shape "
            f"{values.shape}.",
            f"Give one whole number for each, or leave {name} out.",
        )
    return values.astype(np.int64)


def _named(held: dict[str, np.ndarray], name: str, path: str) -> np.ndarray:
    if name not in held:
        raise UnreadableArrays(f"{path} holds no array {name!r}.", nearest(name, held))
    return held[name]


def _arrays(path: str) -> dict[str, np.ndarray]:
    loaded = _loaded(path)
    if not hasattr(loaded, "files"):
        raise UnreadableArrays(
            f"{path} holds one array without a name.", "Save several with numpy.savez(path, name=array)."
        )
    with loaded:
        return {name: _array(loaded, name, path) for name in loaded.files}


def _array(loaded: Any, name: str, path: str) -> np.ndarray:
    """One array of an open .npz file."""
    import zipfile
    import zlib

    import numpy as np

    try:
        found = loaded[name]
    except (ValueError, OSError, EOFError, NotImplementedError, zipfile.BadZipFile, zlib.error) as error:
        if "bject" in str(error):  # objects are not read: unpickling runs what the file says
            kind = _KINDS.get(name, "str")
            raise UnreadableArrays(
                f"The array {name!r} in {path} holds Python objects.",
                f"Save plain values: {name}=numpy.array({name}, dtype={kind}).",
            ) from error
        raise UnreadableArrays(
            f"The array {name!r} in {path} cannot be read: {error}.",
            "The file was cut or changed; copy it, or write it with numpy.savez, again.",
        ) from error
    if not isinstance(found, np.ndarray):
        raise UnreadableArrays(
            f"{name!r} in {path} is no NumPy array.", "Write the file with numpy.savez(path, name=array)."
        )
    return found


def _loaded(path: str) -> Any:
    import pickle
    import zipfile

    import numpy as np

    try:
        with open(path, "rb") as file:
            begins = file.read(2)
        if begins == b"PK" and not zipfile.is_zipfile(path):  # numpy.load would leave the file open
            raise zipfile.BadZipFile("its end is missing")
        return np.load(path, allow_pickle=False, mmap_mode="r" if path.casefold().endswith(".npy") else None)
    except FileNotFoundError as error:
        raise UnreadableArrays(
            f"There is no file {path!r}.", "Give the path of a file that numpy.savez wrote."
        ) from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, pickle.UnpicklingError) as error:
        # What NumPy takes for a pickle is any file that begins like neither of its own, a text for instance.
        why = "it is no such file" if "pickled" in str(error) else str(error).rstrip(".")
        raise UnreadableArrays(
            f"{path} cannot be read as a file of NumPy arrays: {why}.", "Write it with numpy.savez."
        ) from error


def read_groups(path: str) -> np.ndarray:
    """What each input belongs to: the array of an .npy file, or ``groups`` of an .npz file."""
    if Path(path).suffix.casefold() == ".npy":
        return _loaded(path)
    return _named(_arrays(path), "groups", path)


def groups_beside(path: str) -> np.ndarray | None:
    """The array ``groups`` of an .npz file, where it has one."""
    if Path(path).suffix.casefold() != ".npz":
        return None
    loaded = _loaded(path)
    if not hasattr(loaded, "files"):
        return None
    with loaded:
        return _array(loaded, "groups", path) if "groups" in loaded.files else None


def read_inputs(path: str) -> Any:
    """A model's inputs: the array of an .npy file, or ``inputs`` of an .npz file (several: ``inputs0``, ...)."""
    if Path(path).suffix.casefold() == ".npy":
        return _loaded(path)
    held = _arrays(path)
    several = [held[f"inputs{at}"] for at in range(len(held)) if f"inputs{at}" in held]
    return tuple(several) if several else _named(held, "inputs", path)
