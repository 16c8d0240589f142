"""What is refused when a program is made, and in which words."""

from __future__ import annotations

import numpyro.distributions as dist
import pytest

from aitia.graphs import CyclicGraph, Graph
from aitia.programs import Input, MechanismError, Program, ProgramError, UnknownParent, parameter


def x():
    return dist.Normal(0, 1)


def y(x):
    return dist.Normal(x, 1)


def another(number):
    def x():
        return dist.Normal(number, 1)

    return x


def starred(*causes):
    return dist.Normal(0, 1)


def defaulted(x=3):
    return dist.Normal(x, 1)


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (lambda: Program([]), ProgramError, "no mechanism"),
        (lambda: Program("x"), ProgramError, "but came str"),
        (lambda: Program([x, y, lambda y: y]), ProgramError, "number 3 of the list is a lambda"),
        (lambda: Program([x, 3.0]), ProgramError, "number 2 of the list is a float"),  # pyright: ignore
        (lambda: Program([x, another(1)]), ProgramError, "Two mechanisms of the list are called 'x'"),
        (lambda: Program({"x": 3.0}), MechanismError, "is 3.0, which is not a function"),  # pyright: ignore
        (lambda: Program({"x": starred}), MechanismError, "takes *causes"),
        (lambda: Program({"x": x, "y": defaulted}), MechanismError, "has a default"),
        (lambda: Program({"x": max}), MechanismError, "cannot be read off"),
        (lambda: Program({"": x}), ProgramError, "non-empty text"),
        (lambda: Program({3: x}), ProgramError, "non-empty text"),  # pyright: ignore
        (lambda: Program({"\0latents": x}), ProgramError, "keeps for names of its own"),
        (lambda: Program({"X": x, "y": y}), UnknownParent, "reads 'x', and the program has no such node"),
        (lambda: Program({"xs": x, "y": y}), UnknownParent, "Did you mean 'xs'?"),
        (lambda: Program({"x": lambda y: y, "y": y}), CyclicGraph, "cycle"),
        (lambda: Program({"y": lambda y: y}), CyclicGraph, "cycle"),
        (lambda: Program([x, y], inputs=("x",)), ProgramError, "is an input, and has a mechanism"),
        (lambda: Program([y], inputs={"x": 3}), ProgramError, "The input 'x' is 3"),  # pyright: ignore
        (lambda: Program([x], levels={"z": ("a", "b")}), ProgramError, "Levels are given for 'z'"),
        (lambda: Program([x], levels={"x": ("a", "a")}), ProgramError, "a name of its own"),
        (lambda: Program([x, y], graph="x -> y -> z"), ProgramError, "it lacks the node z"),
        (lambda: Program([x, y], graph="y -> x"), ProgramError, "it has x -> y, which the graph has not"),
        (lambda: Program([x, y], graph="y -> x"), ProgramError, "it does not have y -> x"),
        (lambda: Program([x, y], graph="x"), ProgramError, "the graph lacks its node y"),
        (lambda: Program([x, y], graph="x -- y"), ProgramError, "a class of graphs"),
        (lambda: Program([x, y]).renamed({"z": "w"}), ProgramError, "'z' is no node and no group"),
        (lambda: Program([x, y]).renamed({"x": "y"}), ProgramError, "x, y would both be called 'y'"),
        (lambda: Program([x, y]).with_mechanism("z", x), ProgramError, "no node 'z'"),
        (lambda: Program([x, y]).only("z"), ProgramError, "no node 'z'"),
        (lambda: Program.of(), ProgramError, "no program to compose"),
        (lambda: Program.of(Program([x]), [y]), ProgramError, "but came list"),  # pyright: ignore
    ],
)
def test_refused_by_name(make, kind, message):
    with pytest.raises(kind) as caught:
        make()
    assert message in str(caught.value)


def test_levels_that_a_mechanism_has_otherwise():
    with pytest.raises(ProgramError, match="3 levels are given for 'g'"):
        Program(
            {"y": lambda g: dist.Normal(g, 1)}, inputs={"g": Input(levels=("a", "b"))}, levels={"g": "abc"}
        )


def test_a_graph_with_unmeasured_causes_is_compared_by_projection():
    program = Program({"u": x, "x": lambda u: dist.Normal(u, 1), "y": lambda u: dist.Normal(u, 1)})
    program.check_graph("x <-> y")
    program.check_graph(Graph.parse("u -> x; u -> y"))
    with pytest.raises(ProgramError, match="it does not have x -> y"):
        program.check_graph("x <-> y; x -> y")


def test_a_distribution_stands_for_a_root():
    program = Program({"x": dist.Normal(0, 1), "y": y})
    assert program.graph == Graph.parse("x -> y")
    assert "drawn from Normal" in program.mechanisms["x"].description


def test_representations():
    program = Program({"y": y}, inputs=["x"])
    assert repr(program) == "Program('x -> y', inputs=('x',))"
    assert program._repr_html_().startswith("<svg")
    assert Program([lambda_named()], levels={"z": ("a", "b")}).levels == {"z": ("a", "b")}


def lambda_named():
    def z(*, p=parameter(dist.Beta(1, 1))):
        return dist.Bernoulli(p)

    return z
