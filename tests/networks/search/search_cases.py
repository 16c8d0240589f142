"""Instances that searches are tried on."""

import numpy as np
from hypothesis import strategies as st

from aitia.networks import Firing, Inventory
from aitia.networks.search import _exact_unit


def firing_of(inventory: Inventory, units: np.ndarray) -> Firing:
    """Units that fire where the booleans of shape (units, inputs, ...) are true."""
    count = len(units)
    return Firing(
        inventory.layout,
        tuple(range(count)),
        inventory.layout.pack(np.asarray(units, dtype=bool)),
        np.zeros(count),
        np.full(count, np.inf),
        "as given",
    )


@st.composite
def tied(draw, most_concepts=6, most_inputs=90, units=2, shape=()):
    """Concepts and units with many ties: few inputs, repeated, empty, full and opposite concepts."""
    concepts = draw(st.integers(1, most_concepts))
    inputs = draw(st.integers(1, most_inputs))
    seed = draw(st.integers(0, 2**32 - 1))
    density = draw(st.sampled_from([0.1, 0.3, 0.5, 0.8]))
    rng = np.random.default_rng(seed)
    masks = rng.random((concepts, inputs, *shape)) < density
    for concept in range(1, concepts):
        kind = draw(st.sampled_from(["own", "own", "own", "same", "opposite", "empty", "full"]))
        if kind == "same":
            masks[concept] = masks[concept - 1]
        elif kind == "opposite":
            masks[concept] = ~masks[concept - 1]
        elif kind != "own":
            masks[concept] = kind == "full"
    fires = rng.random((units, inputs, *shape)) < draw(st.sampled_from([0.0, 0.1, 0.4, 0.7, 1.0]))
    return masks, [f"c{concept}" for concept in range(concepts)], fires


def without_beams(monkeypatch) -> None:
    """Exact search begins each length with the optimum of the one below: it must find every formula by itself."""
    begin = _exact_unit.Unit._begin

    def alone(unit, mentions):
        unit.starts = ()
        return begin(unit, mentions)

    monkeypatch.setattr(_exact_unit.Unit, "_begin", alone)
