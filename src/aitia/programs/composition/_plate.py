"""Plates: one copy of a program for each of several items, joined where the copies share a node."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from aitia.core import nearest
from aitia.programs._errors import ProgramError
from aitia.programs.composition._join import compose

if TYPE_CHECKING:
    from aitia.programs._program import Program


def copy_name(node: str, copy: str) -> str:
    """The name of a node in one copy: ``exam_math``."""
    return f"{node}_{copy}"


def plate(
    program: Program,
    copies: Iterable[str],
    shared: Iterable[str] = (),
    *,
    name: Callable[[str, str], str] = copy_name,
) -> Program:
    """One copy of a program for each item, the shared nodes being the same in all.

    Every copy has parameters of its own. Units that are rows of the data need no plate: they are what a program draws;
    and rows that share a value belong in a group (``Program(..., groups=...)``).

    Args:
        program: what is copied.
        copies: the items' names (``("math", "reading")``).
        shared: the nodes that all copies have in common. What causes a shared node is shared too.
        name: the name of a node in a copy, from the node's and the copy's names.

    Returns:
        The program of all copies, joined by name: ``exam`` becomes ``exam_math``, ``exam_reading``.

    Raises:
        ProgramError: a shared node is not there, or has a cause that is not shared; copies have the same name.

    Example:
        >>> import numpyro.distributions as dist
        >>> from aitia.programs import Program
        >>> def ability():
        ...     return dist.Normal(0, 1)
        >>> def exam(ability):
        ...     return dist.Normal(ability, 0.5)
        >>> plate(Program([ability, exam]), copies=("math", "reading"), shared=("ability",))
        Program('ability -> exam_math; ability -> exam_reading')
    """
    copies, shared = tuple(copies), tuple(shared)
    if not copies or len(set(copies)) < len(copies):
        raise ProgramError(
            f"A plate needs copies with different names, but came {copies!r}.", "Name each once."
        )
    for node in shared:
        if node not in program.mechanisms:
            raise ProgramError(f"The shared node {node!r} is no node.", nearest(node, program.nodes))
        for parent in program.mechanisms[node].parents:
            if parent not in shared:
                raise ProgramError(
                    f"The copies share {node!r}, but not its cause {parent!r}: which copy's would it be?",
                    f"Share {parent!r} too.",
                )
    own = [node for node in program.nodes if node not in shared]
    return compose(*(program.renamed({node: name(node, copy) for node in own}) for copy in copies))
