"""Problems with known truth: random linear Gaussian DAGs, discrete networks, a vector autoregression."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SHARED = Path(__file__).parents[2] / ".." / "shared" / "data" / "discovery"


@dataclass(frozen=True, eq=False)
class Problem:
    """Rows and the graph they came from.

    Args:
        names: the p variables.
        values: shape (n, p); codes where discrete.
        parents: booleans, shape (p, p): [i, j] says i -> j. For a series of lags: shape (lags + 1, p, p).
        discrete: whether the columns are categories.
        hidden: columns of the DAG that the rows do not show, by name.
    """

    names: tuple[str, ...]
    values: np.ndarray
    parents: np.ndarray
    discrete: bool = False
    hidden: tuple[str, ...] = ()


def erdos_renyi(p: int, degree: float, random: np.random.Generator) -> np.ndarray:
    """A DAG in which every pair is joined with probability degree / (p - 1), in a random order."""
    upper = np.triu(random.random((p, p)) < degree / (p - 1), 1)
    order = random.permutation(p)
    return upper[np.ix_(order, order)]


def scale_free(p: int, degree: float, random: np.random.Generator) -> np.ndarray:
    """A DAG grown by preferential attachment (Barabasi & Albert 1999), degree / 2 edges a node."""
    each = int(degree / 2)
    parents = np.zeros((p, p), bool)
    ends = list(range(each))
    for node in range(each, p):
        chosen: set[int] = set()
        while len(chosen) < each:
            chosen.add(int(ends[random.integers(len(ends))]))
        for other in chosen:
            parents[other, node] = True
        ends += [*chosen, *[node] * each]
    order = random.permutation(p)
    return parents[np.ix_(order, order)]


def weights_of(parents: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Coefficients uniform on +-[0.3, 1]; [i, j] belongs to i -> j."""
    size = random.uniform(0.3, 1.0, parents.shape) * random.choice([-1.0, 1.0], parents.shape)
    return size * parents


def gaussian(
    p: int,
    n: int,
    seed: int,
    *,
    degree: float = 4.0,
    graph: str = "er",
    hidden: int = 0,
    noise: str = "normal",
) -> Problem:
    """Rows of a linear model over a random DAG, columns in random order, standardised."""
    random = np.random.default_rng(seed)
    total = p + hidden
    parents = (erdos_renyi if graph == "er" else scale_free)(total, degree, random)
    weights = weights_of(parents, random)
    scale = random.uniform(0.7, 1.3, total)
    draw = {
        "normal": random.standard_normal,
        "exponential": lambda shape: random.standard_exponential(shape) - 1,
    }[noise]
    values = np.linalg.solve((np.eye(total) - weights).T, (draw((n, total)) * scale).T).T
    names = tuple(f"x{i}" for i in range(total))
    # Nodes with two children or more are hidden first: those confound.
    confounders = np.argsort(-parents.sum(1), kind="stable")[:hidden]
    shown = np.setdiff1d(np.arange(total), confounders)
    values = values[:, shown]
    values = (values - values.mean(0)) / values.std(0)
    return Problem(
        tuple(names[i] for i in shown) if hidden else names,
        np.asfortranarray(values),
        parents,
        hidden=tuple(names[i] for i in confounders),
    )


def network(name: str, rows: int, seed: int) -> Problem:
    """Rows drawn from a network of the bnlearn repository."""
    text = gzip.decompress((SHARED / "networks" / f"{name}.bif.gz").read_bytes()).decode()
    levels = {
        found[1]: [level.strip() for level in found[2].split(",")]
        for found in re.finditer(r"variable\s+(\S+)\s*\{[^{]*\{([^}]*)\}", text)
    }
    above: dict[str, list[str]] = {}
    tables: dict[str, np.ndarray] = {}
    for found in re.finditer(r"probability\s*\(\s*([^)|]+?)\s*(?:\|\s*([^)]*))?\)\s*\{([^}]*)\}", text):
        node, given, body = found[1], found[2], found[3]
        above[node] = [each.strip() for each in given.split(",")] if given else []
        shape = [len(levels[each]) for each in above[node]]
        table = np.zeros((*shape, len(levels[node])))
        if given:
            for line in re.finditer(r"\(([^)]*)\)\s*([^;]*);", body):
                at = tuple(
                    levels[each].index(value.strip()) for each, value in zip(above[node], line[1].split(","))
                )
                table[at] = [float(value) for value in line[2].split(",")]
        else:
            table[:] = [float(value) for value in body.replace("table", "").strip(" \n;").split(",")]
        tables[node] = table
    names = tuple(levels)
    index = {each: i for i, each in enumerate(names)}
    parents = np.zeros((len(names), len(names)), bool)
    for node, before in above.items():
        for each in before:
            parents[index[each], index[node]] = True
    random = np.random.default_rng(seed)
    values = np.zeros((rows, len(names)), int)
    done: list[str] = []
    while len(done) < len(names):
        for node in names:
            if node not in done and all(each in done for each in above[node]):
                table = tables[node][tuple(values[:, index[each]] for each in above[node])]
                table = np.broadcast_to(table, (rows, len(levels[node])))
                cumulative = np.cumsum(table, 1)
                draw = random.random(rows) * cumulative[:, -1]
                values[:, index[node]] = np.minimum(
                    (draw[:, None] > cumulative).sum(1), len(levels[node]) - 1
                )
                done.append(node)
    # Levels that no row has would only trouble the peers.
    for i in range(len(names)):
        values[:, i] = np.unique(values[:, i], return_inverse=True)[1]
    return Problem(names, np.asfortranarray(values), parents, discrete=True)


def autoregression(p: int, n: int, lags: int, seed: int) -> Problem:
    """A stationary linear vector autoregression with contemporaneous edges."""
    random = np.random.default_rng(seed)
    now = erdos_renyi(p, 1.0, random)
    past = random.random((lags, p, p)) < 0.5 / p
    past[0] |= np.eye(p, dtype=bool)
    parents = np.concatenate([now[None], past])
    weights = parents * random.uniform(0.2, 0.45, parents.shape) * random.choice([-1.0, 1.0], parents.shape)
    weights[1][np.diag_indices(p)] = random.uniform(0.3, 0.8, p)
    mix = np.linalg.inv(np.eye(p) - weights[0].T)
    while True:
        companion = np.zeros((p * lags, p * lags))
        companion[:p] = np.concatenate([mix @ weights[k + 1].T for k in range(lags)], axis=1)
        companion[p:, :-p] = np.eye(p * (lags - 1)) if lags > 1 else companion[p:, :-p]
        if np.abs(np.linalg.eigvals(companion)).max() < 0.95:
            break
        weights[1:] *= 0.9
    values = np.zeros((n + 500, p))
    noise = random.standard_normal((n + 500, p))
    for t in range(lags, n + 500):
        total = noise[t].copy()
        for k in range(1, lags + 1):
            total += values[t - k] @ weights[k]
        values[t] = mix @ total
    return Problem(tuple(f"x{i}" for i in range(p)), np.asfortranarray(values[500:]), parents)
