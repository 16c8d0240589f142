"""Published graphs with their known answers: one row each, used by the tests of this room.

Every answer is also checked by computation: formulas against exact models, hedges by two models that differ.
"""

from __future__ import annotations

from dataclasses import dataclass

from aitia.graphs import Graph
from aitia.identification import Effect, Interventional, NaturalDirect, Question, Rule


@dataclass(frozen=True)
class Published:
    """A graph, a question and the answer that the literature gives.

    Args:
        name: what the graph is called.
        source: where it stands.
        text: the graph.
        question: the question.
        rule: the rule that answers first; None where there is no formula.
        formula: the formula as text, where it is pinned.
        adjustment: the adjustment set chosen first.
        witness: the name of the witness's class, where there is no formula.
        general: the formula of general identification, where another rule answers first.
    """

    name: str
    source: str
    text: str
    question: Question
    rule: Rule | None
    formula: str = ""
    adjustment: tuple[str, ...] = ()
    witness: str = ""
    general: str = ""

    @property
    def graph(self) -> Graph:
        return Graph.parse(self.text)


XY = Effect("x", "y")


def p(outcomes: str, treatments: str, given: str = "") -> Interventional:
    return Interventional(tuple(outcomes.split()), tuple(treatments.split()), tuple(given.split()))


PUBLISHED = [
    Published(
        "confounder",
        "Pearl 2009, Causality, section 3.3.1",
        "z -> x; z -> y; x -> y",
        XY,
        Rule.ADJUSTMENT,
        "Σ_{z} (E[y | x, z] - E[y | x', z]) P(z)",
        ("z",),
    ),
    Published(
        "front door",
        "Pearl 1995; Causality, figure 3.5",
        "x -> z -> y; x <-> y",
        XY,
        Rule.FRONT_DOOR,
        "Σ_{z} (P(z | x) - P(z | x')) Σ_{x''} E[y | x'', z] P(x'')",
    ),
    Published(
        "bow",
        "Shpitser & Pearl 2006, figure 1a; Causality, figure 3.9a",
        "x -> y; x <-> y",
        XY,
        None,
        witness="Hedge",
    ),
    Published(
        "M-graph",
        "Greenland, Pearl & Robins 1999, figure 12",
        "x -> y; x <-> z; y <-> z",
        XY,
        Rule.ADJUSTMENT,
        "E[y | x] - E[y | x']",
    ),
    Published(
        "M-graph with its causes",
        "Greenland 2003",
        "a -> x; a -> z; b -> z; b -> y; x -> y",
        XY,
        Rule.ADJUSTMENT,
        "Σ_{b} (E[y | x, b] - E[y | x', b]) P(b)",
        ("b",),
    ),
    Published(
        "butterfly",
        "Causality, figure 1.1 family; Ding & Miratrix 2015",
        "a -> x; a -> z; b -> z; b -> y; z -> x; z -> y; x -> y",
        XY,
        Rule.ADJUSTMENT,
        adjustment=("z", "b"),
    ),
    Published(
        "napkin",
        "Pearl & Mackenzie 2018, The Book of Why, page 240",
        "w -> r -> x -> y; w <-> x; w <-> y",
        p("y", "x"),
        Rule.GENERAL,
        "[Σ_{w} P(x, y | w, r) P(w)] / [Σ_{w} P(x | w, r) P(w)]",
    ),
    Published(
        "Verma graph",
        "Verma & Pearl 1990; Tian & Pearl 2002",
        "a -> b -> c -> d; b <-> d",
        p("d", "c"),
        Rule.ADJUSTMENT,
        "Σ_{a, b} P(d | c, a, b) P(a, b)",
        ("a", "b"),
        general="Σ_{b} P(d | a, b, c) P(b | a)",
    ),
    Published(
        "instrument",
        "Causality, figure 3.9d (no formula without parametric assumptions)",
        "z -> x -> y; x <-> y",
        p("y", "x"),
        None,
        witness="Hedge",
    ),
    Published(
        "confounded mediator",
        "Causality, figure 3.9b family",
        "x -> z -> y; x <-> z",
        XY,
        None,
        witness="Hedge",
    ),
    Published(
        "confounded on both steps",
        "Causality, figure 3.9 family",
        "x -> z -> y; x <-> y; z <-> y; x <-> z",
        XY,
        None,
        witness="Hedge",
    ),
    Published(
        "instrument with a direct path blocked",
        "Shpitser & Pearl 2008, figure 5 (line 7 of ID)",
        "w1 -> x -> y1; w1 <-> y1",
        p("y1", "x"),
        Rule.ADJUSTMENT,
        "Σ_{w1} P(y1 | x, w1) P(w1)",
        ("w1",),
        general="Σ_{w1} P(y1 | w1, x) P(w1)",
    ),
    Published(
        "conditional effect",
        "Shpitser & Pearl 2008, figure 6a (IDC)",
        "x -> z -> y; x <-> z",
        p("y", "x", "z"),
        Rule.GENERAL,
        "P(y | z)",
    ),
    Published(
        "the same without the condition",
        "Shpitser & Pearl 2008, figure 6a",
        "x -> z -> y; x <-> z",
        p("y z", "x"),
        None,
        witness="Hedge",
    ),
    Published(
        "two front doors in a row",
        "Tian & Pearl 2002",
        "x -> a -> b -> y; x <-> b; a <-> y",
        XY,
        Rule.GENERAL,
    ),
    Published(
        "mediation",
        "Pearl 2001, figure 2 family",
        "t -> m -> y; t -> y; c -> m; c -> y",
        NaturalDirect("t", "y", ("m",)),
        Rule.MEDIATION,
        "Σ_{m, c} (E[y | t, m, c] - E[y | t', m, c]) P(m | t', c) P(c)",
        ("c",),
    ),
    Published(
        "recanting witness",
        "Avin, Shpitser & Pearl 2005",
        "t -> w; w -> m; w -> y; t -> m; m -> y; t -> y",
        NaturalDirect("t", "y", ("m",)),
        None,
        witness="RecantingWitness",
    ),
    Published(
        "recanting district",
        "Shpitser 2013",
        "t -> m -> y; t -> y; m <-> y",
        NaturalDirect("t", "y", ("m",)),
        None,
        witness="RecantingDistrict",
    ),
]
