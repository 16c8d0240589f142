"""Build formulas already simplified: chain rule, cancelled ratios, sums as far inside as they go."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aitia.identification._expression import (
    ONE,
    Difference,
    Expectation,
    Expression,
    Mean,
    Probability,
    Product,
    Ratio,
    Sum,
    Symbol,
)


def product(factors: Iterable[Expression]) -> Expression:
    """The product, flattened; P(a | b, c) P(b | c) becomes P(a, b | c).

    Example:
        >>> from aitia.identification import symbols
        >>> product([Probability(symbols("y"), symbols("z")), Probability(symbols("z"))]).text()
        'P(z, y)'
    """
    flat: list[Expression] = []
    for each in factors:
        flat.extend(each.factors if isinstance(each, Product) else (each,))
    flat = _chained(flat)
    return flat[0] if len(flat) == 1 else Product(tuple(flat))


def _chained(factors: list[Expression]) -> list[Expression]:
    while True:
        # Where a leaf's variables are exactly what another one conditions on, the chain rule joins the two.
        heads = {
            frozenset((*each.of, *each.given)): i
            for i, each in enumerate(factors)
            if isinstance(each, Probability) and not each.where
        }
        for i, each in enumerate(factors):
            if not isinstance(each, Probability) or each.where or not each.given:
                continue
            j = heads.get(frozenset(each.given))
            if j is None or j == i:
                continue
            head = factors[j]
            assert isinstance(head, Probability)
            if set(head.of) & set(each.of):
                continue
            merged = Probability((*head.of, *each.of), head.given)
            keep = [f for k, f in enumerate(factors) if k not in (i, j)]
            factors = [*keep[: min(i, j)], merged, *keep[min(i, j) :]]
            break
        else:
            return factors


def summed(over: Iterable[Symbol], body: Expression) -> Expression:
    """The sum of the body over some symbols, each sum as far inside as it goes.

    A symbol that only one probability speaks of, unconditionally, is summed to one; symbols that no factor joins
    are summed apart.

    Example:
        >>> from aitia.identification import symbols
        >>> summed(symbols("az"), Product((Probability(symbols("ya")), Probability(symbols("b"), symbols("y"))))).text()
        Traceback (most recent call last):
            ...
        ValueError: sum over z, on which the formula does not depend
        >>> summed(symbols("a"), Product((Probability(symbols("ya")), Probability(symbols("b"), symbols("y"))))).text()
        'P(y, b)'
    """
    waiting = list(dict.fromkeys(over))
    factors = _factors(product([body]))
    while True:
        factors, waiting, changed = _marginalised(factors, waiting)
        if not changed:
            break
    merged = product(factors)
    if not waiting:
        return merged
    factors = _factors(merged)
    free = [set(each.free) for each in factors]
    for symbol in waiting:
        if not any(symbol in each for each in free):
            raise ValueError(f"sum over {symbol.text()}, on which the formula does not depend")
    outside = [each for each, symbols in zip(factors, free) if not symbols & set(waiting)]
    groups: list[tuple[set[Symbol], list[int]]] = []
    for i, symbols in enumerate(free):
        touched = symbols & set(waiting)
        if not touched:
            continue
        joined = [group for group in groups if group[0] & touched]
        groups = [group for group in groups if not group[0] & touched]
        groups.append(
            (touched.union(*(g[0] for g in joined)), sorted([i, *(k for g in joined for k in g[1])]))
        )
    groups.sort(key=lambda group: group[1][0])
    sums = []
    for touched, members in groups:
        inner = product(factors[i] for i in members)
        chosen = tuple(symbol for symbol in waiting if symbol in touched)
        if isinstance(inner, Sum) and not set(inner.over) & set(chosen):
            sums.append(Sum((*chosen, *inner.over), inner.body))
        else:
            sums.append(Sum(chosen, inner))
    return product([*outside, *sums])


def _marginalised(
    factors: list[Expression], waiting: list[Symbol]
) -> tuple[list[Expression], list[Symbol], bool]:
    """One pass that sums out the symbols that a single probability speaks of, unconditionally."""
    changed = False
    where: dict[Symbol, list[int]] = {}
    for i, each in enumerate(factors):
        for symbol in each.free:
            where.setdefault(symbol, []).append(i)
    left = []
    for symbol in waiting:
        at = where.get(symbol, [])
        leaf = factors[at[0]] if len(at) == 1 else None
        if isinstance(leaf, Probability) and symbol in leaf.of and symbol not in leaf.given:
            rest = tuple(each for each in leaf.of if each != symbol)
            factors[at[0]] = Probability(rest, leaf.given, leaf.where, leaf.reads) if rest else ONE
            for each in leaf.given if not rest else ():
                where[each] = [k for k in where[each] if k != at[0]]
            changed = True
        else:
            left.append(symbol)
    return _factors(product(factors)), left, changed


def _factors(expression: Expression) -> list[Expression]:
    return list(expression.factors) if isinstance(expression, Product) else [expression]


def ratio(numerator: Expression, denominator: Expression) -> Expression:
    """The ratio, common factors cancelled; P(a, b | c) / P(b | c) becomes P(a | b, c).

    Example:
        >>> from aitia.identification import symbols
        >>> ratio(Probability(symbols("ab"), symbols("c")), Probability(symbols("b"), symbols("c"))).text()
        'P(a | b, c)'
    """
    top = _factors(numerator)
    bottom = []
    for each in _factors(denominator):
        if each in top:
            top.remove(each)
        else:
            bottom.append(each)
    for below in list(bottom):
        for i, above in enumerate(top):
            if (
                isinstance(above, Probability)
                and isinstance(below, Probability)
                and not above.where
                and not below.where
                and set(above.given) == set(below.given)
                and set(below.of) < set(above.of)
            ):
                of = tuple(each for each in above.of if each not in below.of)
                top[i] = Probability(of, (*below.of, *above.given))
                bottom.remove(below)
                break
    above = product(top)
    below = product(bottom)
    return above if below == ONE else Ratio(above, below)


def mean(outcome: Symbol, body: Expression) -> Expression:
    """The mean of the outcome under a distribution, with the outcome averaged as far inside as it goes.

    Example:
        >>> from aitia.identification import symbols
        >>> adjusted = Sum(symbols("z"), Product((Probability(symbols("y"), symbols("tz")), Probability(symbols("z")))))
        >>> mean(Symbol("y"), adjusted).text()
        'Σ_{z} E[y | t, z] P(z)'
    """
    match body:
        case Probability(of, given) if outcome in of and outcome not in given:
            rest = tuple(each for each in of if each != outcome)
            if not body.where:
                conditional = Expectation(outcome.name, (*rest, *given))
                return Product((conditional, Probability(rest, given))) if rest else conditional
        case Product(factors):
            holding = [i for i, each in enumerate(factors) if outcome in each.free]
            if len(holding) == 1:
                i = holding[0]
                return Product((*factors[:i], mean(outcome, factors[i]), *factors[i + 1 :]))
        case Sum(over, inner) if outcome not in over:
            pushed = mean(outcome, inner)
            if not isinstance(pushed, Mean):
                return Sum(over, pushed)
        case Ratio(numerator, denominator) if outcome not in denominator.free:
            return Ratio(mean(outcome, numerator), denominator)
        case _:
            pass
    return Mean(outcome, body)


def contrast(expression: Expression, treatments: Sequence[Symbol]) -> Expression:
    """The formula at the treated values t minus the same formula at the control values t'.

    Where only conditional means depend on the treatment, the difference is taken inside the sum.
    """
    control = {each: Symbol(each.name, each.primes + 1) for each in treatments}
    expression = expression.distinct()

    def differ(each: Expression) -> Expression:
        if isinstance(each, Sum):
            over = set(each.over)
            factors = each.body.factors if isinstance(each.body, Product) else (each.body,)
            moved = [i for i, f in enumerate(factors) if set(f.free) & set(control)]
            if not over & (set(control) | set(control.values())) and len(moved) == 1:
                i = moved[0]
                return Sum(each.over, Product((*factors[:i], differ(factors[i]), *factors[i + 1 :])))
        return Difference(each, each.rename(control))

    return differ(expression).distinct()
