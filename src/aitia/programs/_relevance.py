"""Which pieces of evidence matter to a question: Bayes-ball on the graph of all worlds together."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping

from aitia.programs._events import Exactly
from aitia.programs._program import Program
from aitia.programs._worlds import Piece, World

_NOISE, _EVENT, _GROUP = "\0noise", "\0event", "\0group"


def requisite(
    program: Program, worlds: Mapping[str, World], asked: Iterable[tuple[str, str]]
) -> frozenset[Piece]:
    """The pieces of evidence whose probability the answer depends on.

    The worlds share their noise, and so make one graph (Balke and Pearl 1994). Bayes-ball (Shachter 1998) visits it
    from what is asked; the weight of evidence that the ball does not reach from above is the same for all answers,
    and would only add noise to them.

    Args:
        program: the program.
        worlds: the worlds by name.
        asked: the (world, node) pairs asked for.
    """
    parents, observed, piece_of = _graph(program, worlds)
    children: dict[Hashable, list[Hashable]] = {each: [] for each in parents}
    for child, own in parents.items():
        for parent in own:
            children[parent].append(child)
    top: set[Hashable] = set()
    bottom: set[Hashable] = set()
    waiting: list[tuple[Hashable, bool]] = [(each, True) for each in asked]  # visited as if from a child
    while waiting:
        place, from_child = waiting.pop()
        if from_child and place in observed:
            continue
        up = place not in top and (from_child or place in observed)
        down = place not in bottom and place not in observed
        if up:
            top.add(place)
            waiting += [(parent, True) for parent in parents[place]]
        if down:
            bottom.add(place)
            waiting += [(child, False) for child in children[place]]
    return frozenset(piece for place, piece in piece_of.items() if place in top)


def _graph(program: Program, worlds: Mapping[str, World]):
    """The parents of every place in the graph of all worlds, the observed places, and the piece each belongs to."""
    parents: dict[Hashable, list[Hashable]] = {}
    observed: set[Hashable] = set()
    piece_of: dict[Hashable, Piece] = {}
    groups = {
        node: list(
            dict.fromkeys(
                [
                    *(each.per for each in mechanism.parameters.values() if each.per is not None),
                    *(name for name, nodes in program.groups.items() if node in nodes),
                ]
            )
        )
        for node, mechanism in program.mechanisms.items()
    }
    for name in {each for own in groups.values() for each in own}:
        parents[_GROUP, name] = []
    for node, mechanism in program.mechanisms.items():
        parents[_NOISE, node] = []
        for world, each in worlds.items():
            natural: list[Hashable] = [(_NOISE, node), *((_GROUP, name) for name in groups[node])]
            for parent in mechanism.parents:
                on_arrow = each.do.get((parent, node))
                if on_arrow is None:
                    natural.append((world, parent))
                else:
                    natural += _read(program, world, parent, on_arrow)
            done = each.do.get(node)
            if done is None:
                parents[world, node] = natural
            else:
                own = natural if done.needs_natural(node) else []
                parents[world, node] = [*_read(program, world, node, done), *own]
            if node in each.given:
                if done is None and isinstance(each.given[node], Exactly):
                    place: Hashable = (world, node)
                else:
                    place = (_EVENT, world, node)
                    parents[place] = [(world, node)]
                observed.add(place)
                piece_of[place] = node if done is None else (world, node)
    return parents, observed, piece_of


def _read(program: Program, world: str, node: str, done) -> list[Hashable]:
    natural = (
        [(_NOISE, node), *((world, each) for each in program.mechanisms[node].parents)]
        if done.needs_natural(node)
        else []
    )
    here = [(world, each) for each in done.reads(node, program.mechanisms[node].parents)]
    return [*here, *done.reads_elsewhere(node), *natural]
