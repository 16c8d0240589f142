"""A program: mechanisms by the names of their nodes, and the graph that their signatures make."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aitia.core import nearest
from aitia.graphs import Graph
from aitia.programs._errors import ProgramError, UnknownParent
from aitia.programs._mechanism import FunctionMechanism, Mechanism

if TYPE_CHECKING:
    from aitia.programs._answer import Answer
    from aitia.programs._facts import Facts
    from aitia.programs._fitted import Fitted
    from aitia.programs.inference._engine import Engine


class Program:
    """How the world works, as one mechanism for each node.

    Args:
        mechanisms: mechanisms or functions by the names of their nodes; or an iterable of functions, each the
            mechanism of the node it is named after.
        graph: a graph that the program must agree with, checked edge by edge.
        levels: the names of the values 0, 1, ... of categorical nodes.
        groups: the nodes that have one value for all units of a group, by the group's name (the name of the data's
            column that says which group a row belongs to). A group that only parameters vary by may be left out.

    Raises:
        UnknownParent: a mechanism reads a node that there is none of; the error names the closest one.
        CyclicGraph: a node is among its own causes.
        ProgramError: the program disagrees with `graph`, or there is nothing in it.

    Example:
        >>> import numpyro.distributions as dist
        >>> from aitia.programs import Program, noise
        >>> def X(*, own=noise(dist.Normal(0, 1))):
        ...     return own
        >>> def H(X, *, own=noise(dist.Normal(0, 1))):
        ...     return 0.5 * X + own
        >>> def Y(X, H, *, own=noise(dist.Normal(0, 1))):
        ...     return 0.7 * X + 0.4 * H + own
        >>> program = Program([X, H, Y])
        >>> program
        Program('X -> H; X -> Y; H -> Y')
        >>> answer = program.query("Y", evidence={"X": 0.5, "H": 1, "Y": 1.5}, do={"H": 2})
        >>> round(answer.mean, 2)
        1.9
    """

    def __init__(
        self,
        mechanisms: Mapping[str, Mechanism | Callable[..., Any]] | Iterable[Callable[..., Any]],
        *,
        graph: Graph | str | None = None,
        levels: Mapping[str, Iterable[Any]] | None = None,
        groups: Mapping[str, Iterable[str]] | None = None,
    ) -> None:
        if not isinstance(mechanisms, Mapping):
            mechanisms = {each.__name__: each for each in mechanisms}
        if not mechanisms:
            raise ProgramError("The program has no mechanism.", "Give one for each node.")
        self.mechanisms: dict[str, Mechanism] = {
            name: each if isinstance(each, Mechanism) else FunctionMechanism(each)
            for name, each in mechanisms.items()
        }
        self.levels: dict[str, tuple[Any, ...]] = {
            name: each.levels for name, each in self.mechanisms.items() if each.levels is not None
        } | {name: tuple(each) for name, each in (levels or {}).items()}
        self.groups: dict[str, tuple[str, ...]] = {
            name: tuple(nodes) for name, nodes in (groups or {}).items()
        }
        for node, mechanism in self.mechanisms.items():
            for parent in mechanism.parents:
                if parent not in self.mechanisms:
                    raise UnknownParent(
                        f"The mechanism of {node!r} reads {parent!r}, and the program has no such node.",
                        nearest(parent, self.mechanisms),
                    )
        self.graph  # noqa: B018 (a cycle is told now, not at the first question)
        if graph is not None:
            _agree(self.graph, Graph.parse(graph) if isinstance(graph, str) else graph)

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes, as they were given."""
        return tuple(self.mechanisms)

    @cached_property
    def graph(self) -> Graph:
        """The graph that the mechanisms' signatures make: a DAG over all nodes."""
        arrows = [(parent, node) for node, each in self.mechanisms.items() for parent in each.parents]
        return Graph.build(self.nodes, directed=arrows)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """The nodes, each after its parents."""
        done: dict[str, None] = {}

        def visit(node: str) -> None:
            if node not in done:
                for parent in self.mechanisms[node].parents:
                    visit(parent)
                done[node] = None

        for node in self.mechanisms:
            visit(node)
        return tuple(done)

    @cached_property
    def facts(self) -> dict[str, Facts]:
        """What each node's values are (shape, whether discrete, support, form of noise), by running one unit."""
        from aitia.programs._facts import facts

        return facts(self)

    def fit(
        self, data: Any, engine: Engine | None = None, *, seed: int = 0, show_progress: bool | None = None
    ) -> Fitted:
        """The program with its parameters learned from data; see `aitia.programs.fit`."""
        from aitia.programs.inference._fit import fit

        return fit(self, data, engine, seed=seed, show_progress=show_progress)

    def query(self, of: Any, **question: Any) -> Answer:
        """A question asked of the program as it stands, its parameters drawn from their priors.

        See `Fitted.query`; a program without parameters answers exactly what it says.
        """
        return self.unfitted.query(of, **question)

    @cached_property
    def unfitted(self) -> Fitted:
        """The program with draws of its parameters from their priors (one draw where it has none)."""
        from aitia.programs._fitted import prior_draws

        return prior_draws(self)

    def __repr__(self) -> str:
        return f"Program({'; '.join(self.graph.to_text().splitlines())!r})"


def _agree(own: Graph, given: Graph) -> None:
    """Check that the program's graph is the given one.

    Raises:
        ProgramError: they differ; the error lists the edges on one side only.
    """
    mine = {(parent, node) for node in own.nodes for parent in own.parents(node)}
    missing = sorted(set(given.nodes) - set(own.nodes))
    theirs = {(parent, node) for node in given.nodes for parent in given.parents(node)}
    extra, lacking = sorted(mine - theirs), sorted(theirs - mine)
    if missing or extra or lacking:
        parts = [f"it lacks the node {node}" for node in missing]
        parts += [f"it reads {a} -> {b}, which the graph has not" for a, b in extra]
        parts += [f"it does not read {a} -> {b}" for a, b in lacking]
        raise ProgramError(
            f"The program and the graph disagree: {'; '.join(parts)}.",
            "Change the parameters of the mechanism, or the graph.",
        )
