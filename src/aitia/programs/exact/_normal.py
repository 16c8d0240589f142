"""Conditioning of a normal vector on linear equations and one interval, for many vectors at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import special

from aitia.core import stream

_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(120)
_LOG_ROOT = 0.5 * np.log(2 * np.pi)


@dataclass(frozen=True, eq=False)
class Affine:
    """Affine functions b + J z of standard normal numbers z.

    Args:
        intercept: b, shape (draws, rows).
        matrix: J, shape (draws, rows, size of z).
    """

    intercept: np.ndarray
    matrix: np.ndarray


@dataclass(frozen=True, eq=False)
class Tail:
    """A standard normal number within an interval; the interval from 0 to 0 where nothing is left to vary.

    Args:
        low: the lower bounds, shape (draws,).
        high: the upper bounds.
    """

    low: np.ndarray
    high: np.ndarray

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log probability, mean and variance, by Gauss-Legendre quadrature about the mode.

        Closed forms lose their digits far out and for narrow intervals; the quadrature loses none.
        """
        mode = np.clip(0.0, self.low, self.high)
        reach = np.minimum(13.0, 60.0 / np.maximum(np.abs(mode), 1e-300))
        reach = np.where(np.abs(mode) > 0, np.maximum(reach, 1e-300), 13.0)
        left, right = np.maximum(self.low, mode - reach), np.minimum(self.high, mode + reach)
        half, middle = (right - left) / 2, (right + left) / 2
        at = middle[:, None] + half[:, None] * _POINTS
        mass = _WEIGHTS * np.exp((mode[:, None] - at) * (mode[:, None] + at) / 2)
        total = mass.sum(axis=1)
        mean = (mass * at).sum(axis=1) / total
        variance = (mass * (at - mean[:, None]) ** 2).sum(axis=1) / total
        with np.errstate(divide="ignore"):
            log_probability = np.log(half * total) - mode**2 / 2 - _LOG_ROOT
        return log_probability, mean, variance

    def draw(self, ranks: np.ndarray, member: np.ndarray) -> np.ndarray:
        """The numbers of these ranks within the intervals that `member` names; both of shape (draws, units)."""
        flip = np.where(self.low + self.high > 0, -1.0, 1.0)  # the lower tail has the digits
        low, high = np.where(flip < 0, -self.high, self.low), np.where(flip < 0, -self.low, self.high)
        below, above = special.log_ndtr(low)[member], special.log_ndtr(high)[member]
        drawn = special.ndtri_exp(above + np.log(ranks + (1 - ranks) * np.exp(below - above)))
        return flip[member] * np.clip(drawn, low[member], high[member])


@dataclass(frozen=True, eq=False)
class Known:
    """A normal vector given what is known of it: a = mean + rest z + along u, z standard normal, u in an interval.

    Args:
        centre: the part of the mean that no interval moves, shape (draws, rows).
        rest: shape (draws, rows, size of z).
        along: shape (draws, rows); None where no interval is known.
        tail: the interval.
        log_evidence: the log density of the equations, and log probability of the interval; minus infinity where they
            contradict each other. Of repeated equations the first one counts.
    """

    centre: np.ndarray
    rest: np.ndarray
    along: np.ndarray | None
    tail: Tail | None
    log_evidence: np.ndarray

    def weighed(self, log_terms: np.ndarray) -> Known:
        """The same with more evidence, of these log probabilities, that tells nothing of the vector."""
        return replace(self, log_evidence=self.log_evidence + log_terms)

    def mapped(self, intercept: np.ndarray, matrix: np.ndarray) -> Known:
        """An affine function of the vector, shape (outputs,) and (outputs, rows)."""
        along = None if self.along is None else self.along @ matrix.T
        rest = np.einsum("or,drz->doz", matrix, self.rest)
        return replace(self, centre=intercept + self.centre @ matrix.T, rest=rest, along=along)

    @property
    def mean(self) -> np.ndarray:
        """Shape (draws, rows)."""
        if self.along is None or self.tail is None:
            return self.centre
        return self.centre + self.along * self.tail.moments[1][:, None]

    @property
    def variance(self) -> np.ndarray:
        """Shape (draws, rows)."""
        found = np.einsum("drz,drz->dr", self.rest, self.rest)
        if self.along is None or self.tail is None:
            return found
        return found + self.along**2 * self.tail.moments[2][:, None]

    def draw(self, member: np.ndarray, seed: int, slots: Mapping[str, tuple[int, int]]) -> np.ndarray:
        """Units, shape (draws, units, rows); the noise of a slot depends on the seed and its name alone.

        Args:
            member: which of the vectors (the leading axis) each unit is drawn from, shape (draws, units).
            seed: the seed.
            slots: which part of z belongs to which name, as (start, size).
        """
        found = self.centre[member]
        for name, (start, size) in slots.items():
            block = self.rest[:, :, start : start + size]
            if size and np.any(block):
                numbers = stream(seed, "noise", name).standard_normal((*member.shape, size))
                found += np.einsum("duz,durz->dur", numbers, block[member])
        if self.along is not None and self.tail is not None:
            ranks = 1 - stream(seed, "noise within an interval").random(member.shape)
            found += self.tail.draw(ranks, member)[:, :, None] * self.along[member]
        return found


def condition(
    equations: Affine,
    values: np.ndarray,
    asked: Affine,
    *,
    sets: Affine,
    contain: Sequence[Callable[[np.ndarray], np.ndarray]],
    bounds: Mapping[int, tuple[float, float]],
    tolerance: float,
    agreement: float,
) -> Known:
    """Condition z ~ N(0, I) on equations b + J z = values, and on rows that lie in sets.

    Rows of J are made orthogonal one after the other (Gram-Schmidt, each row twice), in the order they come; a row
    of which less than `tolerance` of its length is left says nothing new, and must agree with the rows before.

    Args:
        equations: b and J.
        values: their right-hand sides, shape (equations,).
        asked: what is asked for.
        sets: rows that are known to lie in sets.
        contain: whether values of these rows, shape (draws,), are in their sets; for rows that are settled.
        bounds: the row's two bounds, for each row of which the set is an interval; one at most may not be settled.
        tolerance: the share of a row's length below which it is nothing.
        agreement: the relative difference of two values that counts as none.
    """
    draws, _, size = asked.matrix.shape
    basis = np.zeros((draws, 0, size))
    levels = np.zeros((draws, 0))  # what is known of z along the basis
    log_evidence = np.zeros(draws)
    for row, value in enumerate(values):
        length, left, coordinates = _reduced(equations.matrix[:, row], basis)
        rest = np.linalg.norm(left, axis=-1)
        parts = coordinates * levels
        gap = value - equations.intercept[:, row] - parts.sum(axis=1)
        fresh = rest > tolerance * np.maximum(length, np.finfo(float).tiny)
        scale = np.abs(value) + np.abs(equations.intercept[:, row]) + np.abs(parts).sum(axis=1)
        agrees = np.abs(gap) <= agreement * np.maximum(scale, length)
        safe = np.where(fresh, rest, 1.0)
        level = np.where(fresh, gap / safe, 0.0)
        density = -0.5 * level**2 - np.log(safe) - _LOG_ROOT
        log_evidence = log_evidence + np.where(fresh, density, np.where(agrees, 0.0, -np.inf))
        basis = np.concatenate([basis, np.where(fresh[:, None], left / safe[:, None], 0.0)[:, None]], axis=1)
        levels = np.concatenate([levels, level[:, None]], axis=1)
    known = np.einsum("dk,dkz->dz", levels, basis)
    along, tail = None, None
    for row, contains in enumerate(contain):
        length, left, _ = _reduced(sets.matrix[:, row], basis)
        rest = np.linalg.norm(left, axis=-1)
        centre = sets.intercept[:, row] + np.einsum("dz,dz->d", sets.matrix[:, row], known)
        open_ = rest > tolerance * np.maximum(length, np.finfo(float).tiny)
        if not open_.any():
            log_evidence = log_evidence + np.where(contains(centre), 0.0, -np.inf)
            continue
        safe = np.where(open_, rest, 1.0)
        low, high = ((bound - centre) / safe for bound in bounds[row])
        tail = Tail(np.where(open_, low, 0.0), np.where(open_, high, 0.0))
        log_evidence = log_evidence + np.where(
            open_, tail.moments[0], np.where(contains(centre), 0.0, -np.inf)
        )
        direction = np.where(open_[:, None], left / safe[:, None], 0.0)
        along = np.einsum("drz,dz->dr", asked.matrix, direction)
        basis = np.concatenate([basis, direction[:, None]], axis=1)
    centre = asked.intercept + np.einsum("drz,dz->dr", asked.matrix, known)
    rest = asked.matrix - np.einsum("drk,dkz->drz", np.einsum("drz,dkz->drk", asked.matrix, basis), basis)
    lengths = np.linalg.norm(asked.matrix, axis=-1, keepdims=True)
    rest = np.where(np.linalg.norm(rest, axis=-1, keepdims=True) > tolerance * lengths, rest, 0.0)
    return Known(centre, rest, along, tail, log_evidence)


def _reduced(row: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The length of rows, what an orthonormal basis leaves of them, and their coordinates in the basis."""
    once = np.einsum("dz,dkz->dk", row, basis)
    left = row - np.einsum("dk,dkz->dz", once, basis)
    again = np.einsum("dz,dkz->dk", left, basis)
    return np.linalg.norm(row, axis=-1), left - np.einsum("dk,dkz->dz", again, basis), once + again
