"""Published discrete networks (bnlearn's repository) and rows of them; real proteins (Sachs et al. 2005)."""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from aitia.discovery import Observations
from aitia.graphs import Graph

DISCOVERY = Path(__file__).parents[2] / ".." / "shared" / "data" / "discovery"
ROWS = DISCOVERY / "bnlearn_discrete_10000"
SACHS = DISCOVERY / "sachs"
HERE = DISCOVERY.exists()
ABSENT = "the shared networks and data are not beside the repository"

NAMES = ("asia", "child", "insurance", "alarm", "hailfinder")


@dataclass(frozen=True, eq=False)
class Network:
    """A discrete Bayesian network.

    Args:
        levels: the values of each variable, in the file's order.
        parents: the parents of each variable.
        tables: the probabilities of a variable's values, one axis a parent and the last for the variable itself.
    """

    levels: dict[str, tuple[str, ...]]
    parents: dict[str, tuple[str, ...]]
    tables: dict[str, np.ndarray]

    @property
    def names(self) -> tuple[str, ...]:
        """The variables, in the file's order."""
        return tuple(self.levels)

    @property
    def graph(self) -> Graph:
        """The true graph."""
        return Graph.build(self.names, [(a, b) for b, above in self.parents.items() for a in above])

    def sample(self, rows: int, seed: int) -> np.ndarray:
        """Codes of independent rows, shape (rows, p): parents before children, by inverse distribution functions."""
        random = np.random.default_rng(seed)
        at = {name: i for i, name in enumerate(self.names)}
        values = np.zeros((rows, len(at)), int)
        for name in self.graph.topological_order():
            table = self.tables[name][tuple(values[:, at[each]] for each in self.parents[name])]
            cumulative = np.broadcast_to(np.cumsum(table, axis=-1), (rows, len(self.levels[name])))
            # The sums of printed probabilities miss 1 by a rounding error.
            drawn = random.random((rows, 1)) * cumulative[:, -1:]
            values[:, at[name]] = (drawn > cumulative).sum(axis=1)
        return values


@cache
def network(name: str) -> Network:
    """A network read from its file in the interchange format (BIF)."""
    text = gzip.decompress((DISCOVERY / "networks" / f"{name}.bif.gz").read_bytes()).decode()
    levels = {
        found[1]: tuple(level.strip() for level in found[2].split(","))
        for found in re.finditer(r"variable\s+(\S+)\s*\{[^{]*\{([^}]*)\}", text)
    }
    parents: dict[str, tuple[str, ...]] = {}
    tables: dict[str, np.ndarray] = {}
    for found in re.finditer(r"probability\s*\(\s*([^)|]+?)\s*(?:\|\s*([^)]*))?\)\s*\{([^}]*)\}", text):
        child, given, body = found[1], found[2], found[3]
        above = tuple(each.strip() for each in given.split(",")) if given else ()
        table = np.full([len(levels[each]) for each in (*above, child)], np.nan)
        if above:
            for line in re.finditer(r"\(([^)]*)\)\s*([^;]*);", body):
                at = tuple(
                    levels[each].index(value.strip()) for each, value in zip(above, line[1].split(","))
                )
                table[at] = [float(value) for value in line[2].split(",")]
        else:
            table[:] = [float(value) for value in body.replace("table", "").strip(" \n;").split(",")]
        parents[child], tables[child] = above, table
    return Network(levels, parents, tables)


@cache
def codes_of(name: str) -> tuple[tuple[str, ...], np.ndarray]:
    """10,000 rows as codes 0, 1, ..., and the columns' names: the published rows, or sampled ones (seed 0).

    Hailfinder alone has no published rows here. Its codes are numbered anew, because not every level occurs.
    """
    path = ROWS / "data" / f"{name}.txt"
    raw = np.loadtxt(path, skiprows=1, dtype=int) if path.exists() else network(name).sample(10_000, 0)
    codes = np.column_stack([np.unique(column, return_inverse=True)[1] for column in raw.T])
    return network(name).names, codes


def observations(name: str) -> Observations:
    """The rows of `codes_of` as discrete columns under the network's names."""
    names, codes = codes_of(name)
    return Observations.of_values(names, np.asfortranarray(codes), [True] * len(names))


def printed_graph(path: Path) -> Graph:
    """A graph in the text format of Tetrad: a line of nodes, then numbered edges."""
    text = path.read_text()
    nodes = text.split("Graph Nodes:")[1].split()[0].split(";")
    return Graph.build(nodes, re.findall(r"(\S+) --> (\S+)", text))
