"""What a person knows beforehand: tiers, required and forbidden edges, exogenous variables, latent pairs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from aitia.core import nearest
from aitia.discovery._errors import KnowledgeError

Pair: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Knowledge:
    """Background knowledge that every algorithm takes and never contradicts.

    Args:
        tiers: groups of variables in time order: nothing in a later tier causes anything in an earlier one. A variable
            in no tier is free.
        required: pairs (cause, effect) whose edge ``cause -> effect`` is in the graph.
        forbidden: pairs (cause, effect) whose edge ``cause -> effect`` is not in the graph.
        exogenous: variables that no other variable of the data causes.
        latent_pairs: pairs known to share an unmeasured cause.
        apart_within: True forbids edges between variables of one tier.

    Raises:
        KnowledgeError: the pieces contradict each other; the error names them.

    Example:
        >>> known = Knowledge(tiers=[["age"], ["dose", "pain"]], required=[("dose", "pain")])
        >>> known.forbids("pain", "age"), known.forbids("pain", "dose"), known.forbids("age", "pain")
        (True, True, False)
    """

    tiers: tuple[tuple[str, ...], ...] = ()
    required: tuple[Pair, ...] = ()
    forbidden: tuple[Pair, ...] = ()
    exogenous: tuple[str, ...] = ()
    latent_pairs: tuple[Pair, ...] = ()
    apart_within: bool = False

    def __post_init__(self) -> None:
        for what, given in (("exogenous", self.exogenous), *(("tiers", tier) for tier in self.tiers)):
            if isinstance(given, str):  # or its letters would be taken for names
                raise KnowledgeError(
                    f"A list of names was expected in {what}, but came the text {given!r}.",
                    f"Write [{given!r}].",
                )
        tidy = {
            "tiers": tuple(tuple(tier) for tier in self.tiers),
            "required": _pairs(self.required),
            "forbidden": _pairs(self.forbidden),
            "exogenous": tuple(dict.fromkeys(self.exogenous)),
            "latent_pairs": _pairs(self.latent_pairs),
        }
        for name, value in tidy.items():
            object.__setattr__(self, name, value)
        self._refuse_contradictions()

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Knowledge:
        """Knowledge from a file: TOML with this class's names as keys, or Tetrad's knowledge format.

        ``tiers = [["age"], ["dose", "pain"]]``, ``required = [["dose", "pain"]]``, and so on. A file that starts
        with ``/knowledge`` is read as Tetrad writes it: ``addtemporal``, ``forbiddirect``, ``requiredirect``.

        Args:
            path: the file.

        Raises:
            KnowledgeError: the file cannot be read; a key is unknown (the nearest one is named) or holds something
                else than it should, with the line; the pieces contradict each other.
        """
        from aitia.discovery._knowledge_file import read_knowledge

        return read_knowledge(path)

    @classmethod
    def of_mapping(cls, content: Mapping[str, Any]) -> Knowledge:
        """Knowledge from a mapping with this class's names as keys, such as a table of a TOML file.

        Raises:
            KnowledgeError: a key is unknown (the nearest one is named) or holds something else than it should.

        Example:
            >>> Knowledge.of_mapping({"tiers": [["age"], ["pain"]]}).why_forbidden("pain", "age")
            'pain is in tier 2, after age in tier 1'
        """
        from aitia.discovery._knowledge_file import of_mapping

        return of_mapping(content)

    def to_dict(self) -> dict[str, Any]:
        """The pieces as plain data, each under its name."""
        return {
            "tiers": [list(tier) for tier in self.tiers],
            "required": [list(pair) for pair in self.required],
            "forbidden": [list(pair) for pair in self.forbidden],
            "exogenous": list(self.exogenous),
            "latent_pairs": [list(pair) for pair in self.latent_pairs],
            "apart_within": self.apart_within,
        }

    def to_toml(self) -> str:
        """The pieces as TOML, which `read` reads back; empty where nothing is known.

        Example:
            >>> print(Knowledge(tiers=[["age"], ["pain"]], exogenous=["age"]).to_toml(), end="")
            tiers = [
                ["age"],
                ["pain"],
            ]
            exogenous = ["age"]
        """
        from aitia.discovery._knowledge_file import to_toml

        return to_toml(self)

    def __bool__(self) -> bool:
        return any((self.tiers, self.required, self.forbidden, self.exogenous, self.latent_pairs))

    def why_forbidden(self, cause: str, effect: str) -> str:
        """The piece that forbids ``cause -> effect`` in words; empty if none does."""
        if (cause, effect) in self.forbidden:
            return f"{cause} -> {effect} is forbidden"
        if (effect, cause) in self.required:
            return f"{effect} -> {cause} is required"
        if effect in self.exogenous:
            return f"{effect} is exogenous"
        a, b = self._tier(cause), self._tier(effect)
        if a is not None and b is not None:
            if a > b:
                return f"{cause} is in tier {a + 1}, after {effect} in tier {b + 1}"
            if a == b and self.apart_within:
                return f"{cause} and {effect} are both in tier {a + 1}, within which no edges are allowed"
        return ""

    def forbids(self, cause: str, effect: str) -> bool:
        """Whether ``cause -> effect`` is ruled out."""
        return bool(self.why_forbidden(cause, effect))

    def requires(self, cause: str, effect: str) -> bool:
        """Whether ``cause -> effect`` is in the graph for sure."""
        return (cause, effect) in self.required

    def forbidden_matrix(self, names: Sequence[str]) -> np.ndarray:
        """Booleans of shape (p, p): [i, j] says that i -> j is ruled out."""
        return np.array([[a != b and self.forbids(a, b) for b in names] for a in names], bool).reshape(
            len(names), len(names)
        )

    def required_matrix(self, names: Sequence[str]) -> np.ndarray:
        """Booleans of shape (p, p): [i, j] says that i -> j is in the graph for sure."""
        wanted = set(self.required)
        return np.array([[(a, b) in wanted for b in names] for a in names], bool).reshape(
            len(names), len(names)
        )

    def check_names(self, names: Sequence[str]) -> None:
        """Refuse knowledge about variables that are not there.

        Raises:
            KnowledgeError: names the stranger and the nearest variable.
        """
        for what, mentioned in (
            ("tiers", [name for tier in self.tiers for name in tier]),
            ("required", [name for pair in self.required for name in pair]),
            ("forbidden", [name for pair in self.forbidden for name in pair]),
            ("exogenous", self.exogenous),
            ("latent_pairs", [name for pair in self.latent_pairs for name in pair]),
        ):
            for name in mentioned:
                if name not in names:
                    raise KnowledgeError(
                        f"The knowledge names {name!r} in {what}, which is no variable of the data.",
                        nearest(name, names),
                    )

    def _tier(self, name: str) -> int | None:
        return next((i for i, tier in enumerate(self.tiers) if name in tier), None)

    def _refuse_contradictions(self) -> None:
        seen: dict[str, int] = {}
        for i, tier in enumerate(self.tiers):
            for name in tier:
                if name in seen:
                    raise KnowledgeError(
                        f"{name!r} is in tier {seen[name] + 1} and in tier {i + 1}.", "Put it in one tier."
                    )
                seen[name] = i
        for pair in (*self.required, *self.forbidden, *self.latent_pairs):
            if pair[0] == pair[1]:
                raise KnowledgeError(f"The knowledge joins {pair[0]!r} to itself.", "Remove that pair.")
        for cause, effect in self.required:
            others = Knowledge(self.tiers, (), self.forbidden, self.exogenous, (), self.apart_within)
            reason = others.why_forbidden(cause, effect)
            if reason:
                raise KnowledgeError(
                    f"The knowledge contradicts itself: {cause} -> {effect} is required, but {reason}.",
                    "Drop one of the two.",
                )
        cycle = _cycle(self.required)
        if cycle:
            raise KnowledgeError(
                f"The required edges make a cycle: {' -> '.join(cycle)}.", "Drop one of these edges."
            )


def _pairs(given: Iterable[Iterable[str]]) -> tuple[Pair, ...]:
    made = []
    for each in given:
        pair = (each,) if isinstance(each, str) else tuple(each)
        if len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            raise KnowledgeError(
                f"A pair of names was expected, but came {pair!r}.", 'Write ["cause", "effect"].'
            )
        made.append(pair)
    return tuple(dict.fromkeys(made))


def _cycle(pairs: Sequence[Pair]) -> list[str]:
    """Names along a directed cycle, first and last the same; empty if there is none."""
    children: dict[str, list[str]] = {}
    for a, b in pairs:
        children.setdefault(a, []).append(b)
    done: set[str] = set()
    for start in children:
        path: list[str] = []
        stack = [(start, 0)]
        while stack:
            node, depth = stack.pop()
            del path[depth:]
            if node in path:
                return [*path[path.index(node) :], node]
            if node in done and not any(child in path for child in children.get(node, ())):
                continue
            path.append(node)
            done.add(node)
            stack.extend((child, depth + 1) for child in children.get(node, ()))
    return []


NOTHING = Knowledge()
