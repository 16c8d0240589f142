"""IDP: general identification in a PAG, complete for P(y | do(x)) (Jaber, Zhang & Bareinboim 2019)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from aitia.graphs import Graph, GraphKind, Mark, representative
from aitia.identification._algebra import product, ratio, summed
from aitia.identification._expression import ONE, Expression, Probability, Symbol
from aitia.identification._masks import Masks, bits, closure


@dataclass(frozen=True)
class PossibleConfoundingSet:
    """Where IDP stops: what a variable may cause may also share its unmeasured causes, and nothing takes them apart.

    Args:
        region: the variables whose response to the intervention is wanted and cannot be told apart.
        within: the larger set of variables whose response is known.
        confounded: pairs (a, b) where b may be caused by a and by unmeasured causes of a alike.
    """

    region: tuple[str, ...]
    within: tuple[str, ...]
    confounded: tuple[tuple[str, str], ...]

    def __str__(self) -> str:
        pairs = ", ".join(f"{a} and {b}" for a, b in self.confounded)
        return f"possibly confounded: {pairs}"


class PossibleConfounding(Exception):
    """Raised inside the room when IDP fails; carries the witness. Never leaves it."""

    def __init__(self, witness: PossibleConfoundingSet) -> None:
        super().__init__(str(witness))
        self.witness = witness


class Regions:
    """A PAG as bit masks: what may be confounded with what, and what may cause what, in any subgraph.

    An edge visible in the whole PAG counts as visible in its subgraphs (Jaber, Zhang & Bareinboim 2019, section 3).

    Args:
        graph: a PAG or a maximal ancestral graph, without selection.
        visible: further directed edges known to hide no common cause.
    """

    def __init__(self, graph: Graph, visible: Iterable[tuple[str, str]] = ()) -> None:
        from aitia.identification._possibly import Walks

        names = graph.nodes
        walks = Walks(graph)
        index = {name: i for i, name in enumerate(names)}
        known = {(index[a], index[b]) for a, b in visible}
        count = len(names)
        self.names = names
        self.onward = [0] * count  # c with an edge that may point to c
        self.back = [0] * count
        self.circles = [0] * count  # joined by o-o
        self.spouses = [0] * count  # joined by <->
        self.hidden = [0] * count  # joined by an edge that is not visible
        self.hidden_into = [0] * count  # of these, those with an arrowhead here
        self.arrows_at = [0] * count  # neighbours whose edge has an arrowhead here
        for edge in graph.edges:
            for a, b in ((edge.a, edge.b), (edge.b, edge.a)):
                i, j = index[a], index[b]
                at_a, at_b = edge.mark_at(a), edge.mark_at(b)
                if walks.forward(a, b):
                    self.onward[i] |= 1 << j
                    self.back[j] |= 1 << i
                if at_a is Mark.CIRCLE and at_b is Mark.CIRCLE:
                    self.circles[i] |= 1 << j
                if at_a is Mark.ARROW:
                    self.arrows_at[i] |= 1 << j
                    if at_b is Mark.ARROW:
                        self.spouses[i] |= 1 << j
                seen = edge.directed and (
                    walks.visible(edge.a, edge.b) or (index[edge.a], index[edge.b]) in known
                )
                if not seen:
                    self.hidden[i] |= 1 << j
                    if at_a is Mark.ARROW:
                        self.hidden_into[i] |= 1 << j

    def mask(self, names: Iterable[str]) -> int:
        """The mask of some names."""
        return sum(1 << i for i in {self.names.index(each) for each in names})

    def symbols(self, mask: int) -> tuple[Symbol, ...]:
        """The symbols of the nodes in a mask."""
        return tuple(Symbol(self.names[i]) for i in bits(mask))

    def named(self, mask: int) -> tuple[str, ...]:
        """The names of the nodes in a mask."""
        return tuple(self.names[i] for i in bits(mask))

    def possible_ancestors(self, of: int, within: int) -> int:
        """Inclusive possible ancestors in a subgraph."""
        return closure(of, self.back, within)

    def bucket(self, i: int, within: int) -> int:
        """What edges o-o join with a node in a subgraph."""
        return closure(1 << i, self.circles, within)

    def buckets(self, within: int) -> list[int]:
        """The buckets of a subgraph, by their first node."""
        found = []
        while within:
            each = closure(within & -within, self.circles, within)
            found.append(each)
            within &= ~each
        return found

    def possible_component(self, of: int, within: int) -> int:
        """The pc-component of some nodes: ends of paths of colliders without a visible edge (definition 6)."""
        total = of
        for i in bits(of):
            inner = 0  # reached with an arrowhead, so that the path may go on
            ends = self.hidden[i] & within
            frontier = sum(1 << j for j in bits(ends) if self.hidden_into[j] >> i & 1)
            while frontier:
                inner |= frontier
                reached = grown = 0
                for j in bits(frontier):
                    for k in bits(self.hidden_into[j] & within & ~(1 << i)):
                        reached |= 1 << k
                        if self.hidden_into[k] >> j & 1:
                            grown |= 1 << k
                ends |= reached
                frontier = grown & ~inner
            total |= ends
        return total & within

    def definite_component(self, of: int, within: int) -> int:
        """The dc-component of some nodes: what paths of edges <-> join with them."""
        return closure(of, self.spouses, within)

    def possible_children(self, of: int, within: int) -> int:
        """What some nodes may directly cause, themselves left out."""
        total = 0
        for i in bits(of):
            total |= self.onward[i]
        return total & within & ~of

    def region(self, a: int, c: int) -> int:
        """The buckets of c that hold nodes of the pc-component of a in the subgraph of c (definition 7)."""
        component = self.possible_component(a, c)
        return sum(each for each in self.buckets(c) if each & component)

    def order(self, within: int) -> list[int]:
        """The buckets of a subgraph so that none may be caused by a later one (PTO, Jaber et al. 2018)."""
        left = self.buckets(within)
        placed: list[int] = []
        rest = within
        while left:
            last = next(each for each in left if all(not rest & ~each & self.onward[i] for i in bits(each)))
            left.remove(last)
            rest &= ~last
            placed.append(last)
        return placed[::-1]


@dataclass(frozen=True)
class _Known:
    """Q[T] = the product over the buckets of T, in order, of P_{v \\ t}(bucket | earlier buckets)."""

    scope: int
    buckets: tuple[int, ...]
    factors: tuple[Expression, ...]


def region_formula(
    graph: Graph,
    outcomes: Iterable[str],
    treatments: Iterable[str],
    *,
    visible: Iterable[tuple[str, str]] = (),
) -> Expression:
    """IDP(P, x, y): P(outcomes | do(treatments)) as one formula that is right in every graph of the class.

    Args:
        graph: a PAG or maximal ancestral graph without undirected edges.
        outcomes: the variables asked for.
        treatments: the variables set.
        visible: directed edges known to hide no unmeasured common cause, beside those the PAG shows.

    Raises:
        PossibleConfounding: there is none; carries the witness. (Complete: Jaber, Zhang, Ribeiro & Bareinboim 2022,
            theorem 4.)

    Source:
        Jaber, Zhang & Bareinboim 2019, "Causal identification under Markov equivalence: completeness results",
        algorithm 2 and theorem 2.

    Example:
        >>> pag = Graph.parse("a o-> x; b o-> x; x -> y")
        >>> region_formula(pag, ["y"], ["x"]).text()
        'P(y | x)'
    """
    p = Regions(graph, visible)
    y, x = p.mask(outcomes), p.mask(treatments)
    everything = (1 << len(graph.nodes)) - 1
    d = p.possible_ancestors(y, everything & ~x)
    start = _observed(graph, p, everything)
    body = _identify(p, d, start)
    return summed(p.symbols(d & ~y), body).distinct()


def _observed(graph: Graph, p: Regions, everything: int) -> _Known:
    """P(v) bucket by bucket, each given the part of the earlier ones that it depends on.

    In a member without circles, what bucket B depends on among the earlier nodes is the district of B and its
    parents (Richardson 2003, the ordered local Markov property); the earlier buckets are an ancestral set in every
    member.
    """
    solid = representative(graph)
    member = Masks.of(Graph(solid.nodes, solid.edges, kind=GraphKind.ADMG))
    order = p.order(everything)
    factors: list[Expression] = []
    placed = 0
    for bucket in order:
        placed |= bucket
        within, own = member.mask(p.named(placed)), member.mask(p.named(bucket))
        district = member.district(own, within)
        given = p.mask(member.of_mask((district | member.parents_of(district)) & within & ~own))
        factors.append(Probability(p.symbols(bucket), p.symbols(given)))
    return _Known(everything, tuple(order), tuple(factors))


def _identify(p: Regions, c: int, q: _Known) -> Expression:
    """IDENTIFY(C, T, Q[T])."""
    while True:
        if not c:
            return ONE
        t = q.scope
        if c == t:
            return product(q.factors[::-1])
        # Take out a bucket B of T \ C whose pc-component holds nothing that B may cause (proposition 6).
        for bucket in q.buckets:
            if not bucket & c and not p.possible_component(bucket, t) & p.possible_children(bucket, t):
                q = _without(p, q, bucket)
                break
        else:
            break
    # Split C into regions (proposition 7).
    for bucket in p.buckets(c):
        region = p.region(bucket, c)
        if region != c:
            rest = p.region(c & ~region, c)
            parts = product([_identify(p, region, q), _identify(p, rest, q)])
            both = _identify(p, region & rest, q)
            return parts if both == ONE else ratio(parts, both)
    raise PossibleConfounding(_witness(p, c, q.scope))


def _without(p: Regions, q: _Known, bucket: int) -> _Known:
    """Q[T \\ B] from Q[T]: the factors of the dc-component of B, with B summed out of their product.

    Q[T \\ B] = prod_{i outside S} f_i  sum_b prod_{i in S} f_i, written again bucket by bucket: the conditional of a
    later bucket of S is the ratio of two such sums.
    """
    inside = p.definite_component(bucket, q.scope)
    over = p.symbols(bucket)
    seen = False
    kept: list[Expression] = []
    buckets, factors = [], []
    for each, factor in zip(q.buckets, q.factors):
        in_s = not each & ~inside
        if each == bucket:
            seen = True
            kept.append(factor)
            continue
        if seen and in_s:
            before = summed(over, product(kept[::-1]))
            kept.append(factor)
            factor = ratio(summed(over, product(kept[::-1])), before)
        buckets.append(each)
        factors.append(factor)
    return _Known(q.scope & ~bucket, tuple(buckets), tuple(factors))


def _witness(p: Regions, c: int, t: int) -> PossibleConfoundingSet:
    pairs = []
    for i in bits(t & ~c):
        bucket = p.bucket(i, t)
        tied = p.possible_component(bucket, t) & p.possible_children(bucket, t)
        pairs += [(p.names[i], p.names[j]) for j in bits(tied & (p.onward[i] | p.circles[i]))] or [
            (p.names[i], p.names[j]) for j in bits(tied)
        ]
    return PossibleConfoundingSet(p.named(c), p.named(t), tuple(dict.fromkeys(pairs)))
