"""General identification: ID and IDC of Shpitser & Pearl (2006), with the hedge as the witness where they fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from aitia.graphs import Graph
from aitia.identification._algebra import product, ratio, summed
from aitia.identification._expression import ONE, Expression, Probability, Sum, Symbol
from aitia.identification._masks import Masks, bits


@dataclass(frozen=True)
class Hedge:
    """Two nested confounded sets that no observation can see through (Shpitser & Pearl 2006, definition 6).

    Both sets are districts (joined by latent common causes), every node of either leads to a root inside it, and the
    treatments lie in the larger one only. Then two models agree on all observations and differ in P(roots | do(...)).

    Args:
        f: the larger set; holds treatments.
        f_prime: the smaller set inside it; holds none.
        roots: the nodes of the smaller set that have no children in it.
    """

    f: tuple[str, ...]
    f_prime: tuple[str, ...]
    roots: tuple[str, ...]

    @property
    def treatments(self) -> tuple[str, ...]:
        """The nodes in the larger set only."""
        return tuple(each for each in self.f if each not in self.f_prime)

    def __str__(self) -> str:
        def braces(names: Iterable[str]) -> str:
            return "{" + ", ".join(names) + "}"

        return f"hedge F = {braces(self.f)}, F' = {braces(self.f_prime)}, roots {braces(self.roots)}"


class NoFormula(Exception):
    """Raised inside the room when general identification fails; carries the hedge. Never leaves it."""

    def __init__(self, hedge: Hedge) -> None:
        super().__init__(str(hedge))
        self.hedge = hedge


@dataclass(frozen=True, eq=False)
class Distribution:
    """A distribution P over the nodes of `scope`, as P(v_i | v_1 ... v_{i-1}) in a topological order.

    Args:
        masks: the whole graph.
        scope: the nodes that P is over; the others are fixed at the values that their symbols stand for.
        order: the topological order of `scope`.
        factors: the conditional of each node, or None where P is the observed distribution itself and a conditional is
            read off it.
        known: nodes that are constant in the data (selection nodes), never written.
    """

    masks: Masks
    scope: int
    order: tuple[int, ...]
    factors: dict[int, Expression] | None = None
    known: int = 0

    @classmethod
    def observed(cls, masks: Masks, scope: int, late: int = 0, known: int = 0) -> Distribution:
        """The observed distribution over an ancestral set, nodes in `late` as late in the order as can be."""
        return cls(masks, scope, masks.order(scope, late), None, known)

    def conditional(self, i: int) -> Expression:
        """P(v_i | v_1 ... v_{i-1}).

        Of the predecessors only the Markov pillow is written: the rest of v_i's district among v_1 ... v_i and the
        parents of that district (Tian & Pearl 2002, corollary 1; Richardson 2003, the ordered local Markov property).
        """
        if self.factors is not None:
            return self.factors[i]
        before = 1 << i
        for j in self.order[: self.order.index(i)]:
            before |= 1 << j
        district = self.masks.district(1 << i, before)
        pillow = (district | self.masks.parents_of(district)) & ~(1 << i) & ~self.known
        return Probability(self.symbols(1 << i), self.symbols(pillow))

    def symbols(self, mask: int) -> tuple[Symbol, ...]:
        """The symbols of some nodes, in topological order."""
        return tuple(Symbol(self.masks.names[i]) for i in bits(mask))

    def joint(self, y: int) -> Expression:
        """The sum over all but y of P(v)."""
        if self.factors is None:
            y &= ~self.known
            return Probability(self.symbols(y)) if y else ONE
        kept = self._needed(self.order, y)
        over = [i for i in kept if not y >> i & 1]
        return summed(
            [Symbol(self.masks.names[i]) for i in over], product(self.factors[i] for i in reversed(kept))
        )

    def _needed(self, prefix: Iterable[int], keep: int) -> list[int]:
        """The nodes of a prefix of the order, without those to be summed out on which no later factor depends."""
        assert self.factors is not None
        needed: list[int] = []
        used: set[str] = set()
        for i in reversed(list(prefix)):
            if keep >> i & 1 or self.masks.names[i] in used:
                needed.append(i)
                used.update(s.name for s in self.factors[i].free)
        return needed[::-1]

    def marginal(self, a: int) -> Distribution:
        """The distribution of an ancestral set a of the scope."""
        order = tuple(i for i in self.order if a >> i & 1)
        if self.factors is None:
            return Distribution(self.masks, a, order, None, self.known)
        factors: dict[int, Expression] = {}
        previous: Expression = ONE
        summing = False
        for place, i in enumerate(self.order):
            if not a >> i & 1:
                continue
            kept = self._needed(self.order[: place + 1], a)
            over = [Symbol(self.masks.names[j]) for j in kept if not a >> j & 1]
            if not over and not summing:
                factors[i] = self.factors[i]
                continue
            if not summing:
                # The first factor that a sum touches: what came before it is a plain product.
                earlier = [j for j in self.order[:place] if a >> j & 1]
                previous = product(self.factors[j] for j in reversed(earlier))
                summing = True
            current = summed(over, product(self.factors[j] for j in reversed(kept)))
            factors[i] = ratio(current, previous)
            previous = current
        return Distribution(self.masks, a, order, factors, self.known)

    def restricted(self, district: int, late: int) -> Distribution:
        """Q[district]: the product of the conditionals of a district of the scope, the rest fixed."""
        source = self
        if self.factors is None:
            source = Distribution.observed(self.masks, self.scope, late, self.known)
        order = tuple(i for i in source.order if district >> i & 1)
        return Distribution(
            self.masks, district, order, {i: source.conditional(i) for i in order}, self.known
        )


def identified(y: int, x: int, p: Distribution) -> Expression:
    """ID(y, x, P, G) of Shpitser & Pearl (2006, figure 3): P(y | do(x)) as a formula in P.

    Args:
        y: mask of the outcomes.
        x: mask of the treatments.
        p: the distribution over the graph's nodes.

    Raises:
        NoFormula: no formula exists; carries the hedge (line 5).
    """
    g = p.masks
    while True:
        v = p.scope
        x &= v
        # Line 1: nothing is set any more, P(y) is a marginal.
        if not x:
            return p.joint(y)
        # Line 2: only ancestors of y matter.
        ancestors = g.ancestors(y, v)
        if ancestors != v:
            p, x = p.marginal(ancestors), x & ancestors
            continue
        # Line 3: setting what no longer leads to y, once x is set, changes nothing.
        w = v & ~x & ~g.ancestors(y, v, cut=x)
        if w:
            x |= w
            continue
        # Line 4: the districts of G without x factor.
        districts = g.districts(v & ~x)
        if len(districts) > 1:
            parts = [identified(s, v & ~s, p) for s in reversed(districts)]
            return summed(p.symbols(v & ~(y | x) & ~p.known), product(parts))
        s = districts[0]
        s_prime = g.district(s, v)
        # Line 5: fail, F = G and F' = S make a hedge.
        if s_prime == v:
            sinks = sum(1 << i for i in bits(s) if not g.children[i] & s)
            raise NoFormula(Hedge(g.of_mask(v), g.of_mask(s), g.of_mask(sinks)))
        # Line 6: S is a district of G itself.
        if s_prime == s:
            return summed(
                p.symbols(s & ~y), product(p.conditional(i) for i in reversed(p.order) if s >> i & 1)
            )
        # Line 7: go on inside the district that S lies in.
        p, x = p.restricted(s_prime, late=s_prime & ~g.ancestors(s, s_prime)), x & s_prime


def conditional_interventional(
    g: Masks, y: int, x: int, z: int, identify_joint: Callable[[int, int], Expression]
) -> Expression:
    """IDC(y, x, z, P, G) of Shpitser & Pearl (2006, figure 4).

    Args:
        g: the graph.
        y: mask of the outcomes.
        x: mask of the treatments.
        z: mask of what is conditioned on.
        identify_joint: what answers P(y | do(x)) for masks y and x.

    Raises:
        NoFormula: there is no formula.
    """
    # Line 1: what rule 2 of do-calculus lets us set instead of observe, is set.
    moved = True
    while moved:
        moved = False
        for i in bits(z):
            one = 1 << i
            if not g.connected(one, x | z & ~one, g.everything, cut_in=x, cut_out=one) & y:
                x, z, moved = x | one, z & ~one, True
                break
    # Line 2: P(y | do(x), z) = P(y, z | do(x)) / P(z | do(x)).
    joint = identify_joint(y | z, x)
    if not z:
        return joint.distinct()
    return ratio(joint, summed([Symbol(each) for each in g.of_mask(y)], joint)).distinct()


def interventional(
    graph: Graph, outcomes: Iterable[str], treatments: Iterable[str], given: Iterable[str] = ()
) -> Expression:
    """P(outcomes | do(treatments), given) from the observed distribution, by ID and IDC.

    Args:
        graph: a DAG or ADMG; its latent nodes are projected out.
        outcomes: the variables asked for.
        treatments: the variables set.
        given: the variables conditioned on after setting.

    Raises:
        NoFormula: there is no formula.

    Source:
        Shpitser & Pearl 2006, "Identification of joint interventional distributions in recursive semi-Markovian causal
        models" (ID, theorem 6) and "Identification of conditional interventional distributions" (IDC, theorem 20).
    """
    g = Masks.of(graph.latent_projection())
    y, x, z = (g.mask(each) for each in (outcomes, treatments, given))
    start = Distribution.observed(g, g.everything)
    return conditional_interventional(g, y, x, z, lambda y, x: identified(y, x, start))


def settled(expression: Expression, keep: Iterable[str]) -> Expression:
    """The formula averaged over the variables that stand in it but do not matter, so that it speaks of `keep` only.

    General identification may leave a variable free whose value changes nothing (the napkin's r): any of its values
    gives the answer, and so does their average, which uses all rows.
    """
    rest = tuple(each for each in expression.free if each.name not in set(keep))
    if not rest:
        return expression
    return Sum(rest, product([expression, Probability(rest)]))
