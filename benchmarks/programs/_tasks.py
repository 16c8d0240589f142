"""The rows of the table: a piece of work, and who does it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """One piece of work.

    Args:
        key: its letter and name; `_ours` and `_peers` have a function of that name.
        words: what it is.
        rows: how many rows of data, or trajectories, or images.
        libraries: who does it.
    """

    key: str
    words: str
    rows: int
    libraries: tuple[str, ...]


SAMPLERS = ("aitia", "NumPyro", "PyMC", "nutpie")
TASKS = (
    Task("fit_linear", "(a) linear program of 8 nodes: NUTS, 4 chains of 500 after 500", 10_000, SAMPLERS),
    Task(
        "fit_linear", "(a) linear program of 8 nodes: NUTS, 4 chains of 500 after 500", 1_000_000, ("aitia",)
    ),
    Task("do_linear", "(a) mean after do(x2 = 1), 200 posterior draws", 10_000, ("aitia", "ChiRho")),
    Task(
        "counterfactuals_linear",
        "(a) counterfactuals of each row under do(x2 = 1), 200 posterior draws",
        10_000,
        ("aitia", "ChiRho", "dowhy.gcm"),
    ),
    Task("fit_hierarchical", "(b) binary outcome in 1,000 groups, effect by group: NUTS", 100_000, SAMPLERS),
    Task("epidemic", "(c) SEIR trajectories under a change of policy, 200 days", 1_000, ("aitia", "ChiRho")),
    Task("digits", "(d) flow on digits: training, then counterfactual images", 1_000, ("aitia",)),
)
